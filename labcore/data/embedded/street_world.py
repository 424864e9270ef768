"""What stands along an invented street: light, walls of buildings and hedges, cars, people, trees and the rest.

Lengths are metres. ``s`` runs along the road, ``x`` to the right of its middle, ``y`` up from the asphalt.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

WALL_STEP = 0.25
"""Resolution of the look-up along each wall, in metres."""
STREET_LENGTH = 330.0
"""Metres of street that are laid out; haze and perspective hide its end."""
BEHIND = 30.0
"""Metres of street behind the start, so that shadows and near walls have something to hold."""


class Code(IntEnum):
    """Mask codes, in the order of the classes."""

    SKY = 0
    BUILDING = 1
    POLE = 2
    ROAD = 3
    PAVEMENT = 4
    TREE = 5
    SIGN = 6
    FENCE = 7
    CAR = 8
    PEDESTRIAN = 9
    BICYCLIST = 10
    VOID = 11


@dataclass(frozen=True)
class Mood:
    """Weather and hour of a video; colours are RGB from 0 to 255, light is a factor per channel."""

    name: str
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    ambient: tuple[float, float, float]
    sun: tuple[float, float, float]
    elevation: tuple[float, float]
    haze: float
    clouds: float
    lamps: bool = False


MOODS = (
    Mood("noon", (84, 140, 214), (190, 214, 236), (0.52, 0.56, 0.64), (0.62, 0.59, 0.52), (48, 65), 420, 0.5),
    Mood("morning", (112, 156, 208), (246, 222, 184), (0.46, 0.47, 0.54), (0.74, 0.60, 0.40), (17, 27), 260, 0.35),
    Mood("overcast", (168, 178, 188), (214, 218, 220), (0.84, 0.86, 0.88), (0.0, 0.0, 0.0), (50, 60), 240, 0.9),
    Mood("dusk", (58, 66, 112), (238, 158, 112), (0.42, 0.40, 0.50), (0.30, 0.17, 0.10), (9, 14), 300, 0.6, True),
    Mood("fog", (196, 200, 202), (210, 212, 212), (0.80, 0.82, 0.83), (0.0, 0.0, 0.0), (50, 60), 62, 0.15),
)

GAP, BRICKS, PLASTERED, GLAZED, HEDGE = range(5)
"""Styles of a front."""
BRICK = ((158, 92, 74), (176, 118, 92), (134, 84, 72), (198, 152, 118))
PLASTER = ((214, 200, 172), (226, 214, 196), (196, 204, 206), (222, 188, 150), (176, 186, 168), (206, 170, 158))
MODERN = ((128, 140, 152), (160, 166, 170), (98, 112, 128))
LEAVES = ((72, 104, 48), (92, 118, 54), (58, 88, 52), (104, 112, 46))
AUTUMN = ((176, 120, 46), (160, 90, 42), (186, 148, 62))


@dataclass(frozen=True)
class Wall:
    """The fronts along one side of the street, one row per front; gaps have no height."""

    start: np.ndarray
    height: np.ndarray
    colour: np.ndarray
    window: np.ndarray
    """Width of a window bay, height of a storey, glazed share across and up; [N, 4]."""
    style: np.ndarray
    """One of ``GAP``, ``BRICKS``, ``PLASTERED``, ``GLAZED`` (glass and concrete), ``HEDGE`` (or a wood)."""
    lookup: np.ndarray
    """Index of the front at each ``WALL_STEP`` from ``-BEHIND`` on."""

    def at(self, s: np.ndarray) -> np.ndarray:
        """Index of the front at street position ``s``."""
        return self.lookup[np.clip(((s + BEHIND) / WALL_STEP).astype(np.int32), 0, len(self.lookup) - 1)]


@dataclass(frozen=True)
class Thing:
    """Something that stands or moves on the street; ``step`` is metres per frame along ``s``."""

    kind: str
    x: float
    s: float
    size: float = 1.0
    step: float = 0.0
    length: float = 0.0
    colour: tuple[int, int, int] = (128, 128, 128)
    seed: int = 0


@dataclass(frozen=True)
class World:
    """One street on one day, and how a car drives through it."""

    mood: Mood
    sun: tuple[float, float, float]
    """Unit vector towards the sun: right, up, ahead."""
    road: float
    """Half the width of the road."""
    pavement: float
    wall: float
    """Distance of the fronts from the road's middle."""
    curve: float
    """The street's middle lies at ``curve * s**2`` from a tangent driver."""
    left: Wall
    right: Wall
    crossings: tuple[float, ...]
    things: tuple[Thing, ...]
    skyline: np.ndarray
    """Heights of what closes the view, as a share of the focal length."""
    skyline_code: Code
    focal: float
    """Focal length as a share of the picture's width."""
    eye: float
    lane: float
    speed: float
    horizon: float
    yaw: float
    sway: np.ndarray = field(repr=False)


def _pick(rng: np.random.Generator, colours: tuple) -> tuple[int, int, int]:
    red, green, blue = colours[rng.integers(len(colours))]
    shift = rng.normal(0, 6, 3)
    return tuple(int(v) for v in np.clip(np.array([red, green, blue]) + shift, 0, 255))


def _wall(rng: np.random.Generator, green: float, tall: float) -> Wall:
    start, height, colour, window, style = [], [], [], [], []
    s = -BEHIND
    while s < STREET_LENGTH:
        if style and style[-1] != GAP and rng.random() < 0.16:
            kind, width, high = GAP, rng.uniform(6, 10), 0.0
            tint = (0, 0, 0)
        elif rng.random() < green:
            kind, width, high = HEDGE, rng.uniform(8, 26), rng.uniform(2.2, 6.5)
            tint = _pick(rng, LEAVES)
        else:
            kind, width, high = int(rng.integers(BRICKS, HEDGE)), rng.uniform(8, 20), rng.uniform(6, 13) * tall
            tint = _pick(rng, (BRICK, PLASTER, MODERN)[kind - BRICKS])
        start.append(s)
        height.append(high)
        colour.append(tint)
        style.append(kind)
        storey = rng.uniform(2.8, 3.4)
        window.append((rng.uniform(1.8, 3.2), storey, rng.uniform(0.35, 0.62), rng.uniform(0.42, 0.62)))
        s += width
    edges = np.array(start)
    grid = np.arange(-BEHIND, STREET_LENGTH, WALL_STEP)
    lookup = (np.searchsorted(edges, grid, side="right") - 1).astype(np.int32)
    real = np.float32  # half the memory traffic of the default in the per-ray work
    return Wall(edges, np.array(height, real), np.array(colour, real), np.array(window, real), np.array(style), lookup)


def _things(rng: np.random.Generator, world: dict, walls: tuple[Wall, Wall], frames: int) -> tuple[Thing, ...]:
    road, pavement, edge = world["road"], world["pavement"], world["wall"]
    travelled = world["speed"] * frames
    horizon = travelled + 85.0
    autumn = rng.random() < 0.25
    leaves = AUTUMN if autumn else LEAVES
    paints = (
        (176, 34, 36),
        (36, 64, 132),
        (226, 228, 230),
        (40, 42, 46),
        (128, 134, 140),
        (206, 170, 60),
        (44, 104, 84),
    )
    # Riders wear what is seen from afar; it also tells them from walkers where their wheels are hidden.
    jerseys = ((206, 226, 52), (244, 120, 36), (226, 40, 60), (64, 208, 196))
    cloth = (
        (164, 42, 48),
        (44, 64, 120),
        (52, 52, 58),
        (196, 176, 132),
        (60, 110, 84),
        (210, 210, 206),
        (190, 104, 40),
    )
    things: list[Thing] = []

    def add(kind: str, x: float, s: float, **more) -> None:
        things.append(Thing(kind, float(x), float(s), seed=int(rng.integers(1 << 30)), **more))

    for side, wall in ((-1, walls[0]), (1, walls[1])):
        kerb = side * (road + 0.45)
        planted, lit, fenced = rng.random() < 0.5, rng.random() < 0.9, rng.random() < 0.75
        parked, busy = rng.random() < 0.34, rng.uniform(0.6, 1.4)
        s = rng.uniform(3, 10)
        while lit and s < horizon:
            add("lamp", kerb, s, size=rng.uniform(5.2, 7.2))
            s += rng.uniform(16, 26)
        s = rng.uniform(2, 12)
        while planted and s < horizon:
            add("tree", side * (road + 1.0), s, size=rng.uniform(4.6, 8.5), colour=_pick(rng, leaves))
            s += rng.uniform(8, 17)
        s = rng.uniform(0, 12)
        while fenced and s < horizon:
            length = rng.uniform(10, 30)
            paint = _pick(rng, ((126, 96, 66), (92, 100, 96), (168, 160, 146), (86, 74, 62)))
            add("fence", side * (edge - 0.35), s, length=length, size=rng.uniform(1.1, 1.7), colour=paint)
            s += length + rng.uniform(3, 14)
        s = rng.uniform(4, 14)
        while parked and s < horizon:
            style = "van" if rng.random() < 0.15 else "car"
            add(style, side * (road - 1.05), s, size=rng.uniform(0.94, 1.06), colour=_pick(rng, paints))
            s += rng.uniform(5.5, 17)
        s = rng.uniform(4, 16)
        while s < horizon:
            step = float(rng.choice([-0.35, 0.0, 0.35]))
            where = side * (road + rng.uniform(0.6, max(0.7, pavement - 1.2)))
            for _ in range(1 + int(rng.random() < 0.3)):
                add(
                    "walker",
                    where + rng.uniform(-0.5, 0.5),
                    s,
                    size=rng.uniform(1.55, 1.86),
                    step=step,
                    colour=_pick(rng, cloth),
                )
            s += rng.uniform(4, 13) / busy
        s = rng.uniform(8, 24)
        while s < horizon:
            paint = _pick(rng, ((196, 32, 36), (30, 74, 160), (232, 190, 40), (36, 120, 70)))
            add(str(rng.choice(["sign", "sign", "lights", "board"])), kerb, s, size=rng.uniform(2.3, 2.9), colour=paint)
            s += rng.uniform(16, 32)
        s = rng.uniform(6, 40)
        while s < horizon:
            add("bin", side * (road + 0.8), s, size=rng.uniform(0.9, 1.3), colour=_pick(rng, cloth))
            s += rng.uniform(12, 30)
        inside = (wall.style == HEDGE) & (wall.start < horizon) & (wall.start > 0)
        for at in wall.start[inside]:
            for _ in range(2):
                add(
                    "tree",
                    side * (edge + rng.uniform(0.6, 3)),
                    at + rng.uniform(1, 9),
                    size=rng.uniform(6, 11),
                    colour=_pick(rng, leaves),
                )
    speed = world["speed"]
    for x, sign in ((world["lane"], 1), (-max(1.6, road * 0.36), -1)):
        s = rng.uniform(11, 26) if sign > 0 else rng.uniform(14, 60)
        while s < horizon + 40:
            step = speed * rng.uniform(0.97, 1.08) if sign > 0 else -speed * 0.8
            add(
                "van" if rng.random() < 0.2 else "car",
                x,
                s,
                size=rng.uniform(0.95, 1.08),
                step=step,
                colour=_pick(rng, paints),
            )
            s += rng.uniform(18, 48)
    for _ in range(int(rng.integers(2, 5))):
        side = rng.choice([-1, 1])
        add(
            "cyclist",
            side * (road - rng.uniform(0.5, 2.3)),
            rng.uniform(6, 34),
            size=rng.uniform(1.6, 1.85),
            step=side * 0.9 * speed if side > 0 else -0.5,
            colour=_pick(rng, jerseys),
        )
    return tuple(things)


def make(rng: np.random.Generator, mood: Mood, frames: int) -> World:
    """Lay out one street; all that is drawn comes from ``rng``."""
    road = rng.uniform(3.0, 4.3)
    pavement = rng.uniform(2.8, 4.6)
    shape = {
        "road": road,
        "pavement": pavement,
        "wall": road + pavement + rng.uniform(0.2, 1.2),
        "lane": rng.uniform(1.1, road * 0.42),
        "speed": rng.uniform(1.0, 1.7),
    }
    green, tall = rng.uniform(0.05, 0.5), rng.uniform(0.75, 1.5)
    walls = _wall(rng, green, tall), _wall(rng, float(np.clip(green + rng.normal(0, 0.2), 0, 0.8)), tall)
    elevation = np.deg2rad(rng.uniform(*mood.elevation))
    azimuth = np.deg2rad(rng.uniform(20, 160) * rng.choice([-1, 1]))
    sun = (np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation))
    steps = np.repeat(rng.uniform(0.02, 0.14, 40), rng.integers(3, 14, 40))[:256]
    return World(
        mood=mood,
        sun=tuple(float(v) for v in sun),
        curve=float(rng.choice([0.0, 1.0, -1.0]) * rng.uniform(0.0006, 0.0022)),
        left=walls[0],
        right=walls[1],
        crossings=tuple(np.arange(rng.uniform(14, 40), STREET_LENGTH, rng.uniform(38, 70)).tolist()),
        things=_things(rng, shape, walls, frames),
        skyline=np.resize(steps, 256),
        skyline_code=Code.TREE if rng.random() < 0.4 else Code.BUILDING,
        focal=rng.uniform(0.72, 0.95),
        eye=rng.uniform(1.25, 1.9),
        horizon=rng.uniform(0.42, 0.52),
        yaw=np.deg2rad(rng.normal(0, 3.0)),
        sway=rng.uniform(0, 2 * np.pi, 3),
        **shape,
    )
