"""Why a window was judged as it was, in words a maintenance person understands.

Every explanation is plain data for the message's `why`: {"text": sentence, "top": [[feature, dB × 10, share in %], …]}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from edge_app.core.results import FeatureVector, Inference
from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE, SCORE_ONE

TOP_MAX = 5
"""Most features named in `top`."""
NAMED_MAX = 2
"""Most features named in the sentence."""
SHARE_MIN_PERCENT = 5
"""A feature with a smaller share of the model's error is not worth a word."""
LINE_MIN_DB, LINE_LEAD_DB = 15.0, 5.0
"""A bearing line is named when it stands this far above its surroundings, and this far above every other line.

A healthy bearing shows up to 8 dB at every line (the highest of a few bins always stands above their median), and a
wrong shaft speed finds 14 dB where nothing is: measured on the CWRU recordings. A wrong part named is worse than none.
"""

Why = dict[str, Any]

LINES = {
    "bpfo": ("outer race", "BPFO"),
    "bpfi": ("inner race", "BPFI"),
    "bsf": ("rolling element", "BSF"),
    "ftf": ("cage", "FTF"),
}
"""Evidence of the feature extractor: which part of a bearing each line belongs to, and its usual short name."""

_BAND = re.compile(r"(?:axis(?P<axis>\d+)_)?band_(?P<low>[\d.]+)_(?P<high>[\d.]+)_hz")
_AXIS = re.compile(r"(?:axis(?P<axis>\d+)_)?(?P<name>.+)")
_WORDS = {
    "rms_g": "overall vibration (rms)",
    "rms_fs": "the sound level (rms)",
    "peak_g": "the highest peak",
    "crest": "the crest factor (peaks against rms)",
    "kurtosis": "kurtosis (how impulsive it is)",
    "velocity_rms_mmps": "vibration velocity (rms)",
}
_UNITS = {"g": "g", "fs": "of full scale", "mmps": "mm/s", "hz": "Hz"}


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
    event: str, decider: Any, judgement: JudgementView, extractor: Physical, gate: GateView | None
) -> Why:
    """`why` of an event that came of a window."""
    head = _event_words(event, decider, judgement, extractor, gate)
    tail, top = _findings(judgement, extractor) if event in ("raised", "changed", "unshelved") else ("", [])
    why: Why = {"text": _sentences(head, tail, _standing_words(event, decider), _withheld_words(event, decider))}
    if top:
        why["top"] = top
    return why


def explain_verdict(decider: Any, judgement: JudgementView, extractor: Physical, gate: GateView | None) -> Why:
    """`why` of the last window, whether or not it led to an event: for `edge-app why`."""
    if judgement.verdict == "unknown":
        return {"text": _sentences(_cannot_judge(judgement), _standing_words("unknown", decider))}
    if judgement.verdict == "idle":
        return {"text": _sentences(_stands_still(judgement, extractor, gate), _standing_words("idle", decider))}
    tail, top = _findings(judgement, extractor)
    head = f"{_score_words(decider, judgement)}; {_why_no_event(decider, judgement)}"
    return {"text": _sentences(head, tail), "top": top}


def _event_words(event: str, decider: Any, judgement: JudgementView, extractor: Physical, gate: GateView | None) -> str:
    if event == "unknown":
        return _cannot_judge(judgement)
    if event == "idle":
        return _stands_still(judgement, extractor, gate)
    score = _score_words(decider, judgement, event)
    if event == "raised":
        return f"Vibration unlike this machine's normal: {score}"
    if event == "cleared":
        return f"Back to normal: {score}"
    if event == "known":
        return f"The machine can be judged: {score}"
    if event == "started":
        return f"The machine runs: {score}"
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
    return "Cannot judge: " + (", ".join(reasons[:3]) if reasons else "no usable data")


def _stands_still(judgement: JudgementView, extractor: Physical, gate: GateView | None) -> str:
    if gate is None or judgement.features is None:
        return "The machine stands still; not judged"
    value = extractor.physical(gate.feature, gate.value(judgement.features))
    limit = extractor.physical(gate.feature, gate.level)
    unit = _unit_of(gate.feature)
    return f"The machine stands still: {feature_words(gate.feature)} {value:.2g}{unit} is not above {limit:.2g}{unit}"


def _standing_words(event: str, decider: Any) -> str:
    if event in ("unknown", "idle") and getattr(decider, "standing", False):
        return "The alarm raised before stands until the machine is judged normal"
    return ""


def _withheld_words(event: str, decider: Any) -> str:
    withheld = int(getattr(decider, "withheld", 0))
    if event in ("raised", "changed", "unshelved") and withheld:
        return f"{withheld} alarm{'s' if withheld > 1 else ''} held back since the start (shelf, parent or rate limit)"
    return ""


def _findings(judgement: JudgementView, extractor: Physical) -> tuple[str, list[list[Any]]]:
    """A sentence about what differs most from normal, and the same as data."""
    features, inference = judgement.features, judgement.inference
    if features is None or inference is None:
        return "", []
    top = top_features(features, inference)
    parts = []
    for name, change_db10, share in top[:NAMED_MAX]:
        if share >= SHARE_MIN_PERCENT:
            value = extractor.physical(name, _value_of(features, name))
            parts.append(_difference_words(name, change_db10 / 10, share, value))
    text = "Most unusual: " + ", ".join(parts) if parts else ""
    return _sentences(text, line_words(features.evidence)), top


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
            found.append([names[index], _db10(names[index], change), share])
    return found


def line_words(evidence: Any) -> str:
    """A sentence about the bearing line that stands out most from its surroundings, empty when none does.

    `evidence` maps bpfo, bpfi, bsf, ftf to the line's power over its surroundings, and bpfo_hz … to its frequency
    when known: both log2 in Q8.
    """
    lines = [(int(evidence[name]), name) for name in LINES if name in evidence]
    if not lines:
        return ""
    lines.sort(reverse=True)
    height, name = lines[0]
    height_db = height * DB_PER_POWER_OCTAVE / LOG2_ONE
    lead_db = height_db - lines[1][0] * DB_PER_POWER_OCTAVE / LOG2_ONE if len(lines) > 1 else height_db
    if height_db < LINE_MIN_DB or lead_db < LINE_LEAD_DB:
        return ""
    part, short = LINES[name]
    where = f" at {2 ** (int(evidence[name + '_hz']) / LOG2_ONE):.0f} Hz" if name + "_hz" in evidence else ""
    return f"The {part} line ({short}{where}) stands {height_db:.0f} dB above its surroundings: look at the bearing"


def feature_words(name: str) -> str:
    """A feature's name as people say it."""
    band = _BAND.fullmatch(name)
    if band:
        return f"{band['low']}-{band['high']} Hz{_axis_words(band['axis'])}"
    match = _AXIS.fullmatch(name)
    if match is None:
        return name
    return _WORDS.get(match["name"], match["name"].replace("_", " ")) + _axis_words(match["axis"])


def _axis_words(axis: str | None) -> str:
    return "" if axis is None else f" on axis {'xyz'[int(axis)] if int(axis) < 3 else axis}"


def _unit_of(name: str) -> str:
    unit = _UNITS.get(name.rsplit("_", 1)[-1], "") if "_" in name else ""
    return f" {unit}" if unit else ""


def _difference_words(name: str, change_db: float, share: int, value: float) -> str:
    relation = "above" if change_db >= 0 else "below"
    amount = f"{abs(change_db):.1f} dB {relation} normal"
    now = "" if _is_power(name) else f", now {value:.2g}{_unit_of(name)}"
    return f"{feature_words(name)} {amount}{now} ({share} % of the difference)"


def _is_power(name: str) -> bool:
    """Bands are powers; levels, ratios and velocity are amplitudes."""
    return _BAND.fullmatch(name) is not None


def _db10(name: str, change_q8: int) -> int:
    """A change of log2 in Q8 as dB × 10."""
    per_octave = DB_PER_POWER_OCTAVE * (1 if _is_power(name) else 2)
    return round(change_q8 * per_octave * 10 / LOG2_ONE)


def _value_of(features: FeatureVector, name: str) -> int:
    return int(features.values[features.schema.names.index(name)])


def _sentences(*parts: str) -> str:
    return " ".join(part if part.endswith(".") else part + "." for part in _present(parts))


def _present(parts: Sequence[str]) -> list[str]:
    return [part for part in parts if part]
