"""Features of a heartbeat: expected values are derived from how the heart was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hearts import ATRIAL, VENTRICULAR, ecg, steady

from edge_app.beat_windowing import BeatWindower
from edge_app.core.errors import ConfigError
from edge_app.core.frames import Frame, Window
from edge_app.features.ecg import NAMES, RATIOS, EcgBeat

EXTRACTOR = EcgBeat(360.0, 30.0)


def windows_of(samples, rate_hz=360.0):
    frame = Frame(samples[None, :], 0.005, "au", rate_hz, 0.0)
    return [each for each in BeatWindower(rate_hz, 30.0).push(frame) if each.focus >= 0]


def at(windows, beat_s):
    """The window about the beat that came then."""
    return min(windows, key=lambda each: abs(each.start_s + each.marks[each.focus] / each.rate_hz - beat_s))


def features(window):
    vector = EXTRACTOR.extract(window)
    assert vector.doubts == ()
    return {name: EXTRACTOR.physical(name, int(value)) for name, value in zip(NAMES, vector.values, strict=True)}


def early_heart(waves, *, early_s=0.5, rate_hz=360.0, sign=1, gain=200.0):
    """Beats every 0.8 s, but the 21st after `early_s`, with a full pause behind it; and its window."""
    beats_s = steady(16.5)[:20]
    early = beats_s[-1] + early_s
    beats_s += [early, *(beats_s[-1] + 1.6 + 0.8 * k for k in range(8))]
    samples = sign * ecg(beats_s, 24.0, rate_hz, waves={20: waves}, gain=gain, noise_mv=0.004).astype(int)
    return at(windows_of(samples.astype(np.int16), rate_hz), early)


def test_a_beat_like_all_others_is_in_time_and_alike():
    found = features(at(windows_of(ecg(steady(20.0), 20.0, noise_mv=0.003)), 12.5))

    assert found["rr_before"] == pytest.approx(1.0, abs=0.01)
    assert found["rr_after"] == pytest.approx(1.0, abs=0.01)
    assert found["qrs_likeness"] > 0.98
    assert found["qrs_alike_share"] == 1.0
    assert found["qrs_height"] == pytest.approx(1.0, abs=0.05)
    assert found["rr_uneven"] < 0.02


def test_a_ventricular_beat_is_early_wide_and_unlike_with_a_full_pause_behind_it():
    found = features(early_heart(VENTRICULAR))

    assert found["rr_before"] == pytest.approx(0.5 / 0.8, abs=0.02)
    assert found["rr_after"] == pytest.approx(1.1 / 0.8, abs=0.02)
    assert found["rr_before_to_after"] == pytest.approx(0.5 / 1.1, abs=0.02)
    assert found["rr_pair"] == pytest.approx(1.0, abs=0.02)
    assert found["qrs_likeness"] < 0.8
    assert found["qrs_alike_share"] < 0.1
    assert found["qrs_wider"] * 80 > 24  # half height lasts 2.35 sigma: 94 ms against 28 ms
    assert found["qrs_area"] > 2.0
    assert found["t_difference"] < -0.3


def test_an_atrial_beat_is_early_with_the_usual_complex_and_another_p_wave():
    found = features(early_heart(ATRIAL, early_s=0.6))

    assert found["rr_before"] == pytest.approx(0.75, abs=0.02)
    assert found["qrs_likeness"] > 0.95
    assert abs(found["qrs_wider"]) < 0.15
    assert found["p_likeness"] < 0.5


@pytest.mark.parametrize(("sign", "gain"), [(-1, 200.0), (1, 40.0), (1, 4000.0), (-1, 900.0)])
def test_neither_the_gain_nor_the_polarity_of_the_lead_moves_a_feature_by_much(sign, gain):
    usual, other = features(early_heart(VENTRICULAR)), features(early_heart(VENTRICULAR, sign=sign, gain=gain))
    for name in NAMES:
        if name != "rr_deviation":  # measured in deviations, which are no more than the sampling here
            assert other[name] == pytest.approx(usual[name], abs=0.3), name


@pytest.mark.parametrize("rate_hz", [125.0, 250.0, 500.0, 1000.0])
def test_a_beat_shows_much_the_same_features_at_any_sampling_rate(rate_hz):
    usual, other = features(early_heart(VENTRICULAR)), features(early_heart(VENTRICULAR, rate_hz=rate_hz))
    for name in ("rr_before", "rr_after", "rr_pair", "qrs_likeness", "qrs_wider", "qrs_alike_share", "t_difference"):
        assert other[name] == pytest.approx(usual[name], abs=0.2), name


def test_the_vector_is_a_function_of_the_window_alone():
    window = early_heart(VENTRICULAR)
    first = EXTRACTOR.extract(window).values
    EXTRACTOR.extract(early_heart(ATRIAL))
    assert np.array_equal(EXTRACTOR.extract(window).values, first)
    assert first.dtype == np.int16


def test_too_few_beats_are_a_doubt_with_their_number():
    first = windows_of(ecg(steady(10.0), 10.0))[0]
    assert EXTRACTOR.extract(first).doubts == (f"only {len(first.marks)} heartbeats known yet, 6 are needed",)


def test_a_window_about_no_beat_is_a_doubt_that_names_the_key():
    window = Window(np.zeros((1, 3600), np.int16), 0.005, "au", 360.0, 0.0, 10.0)
    assert "each: beat" in EXTRACTOR.extract(window).doubts[0]


def test_noise_has_beats_that_do_not_repeat():
    noise = np.rint(np.random.RandomState(3).standard_normal(7200) * 100).astype(np.int16)
    windows = windows_of(noise)
    doubts = [EXTRACTOR.extract(each).doubts for each in windows if len(each.marks) > 8]
    assert doubts
    assert all("do not repeat" in each[0] for each in doubts)


def test_a_person_is_told_when_the_beat_came_and_how_it_looks():
    text = EXTRACTOR.describe(EXTRACTOR.extract(early_heart(VENTRICULAR)))
    assert text.startswith("The beat came 38 % early; its QRS complex is ")
    assert "ms wider" in text
    usual = EXTRACTOR.extract(at(windows_of(ecg(steady(20.0), 20.0, noise_mv=0.003)), 12.5))
    assert EXTRACTOR.describe(usual) == "The beat came in time; its QRS complex is 100 % like this person's usual one"


def test_levels_and_physical_values_are_inverse():
    for name in NAMES:
        assert EXTRACTOR.physical(name, EXTRACTOR.level(name, 0.75)) == pytest.approx(0.75, rel=2e-3)
    assert EXTRACTOR.level("rr_before", 0.5) == -256
    assert EXTRACTOR.level("qrs_likeness", 0.5) == 128
    assert set(RATIOS) < set(NAMES)
    with pytest.raises(ConfigError, match="no feature"):
        EXTRACTOR.level("pulse", 1.0)


def test_a_sensor_too_slow_for_an_ecg_is_refused():
    with pytest.raises(ConfigError, match="too slow for an ECG"):
        EcgBeat(50.0, 30.0)
