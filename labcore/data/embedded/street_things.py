"""What stands beside the road: lamps, trees, fences, signs, traffic lights and bins; and who draws what."""

import math
from collections.abc import Callable

import numpy as np

from labcore.data.embedded import street_traffic
from labcore.data.embedded.street_canvas import Canvas, scaled
from labcore.data.embedded.street_view import NEAR
from labcore.data.embedded.street_world import Code, Thing

STEEL = (72, 77, 80)
PAPER = (244, 242, 236)
CLUMPS = 6
"""Clumps of leaves that make a tree's crown; half of them from afar."""
PANEL = 1.6
"""Length of a fence's panel, in metres."""


def draw(canvas: Canvas, thing: Thing, s: float, frame: int) -> None:
    """Draw ``thing``, whose near side is ``s`` metres ahead of the driver in this frame."""
    canvas.at(max(s, 0.0))
    if thing.kind in MOVING:
        MOVING[thing.kind](canvas, thing, s, frame)
    else:
        STANDING[thing.kind](canvas, thing, s)


def _foot(canvas: Canvas, thing: Thing, s: float) -> tuple[float, float, float]:
    """Foot position in the picture and sub-pixels per metre."""
    column, row = canvas.camera.project(thing.x, 0.0, s)
    return column, row, row - canvas.camera.project(thing.x, 1.0, s)[1]


def _lamp(canvas: Canvas, thing: Thing, s: float) -> None:
    column, row, metre = _foot(canvas, thing, s)
    width, top = max(0.27 * metre, 3.2), row - thing.size * metre
    canvas.line([(column, row), (column, top)], width, STEEL, Code.POLE)
    reach = -math.copysign(1.5, thing.x) * metre
    canvas.line([(column, top), (column + reach, top - 0.25 * metre)], width * 0.75, STEEL, Code.POLE)
    x, y = column + reach * 1.15, top - 0.28 * metre
    head = [
        (x - 0.4 * metre, y),
        (x + 0.4 * metre, y),
        (x + 0.3 * metre, y + 0.2 * metre),
        (x - 0.3 * metre, y + 0.2 * metre),
    ]
    canvas.polygon(head, (255, 226, 160) if canvas.lamps else (190, 192, 188), Code.POLE, glow=canvas.lamps)


def _tree(canvas: Canvas, thing: Thing, s: float) -> None:
    column, row, metre = _foot(canvas, thing, s)
    tall, rng = thing.size * metre, np.random.Generator(np.random.Philox(thing.seed))
    canvas.line([(column, row), (column, row - 0.5 * tall)], max(0.30 * metre, 1.5), (92, 74, 58), Code.TREE)
    clumps = rng.uniform((-0.24, 0.5, 0.2), (0.24, 0.84, 0.29), (CLUMPS, 3)).tolist()
    for right, up, share in clumps if s < 40 else clumps[: CLUMPS // 2]:
        warm = tuple(value + 56 * (up - 0.65) for value in thing.colour)
        canvas.leaves((column + right * tall, row - up * tall), share * tall, warm, int(share * 1e4) % 8)


def _fence(canvas: Canvas, thing: Thing, s: float) -> None:
    """Panels of boards from far to near, each hazed by its own distance."""
    project, x, high = canvas.camera.project, thing.x, thing.size
    dark, light = scaled(thing.colour, 0.62), scaled(thing.colour, 1.15)
    for number in reversed(range(int(thing.length / PANEL))):
        near, end = max(s + number * PANEL, NEAR), s + (number + 1) * PANEL
        if end <= near + 0.05:
            continue
        canvas.at(near)
        canvas.flank(x, (0.0, high), (near, end), scaled(thing.colour, 0.94 + 0.06 * (number % 2)), Code.FENCE)
        if near < 26:
            for share in (0.05, 0.37, 0.68):
                at = near + (end - near) * share
                foot, top = project(x, 0.0, at), project(x, high, at)
                canvas.line([foot, top], 0.05 * (foot[1] - top[1]), dark, Code.FENCE)
        canvas.line([project(x, high * 0.97, near), project(x, high * 0.97, end)], 2, light, Code.FENCE)


def _mast(canvas: Canvas, thing: Thing, s: float, above: float = 0.0) -> tuple[float, float, float]:
    """The post of a sign; gives its top and sub-pixels per metre."""
    column, row, metre = _foot(canvas, thing, s)
    top = row - (thing.size + above) * metre
    canvas.line([(column, row), (column, top)], max(0.17 * metre, 3.0), STEEL, Code.POLE)
    return column, top, metre


def _sign(canvas: Canvas, thing: Thing, s: float) -> None:
    """A warning triangle or a round sign."""
    column, top, metre = _mast(canvas, thing, s)
    radius = 0.46 * metre
    for share in (1.0, 0.66, 0.3):
        colour = thing.colour if share != 0.66 else PAPER
        size = radius * share
        if thing.seed % 3:
            canvas.disc((column, top), size, size, colour, Code.SIGN)
        elif share > 0.3:
            y = top + 0.14 * (radius - size)
            corners = [(column, y - size), (column + size, y + size * 0.7), (column - size, y + size * 0.7)]
            canvas.polygon(corners, (206, 34, 38) if share == 1 else PAPER, Code.SIGN)


def _box(x: float, y: float, wide: float, high: float) -> list[tuple[float, float]]:
    return [(x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high)]


def _board(canvas: Canvas, thing: Thing, s: float) -> None:
    """A direction board with two lines of writing."""
    column, top, metre = _mast(canvas, thing, s, above=0.5)
    wide, high = 0.8 * metre, 0.42 * metre
    canvas.polygon(_box(column, top, wide, high), PAPER, Code.SIGN)
    field = (28, 88, 164) if thing.seed % 2 else (34, 112, 74)
    canvas.polygon(_box(column, top, wide * 0.86, high * 0.86), field, Code.SIGN)
    for line in (-0.35, 0.25):
        ends = [(column - wide * 0.6, top + high * line), (column + wide * 0.5, top + high * line)]
        canvas.line(ends, 0.12 * metre, PAPER, Code.SIGN)


def _lights(canvas: Canvas, thing: Thing, s: float) -> None:
    """A traffic light with one lamp lit; CamVid's eleven classes count it among the signs."""
    column, top, metre = _mast(canvas, thing, s, above=0.3)
    canvas.polygon(_box(column, top, 0.24 * metre, 0.62 * metre), (34, 36, 38), Code.SIGN)
    for number, colour in enumerate(((236, 48, 40), (240, 180, 50), (70, 210, 110))):
        shown = colour if number == thing.seed % 3 else scaled(colour, 0.28)
        canvas.disc((column, top + (number - 1) * 0.38 * metre), 0.15 * metre, 0.15 * metre, shown, Code.SIGN, 0.9)


def _bin(canvas: Canvas, thing: Thing, s: float) -> None:
    """A litter bin: nobody has a class for it, so it is void."""
    column, row, metre = _foot(canvas, thing, s)
    wide, top = 0.32 * metre, row - thing.size * metre
    body = [(column - wide * 0.85, row), (column - wide, top), (column + wide, top), (column + wide * 0.85, row)]
    canvas.polygon(body, scaled(thing.colour, 0.8), Code.VOID)
    canvas.polygon(_box(column, top - 0.06 * metre, wide * 1.1, 0.07 * metre), (58, 60, 60), Code.VOID)


STANDING: dict[str, Callable[[Canvas, Thing, float], None]] = {
    "lamp": _lamp, "tree": _tree, "fence": _fence, "sign": _sign, "board": _board, "lights": _lights, "bin": _bin,
    "car": street_traffic.car, "van": street_traffic.van,
}  # fmt: skip
MOVING: dict[str, Callable[[Canvas, Thing, float, int], None]] = {
    "walker": street_traffic.walker,
    "cyclist": street_traffic.cyclist,
}
"""Kinds whose limbs depend on the frame."""
