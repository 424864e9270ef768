"""Several labels per picture."""

from typing import Literal

from pydantic import Field

from labcore.specs.shared import DatasetSpec, ImageSpec, Stage


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
