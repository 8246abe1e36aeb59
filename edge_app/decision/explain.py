"""Why a window was judged as it was, in words a maintenance person understands.

Every explanation is plain data for the message's `why`: {"text": sentence, "top": [[feature, dB × 10, share in %], …],
"type": [kind, share in %]}. The words suit what is sensed (words.py); an extractor with a method
`describe(vector) -> str` says in its own words what a window holds, instead of naming its most unusual features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from edge_app.core.results import Diagnosis, FeatureVector, Inference
from edge_app.core.units import SCORE_ONE
from edge_app.decision.words import (
    VIBRATION,
    Vocabulary,
    change_db10,
    difference_words,
    feature_words,
    kind_words,
    unit_of,
)

TOP_MAX = 5
"""Most features named in `top`."""
NAMED_MAX = 2
"""Most features named in the sentence."""
SHARE_MIN_PERCENT = 5
"""A feature with a smaller share of the model's error is not worth a word."""
Why = dict[str, Any]


class JudgementView(Protocol):
    """What an explanation reads of one window's way through the pipeline."""

    @property
    def window(self) -> Any: ...
    @property
    def verdict(self) -> str: ...
    @property
    def features(self) -> FeatureVector | None: ...
    @property
    def inference(self) -> Inference | None: ...
    @property
    def diagnosis(self) -> Diagnosis | None: ...
    @property
    def unready(self) -> str: ...


class GateView(Protocol):
    """What an explanation reads of the operating gate."""

    @property
    def feature(self) -> str: ...
    @property
    def level(self) -> int: ...
    def value(self, features: FeatureVector, /) -> int: ...


class Physical(Protocol):
    """The extractor, for its physical values."""

    def physical(self, feature: str, log2_q8: int, /) -> float: ...


def explain_event(
    event: str,
    decider: Any,
    judgement: JudgementView,
    extractor: Physical,
    gate: GateView | None,
    words: Vocabulary = VIBRATION,
) -> Why:
    """`why` of an event that came of a window."""
    head = _event_words(event, decider, judgement, extractor, gate, words)
    text, findings = _findings(judgement, extractor) if event in ("raised", "changed", "unshelved") else ("", {})
    standing = _standing_words(event, decider, words)
    return {"text": _sentences(head, text, standing, _withheld_words(event, decider)), **findings}


def explain_verdict(
    decider: Any,
    judgement: JudgementView,
    extractor: Physical,
    gate: GateView | None,
    words: Vocabulary = VIBRATION,
) -> Why:
    """`why` of the last window, whether or not it led to an event: for `edge-app why`."""
    if judgement.verdict == "unknown":
        return {"text": _sentences(_cannot_judge(judgement), _standing_words("unknown", decider, words))}
    if judgement.verdict == "idle":
        still = _stands_still(judgement, extractor, gate, words)
        return {"text": _sentences(still, _standing_words("idle", decider, words))}
    text, findings = _findings(judgement, extractor)
    head = f"{_score_words(decider, judgement)}; {_why_no_event(decider, judgement)}"
    return {"text": _sentences(head, text), "top": [], **findings}


def _event_words(
    event: str,
    decider: Any,
    judgement: JudgementView,
    extractor: Physical,
    gate: GateView | None,
    words: Vocabulary,
) -> str:
    if event == "unknown":
        return _cannot_judge(judgement)
    if event == "idle":
        return _stands_still(judgement, extractor, gate, words)
    score = _score_words(decider, judgement, event)
    if event == "raised":
        return f"{words.unusual}: {score}"
    if event == "cleared":
        return f"Back to normal: {score}"
    if event == "known":
        return f"{words.known}: {score}"
    if event == "started":
        return f"{words.runs}: {score}"
    if event == "unshelved":
        return f"The shelf has ended: {score}"
    return _changed_words(decider, judgement)


def _changed_words(decider: Any, judgement: JudgementView) -> str:
    score = _score_words(decider, judgement)
    if decider.state in ("normal", "pending") and "latched" in decider.flags:
        return f"Judged normal again, but the alarm is latched until someone resets it: {score}"
    return f"The alarm still stands: {score}"


def _score_words(decider: Any, judgement: JudgementView, event: str = "") -> str:
    """The score against the threshold, and how many windows spoke for the alarm."""
    if judgement.inference is None:
        return "this window has no score"
    score, threshold = judgement.inference.score, decider.threshold_for(event)
    relation = "above" if score > threshold else "below" if score < threshold else "at"
    return (
        f"score {score / SCORE_ONE:.2f} is {relation} {threshold / SCORE_ONE:.2f} "
        f"({decider.hits} of the last {decider.of} windows speak for an alarm)"
    )


def _why_no_event(decider: Any, judgement: JudgementView) -> str:
    """What keeps the state as it is."""
    if decider.state == "active":
        return "the alarm stands until enough windows are below"
    if decider.state == "pending":
        return "an alarm is due once this has lasted long enough"
    if judgement.inference is not None and judgement.inference.score > decider.threshold:
        return f"{getattr(decider, 'hits_needed', decider.of)} are needed, so nothing is said yet"
    return "so there is nothing to say"


def _cannot_judge(judgement: JudgementView) -> str:
    doubts = judgement.features.doubts if judgement.features is not None else ()
    reasons = doubts or judgement.window.quality.reasons
    if judgement.unready:
        reasons = (judgement.unready,)
    return "Cannot judge: " + (", ".join(reasons[:3]) if reasons else "no usable data")


def _stands_still(judgement: JudgementView, extractor: Physical, gate: GateView | None, words: Vocabulary) -> str:
    if gate is None or judgement.features is None:
        return f"{words.still}; not judged"
    value = extractor.physical(gate.feature, gate.value(judgement.features))
    limit = extractor.physical(gate.feature, gate.level)
    unit = unit_of(gate.feature)
    return f"{words.still}: {feature_words(gate.feature)} {value:.2g}{unit} is not above {limit:.2g}{unit}"


def _standing_words(event: str, decider: Any, words: Vocabulary) -> str:
    if event in ("unknown", "idle") and getattr(decider, "standing", False):
        return f"The alarm raised before stands until {words.subject} is judged normal"
    return ""


def _withheld_words(event: str, decider: Any) -> str:
    withheld = int(getattr(decider, "withheld", 0))
    if event in ("raised", "changed", "unshelved") and withheld:
        return f"{withheld} alarm{'s' if withheld > 1 else ''} held back since the start (shelf, parent or rate limit)"
    return ""


def _findings(judgement: JudgementView, extractor: Physical) -> tuple[str, Why]:
    """Sentences about kind and about what differs most from normal, and the same as data ("top", "type")."""
    features, inference = judgement.features, judgement.inference
    if features is None or inference is None:
        return "", {}
    kind, data = _kind(judgement, inference)
    top = top_features(features, inference)
    describe = getattr(extractor, "describe", None)
    text = describe(features) if describe is not None else _unusual(features, top, extractor)
    if top and describe is None:
        data = {"top": top, **data}
    return _sentences(kind, text), data


def _unusual(features: FeatureVector, top: list[list[Any]], extractor: Physical) -> str:
    parts = []
    for name, db10, share in top[:NAMED_MAX]:
        if share >= SHARE_MIN_PERCENT:
            value = extractor.physical(name, _value_of(features, name))
            parts.append(difference_words(name, db10 / 10, share, value))
    return "Most unusual: " + ", ".join(parts) if parts else ""


def _kind(judgement: JudgementView, inference: Inference) -> tuple[str, Why]:
    """What kind of trouble: by the second model where there is one, else by the label the model itself gives."""
    diagnosis = judgement.diagnosis
    if diagnosis is None:
        return _label_words(inference)
    if not diagnosis.label:
        return "What kind it is cannot be told" + (f": {diagnosis.reason}" if diagnosis.reason else ""), {}
    return _most_like(diagnosis.label, diagnosis.percent, diagnosis.seen)


def _label_words(inference: Inference) -> tuple[str, Why]:
    """A label with shares is a class; one without is a sentence of its own (limits)."""
    if not inference.label:
        return "", {}
    shares = dict(inference.shares)
    if inference.label in shares:
        return _most_like(inference.label, (200 * shares[inference.label] + SCORE_ONE) // (2 * SCORE_ONE))
    return inference.label[0].upper() + inference.label[1:], {}


def _most_like(label: str, percent: int, seen: str = "") -> tuple[str, Why]:
    told = f"Most like: {kind_words(label)} ({percent} %)"
    return f"{told}: {seen}" if seen else told, {"type": [label, percent]}


def top_features(features: FeatureVector, inference: Inference) -> list[list[Any]]:
    """The features that weigh most in the model's error.

    Returns
    -------
    list of [name, change against the healthy baseline in dB × 10, share of the error in percent], at most TOP_MAX,
    largest share first; equal shares in the order of the schema.
    """
    weights = [int(each) for each in inference.contributions]
    total = sum(weights)
    if total <= 0:
        return []
    order = sorted(range(len(weights)), key=lambda index: (-weights[index], index))[:TOP_MAX]
    names = features.schema.names
    found = []
    for index in order:
        share = (200 * weights[index] + total) // (2 * total)
        if share > 0:
            change = int(features.values[index]) - int(inference.baseline[index])
            found.append([names[index], change_db10(names[index], change), share])
    return found


def _value_of(features: FeatureVector, name: str) -> int:
    return int(features.values[features.schema.names.index(name)])


def _sentences(*parts: str) -> str:
    return " ".join(part if part.endswith(".") else part + "." for part in _present(parts))


def _present(parts: Sequence[str]) -> list[str]:
    return [part for part in parts if part]
