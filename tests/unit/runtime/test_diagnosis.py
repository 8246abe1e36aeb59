"""The second model: asked only beside an alarm, averaged over windows, silent when it cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_app.config.apps import load_app
from edge_app.config.trial import try_app
from edge_app.core.errors import ConfigError, ModelError
from edge_app.core.results import Diagnosis, FeatureVector, Inference, ModelIdentity
from edge_app.runtime.diagnosis import Diagnoser
from edge_app.testing.clock import FakeClock
from tests.support.runtime_fakes import SCHEMA, Emitted, make_pipeline, window

KINDS = frozenset({"outer", "inner"})


class Scripted:
    """A classifier whose shares stand in a list, one entry a window."""

    identity = ModelIdentity("types", "1" * 64)

    def __init__(self, *answers: dict[str, int]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def infer(self, features: FeatureVector) -> Inference:
        shares = self.answers[self.asked]
        self.asked += 1
        nothing = np.zeros(2, np.int32)
        label = max(shares, key=lambda each: shares[each])
        return Inference(0, 0, nothing, nothing.astype(np.int16), label=label, shares=tuple(shares.items()))


OUTER = {"outer": 9300, "inner": 500, "unclear": 200}
INNER = {"outer": 1000, "inner": 9000, "unclear": 0}
UNCLEAR = {"outer": 0, "inner": 0, "unclear": 10000}


def diagnoser(*answers: dict[str, int], above: int = 5000, of: int = 5) -> Diagnoser:
    return Diagnoser(Scripted(*answers), None, above, of, KINDS)


def looked(found: Diagnoser, count: int, start: int = 0) -> list[Diagnosis]:
    vector = FeatureVector(np.zeros(2, np.int16), SCHEMA)
    return [found.look(replace(window(9000), index=start + place), vector) for place in range(count)]


def test_the_kind_with_the_largest_mean_share_is_named():
    # outer: 9300, then (9300 + 1000)/2 = 5150, then (9300 + 1000 + 9300)/3 = 6533
    assert looked(diagnoser(OUTER, INNER, OUTER), 3) == [
        Diagnosis("outer", 93),
        Diagnosis("outer", 52),
        Diagnosis("outer", 65),
    ]


def test_below_the_stated_share_it_cannot_be_told():
    assert looked(diagnoser(OUTER, INNER, above=6000), 2) == [Diagnosis("outer", 93), Diagnosis("", 0)]


def test_a_leading_label_that_is_no_kind_of_trouble_cannot_be_told_either():
    assert looked(diagnoser(UNCLEAR), 1) == [Diagnosis("", 0)]
    assert looked(diagnoser({"normal": 6000, "outer": 4000}, above=0), 1) == [Diagnosis("", 0)]


def test_only_the_last_windows_count():
    found = diagnoser(INNER, OUTER, OUTER, of=2)
    assert [each.label for each in looked(found, 3)] == ["inner", "outer", "outer"]
    # Two windows later nothing earlier counts; had the first two counted, inner would not lead.
    later = diagnoser(OUTER, OUTER, INNER, of=2)
    looked(later, 2)
    assert looked(later, 1, start=10) == [Diagnosis("inner", 90)]


def test_features_that_doubt_vote_for_nothing_and_give_the_reason():
    class Doubting:
        schema = SCHEMA

        def extract(self, window):
            return FeatureVector(np.zeros(2, np.int16), SCHEMA, doubts=("the shaft speed is not given",))

    found = Diagnoser(Scripted(), Doubting(), 5000, 5, KINDS)  # type: ignore[arg-type]
    assert looked(found, 1) == [Diagnosis("", 0, "the shaft speed is not given")]


class Describing:
    """Features of their own, with words about every window."""

    schema = SCHEMA

    def extract(self, window):
        return FeatureVector(np.zeros(2, np.int16), SCHEMA)

    def describe(self, vector):
        return "BPFO stands 18 dB above its surroundings"


def test_what_the_last_window_shows_is_told_where_it_shows_the_kind_that_is_named():
    found = Diagnoser(Scripted(OUTER, OUTER, INNER), Describing(), 5000, 5, KINDS)  # type: ignore[arg-type]
    first, _, last = looked(found, 3)
    assert first == Diagnosis("outer", 93, seen="BPFO stands 18 dB above its surroundings")
    # Outer still leads (9300 + 9300 + 1000)/3, but the last window is no example of it.
    assert last == Diagnosis("outer", 65)


def test_the_second_model_is_asked_only_beside_an_alarm_and_stands_in_the_message():
    emitted = Emitted()
    pipeline = make_pipeline(FakeClock(start_s=0.0), emitted)
    model = Scripted(OUTER, OUTER, OUTER)
    pipeline.diagnoser = Diagnoser(model, None, 5000, 5, KINDS)
    # Given windows: healthy, alarming, below the threshold while the alarm stands, healthy and again healthy.
    scores = [1000, 9000, 7000, 1000, 1000]
    found = [pipeline.judge(window(score, at_s=float(at))) for at, score in enumerate(scores, start=1)]
    assert model.asked == 3  # the alarming one, and the two before which the alarm stood
    assert [each.diagnosis is not None for each in found] == [False, True, True, True, False]
    raised = next(decision for decision in emitted.decisions if decision.event == "raised")
    assert raised.why["type"] == ["outer", 93]
    assert "Most like: outer race fault (93 %)." in raised.why["text"]
    assert raised.why["text"].startswith("Vibration unlike this machine's normal: score 0.90")


def test_a_kind_that_cannot_be_told_is_said_plainly():
    emitted = Emitted()
    pipeline = make_pipeline(FakeClock(start_s=0.0), emitted)
    pipeline.diagnoser = diagnoser(UNCLEAR)
    pipeline.judge(window(9000))
    why = emitted.decisions[-1].why
    assert "What kind it is cannot be told." in why["text"]
    assert "type" not in why


def test_a_model_that_waits_for_its_normal_leaves_its_windows_unknown_with_the_reason():
    emitted = Emitted()
    pipeline = make_pipeline(FakeClock(start_s=0.0), emitted, gate_above=50)
    ready = pipeline.model

    class Waiting:
        identity = ready.identity
        unready = "normal has not been learnt: run `edge-app learn`"

    pipeline.use_model(Waiting())  # type: ignore[arg-type]
    judgement = pipeline.judge(window(9000))
    assert (judgement.verdict, judgement.inference) == ("unknown", None)
    assert judgement.features is not None, "learning needs them"
    assert emitted.decisions[-1].why["text"] == "Cannot judge: normal has not been learnt: run `edge-app learn`."
    assert pipeline.judge(window(9000, level=10, at_s=2.0)).verdict == "idle"
    pipeline.use_model(ready)
    assert pipeline.judge(window(9000, at_s=3.0)).verdict == "judged"


APP = """
app: pump
version: 1.0.0
sensors:
  vibration: {quantity: acceleration, unit: g, min_rate_hz: 3200, axes: 1}
pipelines:
  bearing:
    sensor: vibration
    window: {seconds: 1.0, hop_s: 0.5}
    features: {plugin: vibration, band_hz: [10, 1400]}
    model: {plugin: gaussian}
    diagnose:
      features: {plugin: bearing_lines}
      model: {plugin: bearing_type}
      above: 0.6
      of: 3
    decision: {plugin: anomaly, raise_above: 0.8, clear_below: 0.6}
tunable: [pipelines.bearing.diagnose.above, pipelines.bearing.diagnose.model.lead_db]
"""


def app(tmp_path: Path, text: str = APP) -> Path:
    (tmp_path / "app.yaml").write_text(text)
    return tmp_path


def test_an_app_names_its_second_model_and_what_it_reads(tmp_path: Path):
    (pipeline,) = load_app(app(tmp_path)).pipelines
    assert pipeline.diagnose is not None
    assert (pipeline.diagnose.above, pipeline.diagnose.of) == (0.6, 3)
    assert pipeline.diagnose.model.plugin.name == "bearing_type"
    assert try_app(load_app(tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bearing_type}", "bearing_tipe}", "no model plugin `bearing_tipe`"),
        ("of: 3", "off: 3", "off"),
        ("above: 0.6", "above: 6", "above"),
        ("diagnose.above,", "diagnose.abov,", "`pipelines.bearing.diagnose.abov` is no key of this app"),
        ("diagnose.above,", "diagnose.features,", "is no key of this app"),
    ],
)
def test_mistakes_in_the_block_are_named(tmp_path: Path, old: str, new: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load_app(app(tmp_path, APP.replace(old, new)))


def test_a_second_model_must_tell_kinds_apart(tmp_path: Path):
    text = APP.replace("{plugin: bearing_type}", "{plugin: gaussian}").replace(
        ", pipelines.bearing.diagnose.model.lead_db", ""
    )
    (error,) = try_app(load_app(app(tmp_path, text)))
    assert isinstance(error, ModelError)
    assert "diagnose: the model gaussian tells no kinds apart" in str(error)
