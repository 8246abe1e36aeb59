"""Figures as people read them."""

from __future__ import annotations

import pytest

from edge_app.training.evaluation.tables import value_text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("sdnn_mae_ms", 4.3343, "4.33"),
        ("longest_time_to_alarm_s", 163800.4, "163800"),
        ("auroc", 0.98766, "0.9877"),
        ("false_alarms", 3, "3"),
        ("healthy_hours", 36.0, "36 h"),
    ],
)
def test_what_is_measured_has_three_figures_and_never_an_exponent(name: str, value: float, shown: str) -> None:
    assert value_text({name: value}, name) == shown
