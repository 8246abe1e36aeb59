"""Every app and device that comes with edge-app is right, for every target it names."""

from __future__ import annotations

from cli import edge_app


def test_check_finds_nothing_wrong_with_what_comes_along(repository):
    files = [*sorted(repository.glob("apps/*/app.yaml")), *sorted(repository.glob("configs/devices/*.yaml"))]
    assert len(files) >= 5

    done = edge_app("check", *files)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("ok  ") == len(files)


def test_the_schema_files_are_fresh():
    done = edge_app("schema", "--check")

    assert done.returncode == 0, done.stdout
