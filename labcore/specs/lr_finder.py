"""A learning-rate range test."""

from typing import Literal, Self

from pydantic import Field, model_validator

from labcore.specs.base import Rate, SavedFile
from labcore.specs.shared import ImageSpec


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
