"""Heart rate against a reference: what is compared, what is counted, what is left out and said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edge_app.core.levels import level
from edge_app.core.results import FeatureVector
from edge_app.decision.anomaly import AnomalyDecider
from edge_app.features.rhythm import Rhythm, RhythmSettings
from edge_app.training.importers.base import Recording, Reference
from edge_app.training.protocols.base import Trail
from edge_app.training.protocols.heart_rate import rhythm_shares, run, truth_of

RHYTHM = Rhythm(RhythmSettings("ppg", 30.0), 100.0)
FRONT = SimpleNamespace(decider=lambda: AnomalyDecider(5000, 4500))
CASE = SimpleNamespace(config=SimpleNamespace(channel=None), front=FRONT)


def vector(bpm, sdnn=50.0, rmssd=40.0, irregularity=0.1):
    values = [level(bpm), level(sdnn), level(rmssd), level(1.0), level(irregularity)]
    return FeatureVector(np.array(values, np.int16), RHYTHM.schema)


def trail(bpms, *, unknown=0, reference=None, name="own/one", began_s=0.0):
    """Windows of 30 s, one after the other; the last `unknown` ones cannot be judged."""
    windows = len(bpms) + unknown
    return Trail(
        recording=Recording(name, "own", "ppg", name, load=lambda: None, reference=reference),
        split="test",
        span_s=(began_s, began_s + 30.0 * windows) if began_s else None,
        rate_hz=100.0,
        seconds=30.0 * windows,
        extractor=RHYTHM,
        verdicts=("judged",) * len(bpms) + ("unknown",) * unknown,
        start_s=began_s + 30.0 * np.arange(windows),
        end_s=began_s + 30.0 * np.arange(1, windows + 1),
        reasons=("",) * len(bpms) + ("saturated, flat at full scale",) * unknown,
        focus=np.full(windows, -1),
        vectors=tuple(vector(bpm) for bpm in bpms),
    )


class Irregular:
    """Calls a window irregular above 0.6, as the app does."""

    def infer(self, features):
        called = features.values[4] > level(0.6)
        return SimpleNamespace(label="irregular rhythm suspected" if called else "", score=10000 * int(called))


def strap(*lengths_ms):
    return lambda: Reference(rr_ms=np.array(lengths_ms, float))


def test_a_straps_intervals_are_laid_end_to_end_and_the_mean_error_is_told():
    # 40 intervals of 750 ms are 80 bpm and 30 s, then 30 of 1000 ms: 60 bpm and 30 s. Told: 82 and 59 bpm.
    one = trail([82.0, 59.0], reference=strap(*[750] * 40, *[1000] * 30))
    result = run(CASE, [one], {"int8": Irregular()})
    assert result.metrics["int8"]["hr_mae_bpm"] == pytest.approx((2 + 1) / 2, abs=0.2)
    assert result.metrics["int8"]["hr_bias_bpm"] == pytest.approx((2 - 1) / 2, abs=0.2)
    assert result.metrics["int8"]["accepted_share"] == 1.0
    assert any("laid end to end" in note for note in result.notes)


def test_what_is_not_judged_lowers_the_accepted_share_and_keeps_its_reason():
    one = trail([80.0], unknown=3, reference=strap(*[750] * 160))
    result = run(CASE, [one], {"int8": Irregular()})
    assert result.metrics["int8"]["accepted_share"] == 0.25
    assert result.recordings["own/one"]["reasons"] == {"saturated, flat at full scale": 3}
    assert result.metrics["int8"]["recordings_judged_of"] == [1, 1]


def test_a_recording_of_which_nothing_is_judged_has_no_error_and_is_named():
    one = trail([], unknown=2, reference=strap(*[750] * 80))
    result = run(CASE, [one], {"int8": Irregular()})
    assert result.metrics["int8"]["hr_mae_bpm"] is None
    assert any("own/one" in note for note in result.notes)


def test_a_window_the_reference_hardly_covers_is_not_compared():
    one = trail([80.0, 80.0], reference=strap(*[750] * 50))  # 37.5 s: a quarter of the second window
    result = run(CASE, [one], {"int8": Irregular()})
    assert result.metrics["int8"]["windows_compared"] == 1
    assert any("1 of 2 judged windows are not compared" in note for note in result.notes)


def test_of_a_part_of_a_recording_the_intervals_at_its_own_times_are_compared():
    # 40 intervals of 750 ms, 80 bpm, fill the first 30 s; 30 of 1000 ms, 60 bpm, the second 30 s, which is looked at.
    one = trail([60.0], reference=strap(*[750] * 40, *[1000] * 30), began_s=30.0)
    metrics = run(CASE, [one], {"int8": Irregular()}).metrics["int8"]
    assert metrics["windows_compared"] == 1
    assert metrics["hr_mae_bpm"] == pytest.approx(0.0, abs=0.2)


def test_a_recording_without_a_reference_is_left_out_and_named():
    result = run(CASE, [trail([80.0])], {"int8": Irregular()})
    assert result.recordings == {}
    assert result.notes[0] == "own/one has no reference and is left out."


def test_variability_of_an_annotated_ecg_is_that_between_normal_beats():
    places = np.cumsum([0] + [80] * 20 + [50, 110] + [80] * 20)  # at 100 Hz; the beat after 500 ms is ventricular
    symbols = tuple("V" if index == 21 else "N" for index in range(len(places)))
    truth = truth_of(Reference(beats=places, symbols=symbols), 100.0)
    assert truth.normal.tolist() == [True] * 20 + [False, False] + [True] * 20
    found = truth.within(0.0, 33.6)
    assert (found["sdnn_ms"], found["rmssd_ms"]) == (0.0, 0.0)
    assert found["heart_rate_bpm"] == pytest.approx(75.0)


def test_fibrillation_and_other_rhythm_are_told_apart_by_the_annotation():
    beats = np.arange(0, 9001, 80)

    def reference():
        return Reference(beats=beats, symbols=("N",) * len(beats), rhythms=((0, "(N"), (3000, "(AFIB"), (7500, "(N")))

    one = trail([75.0, 75.0, 75.0], reference=reference)
    one.vectors[1].values[4] = level(0.9)
    assert rhythm_shares(one)[0].tolist() == [0.0, 1.0, 0.5]
    part = trail([75.0], reference=reference, began_s=30.0)  # the second of these windows
    assert rhythm_shares(part)[0].tolist() == [1.0]
    metrics = run(CASE, [one], {"int8": Irregular()}).metrics["int8"]
    assert (metrics["af_windows"], metrics["other_windows"]) == (1, 1)
    assert run(CASE, [one], {"int8": Irregular()}).recordings["own/one"]["alarms"] == 1
    assert (metrics["af_called_irregular"], metrics["other_called_irregular"], metrics["af_auroc"]) == (1.0, 0.0, 1.0)
