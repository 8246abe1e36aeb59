"""The convolutional classifier: without torch a plain word, with torch the same bytes twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_app.cli.main import main
from edge_app.core.errors import ModelError, PluginError
from edge_app.core.results import FeatureSchema
from edge_app.training.trainers.convolution import _waveform, load_torch

APP = """app: cnn_pump
version: 1.0.0
recipe: cnn.yaml
sensors:
  vibration: {quantity: acceleration, unit: g, min_rate_hz: 3200, axes: 1}
pipelines:
  pump:
    sensor: vibration
    window:   {seconds: 0.5, hop_s: 0.25}
    features: {plugin: waveform, samples: 256, rate_hz: 1600, top_hz: 700}
    model:    {plugin: tflite, file: models/pump_cnn.tflite, engine: exact}
    decision: {plugin: anomaly, raise_above: 0.80, clear_below: 0.60, hits: 3, of: 5}
"""
RECIPE = """pipeline: pump
name: pump_cnn
kind: cnn
hop_s: 0.25
train:
  - {simulated: pump, rate_hz: 3332, seconds: 60, seed: 1, profile: steady, span_s: [20, 60]}
  - {simulated: pump, rate_hz: 3332, seconds: 60, seed: 2, profile: steady, fault: outer, severity: 2.0, label: outer,
     span_s: [20, 60]}
classes: {healthy: [healthy], outer: [outer]}
alarm: [outer]
cnn: {channels: [8, 12], kernel: 7, epochs: 10, shift: 0.1, noise: 0.05}
prune: {keep: 0.5, epochs: 4, margin: 0.05}
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.yaml").write_text(APP)
    (tmp_path / "cnn.yaml").write_text(RECIPE)
    return tmp_path


def test_without_torch_the_extra_is_named_before_anything_is_read(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(PluginError, match=r"edge-app\[train-torch\]"):
        load_torch()
    assert main(["train", str(app)]) == 2
    said = capsys.readouterr()
    assert "edge-app[train-torch]" in said.err
    assert said.out == ""


def test_features_that_are_no_waveform_are_refused() -> None:
    with pytest.raises(ModelError, match=r"takes the signal itself, the features are vibration/1"):
        _waveform(FeatureSchema("vibration/1", ("rms_g",)))


@pytest.mark.torch
@pytest.mark.slow
def test_a_network_is_trained_pruned_and_quantised_to_the_same_bytes_twice(app: Path, tmp_path: Path) -> None:
    for out in ("first", "second"):
        assert main(["train", str(app), "--out", str(tmp_path / out)]) == 0
    for suffix in ("tflite", "json", "md", "steps.npz"):
        first, second = ((tmp_path / out / f"pump_cnn.{suffix}").read_bytes() for out in ("first", "second"))
        assert first == second
    manifest = json.loads((tmp_path / "first" / "pump_cnn.json").read_text())
    assert manifest["input"]["shape"] == [1, 256, 1, 1]
    assert manifest["metrics"]["pruning"]["taken"]
    assert manifest["metrics"]["int8"]["macro_f1"] > 0.9
    assert abs(manifest["metrics"]["int8"]["macro_f1"] - manifest["metrics"]["float"]["macro_f1"]) <= 0.03
    for engine, found in manifest["engines"].items():
        assert found["differing_bytes_percent"] == 0.0 or "BUILTIN_REF" not in engine


@pytest.mark.torch
@pytest.mark.slow
def test_our_layers_give_what_torch_gave() -> None:
    """The folded layers, in our arithmetic, against the network with batch normalisation beside the convolutions."""
    from edge_app.config.recipe import RecipeConfig
    from edge_app.inference.manifest import Standardize
    from edge_app.training.network.classifier import Labelled
    from edge_app.training.network.exact import softmax
    from edge_app.training.network.layers import forward
    from edge_app.training.progress import Silent
    from edge_app.training.trainers.classes import Prepared
    from edge_app.training.trainers.convolution import ConvolutionTrainer

    recipe = RecipeConfig.model_validate(
        {
            "pipeline": "p",
            "name": "toy",
            "kind": "cnn",
            "train": [{"file": "x.wav"}],
            "classes": {"a": ["a"], "b": ["b"]},
            "alarm": ["b"],
        }
    )
    random = np.random.RandomState(1)
    data = Labelled(np.rint(16 * random.standard_normal((64, 50))) / 16, random.randint(0, 2, 64), 2)
    trainer = ConvolutionTrainer(
        Prepared(Standardize((0,), (1,), 1), data, data, 0.0), recipe, np.ones(2), (25, 2), 7, Silent()
    )
    net = trainer._new([6, 5])
    torch = load_torch()
    inputs = torch.tensor(data.inputs, dtype=torch.float32)
    for _ in range(5):
        trainer._logits(net, inputs, True)  # moves the running means away from 0 and 1
    with torch.no_grad():
        logits = trainer._logits(net, inputs, False).numpy().astype(float)
    assert np.max(np.abs(forward(trainer._folded(net), data.inputs) - softmax(logits))) < 0.003
