"""What can be asked for: one frozen model per experiment.

A spec is a page's state, its URL and its cache key at once. Fields are documented where they stand; the pages show
those very sentences as help. Nothing here imports torch: the web process builds specs on every rerun.
"""

import hashlib
import json
import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from labcore.errors import UserError

RESULTS_VERSION = 1
"""Raised whenever the same spec would give other numbers, so that old results are not shown for new code."""


class Spec(BaseModel):
    """Base of all specs: immutable, unknown names refused, help taken from the field docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    @classmethod
    def of(cls, values: dict[str, Any] | None = None, **keywords: Any) -> Self:
        """Build a spec from dotted names (``{"dataset.name": "pets"}``), keywords, or both.

        Raises:
            UserError: a name is unknown or a value makes no sense; the sentence names the field.
        """
        nested: dict[str, Any] = {}
        defaults = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Spec)}
        for name, value in {**(values or {}), **keywords}.items():
            *path, leaf = name.split(".")
            node = nested
            for part in path:
                # dataset.limit alone must not swap this experiment's own data set for DatasetSpec's.
                own = defaults[part].model_dump() if node is nested and part in defaults else {}
                node = node.setdefault(part, own)
                if not isinstance(node, dict):
                    raise UserError(f"{name}: {part} is a single value and has no parts. Set {part} itself.")
            node[leaf] = value.model_dump() if isinstance(value, BaseModel) else value
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise UserError(_sentence(cls, error)) from None

    def but(self, **changes: Any) -> Self:
        """This spec with some fields changed, checked again; nested fields as ``dataset__name``."""
        flat = flatten(self) | {name.replace("__", "."): value for name, value in changes.items()}
        return type(self).of(flat)

    def canonical(self) -> str:
        """The spec as JSON with sorted keys and defaults written out: equal specs give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def flatten(spec: Spec) -> dict[str, Any]:
    """A spec as ``{dotted name: value}``; lists of sub-specs stay whole."""
    flat: dict[str, Any] = {}
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, Spec):
            flat |= {f"{name}.{inner}": deeper for inner, deeper in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def changed(spec: Spec) -> dict[str, Any]:
    """The dotted names whose value is not the default: what a URL or a command line has to carry."""
    defaults = flatten(type(spec)())
    return {name: value for name, value in flatten(spec).items() if value != defaults[name]}


def _sentence(cls: type[Spec], error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or cls.__name__
    if first["type"] == "extra_forbidden":
        known = ", ".join(flatten(cls()))
        return f"{name} is no setting of this experiment. Choose among: {known}."
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if first["type"] == "value_error":
        return message
    return f"{name} = {first['input']!r}: {message}."


def _parse_size(value: Any) -> Any:
    """Accept 96, "96", "120x160" and [120, 160] (height, width)."""
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split("x")
        value = [int(part) for part in parts] if all(part.strip().isdigit() for part in parts) else value
        if isinstance(value, list) and len(value) == 1:
            return value[0]
    return value


Side = Annotated[int, Field(ge=16, le=2048)]
Size = Annotated[Side | tuple[Side, Side], BeforeValidator(_parse_size)]
"""A square's side, or (height, width), in pixels."""
Rate = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
SavedFile = Annotated[str, Field(pattern=r"^([a-z0-9]{8,40}/[A-Za-z0-9][A-Za-z0-9._-]{0,79})?$")]
"""Something that an earlier run has kept, as RUN/NAME; empty for nothing."""


class DatasetSpec(Spec):
    """Which data, and how it is split."""

    name: str = Field(default="critters", min_length=1, max_length=64)
    """The data set to learn from."""
    root: str = Field(default="", max_length=4096)
    """A folder already on disk with the set's own layout; empty takes the lab's own copy."""
    limit: int = Field(default=0, ge=0)
    """Use only this many items, drawn with the split's seed; 0 takes all."""
    valid_pct: float = Field(default=0.2, gt=0, lt=1, allow_inf_nan=False)
    """The share of items held out for validation where the split is random."""
    split: Literal["auto", "random", "stratified", "group", "frames", "column", "file", "folder"] = "auto"
    """How items are held out: auto takes the way that the set was made for; frames the end of every video."""
    split_seed: int = Field(default=42, ge=0, lt=2**31)
    """Seed of the split alone, so that other seeds see the same held-out items."""
    hold_out: str = Field(default="", max_length=1000)
    """Persons or videos to hold out in a split by group, parted by commas; empty draws them."""


class ImageSpec(Spec):
    """What every experiment on pictures shares."""

    dataset: DatasetSpec = DatasetSpec()
    arch: str = Field(default="regnetx_002", min_length=1, max_length=100)
    """The network's body, by its timm or torchvision name."""
    weights: str = Field(default="embedded", min_length=1, max_length=4096)
    """Where the body starts: embedded (trained by this project), pretrained (downloaded), none (random), or a file."""
    image_size: Size = 64
    """Side of the pictures that the net sees, in pixels; half the side is a quarter of the work."""
    batch_size: int = Field(default=64, ge=1, le=4096)
    """Pictures per step: more is steadier, fewer is more steps and less memory."""
    augment: Literal["none", "photos", "from_above", "street"] = "none"
    """How each picture is varied every time it is seen."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of the forward pass; auto takes half precision where the device gains from it."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of initialisation, shuffling, augmentation and dropout, each a stream of its own."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a GPU if there is one."""


class LRFinderSpec(ImageSpec):
    """A learning-rate range test (Smith 2015, arXiv:1506.01186; fastai's ``lr_find``)."""

    frozen: bool = True
    """Train the head alone (before unfreezing) or the whole net (after)."""
    frozen_body: Literal["batchnorm_trains", "computed_once"] = "batchnorm_trains"
    """While frozen: run the body with its BatchNorm training, as fastai does, or compute its features once."""
    start: Rate = 1e-7
    """The smallest rate tried."""
    end: Rate = 10.0
    """The largest rate tried."""
    num_it: int = Field(default=100, ge=10, le=10_000)
    """How many rates, one mini-batch each."""
    sweep: Literal["exponential", "linear"] = "exponential"
    """How the rate grows: by a factor (the finder) or by an amount (the CLR paper's test)."""
    stop_early: bool = True
    """End once the smoothed loss is four times its best: it has diverged."""
    smoothing: float = Field(default=0.98, ge=0, lt=1, allow_inf_nan=False)
    """Weight of the past in the smoothed loss; 0 shows each batch as it is."""
    valid_items: int = Field(default=0, ge=0, le=100_000)
    """Also measure the valid loss on this many fixed pictures at every rate; 0 leaves it out, as fastai does."""
    accuracy: bool = False
    """Also record the batch accuracy at every rate, as the CLR paper's range test does."""
    weight_decay: float = Field(default=0.01, ge=0, le=10, allow_inf_nan=False)
    """Pull of all weights towards zero per step, times the rate."""
    head: Literal["fastai", "linear"] = "fastai"
    """fastai's head of two layers with dropout, or one linear layer."""
    start_from: SavedFile = ""
    """A saved stage of a fine-tuning run to start from, as RUN/STAGE: the rate for its next stage. Empty starts from
    the backbone's weights and a new head."""

    @model_validator(mode="after")
    def _range_makes_sense(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"The range ends at {self.end:g}, not above its start {self.start:g}. Raise the end.")
        if self.frozen_body == "computed_once" and not self.frozen:
            raise ValueError("Features can be computed once only while the body is frozen. Set frozen to true.")
        if self.frozen_body == "computed_once" and self.augment != "none":
            raise ValueError("Features computed once cannot be augmented anew. Set augment to none.")
        return self


class Stage(Spec):
    """One stage of a plan: what is frozen, how long, at which rates, on which schedule."""

    name: str = Field(default="", max_length=60)
    """A name to load it by and go on from; empty takes its number."""
    freeze_to: int = Field(default=0, ge=-8, le=8)
    """Parameter groups before this one are frozen, counted as in fastai's freeze_to: 0 none, -1 all but the head."""
    epochs: int = Field(default=1, ge=0, le=1000)
    """How often each picture is seen."""
    steps: int = Field(default=0, ge=0, le=1_000_000)
    """Train this many batches instead of whole epochs; 0 counts in epochs."""
    lr: Rate = 1e-3
    """Rate of the head, the slice's right end: the schedule's top."""
    lr_lo: float | None = Field(default=None, ge=0, le=1000, allow_inf_nan=False)
    """Rate of the earliest group, the slice's left end; none gives every group the head's rate."""
    tenth: bool = False
    """fastai's slice(lr): every group but the last at a tenth."""
    schedule: Literal["one_cycle", "constant", "cosine", "triangular", "triangular2", "exponential"] = "one_cycle"
    """How the rate moves within the stage."""
    pct_start: Probability = 0.25
    """The share of the stage in which the rate climbs."""
    div: float = Field(default=25.0, ge=1, le=1e6, allow_inf_nan=False)
    """The climb starts at the top rate divided by this."""
    div_final: float = Field(default=1e5, ge=1, le=1e12, allow_inf_nan=False)
    """The descent ends at the top rate divided by this."""
    image_size: Size | None = None
    """Picture size of this stage (progressive resizing); none keeps the plan's."""

    @model_validator(mode="after")
    def _rates_are_ordered(self) -> Self:
        if self.lr_lo is not None and self.lr_lo > self.lr:
            raise ValueError(
                f"slice({self.lr_lo:g}, {self.lr:g}) gives early layers more than late ones. Put the smaller first."
            )
        if self.epochs == 0 and self.steps == 0:
            raise ValueError("A stage of 0 epochs and 0 steps trains nothing. Give it an epoch, or remove it.")
        return self


SUITED: dict[str, dict[str, Any]] = {
    # Ten photos per breed: a linear head on features of a resting body gives 24 to 26 % error, fastai's two-layer head
    # 24 to 35 %; and the notes' own slice(1e-6, 1e-4) is the largest that does not spoil it again (benchmarks).
    "pets": {
        "image_size": 256,
        "batch_size": 16,
        "head": "linear",
        "augment": "none",
        "frozen_body": "computed_once",
        "plan": (
            Stage(name="head", freeze_to=-1, epochs=20, lr=3e-3, tenth=True),
            Stage(name="all", epochs=3, lr=1e-4, lr_lo=1e-6),
        ),
    },
}
"""What a data set asks for in a fine-tuning spec that leaves the plan open."""


def _suited(wishes: dict[str, dict[str, Any]], values: Any) -> Any:
    """What a data set asks for, below what the person asks for."""
    # Whoever brings a plan has chosen: a race's lane must differ in that plan alone.
    if not isinstance(values, dict) or "plan" in values:
        return values
    dataset = values.get("dataset") or {}
    name = dataset.name if isinstance(dataset, DatasetSpec) else dataset.get("name")
    return wishes.get(name, {}) | values


NAMED_AFTER = re.compile(r"([a-z][a-z0-9_]*\d[a-z0-9_]*)[-.]")
"""torchvision's and timm's weight files begin with their architecture: resnet18-f37072fd.pth."""


def _named_after_weights(values: Any) -> Any:
    """A spec's values with the architecture that its weights file is named after, unless it names one itself."""
    if not isinstance(values, dict) or "arch" in values:
        return values
    named = NAMED_AFTER.match(str(values.get("weights", "")).replace("\\", "/").rpartition("/")[2])
    return values | ({"arch": named[1]} if named else {})


class FineTuneSpec(ImageSpec):
    """Transfer learning in stages: train the head, unfreeze, small rates early and large ones late."""

    arch: str = Field(default="regnetx_002", min_length=1, max_length=100)
    """The network's body, by its timm or torchvision name."""
    image_size: Size = 80
    """Side of the pictures that the net sees, in pixels; half the side is a quarter of the work."""
    augment: Literal["none", "photos", "from_above", "street"] = "photos"
    """How each picture is varied every time it is seen."""
    plan: tuple[Stage, ...] = Field(
        default=(
            Stage(name="head", freeze_to=-1, epochs=1, lr=3e-3, tenth=True),
            Stage(name="all", epochs=9, lr=2e-2, lr_lo=4e-3),
        ),
        min_length=1,
        max_length=12,
    )
    """The stages, in order."""
    frozen_body: Literal["batchnorm_trains", "computed_once"] = "batchnorm_trains"
    """While frozen: run the body with BatchNorm training, as fastai does, or compute its features once and let
    BatchNorm rest in all stages."""
    head: Literal["fastai", "linear"] = "fastai"
    """fastai's head of two layers with dropout, or one linear layer: with ten pictures per class less is more."""
    weight_decay: float = Field(default=0.01, ge=0, le=10, allow_inf_nan=False)
    """Pull of all weights towards zero per step, times the rate."""
    start_from: SavedFile = ""
    """A saved stage of an earlier run to go on from, as RUN/STAGE; empty starts from the backbone's weights."""
    collected: SavedFile = ""
    """Pictures gathered to learn from, as RUN/FILE: mistakes of that run, or uploads with the right label."""
    collected_how: Literal["added", "alone"] = "added"
    """Teach the gathered pictures together with the training set, or alone (and watch what is forgotten)."""

    @model_validator(mode="before")
    @classmethod
    def _suit_the_data(cls, values: Any) -> Any:
        return _suited(SUITED, values)


class ThresholdsSpec(ImageSpec):
    """Several labels per picture: one sigmoid and one binary cross-entropy each, then a threshold for each."""

    dataset: DatasetSpec = DatasetSpec(name="tiles")
    plan: tuple[Stage, ...] = Field(
        default=(
            Stage(name="head", freeze_to=-1, epochs=2, lr=3e-3, tenth=True),
            Stage(name="all", epochs=8, lr=3e-3, lr_lo=3e-4),
        ),
        min_length=1,
        max_length=12,
    )
    """The stages, in order."""
    threshold: float = Field(default=0.2, gt=0, lt=1, allow_inf_nan=False)
    """A label is said above this probability, in every metric while training; tuned afterwards."""
    frozen_body: Literal["batchnorm_trains", "computed_once"] = "batchnorm_trains"
    """While frozen: run the body with its BatchNorm training, as fastai does, or compute its features once."""
    weight_decay: float = Field(default=0.01, ge=0, le=10, allow_inf_nan=False)
    """Pull of all weights towards zero per step, times the rate."""


SUITED_POSES: dict[str, dict[str, Any]] = {
    # A few hundred pictures of a few people: smaller batches and more epochs give enough steps, and only variation
    # keeps the net from learning those few by heart.
    "own": {
        "batch_size": 32,
        "augment": "photos",
        "plan": (
            Stage(name="head", freeze_to=-1, epochs=1, lr=1e-2, tenth=True),
            Stage(name="all", epochs=9, lr=1e-2, lr_lo=2e-3),
        ),
    },
}
"""What a data set asks for in a head-pose spec that leaves the plan open."""


class HeadPoseSpec(ImageSpec):
    """Image regression: a net that points, trained under a split by person and under the random one that flatters."""

    dataset: DatasetSpec = DatasetSpec(name="heads")
    image_size: Size = (96, 128)
    """Height and width of the pictures that the net sees, in pixels; half of each is a quarter of the work."""
    plan: tuple[Stage, ...] = Field(
        default=(
            Stage(name="head", freeze_to=-1, epochs=1, lr=1e-2, tenth=True),
            Stage(name="all", epochs=4, lr=1e-2, lr_lo=2e-3),
        ),
        min_length=1,
        max_length=12,
    )
    """The stages, in order."""
    target: Literal["points", "angles"] = "points"
    """What is learnt: points of the picture, or yaw, pitch and roll of the head where the set names them."""
    loss: Literal["mse", "l1", "huber"] = "mse"
    """Mean squared error, mean absolute error, or Huber's: squared near the truth and absolute far from it."""
    y_range: tuple[float, float] | None = (-1.1, 1.1)
    """A scaled sigmoid keeps each prediction between these, where -1 and 1 are the picture's edges; none leaves it
    open."""
    protocol: Literal["both", "one", "leave_one_out"] = "both"
    """Train under the set's split by group and again under a random one, under one split, or with each group held out
    once and then a random share."""
    frozen_body: Literal["batchnorm_trains", "batchnorm_rests"] = "batchnorm_trains"
    """While frozen: let the body's BatchNorm go on training, as fastai does, or let it rest."""
    weight_decay: float = Field(default=0.01, ge=0, le=10, allow_inf_nan=False)
    """Pull of all weights towards zero per step, times the rate."""
    start_from: SavedFile = ""
    """A saved stage of an earlier run to go on from, as RUN/STAGE; empty starts from the backbone's weights."""

    @model_validator(mode="before")
    @classmethod
    def _suit_the_data(cls, values: Any) -> Any:
        suited = _suited(SUITED_POSES, values)
        if isinstance(values, dict) and values.get("target") == "angles" and "augment" not in values:
            suited.pop("augment", None)  # the set's wish, not the person's
        return _named_after_weights(suited)

    @model_validator(mode="after")
    def _targets_make_sense(self) -> Self:
        if self.y_range is not None:
            low, high = self.y_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"y_range goes from {low:g} to {high:g}. Put the smaller number first.")
        if self.target == "angles" and self.augment != "none":
            raise ValueError("Angles do not follow a picture that is turned or mirrored. Set augment to none.")
        return self


class CollabSpec(Spec):
    """Collaborative filtering: users and items as learnt factors (fastai course-v4, 08_collab)."""

    dataset: DatasetSpec = DatasetSpec(name="ratings")
    held_out: Literal["random", "by_time", "last_of_user"] = "random"
    """What is kept for the exam: a random share, the newest share, or each user's last rating."""
    model: Literal["dot", "dot_range", "dot_bias", "nn"] = "dot_bias"
    """Dot product of factors; the same squeezed into a range; with biases too; or a neural net on both embeddings."""
    factors: int = Field(default=50, ge=1, le=512)
    """Numbers learnt for each user and each item."""
    y_range: tuple[float, float] | None = None
    """Lowest and highest rating that can be said; none takes the data's, an eighth wider on both sides."""
    hidden: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(default=(100,), min_length=1, max_length=4)
    """Widths of the neural net's hidden layers."""
    epochs: int = Field(default=5, ge=1, le=100)
    """How often each rating is seen."""
    lr: Rate = 5e-3
    """The top of the one-cycle schedule."""
    batch_size: int = Field(default=64, ge=1, le=1_000_000)
    """Ratings per step: more is faster per epoch and wants a higher rate."""
    weight_decay: float = Field(default=0.1, ge=0, le=10, allow_inf_nan=False)
    """Pull of all factors and biases towards zero per step, times the rate: it tames overfitting."""
    baselines: Literal["all", "means"] = "all"
    """What the model is measured against: averages alone, or also truncated SVD and alternating least squares."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of initialisation and shuffling, each a stream of its own."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a GPU if there is one."""

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.y_range is not None and not self.y_range[0] < self.y_range[1]:
            low, high = self.y_range
            raise ValueError(f"y_range ends at {high:g}, not above its start {low:g}. Put the smaller first.")
        return self


SUITED_MASKS: dict[str, dict[str, Any]] = {
    # A hundred pictures: few steps per epoch, so many epochs and a higher rate (0.88 valid; at 22 epochs of 6e-3 0.87).
    "camvid": {
        "image_size": (120, 160),
        "plan": (
            Stage(name="decoder", freeze_to=-1, epochs=2, lr=1e-2, tenth=True),
            Stage(name="all", epochs=30, lr=1e-2, lr_lo=2e-3),
        ),
    },
    "pets": {"image_size": 128, "augment": "photos"},
    "voc2007": {"image_size": 128, "augment": "photos"},
}
"""What a data set asks for in a segmentation spec that leaves the plan open."""


class SegmentationSpec(ImageSpec):
    """A class for every pixel: a U-Net on any body, in stages (Ronneberger et al. 2015, arXiv:1505.04597)."""

    dataset: DatasetSpec = DatasetSpec(name="streets")
    arch: str = Field(default="mobilenetv3_small_100", min_length=1, max_length=100)
    """The network's body, the way down, by its timm or torchvision name."""
    image_size: Size = (96, 128)
    """Height and width that the net sees, in pixels; half of both is a quarter of the work."""
    batch_size: int = Field(default=8, ge=1, le=4096)
    """Pictures per step; each has thousands of pixels to learn from, so few are enough."""
    augment: Literal["none", "photos", "from_above", "street"] = "street"
    """How each picture, and its mask with it, is varied every time it is seen."""
    plan: tuple[Stage, ...] = Field(
        default=(
            Stage(name="decoder", freeze_to=-1, epochs=1, lr=6e-3, tenth=True),
            Stage(name="all", epochs=11, lr=6e-3, lr_lo=2e-3),
        ),
        min_length=1,
        max_length=12,
    )
    """The stages, in order."""
    loss: Literal["cross_entropy", "dice", "both"] = "cross_entropy"
    """What is made small: cross-entropy per pixel, one minus the Dice overlap per class, or their sum; void is left
    out of all."""
    class_weights: Literal["none", "balanced"] = "none"
    """Let every pixel count alike, or those of rare classes more (median frequency balancing)."""
    skip_off: tuple[Annotated[int, Field(ge=0, le=3)], ...] = Field(default=(), max_length=4)
    """Skip connections that are cut: 0 is the widest, at half the picture's side, 3 the one above the bottom."""
    decoder: Literal["light", "full"] = "light"
    """Widths of the way up: 64 to 16 channels, or 256 to 16 as in segmentation-models-pytorch."""
    classes: Literal["all", "eleven"] = "all"
    """All codes of the set, or CamVid's 32 gathered into the eleven of later papers."""
    every: int = Field(default=0, ge=0, le=100_000)
    """Keep the masks of the watched pictures every so many batches; 0 keeps them after each epoch."""
    frozen_body: Literal["batchnorm_trains", "batchnorm_rests"] = "batchnorm_trains"
    """While frozen: let the body's BatchNorm train on, as fastai does, or rest."""
    weight_decay: float = Field(default=0.01, ge=0, le=10, allow_inf_nan=False)
    """Pull of all weights towards zero per step, times the rate."""
    start_from: SavedFile = ""
    """A saved stage of an earlier run to go on from, as RUN/STAGE; empty starts from the backbone's weights."""

    @model_validator(mode="before")
    @classmethod
    def _suit_the_data(cls, values: Any) -> Any:
        return _named_after_weights(_suited(SUITED_MASKS, values))


EXPERIMENTS: dict[str, type[Spec]] = {
    "lr_finder": LRFinderSpec,
    "fine_tune": FineTuneSpec,
    "thresholds": ThresholdsSpec,
    "segmentation": SegmentationSpec,
    "head_pose": HeadPoseSpec,
    "collab": CollabSpec,
}
"""Every experiment by its fixed name."""


def spec_type(experiment: str) -> type[Spec]:
    """The spec of an experiment.

    Raises:
        UserError: there is no experiment of that name.
    """
    if experiment not in EXPERIMENTS:
        raise UserError(f"There is no experiment {experiment!r}. Choose among: {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[experiment]


def experiment_of(spec: Spec) -> str:
    """The fixed name of the experiment that a spec asks for."""
    return next(name for name, cls in EXPERIMENTS.items() if type(spec) is cls)


def run_key(spec: Spec, data_fingerprint: str, weights_fingerprint: str = "") -> str:
    """The name under which a result is cached.

    A folder's place on disk is left out: its content, as the fingerprint, stands for it. The same pictures under
    another path are the same run.
    """
    asked = json.loads(spec.canonical())
    if isinstance(asked.get("dataset"), dict):
        asked["dataset"].pop("root", None)
    if weights_fingerprint:
        asked["weights"] = weights_fingerprint
    text = json.dumps([experiment_of(spec), asked, data_fingerprint, RESULTS_VERSION], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
