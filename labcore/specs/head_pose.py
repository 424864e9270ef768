"""Points or angles of a picture."""

import math
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from labcore.specs.base import SavedFile, Size
from labcore.specs.shared import DatasetSpec, ImageSpec, Stage, named_after_weights, suited

SUITED_POSES: dict[str, dict[str, Any]] = {
    # A few hundred pictures of a few people: more epochs give enough steps, and only variation
    # keeps the net from learning those few by heart.
    "own": {
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
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Pictures per step: more is steadier, fewer is more steps and less memory."""
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
        wanted = suited(SUITED_POSES, values)
        if isinstance(values, dict) and values.get("target") == "angles" and "augment" not in values:
            wanted.pop("augment", None)  # the set's wish, not the person's
        return named_after_weights(wanted)

    @model_validator(mode="after")
    def _targets_make_sense(self) -> Self:
        if self.y_range is not None:
            low, high = self.y_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"y_range goes from {low:g} to {high:g}. Put the smaller number first.")
        if self.target == "angles" and self.augment != "none":
            raise ValueError("Angles do not follow a picture that is turned or mirrored. Set augment to none.")
        return self
