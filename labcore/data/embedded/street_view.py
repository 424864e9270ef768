"""Sky, ground and the fronts of houses as a driver sees them, cast one ray per sub-pixel.

The camera does not roll and is levelled by shifting the picture, not by tilting, so that uprights stay upright: one
ray per column finds every wall, one distance per row finds the ground (Permadi's and Wolfenstein's economy).
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from labcore.data.embedded.street_world import BRICKS, GLAZED, HEDGE, Code, Wall, World

NOISE_SIDE = 256
"""Side of the wrapped noise table that textures look into."""
FAR = 300.0
"""Nothing is seen beyond, in metres."""
DEEP = 13.0
"""Depth of a house behind its front, in metres."""
NEAR = 0.9
"""Nothing is drawn closer than this, in metres."""


@lru_cache(maxsize=1)
def noise() -> np.ndarray:
    """White noise from -1 to 1, float32 [256, 256], the same for every picture."""
    return np.random.Generator(np.random.Philox(20)).uniform(-1, 1, (NOISE_SIDE, NOISE_SIDE)).astype(np.float32)


@lru_cache(maxsize=1)
def cloud_noise() -> np.ndarray:
    """Smooth noise from 0 to 1, float32 [256, 256], wrapping in both directions."""
    rng = np.random.Generator(np.random.Philox(21))
    reach = np.fft.fftfreq(NOISE_SIDE)
    distance = np.hypot(reach[:, None] * 2.2, reach[None, :])
    distance[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(NOISE_SIDE, NOISE_SIDE))) * distance**-1.7
    spectrum[0, 0] = 0
    field = np.fft.ifft2(spectrum).real
    return ((field - field.min()) / np.ptp(field)).astype(np.float32)


def look(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """White noise at integer cells, wrapped."""
    return noise()[rows & (NOISE_SIDE - 1), columns & (NOISE_SIDE - 1)]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on the street at frame time; ``width`` and ``height`` count sub-pixels."""

    world: World
    s: float
    x: float
    yaw: float
    width: int
    height: int

    @cached_property
    def focal(self) -> float:
        """Focal length in sub-pixels."""
        return self.world.focal * self.width

    @cached_property
    def level(self) -> float:
        """Row of the horizon."""
        return self.world.horizon * self.height

    @cached_property
    def heading(self) -> tuple[float, float]:
        """Cosine and sine of the yaw."""
        return math.cos(self.yaw), math.sin(self.yaw)

    def project(self, x: float, y: float, s: float) -> tuple[float, float]:
        """Picture position (column, row) of a street point whose ``s`` is already relative to the driver."""
        x += self.world.curve * s * s - self.x
        cosine, sine = self.heading
        scale = self.focal / max(x * sine + s * cosine, 0.3)
        return self.width / 2 + scale * (x * cosine - s * sine), self.level - scale * (y - self.world.eye)


class Rays:
    """Directions of all columns and rows, and what the columns' rays run into."""

    def __init__(self, camera: Camera) -> None:
        self.camera, self.world = camera, camera.world
        across = (np.arange(camera.width, dtype=np.float32) + 0.5 - camera.width / 2) / camera.focal
        self.dx = across * np.float32(np.cos(camera.yaw)) + np.float32(np.sin(camera.yaw))
        self.dz = np.float32(np.cos(camera.yaw)) - across * np.float32(np.sin(camera.yaw))
        self.up = (camera.level - np.arange(camera.height, dtype=np.float32) - 0.5) / camera.focal
        self.fronts = self._fronts()

    def _reach(self, side: int) -> np.ndarray:
        """Ray length per column to the fronts of one side: the nearest root of a parabola, infinite if none."""
        b, a = side * self.dx, side * self.world.curve * self.dz**2
        c = self.world.wall - side * self.camera.x
        inside = b * b - 4 * a * c
        bottom = b + np.sqrt(np.maximum(inside, 0))
        found = (inside >= 0) & (bottom > 1e-6)
        return np.where(found, 2 * c / np.where(found, bottom, 1), np.inf)

    def _fronts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per column: ray length, side (0 left, 1 right) and index of the front that is hit first."""
        lengths = np.stack([self._reach(-1), self._reach(1)])
        side = np.argmin(lengths, axis=0)
        length = np.minimum(lengths[side, np.arange(len(side))], FAR)
        s = length * self.dz + self.camera.s
        index = np.where(side == 0, self.world.left.at(s), self.world.right.at(s))
        return length.astype(np.float32), side, index

    def hidden(self, column: float, depth: float, top: float) -> bool:
        """Whether a front stands before a thing at ``depth`` whose top is ``top`` metres high."""
        at = int(np.clip(column, 0, len(self.dx) - 1))
        length, side, index = (part[at] for part in self.fronts)
        wall = self.world.right if side else self.world.left
        return bool(length < depth - 4 and wall.height[index] > top * 0.6)


def hazed(colour: np.ndarray, depth: np.ndarray, world: World) -> np.ndarray:
    """Colours [..., 3] seen through ``depth`` [...] metres of this mood's air."""
    clear = np.exp(-depth / np.float32(world.mood.haze))[..., None]
    return colour * clear + np.array(world.mood.horizon, np.float32) * (1 - clear)


def lit(colour: np.ndarray, world: World, facing: np.ndarray) -> np.ndarray:
    """Colours [..., 3] under the mood's light; ``facing`` [...] is the share of sunlight received, 0 in shadow."""
    return colour * (
        np.array(world.mood.ambient, np.float32) + facing[..., None] * np.array(world.mood.sun, np.float32)
    )


def sky(rays: Rays, image: np.ndarray, codes: np.ndarray) -> None:
    """Gradient, clouds that turn with the camera, a glow around a low sun, and what closes the street's end."""
    world, camera = rays.world, rays.camera
    rows = int(np.ceil(camera.level))
    height = np.clip(rays.up[:rows, None] * 1.8, 0, 1)
    angle = np.arctan2(rays.dx, rays.dz)
    cover = cloud_noise()[
        (np.sqrt(height) * 170 + world.sway[0] * 40).astype(np.int32) % NOISE_SIDE,
        ((angle * 90 + world.sway[1] * 40 + camera.s * 0.02)[None, :]).astype(np.int32) % NOISE_SIDE,
    ]
    zenith, horizon = np.array(world.mood.zenith, np.float32), np.array(world.mood.horizon, np.float32)
    blend = (height**0.7)[..., None]
    colour = horizon * (1 - blend) + zenith * blend
    white = np.clip((cover - 0.56) * 5, 0, 1) * world.mood.clouds * np.clip(height * 5, 0, 1)
    puff = np.minimum(horizon + 18, 250)
    colour = colour + white[..., None] * (puff - colour)
    if world.mood.sun[0] > 0.1:
        toward = np.arctan2(world.sun[0], world.sun[2])
        glow = np.exp(-((angle[None, :] - toward) ** 2 + (rays.up[:rows, None] - world.sun[1]) ** 2) / 0.16)
        colour = colour + glow[..., None] * np.array([70, 56, 30], np.float32)
    image[:rows], codes[:rows] = colour, Code.SKY
    end = world.skyline[((angle * 60 + 128).astype(np.int32)) % len(world.skyline)]
    if world.skyline_code == Code.TREE:
        end = end * 0.5 + 0.02 * look(np.full(len(angle), 9), (angle * 160).astype(np.int32))
    far = rays.up[:rows, None] < np.maximum(end, 0.015)[None, :]
    tint = np.array((84, 104, 84) if world.skyline_code == Code.TREE else (140, 132, 130), np.float32)
    shade = hazed(lit(tint, world, np.float32(0.4)), np.float32(min(110.0, world.mood.haze * 1.1)), world)
    image[:rows][far], codes[:rows][far] = shade, world.skyline_code


def _sunlit(world: World, x: np.ndarray, s: np.ndarray, camera_s: float) -> np.ndarray:
    """1 where the sun reaches the ground, 0 in the shadow of a front."""
    east, up, ahead = world.sun
    if world.mood.sun[0] < 0.1 or abs(east) < 1e-3:
        return np.ones_like(x)
    wall, side = (world.right, 1) if east > 0 else (world.left, -1)
    way = np.maximum(world.wall - side * x, 0) / abs(east)
    holder = wall.at(s + camera_s + way * ahead)
    return (way * up > wall.height[holder]).astype(np.float32)


def ground(rays: Rays, image: np.ndarray, codes: np.ndarray, shadow: np.ndarray) -> None:
    """Road with its markings, kerbs, paving stones and side streets; ``shadow`` darkens it where things stand."""
    world, camera = rays.world, rays.camera
    first = int(np.ceil(camera.level))
    length = (world.eye / np.maximum(-rays.up[first:], 1e-3))[:, None]
    s = length * rays.dz
    x = camera.x + length * rays.dx - world.curve * s * s
    place, off = s + camera.s, np.abs(x)
    gap = np.where(x < 0, world.left.height[world.left.at(place)], world.right.height[world.right.at(place)]) == 0
    side_street = gap & (off > world.road)
    is_road = (off < world.road) | side_street
    fine = look((place * 9).astype(np.int32), (x * 9).astype(np.int32)) * np.exp(-length / 9)
    broad = cloud_noise()[(place * 5).astype(np.int32) % NOISE_SIDE, (x * 9).astype(np.int32) % NOISE_SIDE] - 0.5
    grey = np.where(is_road, 92 + 9 * fine + 36 * broad, 152 + 7 * fine + 28 * broad)
    joint = ((place % 0.9 < 0.06) | (x % 0.9 < 0.06)) & ~is_road & (length < 22)
    grey = np.where(joint, grey - 22, grey)
    grey = np.where((off > world.road) & (off < world.road + 0.22) & ~side_street, 188, grey)
    dashed = (np.abs(x) < 0.09) & (place % 6.0 < 3.0)
    edge = np.abs(off - world.road + 0.3) < 0.07
    zebra = np.zeros_like(dashed)
    for crossing in world.crossings:
        if -5 < crossing - camera.s < 60:
            zebra |= (np.abs(place - crossing) < 1.5) & (x % 1.1 < 0.55)
    grey = np.where((dashed | edge | zebra) & (off < world.road), 218 + 10 * broad, grey)
    colour = grey[..., None] * np.where(is_road[..., None], (0.97, 1.0, 1.05), (1.04, 1.0, 0.94)).astype(np.float32)
    sun = _sunlit(world, x, s, camera.s) * (1 - shadow[first:]) * np.float32(max(world.sun[1], 0.35))
    shown = colour * lit(np.ones(3, np.float32), world, sun)
    image[first:] = hazed(shown * (1 - 0.16 * shadow[first:, :, None]), length, world)
    codes[first:] = np.where(is_road, Code.ROAD, Code.PAVEMENT)


@dataclass(frozen=True)
class Hit:
    """What the columns' rays meet of one wall: ray length (infinite for nothing), metres along, front, sunlight."""

    wall: Wall
    length: np.ndarray
    along: np.ndarray
    index: np.ndarray
    sunlight: float


def _paint(rays: Rays, image: np.ndarray, codes: np.ndarray, hit: Hit, free: np.ndarray) -> None:
    """Paint a wall where it is hit and the picture is still free."""
    met = np.flatnonzero(hit.length < FAR)
    if len(met) == 0:
        return
    wall, world = hit.wall, rays.world
    length, along, index = hit.length[met], hit.along[met], hit.index[met]
    ragged = 1 + 0.12 * look(np.full(len(met), 3), (along * 2).astype(np.int32))
    top = wall.height[index] * np.where(wall.style[index] == HEDGE, ragged, 1)
    high = world.eye + rays.up[:, None] * length
    rows, at = np.nonzero((high < top) & (high >= 0) & free[:, met])
    y, u, depth, front, roof = high[rows, at], along[at], length[at], index[at], top[at]
    grain = look((y * 6).astype(np.int32), (u * 4).astype(np.int32))
    sun = np.full(1, hit.sunlight, np.float32)
    shown = np.empty((len(y), 3), np.float32)
    leafy = wall.style[front] == HEDGE
    for part, surface in ((leafy, _hedge), (~leafy, _masonry)):
        if part.any():
            shown[part] = surface(
                world, wall, front[part], (u[part], y[part], depth[part]), roof[part], grain[part], sun
            )
    columns = met[at]
    image[rows, columns] = hazed(shown, depth, world)
    codes[rows, columns] = np.where(leafy, Code.TREE, Code.BUILDING)
    free[rows, columns] = False


def _hedge(world: World, wall: Wall, front: np.ndarray, place: tuple, roof: np.ndarray, grain, sun) -> np.ndarray:
    """Leaves in clumps, brighter towards the top; colours [N, 3] in the mood's light."""
    u, y, depth = place
    clump = look((y * 3.1).astype(np.int32), (u * 2.7).astype(np.int32)) * 20
    clump += grain * 14 * np.exp(-depth / 26) + 10 * (y / roof - 0.6)
    return lit(wall.colour[front] + clump[:, None], world, sun * 0.7)


def _masonry(world: World, wall: Wall, front: np.ndarray, place: tuple, roof: np.ndarray, grain, sun) -> np.ndarray:
    """Brick or plaster with windows, shops on the ground floor and a cornice; colours [N, 3] in the mood's light."""
    u, y, depth = place
    style, detail = wall.style[front], np.exp(-depth / 26)
    bay, storey, wide, tall = wall.window[front].T
    cell_u, cell_y = np.floor(u / bay), np.floor(y / storey)
    off_u, off_y = np.abs(u / bay - cell_u - 0.5), y / storey - cell_y - 0.52
    cell_u, cell_y = cell_u.astype(np.int32), cell_y.astype(np.int32)
    chance = look(cell_u * 7 + front * 31, cell_y * 13)
    shop = (cell_y == 0) & (front % 3 > 0)
    wide = np.where(style == GLAZED, np.maximum(wide, 0.78), np.where(shop, 0.8, wide))
    tall = np.where(shop, 0.66, tall)
    below = y < roof - 0.7
    glass = (off_u < wide / 2) & (np.abs(off_y) < tall / 2) & below
    frame = (off_u < wide / 2 + 0.06) & (np.abs(off_y) < tall / 2 + 0.05) & below
    rough = np.where(style == BRICKS, (y % 0.3 < 0.07) * np.float32(-16) + grain * 12, grain * 4) * detail
    cornice = y > roof - 0.4
    gain, lift = np.where(frame, 0.5, np.where(cornice, 0.72, 1)), np.where(frame, 104, np.where(cornice, 40, 0))
    base = (wall.colour[front] + rough[:, None]) * gain[:, None] + lift[:, None]
    sign = np.flatnonzero(shop & (np.abs(y - storey * 0.95) < 0.28))
    for channel in range(3):
        base[sign, channel] = 120 + 90 * look(front[sign], np.full(len(sign), channel + 1))
    shown = lit(base, world, sun)
    at = np.flatnonzero(glass)
    pane = np.array(world.mood.zenith, np.float32) * 0.42 + (28 + 26 * chance[at] + 20 * off_y[at])[:, None]
    if world.mood.lamps:
        lamplight = np.array([246, 204, 124], np.float32) * (0.7 + 0.3 * chance[at])[:, None]
        pane = np.where((chance[at] > 0.1)[:, None], lamplight, pane)
    shown[at] = pane
    return shown


def _ends(rays: Rays, wall: Wall, side: int) -> Hit | None:
    """Per column, the end face (a wall across the view) that rises highest behind the fronts of one side."""
    world, camera = rays.world, rays.camera
    before = np.concatenate([[0.0], wall.height[:-1]])
    near = (wall.start > camera.s + 1.5) & (wall.start < camera.s + 160)
    which = np.flatnonzero((wall.height > before + 0.5) & near & (wall.style != HEDGE))
    if len(which) == 0:
        return None
    s = (wall.start[which] - camera.s)[:, None]
    length = s / rays.dz
    out = side * (camera.x + length * rays.dx - world.curve * s * s) - world.wall
    inside = (out >= 0) & (out < DEEP)
    rise = np.where(inside, (wall.height[which][:, None] - world.eye) / length, -np.inf)
    best, columns = np.argmax(rise, axis=0), np.arange(len(rays.dx))
    length = np.where(inside[best, columns], length[best, columns], np.inf).astype(np.float32)
    return Hit(wall, length, out[best, columns].astype(np.float32), which[best], max(-world.sun[2], 0.0) * 0.8)


def walls(rays: Rays, image: np.ndarray, codes: np.ndarray) -> None:
    """The fronts, then what shows of the houses' ends in side streets and above lower roofs."""
    world, free = rays.world, np.ones(codes.shape, bool)
    length, side, index = rays.fronts
    sides = (0, world.left, -1), (1, world.right, 1)
    for number, wall, sign in sides:
        mine = side == number
        along = (length * rays.dz + rays.camera.s).astype(np.float32)
        sunlight = max(-sign * world.sun[0], 0.0)
        _paint(rays, image, codes, Hit(wall, np.where(mine, length, np.inf), along, index * mine, sunlight), free)
    for _, wall, sign in sides:
        if (ends := _ends(rays, wall, sign)) is not None:
            _paint(rays, image, codes, ends, free)
