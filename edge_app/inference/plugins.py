"""Models a configuration may name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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

    model_config = ConfigDict(extra="forbid", strict=True)

    file: AppFile = Field(examples=["models/bearing_int8.tflite"])
    """Model file, relative to the app's folder."""
    manifest: AppFile | None = Field(None, examples=["models/bearing_int8.json"])
    """Manifest, relative to the app's folder; default: beside the model, same name, ending .json."""
    engine: Literal["exact", "fast"] = "exact"
    """exact: the same bytes on every machine. fast: optimised kernels for large models, which round differently."""


class GaussianConfig(BaseModel):
    """A Gaussian (Mahalanobis) model: its manifest is the whole model."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: AppFile = Field(examples=["models/pump_gaussian.json"])
    """Manifest, relative to the app's folder."""


def app_file(app_dir: Path, name: str) -> Path:
    """The file in the app's folder. Raises ModelError when a link leads out of the folder."""
    from edge_app.core.errors import ModelError

    path = app_dir / name
    if not path.resolve().is_relative_to(app_dir.resolve()):
        raise ModelError(f"{path}: lies outside the app's folder {app_dir}", "Copy the file into the app's folder.")
    return path


def _create_tflite(config: TfliteConfig, context: ModelContext) -> Any:
    from edge_app.inference.load import load_tflite

    file = app_file(context.app_dir, config.file)
    manifest = app_file(context.app_dir, config.manifest or str(PurePosixPath(config.file).with_suffix(".json")))
    return load_tflite(file, manifest, context.schema, config.engine)


def _create_gaussian(config: GaussianConfig, context: ModelContext) -> Any:
    from edge_app.inference.load import load_gaussian

    return load_gaussian(app_file(context.app_dir, config.file), context.schema)


TFLITE = Plugin(
    name="tflite",
    summary="int8 autoencoder in a .tflite file",
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

    model_config = ConfigDict(extra="forbid")

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
    micropython=False,
)
