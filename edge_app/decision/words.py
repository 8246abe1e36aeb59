"""The words of explanations: what is sensed, what features and kinds of trouble are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_app.core.units import DB_PER_POWER_OCTAVE, LOG2_ONE


@dataclass(frozen=True)
class Vocabulary:
    """Beginnings of sentences that depend on what is sensed."""

    unusual: str
    """Of an alarm."""
    known: str
    """Of being able to judge again."""
    runs: str
    """Of the gate that has opened."""
    still: str
    """Of the gate that is closed."""
    subject: str
    """What is judged."""


def _machine(unusual: str) -> Vocabulary:
    return Vocabulary(
        unusual, "The machine can be judged", "The machine runs", "The machine stands still", "the machine"
    )


VIBRATION = _machine("Vibration unlike this machine's normal")

VOCABULARIES = {
    "acceleration": VIBRATION,
    "sound": _machine("Sound unlike this machine's normal"),
    "ecg": Vocabulary(
        "Heartbeats out of the ordinary",
        "The heartbeats can be judged",
        "There are heartbeats",
        "There are no heartbeats",
        "the heart",
    ),
    "pulse": Vocabulary(
        "Pulse out of the ordinary", "The pulse can be judged", "There is a pulse", "There is no pulse", "the pulse"
    ),
}
"""By quantity of the slot."""

ANYTHING = Vocabulary(
    "Signal out of the ordinary",
    "The signal can be judged",
    "There is something to judge",
    "There is nothing to judge",
    "the signal",
)
"""For quantities of an app's own."""

KINDS = {
    "outer": "outer race fault",
    "inner": "inner race fault",
    "ball": "rolling element fault",
    "cage": "cage fault",
}
"""Labels of bearing models, spelt out; other labels are words already."""

_BAND = re.compile(r"(?:axis(?P<axis>\d+)_)?band_(?P<low>[\d.]+)_(?P<high>[\d.]+)_hz")
_CHANGING = re.compile(r"(?P<kind>spread|flux)_(?P<low>[\d.]+)_(?P<high>[\d.]+)_hz")
_CHANGES = {"spread": "swelling and fading", "flux": "roughness"}
_AXIS = re.compile(r"(?:axis(?P<axis>\d+)_)?(?P<name>.+)")
_WORDS = {
    "rms_g": "overall vibration (rms)",
    "rms_fs": "the sound level (rms)",
    "peak_g": "the highest peak",
    "crest": "the crest factor (peaks against rms)",
    "kurtosis": "kurtosis (how impulsive it is)",
    "velocity_rms_mmps": "vibration velocity (rms)",
    "heart_rate_bpm": "heart rate",
    "sdnn_ms": "SDNN",
    "rmssd_ms": "RMSSD",
    "uneven_percent": "uneven intervals",
}
_UNITS = {"g": "g", "fs": "of full scale", "mmps": "mm/s", "hz": "Hz", "bpm": "bpm", "ms": "ms", "percent": "%"}


def vocabulary(quantity: str) -> Vocabulary:
    """Words for a slot's quantity."""
    return VOCABULARIES.get(quantity, ANYTHING)


def kind_words(label: str) -> str:
    """A model's label as people say it."""
    return KINDS.get(label, label.replace("_", " "))


def feature_words(name: str) -> str:
    """A feature's name as people say it."""
    band = _BAND.fullmatch(name)
    if band:
        return f"{band['low']}-{band['high']} Hz{_axis_words(band['axis'])}"
    changing = _CHANGING.fullmatch(name)
    if changing:
        return f"{_CHANGES[changing['kind']]} at {changing['low']}-{changing['high']} Hz"
    match = _AXIS.fullmatch(name)
    if match is None:
        return name
    return _WORDS.get(match["name"], match["name"].replace("_", " ")) + _axis_words(match["axis"])


def _axis_words(axis: str | None) -> str:
    return "" if axis is None else f" on axis {'xyz'[int(axis)] if int(axis) < 3 else axis}"


def unit_of(name: str) -> str:
    """Unit at the end of a feature's name, with a space before it; empty for a bare number."""
    unit = _UNITS.get(name.rsplit("_", 1)[-1], "") if "_" in name else ""
    return f" {unit}" if unit else ""


def difference_words(name: str, change_db: float, share: int, value: float) -> str:
    """A feature against normal: the change in dB, and what it is now where that says something.

    How much a level changes over time is itself in dB: its change is told as a factor.
    """
    if _CHANGING.fullmatch(name):
        times = 10.0 ** (change_db / 20.0)
        return f"{feature_words(name)} {times:.1f} times normal, now {value:.1f} dB ({share} % of the difference)"
    relation = "above" if change_db >= 0 else "below"
    amount = f"{abs(change_db):.1f} dB {relation} normal"
    now = "" if is_power(name) else f", now {value:.2g}{unit_of(name)}"
    return f"{feature_words(name)} {amount}{now} ({share} % of the difference)"


def is_power(name: str) -> bool:
    """Bands are powers; levels, ratios and velocity are amplitudes."""
    return _BAND.fullmatch(name) is not None


def change_db10(name: str, change_q8: int) -> int:
    """A change of log2 in Q8 as dB × 10."""
    per_octave = DB_PER_POWER_OCTAVE * (1 if is_power(name) else 2)
    return round(change_q8 * per_octave * 10 / LOG2_ONE)
