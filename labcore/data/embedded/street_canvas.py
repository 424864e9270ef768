"""A picture and its codes, drawn upon together with Pillow; every colour is lit and hazed on the way."""

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from labcore.data.embedded.street_view import Camera, cloud_noise, noise
from labcore.data.embedded.street_world import Code

Point = tuple[float, float]
Colour = tuple[float, float, float]
CLUMP = 48
"""Side of a clump of leaves before it is resized."""
LEAF_LIGHT = 150
"""Byte that stands for a leaf in full light; the rest of a byte's range is for brighter tips."""


def scaled(colour: Colour, by: float) -> Colour:
    """A lighter or darker colour."""
    return colour[0] * by, colour[1] * by, colour[2] * by


class Canvas:
    """What things are painted on. Colours are given as in daylight; street points as (x, y, s)."""

    def __init__(self, image: np.ndarray, codes: np.ndarray, camera: Camera) -> None:
        self.image, self.codes = Image.fromarray(image), Image.fromarray(codes)
        self.paint, self.mark = ImageDraw.Draw(self.image), ImageDraw.Draw(self.codes)
        self.camera = camera
        mood = camera.world.mood
        self.ambient, self.sun, self.air, self.haze = mood.ambient, mood.sun, mood.horizon, mood.haze
        self.lamps = mood.lamps
        self.at(0.0)

    def at(self, depth: float) -> None:
        """Everything drawn from now on stands this far away."""
        self.clear = math.exp(-depth / self.haze)
        self.veil = tuple(value * (1 - self.clear) for value in self.air)

    def tint(self, colour: Colour, facing: float = 0.5, glow: bool = False) -> tuple[int, int, int]:
        """A daylight colour as it is seen from here; what glows needs no light."""
        clear, veil, ambient, sun = self.clear, self.veil, self.ambient, self.sun
        if glow:
            ambient, sun = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
        return (
            min(int(colour[0] * (ambient[0] + sun[0] * facing) * clear + veil[0]), 255),
            min(int(colour[1] * (ambient[1] + sun[1] * facing) * clear + veil[1]), 255),
            min(int(colour[2] * (ambient[2] + sun[2] * facing) * clear + veil[2]), 255),
        )

    def polygon(self, points: list[Point], colour: Colour, code: Code, facing: float = 0.5, glow: bool = False) -> None:
        """Fill a polygon of picture points."""
        self.paint.polygon(points, fill=self.tint(colour, facing, glow))
        self.mark.polygon(points, fill=int(code))

    def disc(self, centre: Point, wide: float, high: float, colour: Colour, code: Code, facing: float = 0.5) -> None:
        """Fill an ellipse of picture radii ``wide`` and ``high``."""
        box = (centre[0] - wide, centre[1] - high, centre[0] + wide, centre[1] + high)
        self.paint.ellipse(box, fill=self.tint(colour, facing))
        self.mark.ellipse(box, fill=int(code))

    def line(self, points: list[Point], width: float, colour: Colour, code: Code, facing: float = 0.5) -> None:
        """Draw a line, at least one sub-pixel wide."""
        thick = max(round(width), 1)
        self.paint.line(points, fill=self.tint(colour, facing), width=thick)
        self.mark.line(points, fill=int(code), width=thick)

    def board(
        self, x: tuple[float, float], y: tuple[float, float], s: float, colour: Colour, code: Code, facing: float = 0.5,
        glow: bool = False,
    ) -> None:  # fmt: skip
        """Fill a rectangle that stands across the street."""
        left, bottom = self.camera.project(x[0], y[0], s)
        right, top = self.camera.project(x[1], y[1], s)
        self.polygon([(left, bottom), (left, top), (right, top), (right, bottom)], colour, code, facing, glow)

    def flank(
        self, x: float, y: tuple[float, float], s: tuple[float, float], colour: Colour, code: Code, facing: float = 0.5
    ) -> None:
        """Fill a rectangle that stands along the street."""
        project = self.camera.project
        corners = [project(x, y[0], s[0]), project(x, y[1], s[0]), project(x, y[1], s[1]), project(x, y[0], s[1])]
        self.polygon(corners, colour, code, facing)

    def solid(self, corners: list[tuple[float, float, float]], colour: Colour, code: Code, facing: float = 0.5) -> None:
        """Fill a polygon of street points."""
        self.polygon([self.camera.project(*corner) for corner in corners], colour, code, facing)

    def leaves(self, centre: Point, radius: float, colour: Colour, variant: int) -> None:
        """Stamp a clump of leaves, lit from above."""
        # Sizes in steps of an eighth of an octave let neighbouring frames share the resized clump.
        size = int(2 ** (round(math.log2(max(2 * radius, 3)) * 8) / 8))
        left, top = int(centre[0] - size / 2), int(centre[1] - size / 2)
        view = (max(-left, 0), max(-top, 0), min(size, self.image.width - left), min(size, self.image.height - top))
        if view[0] >= view[2] or view[1] >= view[3]:
            return
        cover, bright = _clump(variant, size)
        if view != (0, 0, size, size):
            cover, bright, left, top = cover.crop(view), bright.crop(view), left + view[0], top + view[1]
        low, high = np.array(self.tint(colour, 0.05)) * 0.55, np.array(self.tint(colour, 0.95))
        ramp = np.arange(256)[:, None] / LEAF_LIGHT
        leaf = bright.copy()
        leaf.putpalette(np.clip(low + (high - low) * ramp, 0, 255).astype(np.uint8).tobytes())
        self.image.paste(leaf.convert("RGB"), (left, top), cover)
        self.codes.paste(int(Code.TREE), (left, top, left + cover.width, top + cover.height), cover)


@lru_cache(maxsize=8)
def _foliage(variant: int) -> tuple[np.ndarray, np.ndarray]:
    """A ragged clump of leaves: coverage and brightness, float32 [CLUMP, CLUMP] each."""
    grid = (np.arange(CLUMP) + 0.5) / CLUMP * 2 - 1
    distance = np.hypot(grid[:, None], grid[None, :])
    row, column, other = (31 * variant) % 200, (93 * variant) % 200, (217 * variant) % 200
    rough = cloud_noise()[row : row + CLUMP, column : column + CLUMP]
    rough = (rough - rough.mean()) / rough.std()
    grain = noise()[row : row + CLUMP, other : other + CLUMP]
    cover = (distance + 0.09 * rough + 0.08 * grain < 0.88).astype(np.float32)
    bright = 0.92 - 0.34 * grid[:, None] + 0.10 * rough + 0.16 * grain
    return cover, bright.astype(np.float32)


@lru_cache(maxsize=512)
def _clump(variant: int, size: int) -> tuple[Image.Image, Image.Image]:
    """A clump in the wanted size: where it covers, and its brightness with ``LEAF_LIGHT`` for 1."""
    cover, bright = (
        Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR) for part in _foliage(variant)
    )
    whole = Image.fromarray(((np.asarray(cover) > 0.5) * 255).astype(np.uint8))
    return whole, Image.fromarray(np.clip(np.asarray(bright) * LEAF_LIGHT, 0, 255).astype(np.uint8))
