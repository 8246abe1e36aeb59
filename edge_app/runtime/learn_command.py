"""The control verb `learn`: which question or order, with its numbers checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge_app.core.errors import ControlError
from edge_app.runtime.learning import MINUTES_MAX, Learning

ORDERS = ("start", "status", "cancel", "compare", "history", "rollback", "forget")
RATE_MIN, RATE_MAX = 0.001, 1000.0


def learn(request: Mapping[str, Any], learning: Learning) -> Any:
    """`{"do": one of ORDERS, "minutes": number, "false_alarms_per_week": number, "despite_alarm": bool}`."""
    order = request.get("do", "status")
    if order == "start":
        minutes = _number(request, "minutes", 0.01, MINUTES_MAX)
        rate = _number(request, "false_alarms_per_week", RATE_MIN, RATE_MAX)
        return learning.start(minutes, rate, despite_alarm=request.get("despite_alarm") is True)
    if order not in ORDERS:
        raise ControlError(f"learn cannot {order!r}", f"It can {', '.join(ORDERS)}.")
    return getattr(learning, order)()


def _number(request: Mapping[str, Any], key: str, low: float, high: float) -> float:
    value = request.get(key)
    if value is None or type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise ControlError(f"{key} is {value!r}", f"Write a number from {low:g} to {high:g}.")
    return float(value)
