"""What may be varied in a picture, and the presets; free of torch, so that pages can show it.

Names and defaults are those of fastai's ``aug_transforms``, whose help a learner will read beside this.
"""

from typing import Self

from pydantic import Field, model_validator

from labcore.errors import UserError
from labcore.specs import Spec
from labcore.specs.base import Probability


class AugmentSpec(Spec):
    """How far each picture is varied; the defaults are fastai's ``aug_transforms()``."""

    do_flip: bool = True
    """Mirror left and right, every second time."""
    flip_vert: bool = False
    """With do_flip: all 8 flips and quarter turns of the square (dihedral), for pictures without an up and down."""
    max_rotate: float = Field(default=10.0, ge=0, le=180, allow_inf_nan=False)
    """Turn by up to this many degrees, either way."""
    min_zoom: float = Field(default=1.0, ge=0.25, le=1, allow_inf_nan=False)
    """The smallest zoom; below 1 the picture shrinks and its border is mirrored."""
    max_zoom: float = Field(default=1.1, ge=1, le=8, allow_inf_nan=False)
    """The largest zoom, about a random place; 1.1 shows ten elevenths of each side."""
    max_warp: float = Field(default=0.2, ge=0, le=0.45, allow_inf_nan=False)
    """Perspective: how far the corners move, in halves of a side, as if the camera stood elsewhere."""
    max_lighting: float = Field(default=0.2, ge=0, le=0.9, allow_inf_nan=False)
    """How far brightness and contrast move."""
    p_affine: Probability = 0.75
    """How often each of rotation, zoom and warp is used."""
    p_lighting: Probability = 0.75
    """How often each of brightness and contrast is used."""

    @model_validator(mode="after")
    def _quarter_turns_need_flips(self) -> Self:
        if self.flip_vert and not self.do_flip:
            raise ValueError(
                "flip_vert widens do_flip to all 8 settings and does nothing alone. Set do_flip to true too."
            )
        return self

    @property
    def resamples(self) -> bool:
        """Whether some geometric part falls between pixels, so that pictures have to be interpolated."""
        zooms = self.min_zoom < 1 or self.max_zoom > 1
        return self.p_affine > 0 and bool(self.max_rotate or self.max_warp or zooms)

    @property
    def lights(self) -> bool:
        """Whether brightness or contrast change."""
        return self.p_lighting > 0 and self.max_lighting > 0


PRESETS: dict[str, AugmentSpec] = {
    "none": AugmentSpec(do_flip=False, max_rotate=0, max_zoom=1, max_warp=0, max_lighting=0),
    "photos": AugmentSpec(),
    # The notes' satellite lesson: get_transforms(flip_vert=True, max_lighting=0.1, max_zoom=1.05, max_warp=0.).
    # No warp, since a satellite always looks straight down.
    "from_above": AugmentSpec(flip_vert=True, max_lighting=0.1, max_zoom=1.05, max_warp=0),
    # A camera fixed on a car: the road stays below and the horizon nearly level, the weather and the hour change.
    "street": AugmentSpec(max_rotate=3, max_zoom=1.1, max_warp=0),
}
"""The ready-made choices, by the names that ``ImageSpec.augment`` takes."""


def preset(name: str) -> AugmentSpec:
    """The preset of that name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"There is no augmentation preset {name!r}. Choose among: {', '.join(PRESETS)}.")
    return PRESETS[name]
