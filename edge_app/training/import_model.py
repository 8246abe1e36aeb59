"""Takes a .tflite file made elsewhere into an app: checked, measured, and given its manifest.

The file itself does not say how features become its inputs. It is taken to have been trained on standardised features,
(f - mean) / deviation, whose mean and deviation are either stated (`moments`, those it was trained with) or measured on
healthy recordings.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_app.config.recipe import ScoreRecipe
from edge_app.core.clock import Clock, SystemClock
from edge_app.core.errors import ModelError, RecordingError
from edge_app.core.files import read_at_most
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.inference.autoencoder import Autoencoder
from edge_app.inference.classifier import Classifier
from edge_app.inference.graph import Graph, Tensor, read_graph, read_model_file
from edge_app.inference.load import file_model
from edge_app.inference.manifest import (
    MAX_MANIFEST_BYTES,
    Features,
    Manifest,
    Score,
    Standardize,
    TensorFacts,
    manifest_text,
    read_manifest,
)
from edge_app.inference.manifest import Classifier as ClassifierFacts
from edge_app.inference.manifest_fields import read_json
from edge_app.inference.score import LINEAR, LINEAR_KNOTS, LOG2
from edge_app.inference.standardize import Standardizer
from edge_app.inference.tflite import NumpyEngine, litert, make_engine, optimised, reference
from edge_app.training.evaluation.footprint import arena_bytes, latency
from edge_app.training.files import check_place, write_all
from edge_app.training.import_checks import (
    Wanted,
    check_ends,
    check_format,
    check_not_trained,
    check_shape,
    check_wanted,
)
from edge_app.training.importers.base import Recording
from edge_app.training.importers.find import recordings_in
from edge_app.training.progress import UNWATCHED, Progress
from edge_app.training.trainers.learn import infer_all, knots_for
from edge_app.training.windows.datasets import NONE_YET, agreed, features_of, signal_of
from edge_app.training.windows.front import Front, app_document, load_front

WINDOWS_MIN = 20
SAMPLES = 500
"""Inputs the interpreters are compared on, at most."""
MANY = 5
"""Recordings that were not used, named at most."""
MOST, LEAST_STD = 32768, 0.01
"""Largest mean or deviation, smallest deviation, of a feature in its integers."""

Rows = NDArray[np.int16]
Inputs = NDArray[np.int8]


@dataclass(frozen=True)
class Imported:
    """What came of it."""

    manifest: Manifest
    written: list[Path]
    bytes: int
    arena_bytes: int
    """Activations alive at once, at most; counted from the graph."""
    latency_us: float
    """Median of one run of the engine that will be used here; measured."""
    engine: str
    windows: int
    """Healthy windows looked at."""
    clipped_percent: float
    """Share of the inputs of healthy windows that met the int8 limits."""
    warnings: tuple[str, ...] = field(default=())

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.manifest.name,
            "kind": self.manifest.kind,
            "files": [str(path) for path in self.written],
            "bytes": self.bytes,
            "arena_bytes": self.arena_bytes,
            "latency_us": round(self.latency_us, 1),
            "engine": self.engine,
            "windows": self.windows,
            "clipped_percent": self.clipped_percent,
            "engines": dict(self.manifest.engines),
            "warnings": list(self.warnings),
        }


def import_model(wanted: Wanted, clock: Clock | None = None, progress: Progress = UNWATCHED) -> Imported:
    """Check, measure and write `models/<name>.tflite` and its manifest into the app's folder.

    Raises
    ------
    ModelError
        The file is damaged, not int8, holds an operator that is not run (named with its place), or does not fit the
        app's features or the labels.
    RecordingError
        No healthy recording, or too few windows of them.
    ConfigError
        The app or the pipeline is wrong.
    """
    check_wanted(wanted)
    front = load_front(app_document(wanted.app_dir), wanted.pipeline, wanted.part)
    folder = front.app_dir / "models"
    check_not_trained(folder, wanted.model_name)
    check_place(folder)
    content = read_model_file(wanted.file)
    check_format(content, str(wanted.file))
    graph = read_graph(content, str(wanted.file))
    check_ends(graph)
    NumpyEngine(graph)  # refuses, by name, what an operator has that is not run
    healthy = _healthy_rows(_healthy(wanted), front, progress)
    rows, schema = healthy.rows, healthy.schema
    check_shape(graph, schema, wanted)
    standardize = _standardize(rows, graph.input, wanted.moments)
    manifest = _manifest(wanted, graph, content, schema, standardize)
    engine = make_engine(content, manifest.file, "exact", graph)
    manifest = _with_score(manifest, file_model(manifest, engine), rows, schema, front.raise_score)
    inputs = inputs_of(manifest, rows)
    facts = {"recordings": list(healthy.recordings), "windows": len(rows)}
    manifest = replace(manifest, data=facts, engines=_agreement(content, manifest, inputs[0]))
    files = {manifest.file: content, f"{manifest.name}.json": manifest_text(manifest).encode()}
    read_manifest(files[f"{manifest.name}.json"], str(wanted.file))
    vectors = [FeatureVector(row, schema) for row in rows[:SAMPLES]]
    return Imported(
        manifest=manifest,
        written=write_all(folder, files),
        bytes=len(content),
        arena_bytes=arena_bytes(graph),
        latency_us=latency(file_model(manifest, engine), vectors, clock or SystemClock())[0],
        engine=str(engine.facts),
        windows=len(rows),
        clipped_percent=inputs[1],
        warnings=(*healthy.left_out, *_warnings(manifest, inputs[1], wanted)),
    )


def _healthy(wanted: Wanted) -> list[Recording]:
    """Recordings of the normal state; those for testing are left alone where there are others."""
    recordings = recordings_in(wanted.data_dir)
    healthy = [each for each in recordings if each.label in wanted.normal]
    if not healthy:
        there = ", ".join(sorted({each.label or "(none)" for each in recordings})[:12])
        raise RecordingError(
            f"{wanted.data_dir}: no recording is labelled {' or '.join(wanted.normal)}; there are: {there}.",
            "Name the label of the normal state: --normal LABEL.",
        )
    return [each for each in healthy if each.split != "test"] or healthy


@dataclass(frozen=True)
class Healthy:
    """Features of all healthy windows that suit the pipeline."""

    rows: Rows
    schema: FeatureSchema
    recordings: tuple[str, ...]
    """Ids of those that were used."""
    left_out: tuple[str, ...]
    """What does not suit or cannot be read, in sentences."""


def _healthy_rows(recordings: Sequence[Recording], front: Front, progress: Progress) -> Healthy:
    """Features of the recordings that suit the pipeline. Raises RecordingError when they are too few."""
    parts, used, trouble = [], [], []
    schema = NONE_YET
    for number, recording in enumerate(recordings):
        progress.at("features", number, len(recordings), recording.id)
        try:
            signal = signal_of(recording, front)
            extractor = front.extractor(signal.rate_hz, signal.scale)
            schema = agreed(schema, extractor.schema, signal)
            parts.append(features_of(signal, front, front.pipeline.window.hop_s, extractor).features)
            used.append(recording.id)
        except RecordingError as error:
            trouble.append(error.what if recording.id in error.what else f"{recording.id}: {error.what}")
    count = sum(len(part) for part in parts)
    if count < WINDOWS_MIN:
        raise RecordingError(
            f"{count} healthy windows suit the pipeline, at least {WINDOWS_MIN} are needed."
            + (f" First trouble: {trouble[0]}" if trouble else ""),
            "Give more recordings of the normal state, of the app's quantity and rate.",
        )
    told = tuple(f"not used: {each}" for each in trouble[:MANY])
    if len(trouble) > MANY:
        told += (f"{len(trouble) - MANY} more recordings were not used.",)
    return Healthy(np.concatenate(parts), schema, tuple(used), told)


def _standardize(rows: Rows, tensor: Tensor, moments: Path | None) -> Standardize:
    """How features become the model's inputs: (f - mean) / deviation, in steps of the input's scale."""
    count = rows.shape[1]
    if moments is None:
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        deviation = np.maximum(deviation, 1.0)
    else:
        mean, deviation = _stated(moments, count)
    steps = 1.0 / (deviation * tensor.scale)
    shift = min(30, max(1, 14 - math.floor(math.log2(float(steps.max())))))
    multiplier = np.clip(np.rint(steps * 2.0**shift), 1, 32767)
    offset = np.clip(np.rint(mean), -32768, 32767)
    return Standardize(
        tuple(int(each) for each in offset),
        tuple(int(each) for each in multiplier),
        shift,
        min(1024, max(1, round(1.0 / tensor.scale))),
    )


def _stated(path: Path, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation from a file. Raises ModelError when it does not hold as many numbers as there are features."""
    fix = 'Write {"mean": […], "std": […]}, one finite number per feature each, std above 0.'
    try:
        content = read_at_most(path, MAX_MANIFEST_BYTES)
        if content is None:
            raise ModelError(f"{path}: larger than {MAX_MANIFEST_BYTES} bytes", fix)
        stated = read_json(content, str(path), fix)
        mean, deviation = (np.array(stated[key], np.float64) for key in ("mean", "std"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})", fix) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{path}: holds no mean and std ({type(error).__name__}: {error})", fix) from error
    if mean.shape != (count,) or deviation.shape != (count,):
        raise ModelError(f"{path}: mean {list(mean.shape)} and std {list(deviation.shape)} for {count} features", fix)
    if not np.isfinite(mean).all() or not np.isfinite(deviation).all() or (deviation <= 0).any():
        raise ModelError(f"{path}: holds a number that is not finite, or a std that is not above 0", fix)
    if (np.abs(mean) > MOST).any() or not ((deviation >= LEAST_STD) & (deviation <= MOST)).all():
        raise ModelError(
            f"{path}: features are 16-bit integers: a mean lies within ±{MOST}, a std between {LEAST_STD:g} and {MOST}",
            "State them as the app's features are, in their integers: docs/reference/features.md.",
        )
    return mean, deviation


def _manifest(
    wanted: Wanted, graph: Graph, content: bytes, schema: FeatureSchema, standardize: Standardize
) -> Manifest:
    """The papers, score mapping still open."""
    name = wanted.model_name
    taken, given = _facts(graph.input), _facts(graph.output)
    probabilities = (given.scale, given.zero_point) == (1 / 256, -128) and graph.operators[-1].name == "SOFTMAX"
    manifest = Manifest(
        name=name,
        kind="classifier" if wanted.labels else "autoencoder",
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        input=taken,
        output=given,
        features=Features(schema.plugin, schema.hash, schema.names, dict(schema.settings)),
        standardize=standardize,
        score=Score(LINEAR if wanted.labels else LOG2, LINEAR_KNOTS),
        score_set_by="imported: the summed probability of the alarm labels itself" if wanted.labels else "not set yet",
        classifier=ClassifierFacts("probabilities" if probabilities else "logits") if wanted.labels else None,
        labels=wanted.labels,
        alarm_labels=wanted.alarm_labels,
    )
    return read_manifest(manifest_text(manifest).encode(), str(wanted.file))


def _facts(tensor: Tensor) -> TensorFacts:
    return TensorFacts(tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point)


def _with_score(
    manifest: Manifest, model: Autoencoder | Classifier, rows: Rows, schema: FeatureSchema, raise_score: int
) -> Manifest:
    """An autoencoder's score: the median healthy window at 0.25, the app's threshold beyond what 95 % stay below."""
    if manifest.kind == "classifier":
        return manifest
    recipe = ScoreRecipe()
    raws = [inference.raw for inference in infer_all(model, rows, schema)]
    sentence = (
        f"imported: {len(raws)} healthy windows, the median at {recipe.healthy:g}, the threshold {recipe.safety:g} "
        "times the distance that 95 % of them stay below"
    )
    score = Score(LOG2, knots_for(raws, recipe, raise_score))
    return replace(manifest, score=score, score_set_by=sentence)


def inputs_of(manifest: Manifest, rows: Rows) -> tuple[Inputs, float]:
    """(int8 inputs of the network for rows of features, share of them in percent that met the limits)."""
    zero_point = manifest.input.zero_point if manifest.input is not None else 0
    wanted = Standardizer(manifest.standardize).steps(rows) + zero_point
    inputs = np.clip(wanted, -128, 127)
    return inputs.astype(np.int8), round(100.0 * float((inputs != wanted).mean()), 2)


def _agreement(content: bytes, manifest: Manifest, inputs: Inputs) -> Mapping[str, Any]:
    """Each interpreter found against our engine. Raises ModelError when the reference gives other bytes."""
    chosen = inputs[:: max(1, len(inputs) // SAMPLES)][:SAMPLES]
    ours = NumpyEngine(read_graph(content, manifest.file))
    wanted = np.array([np.array(ours.invoke(row)).reshape(-1) for row in chosen]).astype(int)
    found: dict[str, Any] = {}
    for make in (reference, optimised, litert):
        try:
            engine = make(content, manifest.file)
        except ModelError as error:
            found[make.__name__] = {"refuses": error.what}
            continue
        if engine is None:
            continue
        given = np.array([np.array(engine.invoke(row)).reshape(-1) for row in chosen]).astype(int)
        if engine.facts.exact and (given != wanted).any():
            raise ModelError(
                f"{manifest.file}: {engine.facts} gives {int((given != wanted).sum())} other bytes than our engine",
                "This is a fault of the program: please report it with the model file.",
            )
        found[str(engine.facts)] = {
            "inputs": len(chosen),
            "differing_bytes_percent": round(100.0 * float((given != wanted).mean()), 2),
            "most_steps": int(np.max(np.abs(given - wanted), initial=0)),
        }
    return found


def _warnings(manifest: Manifest, clipped_percent: float, wanted: Wanted) -> tuple[str, ...]:
    """What a person should know before trusting the model."""
    found = []
    if clipped_percent > 1.0:
        found.append(
            f"{clipped_percent:g} % of the inputs of healthy windows do not fit into int8: was the model trained on "
            "features standardised otherwise? State them with --moments."
        )
    elif wanted.moments is None:
        found.append(
            "mean and deviation of the features were measured on the healthy recordings; where the model was trained "
            "with others, state those with --moments."
        )
    if manifest.kind == "classifier" and not manifest.alarm_labels and wanted.part == "model":
        found.append("no label is an alarm, so it gives no score: use it in `diagnose:`, or name some with --alarm.")
    return tuple(found)
