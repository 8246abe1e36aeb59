"""Quick pipelines are judged where they are read, slow ones by their worker, in order either way."""

from dataclasses import dataclass, field

import pytest

from edge_app.runtime.lane import QUICK_S, Lane
from edge_app.testing.clock import FakeClock
from edge_app.windowing import Windower
from tests.support.runtime_fakes import window


@dataclass
class SlowPipeline:
    """Takes as long as it is told to, and remembers what it judged."""

    clock: FakeClock
    takes_s: float
    judged: list = field(default_factory=list)

    def judge(self, each):
        self.clock.advance(self.takes_s)
        self.judged.append(each.samples[0, 1])


def make_lane(takes_s, quick_s=QUICK_S):
    clock = FakeClock()
    pipeline = SlowPipeline(clock, takes_s)
    return Lane(Windower(4.0, 1.0, 1.0), pipeline, 1.0, clock, quick_s=quick_s, inline=False), pipeline


def let_the_worker_finish(lane):
    lane.mailbox.put(None)
    lane.work(pytest.fail)


def test_the_worker_judges_first_because_nobody_knows_yet_how_long_it_takes():
    lane, pipeline = make_lane(0.001)
    lane.deliver([window(1)])
    assert pipeline.judged == []
    let_the_worker_finish(lane)
    assert pipeline.judged == [1]


def test_a_quick_pipeline_is_then_judged_by_the_reader():
    lane, pipeline = make_lane(0.001)
    lane.deliver([window(1)])
    let_the_worker_finish(lane)
    lane.deliver([window(2)])
    assert pipeline.judged == [1, 2]
    assert lane.mailbox.empty()


def test_while_the_worker_has_something_to_do_the_order_is_kept():
    lane, pipeline = make_lane(0.001)
    lane.deliver([window(1)])
    let_the_worker_finish(lane)
    lane.mailbox.put(window(2))
    lane._given += 1  # posted, and not judged yet
    lane.deliver([window(3)])
    assert pipeline.judged == [1]
    let_the_worker_finish(lane)
    assert pipeline.judged == [1, 2, 3]


def test_a_slow_pipeline_stays_with_its_worker():
    lane, pipeline = make_lane(0.050)
    lane.deliver([window(1)])
    let_the_worker_finish(lane)
    lane.deliver([window(2)])
    assert pipeline.judged == [1]


def test_one_slow_window_sends_the_next_ones_to_the_worker():
    lane, pipeline = make_lane(0.001)
    lane.deliver([window(1)])
    let_the_worker_finish(lane)
    pipeline.takes_s = 0.050
    lane.deliver([window(2), window(3)])
    assert pipeline.judged == [1, 2]
    assert lane.mailbox.qsize() == 1
