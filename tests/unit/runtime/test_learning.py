"""Learning inside a running pipeline: collecting, refusing, keeping, serving."""

from dataclasses import replace

import numpy as np
import pytest

from edge_app.core.errors import ControlError
from edge_app.core.frames import Quality, Window
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.decision.anomaly import AnomalyDecider
from edge_app.inference.gaussian import UnlearntGaussian
from edge_app.inference.normal_settings import NormalSettings
from edge_app.runtime.collection import Collection
from edge_app.runtime.learn_command import learn
from edge_app.runtime.learning import Learning, LearningSpec
from edge_app.runtime.normals import NormalStore
from edge_app.runtime.pipeline import Pipeline
from edge_app.runtime.timebase import TimeBase
from edge_app.runtime.voice import Identity
from edge_app.testing.clock import FakeClock
from tests.support.runtime_fakes import Emitted

SCHEMA = FeatureSchema("fake/1", ("rms_g", "peak_g", "crest"))


CENTRE = (-900, -400, 500)


class FeaturesInSamples:
    """The samples are the features."""

    schema = SCHEMA

    def extract(self, window):
        return FeatureVector(window.samples[0].astype(np.int16), SCHEMA)

    def level(self, feature, value):
        return int(value)

    def physical(self, feature, level):
        return float(level)


class Rig:
    """A pipeline with its learning, fed window by window."""

    def __init__(self, folder, binding="b" * 16):
        self.clock, self.emitted = FakeClock(start_s=0.0), Emitted()
        timebase = TimeBase(self.clock, paced=False)
        self.pipeline = Pipeline(
            Identity("app", "1.0.0", "pump"),
            FeaturesInSamples(),
            None,
            UnlearntGaussian(SCHEMA),
            AnomalyDecider(8000, 6000, 3, 5, unknown_after=1),
            timebase,
            self.emitted,
        )
        settings = NormalSettings(window_s=1.0, hop_s=1.0, hits=3, of=5, binding=binding)
        spec = LearningSpec(lambda: UnlearntGaussian(SCHEMA), settings, inline=True)
        self.learning = Learning(self.pipeline, spec, NormalStore(folder, "app", "pump"), timebase)
        self.pipeline.learning = self.learning
        self.learning.load()
        self.at_s = 0.0
        self.random = np.random.RandomState(3)

    def run(self, count, *, moved=0, good=True):
        for _ in range(count):
            self.at_s += 1.0
            values = np.rint(self.random.normal(CENTRE, 60.0) + moved).astype(np.int16)
            quality = Quality(100) if good else Quality(0, ("no signal",), judgeable=False)
            self.pipeline.judge(Window(values[None, :], 1.0, "g", 3.0, self.at_s - 1.0, self.at_s, 0, quality))

    def start(self, minutes=5.0, **more):
        return learn({"do": "start", "minutes": minutes, "false_alarms_per_week": 1, **more}, self.learning)

    @property
    def result(self):
        last = self.learning.status()["last"]
        return last and last["result"]


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_a_model_without_a_file_judges_once_normal_was_learnt(rig):
    rig.run(10)
    assert rig.pipeline.last.verdict == "unknown"
    rig.start()
    rig.run(301)
    assert rig.result == "learnt"
    rig.run(1)
    assert rig.pipeline.last.verdict == "judged"
    assert rig.pipeline.last.inference.score < 8000
    rig.run(6, moved=900)
    assert rig.pipeline.decider.state == "active"


def test_decisions_say_which_normal_served(rig):
    rig.run(1)
    assert rig.emitted.decisions[-1].model.normal == ""
    rig.start()
    rig.run(301)
    told = next(each for each in rig.emitted.decisions if each.why.get("notice") == "learnt")
    assert told.event == "changed"
    assert len(told.model.normal) == 8
    rig.run(6, moved=900)
    assert rig.emitted.decisions[-1].model.normal == told.model.normal
    assert rig.pipeline.why()["normal"] == 1


def test_judging_goes_on_and_progress_is_seen(rig):
    rig.start()
    rig.run(150)
    status = rig.learning.status()
    assert (status["learning"], status["progress"]["percent"], status["progress"]["windows"]) == ("collecting", 50, 150)
    assert rig.pipeline.counts.windows == 150
    with pytest.raises(ControlError, match="runs already"):
        rig.start()


def test_a_learnt_normal_serves_after_a_restart(rig, tmp_path):
    rig.start()
    rig.run(301)
    again = Rig(tmp_path)
    again.run(1)
    assert again.pipeline.last.verdict == "judged"
    assert again.learning.facts() == {"normal": 1}


def test_another_sensor_is_unlearned(rig, tmp_path):
    rig.start()
    rig.run(301)
    again = Rig(tmp_path, binding="c" * 16)
    assert again.learning.facts() == {"normal": None, "unlearned": "normal 1 was learnt with another sensor"}


def test_a_restart_while_learning_is_told_and_keeps_nothing(rig, tmp_path):
    rig.start()
    rig.run(100)
    again = Rig(tmp_path)
    assert again.result == "aborted"
    assert "cut short by a restart" in again.learning.status()["last"]["what"]
    assert again.learning.history()["normals"] == []
    assert Rig(tmp_path).result is None  # told once


def test_a_lost_sensor_while_learning_is_refused(rig):
    rig.start()
    rig.run(200)
    rig.run(101, good=False)
    assert rig.result == "refused"
    assert "33 % of the windows could not be judged" in rig.learning.status()["last"]["what"]


def test_a_short_break_is_no_harm(rig):
    rig.start()
    rig.run(100)
    rig.run(5, good=False)
    rig.run(196)
    assert rig.result == "learnt"


def test_windows_before_and_after_a_sensor_was_gone_are_no_neighbours(rig):
    collection = Collection(10.0, 1.0, 3, 1.0, despite_alarm=False)
    rig.run(1)
    window = rig.pipeline.last.window
    for second in [*range(10), *range(12, 20), *range(80, 90)]:  # a hop of 3 s passes; one of 61 s parts
        collection.take(replace(rig.pipeline.last, window=replace(window, start_s=second, end_s=second + 1.0)))
    assert (collection.count, collection.breaks) == (28, [18])
    assert collection.seconds == 90


def test_no_learning_begins_before_the_last_one_has_ended(rig, monkeypatch):
    tried = []

    def ended():
        with pytest.raises(ControlError, match="runs already"):
            rig.start()
        tried.append(True)

    rig.start()
    rig.run(101)
    monkeypatch.setattr(rig.learning.store, "ended", ended)
    rig.run(200)
    assert (rig.result, tried) == ("learnt", [True])


def test_an_alarm_raised_while_learning_ends_it(rig):
    rig.start()
    rig.run(301)
    rig.start()
    rig.run(10)
    rig.run(10, moved=900)
    assert rig.learning.status()["last"]["what"] == "an alarm was raised while learning"
    with pytest.raises(ControlError, match="an alarm stands") as caught:
        rig.start()
    assert "--despite-alarm" in caught.value.fix


def test_a_false_alarm_can_be_learnt_away(rig):
    """The machine was moved to another foundation: healthy, but not as it was."""
    rig.start()
    rig.run(301)
    rig.run(10, moved=900)
    assert rig.pipeline.decider.state == "active"
    rig.start(despite_alarm=True)
    rig.run(311, moved=900)
    assert rig.result == "learnt"
    assert rig.pipeline.decider.state == "normal"


def test_cancelling_keeps_nothing(rig, tmp_path):
    rig.start()
    rig.run(10)
    assert learn({"do": "cancel"}, rig.learning)["last"]["result"] == "cancelled"
    with pytest.raises(ControlError, match="no learning runs"):
        learn({"do": "cancel"}, rig.learning)
    assert Rig(tmp_path).result is None


def test_rolling_back_and_forgetting_serve_at_once(rig):
    for moved in (0, 200):
        rig.start(despite_alarm=True)
        rig.run(301, moved=moved)
    assert rig.learning.number == 2
    assert learn({"do": "rollback"}, rig.learning)["normal"] == 1
    rig.run(1)
    assert rig.pipeline.last.verdict == "judged"
    assert learn({"do": "forget"}, rig.learning)["normal"] is None
    rig.run(1)
    assert rig.pipeline.last.verdict == "unknown"


def test_two_normals_are_compared(rig):
    for moved in (0, 200):
        rig.start(despite_alarm=True)
        rig.run(301, moved=moved)
    found = learn({"do": "compare"}, rig.learning)
    assert (found["old"]["number"], found["new"]["number"]) == (1, 2)
    # 200 counts of an amplitude are 200 / 256 octaves of 6.02 dB.
    assert dict(map(tuple, found["shifts_db"]))["rms_g"] == pytest.approx(4.7, abs=0.3)
    assert found["new"]["windows_above"] == 0
    assert found["old"]["windows_above"] > 0


@pytest.mark.parametrize("minutes", [0, -1, True, None, "10", float("nan"), 1e9])
def test_nonsense_minutes_are_refused(rig, minutes):
    with pytest.raises(ControlError, match="minutes"):
        learn({"do": "start", "minutes": minutes, "false_alarms_per_week": 1}, rig.learning)


@pytest.mark.parametrize("rate", [0, -1, None, 1e9])
def test_nonsense_rates_are_refused(rig, rate):
    with pytest.raises(ControlError, match="false_alarms_per_week"):
        learn({"do": "start", "minutes": 5, "false_alarms_per_week": rate}, rig.learning)


def test_too_short_a_time_is_refused_at_once(rig):
    with pytest.raises(ControlError, match="too short"):
        rig.start(minutes=1.0)


def test_an_unknown_order_names_the_known_ones(rig):
    with pytest.raises(ControlError, match="dance") as caught:
        learn({"do": "dance"}, rig.learning)
    assert "rollback" in caught.value.fix


def test_slow_drift_is_told_and_kept_in_the_hourly_summary(rig):
    rig.start()
    rig.run(301)
    for hour in range(8):
        rig.run(3600, moved=30 * min(hour, 3))
    notices = [each for each in rig.emitted.decisions if each.why.get("notice") == "drift"]
    assert len(notices) == 1
    assert (notices[0].event, notices[0].level) == ("changed", "info")
    assert notices[0].why["drift"]["features"] >= 2
    last = [each for each in rig.emitted.decisions if each.event == "summary"][-1]
    assert "wandered" in last.why["text"]
