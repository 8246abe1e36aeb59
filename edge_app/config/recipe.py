"""An app's recipes (`train.yaml`): what `edge-app train` learns from, how, and what it is measured on afterwards.

One file, one model. What has no meaning for the recipe's kind of model is refused, not ignored.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge_app.config.schema import BearingConfig, Strict
from edge_app.config.synthetic import Synthetic
from edge_app.core.names import MODEL_NAME_PATTERN

Span = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]]
Hop = Annotated[float, Field(ge=0.001, le=600)]
"""A millisecond is below one sample of slow sensors, and of fast ones thousands of windows a second of training."""
Neurons = Annotated[int, Field(ge=1, le=1024)]
Frequency = Annotated[float, Field(ge=0, le=1e6)]
Decibel = Annotated[float, Field(ge=0, le=60)]
"""A standard deviation (dB); 60 dB are a factor of a thousand."""
MOST_SIMULATED = 50_000_000
"""Samples of one simulated signal and axis: four hours at 3.3 kHz, 100 MB. Real recordings are as long as they are."""
_SIMULATED_RATE_HZ = 3332.0
"""Where a source names none."""

CLASSIFIERS = ("classifier", "cnn", "forest")
"""Kinds that tell classes apart; the others know one class, the healthy machine."""

LONGEST_CLASS = 60
"""Letters of a class's name: it stands in tables and sentences."""
BLOCKS_OF_KINDS = {
    "model": ("autoencoder", "classifier"),
    "cnn": ("cnn",),
    "forest": ("forest",),
    "gaussian": ("gaussian",),
    "gmm": ("gmm",),
    "classes": CLASSIFIERS,
    "alarm": CLASSIFIERS,
    "balance": CLASSIFIERS,
    "emphasis": CLASSIFIERS,
    "synthetic": ("classifier",),
    "stop": ("autoencoder", "classifier", "cnn"),
    "prune": ("autoencoder", "classifier", "cnn"),
}
"""Keys of a recipe that only some kinds of models have."""


class Source(Strict):
    """Recordings, or a simulated machine, and which part of them."""

    file: str | None = None
    """Recording, relative to `--data`."""
    dataset: str | None = None
    """Instead of a file: all recordings of this data set found in `--data` (cwru, mitdb, own …) …"""
    split: str | None = None
    """… of this split: train, val or test."""
    labels: list[str] | None = Field(default=None, min_length=1)
    """… with one of these labels."""
    ids: list[str] | None = Field(default=None, min_length=1)
    """… with one of these ids, or ends of ids ("mitdb/101", "101")."""
    where: dict[str, list[str | int | float | bool]] = {}
    """… whose facts have one of these values: {load_hp: [0], fault_size_inch: [0.007, 0.021]}."""
    simulated: str | None = None
    """Instead of a file: a machine of the `simulated` plugin ("pump")."""
    rate_hz: float | None = Field(default=None, gt=0, le=1e6)
    """Sampling rate (Hz); needed where the file does not say it, and for simulated machines."""
    channel: str | None = None
    """Which variable or column, by its ending."""
    range: float = Field(default=16.0, ge=1e-6, le=1e9)
    """Full scale of the sensor that is imitated, in the slot's unit."""
    span_s: Span | None = None
    """From and to (s) within each recording; default all. Training never sees the rest."""
    seed: int = Field(default=1, ge=0, le=2_000_000_000)
    """Of a simulated machine."""
    profile: str = "varying"
    """Of a simulated machine: how speed and load change."""
    seconds: float = Field(default=600.0, gt=0, le=604_800)
    """Of a simulated machine: how long it is watched (s)."""
    fault: str | None = None
    """Of a simulated machine: inner, outer, ball, unbalance …; default healthy."""
    severity: float = Field(default=1.0, ge=0, le=10)
    """Of a simulated fault."""
    hop_s: Hop | None = None
    """Distance of two windows (s) instead of the recipe's, or of the app's when evaluating."""
    label: str = "healthy"
    """What a file or a simulated machine is known to be; recordings of a data set have labels of their own."""
    name: str | None = None
    """How tables call it; default the file's name."""

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if sum(each is not None for each in (self.file, self.dataset, self.simulated)) != 1:
            raise ValueError("a source has either `file` or `simulated` or `dataset`; write one of the three")
        chosen = [key for key in ("split", "labels", "ids", "where") if getattr(self, key)]
        if self.dataset is None and chosen:
            raise ValueError(f"`{chosen[0]}` chooses among recordings of a data set; write it beside `dataset`")
        if self.span_s is not None and self.span_s[0] >= self.span_s[1]:
            raise ValueError(f"`span_s` ends at {self.span_s[1]:g} s, before it begins; write [from, to]")
        samples = self.seconds * (self.rate_hz or _SIMULATED_RATE_HZ)
        if self.simulated is not None and samples > MOST_SIMULATED:
            raise ValueError(
                f"{self.seconds:g} s of a simulated machine are {samples / 1e6:.0f} million samples, at most "
                f"{MOST_SIMULATED // 1_000_000} million are made; shorten `seconds`, or write several sources"
            )
        return self

    @property
    def title(self) -> str:
        """How tables call it."""
        chosen = ", ".join([*(self.labels or ()), *(self.ids or ()), *([self.split] if self.split else [])])
        data = f"{self.dataset} ({chosen})" if chosen else self.dataset
        return self.name or self.file or data or f"{self.simulated} {self.fault or 'healthy'}"


class Augment(Strict):
    """What the same healthy machine may look like on another day: applied to the training windows."""

    speed: list[Annotated[float, Field(ge=0.25, le=4)]] = Field(default=[1.0], min_length=1, max_length=64)
    """Factors on the shaft speed, by resampling the raw signal."""
    gain_db: list[Annotated[float, Field(ge=-60, le=60)]] = Field(default=[0.0], min_length=1, max_length=16)
    """Levels added to the raw signal (dB)."""
    jitter_db: list[tuple[Annotated[float, Field(ge=0, le=1e6)], Decibel]] = Field(
        default=[(0.0, 1.0)], min_length=1, max_length=16
    )
    """Independent change of each band: from this frequency (Hz) on, with this standard deviation (dB)."""
    smooth_db: Decibel = 1.0
    """Change that is smooth over frequency (another mounting, another path): standard deviation (dB)."""
    shape_db: Decibel = 0.5
    """Change of crest factor and kurtosis: standard deviation (dB)."""
    copies: int = Field(default=8, ge=1, le=1000)
    """How often each window is taken, each time changed anew."""


class ModelRecipe(Strict):
    """Size of a dense autoencoder or classifier, and how it is trained."""

    hidden: list[Neurons] | None = Field(default=None, min_length=1, max_length=9)
    """Sizes of the layers between input and output; default 24, 8, 24 for an autoencoder, 32, 16 for a classifier."""
    ensemble: int = Field(default=1, ge=1, le=8)
    """Of a classifier: so many networks are trained, from this seed and the next ones, and merged into one that is so
    many times as wide and gives the mean of their logits. It errs less, for as much more memory and time."""
    epochs: int = Field(default=60, ge=1, le=10000)
    """How often every window is seen, at most."""
    batch: int = Field(default=128, ge=1, le=4096)
    """Windows in one step."""
    rate: float = Field(default=0.002, gt=0, le=1)
    """Step size at the start; it falls in a straight line to zero."""
    noise: float = Field(default=0.0, ge=0, le=100)
    """Noise added to the inputs while learning, in standard deviations."""
    decay: float = Field(default=0.0, ge=0, le=1)
    """Share of a weight lost in a step, times the step size: keeps the weights of a classifier small."""
    steps_per_sigma: int = Field(default=12, ge=1, le=64)
    """int8 steps of one standard deviation of a feature: 12 lets ±10.6 of them in without clipping."""
    sigma_floor_db: float = Field(default=1.0, gt=0, le=60)
    """Smallest standard deviation believed (dB): a few seconds of one machine vary less than the next day does."""


class CnnRecipe(Strict):
    """A 1-D convolutional classifier on a waveform; needs the extra `[train-torch]`."""

    channels: list[Neurons] = Field(default=[16, 32, 32], min_length=1, max_length=8)
    """Channels of each convolution."""
    kernel: int = Field(default=9, ge=1, le=127)
    """Samples one convolution spans; odd."""
    stride: int = Field(default=2, ge=1, le=16)
    """Samples between two outputs of a convolution."""
    pool: int = Field(default=2, ge=1, le=16)
    """Samples of which the largest is kept, after each convolution but the last; 1: none."""
    epochs: int = Field(default=30, ge=1, le=1000)
    """How often every window is seen, at most."""
    batch: int = Field(default=64, ge=1, le=4096)
    """Windows in one step."""
    rate: float = Field(default=0.003, gt=0, le=1)
    """Step size at the start; it falls in a straight line to zero."""
    shift: float = Field(default=0.0, ge=0, le=1)
    """Largest random shift of a window in time while learning, as share of it (circular)."""
    noise: float = Field(default=0.0, ge=0, le=100)
    """Noise added while learning, as share of the window's root mean square."""
    steps_per_sigma: int = Field(default=24, ge=1, le=64)
    """int8 steps of one standard deviation of the waveform."""


class ForestRecipe(Strict):
    """A random forest on the integer features (scikit-learn)."""

    trees: int = Field(default=20, ge=1, le=200)
    """Trees."""
    depth: int = Field(default=8, ge=1, le=24)
    """Questions from root to leaf, at most."""
    min_leaf: int = Field(default=3, ge=1)
    """Windows a leaf holds, at least."""


class GaussianRecipe(Strict):
    """Mahalanobis distance on the integer features."""

    shrinkage: float | None = Field(default=None, ge=0, le=1)
    """Share of the diagonal in the covariance: 0 none, 1 diagonal only; default by the formula of Ledoit and Wolf."""
    steps_per_sigma: int = Field(default=32, ge=1, le=64)
    """Steps of one standard deviation of a feature."""
    sigma_floor_db: float = Field(default=1.0, gt=0, le=60)
    """Smallest standard deviation believed (dB)."""


class GmmRecipe(Strict):
    """A mixture of Gaussians with diagonal covariance: a machine with several ways of running."""

    components: int = Field(default=4, ge=1, le=32)
    """Gaussians."""
    rounds: int = Field(default=100, ge=1, le=10000)
    """Rounds of expectation and maximisation, at most."""
    steps_per_sigma: int = Field(default=32, ge=1, le=64)
    """Steps of one standard deviation of a feature."""
    sigma_floor_db: float = Field(default=1.0, gt=0, le=60)
    """Smallest standard deviation believed (dB)."""


class StopRecipe(Strict):
    """When training ends before its last epoch; for autoencoders only where this is given.

    Classifiers keep the best epoch on the validation windows; autoencoders learn for as many epochs as left least of
    withheld windows unexplained.
    """

    metric: Literal["macro_f1", "balanced_accuracy", "accuracy"] = "macro_f1"
    """What is best: mean F1 of the classes, mean sensitivity of the classes, or share of windows right."""
    patience: int = Field(default=15, ge=1)
    """Epochs without a better one after which training ends."""


class PruneRecipe(Strict):
    """Making the model smaller after training; refused when that costs more than `margin`."""

    keep: Annotated[float, Field(gt=0, le=1)] | list[Annotated[float, Field(gt=0, le=1)]] | None = None
    """Share of neurons or channels kept: one number, or one for each layer but the last."""
    tolerance: float | None = Field(default=None, gt=0, le=1)
    """Instead: those go whose score is below this share of their layer's best one."""
    sparsity: float | None = Field(default=None, gt=0, lt=1)
    """Share of the weights set to zero, the smallest: the update packs smaller, the model runs no faster."""
    epochs: int = Field(default=15, ge=0, le=10000)
    """Epochs of fine-tuning afterwards."""
    margin: float = Field(default=0.01, ge=0, le=1)
    """Most of the validation metric that pruning may cost; otherwise the model is left as it was."""
    scratch: bool = True
    """Also train a model of the pruned size from scratch, as long as model and fine-tuning together, and say which is
    better."""

    @model_validator(mode="after")
    def _something_to_do(self) -> PruneRecipe:
        if self.keep is not None and self.tolerance is not None:
            raise ValueError("`keep` and `tolerance` both say which neurons stay; write one of the two")
        if self.keep is None and self.tolerance is None and self.sparsity is None:
            raise ValueError("nothing is pruned; write `keep: 0.5`, `tolerance: 0.2` or `sparsity: 0.8`")
        return self


class ScoreRecipe(Strict):
    """How the model's raw output becomes a score: by what healthy windows, changed anew, show."""

    healthy: float = Field(default=0.25, gt=0, lt=1)
    """Score of the median healthy window."""
    safety: float = Field(default=1.3, ge=1, le=1000)
    """The alarm's threshold lies this factor beyond the distance that 95 % of unseen healthy windows stay below."""


class RecipeConfig(Strict):
    """Keys of a recipe (`train.yaml`)."""

    pipeline: str
    """Which pipeline of the app the model is for."""
    part: Literal["model", "diagnose"] = "model"
    """Which of the pipeline's models: the one that decides about alarms, or the one that tells the type of a fault."""
    name: str = Field(pattern=MODEL_NAME_PATTERN, examples=["bearing_int8"])
    """Name of the model; the file is models/<name>.tflite, or models/<name>.json where that is the whole model."""
    kind: Literal["autoencoder", "classifier", "cnn", "forest", "gaussian", "gmm"] = "autoencoder"
    """What is trained: one that knows healthy windows (autoencoder, gaussian, gmm) or one that tells classes apart."""
    seed: int = Field(default=7, ge=0, lt=2**32)
    """Of everything random in training."""
    hop_s: Hop = 0.02
    """Distance of two training windows (s)."""
    bearing: BearingConfig | None = None
    """Geometry of the bearing, for features that need it; the shaft's speed comes from the recordings' `rpm`."""
    train: list[Source] = Field(min_length=1)
    """Signals to learn from."""
    validation: list[Source] = []
    """Signals to choose by (when to stop, whether pruning is taken); default: the end of each training signal."""
    healthy: list[str] = Field(default=["healthy", "normal"], min_length=1)
    """Labels that mean healthy: all that a model of one class may learn from."""
    classes: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    """Classes and the labels each stands for; for windows about one heartbeat, the annotation codes of the beats."""
    alarm: list[str] = []
    """Classes whose probability makes the score."""
    balance: Literal["none", "root", "equal"] = "equal"
    """How much a rare class counts: as often as it comes, by the root of that, or as much as any other."""
    emphasis: dict[str, Annotated[float, Field(gt=0, le=1000)]] = {}
    """Factors on how much some classes count, beside `balance`: {supraventricular: 2.0}."""
    augment: Augment = Field(default_factory=lambda: Augment())
    synthetic: Synthetic | None = None
    model: ModelRecipe = Field(default_factory=lambda: ModelRecipe())
    cnn: CnnRecipe = Field(default_factory=lambda: CnnRecipe())
    forest: ForestRecipe = Field(default_factory=lambda: ForestRecipe())
    gaussian: GaussianRecipe = Field(default_factory=lambda: GaussianRecipe())
    gmm: GmmRecipe = Field(default_factory=lambda: GmmRecipe())
    stop: StopRecipe = Field(default_factory=lambda: StopRecipe())
    prune: PruneRecipe | None = None
    max_bytes: int | None = Field(default=None, gt=0)
    """Largest model file taken (bytes); a larger one is refused and not written."""
    score: ScoreRecipe = Field(default_factory=lambda: ScoreRecipe())
    evaluate: list[Source] = []
    """Signals the finished model is measured on; nothing is learnt or set from them."""
    about: str = ""
    """For the model card: what it is for, what it is not."""

    @property
    def tells_classes(self) -> bool:
        """Whether the model tells classes apart, rather than knowing the healthy machine alone."""
        return self.kind in CLASSIFIERS

    @property
    def hidden(self) -> list[int]:
        """Sizes of the layers between input and output of a dense model."""
        return self.model.hidden or ([32, 16] if self.kind == "classifier" else [24, 8, 24])

    def class_of(self, label: str) -> str:
        """The class a label or beat symbol belongs to; empty for none."""
        return next((name for name, labels in self.classes.items() if label in labels), "")

    @model_validator(mode="after")
    def _keys_suit_the_kind(self) -> RecipeConfig:
        for key in sorted(self.model_fields_set):
            kinds = BLOCKS_OF_KINDS.get(key)
            if kinds is not None and self.kind not in kinds:
                raise ValueError(f"`{key}` is for kind {' or '.join(kinds)}; this recipe's kind is {self.kind}")
        return self

    @model_validator(mode="after")
    def _metric_is_of_classes(self) -> RecipeConfig:
        if self.kind == "autoencoder" and "metric" in self.stop.model_fields_set:
            raise ValueError("`stop.metric` is of classes; an autoencoder stops by what it leaves unexplained")
        return self

    @model_validator(mode="after")
    def _healthy_only(self) -> RecipeConfig:
        if self.tells_classes:
            return self
        if self.model.ensemble > 1:
            raise ValueError(f"`model.ensemble` is for kind classifier; this recipe's kind is {self.kind}")
        for source in self.train:
            if source.label not in self.healthy or source.fault is not None:
                raise ValueError(f"train holds {source.title}, which is not healthy; move it to `evaluate`")
        return self

    @model_validator(mode="after")
    def _classes_make_sense(self) -> RecipeConfig:
        if not self.tells_classes:
            return self
        if len(self.classes) < 2:
            raise ValueError(
                f"a {self.kind} tells at least two classes apart; write `classes: {{normal: [healthy], …}}`, "
                "or take kind gaussian, gmm or autoencoder where there are healthy recordings only"
            )
        for name in self.classes:
            if not 1 <= len(name) <= LONGEST_CLASS or not name.isprintable():
                raise ValueError(f"a class is called {name[:80]!r}; names have 1 to {LONGEST_CLASS} printable letters")
        labels = [label for each in self.classes.values() for label in each]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise ValueError(f"the label {twice} stands in two classes; leave it in one")
        every = list(self.synthetic.every) if self.synthetic is not None else []
        if self.synthetic is not None and not self.validation:
            raise ValueError("`synthetic` needs `validation`: what is made of a recording may not stand beside its end")
        for key, named in (("alarm", self.alarm), ("emphasis", list(self.emphasis)), ("synthetic.every", every)):
            unknown = next((name for name in named if name not in self.classes), None)
            if unknown is not None:
                raise ValueError(f"{key} holds {unknown}, which is no class; classes are {', '.join(self.classes)}")
        if (not self.alarm and self.part == "model") or len(self.alarm) == len(self.classes):
            raise ValueError("`alarm` names the classes that speak for an alarm: at least one, and not all of them")
        return self
