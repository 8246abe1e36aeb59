"""A mixture of Gaussians in whole numbers, by hand and beside scikit-learn's formula."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_files import SCHEMA, gaussian_manifest, gmm_manifest, manifest_for, vector, write_manifest

from edge_app.core.errors import BaselineError, ModelError
from edge_app.core.plugin import ModelContext
from edge_app.core.results import LearntNormal, ModelIdentity
from edge_app.inference.gaussian import GaussianModel
from edge_app.inference.gmm import GmmModel
from edge_app.inference.manifest import Gmm, Standardize, manifest_text, read_manifest
from edge_app.inference.plugins import GAUSSIAN, GMM, GaussianConfig, GmmConfig

IDENTITY = ModelIdentity("test_int8", "a" * 64)


def test_the_nearest_component_gives_distance_contributions_and_baseline():
    model = GmmModel(gmm_manifest(), IDENTITY)
    # Given z = 44, 3, 0 (176 and 12 counts): 44² + 3² = 1945 from the first component,
    # (44 - 40)/2 = 2 and 3 from the second: 4 + 9 + its bias 30.
    inference = model.infer(vector(276, 212, -300))
    assert inference.raw == 43
    assert inference.contributions.tolist() == [4, 9, 0]
    # The second component rests at 40 steps of 4 counts above the offset.
    assert inference.baseline.tolist() == [260, 200, -300]
    # At rest the first one is nearest.
    assert model.infer(vector(100, 200, -300)).raw == 0


def test_raw_follows_the_log_likelihood_of_the_nearest_component():
    random = np.random.RandomState(2)
    units, weights = 32.0, np.array([0.7, 0.3])
    means = np.array([[0, 0, 0], [60, -40, 20]])
    sigmas = np.array([[8.0, 12.0, 10.0], [20.0, 9.0, 14.0]])
    cost = units**2 * (2 * np.log(sigmas).sum(axis=1) - 2 * np.log(weights))
    gmm = Gmm(
        means=tuple(tuple(row) for row in means.tolist()),
        multipliers=tuple(tuple(row) for row in np.round(units / sigmas * 4096).astype(int).tolist()),
        shift=12,
        bias=tuple(np.round(cost - cost.min()).astype(int).tolist()),
    )
    manifest = replace(gmm_manifest(), gmm=gmm, standardize=Standardize((0, 0, 0), (4096,) * 3, 12))
    model = GmmModel(read_manifest(manifest_text(manifest).encode(), "m"), IDENTITY)
    for _ in range(300):
        values = random.randint(-150, 150, 3)
        exact = (((values - means) / sigmas) ** 2).sum(axis=1) * units**2 + cost - cost.min()
        assert abs(np.sqrt(model.infer(vector(*values)).raw) - np.sqrt(exact.min())) < 1.0  # 1/32 of a deviation


def test_distances_saturate_instead_of_wrapping():
    manifest = replace(gmm_manifest(), gmm=Gmm(((-1024,) * 3,), ((32767,) * 3,), 1, (0,)))
    assert GmmModel(manifest, IDENTITY).infer(vector(32767, 32767, 32767)).raw == 2**31 - 1


@pytest.mark.parametrize(
    ("gmm", "message"),
    [
        (Gmm((), (), 8, ()), "gmm.bias must hold one number per component"),
        (Gmm(((0, 0, 0),), ((1, 1, 1),), 8, (5,)), "the smallest 0"),
        (Gmm(((0, 0, 0),), ((1, 1, 1),), 8, (0, 1)), "gmm.means must be a list of 2 rows"),
        (Gmm(((0, 0),), ((1, 1, 1),), 8, (0,)), "gmm.means[0] has 2 numbers, expected 3"),
        (Gmm(((0, 0, 1024),), ((1, 1, 1),), 8, (0,)), "gmm.means[0][2] is 1024"),
        (Gmm(((0, 0, 0),), ((1, 1, 32768),), 8, (0,)), "gmm.multipliers[0][2] is 32768"),
        (Gmm(((0, 0, 0),), ((1, 1, 1),), 31, (0,)), "gmm.shift is 31"),
        (Gmm(((0, 0, 0),), ((1, 1, 1),), 8, (2**30,)), "gmm.bias[0]"),
    ],
)
def test_a_hostile_mixture_is_refused_with_its_place(gmm: Gmm, message: str):
    text = manifest_text(replace(gmm_manifest(), gmm=gmm))
    with pytest.raises(ModelError) as error:
        read_manifest(text.encode(), "m.json")
    assert message in str(error.value)


def learnt(sha256: str, **changes: object) -> LearntNormal:
    normal = LearntNormal((0, 0, 0), (256, 256, 256), 8, ((0, 0), (4096, 10000)), SCHEMA.hash, sha256)
    return replace(normal, **changes)


def test_a_learnt_normal_moves_and_scales_the_whole_mixture():
    model = GmmModel(gmm_manifest(), IDENTITY).with_normal(learnt(IDENTITY.sha256))
    # Now one count is one step and normal lies at 0: z = 44, 3, 0.
    assert model.infer(vector(44, 3, 0)).raw == 43
    assert model.infer(vector(44, 3, 0)).baseline.tolist() == [40, 0, 0]
    assert model.identity == IDENTITY


def test_a_learnt_normal_without_multipliers_keeps_the_models_own():
    normal = learnt(IDENTITY.sha256, multiplier=None, shift=None, offset=(100, 200, -300))
    model = GmmModel(gmm_manifest(), IDENTITY).with_normal(normal)
    assert model.infer(vector(276, 212, -300)).raw == 43


def test_a_normal_of_another_model_or_other_features_is_refused():
    with pytest.raises(BaselineError, match="belongs to model bbbb"):
        GmmModel(gmm_manifest(), IDENTITY).with_normal(learnt("b" * 64))
    with pytest.raises(BaselineError, match="belongs to model"):
        GaussianModel(gaussian_manifest(), IDENTITY).with_normal(learnt(IDENTITY.sha256, schema="0" * 16))
    with pytest.raises(BaselineError, match="has 2 features"):
        GmmModel(gmm_manifest(), IDENTITY).with_normal(learnt(IDENTITY.sha256, offset=(0, 0), multiplier=(1, 1)))


def test_a_gaussian_without_a_file_waits_for_its_normal(tmp_path: Path):
    model = GAUSSIAN.create(GaussianConfig(), ModelContext(tmp_path, SCHEMA))
    assert model.unready == "normal has not been learnt: run `edge-app learn`"
    with pytest.raises(ModelError, match="normal has not been learnt"):
        model.infer(vector(0, 0, 0))
    # When a normal has been learnt, then distances are sums of squared steps, under the same identity.
    ready = model.with_normal(learnt(model.identity.sha256, offset=(10, 20, 30)))
    inference = ready.infer(vector(13, 24, 30))
    assert (inference.raw, inference.contributions.tolist()) == (25, [9, 16, 0])
    assert inference.baseline.tolist() == [10, 20, 30]
    assert ready.identity == model.identity
    assert not getattr(ready, "unready", "")
    assert ready.with_normal(learnt(model.identity.sha256)).infer(vector(3, 4, 0)).raw == 25


def test_a_mixture_is_made_by_the_plugin_and_other_kinds_are_sent_to_theirs(tmp_path: Path):
    write_manifest(tmp_path / "g.json", gmm_manifest())
    assert GMM.create(GmmConfig(file="g.json"), ModelContext(tmp_path, SCHEMA)).infer(vector(276, 212, -300)).raw == 43
    with pytest.raises(ModelError, match="Write `plugin: gmm`"):
        GAUSSIAN.create(GaussianConfig(file="g.json"), ModelContext(tmp_path, SCHEMA))
    write_manifest(tmp_path / "a.json", manifest_for(b"x"))
    with pytest.raises(ModelError, match="Write `plugin: tflite`"):
        GMM.create(GmmConfig(file="a.json"), ModelContext(tmp_path, SCHEMA))
