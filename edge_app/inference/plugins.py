"""Models a configuration may name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge_app.core.plugin import ModelContext, Plugin


def _inside(value: str) -> str:
    """A relative path that stays in the app's folder."""
    path = PurePosixPath(value)
    if not value or path.is_absolute() or ".." in path.parts or "\\" in value or "\0" in value:
        raise ValueError("must be a path inside the app's folder: relative, without `..`")
    return value


AppFile = Annotated[str, AfterValidator(_inside)]


class TfliteConfig(BaseModel):
    """An int8 .tflite model with its manifest."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    file: AppFile = Field(examples=["models/bearing_int8.tflite"])
    """Model file, relative to the app's folder."""
    manifest: AppFile | None = Field(None, examples=["models/bearing_int8.json"])
    """Manifest, relative to the app's folder; default: beside the model, same name, ending .json."""
    engine: Literal["exact", "fast"] = "exact"
    """exact: the same bytes on every machine. fast: optimised kernels for large models, which round differently."""


class GaussianConfig(BaseModel):
    """A Gaussian (Mahalanobis) model: its manifest is the whole model."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    file: AppFile | None = Field(None, examples=["models/pump_gaussian.json"])
    """Manifest, relative to the app's folder; without one nothing is judged until `edge-app learn` has been run."""


class GmmConfig(BaseModel):
    """A mixture of Gaussians: its manifest is the whole model."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    file: AppFile = Field(examples=["models/pump_gmm.json"])
    """Manifest, relative to the app's folder."""


class ForestConfig(BaseModel):
    """A random forest: its manifest is the whole model."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    file: AppFile = Field(examples=["models/fault_forest.json"])
    """Manifest, relative to the app's folder."""


def app_file(app_dir: Path, name: str) -> Path:
    """The file in the app's folder. Raises ModelError when a link leads out of the folder."""
    from edge_app.core.errors import ModelError
    from edge_app.core.files import lies_within

    path = app_dir / name
    if not lies_within(app_dir, path):
        raise ModelError(f"{path}: lies outside the app's folder {app_dir}", "Copy the file into the app's folder.")
    return path


def _create_tflite(config: TfliteConfig, context: ModelContext) -> Any:
    from edge_app.inference.load import load_tflite

    file = app_file(context.app_dir, config.file)
    manifest = app_file(context.app_dir, config.manifest or str(PurePosixPath(config.file).with_suffix(".json")))
    return load_tflite(file, manifest, context.schema, config.engine)


def _create_gaussian(config: GaussianConfig, context: ModelContext) -> Any:
    if config.file is None:
        from edge_app.inference.gaussian import UnlearntGaussian

        return UnlearntGaussian(context.schema)
    from edge_app.inference.load import load_gaussian

    return load_gaussian(app_file(context.app_dir, config.file), context.schema)


def _create_gmm(config: GmmConfig, context: ModelContext) -> Any:
    from edge_app.inference.load import load_gmm

    return load_gmm(app_file(context.app_dir, config.file), context.schema)


def _create_forest(config: ForestConfig, context: ModelContext) -> Any:
    from edge_app.inference.load import load_forest

    return load_forest(app_file(context.app_dir, config.file), context.schema)


TFLITE = Plugin(
    name="tflite",
    summary="int8 autoencoder or classifier in a .tflite file",
    config=TfliteConfig,
    create=_create_tflite,
    micropython=True,
)

GAUSSIAN = Plugin(
    name="gaussian",
    summary="Mahalanobis distance on the integer features",
    config=GaussianConfig,
    create=_create_gaussian,
    micropython=False,
)


class BearingTypeConfig(BaseModel):
    """The part of a bearing that fails, by the line that stands out."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    above_db: float = Field(default=13.5, ge=3, le=60)
    """How far the highest line must stand over its surroundings (dB)."""
    lead_db: float = Field(default=5.0, ge=0, le=60)
    """How far it must stand over the next line (dB)."""


def _create_bearing_type(config: BearingTypeConfig, context: ModelContext) -> Any:
    from edge_app.inference.bearing_type import BearingType

    return BearingType(context.schema, config.above_db, config.lead_db)


BEARING_TYPE = Plugin(
    name="bearing_type",
    summary="names the failing part of a bearing by the defect line that stands out",
    config=BearingTypeConfig,
    create=_create_bearing_type,
    micropython=True,
)

GMM = Plugin(
    name="gmm",
    summary="distance to the nearest of several Gaussians on the integer features",
    config=GmmConfig,
    create=_create_gmm,
    micropython=False,
)

FOREST = Plugin(
    name="forest",
    summary="random forest on the integer features: known classes by decision trees",
    config=ForestConfig,
    create=_create_forest,
    micropython=False,
)


class LimitConfig(BaseModel):
    """Between what a feature is normal; at least one side."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    below: float | None = Field(None, gt=0, examples=[40])
    """A lower value is beyond the limit (unit of the feature)."""
    above: float | None = Field(None, gt=0, examples=[130])
    """A higher value is beyond the limit (unit of the feature)."""
    say: str = Field("", max_length=60, examples=["irregular rhythm suspected"])
    """What it means when the limit is passed, for people; default: the limit itself."""

    @model_validator(mode="after")
    def _sides(self) -> LimitConfig:
        if self.below is None and self.above is None:
            raise ValueError("a limit needs `below`, `above` or both")
        if self.below is not None and self.above is not None and self.below >= self.above:
            raise ValueError(f"nothing lies between: below {self.below:g} and above {self.above:g} leave no normal")
        return self


class LimitsConfig(BaseModel):
    """Limits of features: no training, no file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    limits: dict[str, LimitConfig] = Field(min_length=1, examples=[{"heart_rate_bpm": {"below": 40, "above": 130}}])
    """By feature: between what it is normal. A value at its limit scores 0.50."""
    factor: float = Field(1.25, gt=1, le=100)
    """A value this many times beyond its limit scores 1, one as far within it 0."""


def _create_limits(config: LimitsConfig, context: ModelContext) -> Any:
    from edge_app.inference.limits import Limit, LimitsModel

    limits = {name: Limit(each.below, each.above, each.say) for name, each in config.limits.items()}
    return LimitsModel(context.schema, limits, config.factor)


LIMITS = Plugin(
    name="limits",
    summary="features have limits: the score says how far the worst is beyond its own; no training",
    config=LimitsConfig,
    create=_create_limits,
    micropython=True,
)
