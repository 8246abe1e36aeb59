"""From the outcomes of recordings to the figures of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from edge_app.training.backtest.events import Outcome
from edge_app.training.protocols.bootstrap import events_interval, share_interval

DAY_S = 86400.0


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Plain values for JSON; None where a figure is not defined, the reason in `undefined`."""
    events = sum(each.events for each in outcomes)
    found = sum(each.found for each in outcomes)
    false = sum(each.false_alarms for each in outcomes)
    delays = [delay for each in outcomes for delay in each.delays_s]
    days = sum(each.normal_s for each in outcomes) / DAY_S
    windows = sum(each.windows for each in outcomes)
    undefined = {}
    if not events:
        undefined["recall"] = "no event: every recording is normal, or its label says nothing"
    if not found + false:
        undefined["precision"] = "no alarm that counts"
    if not days:
        undefined["false_alarms_per_day"] = "no normal signal was judged"
    per_day = events_interval(false)
    result: dict[str, Any] = {
        "recordings": len(outcomes),
        "events": events,
        "events_found": found,
        "recall": _share(found, events),
        "recall_ci95": _bounds(found, events),
        "precision": _share(found, found + false),
        "precision_ci95": _bounds(found, found + false),
        "true_alarms": sum(each.true_alarms for each in outcomes),
        "false_alarms": false,
        "uncounted_alarms": sum(each.other_alarms for each in outcomes),
        "delay_median_s": round(median(delays), 3) if delays else None,
        "delay_max_s": round(max(delays), 3) if delays else None,
        "normal_days": round(days, 6),
        "false_alarms_per_day": round(false / days, 4) if days else None,
        "false_alarms_per_day_ci95": [round(float(edge or 0.0) / days, 4) for edge in (per_day.low, per_day.high)]
        if days
        else None,
        "windows": windows,
        "unknown_share": _share(sum(each.unknown for each in outcomes), windows),
        "idle_share": _share(sum(each.idle for each in outcomes), windows),
    }
    return result | ({"undefined": undefined} if undefined else {})


def _share(hits: int, of: int) -> float | None:
    return round(hits / of, 4) if of else None


def _bounds(hits: int, of: int) -> list[float] | None:
    return share_interval(hits, of).bounds


def recording_facts(outcome: Outcome) -> dict[str, Any]:
    """What was found in one recording, for JSON."""
    facts: dict[str, Any] = {
        "events": outcome.events,
        "events_found": outcome.found,
        "false_alarms": outcome.false_alarms,
        "uncounted_alarms": outcome.other_alarms,
        "delays_s": [round(delay, 3) for delay in outcome.delays_s],
        "normal_s": round(outcome.normal_s, 3),
        "windows": outcome.windows,
        "judged": outcome.judged,
        "unknown": outcome.unknown,
        "idle": outcome.idle,
        "alarms": alarms_of(outcome),
    }
    if outcome.missed:
        facts["missed"] = [[round(edge, 3) for edge in span] for span in outcome.missed]
    if outcome.reasons:
        facts["reasons"] = outcome.reasons
    if outcome.learnt_until_s:
        facts["learnt_until_s"] = round(outcome.learnt_until_s, 3)
    if outcome.refused:
        facts["not_learnt"] = outcome.refused
    return facts


def alarms_of(outcome: Outcome) -> list[dict[str, Any]]:
    """Each alarm from raised to cleared (None: it stood at the end)."""
    found: list[dict[str, Any]] = []
    for told in outcome.told:
        if told.event == "raised":
            alarm: dict[str, Any] = {"raised_s": told.at_s, "cleared_s": None, "score": told.score}
            found.append(
                alarm | ({"type": told.kind} if told.kind else {}) | ({"text": told.text} if told.text else {})
            )
        elif found:
            found[-1]["cleared_s"] = told.at_s
    return found
