"""The operating gate: below its level the machine stands still and is not judged."""

from __future__ import annotations

from dataclasses import dataclass

from edge_app.core.results import FeatureVector
from edge_app.core.stages import FeatureExtractor

BESIDE_THE_VECTOR = -1
"""Index of a gate that reads evidence."""


@dataclass(frozen=True)
class Gate:
    """One gate of one pipeline."""

    feature: str
    index: int
    """Place of the feature in the vector; BESIDE_THE_VECTOR for one that is evidence."""
    level: int
    """log2 in Q8, as the feature itself."""

    def value(self, features: FeatureVector) -> int:
        """The gate's feature in this window."""
        if self.index == BESIDE_THE_VECTOR:
            return features.evidence[self.feature]
        return int(features.values[self.index])

    def is_closed(self, features: FeatureVector) -> bool:
        """Whether the machine stands still."""
        return self.value(features) <= self.level


def gate_names(extractor: FeatureExtractor) -> tuple[str, ...]:
    """What a gate may read: every feature, and what an extractor names in `gate_names` for it.

    The latter are levels no model shall see (the loudness of a sound), given as evidence with every window.
    """
    return (*extractor.schema.names, *getattr(extractor, "gate_names", ()))


def make_gate(extractor: FeatureExtractor, feature: str, above: float) -> Gate:
    """The gate on one of `gate_names(extractor)`, open above a physical value."""
    names = extractor.schema.names
    index = names.index(feature) if feature in names else BESIDE_THE_VECTOR
    return Gate(feature, index, extractor.level(feature, above))
