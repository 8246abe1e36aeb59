"""The second model of a pipeline (`diagnose`): what kind of trouble it is that the first one speaks of."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from edge_app.core.frames import Window
from edge_app.core.results import Diagnosis, FeatureVector
from edge_app.core.stages import FeatureExtractor, Model
from edge_app.core.units import SCORE_ONE

UNCLEAR = "unclear"
"""A label by which a model itself says that it cannot tell."""


class Diagnoser:
    """Names the kind whose share, averaged over the last windows looked at, is the largest.

    Parameters
    ----------
    model : Model
        A classifier: its inferences carry `shares`.
    extractor : FeatureExtractor or None
        Its own features; None when it reads the pipeline's.
    above : int
        Mean share 0..10000 from which on the kind is named.
    of : int
        Windows that are averaged; what lies further back than so many windows is forgotten.
    kinds : set of str
        Labels that are kinds of trouble; when another label leads, the kind cannot be told.
    """

    def __init__(
        self, model: Model, extractor: FeatureExtractor | None, above: int, of: int, kinds: frozenset[str]
    ) -> None:
        self.model = model
        self.extractor = extractor
        self._describe = getattr(extractor, "describe", None)
        self._above, self._of, self._kinds = above, of, kinds
        self._seen: deque[tuple[int, Mapping[str, int]]] = deque(maxlen=of)

    def look(self, window: Window, features: FeatureVector) -> Diagnosis:
        """Take one window that speaks for an alarm, or comes while one stands."""
        own = features if self.extractor is None else self.extractor.extract(window)
        inference = None if own.doubts else self.model.infer(own)
        while self._seen and self._seen[0][0] <= window.index - self._of:
            self._seen.popleft()
        self._seen.append((window.index, dict(inference.shares) if inference else {}))
        found = self._summary(own.doubts[0] if own.doubts else "")
        if self._describe is None or inference is None or inference.label != found.label:
            return found
        return replace(found, seen=self._describe(own))

    def _summary(self, reason: str) -> Diagnosis:
        totals: dict[str, int] = {}
        for _, shares in self._seen:
            for label, share in shares.items():
                totals[label] = totals.get(label, 0) + share
        label = max(totals, key=lambda each: totals[each], default="")
        mean = totals[label] // len(self._seen) if label else 0
        if label not in self._kinds or mean < self._above:
            return Diagnosis("", 0, reason)
        return Diagnosis(label, (200 * mean + SCORE_ONE) // (2 * SCORE_ONE))
