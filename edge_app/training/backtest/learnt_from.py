"""Which recordings of a backtest a deployed model learnt from: how it does on those proves nothing."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from edge_app.config.resolved import ResolvedApp
from edge_app.inference.manifest import load_manifest
from edge_app.training.evaluation.uses import Use, copied_from, manifest_uses, same_name
from edge_app.training.importers.base import Recording, Signal


def remarks_on(app: ResolvedApp, pipelines: list[str], recording: Recording, signal: Signal) -> list[str]:
    """A sentence for each pipeline whose model learnt from this recording, or from its samples under another name."""
    found = []
    for spec in app.pipelines:
        file = getattr(spec.model.config, "file", None)
        if spec.name not in pipelines or not file:
            continue
        uses = [use for use in _uses_of(app.folder / file) if use.split == "train"]
        named = [use for use in uses if same_name(use, recording)]
        twin = None if named else copied_from(signal, uses)
        for use in named or ([twin] if twin else []):
            part = f"{use.span_s[0]:g} to {use.span_s[1]:g} s of " if use.span_s else ""
            alias = f" (as {use.name})" if use is twin else ""
            found.append(f"the model of {spec.name} learnt from {part}it{alias}: what it does there proves nothing")
    return found


@lru_cache(maxsize=16)
def _uses_of(model_file: Path) -> tuple[Use, ...]:
    return tuple(manifest_uses(load_manifest(model_file.with_suffix(".json")).data))
