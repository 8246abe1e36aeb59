"""Known classes from an int8 network: shares, label and score by hand, and through every interpreter at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_files import SCHEMA, classifier_manifest, classifier_model, vector, write_classifier

from edge_app.config.trial import check_scores, kinds_of
from edge_app.core.errors import BaselineError, ModelError
from edge_app.core.plugin import ModelContext
from edge_app.core.results import LearntNormal
from edge_app.inference.classifier import Classifier, share_of
from edge_app.inference.graph import read_graph
from edge_app.inference.manifest import Classifier as ClassifierFacts
from edge_app.inference.manifest import Score, TensorFacts, manifest_text, read_manifest
from edge_app.inference.plugins import TFLITE, TfliteConfig
from edge_app.inference.tflite import NumpyEngine, litert, optimised, reference


def classifier(*, softmax: bool = True, shape: tuple[int, ...] = (1, 3)) -> Classifier:
    model = classifier_model(shape, softmax=softmax)
    return Classifier(classifier_manifest(model, shape, softmax=softmax), NumpyEngine(read_graph(model, "m")))


def test_the_largest_output_names_the_class_and_shares_are_in_ten_thousandths():
    # Given 80 counts above normal in the second feature: z = 0, 20, 0, so q = 2, 22, 2 and logits 0, 2, 0,
    inference = classifier().infer(vector(100, 280, -300))
    # whose softmax is 1, e², 1 over 9.389: 0.1065, 0.7870, 0.1065, in steps of 1/256: 27, 201, 27 of together 255.
    assert inference.label == "inner"
    assert inference.shares == (("normal", 1059), ("inner", 7882), ("outer", 1059))
    # raw: inner and outer alarm together, (201 + 27) / 255, rounded once; the knots are the diagonal.
    assert inference.raw == inference.score == 8941
    # Unusual is the second feature alone: 20² steps².
    assert inference.contributions.tolist() == [0, 400, 0]
    assert inference.baseline.tolist() == [100, 200, -300]


def test_logits_become_shares_of_finer_steps():
    inference = classifier(softmax=False).infer(vector(100, 280, -300))
    # 1/9.38906 = 0.10651, e²/9.38906 = 0.78699
    assert inference.shares == (("normal", 1065), ("inner", 7870), ("outer", 1065))
    assert inference.raw == 8935


def test_a_convolutions_input_takes_the_features_in_its_own_shape():
    plain, shaped = classifier(), classifier(shape=(1, 3, 1, 1))
    assert shaped.infer(vector(100, 280, -300)).shares == plain.infer(vector(100, 280, -300)).shares


def test_inputs_beyond_int8_are_counted_and_change_nothing_else():
    # z = 64·8 = 512 steps against 125 that fit
    inference = classifier().infer(vector(100, 200 + 8 * 256, -300))
    assert (inference.clipped, inference.label) == (1, "inner")
    assert inference.contributions.tolist() == [0, 512 * 512, 0]


def test_equal_outputs_name_the_first_class_and_all_outputs_at_zero_share_alike():
    assert classifier().infer(vector(100, 200, -300)).label == "normal"
    model = classifier()
    nothing = model.classes.inference(model._weights([-128, -128, -128]), np.zeros(3, np.int64))
    assert (nothing.label, nothing.raw) == ("normal", 6667)
    assert nothing.shares == (("normal", 3333), ("inner", 3333), ("outer", 3333))


@pytest.mark.parametrize("make", [reference, optimised, litert])
def test_interpreters_give_the_same_class(make):
    data = classifier_model()
    engine = make(data, "m")
    if engine is None:
        pytest.skip("this interpreter is not installed here")
    ours, theirs = classifier(), Classifier(classifier_manifest(data), engine)
    random = np.random.RandomState(1)
    for _ in range(50):
        each = vector(*random.randint(-400, 400, 3))
        mine, other = ours.infer(each), theirs.infer(each)
        assert abs(mine.raw - other.raw) <= (0 if engine.facts.exact else 80)  # 80: two steps of 1/256
        assert mine.label == other.label or not engine.facts.exact


def test_shares_are_rounded_to_nearest_halves_up():
    assert [share_of(weight, 3) for weight in (0, 1, 2, 3)] == [0, 3333, 6667, 10000]
    assert share_of(1, 20000) == 1


def test_a_classifier_is_made_by_the_plugin_and_learns_no_normal(tmp_path: Path):
    write_classifier(tmp_path)
    model = TFLITE.create(TfliteConfig(file="test.tflite"), ModelContext(tmp_path, SCHEMA))
    assert isinstance(model, Classifier)
    assert model.labels == ("normal", "inner", "outer")
    normal = LearntNormal((0, 0, 0), None, None, ((0, 0), (1, 1)), SCHEMA.hash, model.identity.sha256)
    with pytest.raises(BaselineError, match="tells classes apart"):
        model.with_normal(normal)


def test_other_features_are_refused():
    with pytest.raises(ModelError, match="expects features"):
        classifier().infer(vector(1, 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("normal",)}, "labels of a classifier must be 2 to 64 different names"),
        ({"labels": ("normal", "inner", "inner")}, "labels of a classifier must be 2 to 64 different names"),
        ({"labels": ("normal", "inner")}, "alarm_labels must be different names out of normal, inner"),
        ({"labels": ("normal", "inner", "x" * 49)}, "labels must be names of at most 48 characters"),
        ({"labels": tuple("abcd"), "alarm_labels": ()}, "output.shape is [1, 3]: 4 labels need [1, 4]"),
        ({"alarm_labels": ("normal", "inner", "outer")}, "not all of them"),
        ({"alarm_labels": ("inner", "inner")}, "alarm_labels must be different names"),
        ({"classifier": ClassifierFacts("odds")}, "classifier.output is 'odds', allowed: probabilities, logits"),
        ({"score": Score("log2_knots", ((0, 0), (1, 1)))}, "score.kind is 'log2_knots', allowed: linear_knots"),
        ({"input": TensorFacts((1, 4), "int8", 0.1, 2)}, "input.shape is [1, 4]: 3 features need"),
        ({"input": TensorFacts((3, 1), "int8", 0.1, 2)}, "input.shape is [3, 1]: 3 features need"),
        ({"output": TensorFacts((1, 3), "int8", 0.1, 0)}, "of probabilities must have scale 1/256"),
    ],
)
def test_a_hostile_classifier_is_refused_with_its_place(changes: dict[str, object], message: str):
    text = manifest_text(replace(classifier_manifest(b""), **changes))
    with pytest.raises(ModelError) as error:
        read_manifest(text.encode(), "m.json")
    assert message in str(error.value)


def test_a_model_without_alarm_labels_only_names_kinds():
    manifest = replace(classifier_manifest(b""), alarm_labels=())
    assert read_manifest(manifest_text(manifest).encode(), "m.json") == manifest
    data = classifier_model()
    model = Classifier(replace(classifier_manifest(data), alarm_labels=()), NumpyEngine(read_graph(data, "m")))
    assert (model.infer(vector(100, 280, -300)).label, model.infer(vector(100, 280, -300)).score) == ("inner", 0)
    with pytest.raises(ModelError, match="names no label that is an alarm"):
        check_scores(model)
    assert kinds_of(model) == {"normal", "inner", "outer"}
    assert kinds_of(classifier()) == {"inner", "outer"}
