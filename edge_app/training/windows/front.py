"""One pipeline of an app as far as signals matter: slot, window, features, decider; no model is read."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_app.config import registry
from edge_app.config.apps import app_document as read_app
from edge_app.config.apps import check_stage
from edge_app.config.errors import Problems, nearest, validated
from edge_app.config.load import Document
from edge_app.config.schema import AppConfig, PipelineConfig, SlotConfig
from edge_app.core.errors import ConfigError
from edge_app.core.frames import Window
from edge_app.core.gate import make_gate
from edge_app.core.plugin import DeciderContext, FeatureContext
from edge_app.core.results import FeatureVector
from edge_app.core.stages import FeatureExtractor


@dataclass(frozen=True)
class Front:
    """What recordings meet before and after the model."""

    app_dir: Path
    app: AppConfig
    slot: SlotConfig
    pipeline: PipelineConfig
    features: Any
    """Stage (plugin and config) of the features."""
    decision: Any
    """Stage of the decider."""
    gate_features: Any = field(default=None, kw_only=True)
    """Stage of the pipeline's own features, where these are those of a `diagnose:` block: the gate reads them."""

    def idle_test(
        self, extractor: FeatureExtractor, rate_hz: float, scale: float
    ) -> Callable[[Window, FeatureVector], bool] | None:
        """Whether the machine stands still in a window, as the device's gate finds it; None for apps without a gate."""
        config = self.pipeline.gate
        if config is None:
            return None
        if self.gate_features is None:
            gate = make_gate(extractor, config.feature, config.above)
            return lambda _, vector: gate.is_closed(vector)
        own = self._create(self.gate_features, rate_hz, scale, {})
        own_gate = make_gate(own, config.feature, config.above)
        return lambda window, _: own_gate.is_closed(own.extract(window))

    def extractor(self, rate_hz: float, scale: float, machine: Mapping[str, Any] | None = None) -> FeatureExtractor:
        """The app's features for a sensor of this rate (Hz) and scale (units per count).

        `machine` is what a device's `machine:` block would say, as plain values.
        """
        return self._create(self.features, rate_hz, scale, machine or {})

    def _create(self, stage: Any, rate_hz: float, scale: float, machine: Mapping[str, Any]) -> FeatureExtractor:
        context = FeatureContext(
            rate_hz=rate_hz,
            scale=scale,
            unit=self.slot.unit,
            n_axes=self.slot.axes,
            window_s=self.pipeline.window.seconds,
            min_rate_hz=self.slot.min_rate_hz,
            machine=machine,
        )
        made: FeatureExtractor = stage.plugin.create(stage.config, context)
        return made

    def decider(self) -> Any:
        """A fresh decider, as the app configures it."""
        window = self.pipeline.window
        context = DeciderContext(window_ms=round(window.seconds * 1000), hop_ms=round(window.hop_s * 1000))
        return self.decision.plugin.create(self.decision.config, context)

    @property
    def raise_score(self) -> int:
        """The app's raise threshold, 0..10000."""
        return int(self.decider().threshold)


def app_document(path: Path, changes: Mapping[str, Any] | None = None) -> Document:
    """An app's file with some keys set differently, before anything is checked.

    Parameters
    ----------
    path : Path
        The app's folder, or its `app.yaml`.
    changes : mapping of dotted path to value
        {"pipelines.bearing.window": {"seconds": 0.1, "hop_s": 0.1}}: the last part may be new, the others must exist.

    Raises
    ------
    ConfigError
        The file is wrong, or a path leads nowhere.
    """
    document = read_app(path)
    if not changes:
        return document
    data = copy.deepcopy(document.data)
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        block: Any = data
        for part in parents:
            if not isinstance(block, dict) or part not in block:
                known = list(block) if isinstance(block, dict) else []
                guess = nearest(part, known)
                hint = f"Did you mean `{guess}`? " if guess else ""
                raise ConfigError(
                    f"`{dotted}`: {document.name} has no `{part}` there.", f"{hint}There is: {', '.join(known)}."
                )
            block = block[part]
        if not isinstance(block, dict):
            raise ConfigError(f"`{dotted}`: `{parents[-1]}` is a value, not a block.", "Shorten the path.")
        block[last] = copy.deepcopy(value)
    return Document(document.path, data, document.lines)


def load_front(document: Document, pipeline: str, part: str = "model") -> Front:
    """The front of one pipeline, or of its `diagnose:` block. Raises ConfigError, PluginError."""
    app = validated(AppConfig, document)
    if pipeline not in app.pipelines:
        guess = nearest(pipeline, list(app.pipelines))
        hint = f"Did you mean `{guess}`? " if guess else ""
        raise ConfigError(
            f"{document.name} has no pipeline `{pipeline}`.", f"{hint}Pipelines: {', '.join(app.pipelines)}."
        )
    config = app.pipelines[pipeline]
    folder = document.path.parent
    local = registry.load_local(folder / app.plugins) if app.plugins else {}
    problems = Problems()
    here: tuple[str, ...] = ("pipelines", pipeline)
    own = part == "diagnose" and "features" in document.data["pipelines"][pipeline].get("diagnose", {})
    features = check_stage(
        "features", document, (*here, "diagnose", "features") if own else (*here, "features"), problems, local
    )
    whole = check_stage("features", document, (*here, "features"), problems, local) if own else None
    decision = check_stage("deciders", document, (*here, "decision"), problems, local)
    problems.raise_if_any()
    return Front(folder, app, app.sensors[config.sensor], config, features, decision, gate_features=whole)
