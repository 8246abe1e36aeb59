"""Protocol classify: windows, majorities, what is unclear, what belongs to no class."""

from __future__ import annotations

import pytest
from trails import LabelModel, make_case, make_trail

from edge_app.core.errors import ConfigError
from edge_app.training.protocols import classify
from edge_app.training.protocols.find import PROTOCOLS, find_protocol

CLASSES = ("inner", "outer")
CASE = {"inner": ("inner",), "outer": ("outer",)}


def test_a_recording_is_of_the_class_most_of_its_windows_are_of():
    trails = [make_trail("a", "inner", [0, 0, 1]), make_trail("b", "outer", [1, 0, 0])]

    result = classify.run(make_case("classify", CASE), trails, {"int8": LabelModel(CLASSES)})

    assert result.recordings["a"]["type"] == "inner"
    assert result.recordings["a"]["type_share"] == 0.6667
    assert result.recordings["b"]["right_type"] is False
    found = result.metrics["int8"]
    assert found["recording_accuracy_of"] == [1, 2]
    assert found["recordings_wrong_of"] == [1, 2]
    assert found["accuracy"] == 0.5
    assert found["recall_outer"] == round(1 / 3, 4)


def test_unclear_windows_are_not_right_and_an_unclear_recording_is_not_wrong():
    trails = [make_trail("a", "inner", [-1, -1, 0]), make_trail("b", "outer", [1, 1, 1])]

    result = classify.run(make_case("classify", CASE), trails, {"int8": LabelModel(CLASSES)})

    assert result.recordings["a"]["type"] == "unclear"
    assert result.recordings["a"]["said"] == {"inner": 1, "unclear": 2}
    found = result.metrics["int8"]
    assert found["recordings_unclear_of"] == [1, 2]
    assert found["recordings_wrong_of"] == [0, 2]
    assert found["accuracy"] == round(4 / 6, 4)


def test_two_classes_in_equal_number_are_unclear():
    result = classify.run(
        make_case("classify", CASE), [make_trail("a", "inner", [0, 1])], {"int8": LabelModel(CLASSES)}
    )

    assert result.recordings["a"]["type"] == "unclear"


def test_a_label_of_no_class_is_judged_and_told_but_not_counted():
    trails = [make_trail("a", "inner", [0]), make_trail("b", "outer", [1]), make_trail("c", "ball", [0])]

    result = classify.run(make_case("classify", CASE), trails, {"int8": LabelModel(CLASSES)})

    assert result.recordings["c"]["type"] == "inner"
    assert result.recordings["c"]["right_type"] is None
    assert result.metrics["int8"]["recording_accuracy_of"] == [2, 2]
    assert any("not counted as right or wrong: ball" in note for note in result.notes)


def test_a_model_as_sure_as_it_is_right_has_no_calibration_error():
    trail = make_trail("a", "inner", [0, 0, 0, 0, 1])  # right in 4 of 5, told 0.8

    found = classify.run(make_case("classify", CASE), [trail], {"int8": LabelModel(CLASSES, sure=0.8)}).metrics["int8"]

    assert found["expected_calibration_error"] == 0.0
    assert found["balanced_accuracy"] is None  # one class only


def test_an_unknown_protocol_names_the_nearest():
    assert find_protocol("classify") is PROTOCOLS["classify"]
    with pytest.raises(ConfigError, match="Did you mean anomaly"):
        find_protocol("anomly")
