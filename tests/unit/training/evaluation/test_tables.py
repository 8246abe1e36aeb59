"""Figures and names as people read them; the worst recording first."""

from __future__ import annotations

import pytest

from edge_app.config.evaluation import CaseConfig
from edge_app.training.evaluation.cases import Chosen
from edge_app.training.evaluation.evaluate import CaseOutcome
from edge_app.training.evaluation.footprint import Footprint
from edge_app.training.evaluation.names import fact_words, words
from edge_app.training.evaluation.tables import badness, delta_text, footprint_rows, number_text, value_text, verdict
from edge_app.training.protocols.base import CaseResult


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("sdnn_mae_ms", 4.3343, "4.33"),
        ("longest_time_to_alarm_s", 163800.4, "164000"),
        ("auroc", 0.98766, "0.9877"),
        ("false_alarms", 3, "3"),
        ("false_alarms_per_day_at_most", 35.2923, "35.3"),
        ("healthy_hours", 36.0, "36 h"),
    ],
)
def test_what_is_measured_has_three_figures_and_never_an_exponent(name: str, value: float, shown: str) -> None:
    assert value_text({name: value}, name) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "1"), (0.0, "0"), (0.99998, "> 0.9999"), (0.9999, "0.9999"), (0.5, "0.5000"), (12.3456, "12.35"), (7, "7")],
)
def test_a_number_has_four_figures_and_what_is_nearly_one_is_not_called_one(value: float, shown: str) -> None:
    assert number_text(value) == shown


@pytest.mark.parametrize(
    ("change", "name", "shown"),
    [
        (0.0, "auroc", "0"),
        (0.00004, "auroc", "0"),
        (-0.0003, "auroc", "-0.0003"),
        (0.25, "median_time_to_alarm_s", "+0.25"),
    ],
)
def test_what_quantising_did_not_change_is_no_row_of_zeros(change: float, name: str, shown: str) -> None:
    assert delta_text(change, name) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("auroc_M1", "AUROC of M1, window by window"),
        ("recording_auroc_M1", "AUROC of M1, recording by recording"),
        ("across_auroc_M3_to_M1", "AUROC of M1 by the normal of M3"),
        ("recall_inner", "recall of inner"),
        ("ventricular_se_mean", "ventricular beats: Se, mean of the recordings"),
        ("beat_se_after_5min", "heartbeats found (Se), after the first 5 min"),
        ("ds2_ventricular_ppv", "ventricular beats: +P, DS2 alone"),
        ("of_a_plugin", "of a plugin"),
    ],
)
def test_metrics_of_one_class_or_part_have_words_too(name: str, shown: str) -> None:
    assert words(name) == shown


def test_facts_of_float_steps_say_so() -> None:
    assert fact_words("trained_highest_score") == "float: highest score"
    assert fact_words("time_to_alarm_s") == "time to alarm (s)"


def test_a_verdict_says_what_an_answer_is_worth() -> None:
    assert verdict({"flagged": True, "right": True}) == "flagged"
    assert verdict({"flagged": False, "right": False}) == "MISSED"
    assert verdict({"flagged": True, "right": False}) == "FALSE ALARM"
    assert verdict({"flagged": False, "right": True}) == "quiet"
    assert verdict({"flagged": False, "right": None}) == "no answer"
    assert verdict({"flagged": False}) == "not flagged"  # a run of which nobody said whether it should be
    assert verdict({"flagged": None, "baseline_refused": "too short"}) == "no normal learnt"
    assert verdict({"right_type": False, "type": "unclear"}) == "unclear"
    assert verdict({"right_type": False, "type": "inner"}) == "WRONG"
    assert verdict({"accepted_share": 1.0}) == ""


def test_the_worst_recording_comes_first() -> None:
    recordings = {
        "far above": {"flagged": True, "right": True, "sustained_score": 1.0},
        "just above": {"flagged": True, "right": True, "sustained_score": 0.82},
        "nearly found": {"flagged": False, "right": False, "sustained_score": 0.79},
        "missed": {"flagged": False, "right": False, "sustained_score": 0.3},
        "too short": {"flagged": False, "right": None, "sustained_score": None, "highest_score": 0.1},
        "loud but quiet": {"flagged": False, "right": True, "sustained_score": 0.75},
    }
    ordered = sorted(recordings, key=lambda name: badness(name, recordings[name], 0.8))
    assert ordered[:3] == ["missed", "nearly found", "too short"]
    assert ordered[3:] == ["just above", "loud but quiet", "far above"]  # 0.02, 0.05 and 0.2 from the threshold

    pulses = {
        "good": {"hr_mae_bpm": 0.3},
        "bad": {"hr_mae_bpm": 2.0},
        "none": {"hr_mae_bpm": None, "accepted_share": 0.0},
    }
    assert sorted(pulses, key=lambda name: badness(name, pulses[name])) == ["none", "bad", "good"]


def test_the_table_of_steps_shows_a_figure_that_a_step_changed() -> None:
    """What a detector before the model finds is the same whatever became of the model."""
    metrics = {"trained": {"beat_se": 0.999, "accuracy": 0.95}, "int8": {"beat_se": 0.999, "accuracy": 0.94}}
    result = CaseResult(metrics, {}, headline=["beat_se", "accuracy"])
    costs = dict.fromkeys(metrics, Footprint(4192, "measured", 80, 14.2, 200))
    config = CaseConfig(name="beats", pipeline="beats", protocol="beats")
    outcome = CaseOutcome(config, Chosen(), result, "model", "ab" * 32, None, "", costs)

    assert [row[-1] for row in footprint_rows(outcome)] == ["accuracy", "0.9500", "0.9400"]

    metrics["int8"]["accuracy"] = 0.95
    assert footprint_rows(outcome)[0][-1] == words("beat_se")
