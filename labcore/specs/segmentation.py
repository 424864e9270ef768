"""A class for every pixel."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from labcore.specs.base import SavedFile, Size
from labcore.specs.shared import DatasetSpec, ImageSpec, Stage, named_after_weights, suited

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
        return named_after_weights(suited(SUITED_MASKS, values))
