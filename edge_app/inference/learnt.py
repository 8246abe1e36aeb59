"""A learnt normal as a file: JSON, read strictly, for anybody may have written it.

Format "edge-app-normal/1": the fields of `LearntNormal` in their order, documented in docs/reference/models.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from edge_app.core.errors import BaselineError, ModelError
from edge_app.core.results import LearntNormal
from edge_app.core.units import SCORE_ONE
from edge_app.inference.manifest_blocks import MAX_FEATURES
from edge_app.inference.manifest_fields import Fields, read_json
from edge_app.inference.score import check_knots

FORMAT = "edge-app-normal/1"
MAX_BYTES = 1 << 17
TAILS = ("generalised-pareto", "exponential", "single-window")
CLOCKS = ("ntp", "rtc", "none")
_INT = (0, 1 << 53)
FIX = "Learn anew with `edge-app learn`, or go back to an earlier one with `edge-app learn … --rollback`."


def normal_text(normal: LearntNormal) -> str:
    """The JSON text of a learnt normal: same normal, same bytes."""
    pairs = [("format", FORMAT), *((each.name, getattr(normal, each.name)) for each in fields(normal))]
    return "{\n  " + ",\n  ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "\n}\n"


def read_normal(content: bytes, where: str) -> LearntNormal:
    """The learnt normal in the bytes of a file; `where` names it. Raises BaselineError for whatever is not one."""
    try:
        if len(content) > MAX_BYTES:
            raise ModelError(f"{where}: larger than {MAX_BYTES} bytes", FIX)
        return _normal(Fields(read_json(content, f"{where}: the file", FIX), where))
    except ModelError as error:
        raise BaselineError(error.what, FIX) from error


def _normal(top: Fields) -> LearntNormal:
    if (found := top.text("format")) != FORMAT:
        raise top.fail("format", f"is {found!r}, this version reads {FORMAT!r}")
    known = {"format", *(each.name for each in fields(LearntNormal))}
    for key in top.data:
        if key not in known:
            raise top.fail(key[:40], "is not known")
    offset = top.integers("offset", -32768, 32767, limit=MAX_FEATURES)
    own = top.data.get("multiplier") is not None
    if own != (top.data.get("shift") is not None):
        raise top.fail("shift", "and multiplier must both be numbers, or both null")
    if len(top.data.get("wander") or ()) not in (0, len(offset)):
        raise top.fail("wander", f"must hold none or {len(offset)} numbers")
    knots = top.pairs("knots", 256)
    try:
        check_knots(knots)
    except ValueError as error:
        raise top.fail("knots", str(error)) from error
    return LearntNormal(
        offset=offset,
        multiplier=top.integers("multiplier", 1, 32767, exactly=len(offset)) if own else None,
        shift=top.integer("shift", 1, 30) if own else None,
        knots=knots,
        schema=top.text("schema", r"[0-9a-f]{16}"),
        model=top.text("model", r"[0-9a-f]{64}"),
        binding=top.text("binding", r"(?:[0-9a-f]{16})?"),
        **_circumstances(top),
    )


def _circumstances(top: Fields) -> Mapping[str, Any]:
    """When, how long and how well it was learnt."""
    return {
        "windows": top.integer("windows", *_INT),
        "seconds": top.integer("seconds", *_INT),
        "learnt_ms": top.integer("learnt_ms", *_INT),
        "clock": top.choice("clock", CLOCKS),
        "false_alarms_per_week": top.positive("false_alarms_per_week"),
        "raise_score": top.integer("raise_score", 0, SCORE_ONE),
        "tail": top.choice("tail", TAILS),
        "uncertainty_q8": top.integer("uncertainty_q8", 0, 1 << 20),
        "wander": top.integers("wander", 0, 65535, limit=MAX_FEATURES),
        "quality": top.integer("quality", 0, 100),
        "notes": top.texts("notes", 8),
    }
