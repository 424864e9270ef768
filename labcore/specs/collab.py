"""Ratings of items by users."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from labcore.specs.base import Rate, Spec
from labcore.specs.shared import DatasetSpec


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
