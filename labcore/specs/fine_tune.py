"""Fine-tuning in stages."""

from typing import Any, Literal

from pydantic import Field, model_validator

from labcore.specs.base import SavedFile, Size
from labcore.specs.shared import ImageSpec, Stage, suited

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
        return suited(SUITED, values)
