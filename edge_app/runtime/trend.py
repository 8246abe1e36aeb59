"""What some features did in the last hour, for the hourly summary: lowest, highest, median."""

from __future__ import annotations

from array import array

from edge_app.core.results import FeatureVector
from edge_app.core.stages import FeatureExtractor
from edge_app.decision.words import feature_words, unit_of

MOST_KEPT = 1 << 16
"""Values kept of an hour; later ones are left out (a hop of 55 ms fills an hour)."""


class Trend:
    """Keeps the values of the features an extractor names in `told`; nothing for one that names none."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        self._extractor = extractor
        names = extractor.schema.names
        self._kept = {name: array("h") for name in getattr(extractor, "told", ())}
        self._places = {name: names.index(name) for name in self._kept}

    def add(self, features: FeatureVector) -> None:
        """Take the vector of a judged window."""
        for name, values in self._kept.items():
            if len(values) < MOST_KEPT:
                values.append(int(features.values[self._places[name]]))

    def take(self) -> str:
        """ "heart rate 58 to 92 bpm, median 71" of what was added since the last time; empty when nothing was."""
        parts = []
        for name, values in self._kept.items():
            if values:
                ordered = sorted(values)
                chosen = (ordered[0], ordered[-1], ordered[(len(ordered) - 1) // 2])
                low, high, middle = (_shown(self._extractor.physical(name, each)) for each in chosen)
                parts.append(f"{feature_words(name)} {low} to {high}{unit_of(name)}, median {middle}")
                del values[:]
        return "; ".join(parts)


def _shown(value: float) -> str:
    """As many digits as a step of 0.27 % allows and a person wants."""
    return f"{value:.0f}" if value >= 10.0 else f"{value:.2g}"
