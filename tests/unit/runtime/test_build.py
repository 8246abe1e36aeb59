"""What is brought back when a device starts again."""

from types import SimpleNamespace

import pytest

from edge_app.runtime.build import restore
from edge_app.runtime.timebase import TimeBase
from edge_app.testing.clock import FakeClock
from tests.support.runtime_fakes import Emitted, make_pipeline, window


@pytest.fixture
def clock():
    return FakeClock(start_s=0.0)


def make_pair(clock, emitted, *, adopted=True):
    parent, child = (make_pipeline(clock, emitted, name=name) for name in ("pump", "bearing"))
    if adopted:
        parent.children.append(child)
    return parent, child


def bring_back(clock, pipelines, states):
    restore(SimpleNamespace(load_state=states.get), list(pipelines), [], TimeBase(clock, paced=False))


@pytest.fixture
def before(clock):
    """The states of a run that ended with both alarms standing, the child's held back by the parent's."""
    emitted = Emitted()
    parent, child = make_pair(clock, emitted)
    parent.judge(window(9000, at_s=1.0))
    child.judge(window(9000, at_s=2.0))
    assert ("bearing", "raised") not in emitted.events
    child.start()  # the state of what is held back goes with the next thing said
    return emitted.states


def test_an_alarm_held_back_stays_so_while_its_parents_stands(clock, before):
    emitted = Emitted()
    parent, child = make_pair(clock, emitted)
    bring_back(clock, (parent, child), before)
    assert parent.decider.standing
    assert "suppressed" in child.decider.flags
    assert emitted.events == []


def test_an_alarm_held_back_is_told_when_the_app_has_lost_its_parent(clock, before):
    emitted = Emitted()
    pair = make_pair(clock, emitted, adopted=False)
    bring_back(clock, pair, before)
    assert emitted.events == [("bearing", "raised")]


def test_an_alarm_held_back_is_told_when_its_parent_has_lost_its_state(clock, before):
    emitted = Emitted()
    pair = make_pair(clock, emitted)
    bring_back(clock, pair, {key: state for key, state in before.items() if key != "app/pump"})
    assert emitted.events == [("bearing", "raised")]
