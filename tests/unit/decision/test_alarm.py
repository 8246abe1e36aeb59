"""Every cell of the alarm table, and what holds along any path through it. Stories: tests/micropython/mp_alarm.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_app.core.errors import ControlError
from edge_app.decision.alarm import (
    ALARM_EVENT,
    BLIND,
    CLEAR,
    HIGH,
    INPUTS,
    LATCHED,
    NONE,
    QUIET,
    RAISE,
    SHOWN,
    STANDING,
    STANDS,
    START,
    STATES,
    STILL,
    TABLE,
    VIEW,
    VIEW_EVENT,
    WAIT,
    Alarm,
)
from edge_app.decision.anomaly import AnomalyDecider

PATH_TO = {
    "start": (),
    "normal": (QUIET,),
    "pending": (HIGH,),
    "active": (RAISE,),
    "unknown": (BLIND,),
    "idle": (STILL,),
    "active_unknown": (RAISE, BLIND),
    "active_idle": (RAISE, STILL),
}
CELLS = {
    # state:          QUIET, HIGH, RAISE, CLEAR, BLIND, STILL, WAIT: what is told, in full
    "start": ("known", "known", "known raised", "known", "unknown", "idle", ""),
    "normal": ("", "", "raised", "", "unknown", "idle", ""),
    "pending": ("", "", "raised", "", "unknown", "idle", ""),
    "unknown": ("known", "known", "known raised", "known", "", "idle", ""),
    "idle": ("started", "started", "started raised", "started", "unknown", "", ""),
    "active": ("", "", "", "cleared", "unknown", "idle", ""),
    "active_unknown": ("known", "known", "known", "known cleared", "", "idle", ""),
    "active_idle": ("started", "started", "started", "started cleared", "unknown", "", ""),
}


@pytest.mark.parametrize("symbol", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_cell_tells_exactly_this(state: str, symbol: int) -> None:
    alarm = Alarm()
    for step in PATH_TO[state]:
        alarm.step(step, 0)
    assert alarm.state == state
    assert " ".join(alarm.step(symbol, 1000)) == CELLS[state][symbol]
    assert alarm.state == TABLE[state][symbol]


@pytest.mark.parametrize("symbol", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_only_clearing_ends_a_standing_alarm_and_only_raising_begins_one(state: str, symbol: int) -> None:
    before, after = state in STANDING, TABLE[state][symbol] in STANDING
    if before and not after:
        assert symbol == CLEAR
    if after and not before:
        assert symbol == RAISE


def test_waiting_changes_no_state() -> None:
    assert all(TABLE[state][WAIT] == state for state in STATES)


def test_every_change_of_what_is_told_has_its_event() -> None:
    views = set(VIEW.values())
    assert set(VIEW_EVENT) == {(a, b) for a in views for b in views - {START} if a != b}
    alarms = {NONE, STANDS, LATCHED}
    assert set(ALARM_EVENT) == {(a, b) for a in alarms for b in alarms if a != b}


def test_people_see_five_conditions() -> None:
    assert set(SHOWN.values()) == {"normal", "pending", "active", "unknown", "idle"}


SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "hits": st.integers(1, 3),
    "of": st.integers(3, 5),
    "on_delay_ms": st.sampled_from([0, 1500]),
    "off_delay_ms": st.sampled_from([0, 2500]),
    "unknown_after": st.integers(1, 3),
    "idle_after": st.integers(1, 3),
    "latch": st.booleans(),
    "max_per_hour": st.sampled_from([0, 2, 12]),
    "remind_ms": st.sampled_from([0, 5000]),
}
ACTIONS = st.one_of(
    st.tuples(st.just("judged"), st.sampled_from([100, 5999, 6000, 7000, 8000, 8001, 10000])),
    st.tuples(st.sampled_from(["unknown", "idle"]), st.just(-1)),
    st.tuples(st.sampled_from(["ack", "reset", "unshelve"]), st.none()),
    st.tuples(st.just("shelve"), st.integers(1, 2)),
    st.tuples(st.just("suppress"), st.booleans()),
)
STORIES = st.lists(st.tuples(ACTIONS, st.sampled_from([0, 500, 500, 500, 40000, 4000000])), max_size=80)


def act(decider: AnomalyDecider, action: tuple[str, Any], now_ms: int) -> tuple[str, ...]:
    name, value = action
    if name in ("judged", "unknown", "idle"):
        return decider.step(name, value, now_ms)
    if name == "suppress":
        return decider.suppress(value, now_ms)
    try:
        return decider.command(name, now_ms, value)
    except ControlError:
        return ()


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries(SETTINGS), STORIES)
def test_raised_and_cleared_alternate_whatever_happens(chosen: dict[str, Any], story: list[Any]) -> None:
    decider, now_ms, told = AnomalyDecider(8000, 6000, **chosen), 0, ["cleared"]
    for action, pause_ms in story:
        now_ms += pause_ms
        for event in act(decider, action, now_ms):
            if event in ("raised", "cleared"):
                assert event != told[-1]
                told.append(event)
        if not decider.flags and not decider.standing:
            assert decider.level in ("ok", "info")


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries(SETTINGS), STORIES, st.integers(0, 80))
def test_a_restart_at_any_point_changes_nothing(chosen: dict[str, Any], story: list[Any], at: int) -> None:
    stays = AnomalyDecider(8000, 6000, **chosen)
    restarts, shift_ms, now_ms = AnomalyDecider(8000, 6000, **chosen), 0, 0
    for index, (action, pause_ms) in enumerate(story):
        if index == at:
            kept = json.loads(json.dumps(restarts.snapshot()))
            restarts, shift_ms = AnomalyDecider(8000, 6000, **chosen), now_ms
            assert restarts.restore(kept, 0)
        now_ms += pause_ms
        assert act(stays, action, now_ms) == act(restarts, action, now_ms - shift_ms)
        for name in ("state", "level", "flags", "threshold", "hits", "withheld"):
            assert getattr(stays, name) == getattr(restarts, name)


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries(SETTINGS), STORIES)
def test_a_shelf_changes_what_is_told_and_not_what_is(chosen: dict[str, Any], story: list[Any]) -> None:
    windows = [(action, pause) for action, pause in story if action[0] in ("judged", "unknown", "idle")]
    plain, shelved, now_ms = AnomalyDecider(8000, 6000, **chosen), AnomalyDecider(8000, 6000, **chosen), 0
    shelved.command("shelve", 0, 7 * 24 * 60)
    for action, pause_ms in windows:
        now_ms += pause_ms
        act(plain, action, now_ms)
        events = act(shelved, action, now_ms)
        if "shelved" in shelved.flags:
            assert not {"raised", "cleared", "changed"} & set(events)
        assert (plain.state, plain.level, plain.standing) == (shelved.state, shelved.level, shelved.standing)


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries(SETTINGS), STORIES)
def test_once_nothing_holds_it_back_what_was_told_is_what_is(chosen: dict[str, Any], story: list[Any]) -> None:
    decider, now_ms, told = AnomalyDecider(8000, 6000, **chosen), 0, []
    for action, pause_ms in story:
        now_ms += pause_ms
        told += act(decider, action, now_ms)
    told += decider.suppress(False, now_ms)
    now_ms += 8 * 24 * 3600 * 1000  # every shelf and every limit has ended
    told += decider.step("unknown", -1, now_ms)
    last = [event for event in told if event in ("raised", "cleared")][-1:]
    assert (last == ["raised"]) is (decider.standing or "latched" in decider.flags)
