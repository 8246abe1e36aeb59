"""Float weights of each step of a training, kept beside the model: models/<name>.steps.npz, plain arrays, no pickle.

Steps are "trained" (float, all neurons) and, where the model was pruned, "pruned" (float, what was quantised). An array
is named step/number/layer/field: "trained/0/Dense/weights".
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_app.core.errors import ModelError
from edge_app.training.network.exact import Floats
from edge_app.training.network.layers import (
    Conv1d,
    Dense,
    Depthwise1d,
    Layer,
    Layers,
    Mean,
    Pool1d,
    Reshape,
    Softmax,
    forward,
)

STEP = 1.0 / 16.0
"""Value of one int8 step inside the trainer: a power of two, so that inputs are exact."""
KINDS: Mapping[str, type[Any]] = {
    each.__name__: each for each in (Dense, Conv1d, Depthwise1d, Pool1d, Mean, Reshape, Softmax)
}
DTYPES: Mapping[str, Any] = {"weights": np.float32, "bias": np.float64}
"""float32 holds every weight on its grid; all other fields are whole numbers."""
MAX_FILE_BYTES = 64 * 1024 * 1024


def steps_bytes(steps: Mapping[str, Layers]) -> bytes:
    """The bytes of the file; same layers, same bytes."""
    arrays: dict[str, Any] = {}
    for step, layers in steps.items():
        for number, layer in enumerate(layers):
            place = f"{step}/{number}/{type(layer).__name__}"
            arrays[place] = np.zeros(0, np.int8)
            for name, value in vars(layer).items():
                arrays[f"{place}/{name}"] = np.asarray(value, DTYPES.get(name, np.int64))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))  # the same bytes on every day
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.getvalue())
    return file.getvalue()


def load_steps(path: Path) -> dict[str, Layers]:
    """Layers of each step, in their order. Raises ModelError when the file is missing or is none of ours."""
    found: dict[str, list[Layer]] = {}
    try:
        with zipfile.ZipFile(path) as archive:  # what it unpacks to, not what it takes on the disk
            if sum(entry.file_size for entry in archive.infolist()) > MAX_FILE_BYTES:
                raise ValueError(f"larger than {MAX_FILE_BYTES} bytes")
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        for place in (name for name in arrays if name.count("/") == 2):
            step, _, kind = place.split("/")
            fields = {name.rsplit("/", 1)[1]: arrays[name] for name in arrays if name.startswith(place + "/")}
            found.setdefault(step, []).append(KINDS[kind](**{name: _plain(each) for name, each in fields.items()}))
    except Exception as error:  # those of zipfile, zlib, numpy and Python's tokenizer have no common base
        raise ModelError(
            f"{path}: cannot read the float steps of the model ({error})", "Train again: `edge-app train` writes them."
        ) from error
    return dict(found)


def _plain(array: Any) -> Any:
    """Weights as doubles, numbers and shapes as whole numbers."""
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    return int(array) if array.ndim == 0 else tuple(int(each) for each in array)


def float_output(layers: Layers, steps: Any) -> Floats:
    """What a step says had nothing been quantised.

    Parameters
    ----------
    layers : Layers
        Of `load_steps`.
    steps : ndarray of int, shape (n, n_features)
        Standardized features (inference/autoencoder.py: Standardizer); beyond int8 they are limited, as on the device.

    Returns
    -------
    ndarray of shape (n, n_outputs)
        Probabilities of the classes for a classifier (last layer Softmax); for an autoencoder the features given back,
        in steps.
    """
    inputs = np.clip(np.asarray(steps, np.float64), -128, 127) * STEP
    outputs = forward(layers, inputs)
    return outputs if isinstance(layers[-1], Softmax) else outputs / STEP
