"""A machine's own normal, from its features to offsets, multipliers and score map."""

import re
from dataclasses import replace

import numpy as np
import pytest
from model_files import NAMES, SCHEMA

from edge_app.core.errors import BaselineError
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.inference.gaussian import UnlearntGaussian
from edge_app.inference.learnt import normal_text
from edge_app.inference.normal import fit_normal
from edge_app.inference.normal_settings import NormalSettings

SETTINGS = NormalSettings(window_s=1.0, hop_s=0.5, hits=3, of=5)
CENTRE = np.array([100, -2000, 700])


def healthy(count=1200, seed=1, sigma=100.0, centre=CENTRE):
    """Features around the centre; windows overlap by half."""
    noise = np.random.RandomState(seed).standard_normal((count + 1, len(centre)))
    return np.rint(centre + sigma * (noise[1:] + noise[:-1]) / np.sqrt(2)).astype(np.int16)


@pytest.fixture
def model():
    """A Gaussian that comes without a normal of its own."""
    return UnlearntGaussian(SCHEMA)


def score(model, values):
    return model.infer(FeatureVector(np.array(values, np.int16), SCHEMA)).score


def test_the_centre_becomes_the_offset_and_the_spread_twelve_steps(model):
    normal = fit_normal(healthy(), model, SETTINGS)
    assert np.abs(np.array(normal.offset) - CENTRE).max() < 15  # 100 / sqrt(600 independent windows) is 4
    # 12 steps · 2^14 / 100 counts of spread = 1966; the floor of 1 dB is 85 counts (bands) and 43 (rms).
    assert np.array(normal.multiplier) == pytest.approx(np.full(3, 1966), rel=0.1)
    assert (normal.schema, normal.model, normal.windows) == (SCHEMA.hash, model.identity.sha256, 1200)


@pytest.mark.parametrize("steps", [24, 32])
def test_a_model_learnt_in_other_steps_keeps_its_own(model, steps):
    """A network knows its inputs in the steps it was trained with, a mixture the places of its components."""
    own = replace(model.manifest.standardize, steps_per_sigma=steps)
    model.manifest = replace(model.manifest, standardize=own)
    normal = fit_normal(healthy(), model, SETTINGS)
    assert np.array(normal.multiplier) == pytest.approx(np.full(3, steps * 2**14 / 100), rel=0.1)


def test_the_median_window_scores_a_quarter_and_normal_ones_stay_below_the_raise_threshold(model):
    values = healthy()
    learnt = model.with_normal(fit_normal(values, model, SETTINGS))
    scores = [score(learnt, row) for row in values[::4]]
    assert np.median(scores) == pytest.approx(2500, abs=300)
    assert sorted(scores)[-6] < 8000  # of three windows in five, none: single ones may


def test_the_threshold_lies_where_the_app_raises(model):
    low, high = (fit_normal(healthy(), model, replace(SETTINGS, raise_score=each)) for each in (6000, 9000))
    assert (low.knots[2][1], high.knots[2][1]) == (6000, 9000)
    assert low.knots[2][0] == high.knots[2][0]


def test_what_is_unlike_the_learnt_normal_scores_high(model):
    learnt = model.with_normal(fit_normal(healthy(), model, SETTINGS))
    assert score(learnt, CENTRE) < 1000
    assert score(learnt, CENTRE + np.array([0, 1200, 0])) == 10000


def test_a_spread_below_the_floor_is_not_believed(model):
    normal = fit_normal(healthy(sigma=5.0), model, SETTINGS)
    # 1 dB: 256 / 3.0103 = 85.04 counts in a band, half of it in an amplitude.
    expected = [round(12 * 2**14 / each) for each in (85.04, 85.04, 42.52)]
    assert list(normal.multiplier) == pytest.approx(expected, rel=0.001)


def test_the_models_spreads_stay_where_they_are_wider(model):
    wide = replace(model.manifest.standardize, multiplier=(500, 8000, 8000), shift=14)
    model.manifest = replace(model.manifest, standardize=wide)
    bounded = fit_normal(healthy(), model, SETTINGS)
    assert bounded.multiplier[0] == 500
    assert bounded.multiplier[1] == pytest.approx(1966, rel=0.1)
    assert fit_normal(healthy(), model, replace(SETTINGS, spread="own")).multiplier[0] > 1500
    assert fit_normal(healthy(), model, replace(SETTINGS, spread="model")).multiplier is None


def test_the_same_windows_give_the_same_bytes(model):
    texts = {normal_text(fit_normal(healthy(), model, SETTINGS)) for _ in range(2)}
    assert len(texts) == 1


def test_eight_snapshots_are_enough(model):
    settings = replace(SETTINGS, window_s=0.1, hop_s=10.0)
    normal = fit_normal(healthy(8), model, settings)
    assert normal.tail == "single-window"
    assert score(model.with_normal(normal), CENTRE) < 8000


def test_seven_windows_are_too_short(model):
    with pytest.raises(BaselineError, match="too short: 7 windows, at least 8") as caught:
        fit_normal(healthy(7), model, SETTINGS)
    assert "longer" in caught.value.fix


def test_of_windows_that_share_samples_more_are_needed(model):
    settings = replace(SETTINGS, window_s=2.0, hop_s=0.5)  # every fourth begins anew; four such are needed
    with pytest.raises(BaselineError, match="too short: 15 windows, at least 16"):
        fit_normal(healthy(15), model, settings)


def test_a_machine_that_drifts_all_the_time_is_refused(model):
    values = healthy() + np.linspace(0, 1500, 1200).astype(np.int16)[:, None]
    with pytest.raises(BaselineError, match=r"not steady.*drifted all the time.*band_10_20_hz"):
        fit_normal(values, model, SETTINGS)


def test_a_machine_that_changes_for_good_is_refused(model):
    values = healthy()
    values[700:] += 800
    with pytest.raises(BaselineError, match="changed and did not come back"):
        fit_normal(values, model, SETTINGS)


def test_recordings_in_an_order_that_is_not_the_machines_may_differ(model):
    values = healthy()
    values[700:] += 800
    normal = fit_normal(values, model, replace(SETTINGS, in_time=False))
    assert normal.offset[0] == pytest.approx(CENTRE[0] + 800 * 500 / 1200, abs=20)  # 500 of 1200 windows stand higher


def test_two_regimes_that_come_and_go_are_allowed_and_told(model):
    values = healthy()
    values[(np.arange(1200) // 100) % 2 == 1] += 800
    normal = fit_normal(values, model, SETTINGS)
    assert any(note.startswith("two regimes, 50 %") for note in normal.notes)


def test_one_regime_is_not_called_two(model):
    assert not any("regimes" in note for note in fit_normal(healthy(), model, SETTINGS).notes)


def said_db(normal):
    """What the normal says is flagged: dB in one band, dB in all."""
    return [
        float(each) for each in re.search(r"about (\d+|\d+\.\d) dB in one band, (\S+) dB", normal.notes[1]).groups()
    ]


@pytest.mark.parametrize("place", ["one", "all"])
def test_changes_as_large_as_it_says_are_flagged_and_smaller_ones_are_not(model, place):
    normal = fit_normal(healthy(), model, SETTINGS)
    learnt = model.with_normal(normal)
    # The bands are features 0 and 1 (85.04 counts a dB); what is said of one band holds for either.
    change_db = said_db(normal)[("one", "all").index(place)]
    changed = np.array([1, 0 if place == "one" else 1, 0]) * change_db * 85.04
    later = healthy(seed=2)
    larger, smaller = later + 1.2 * changed, later + 0.6 * changed
    assert np.median([score(learnt, row) for row in larger[::4]]) > SETTINGS.raise_score
    assert np.median([score(learnt, row) for row in smaller[::4]]) < SETTINGS.raise_score


def test_a_short_learning_says_what_a_longer_one_would_hear(model):
    few, many = fit_normal(healthy(60), model, SETTINGS), fit_normal(healthy(4800), model, SETTINGS)
    assert "were it sure" in few.notes[1]
    assert "were it sure" not in many.notes[1]
    assert said_db(few)[0] > said_db(many)[0]


def test_a_machine_that_changes_every_quarter_of_an_hour_is_told_to_be_learnt_for_hours(model):
    """An hour through five states, 300 counts apart in a feature of 100 counts spread."""
    states = np.random.RandomState(4).permutation(5) - 2
    values = healthy(7200) + np.repeat(300 * states, 1440)[:, None].astype(np.int16)
    note = next(note for note in fit_normal(values, model, replace(SETTINGS, in_time=True)).notes if "states" in note)
    count, hours = re.search(r"about (\d+) states.*; (\S+) h of learning", note).groups()
    assert 3 <= int(count) <= 9
    assert 2.0 <= float(hours) <= 7.0  # twenty of them last 4 h
    assert len(note) < 200


def test_a_machine_that_only_trembles_is_not_said_to_have_states(model):
    assert not any("states" in note for note in fit_normal(healthy(), model, SETTINGS).notes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unknown": 400}, "25 % of the windows could not be judged"),
        ({"idle": 1300}, "stood still for 52 % of the time"),
    ],
)
def test_a_poor_signal_and_a_standing_machine_are_refused(model, changes, reason):
    with pytest.raises(BaselineError, match=reason):
        fit_normal(healthy(), model, replace(SETTINGS, **changes))


def test_features_of_another_shape_are_refused(model):
    with pytest.raises(BaselineError, match="3 features"):
        fit_normal(healthy()[:, :2], model, SETTINGS)


def test_amplitudes_and_powers_have_different_decibels():
    from edge_app.inference.normal import counts_per_db

    assert NAMES[2] == "rms_g"
    assert list(counts_per_db(NAMES)) == pytest.approx([85.04, 85.04, 42.52], abs=0.01)


def test_every_feature_may_stand_still(model):
    """A simulated signal without noise: everything equal, the spread is the floor, nothing is divided by zero."""
    values = np.tile(CENTRE, (200, 1)).astype(np.int16)
    normal = fit_normal(values, model, SETTINGS)
    assert score(model.with_normal(normal), CENTRE) < 8000
    assert score(model.with_normal(normal), CENTRE + 900) == 10000


def test_a_learnt_normal_serves_only_its_own_features(model):
    other = UnlearntGaussian(FeatureSchema("vibration/1", NAMES, {"bands": 3}))
    with pytest.raises(BaselineError, match="belongs to"):
        other.with_normal(fit_normal(healthy(), model, SETTINGS))
