"""Sky, ground and the fronts of houses as a driver sees them, cast one ray per sub-pixel.

The camera does not roll and is levelled by shifting the picture, not by tilting, so that uprights stay upright: one
ray per column finds every wall, one distance per row finds the ground (Permadi's and Wolfenstein's economy).
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from labcore.data.embedded.street_world import Code, Wall, World

NOISE_SIDE = 256
"""Side of the wrapped noise table that textures look into."""
FAR = 300.0
"""Nothing is seen beyond, in metres."""
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
    """Colours [N, 3] seen through ``depth`` metres of this mood's air."""
    clear = np.exp(-depth / world.mood.haze)[:, None].astype(np.float32)
    return colour * clear + np.array(world.mood.horizon, np.float32) * (1 - clear)


def lit(colour: np.ndarray, world: World, facing: np.ndarray | float) -> np.ndarray:
    """Colours [N, 3] under the mood's light; ``facing`` is the share of sunlight received, 0 in shadow."""
    share = np.asarray(facing, np.float32).reshape(-1, 1)
    return colour * (np.array(world.mood.ambient, np.float32) + share * np.array(world.mood.sun, np.float32))


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
    shade = hazed(lit(tint[None, :], world, 0.4), np.array([min(110.0, world.mood.haze * 1.1)]), world)
    image[:rows][far], codes[:rows][far] = shade[0], world.skyline_code


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
        zebra |= (np.abs(place - crossing) < 1.5) & (x % 1.1 < 0.55)
    grey = np.where((dashed | edge | zebra) & (off < world.road), 218 + 10 * broad, grey)
    colour = grey[..., None] * np.where(is_road[..., None], (0.97, 1.0, 1.05), (1.04, 1.0, 0.94)).astype(np.float32)
    sun = _sunlit(world, x, s, camera.s) * (1 - shadow[first:])
    flat = lit(colour.reshape(-1, 3), world, (sun * max(world.sun[1], 0.35)).ravel())
    depth = np.broadcast_to(length, x.shape).ravel()
    dim = 1 - 0.16 * shadow[first:].reshape(-1, 1)
    image[first:] = hazed(flat * dim, depth, world).reshape(colour.shape)
    codes[first:] = np.where(is_road, Code.ROAD, Code.PAVEMENT)


def _paint_wall(rays: Rays, image: np.ndarray, codes: np.ndarray, hit: tuple, facing: np.ndarray) -> None:
    """Paint one wall per column: ``hit`` is ray length, metres along the wall, front index, its table, height."""
    length, along, index, wall, top = hit
    world = rays.world
    high = world.eye + rays.up[:, None] * length[None, :]
    crown = look(np.full(len(along), 3), (along * 2).astype(np.int32)) * 0.12 + 1
    top = np.where(wall.style[index] == 4, top * crown, top)
    rows, columns = np.nonzero((high < top[None, :]) & (high >= 0) & (length < FAR)[None, :] & (length > 0)[None, :])
    if len(rows) == 0:
        return
    y, u, t, which = high[rows, columns], along[columns], length[columns], index[columns]
    style, roof = wall.style[which], top[columns]
    bay, storey, wide, tall = wall.window[which].T
    cell_u, cell_y = np.floor(u / bay).astype(np.int32), np.floor(y / storey).astype(np.int32)
    in_u, in_y = u / bay - cell_u, y / storey - cell_y
    chance = look(cell_u * 7 + which * 31, cell_y * 13)
    detail = np.exp(-t / 26)
    shop = (cell_y == 0) & (which % 3 > 0)
    wide = np.where(style == 3, np.maximum(wide, 0.78), np.where(shop, 0.8, wide))
    tall = np.where(shop, 0.66, tall)
    glass = (np.abs(in_u - 0.5) < wide / 2) & (np.abs(in_y - 0.52) < tall / 2) & (y < roof - 0.7)
    frame = (np.abs(in_u - 0.5) < wide / 2 + 0.06) & (np.abs(in_y - 0.52) < tall / 2 + 0.05) & ~glass & (y < roof - 0.7)
    grain = look((y * 6).astype(np.int32), (u * 4).astype(np.int32))
    bricks = np.where(style == 1, ((y % 0.3 < 0.07) * -16.0 + grain * 12) * detail, grain * 4 * detail)
    base = wall.colour[which] + bricks[:, None]
    base = np.where((y > roof - 0.4)[:, None], base * 0.72 + 40, base)
    base = np.where(frame[:, None], base * 0.5 + 104, base)
    sign = shop & (np.abs(y - storey * 0.95) < 0.28)
    awning = np.stack([120 + 90 * look(which, cell_u * 0 + k) for k in (1, 2, 3)], axis=1)
    base = np.where(sign[:, None], awning, base)
    colour = lit(base, world, facing[columns])
    pane = np.array(world.mood.zenith, np.float32) * 0.42 + 18 + 26 * chance[:, None] + 20 * in_y[:, None]
    if world.mood.lamps:
        pane = np.where(
            (chance > 0.1)[:, None], np.array([246, 204, 124], np.float32) * (0.7 + 0.3 * chance[:, None]), pane
        )
    colour = np.where(glass[:, None], pane, colour)
    leafy = style == 4
    clump = (
        look((y * 3.1).astype(np.int32), (u * 2.7).astype(np.int32)) * 20 + grain * 14 * detail + 10 * (y / roof - 0.6)
    )
    green = lit(wall.colour[which] + clump[:, None], world, facing[columns] * 0.7)
    colour = np.where(leafy[:, None], green, colour)
    image[rows, columns] = hazed(colour, t, world)
    codes[rows, columns] = np.where(leafy, Code.TREE, Code.BUILDING)


def _ends(rays: Rays, wall: Wall, side: int) -> tuple[np.ndarray, ...]:
    """Per column, the end face (a wall across the view) that rises highest behind the fronts of one side."""
    world, camera = rays.world, rays.camera
    before = np.concatenate([[0.0], wall.height[:-1]])
    ahead = (
        (wall.height > before + 0.5) & (wall.start > camera.s + 1.5) & (wall.start < camera.s + 160) & (wall.style < 4)
    )
    which = np.flatnonzero(ahead)
    count = len(rays.dx)
    if len(which) == 0:
        return np.full(count, np.inf, np.float32), np.zeros(count), np.zeros(count, int), wall, np.zeros(count)
    s = (wall.start[which] - camera.s)[:, None]
    length = s / rays.dz
    out = side * (camera.x + length * rays.dx - world.curve * s * s) - world.wall
    inside = (out >= 0) & (out < 13)
    rise = np.where(inside, (wall.height[which][:, None] - world.eye) / length, -np.inf)
    best = np.argmax(rise, axis=0)
    columns = np.arange(count)
    seen = inside[best, columns]
    length = np.where(seen, length[best, columns], np.inf).astype(np.float32)
    return length, np.where(seen, out[best, columns], 0), which[best], wall, wall.height[which[best]]


def walls(rays: Rays, image: np.ndarray, codes: np.ndarray) -> None:
    """End faces in side streets and above low roofs first, then the fronts before them."""
    world = rays.world
    ahead = world.sun[2]
    for side, wall in ((-1, world.left), (1, world.right)):
        ends = _ends(rays, wall, side)
        _paint_wall(rays, image, codes, ends, np.full(len(rays.dx), max(-ahead, 0.0) * 0.8))
    length, side, index = rays.fronts
    for number, wall in ((0, world.left), (1, world.right)):
        mine = np.where(side == number, length, np.inf).astype(np.float32)
        mine[length >= FAR] = np.inf
        along = np.where(np.isfinite(mine), mine * rays.dz + rays.camera.s, 0)
        facing = max(world.sun[0] * (1 if number == 0 else -1), 0.0)
        which = np.where(side == number, index, 0)
        _paint_wall(rays, image, codes, (mine, along, which, wall, wall.height[which]), np.full(len(length), facing))
