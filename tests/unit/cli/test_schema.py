"""`edge-app schema` writes, checks and prints the schema files."""

from __future__ import annotations

import json

from edge_app.cli.main import main


def test_schemas_are_written_whole_and_then_fresh(tmp_path, capsys):
    assert main(["schema", "--to", str(tmp_path / "new")]) == 0

    written = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert {"app.json", "device.json", "message-decision.json"} <= set(written)
    assert not [name for name in written if name.endswith(".part")]
    assert main(["schema", "--check", "--to", str(tmp_path / "new")]) == 0


def test_a_stale_a_missing_and_a_strange_file_are_named(tmp_path, capsys):
    main(["schema", "--to", str(tmp_path)])
    (tmp_path / "app.json").write_text("{}")
    (tmp_path / "device.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    capsys.readouterr()

    assert main(["schema", "--check", "--to", str(tmp_path)]) == 1

    out = capsys.readouterr().out
    assert all(name in out for name in ("app.json", "device.json", "old.json (nobody makes it)"))
    assert "message-decision" not in out
    assert (tmp_path / "app.json").read_text() == "{}", "checking writes nothing"


def test_one_schema_is_printed(capsys):
    assert main(["schema", "--print", "message-decision"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["seq"]


def test_an_unknown_schema_names_the_nearest(capsys):
    assert main(["schema", "--print", "devise"]) == 2
    assert "there is no schema `devise`.\n  Did you mean device?" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["schema", "--to", str(tmp_path / "file" / "below")]) == 2
    assert "cannot write to" in capsys.readouterr().err
