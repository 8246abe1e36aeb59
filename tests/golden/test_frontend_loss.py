"""What defining the front end in integers costs, on every CWRU recording: dB against double precision, AUROC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frontend_loss import Recording, auroc, distance, features, recordings

from edge_app.core.units import DB_PER_POWER_OCTAVE

FIRST_BAND = 5
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[Recording]:
    found = recordings(shared_data)
    assert len(found) == 20
    return found


@pytest.fixture(scope="module", params=[2.0, 16.0], ids=["2g", "16g"])
def vectors(request: pytest.FixtureRequest, files: list[Recording]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """name → (integer, double precision) features of the same int16 counts."""
    return {one.name: features(one, request.param) for one in files}


def test_band_levels_are_within_a_tenth_of_a_db_at_the_95th_percentile(vectors) -> None:
    errors = np.concatenate([(ours - real)[:, FIRST_BAND:].ravel() for ours, real in vectors.values()])
    errors_db = np.abs(errors) * DB_PER_POWER_OCTAVE
    assert np.percentile(errors_db, 95) < 0.02  # half a Q8 step is 0.006 dB
    assert errors_db.max() < 0.1


def test_levels_and_shape_are_within_a_tenth_of_a_db(vectors) -> None:
    errors = np.concatenate([(ours - real)[:, :FIRST_BAND].ravel() for ours, real in vectors.values()])
    assert np.abs(errors).max() * 2.0 * DB_PER_POWER_OCTAVE < 0.1


def test_faults_are_told_from_healthy_as_well_as_in_double_precision(vectors) -> None:
    """AUROC of the distance from the first healthy windows, per fault file: 1 for all of them."""
    train, test = slice(0, 9), slice(9, None)
    healthy = healthy_of(vectors)
    for name, pair in faults_of(vectors).items():
        ours, real = (
            auroc(distance(good[train], good[test]), distance(good[train], bad))
            for good, bad in zip(healthy, pair, strict=True)
        )
        assert ours == real == 1.0, name


def test_every_feature_alone_tells_as_much_as_in_double_precision(vectors) -> None:
    """AUROC of single features, where a difference would show: far from 1, values often closer than a Q8 step."""
    healthy = healthy_of(vectors)
    lost = []
    for pair in faults_of(vectors).values():
        ours, real = (
            np.array([auroc(good[:, i], bad[:, i]) for i in range(good.shape[1])])
            for good, bad in zip(healthy, pair, strict=True)
        )
        lost.append(ours - real)
    assert np.abs(lost).mean() < 0.002
    assert np.abs(lost).max() < 0.05


def healthy_of(vectors) -> tuple[np.ndarray, np.ndarray]:
    return next(pair for name, pair in vectors.items() if name.startswith("normal"))


def faults_of(vectors) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {name: pair for name, pair in vectors.items() if not name.startswith("normal")}


def test_the_same_bearing_at_12_and_48_khz_gives_the_same_levels(files: list[Recording]) -> None:
    """Files 118 and 122: one condition, two rates. They are two takes, so the medians over windows are compared."""
    slow, fast = (next(one for one in files if one.name.endswith(end)) for end in ("_118", "_122"))
    medians = [np.median(features(one, 16.0)[0], axis=0) for one in (slow, fast)]
    apart_db = (medians[0] - medians[1])[FIRST_BAND:] * DB_PER_POWER_OCTAVE
    assert np.median(np.abs(apart_db)) < 1.5
