"""Limits of features: the score says how far the worst value is beyond its own."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from edge_app.core.errors import ModelError
from edge_app.core.levels import level
from edge_app.core.plugin import ModelContext
from edge_app.core.results import FeatureSchema, FeatureVector
from edge_app.inference.plugins import LIMITS

SCHEMA = FeatureSchema("rhythm/1", ("heart_rate_bpm", "sdnn_ms", "irregularity"))


def model(tmp_path, factor=1.25, **limits):
    return LIMITS.create(LIMITS.config(limits=limits, factor=factor), ModelContext(tmp_path, SCHEMA))


def vector(bpm, irregularity=0.1):
    return FeatureVector(np.array([level(bpm), level(50.0), level(irregularity)], np.int16), SCHEMA)


@pytest.mark.parametrize(
    ("bpm", "score"),
    [
        (130.0, 5000),  # at the limit
        (162.5, 10000),  # 1.25 times beyond
        (104.0, 0),  # as far within
        (200.0, 10000),
        (72.0, 0),  # between both limits, nearer to neither than the factor
        (40.0, 5000),
        (32.0, 10000),  # 40 / 1.25
    ],
)
def test_a_value_at_its_limit_scores_a_half_and_one_a_factor_beyond_it_scores_one(tmp_path, bpm, score):
    assert model(tmp_path, heart_rate_bpm={"below": 40, "above": 130}).infer(vector(bpm)).score == score


def test_between_the_score_rises_with_the_logarithm(tmp_path):
    inference = model(tmp_path, heart_rate_bpm={"above": 130}).infer(vector(145.0))
    # 145 and 130 lie round(256 log2 145) - round(256 log2 130) = 1838 - 1798 = 40 of the 82 steps of log2 1.25 apart.
    assert inference.score == 5000 + 5000 * 40 // 82


def test_the_worst_of_several_limits_gives_the_score_and_is_named(tmp_path):
    limits = {"heart_rate_bpm": {"above": 130}, "irregularity": {"above": 0.6, "say": "irregular rhythm suspected"}}
    judge = model(tmp_path, **limits).infer
    assert judge(vector(140.0, 0.75)).label == "irregular rhythm suspected (irregularity above 0.6)"
    assert judge(vector(150.0, 0.61)).label == "heart rate above 130 bpm"
    assert judge(vector(70.0, 0.3)).label == ""
    both = judge(vector(140.0, 0.75))
    assert both.contributions[2] > both.contributions[0] > both.contributions[1] == 0


def test_the_low_side_is_named_too(tmp_path):
    assert model(tmp_path, heart_rate_bpm={"below": 40, "above": 130}).infer(vector(35.0)).label == (
        "heart rate below 40 bpm"
    )


def test_other_limits_are_another_model_and_equal_ones_the_same(tmp_path):
    one = model(tmp_path, heart_rate_bpm={"above": 130}).identity
    same = model(tmp_path, heart_rate_bpm={"above": 130}).identity
    other = model(tmp_path, heart_rate_bpm={"above": 131}).identity
    assert one == same
    assert one.sha256 != other.sha256
    assert (one.name, len(one.sha256)) == ("limits", 64)


def test_a_limit_of_no_feature_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ModelError, match="no feature heart_rate in rhythm/1") as caught:
        model(tmp_path, heart_rate={"above": 130})
    assert "heart_rate_bpm" in caught.value.fix


@pytest.mark.parametrize("limit", [{}, {"below": 130, "above": 40}, {"above": 0}, {"above": float("nan")}])
def test_a_limit_that_leaves_no_normal_is_refused(limit):
    with pytest.raises(ValidationError):
        LIMITS.config(limits={"heart_rate_bpm": limit})


def test_a_vector_of_other_features_is_refused(tmp_path):
    stranger = FeatureVector(np.zeros(3, np.int16), FeatureSchema("rhythm/1", ("a", "b", "c")))
    with pytest.raises(ModelError, match="limits were set for rhythm/1"):
        model(tmp_path, heart_rate_bpm={"above": 130}).infer(stranger)
