"""Golden windows of the apps give the numbers that travel with them, features and scores, to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_golden import answer, golden_of

APPS = sorted(path.parents[1] for path in Path(__file__).resolve().parents[2].glob("apps/*/golden/golden.json"))


def windows():
    for app_dir in APPS:
        for entry in golden_of(app_dir)["windows"]:
            yield pytest.param(app_dir, entry, id=f"{app_dir.name}-{entry['file']}")


@pytest.mark.parametrize(("app_dir", "entry"), list(windows()))
def test_a_golden_window_has_the_features_and_the_score_it_had(app_dir: Path, entry: dict) -> None:
    assert {key: entry[key] for key in ("features", "raw", "score")} == answer(app_dir, entry)


@pytest.mark.parametrize("app_dir", APPS, ids=lambda path: path.name)
def test_golden_windows_name_their_source_and_are_small(app_dir: Path) -> None:
    assert golden_of(app_dir)["source"]
    assert sum(path.stat().st_size for path in (app_dir / "golden").iterdir()) <= 200_000
