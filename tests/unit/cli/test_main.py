"""The command line answers quickly, and answers mistakes with a message."""

from __future__ import annotations

import shlex
import subprocess
import sys
import types

import pytest

from edge_app import __version__
from edge_app.cli import main as cli
from edge_app.core.errors import ConfigError


def edge_app(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "edge_app.cli.main", *arguments], capture_output=True, text=True, timeout=60, **options
    )


@pytest.fixture
def verb(monkeypatch):
    """Puts a verb `probe` on the command line whose `run` is the given function."""

    def put(run):
        module = types.ModuleType("edge_app.cli.probe")
        module.add_arguments = lambda parser: parser.add_argument("--times", type=int, default=1)
        module.run = run
        monkeypatch.setitem(sys.modules, "edge_app.cli.probe", module)
        monkeypatch.setitem(cli.VERBS, "probe", ("probe", "probes"))

    return put


def raising(error):
    def run(_):
        raise error

    return run


def test_version_is_printed_without_argparse_numpy_or_pydantic():
    code = (
        "import sys; from edge_app.cli.main import main; status = main(['--version']);"
        "heavy = {'numpy', 'pydantic', 'yaml', 'argparse', 'logging', 'importlib.metadata'} & set(sys.modules);"
        "sys.exit(status or repr(heavy) if heavy else status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"edge-app {__version__}\n", "")


def test_help_lists_every_verb_and_shows_examples():
    done = edge_app("--help")

    assert done.returncode == 0
    assert all(f"  {verb}" in done.stdout for verb in cli.VERBS)
    assert "examples:" in done.stdout


def test_no_verb_at_all_shows_the_help_and_is_a_mistake():
    done = edge_app()

    assert done.returncode == 2
    assert "usage: edge-app VERB" in done.stdout


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_has_help_of_its_own(verb):
    done = edge_app(verb, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: edge-app {verb}")


def test_an_unknown_verb_names_the_nearest(capsys):
    assert cli.main(["chek"]) == 2
    assert capsys.readouterr().err == (
        "edge-app: error: there is no verb `chek`. Did you mean `check`?\n  `edge-app --help` lists them.\n"
    )


def test_an_unknown_option_is_a_mistake(capsys):
    assert cli.main(["--verison"]) == 2
    assert "no option `--verison`" in capsys.readouterr().err


def test_an_error_of_ours_is_one_message_with_exit_code_2(verb, capsys):
    verb(raising(ConfigError("pump.yaml:7: wrong", "Write it right.")))

    assert cli.main(["probe"]) == 2
    assert capsys.readouterr().err == "edge-app: error: pump.yaml:7: wrong\n  Write it right.\n"


def test_an_interruption_is_quiet(verb, capsys):
    verb(raising(KeyboardInterrupt()))

    assert cli.main(["probe"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_missing_package_names_the_extra_that_brings_it(verb, capsys):
    verb(raising(ModuleNotFoundError("No module named 'flatbuffers.builder'", name="flatbuffers.builder")))

    assert cli.main(["probe"]) == 2
    assert 'pip install "edge-app[train]"' in capsys.readouterr().err


def test_a_fault_of_ours_shows_where_only_when_asked(verb, capsys):
    verb(raising(ZeroDivisionError("oh")))

    assert cli.main(["probe"]) == 70
    quiet = capsys.readouterr().err
    assert "fault of edge-app itself" in quiet
    assert "Traceback" not in quiet

    assert cli.main(["probe", "--verbose"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_the_status_of_a_verb_is_the_status_of_the_program(verb):
    verb(lambda options: options.times)

    assert cli.main(["probe"]) == 1
    assert cli.main(["probe", "--times", "0"]) == 0


def test_a_reader_who_leaves_early_is_no_error():
    command = f"{shlex.quote(sys.executable)} -m edge_app.cli.main schema --print app | head -n 1"

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)

    assert done.stdout == "{\n"
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed):
    command = f"{shlex.quote(sys.executable)} -m edge_app.cli.main sensors list {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", ["--version", "sensors list"])
def test_an_output_that_takes_nothing_is_the_system_s_refusal(arguments):
    command = f"{shlex.quote(sys.executable)} -m edge_app.cli.main {arguments} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 74
    assert done.stderr.startswith("edge-app: error: the system refused: No space left on device")
    assert "Traceback" not in done.stderr


def test_a_terminal_without_our_letters_gets_the_help_all_the_same():
    done = edge_app("--help", env={"PYTHONIOENCODING": "ascii", "PATH": ""})
    assert done.returncode == 0
    assert "usage: edge-app VERB ..." in done.stdout


@pytest.mark.parametrize("text", ["-1", "0", "nan", "inf", "soon"])
def test_seconds_are_a_number_above_0(text, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "device.yaml", f"--seconds={text}"])
    assert stop.value.code == 2
    assert f"argument --seconds: {text} is not a number of seconds above 0; write e.g. 60" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "app", "--data", "d", "--out", ""], "`--out` is given nothing"),
        (["train", "app", "--data="], "`--data` is given nothing"),
        (["recordings", ""], "an argument is an empty text"),
    ],
)
def test_an_empty_text_is_refused_since_it_would_mean_the_folder_we_are_in(arguments, told, capsys):
    assert cli.main(arguments) == 2
    told_err = capsys.readouterr().err
    assert told in told_err
    assert "variable of the shell" in told_err


def test_what_a_message_quotes_cannot_command_the_terminal(capsys):
    assert cli.main(["recordings", "/nowhere/\x1b[2J"]) == 2
    assert "/nowhere/\\x1b[2J: is not a folder" in capsys.readouterr().err


def test_two_recordings_for_one_slot_are_a_mistake(capsys):
    assert cli.main(["run", "device.yaml", "--replay", "vibration=a.wav", "--replay", "vibration=b.wav"]) == 2
    assert "two recordings are named for the slot `vibration`: a.wav and b.wav" in capsys.readouterr().err


def test_drawings_and_units_stay_readable_where_only_ascii_is_known():
    from edge_app.cli.letters import NAME

    assert "1.0 │● 3 µs … 5 °".encode("ascii", NAME) == b"1.0 |o 3 us ... 5 ?"
    assert "1 µs → 2".encode("latin-1", NAME) == b"1 \xb5s -> 2"  # what is known stays
