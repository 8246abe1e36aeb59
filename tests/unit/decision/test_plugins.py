"""What a person may write under `decision:`, and what comes of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edge_app.core.plugin import DeciderContext
from edge_app.decision.plugins import ANOMALY, AnomalyConfig

CONTEXT = DeciderContext(window_ms=1000, hop_ms=500)


def test_scores_and_seconds_become_integers() -> None:
    config = AnomalyConfig(raise_above=0.8, clear_below=0.6, hits=3, of=5, on_delay_s=1.5, off_delay_s=2)
    decider = ANOMALY.create(config, CONTEXT)
    assert (decider.evidence.raise_above, decider.evidence.clear_below) == (8000, 6000)
    assert (decider.on_delay.duration_ms, decider.off_delay.duration_ms) == (1500, 2000)
    assert (decider.threshold, decider.of, decider.hits_needed) == (8000, 5, 3)


def test_a_clear_threshold_above_the_raise_threshold_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"clear_below 0.9 is above raise_above 0.8"):
        AnomalyConfig(raise_above=0.8, clear_below=0.9)


def test_more_hits_than_windows_are_refused() -> None:
    with pytest.raises(ValidationError, match="hits 6 of 5 windows can never be reached"):
        AnomalyConfig(hits=6, of=5)


@pytest.mark.parametrize(
    "bad",
    [{"raise_above": 1.1}, {"hits": 0}, {"of": 25}, {"latch": 1}, {"level": "loud"}, {"raise": 0.8}, {"hits": 2.5}],
)
def test_values_outside_their_range_or_type_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AnomalyConfig.model_validate(bad)
