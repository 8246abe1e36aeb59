"""Protocol anomaly, and quiet: scores, flags, times, false alarms with their exposure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trails import ScoreModel, make_case, make_trail

from edge_app.decision.anomaly import AnomalyDecider
from edge_app.training.protocols import anomaly, quiet
from edge_app.training.protocols.verdicts import verdict_of

LOW, HIGH = 1000, 9000


def six_and_six():
    """Six healthy recordings, six faults; one fault stays below the threshold."""
    healthy = [make_trail(f"h{k}", "healthy", [LOW + k] * 10) for k in range(6)]
    faults = [make_trail(f"f{k}", "outer", [HIGH] * 10) for k in range(5)]
    return [*healthy, *faults, make_trail("f5", "outer", [2000] * 10)]


def test_faults_are_flagged_by_the_decider_and_told_from_healthy_by_score():
    result = anomaly.run(make_case(), six_and_six(), {"int8": ScoreModel()})

    found = result.metrics["int8"]
    assert found["auroc"] == 1.0  # 2000 is still above every healthy window
    assert found["recording_auroc"] == 1.0
    assert found["flagged_of"] == [5, 6]
    assert found["false_alarms"] == 0
    assert result.recordings["f5"]["flagged"] is False
    assert result.recordings["f5"]["right"] is False
    assert result.recordings["h0"]["right"] is True


def test_the_time_to_an_alarm_counts_from_the_start_of_the_first_window():
    fault = make_trail("f", "outer", [LOW, LOW, HIGH, HIGH, HIGH, HIGH])

    result = anomaly.run(make_case(), [fault], {"int8": ScoreModel()})

    # The third window above the threshold is the fifth, which ends at 5 s.
    assert result.recordings["f"]["time_to_alarm_s"] == 5.0


def test_one_class_only_has_no_auroc_and_says_why():
    result = anomaly.run(make_case(), [make_trail("f", "outer", [HIGH] * 10)], {"int8": ScoreModel()})

    assert result.metrics["int8"]["auroc"] is None
    assert result.undefined["auroc"] == "one class only: no judged window of a healthy recording"
    assert result.undefined["false_alarms"] == "no healthy signal was judged"


def test_intervals_are_over_groups_not_windows():
    trails = [make_trail(f"h{k}", "healthy", [LOW] * 100, group="one machine") for k in range(6)]
    trails += [make_trail(f"f{k}", "outer", [HIGH] * 100) for k in range(6)]

    result = anomaly.run(make_case(), trails, {"int8": ScoreModel()})

    assert result.metrics["int8"]["auroc_ci95"] is None
    assert "only 1 recording or group" in result.undefined["auroc_ci95"]


def test_windows_that_cannot_be_judged_are_counted_with_their_reasons():
    trail = make_trail("h", "healthy", [LOW] * 6, unknown=(1, 2))

    facts = anomaly.run(make_case(), [trail], {"int8": ScoreModel()}).recordings["h"]

    assert (facts["windows"], facts["judged"], facts["unknown"]) == (6, 4, 2)
    assert facts["reasons"] == {"clipped … %": 2}  # one reason, whatever its number


def test_every_step_is_measured_and_the_shipped_one_described():
    trails = six_and_six()

    result = anomaly.run(make_case(), trails, {"trained": ScoreModel(), "int8": ScoreModel(zero=1500)})

    assert set(result.metrics) == {"trained", "int8"}
    assert result.recordings["f5"]["median_score"] == 0.05
    assert result.recordings["f5"]["trained_median_score"] == 0.2


def test_a_recording_too_short_for_the_decider_is_named():
    result = anomaly.run(make_case(), [make_trail("f", "outer", [HIGH, HIGH])], {"int8": ScoreModel()})

    assert result.recordings["f"]["flagged"] is False
    assert any("can never be flagged: f" in note for note in result.notes)


def test_a_healthy_recording_too_short_for_any_alarm_is_no_evidence_of_quiet():
    faults = [make_trail(f"f{k}", "outer", [HIGH] * 10) for k in range(2)]
    result = anomaly.run(make_case(), [make_trail("h", "healthy", [LOW, LOW]), *faults], {"int8": ScoreModel()})

    found = result.metrics["int8"]
    assert found["auroc"] == 1.0  # two healthy windows below twenty of faults
    assert (found["recording_auroc"], found["false_alarms"]) == (None, None)
    assert (
        result.undefined["recording_auroc"] == "one class only: no windows enough for a decision of a healthy recording"
    )
    assert result.undefined["false_alarms"] == "no healthy recording is long enough for the decider to raise an alarm"
    assert result.recordings["h"]["right"] is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.sampled_from(["judged"] * 6 + ["unknown", "idle"])), max_size=40),
    st.sampled_from([0, 2, 3]),
)
def test_an_alarm_is_raised_exactly_where_the_sustained_score_lies_above_the_threshold(windows, delay_s):
    trail = make_trail("h", "healthy", [1000 * value for value, _ in windows])
    verdicts = tuple(verdict for _, verdict in windows)
    vectors = tuple(vector for vector, verdict in zip(trail.vectors, verdicts, strict=True) if verdict == "judged")
    trail = replace(trail, verdicts=verdicts, vectors=vectors)
    case = make_case()
    case.front.decision.config.on_delay_s = float(delay_s)
    case.front.decider = lambda: AnomalyDecider(
        raise_above=8000, clear_below=6000, hits=3, of=5, on_delay_ms=1000 * delay_s, unknown_after=1, idle_after=1
    )

    verdict = verdict_of(case, trail, ScoreModel())

    assert bool(verdict.alarms_s) == (verdict.held > 8000)


def test_quiet_states_the_exposure_and_an_upper_bound_of_the_rate():
    trails = [make_trail("h", "healthy", [LOW] * 3600), make_trail("f", "outer", [HIGH] * 10)]

    result = quiet.run(make_case("quiet"), trails, {"int8": ScoreModel()})

    found = result.metrics["int8"]
    assert found["healthy_hours"] == 1.0
    assert found["false_alarms_per_day"] == 0.0
    assert found["false_alarms_per_day_at_most"] == pytest.approx(2.9957 * 24, abs=1e-2)
    assert list(result.recordings) == ["h"]
    assert result.notes == ["Only healthy recordings count here; left out: outer."]
