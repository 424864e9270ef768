"""Invented people: a head as relief and colour over longitude and latitude, and all else that tells them apart.

Lengths are centimetres in the head's own frame: x to the picture's right, y up, z out of the face. A head is
star-shaped around its centre, so one table of radii holds skull, face, hair and hat; others hold colour and normals.
"""

from dataclasses import dataclass

import numpy as np

ROWS, COLUMNS = 160, 320
"""Latitudes and longitudes of a head's tables: 0.2 cm per cell, about one sub-pixel."""

SKINS = (
    (244, 208, 182),
    (232, 186, 152),
    (214, 166, 128),
    (190, 138, 100),
    (150, 104, 74),
    (116, 78, 56),
    (88, 60, 46),
)
HAIRS = ((30, 25, 24), (62, 42, 30), (104, 70, 42), (168, 120, 66), (206, 170, 110), (150, 66, 36), (172, 170, 168))
SHIRTS = (
    (176, 52, 56), (46, 74, 132), (70, 118, 92), (222, 214, 198), (58, 60, 68), (206, 150, 62), (122, 78, 128),
    (96, 148, 178), (190, 104, 72), (238, 238, 234),
)  # fmt: skip
STYLES = ("buzz", "short", "curly", "long", "bun", "fringe", "parted", "bald")
HATS = ("none", "none", "none", "beanie", "none", "cap", "none", "none")
BEARDS = ("none", "full", "none", "stubble", "none", "moustache", "none", "none")


@dataclass(frozen=True)
class Person:
    """One person: tables of the head, clothes, and where the tracker's template puts the centre of this head."""

    radius: np.ndarray
    """Distance of the surface from the head's centre, float32 [ROWS, COLUMNS]."""
    colour: np.ndarray
    """Albedo, float32 [ROWS, COLUMNS, 3]."""
    normal: np.ndarray
    """Unit normals in the head's frame, float32 [ROWS, COLUMNS, 3]."""
    bound: np.ndarray
    """Radii of an ellipsoid around the whole head, [3]."""
    size: float
    skin: np.ndarray
    hair: np.ndarray
    style: str
    hat: str
    hat_colour: np.ndarray
    glasses: str
    shirt: np.ndarray
    second: np.ndarray
    pattern: str
    build: float
    template: np.ndarray
    """The annotated centre in the head's frame, [3]: a template is fitted to each person once, as for BIWI."""


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Longitude (0 in front, positive to the right) and latitude of every cell, float32 [ROWS, COLUMNS] each."""
    longitude = (np.arange(COLUMNS, dtype=np.float32) + 0.5) / COLUMNS * 2 * np.pi - np.pi
    latitude = (np.arange(ROWS, dtype=np.float32) + 0.5) / ROWS * np.pi - np.pi / 2
    return np.broadcast_to(longitude, (ROWS, COLUMNS)), np.broadcast_to(latitude[:, None], (ROWS, COLUMNS))


def cell(x: np.ndarray, y: np.ndarray, z: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the direction (x, y, z) of length q in a head's tables."""
    row = (np.arcsin(np.clip(y / q, -1, 1)) * np.float32(ROWS / np.pi) + ROWS / 2).astype(np.int32)
    column = (np.arctan2(x, z) * np.float32(COLUMNS / (2 * np.pi)) + COLUMNS / 2).astype(np.int32)
    return np.minimum(row, ROWS - 1), np.minimum(column, COLUMNS - 1)


def _soft(value: np.ndarray, width: float = 0.05) -> np.ndarray:
    """0 below, 1 above zero, with a smooth step of the given width."""
    return 1 / (1 + np.exp(-np.clip(value / width, -30, 30)))


class _Clay:
    """A head under the hands: relief and colour are pushed about in longitude and latitude."""

    def __init__(self, radii: tuple[float, float, float], skin: np.ndarray) -> None:
        self.lon, self.lat = grid()
        x = np.cos(self.lat) * np.sin(self.lon)
        y, z = np.sin(self.lat), np.cos(self.lat) * np.cos(self.lon)
        self.direction = np.stack([x, y, z], axis=-1)
        self.radius = 1 / np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2)
        self.colour = np.broadcast_to(skin, (ROWS, COLUMNS, 3)).astype(np.float32).copy()

    def spot(self, lon: float, lat: float, wide: float, high: float) -> np.ndarray:
        """A soft bump at a place of the face; mirrored if ``lon`` is not zero."""
        away = np.minimum(np.abs(self.lon - lon), np.abs(self.lon + lon))
        return np.exp(-((away / wide) ** 2) - ((self.lat - lat) / high) ** 2)

    def disc(self, lon: float, lat: float, wide: float, high: float, soft: float = 0.18) -> np.ndarray:
        """A filled ellipse with a soft rim; mirrored if ``lon`` is not zero."""
        away = np.minimum(np.abs(self.lon - lon), np.abs(self.lon + lon))
        return _soft(1 - np.hypot(away / wide, (self.lat - lat) / high), soft)

    def tint(self, share: np.ndarray, colour: np.ndarray | tuple) -> None:
        """Blend a colour in where ``share`` says so."""
        self.colour += share[..., None] * (np.asarray(colour, np.float32) - self.colour)

    def normals(self) -> np.ndarray:
        """Unit normals of the surface as it stands."""
        surface = self.radius[..., None] * self.direction
        across = np.roll(surface, -1, axis=1) - np.roll(surface, 1, axis=1)
        along = np.gradient(surface, axis=0)
        normal = np.cross(across, along)
        return (normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)).astype(np.float32)


def _face(clay: _Clay, rng: np.random.Generator, skin: np.ndarray, brow: np.ndarray) -> None:
    """Nose, eyes, brows, cheeks, lips and chin, each a little different in everyone."""
    nose, eye = rng.uniform(1.6, 2.6), rng.uniform(0.30, 0.36)
    high = 0.14 + rng.normal(0, 0.015)
    front = _soft(np.cos(clay.lon) * np.cos(clay.lat) - 0.2, 0.08)
    clay.radius += front * (
        nose * clay.spot(0, -0.10, 0.12, 0.12)
        + 0.55 * nose * clay.spot(0, 0.04, 0.09, 0.15)
        + 0.45 * clay.spot(eye, high + 0.14, 0.24, 0.07)
        - 0.75 * clay.spot(eye, high, 0.19, 0.10)
        + 0.5 * clay.spot(0.55, -0.10, 0.25, 0.16)
        + 0.5 * clay.spot(0, -0.40, 0.22, 0.09)
        + rng.uniform(0.4, 1.2) * clay.spot(0, -0.78, 0.26, 0.16)
        - rng.uniform(0.2, 0.7) * clay.spot(0.6, -0.52, 0.3, 0.22)
    )
    clay.tint(0.28 * clay.spot(0.5, -0.14, 0.26, 0.16), skin * (1.0, 0.78, 0.74))
    clay.tint(0.35 * clay.disc(eye, high, 0.23, 0.13, 0.3), skin * 0.72)
    wide = rng.uniform(0.15, 0.18)
    iris = ((92, 62, 38), (70, 104, 132), (84, 108, 70), (54, 40, 32))[rng.integers(4)]
    clay.tint(clay.disc(eye, high, wide, 0.075), (236, 232, 226))
    clay.tint(clay.disc(eye, high, 0.068, 0.068), iris)
    clay.tint(clay.disc(eye, high, 0.034, 0.034), (18, 16, 16))
    clay.tint(0.85 * clay.disc(eye, high + 0.078, wide * 1.05, 0.02), (46, 34, 30))
    arch = high + 0.19 + 0.03 * np.cos((np.abs(clay.lon) - eye) * 5)
    brows = _soft(0.034 - np.abs(clay.lat - arch), 0.008) * _soft(0.21 - np.abs(np.abs(clay.lon) - eye), 0.02)
    clay.tint(0.9 * brows, brow * 0.8)
    lips = skin * (0.86, 0.56, 0.55)
    width = rng.uniform(0.22, 0.29)
    clay.tint(0.85 * clay.disc(0, -0.40, width, 0.062), lips)
    clay.tint(0.8 * clay.disc(0, -0.395, width * 0.95, 0.013), lips * 0.45)
    clay.tint(0.6 * clay.disc(0.075, -0.205, 0.035, 0.025), skin * 0.4)
    clay.tint(0.25 * clay.spot(0, -0.24, 0.2, 0.03), skin * 0.5)


def _beard(clay: _Clay, kind: str, colour: np.ndarray) -> None:
    jaw = _soft(-0.30 - 0.30 * np.cos(clay.lon * 1.5) * (np.abs(clay.lon) < 1.0) - clay.lat + 0.24, 0.04)
    around = jaw * _soft(1.35 - np.abs(clay.lon), 0.06) * _soft(clay.lat + 1.25, 0.05)
    mouth = clay.disc(0, -0.40, 0.24, 0.06, 0.1)
    lip = clay.disc(0, -0.285, 0.27, 0.055, 0.15)
    if kind in ("full", "stubble"):
        share = np.maximum(around, lip) * (1 - mouth)
        clay.tint(share * (0.92 if kind == "full" else 0.34), colour)
        clay.radius += share * (1.0 if kind == "full" else 0.0)
    elif kind == "moustache":
        clay.tint(0.92 * lip, colour)
        clay.radius += 0.4 * lip


def _scalp(clay: _Clay, style: str) -> np.ndarray:
    """Where hair grows, 0 to 1: above a line that drops from the forehead over the temples to the nape."""
    turn = np.abs(clay.lon)
    front = {"fringe": 0.36, "curly": 0.50, "parted": 0.52, "long": 0.56}.get(style, 0.62)
    if style == "bald":
        front = 1.6
    line = np.interp(turn, [0, 0.65, 1.0, 1.3, 1.7, 2.2, np.pi], [front, front - 0.06, 0.32, -0.02, -0.28, -0.5, -0.6])
    if style == "parted":
        line = line + 0.14 * np.exp(-(((clay.lon - 0.42) / 0.22) ** 2))
    if style == "bald":
        line = np.interp(turn, [0, 1.3, 1.6, 2.2, np.pi], [1.6, 1.2, 0.25, 0.3, 0.32])
        return _soft(clay.lat - line, 0.03) * _soft(clay.lat + 0.5, 0.03) * (turn > 1.3) * (clay.lat < 0.5)
    return _soft(clay.lat - line, 0.03)


def _hair(clay: _Clay, rng: np.random.Generator, style: str, colour: np.ndarray) -> None:
    share = _scalp(clay, style)
    strands = rng.uniform(-1, 1, (ROWS // 8, COLUMNS)).repeat(8, axis=0)
    curls = rng.uniform(-1, 1, (ROWS // 4, COLUMNS // 4)).repeat(4, axis=0).repeat(4, axis=1)
    thick = {
        "buzz": 0.2,
        "short": 0.8,
        "curly": 2.1,
        "long": 1.3,
        "bun": 0.8,
        "fringe": 1.3,
        "parted": 1.1,
        "bald": 0.1,
    }
    grain = curls if style == "curly" else strands
    clay.tint(share, colour)
    clay.colour *= (1 + 0.16 * share * grain)[..., None].astype(np.float32)
    clay.radius += share * (thick[style] + (0.35 * curls if style == "curly" else 0.06 * strands))


def _hat(clay: _Clay, bare: np.ndarray, kind: str, colour: np.ndarray) -> None:
    """Pull a hat over ``bare``, the head's radii without hair: curls press flat under it."""
    line = 0.42 if kind == "cap" else 0.36
    share = _soft(clay.lat - line + 0.10 * np.cos(clay.lon) * -1 + 0.08 * (np.abs(clay.lon) / np.pi), 0.012)
    clay.tint(share, colour)
    clay.radius += share * (bare + (1.9 if kind == "beanie" else 1.4) - clay.radius)
    if kind == "beanie":
        clay.radius += share * 2.2 * clay.spot(0, 1.57, 9, 0.5)
        cuff = share * _soft(line + 0.16 - clay.lat, 0.012)
        clay.tint(cuff, colour * 0.72)
        clay.radius += 0.4 * cuff
        clay.colour *= (1 - 0.10 * share * (np.sin(clay.lon * 44) > 0.2))[..., None].astype(np.float32)
    else:
        seam = share * (np.abs(np.sin(clay.lon * 3)) < 0.06)
        clay.tint(0.5 * seam, colour * 0.6)


def make(rng: np.random.Generator, number: int) -> Person:
    """Invent person ``number``: looks are dealt in turn so that all occur, the rest is drawn from ``rng``."""
    skin = np.array(SKINS[(number * 3) % len(SKINS)], float) + rng.normal(0, 4, 3)
    hair = np.array(HAIRS[number % len(HAIRS)], float)
    turn = number // 8
    style, hat, beard = STYLES[number % 8], HATS[(number * 5 + turn) % 8], BEARDS[(number * 3 + turn * 2) % 8]
    if style in ("long", "bun"):
        beard = "none"
    size = rng.uniform(0.90, 1.12)
    radii = (rng.uniform(7.0, 8.1) * size, rng.uniform(10.6, 12.0) * size, rng.uniform(9.0, 10.0) * size)
    clay = _Clay(radii, skin)
    _face(clay, rng, skin, hair)
    _beard(clay, beard, hair * 0.8)
    bare = clay.radius.copy()
    _hair(clay, rng, style, hair)
    cloth = np.array(SHIRTS[int(rng.integers(len(SHIRTS)))], float)
    if hat != "none":
        _hat(clay, bare, hat, cloth)
    surface = clay.radius[..., None] * clay.direction
    base = np.array(radii)
    return Person(
        radius=clay.radius.astype(np.float32),
        colour=clay.colour.astype(np.float32),
        normal=clay.normals(),
        bound=base * float(np.linalg.norm(surface / base, axis=-1).max()) * 1.005,
        size=size,
        skin=skin,
        hair=hair,
        style=style if hat == "none" or style == "long" else "covered",
        hat=hat,
        hat_colour=cloth,
        glasses=("none", "round", "none", "none", "square", "none")[int(rng.integers(6))],
        shirt=np.array(SHIRTS[(number * 7 + 1) % len(SHIRTS)], float),
        second=np.array(SHIRTS[(number * 3 + 4) % len(SHIRTS)], float),
        pattern=("plain", "stripes", "zip", "check")[number % 4],
        build=rng.uniform(0.88, 1.18),
        template=rng.normal(0, TEMPLATE_SPREAD, 3),
    )


TEMPLATE_SPREAD = 0.7
"""Standard deviation, per axis in centimetres, of where a personal template puts the centre of its head."""
