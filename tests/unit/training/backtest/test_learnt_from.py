"""Recordings a deployed model learnt from are named: by their id, and by their samples under another name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_app.config.apps import load_app
from edge_app.inference.manifest import load_manifest
from edge_app.training.backtest.learnt_from import remarks_on
from edge_app.training.evaluation.uses import manifest_uses
from edge_app.training.importers.base import Recording, Signal

LEARNT = "bldc-audio/healthy_M1_1400_00_original"


def remarks(repository: Path, name: str, sha256: str = "") -> list[str]:
    app = load_app(repository / "apps" / "machine_sound")
    recording = Recording(name, "bldc-audio", "healthy", "M1", load=lambda: None)
    signal = Signal(name, np.zeros((1, 16000), np.int16), 1 / 32768, 16000.0, "fs", sha256)
    return remarks_on(app, ["sound"], recording, signal)


def test_a_recording_the_model_learnt_from_is_named(repository: Path):
    assert remarks(repository, LEARNT) == ["the model of sound learnt from it: what it does there proves nothing"]
    assert remarks(repository, "bldc-audio/healthy_M2_1400_00_original") == []


def test_so_is_a_copy_under_another_name(repository: Path):
    manifest = load_manifest(repository / "apps" / "machine_sound" / "models" / "sound_gaussian.json")
    digest = next(digest for use in manifest_uses(manifest.data) if use.name == LEARNT for digest in use.hashes)

    (remark,) = remarks(repository, "wav/copy", digest)
    assert f"(as {LEARNT})" in remark
