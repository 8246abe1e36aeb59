"""Heartbeats against their annotation: who is paired with whom, and what counts for and against what."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.training.importers.base import Recording, Reference
from edge_app.training.protocols.base import Trail
from edge_app.training.protocols.beats import TRUE, class_of, nearest_pairs, run

SCHEMA = FeatureSchema("ecg_beat/1", ("told",))
CLASSES = ("normal", "ventricular", "supraventricular")
CASE = SimpleNamespace()


class Says:
    """Tells the class that the test has put into each vector."""

    def infer(self, vector):
        return SimpleNamespace(label=CLASSES[int(vector.values[0])])


def trail(found_s, told, *, true, name="mitdb/1", seconds=100.0, rhythms=(), span_s=None, ecg_set=""):
    """Detected beats with what is told of each ("-": cannot be judged), and the reference as (time, symbol)."""
    count = len(found_s)
    found_s = np.array(found_s, float)
    reference = Reference(
        beats=np.array([round(360 * time_s) for time_s, _ in true], np.int64),
        symbols=tuple(symbol for _, symbol in true),
        rhythms=tuple((round(360 * time_s), rhythm) for time_s, rhythm in rhythms),
    )
    facts = {"set": ecg_set} if ecg_set else {}
    vectors = [FeatureVector(np.array(["NVS".index(each)], np.int16), SCHEMA) for each in told if each != "-"]
    return Trail(
        recording=Recording(name, "mitdb", "ecg", name, load=lambda: None, reference=lambda: reference, facts=facts),
        split="test",
        span_s=span_s,
        rate_hz=360.0,
        seconds=seconds,
        extractor=SimpleNamespace(schema=SCHEMA),
        verdicts=tuple("unknown" if each == "-" else "judged" for each in told),
        start_s=found_s - 8.0,
        end_s=found_s + 2.0,
        reasons=tuple("noise" if each == "-" else "" for each in told),
        focus=np.rint(360 * found_s).astype(np.int64) if count else np.empty(0, np.int64),
        vectors=tuple(vectors),
    )


def measured(*trails):
    return run(CASE, trails, {"int8": Says()})


def test_classes_are_those_of_ec57():
    named = {symbol: TRUE[class_of(symbol)] for symbol in "NLRejVEAaJSF/fQ?"}
    assert {symbol for symbol, name in named.items() if name == "normal"} == set("NLRej")
    assert {symbol for symbol, name in named.items() if name == "ventricular"} == set("VE")
    assert {symbol for symbol, name in named.items() if name == "supraventricular"} == set("AaJS")
    assert {symbol for symbol, name in named.items() if name == "fusion"} == {"F"}
    assert {symbol for symbol, name in named.items() if name == "unknown"} == set("/fQ?")


def test_pairs_are_made_nearest_first_and_each_beat_has_one():
    found, true = np.array([1.00, 1.10, 3.0, 5.0]), np.array([1.09, 3.15, 5.16])
    # 1.10 is nearer to 1.09 than 1.00 is; 3.15 is exactly 150 ms away, 5.16 is 160 ms away.
    assert nearest_pairs(found, true, 0.1501).tolist() == [-1, 0, 1, -1]


def test_a_missed_and_an_invented_beat_lower_sensitivity_and_precision():
    beats = [(time_s, "N") for time_s in range(1, 11)]
    result = measured(trail([*range(1, 10), 20.0], "N" * 10, true=beats))

    assert result.metrics["int8"]["beat_se"] == 0.9  # 9 of 10
    assert result.metrics["int8"]["beat_ppv"] == 0.9  # 9 of 10, that at 20 s is none
    assert result.metrics["int8"]["accuracy"] == pytest.approx(9 / 11, abs=1e-4)  # ten beats and a false one
    facts = result.recordings["mitdb/1"]
    assert (facts["beats"], facts["detected"], facts["missed"], facts["false"]) == (10, 10, 1, 1)


def test_confusions_count_as_ec57_says():
    # True:      V    V    V    N    S    F    Q   S
    # told:      V    N    -    V    V    V    V   S      and a false detection called V.
    symbols, told = "VVVNAFQA", "VN-VVVVS"
    true = [(1.0 + k, symbol) for k, symbol in enumerate(symbols)]
    result = measured(trail([*(1.0 + k for k in range(8)), 30.0], told + "V", true=true))
    metrics = result.metrics["int8"]

    assert result.recordings["mitdb/1"]["counts"] == {
        "beat": {"tp": 8, "fp": 1, "fn": 0},
        "ventricular": {"tp": 1, "fp": 3, "fn": 2},
        "supraventricular": {"tp": 1, "fp": 0, "fn": 1},
    }
    assert metrics["ventricular_se"] == pytest.approx(1 / 3, abs=1e-4)  # one of three; one called N, one not judged
    assert metrics["ventricular_ppv"] == 0.25  # against it: N, S and the false one; not F and Q
    assert metrics["supraventricular_se"] == 0.5
    assert metrics["supraventricular_ppv"] == 1.0
    assert metrics["accuracy"] == pytest.approx(2 / 9, abs=1e-4)
    assert metrics["accuracy_nsv"] == pytest.approx(2 / 7, abs=1e-4)


def test_fusion_beats_called_supraventricular_count_against_its_precision_and_unknown_ones_do_not():
    true = [(1.0, "A"), (2.0, "F"), (3.0, "Q"), (4.0, "V")]
    metrics = measured(trail([1, 2, 3, 4], "SSSS", true=true)).metrics["int8"]
    assert metrics["supraventricular_ppv"] == pytest.approx(1 / 3, abs=1e-4)


def test_ventricular_flutter_has_no_beats_to_find_or_to_invent():
    true = [(1.0, "N"), (2.0, "N"), (20.0, "N")]
    rhythms = [(0.5, "(N"), (5.0, "(VFL"), (15.0, "(N")]
    metrics = measured(trail([1, 2, 6, 7, 8, 20], "NNVVVN", true=true, rhythms=rhythms)).metrics["int8"]
    assert metrics["beat_ppv"] == 1.0
    assert metrics["accuracy"] == 1.0


def test_the_last_two_seconds_from_which_no_window_comes_are_left_out():
    true = [(1.0, "N"), (97.0, "N"), (99.0, "N")]
    metrics = measured(trail([1.0, 97.0], "NN", true=true, seconds=100.0)).metrics["int8"]
    assert metrics["beat_se"] == 1.0
    assert metrics["beats"] == 2


def test_of_a_part_of_a_recording_the_beats_within_it_are_compared_at_their_own_times():
    true = [(10.0, "N"), (61.0, "N"), (62.0, "V"), (63.0, "N"), (361.0, "N"), (399.0, "N")]
    looked_at = trail([61, 62, 63, 361], "NVNN", true=true, seconds=340.0, span_s=(60.0, 400.0))
    metrics = measured(looked_at).metrics["int8"]
    assert (metrics["beat_se"], metrics["beat_ppv"], metrics["accuracy"]) == (1.0, 1.0, 1.0)
    assert metrics["beats"] == 4  # not that at 10 s, before the part; not that at 399 s, too near its end
    assert metrics["beat_se_after_5min"] == 1.0  # of the part: from 360 s on


def test_gross_figures_pool_beats_and_mean_figures_pool_recordings():
    one = trail([1, 2, 3, 4], "NNNN", true=[(k, "N") for k in (1, 2, 3, 4)], name="mitdb/1")
    two = trail([1], "N", true=[(1.0, "N"), (2.0, "N")], name="mitdb/2")
    metrics = measured(one, two).metrics["int8"]
    assert metrics["beat_se"] == pytest.approx(5 / 6, abs=1e-4)
    assert metrics["beat_se_mean"] == 0.75  # (1 + 1/2) / 2


def test_records_with_paced_beats_have_figures_of_their_own_and_are_in_no_others():
    paced = trail([1, 2, 3], "VVN", true=[(1.0, "/"), (2.0, "N"), (3.0, "N")], name="mitdb/104")
    sound = trail([1, 2], "NN", true=[(1.0, "N"), (2.0, "N")], name="mitdb/105")
    result = measured(paced, sound)
    assert (result.metrics["int8"]["accuracy"], result.metrics["int8"]["beats"]) == (1.0, 2)
    assert (result.recordings["mitdb/104"]["paced"], result.recordings["mitdb/104"]["beats"]) == (True, 3)
    assert "With paced beats, so in no figure but their own: mitdb/104." in result.notes
    assert measured(paced).metrics["int8"]["accuracy"] is None


def test_records_of_ds2_have_figures_of_their_own_beside_others():
    one = trail([1, 2], "NN", true=[(1.0, "N"), (2.0, "V")], name="mitdb/115", ecg_set="DS1")
    two = trail([1, 2], "NN", true=[(1.0, "N"), (2.0, "N")], name="mitdb/103", ecg_set="DS2")
    metrics = measured(one, two).metrics["int8"]
    assert (metrics["accuracy"], metrics["ds2_accuracy"]) == (0.75, 1.0)
    assert "ds2_accuracy" not in measured(two).metrics["int8"]  # all are of DS2: it would say the same twice


def test_figures_behind_the_fifth_minute_leave_earlier_mistakes_out():
    true = [(1.0, "N"), (2.0, "N"), (301.0, "N"), (302.0, "N")]
    metrics = measured(trail([1, 301, 302], "NNN", true=true, seconds=400.0)).metrics["int8"]
    assert metrics["beat_se"] == 0.75
    assert metrics["beat_se_after_5min"] == 1.0


def test_a_class_that_does_not_occur_has_no_figure_and_says_why():
    result = measured(trail([1.0], "N", true=[(1.0, "N")]))
    assert result.metrics["int8"]["ventricular_se"] is None
    assert "ventricular_se" in result.undefined
    assert result.recordings["mitdb/1"]["ventricular_se"] is None


def test_a_recording_without_annotation_is_named_and_left_out():
    bare = Recording("own/1", "own", "ecg", "own/1", load=lambda: None)
    result = run(CASE, [SimpleNamespace(recording=bare, id="own/1")], {"int8": Says()})
    assert result.notes[0] == "own/1 has no annotated beats and is left out."
    assert result.recordings == {}
