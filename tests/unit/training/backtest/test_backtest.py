"""`edge-app backtest` on recordings as `edge-app record` leaves them: deployed code, what-if, learning, bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from session_files import pump_counts, write_session

from edge_app.cli.main import main
from edge_app.config.apps import resolve_document
from edge_app.runtime.backtest import redecide, run_recording
from edge_app.training.backtest.run import Question, Variant, backtest
from edge_app.training.importers.sessions import load_session
from edge_app.training.windows.front import app_document

RATE_HZ = 3332
RAISE = "pipelines.pump.decision.raise_above"


@pytest.fixture(scope="module")
def signals() -> dict[str, np.ndarray]:
    """A minute of a sound pump, and one of a pump with a worn inner race."""
    return {"sound": pump_counts(60), "worn": pump_counts(60, seed=2, fault="inner")}


@pytest.fixture
def app(repository: Path) -> Path:
    return repository / "apps" / "simulated_pump"


@pytest.fixture
def recordings(tmp_path: Path, signals: dict[str, np.ndarray]) -> Path:
    """One session that turns bad after a minute, one that is sound."""
    both = np.concatenate((signals["sound"], signals["worn"]), axis=1)
    turned = signals["sound"].shape[1]
    write_session(tmp_path / "rec" / "turns", both, ((0, "normal"), (turned, "inner")))
    write_session(tmp_path / "rec" / "sound", signals["sound"])
    return tmp_path / "rec"


def ask(app: Path, recordings: Path, capsys, *more: str, status: int = 0) -> dict:
    assert main(["backtest", str(app), "--recordings", str(recordings), "--json", *more]) == status
    return json.loads(capsys.readouterr().out)


def test_a_session_that_turns_bad_is_normal_before_and_one_event_after(app: Path, recordings: Path, capsys):
    report = ask(app, recordings, capsys)

    found = report["pipelines"]["pump"]
    assert (found["recordings"], found["events"], found["events_found"], found["false_alarms"]) == (2, 1, 1, 0)
    assert found["recall"] == found["precision"] == 1.0
    # Alarm rules: 3 of 5 windows and 8 s of evidence, so not before 8 s.
    assert 8.0 <= found["delay_median_s"] <= 30.0
    assert found["normal_days"] == pytest.approx(120 / 86400, rel=0.02)
    (alarm,) = report["recordings"]["own/turns"]["pipelines"]["pump"]["alarms"]
    assert 60.0 < alarm["raised_s"] < 90.0
    assert alarm["text"]


def test_the_same_recordings_give_the_same_answer_in_one_process_or_two(app: Path, recordings: Path, capsys):
    once = ask(app, recordings, capsys)

    assert ask(app, recordings, capsys, "--jobs", "2") == once


@pytest.mark.parametrize(
    ("key", "value"), [("raise_above", 0.95), ("hits", 5), ("on_delay_s", 1), ("clear_below", 0.1)]
)
def test_other_alarm_rules_over_kept_scores_tell_what_a_full_run_tells(app: Path, recordings: Path, key: str, value):
    deployed = resolve_document(app_document(app))
    other = resolve_document(app_document(app, {f"pipelines.pump.decision.{key}": value}))
    signal = load_session(recordings / "turns", "turns")
    kept = run_recording(deployed, signal, ["pump"], pauses_planned=False)

    again = redecide(other, kept)["pump"]
    full = run_recording(other, signal, ["pump"], pauses_planned=False)["pump"]

    assert [(each.event, each.at_s) for each in again.told] == [(each.event, each.at_s) for each in full.told]
    assert (again.verdicts, again.scores) == (full.verdicts, full.scores)
    assert full.told  # the comparison is about something


def test_a_parents_alarm_holds_back_a_childs_in_a_full_run_and_over_kept_scores(
    app: Path, tmp_path: Path, recordings: Path
):
    folder = tmp_path / "app"
    shutil.copytree(app, folder)
    data = app_document(folder).data
    child = json.loads(json.dumps(data["pipelines"]["pump"]))
    child["decision"] |= {"suppressed_by": "pump", "on_delay_s": 12}
    data["pipelines"]["twin"] = child
    (folder / "app.yaml").write_text(json.dumps(data))
    resolved = resolve_document(app_document(folder))
    signal = load_session(recordings / "turns", "turns")

    full = run_recording(resolved, signal, ["pump", "twin"], pauses_planned=False)
    again = redecide(resolved, full)

    assert "raised" in [each.event for each in full["pump"].told]
    assert "raised" not in [each.event for each in full["twin"].told]
    for name in ("pump", "twin"):
        assert [(e.event, e.at_s) for e in again[name].told] == [(e.event, e.at_s) for e in full[name].told]


def test_what_if_stands_beside_what_is(app: Path, recordings: Path, capsys):
    report = ask(app, recordings, capsys, "--set", f"{RAISE}=1.0", "--set", "pipelines.pump.decision.hits=5")

    assert report["pipelines"]["pump"]["events_found"] == 1
    assert report["what_if"]["set"] == {RAISE: 1.0, "pipelines.pump.decision.hits": 5}
    assert report["what_if"]["pipelines"]["pump"]["events_found"] == 0


def test_a_sweep_gives_one_row_a_value_and_a_curve(app: Path, recordings: Path, capsys, tmp_path: Path):
    picture = tmp_path / "curve.svg"

    report = ask(app, recordings, capsys, "--sweep", f"{RAISE}=0.6:1.0:0.2", "--svg", str(picture))

    assert [each["set"][RAISE] for each in report["sweep"]] == [0.6, 0.8, 1.0]
    assert report["sweep"][1]["pipelines"] == report["pipelines"]  # 0.8 is what is deployed
    assert picture.read_text().startswith("<svg ")
    assert main(["backtest", str(app), "--recordings", str(recordings), "--curve"]) == 0
    assert "false alarms a day" in capsys.readouterr().out


def test_a_key_that_is_not_tunable_can_be_tried_and_is_named(app: Path, recordings: Path, capsys):
    assert main(["backtest", str(app), "--recordings", str(recordings), "--set", "pipelines.pump.window.hop_s=1"]) == 0

    told = capsys.readouterr()
    assert "pipelines.pump.window.hop_s is not `tunable`" in told.err
    assert "pipelines.pump.window.hop_s=1" in told.out


def test_an_events_file_speaks_for_recordings_and_labels_for_the_others(
    app: Path, recordings: Path, capsys, tmp_path: Path
):
    (tmp_path / "e.csv").write_text("recording,start_s,end_s\nturns,100,120\n")

    found = ask(app, recordings, capsys, "--events", str(tmp_path / "e.csv"))["pipelines"]["pump"]

    assert (found["events"], found["events_found"], found["false_alarms"]) == (1, 0, 1)


def test_normal_is_learnt_first_and_serves_the_machines_other_recordings(
    app: Path, tmp_path: Path, signals: dict[str, np.ndarray], capsys
):
    write_session(tmp_path / "rec" / "a", pump_counts(150, seed=3))
    write_session(tmp_path / "rec" / "b", signals["worn"], ((0, "inner"),))
    write_session(tmp_path / "rec" / "c", signals["worn"], ((0, "inner"),), device="another-pump")

    report = ask(app, tmp_path / "rec", capsys, "--learn", "100")

    first, second, other = (report["recordings"][f"own/{name}"]["pipelines"]["pump"] for name in "abc")
    assert first["learnt_until_s"] == pytest.approx(100.0, abs=1.0)
    assert first["normal_s"] == pytest.approx(50.0, abs=1.0)
    assert second["events_found"] == 1
    assert "not_learnt" not in second
    assert "does not begin with normal signal" in other["not_learnt"]


def test_a_recording_that_is_too_short_to_learn_from_says_so(app: Path, recordings: Path, capsys):
    report = ask(app, recordings, capsys, "--learn", "50")

    assert "too short" in report["recordings"]["own/sound"]["pipelines"]["pump"]["not_learnt"]


def test_samples_lost_in_a_session_are_unknown_as_on_the_device(app: Path, tmp_path: Path, signals, capsys):
    half = 30 * RATE_HZ
    write_session(tmp_path / "rec" / "gap", signals["sound"], stretches=((0, 0.0), (half, 40.0)))

    found = ask(app, tmp_path / "rec", capsys)["recordings"]["own/gap"]["pipelines"]["pump"]

    assert found["unknown"] >= 18  # ten seconds, two windows each
    assert any("no samples" in reason for reason in found["reasons"])


# --- bad input --------------------------------------------------------------------------------------------------------


def test_a_recording_that_is_too_slow_is_unknown_and_said(app: Path, tmp_path: Path, signals, capsys):
    write_session(tmp_path / "rec" / "slow", signals["sound"][:, ::4], rate_hz=RATE_HZ / 4)

    report = ask(app, tmp_path / "rec", capsys)

    assert report["pipelines"]["pump"]["unknown_share"] == 1.0
    assert "833 Hz, 3200 Hz are needed" in report["recordings"]["own/slow"]["remarks"][0]


def test_a_damaged_recording_is_named_the_others_go_on_and_the_exit_status_is_1(app: Path, recordings: Path, capsys):
    chunk = recordings / "turns" / "0001.wav"
    chunk.write_bytes(chunk.read_bytes()[:1000])

    report = ask(app, recordings, capsys, status=1)

    assert list(report["left_out"]) == ["own/turns"]
    assert list(report["recordings"]) == ["own/sound"]


def test_a_recording_of_another_unit_is_left_out_and_named(app: Path, recordings: Path, signals, capsys):
    write_session(recordings / "voice", signals["sound"], unit="fs")

    report = ask(app, recordings, capsys)

    assert "is in 'fs', the app takes 'g'" in report["left_out"]["own/voice"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "pipelines.pump.decision.raise_abov=0.7"], "Did you mean `raise_above`?"),
        (["--set", "pipelines.pmp.decision.raise_above=0.7"], "Did you mean `pump`?"),
        (["--set", f"{RAISE}=7"], "out of range"),
        (["--set", "nonsense"], "is not KEY=VALUE"),
        (["--sweep", f"{RAISE}=0.9:0.5:0.1"], "is not KEY=LOW:HIGH:STEP"),
        (["--pipeline", "pmp"], "Did you mean pump?"),
        (["--learn", "soon"], "is no share and no time"),
        (["--svg", "x.svg"], "draws the curve of a sweep"),
        (["--events", "missing.csv"], "missing.csv"),
        (["--dataset", "cwru"], "there are own"),
    ],
)
def test_wrong_options_are_refused_with_a_way_out(app: Path, recordings: Path, capsys, options: list[str], words: str):
    assert main(["backtest", str(app), "--recordings", str(recordings), *options]) == 2

    assert words in capsys.readouterr().err


def test_an_empty_folder_and_one_without_a_suitable_recording_are_refused(app: Path, tmp_path: Path, signals, capsys):
    (tmp_path / "empty").mkdir()
    write_session(tmp_path / "rec" / "voice", signals["sound"], unit="fs")

    assert main(["backtest", str(app), "--recordings", str(tmp_path / "empty")]) == 2
    assert main(["backtest", str(app), "--recordings", str(tmp_path / "rec")]) == 2
    assert "none of 1 recordings can be judged" in capsys.readouterr().err


def test_features_are_computed_once_where_only_alarm_rules_change(app: Path, recordings: Path, monkeypatch):
    from edge_app.training.backtest import run

    runs = []
    monkeypatch.setattr(run, "run_recording", lambda *a, **k: runs.append(1) or run_recording(*a, **k))
    variants = (
        Variant("as deployed"),
        Variant("rules", {RAISE: 0.7}),
        Variant("gate", {"pipelines.pump.gate.above": 1}),
    )

    results = backtest(Question(app, recordings, variants=variants))

    assert len(results) == 2
    assert len(runs) == 4  # two recordings, deployed and gate
    assert all(result.outcomes[2]["pump"].idle > 0 for result in results)


def test_a_devices_overrides_and_machine_are_taken_from_its_file(app: Path, recordings: Path, capsys, tmp_path: Path):
    device = tmp_path / "pump.yaml"
    device.write_text(
        f"device: {{id: pump-7, site: plant-a}}\napps: [{app}]\n"
        "sensors: {vibration: {plugin: simulated, machine: pump}}\n"
        f"override: {{{RAISE}: 1.0}}\n"
    )

    report = ask(app, recordings, capsys, "--device", str(device), "--set", "pipelines.pump.decision.hits=2")

    assert report["pipelines"]["pump"]["events_found"] == 0  # no score is above 1.0
    assert report["what_if"]["set"] == {RAISE: 1.0, "pipelines.pump.decision.hits": 2}


def test_a_device_that_does_not_run_the_app_is_refused(repository: Path, app: Path, recordings: Path, capsys):
    device = repository / "configs" / "devices" / "vital-signs.yaml"

    assert main(["backtest", str(app), "--recordings", str(recordings), "--device", str(device)]) == 2
    assert "does not run simulated_pump" in capsys.readouterr().err


@pytest.mark.data
def test_public_recordings_are_replayed_as_they_are(repository: Path, shared_data: Path, capsys):
    """What the figures are is the app's business; what is counted is fixed by the files."""
    app = repository / "apps" / "predictive_maintenance"

    report = ask(app, shared_data / "data" / "cwru", capsys)

    found = report["pipelines"]["bearing"]
    healthy = [each for each in report["recordings"].values() if each["label"] in ("healthy", "normal")]
    assert found["events"] == found["recordings"] - len(healthy)
    assert found["normal_days"] * 86400 == pytest.approx(sum(each["seconds"] for each in healthy), abs=1.0)
    assert found["unknown_share"] == 0.0


def test_an_interrupted_backtest_ends_its_processes_without_a_word(app: Path, recordings: Path, capfd):
    from multiprocessing import active_children

    from edge_app.training.backtest import run

    question = Question(app, recordings)
    found = run._in_processes(question, 2, 2)
    next(found)

    with pytest.raises(KeyboardInterrupt):
        found.throw(KeyboardInterrupt())

    assert not active_children()
    assert capfd.readouterr().err == ""


def test_a_sweep_of_whole_numbers_sets_whole_numbers(app: Path, recordings: Path, capsys):
    found = ask(app, recordings, capsys, "--sweep", "pipelines.pump.decision.hits=1:3:1")

    assert [each["set"]["pipelines.pump.decision.hits"] for each in found["sweep"]] == [1, 2, 3]


def test_what_is_said_of_many_recordings_is_said_once():
    from edge_app.cli.backtest import alike

    assert alike([("a", "left out"), ("b", "too short")]) == ["a: left out.", "b: too short."]
    assert alike([(name, "left out") for name in "abcd"]) == ["4 recordings, a to d: left out."]
