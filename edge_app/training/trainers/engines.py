"""Does every interpreter at hand give what our engine gives? Checked on a model before it is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.inference.autoencoder import Autoencoder
from edge_app.inference.graph import read_graph
from edge_app.inference.manifest import Manifest
from edge_app.inference.standardize import Standardizer
from edge_app.inference.tflite import Engine, NumpyEngine, litert, optimised, reference
from edge_app.training.protocols.base import Trail, events, infer_all
from edge_app.training.trainers.learn import Learnt
from edge_app.training.windows.recipes import Task

SAMPLES = 500


def compare_engines(learnt: Learnt, inputs: NDArray[np.int8], trails: list[Trail], task: Task) -> dict[str, Any]:
    """Agreement of each interpreter found with our engine, by the interpreter's name.

    Parameters
    ----------
    learnt : Learnt
        The finished model.
    inputs : ndarray of shape (n, n_features)
        Model inputs as they occur; at most SAMPLES of them are taken, evenly.
    trails, task
        The signals of the evaluation: do the same alarms come of them, at the same times?

    Raises
    ------
    ModelError
        When the reference interpreter gives other bytes: then the model must not be kept.
    """
    where, content = learnt.manifest.file, learnt.tflite
    chosen = inputs[:: max(1, len(inputs) // SAMPLES)][:SAMPLES]
    ours = NumpyEngine(read_graph(content, where))
    wanted = _outputs(ours, chosen)
    told = _events(trails, task, Autoencoder(learnt.manifest, ours))
    found: dict[str, Any] = {}
    for engine in (reference(content, where), optimised(content, where), litert(content, where)):
        if engine is None:
            continue
        given = _outputs(engine, chosen)
        differing = given != wanted
        _check_exact(engine, given, wanted, where)
        others = _events(trails, task, Autoencoder(learnt.manifest, engine))
        found[str(engine.facts)] = {
            "inputs": len(chosen),
            "differing_bytes_percent": round(100.0 * float(differing.mean()), 2),
            "most_steps": int(np.max(np.abs(given.astype(int) - wanted), initial=0)),
            "signals": len(trails),
            "same_events": sum(other == each for other, each in zip(others, told, strict=True)),
        }
    return found


def _events(trails: list[Trail], task: Task, model: Autoencoder) -> list[list[tuple[str, float]]]:
    """What the decider tells of each trail."""
    return [events(trail, infer_all(model, trail), task.decider()) for trail in trails]


def agreement(content: bytes, manifest: Manifest, features: NDArray[np.int16]) -> dict[str, Any]:
    """Agreement of each interpreter found with our engine on a classifier's inputs, by the interpreter's name.

    Raises
    ------
    ModelError
        When the reference interpreter gives other bytes: then the model must not be kept.
    """
    where = manifest.file
    chosen = features[:: max(1, len(features) // SAMPLES)][:SAMPLES]
    inputs = np.clip(Standardizer(manifest.standardize).steps(chosen), -128, 127).astype(np.int8)
    wanted = _outputs(NumpyEngine(read_graph(content, where)), inputs)
    found: dict[str, Any] = {}
    for engine in (reference(content, where), optimised(content, where), litert(content, where)):
        if engine is None:
            continue
        given = _outputs(engine, inputs)
        _check_exact(engine, given, wanted, where)
        same = np.argmax(given, axis=1) == np.argmax(wanted, axis=1)
        found[str(engine.facts)] = {
            "inputs": len(chosen),
            "differing_bytes_percent": round(100.0 * float((given != wanted).mean()), 2),
            "most_steps": int(np.max(np.abs(given.astype(int) - wanted), initial=0)),
            "same_class_percent": round(100.0 * float(same.mean()), 2),
        }
    return found


def _check_exact(engine: Engine, given: NDArray[np.int8], wanted: NDArray[np.int8], where: str) -> None:
    if engine.facts.exact and (given != wanted).any():
        raise ModelError(
            f"{where}: {engine.facts} gives {int((given != wanted).sum())} other bytes than our engine",
            "This is a fault of the program: please report it with the model file.",
        )


def _outputs(engine: Engine, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.array([np.array(engine.invoke(row)).reshape(-1) for row in inputs], np.int8)
