"""What a person asks `edge-app import-model` for, and whether it can be: told before any recording is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edge_app.core.errors import ConfigError, ModelError
from edge_app.core.names import MODEL_NAME_PATTERN
from edge_app.core.results import FeatureSchema
from edge_app.inference.graph import Graph, Tensor

HEALTHY = ("normal", "healthy")
"""Labels of recordings that show the normal state."""
FIX_FLOAT = (
    "Convert it fully int8: optimizations = [DEFAULT], a representative_dataset, supported_ops = "
    "[TFLITE_BUILTINS_INT8], inference_input_type = inference_output_type = tf.int8."
)
_CONVERT = "Convert it to TensorFlow Lite, fully int8, and import that file."
_FOREIGN = (
    (rb"\x89HDF\r\n\x1a\n", "a Keras model in HDF5"),
    (rb"PK\x03\x04", "a zip archive, as Keras (.keras) and PyTorch (.pt) write their models"),
    (rb"\x80[\x02-\x05]", "a Python pickle, as PyTorch and scikit-learn write; pickles are never opened"),
    (rb"\x08[\x01-\x0f]\x12.{1,40}", "an ONNX model"),
    (rb"\x08\x01\x12", "a TensorFlow SavedModel or graph"),
)
"""How files of other programs begin."""


@dataclass(frozen=True)
class Wanted:
    """What a person asks for."""

    file: Path
    app_dir: Path
    pipeline: str
    data_dir: Path
    labels: tuple[str, ...] = ()
    """Classes in the order of the outputs; none for an autoencoder."""
    alarm_labels: tuple[str, ...] = ()
    name: str = ""
    """Of the model; default the file's name."""
    part: str = "model"
    """"model" or "diagnose"."""
    normal: tuple[str, ...] = HEALTHY
    """Labels of the recordings that show the normal state."""
    moments: Path | None = None
    """JSON file {"mean": […], "std": […]}, per feature in its integers, that the model was trained with."""

    @property
    def model_name(self) -> str:
        """Of the model: as given, else the file's."""
        return self.name or self.file.stem


def check_wanted(wanted: Wanted) -> None:
    """Refuse what contradicts itself. Raises ConfigError, ModelError."""
    if not re.fullmatch(MODEL_NAME_PATTERN[1:-1], wanted.model_name):
        near = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted.model_name).strip("._")[:64]
        raise ConfigError(
            f"a model cannot be called {wanted.model_name[:80]!r}: names are up to 64 of A-Za-z0-9_-. (not first)",
            f"Name it: --name {near or 'my_model'}",
        )
    if not wanted.normal:
        raise ConfigError("--normal names no label.", "Leave it out, or write e.g. --normal normal,idle.")
    if wanted.alarm_labels and not wanted.labels:
        raise ConfigError(
            f"--alarm names {', '.join(wanted.alarm_labels)}, but the model's classes are not named.",
            "Name them in the order of its outputs: --labels normal,inner,outer",
        )
    if wanted.part == "diagnose" and not wanted.labels:
        raise ConfigError(
            "--part diagnose takes a model that tells classes apart, and none are named.",
            "Name them in the order of its outputs: --labels normal,inner,outer",
        )
    if not wanted.file.exists():
        raise ModelError(f"{wanted.file}: there is no such file.", "Name the .tflite file.")
    if wanted.file.is_dir():
        raise ModelError(f"{wanted.file}: is a folder, not a .tflite file.", _CONVERT)
    if not wanted.file.is_file():
        raise ModelError(f"{wanted.file}: is a pipe or a device, not a file.", "Write it into a file first.")


def check_not_trained(folder: Path, name: str) -> None:
    """Refuse the name of a model that was trained here: its card and its float steps would stand beside another model.

    Raises
    ------
    ConfigError
        Naming what belongs to the trained one.
    """
    theirs = [f"{name}{ending}" for ending in (".steps.npz", ".md") if (folder / f"{name}{ending}").exists()]
    if theirs:
        raise ConfigError(
            f"{folder}: {name} is a model that was trained here: {' and '.join(theirs)} would not fit another.",
            f"Name this one otherwise: --name {name[:55]}_imported; or take the trained one's files away.",
        )


def check_format(content: bytes, where: str) -> None:
    """Name the program a file is of when it is not TensorFlow Lite. Raises ModelError."""
    if content[4:8] == b"TFL3":
        return
    for begins, what in _FOREIGN:
        if re.match(begins, content, re.DOTALL):
            raise ModelError(f"{where}: is {what}, not TensorFlow Lite.", _CONVERT)


def check_ends(graph: Graph) -> None:
    """One int8 input and output, and something between; a float model is refused with the way to convert it."""
    if not graph.operators:
        raise ModelError(f"{graph.where}: has no operators: its output is its input.", _CONVERT)
    for tensor, what in ((graph.tensors[graph.inputs[0]], "input"), (graph.tensors[graph.outputs[0]], "output")):
        if tensor.dtype != "int8":
            raise ModelError(f"{graph.where}: its {what} is {tensor.dtype}, not int8", FIX_FLOAT)


def check_shape(graph: Graph, schema: FeatureSchema, wanted: Wanted) -> None:
    """The file takes the app's features and gives what its kind must."""
    count = len(schema.names)
    takes, gives = _shape(graph.input), _shape(graph.output)
    if graph.input.shape[:1] != (1,) or graph.input.elements != count:
        raise ModelError(
            f"{graph.where}: takes {takes}, pipeline {wanted.pipeline} gives {count} features "
            f"({schema.names[0]} … {schema.names[-1]})",
            "Set `features:` in app.yaml as the model was trained, with a batch of 1; `waveform` gives samples.",
        )
    if wanted.labels:
        if graph.output.shape != (1, len(wanted.labels)):
            raise ModelError(
                f"{graph.where}: gives {gives}, but {len(wanted.labels)} labels are named",
                "Name one label per output with --labels, in their order.",
            )
    elif graph.output.shape != (1, count):
        raise ModelError(
            f"{graph.where}: gives {gives} for {count} features: no autoencoder",
            "If it tells classes apart, name them: --labels normal,inner,outer --alarm inner,outer.",
        )
    elif graph.input.shape != (1, count):
        raise ModelError(
            f"{graph.where}: takes {takes}; an autoencoder takes and gives [1, {count}]",
            "Put the reshaping into the network, behind its input.",
        )


def _shape(tensor: Tensor) -> str:
    return str(list(tensor.shape))
