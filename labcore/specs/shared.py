"""Parts of several specs: the data, what pictures need, the stages of a plan, and what suits data and weights."""

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from labcore.specs.base import Probability, Rate, Size, Spec


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


def suited(wishes: dict[str, dict[str, Any]], values: Any) -> Any:
    """What a data set asks for, below what the person asks for."""
    # Whoever brings a plan has chosen: a race's lane must differ in that plan alone.
    if not isinstance(values, dict) or "plan" in values:
        return values
    dataset = values.get("dataset") or {}
    name = dataset.name if isinstance(dataset, DatasetSpec) else dataset.get("name")
    return wishes.get(name, {}) | values


NAMED_AFTER = re.compile(r"([a-z][a-z0-9_]*\d[a-z0-9_]*)[-.]")
"""torchvision's and timm's weight files begin with their architecture: resnet18-f37072fd.pth."""


def named_after_weights(values: Any) -> Any:
    """A spec's values with the architecture that its weights file is named after, unless it names one itself."""
    if not isinstance(values, dict) or "arch" in values:
        return values
    named = NAMED_AFTER.match(str(values.get("weights", "")).replace("\\", "/").rpartition("/")[2])
    return values | ({"arch": named[1]} if named else {})
