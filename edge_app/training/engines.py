"""Does every interpreter at hand give what our engine gives? Checked on a model before it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.core.errors import ModelError
from edge_app.inference.graph import read_graph
from edge_app.inference.int8 import Int8Engine
from edge_app.inference.tflite import Engine, litert, optimised, reference

SAMPLES = 500


def compare_engines(content: bytes, where: str, inputs: NDArray[np.int8]) -> dict[str, Any]:
    """Agreement of each interpreter found with our engine, by the interpreter's name.

    Parameters
    ----------
    content : bytes
        The model file.
    where : str
        Its name, for messages.
    inputs : ndarray of shape (n, n_features)
        Model inputs as they occur; at most SAMPLES of them are taken, evenly.

    Raises
    ------
    ModelError
        When the reference interpreter gives other bytes: then the model must not be kept.
    """
    chosen = inputs[:: max(1, len(inputs) // SAMPLES)][:SAMPLES]
    ours = _outputs(Int8Engine(read_graph(content, where)), chosen)
    found: dict[str, Any] = {}
    makers: tuple[tuple[Callable[[bytes, str], Engine | None], bool], ...] = (
        (reference, True),
        (optimised, False),
        (litert, False),
    )
    for make, must_agree in makers:
        engine = make(content, where)
        if engine is None:
            continue
        differing = _outputs(engine, chosen) != ours
        if must_agree and differing.any():
            raise ModelError(
                f"{where}: {engine.facts} gives {int(differing.sum())} other bytes than our engine",
                "This is a fault of the program: please report it with the model file.",
            )
        found[str(engine.facts)] = {
            "inputs": len(chosen),
            "differing_bytes_percent": round(100.0 * float(differing.mean()), 2),
            "most_steps": int(np.max(np.abs(_outputs(engine, chosen).astype(int) - ours), initial=0)),
        }
    return found


def _outputs(engine: Any, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.array([np.array(engine.invoke(row)).reshape(-1) for row in inputs], np.int8)
