"""Defect frequencies of a bearing."""

from __future__ import annotations

import pytest

from edge_app.dsp.bearing import Bearing

SKF_6205 = Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04)


def test_the_orders_of_the_6205_are_those_of_the_cwru_bearing_data_center() -> None:
    # CWRU "Bearing information", drive end, multiples of running speed: outer 3.5848, inner 5.4152, ball 4.7135 (both
    # races, so 2 x BSF), cage 0.39828.
    orders = SKF_6205.orders()
    assert orders["bpfo"] == pytest.approx(3.5848, abs=2e-4)
    assert orders["bpfi"] == pytest.approx(5.4152, abs=2e-4)
    assert 2 * orders["bsf"] == pytest.approx(4.7135, abs=2e-4)
    assert orders["ftf"] == pytest.approx(0.39828, abs=2e-4)


def test_outer_and_inner_race_share_the_balls() -> None:
    orders = Bearing(balls=12, ball_mm=10.0, pitch_mm=50.0, angle_deg=15.0).orders()
    assert orders["bpfo"] + orders["bpfi"] == pytest.approx(12)
    assert orders["bpfo"] == pytest.approx(12 * orders["ftf"])


def test_lines_scale_with_the_shaft_and_the_ball_strikes_twice() -> None:
    lines = SKF_6205.line_hz(30.0)
    assert lines["bpfo"] == pytest.approx(30 * SKF_6205.orders()["bpfo"])
    assert lines["bsf"] == pytest.approx(60 * SKF_6205.orders()["bsf"])
