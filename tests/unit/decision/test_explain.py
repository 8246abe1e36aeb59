"""Sentences a maintenance person can act on, from numbers stated here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_app.core.frames import Quality
from edge_app.core.gate import Gate
from edge_app.core.results import Diagnosis, FeatureSchema, FeatureVector, Inference
from edge_app.decision.anomaly import AnomalyDecider
from edge_app.decision.explain import explain_event, explain_verdict, top_features
from edge_app.decision.words import feature_words, vocabulary

NAMES = ("rms_g", "kurtosis", "band_10_20_hz", "axis2_band_950_1100_hz")
GATE = Gate("rms_g", 0, -1701)  # log2(0.01) in Q8


class Extractor:
    """log2 in Q8 and back."""

    def physical(self, feature: str, level: int) -> float:
        return float(2 ** (level / 256))


@dataclass
class Judged:
    window: Any
    verdict: str
    features: FeatureVector | None
    inference: Inference | None
    diagnosis: Diagnosis | None = None
    unready: str = ""


def judged(score: int = 9300, verdict: str = "judged") -> Judged:
    values = np.array([256, 406, 0, 512], np.int16)  # rms 2 g, kurtosis 3, band powers 1 and 4 g²
    baseline = np.array([0, 406, 0, -512], np.int16)  # so rms doubled (6.0 dB), the last band grew by 2**4 (12.0 dB)
    contributions = np.array([200, 0, 0, 800], np.int32)
    features = FeatureVector(values, FeatureSchema("vibration/1", NAMES))
    return Judged(
        SimpleNamespace(quality=Quality(100)), verdict, features, Inference(1000, score, contributions, baseline)
    )


def raised_decider() -> AnomalyDecider:
    decider = AnomalyDecider(8000, 6000, 3, 5)
    for index in range(3):
        events = decider.step("judged", 9300, index * 500)
    assert "raised" in events
    return decider


def explain(event: str, decider: AnomalyDecider, judgement: Judged) -> dict[str, Any]:
    return explain_event(event, decider, judgement, Extractor(), GATE)


def test_an_alarm_names_score_threshold_and_what_differs_most() -> None:
    why = explain("raised", raised_decider(), judged())
    assert why["text"] == (
        "Vibration unlike this machine's normal: "
        "score 0.93 is above 0.80 (3 of the last 5 windows speak for an alarm). "
        "Most unusual: 950-1100 Hz on axis z 12.0 dB above normal (80 % of the difference), "
        "overall vibration (rms) 6.0 dB above normal, now 2 g (20 % of the difference)."
    )
    assert why["top"] == [["axis2_band_950_1100_hz", 120, 80], ["rms_g", 60, 20]]


def test_only_plain_integers_reach_the_message() -> None:
    for name, change, share in top_features(judged().features, judged().inference):  # type: ignore[arg-type]
        assert (type(name), type(change), type(share)) == (str, int, int)


def test_a_kind_is_named_with_what_the_window_shows_of_it() -> None:
    judgement = judged()
    judgement.diagnosis = Diagnosis("inner", 93, seen="BPFI, 162 Hz, stands 18 dB above its surroundings")
    why = explain("raised", raised_decider(), judgement)
    assert (
        "Most like: inner race fault (93 %): BPFI, 162 Hz, stands 18 dB above its surroundings. Most unusual:"
        in why["text"]
    )
    assert why["type"] == ["inner", 93]


def test_the_end_of_an_alarm_names_the_clearing_threshold() -> None:
    decider = raised_decider()
    for index in range(3):
        decider.step("judged", 2000, 2000 + index * 500)
    text = explain("cleared", decider, judged(2000))["text"]
    assert text.startswith("Back to normal: score 0.20 is below 0.60")


def test_bad_data_are_named() -> None:
    judgement = Judged(
        SimpleNamespace(quality=Quality(10, ("312 samples lost", "clipped 4.1 %"), False)), "unknown", None, None
    )
    decider = raised_decider()
    for index in range(3):
        decider.step("unknown", -1, 3000 + index * 500)
    assert explain("unknown", decider, judgement)["text"] == (
        "Cannot judge: 312 samples lost, clipped 4.1 %. "
        "The alarm raised before stands until the machine is judged normal."
    )


def test_a_stopped_machine_is_explained_by_its_gate() -> None:
    judgement = judged(verdict="idle")
    judgement.inference = None
    assert judgement.features is not None
    judgement.features.values[0] = -2035  # 2**(-2035/256) = 0.00404
    text = explain_verdict(AnomalyDecider(8000, 6000), judgement, Extractor(), GATE)["text"]
    assert text == "The machine stands still: overall vibration (rms) 0.004 g is not above 0.01 g."


def test_a_silent_window_says_why_nothing_was_said() -> None:
    decider = AnomalyDecider(8000, 6000, 3, 5)
    decider.step("judged", 9300, 0)
    text = explain_verdict(decider, judged(), Extractor(), GATE)["text"]
    assert "3 are needed, so nothing is said yet" in text
    decider.step("judged", 100, 500)
    assert "so there is nothing to say" in explain_verdict(decider, judged(100), Extractor(), GATE)["text"]


def test_every_event_gives_a_sentence() -> None:
    for event in ("raised", "cleared", "changed", "unknown", "known", "idle", "started", "unshelved"):
        assert explain(event, raised_decider(), judged())["text"].endswith(".")


def test_features_without_a_word_of_their_own_keep_their_name() -> None:
    assert feature_words("band_10_12.5_hz") == "10-12.5 Hz"
    assert feature_words("axis0_rms_g") == "overall vibration (rms) on axis x"
    assert feature_words("pulse_rate") == "pulse rate"


def test_a_classifiers_own_label_is_told_with_its_share() -> None:
    judgement = judged()
    assert judgement.inference is not None
    shares = (("normal", 650), ("ventricular", 9310), ("supraventricular", 40))
    judgement.inference = replace(judgement.inference, label="ventricular", shares=shares)
    why = explain_event("raised", raised_decider(), judgement, Extractor(), GATE, vocabulary("ecg"))
    assert why["text"].startswith("Heartbeats out of the ordinary: score 0.93 is above 0.80")
    assert "Most like: ventricular (93 %)." in why["text"]
    assert why["type"] == ["ventricular", 93]


def test_a_label_without_shares_is_a_sentence_of_its_own() -> None:
    judgement = judged()
    assert judgement.inference is not None
    judgement.inference = replace(judgement.inference, label="heart rate above 130 bpm")
    why = explain("raised", raised_decider(), judgement)
    assert "Heart rate above 130 bpm." in why["text"]
    assert "type" not in why


def test_an_extractor_with_words_of_its_own_describes_the_window_itself() -> None:
    class Describing(Extractor):
        def describe(self, vector: FeatureVector) -> str:
            return "Heart rate 142 bpm over 70 beats"

    why = explain_event("raised", raised_decider(), judged(), Describing(), GATE, vocabulary("pulse"))
    assert why["text"].startswith("Pulse out of the ordinary")
    assert "Heart rate 142 bpm over 70 beats." in why["text"]
    assert "Most unusual" not in why["text"]
    assert "top" not in why


@pytest.mark.parametrize(
    ("quantity", "unusual", "still"),
    [
        ("acceleration", "Vibration unlike this machine's normal", "The machine stands still"),
        ("sound", "Sound unlike this machine's normal", "The machine stands still"),
        ("ecg", "Heartbeats out of the ordinary", "There are no heartbeats"),
        ("pulse", "Pulse out of the ordinary", "There is no pulse"),
        ("light", "Signal out of the ordinary", "There is nothing to judge"),
    ],
)
def test_words_suit_what_is_sensed(quantity: str, unusual: str, still: str) -> None:
    words = vocabulary(quantity)
    assert explain_event("raised", raised_decider(), judged(), Extractor(), GATE, words)["text"].startswith(unusual)
    idle = judged(verdict="idle")
    assert explain_verdict(AnomalyDecider(8000, 6000), idle, Extractor(), GATE, words)["text"].startswith(still)
