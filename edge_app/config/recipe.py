"""An app's `train.yaml`: what `edge-app train` learns from, how, and what it is measured on afterwards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge_app.config.schema import Strict

Span = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]]


class Source(Strict):
    """A recording, or a simulated machine, and which part of it."""

    file: str | None = None
    """Recording, relative to `--data`."""
    simulated: str | None = None
    """Instead of a file: a machine of the `simulated` plugin ("pump")."""
    rate_hz: float | None = Field(default=None, gt=0)
    """Sampling rate (Hz); needed where the file does not say it, and for simulated machines."""
    channel: str | None = None
    """Which variable or column, by its ending."""
    range: float = Field(default=16.0, gt=0)
    """Full scale of the sensor that is imitated, in the slot's unit."""
    span_s: Span | None = None
    """From and to (s) within the recording; default all. Training never sees the rest."""
    seed: int = 1
    """Of a simulated machine."""
    profile: str = "varying"
    """Of a simulated machine: how speed and load change."""
    seconds: float = Field(default=600.0, gt=0)
    """Of a simulated machine: how long it is watched (s)."""
    fault: str | None = None
    """Of a simulated machine: inner, outer, ball, unbalance …; default healthy."""
    severity: float = Field(default=1.0, ge=0)
    """Of a simulated fault."""
    hop_s: float | None = Field(default=None, gt=0)
    """When evaluating: distance of two windows (s) instead of the app's, to look at more of a short recording."""
    label: Literal["healthy", "fault"] = "healthy"
    """What it is known to be; training takes healthy ones only."""
    name: str | None = None
    """How tables call it; default the file's name."""

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if (self.file is None) == (self.simulated is None):
            raise ValueError("a source has either `file` or `simulated`; write one of the two")
        return self

    @property
    def title(self) -> str:
        """How tables call it."""
        return self.name or self.file or f"{self.simulated} {self.fault or 'healthy'}"


class Augment(Strict):
    """What the same healthy machine may look like on another day: applied to the training windows."""

    speed: list[float] = Field(default=[1.0], min_length=1, max_length=64)
    """Factors on the shaft speed, by resampling the raw signal."""
    gain_db: list[float] = Field(default=[0.0], min_length=1, max_length=16)
    """Levels added to the raw signal (dB)."""
    jitter_db: list[tuple[float, float]] = Field(default=[(0.0, 1.0)], min_length=1, max_length=16)
    """Independent change of each band: from this frequency (Hz) on, with this standard deviation (dB)."""
    smooth_db: float = Field(default=1.0, ge=0)
    """Change that is smooth over frequency (another mounting, another path): standard deviation (dB)."""
    shape_db: float = Field(default=0.5, ge=0)
    """Change of crest factor and kurtosis: standard deviation (dB)."""
    copies: int = Field(default=8, ge=1, le=1000)
    """How often each window is taken, each time changed anew."""


class ModelRecipe(Strict):
    """Size of the autoencoder, and how it is trained."""

    hidden: list[int] = Field(default=[24, 8, 24], min_length=1, max_length=9)
    """Sizes of the layers between input and output."""
    epochs: int = Field(default=60, ge=1, le=10000)
    """How often every window is seen."""
    batch: int = Field(default=128, ge=1, le=4096)
    """Windows in one step."""
    rate: float = Field(default=0.002, gt=0, le=1)
    """Step size at the start; it falls in a straight line to zero."""
    noise: float = Field(default=0.0, ge=0)
    """Noise added to the inputs while learning, in standard deviations."""
    steps_per_sigma: int = Field(default=12, ge=1, le=64)
    """int8 steps of one standard deviation of a feature: 12 lets ±10.6 of them in without clipping."""
    sigma_floor_db: float = Field(default=1.0, gt=0)
    """Smallest standard deviation believed (dB): a few seconds of one machine vary less than the next day does."""


class ScoreRecipe(Strict):
    """How the model's raw output becomes a score: by what healthy windows, changed anew, show."""

    healthy: float = Field(default=0.25, gt=0, lt=1)
    """Score of the median healthy window."""
    safety: float = Field(default=1.3, ge=1)
    """The alarm's threshold lies this factor beyond the distance that 95 % of unseen healthy windows stay below."""


class RecipeConfig(Strict):
    """Keys of `train.yaml`."""

    pipeline: str
    """Which pipeline of the app the model is for."""
    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Name of the model; the file is models/<name>.tflite."""
    seed: int = Field(default=7, ge=0, lt=2**32)
    """Of everything random in training."""
    hop_s: float = Field(default=0.02, gt=0)
    """Distance of two training windows (s)."""
    train: list[Source] = Field(min_length=1)
    """Healthy signals to learn from."""
    augment: Augment = Field(default_factory=lambda: Augment())
    model: ModelRecipe = Field(default_factory=lambda: ModelRecipe())
    score: ScoreRecipe = Field(default_factory=lambda: ScoreRecipe())
    evaluate: list[Source] = []
    """Signals the finished model is measured on; nothing is learnt or set from them."""
    about: str = ""
    """For the model card: what it is for, what it is not."""

    @model_validator(mode="after")
    def _healthy_only(self) -> RecipeConfig:
        for source in self.train:
            if source.label != "healthy" or source.fault is not None:
                raise ValueError(f"train holds {source.title}, which is not healthy; move it to `evaluate`")
        return self
