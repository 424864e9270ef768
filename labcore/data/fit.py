"""Bring a picture of any shape to the size that the net sees, and know afterwards where each of its pixels went."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

Method = Literal["crop", "squish", "pad"]
STEPS = (8, 4, 2, 1)
"""A JPEG decodes to 1/8, 1/4, 1/2 or all of its size: an inverse transform of 1, 2, 4 or 8 of its 8 coefficients."""
Resize = Callable[[np.ndarray, np.ndarray], None]
"""``resize(pixels, to)``: fill uint8 ``to`` [h, w, 3] from uint8 ``pixels`` [H, W, 3], bilinear and antialiased."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a source pixel lands: ``presized = source * scale + shift`` for x and y.

    Attributes:
        width: of the upright source.
        height: of the upright source.
        step: source pixels per decoded pixel, one of ``STEPS``.
        box: (left, top, right, bottom) of what is seen, in decoded pixels.
        inner: (left, top, right, bottom) of where it is put, in pixels of the result; all of it but for ``pad``.
    """

    width: int
    height: int
    step: int
    box: tuple[int, int, int, int]
    inner: tuple[int, int, int, int]

    @property
    def scale_x(self) -> float:
        """Result pixels per source pixel, from left to right."""
        return (self.inner[2] - self.inner[0]) / ((self.box[2] - self.box[0]) * self.step)

    @property
    def scale_y(self) -> float:
        """Result pixels per source pixel, from top to bottom."""
        return (self.inner[3] - self.inner[1]) / ((self.box[3] - self.box[1]) * self.step)

    @property
    def shift_x(self) -> float:
        """Where the source's left edge lands."""
        return self.inner[0] - self.box[0] * self.step * self.scale_x

    @property
    def shift_y(self) -> float:
        """Where the source's top edge lands."""
        return self.inner[1] - self.box[1] * self.step * self.scale_y


def presize(width: int, height: int, size: tuple[int, int], method: Method, step: int = 1) -> Geometry:
    """How a picture of ``width`` x ``height`` fits into ``size`` (height, width).

    ``crop`` scales until the picture covers the frame and cuts the centre out (fastai's ``Resize`` at validation),
    ``squish`` stretches both sides to fit, ``pad`` scales until it fits and leaves bars. Cuts fall between decoded
    pixels, so the two sides of a cropped picture may be scaled by up to one pixel's difference; the result says so,
    and masks and points follow it.
    """
    to_height, to_width = size
    across, down = -(-width // step), -(-height // step)
    box, inner = (0, 0, across, down), (0, 0, to_width, to_height)
    if method == "crop":
        scale = max(to_width / across, to_height / down)
        seen_x, seen_y = max(1, round(to_width / scale)), max(1, round(to_height / scale))
        left, top = (across - seen_x) // 2, (down - seen_y) // 2
        box = (left, top, left + seen_x, top + seen_y)
    elif method == "pad":
        scale = min(to_width / width, to_height / height)
        inner_x, inner_y = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (to_width - inner_x) // 2, (to_height - inner_y) // 2
        inner = (left, top, left + inner_x, top + inner_y)
    return Geometry(width, height, step, box, inner)


def coarsest(width: int, height: int, size: tuple[int, int], method: Method) -> int:
    """The largest of ``STEPS`` at which a picture still has a decoded pixel for each of the result's."""
    where = presize(width, height, size, method)
    most = max(where.scale_x, where.scale_y)
    return next((step for step in STEPS if step * most <= 1), 1)


def fitted(pixels: np.ndarray, where: Geometry, to: np.ndarray, resize: Resize | None = None) -> np.ndarray:
    """Put decoded pixels uint8 [H, W, 3] into ``to`` uint8 [h, w, 3] as ``where`` says, and return it."""
    left, top, right, bottom = where.box
    part = pixels[top:bottom, left:right]
    left, top, right, bottom = where.inner
    if (bottom - top, right - left) != to.shape[:2]:
        to[...] = 0
        inside = np.empty((bottom - top, right - left, 3), np.uint8)
        to[top:bottom, left:right] = _resized(part, inside, resize)
        return to
    return _resized(part, to, resize)


def fitted_codes(mask: np.ndarray, where: Geometry, size: tuple[int, int], fill: int) -> np.ndarray:
    """A mask uint8 [H, W] of the source's size brought to ``size`` as ``where`` says: the code at each pixel's centre.

    Bars that ``pad`` leaves are ``fill``.
    """
    left, top, right, bottom = where.inner
    columns = _centres(where.box[0], where.box[2], where.step, right - left)
    rows = _centres(where.box[1], where.box[3], where.step, bottom - top)
    # A JPEG's last decoded pixel may reach beyond its source.
    seen = mask[rows.clip(0, mask.shape[0] - 1)[:, None], columns.clip(0, mask.shape[1] - 1)]
    if seen.shape == tuple(size):
        return seen
    made = np.full(size, fill, np.uint8)
    made[top:bottom, left:right] = seen
    return made


def _centres(first: int, last: int, step: int, count: int) -> np.ndarray:
    """The source pixel at the centre of each of ``count`` result pixels; in whole numbers, so that no machine rounds
    a centre that falls between two pixels another way."""
    return (2 * np.arange(count) + 1) * ((last - first) * step) // (2 * count) + first * step


def by_pillow(pixels: np.ndarray, to: np.ndarray) -> None:
    """``Resize`` by Pillow, for processes that do not have torch: pages."""
    to[...] = Image.fromarray(pixels).resize(to.shape[1::-1], Image.Resampling.BILINEAR)


def _resized(part: np.ndarray, to: np.ndarray, resize: Resize | None) -> np.ndarray:
    if part.shape == to.shape:
        to[...] = part
    else:
        (resize or by_pillow)(np.ascontiguousarray(part), to)
    return to
