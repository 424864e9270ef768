"""Land seen from a satellite: canopy, fields, rivers, roads, villages and scars."""

from functools import cache
from itertools import pairwise

import numpy as np

from labcore.data.embedded import paint
from labcore.data.embedded.paint import F32, mix, noise, srgb, step

_BANK = 256


@cache
def _crowns() -> tuple[np.ndarray, np.ndarray]:
    """A tile of tree crowns that repeats: (height 0..1 of the canopy, a tone per tree), float32 [256, 256] each."""
    rng = np.random.Generator(np.random.Philox(key=[4, 4]))
    height, tone = np.zeros((_BANK, _BANK), F32), np.zeros((_BANK, _BANK), F32)
    y, x = paint.grid(_BANK, _BANK)
    for pitch in (4, 6):
        cells = _BANK // pitch
        size = _BANK / cells
        jitter = rng.random((2, cells, cells), F32)
        radius = F32(size) * (F32(0.55) + F32(0.35) * rng.random((cells, cells), F32))
        shade = rng.random((cells, cells), F32)
        row, column = (y // size).astype(int), (x // size).astype(int)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                r, c = (row + dy) % cells, (column + dx) % cells
                away = np.hypot(
                    y - (row + dy + jitter[0][r, c]) * F32(size), x - (column + dx + jitter[1][r, c]) * F32(size)
                )
                dome = np.sqrt(np.maximum(1 - (away / radius[r, c]) ** 2, 0)) * (F32(0.6) + F32(0.4) * shade[r, c])
                higher = dome > height
                height = np.where(higher, dome, height)
                tone = np.where(higher, shade[r, c], tone)
    return height, tone


class Ground:
    """The tile being painted.

    Attributes:
        colour: float32 [H, W, 3], albedo in linear light.
        height: float32 [H, W], in pixels; slopes towards the sun are lighter.
        wild: float32 [H, W], 1 where the canopy still stands.
        sun: (x, y) on the ground, towards the sun; shadows fall the other way.
        road_points: float [N, 2] places (x, y) along roads; villages grow there.
    """

    def __init__(self, rng: np.random.Generator, height: int, width: int) -> None:
        self.rng = rng
        self.shape = (height, width)
        self.y, self.x = paint.grid(height, width)
        self.field_angle = rng.uniform(0, np.pi)
        angle = rng.uniform(0, 2 * np.pi)
        self.sun = np.array([np.cos(angle), np.sin(angle)])
        self.wild = np.ones(self.shape, F32)
        self.road_points = np.zeros((0, 2))
        self.river: np.ndarray | None = None
        crown, tone = _crowns()
        oy, ox = rng.integers(0, _BANK - height + 1), rng.integers(0, _BANK - width + 1)
        crown, tone = crown[oy : oy + height, ox : ox + width], tone[oy : oy + height, ox : ox + width]
        if rng.random() < 0.5:
            crown, tone = crown.T, tone.T
        self.crown, self.tone = crown, tone
        hills = noise(rng, height, width, rng.uniform(1.5, 4), 3)
        moist = noise(rng, height, width, rng.uniform(2, 6), 3)
        green = srgb(("#3f5a2c", "#35522f", "#4a6132", "#2f4a2c")[rng.integers(4)])
        green = green * np.exp(rng.normal(0, 0.06, 3) + rng.normal(0, 0.12)).astype(F32)
        light = mix(green, srgb("#7c8a48"), F32(rng.uniform(0.15, 0.45)))
        self.colour = mix(green, light, (tone * F32(0.75) + F32(0.16) * moist)[..., None])
        # Swamps, dry ridges and old gaps: without them every tile of forest is the same tile.
        dry = step(0.1, 1.1, noise(rng, height, width, rng.uniform(3, 9), 3)) * F32(rng.uniform(0, 0.7))
        self.colour = mix(self.colour, srgb("#66703c"), dry[..., None])
        self.colour *= (F32(0.55) + F32(0.55) * crown + F32(0.16) * moist)[..., None]
        self.height = crown * F32(1.1) + hills * F32(np.exp(rng.uniform(np.log(0.7), np.log(14))))

    def lay(self, mask: np.ndarray, colour: np.ndarray, flat: float = 0.85) -> None:
        """Lay ``colour`` ([3] or [H, W, 3]) over the ground where mask is 1; ``flat`` is how far the canopy goes."""
        self.colour = mix(self.colour, np.asarray(colour, F32), mask[..., None])
        self.height = self.height * (1 - F32(flat) * mask)
        self.wild = self.wild * (1 - mask)

    def turned(self, angle: float) -> tuple[np.ndarray, np.ndarray]:
        """(along, across), float32 [H, W]: pixels from the tile's middle in a frame turned by ``angle``."""
        c, s = F32(np.cos(angle)), F32(np.sin(angle))
        x, y = self.x - F32(self.shape[1] / 2), self.y - F32(self.shape[0] / 2)
        return c * x + s * y, c * y - s * x

    def rough(self, cells: float, octaves: int = 3) -> np.ndarray:
        """Noise over the tile, float32 [H, W]."""
        return noise(self.rng, *self.shape, cells, octaves)

    def blob(self, radius: float, ragged: float = 0.35, cells: float = 5, edge: float = 2.0) -> np.ndarray:
        """An irregular patch of about ``radius`` pixels somewhere in the tile, float32 [H, W] in 0..1."""
        cy, cx = self.rng.uniform(0.15, 0.85, 2) * self.shape
        angle, squeeze = self.rng.uniform(0, np.pi), self.rng.uniform(0.7, 1.45)
        c, s = F32(np.cos(angle)), F32(np.sin(angle))
        dx, dy = self.x - F32(cx), self.y - F32(cy)
        away = np.hypot((c * dx + s * dy) * F32(squeeze), (c * dy - s * dx) / F32(squeeze))
        # Several octaves in proportion to the size: lobes first, then a frayed rim.
        frayed = 1 + F32(ragged * 1.3) * self.rough(cells, 4)
        return step(-edge, edge, F32(radius) * frayed - away)

    def dyed(self, *codes: str, spread: float = 0.10) -> np.ndarray:
        """One of the colours, a little off."""
        colour = srgb(codes[self.rng.integers(len(codes))])
        return colour * np.exp(self.rng.normal(0, 0.04, 3) + self.rng.normal(0, spread)).astype(F32)

    def lit(self) -> np.ndarray:
        """The tile in sunlight, float32 [H, W, 3]."""
        gy, gx = np.gradient(self.height)
        slope = -(gx * F32(self.sun[0]) + gy * F32(self.sun[1]))
        light = F32(0.85) + F32(0.42) * np.clip(slope, -1.2, 1.2)
        return self.colour * light[..., None] * np.array([1.0, 0.985, 0.95], F32)


# Ground -----------------------------------------------------------------------------------------------------------


def _patchwork(ground: Ground, size: float, angle: float, codes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Fields in rows that do not line up: (colour [H, W, 3], hedges [H, W])."""
    rng = ground.rng
    along, across = ground.turned(angle)
    bend = ground.rough(2, 1) * F32(size * 0.12)
    v = (across + bend) / F32(size) + F32(50 + rng.random())
    row = np.floor(v).astype(int)
    widths = (F32(size) * (F32(0.8) + F32(1.6) * rng.random(128, F32)))[row % 128]
    u = (along + bend) / widths + F32(50) + rng.random(128, F32)[row % 128]
    column = np.floor(u).astype(int)
    key = (row * 31 + column * 17) % 256
    palette = np.stack([srgb(code) for code in codes])
    dyes = palette[rng.integers(len(codes), size=256)] * np.exp(rng.normal(0, 0.13, (256, 1))).astype(F32)
    colour = dyes[key]
    way = rng.random(256) < 0.5
    pitch = F32(rng.uniform(1.6, 3.0))
    furrow = np.sin(np.where(way[key], along, across) * (F32(2) / pitch)) * (rng.random(256, F32) * F32(0.16))[key]
    colour = colour * (1 + furrow + F32(0.10) * ground.rough(30, 2))[..., None]
    edge = np.minimum((v - row) * F32(size), np.minimum((u - column), 1 - (u - column)) * widths)
    return colour, step(1.1, 0.2, edge)


def farmland(ground: Ground, rng: np.random.Generator, whole: bool) -> None:
    """A patchwork of pasture and crops that eats into the forest with straight edges; everywhere if ``whole``."""
    angle = ground.field_angle
    along, across = ground.turned(angle)
    if whole:
        mask = np.ones(ground.shape, F32)
    else:
        reach = rng.uniform(-35, 45)
        front = across - F32(reach) + F32(rng.uniform(2, 12)) * ground.rough(4, 2)
        notch = np.sign(np.sin(along / F32(rng.uniform(9, 20)) + rng.uniform(0, 6))) * F32(rng.uniform(0, 9))
        mask = step(-1.5, 1.5, front + notch)
        if rng.random() < 0.35:
            mask = np.maximum(mask, ground.blob(rng.uniform(12, 30), 0.3))
        if mask.mean() < 0.05:
            mask = np.maximum(mask, ground.blob(rng.uniform(18, 30), 0.25))
    codes = ("#7f8a50", "#8f935c", "#6c7f46", "#a2976c", "#877452", "#5f7a42", "#967f5e")
    colour, hedges = _patchwork(ground, rng.uniform(13, 38), angle, codes)
    colour = mix(colour, srgb("#44592f"), (hedges * F32(rng.uniform(0.2, 0.8)))[..., None])
    # Trees that were left standing.
    left = step(0.80, 0.95, ground.tone) * step(0.45, 0.8, ground.crown) * F32(rng.uniform(0, 1))
    ground.lay(mask * (1 - left), colour)


def smallholding(ground: Ground, rng: np.random.Generator) -> None:
    """Small shifting plots of many greens and browns, without straight fronts."""
    codes = ("#9a8a5c", "#7d8f4b", "#a79a66", "#6d7d42", "#8a6f4a", "#93a25c")
    colour, hedges = _patchwork(ground, rng.uniform(5, 9), rng.uniform(0, np.pi), codes)
    colour = mix(colour, srgb("#3c5230"), (hedges * F32(0.7))[..., None])
    mask = np.zeros(ground.shape, F32)
    for _ in range(rng.integers(1, 4)):
        mask = np.maximum(mask, ground.blob(rng.uniform(9, 24), 0.5, 9, 1.2))
    patchy = step(-0.25, 0.1, ground.rough(14, 2))
    ground.lay(mask * patchy, colour, 0.75)


def bare_soil(ground: Ground, rng: np.random.Generator) -> None:
    """A ragged patch of laterite or rock with gullies."""
    mask = ground.blob(rng.uniform(13, 34), 0.5, 6)
    gullies = np.abs(ground.rough(9, 3))
    colour = ground.dyed("#c3a27c", "#b5825c", "#c9b596", "#a89a86")
    ground.lay(mask, colour * (F32(0.8) + F32(0.45) * gullies)[..., None], 0.95)
    ground.height = ground.height + mask * gullies * 2


def water(ground: Ground, rng: np.random.Generator) -> None:
    """A winding river with shoals, sometimes with a side arm, or a lake."""
    colour = ground.dyed("#5d5a43", "#3f4a46", "#33484f", "#6f6247", "#2c3a3a", "#7a6a4c")
    if rng.random() < 0.2:
        mask = ground.blob(rng.uniform(14, 36), 0.35, 4, 1.0)
        shore = ground.rough(10, 2)
    else:
        along, across = ground.turned(rng.uniform(0, np.pi))
        swing, wave, phase = rng.uniform(3, 17), rng.uniform(14, 30), rng.uniform(0, 2 * np.pi)
        slow = along / F32(wave) + F32(phase)
        axis = F32(swing) * (np.sin(slow) + F32(0.4) * np.sin(F32(2.3) * slow + F32(phase))) + F32(rng.uniform(-34, 34))
        # The vertical gap to a steep curve is longer than the true distance.
        steep = np.sqrt(1 + (F32(swing / wave) * np.cos(slow)) ** 2)
        away = (across - axis) / steep
        half = F32(np.exp(rng.uniform(np.log(1.0), np.log(11)))) * (1 + F32(0.25) * ground.rough(5, 2))
        mask = step(-0.8, 0.8, half - np.abs(away))
        shore = away * np.sign(np.sin(slow)) / half
        ground.river = np.argwhere(np.abs(away) < half + 4)
        if rng.random() < 0.3:
            fork = F32(0.55) * along + F32(6) * np.sin(along / F32(11))
            arm = step(-0.7, 0.7, half * F32(0.35) + F32(0.3) - np.abs(across - axis - fork) * F32(0.85)) * (along > 0)
            mask = np.maximum(mask, arm)
        bank = step(0.55, 1.25, shore) * step(-2.2, 0.3, half - np.abs(away)) * F32(rng.uniform(0, 1))
        ground.lay(bank * step(0.35, 0.75, np.sin(slow * F32(1.0)) ** 2), srgb("#cbb891"), 1.0)
        mask = mask * (1 - bank * F32(0.6))
    ripple = 1 + F32(0.08) * ground.rough(20, 2) + F32(0.10) * step(0.2, 1.2, shore)
    ground.lay(mask, colour * ripple[..., None], 1.0)


def _polyline(ground: Ground, start: np.ndarray, angle: float, length: float, wander: float) -> np.ndarray:
    """Places (x, y) each 6 pixels along a road that wanders by ``wander`` radians a step."""
    points, at = [start], np.array(start, float)
    for _ in range(int(length / 6)):
        angle += ground.rng.normal(0, wander)
        at = at + 6 * np.array([np.cos(angle), np.sin(angle)])
        points.append(at.copy())
    return np.array(points)


def _stroke(ground: Ground, points: np.ndarray, width: float, colour: np.ndarray, strength: float = 1.0) -> None:
    away = np.full(ground.shape, F32(1e3))
    pad = int(width) + 3
    for a, b in pairwise(points):
        x0, x1 = sorted((int(a[0]), int(b[0])))
        y0, y1 = sorted((int(a[1]), int(b[1])))
        window = np.s_[max(0, y0 - pad) : max(0, y1 + pad + 1), max(0, x0 - pad) : max(0, x1 + pad + 1)]
        if away[window].size:
            distance, _ = paint.segment_distance(ground.y[window[0]], ground.x[:, window[1]], a, b)
            away[window] = np.minimum(away[window], distance)
    mask = np.clip(F32(width / 2 + 0.5) - away, 0, 1) * F32(min(1.0, width)) * F32(strength)
    ground.lay(mask, colour, 0.9)


def roads(ground: Ground, rng: np.random.Generator) -> None:
    """A dirt road across the tile, straight or winding, with side roads at right angles now and then."""
    colour = ground.dyed("#c4a07a", "#b98a66", "#d0bd9c", "#a5948a", "#a86f4e")
    width = rng.uniform(0.9, 2.4)
    winding = rng.choice([0.01, 0.05, 0.16])
    middle = np.array(ground.shape[::-1]) / 2
    angle = ground.field_angle + rng.choice([0, np.pi / 2]) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    through = middle + rng.uniform(-32, 32, 2)
    trunk = [_polyline(ground, through, angle + turn, 110, winding) for turn in (0, np.pi)]
    lines = [(np.concatenate([trunk[1][::-1], trunk[0][1:]]), width)]
    for _ in range(rng.integers(0, 4)):
        half = trunk[rng.integers(2)]
        root = half[rng.integers(0, min(9, len(half)))]
        side = angle + rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.12)
        lines.append((_polyline(ground, root, side, rng.uniform(20, 90), winding), width * 0.75))
    verge = srgb("#8d8f5a")
    for points, wide in lines:
        _stroke(ground, points, wide + 2.5, verge, 0.5)
    for points, wide in lines:
        _stroke(ground, points, wide, colour)
    points = np.concatenate([points for points, _ in lines])
    inside = ((points > 6) & (points < np.array(ground.shape[::-1]) - 6)).all(1)
    ground.road_points = points[inside]


def settlement(ground: Ground, rng: np.random.Generator) -> None:
    """Houses along the road, or around a clearing: pale roofs of two to four pixels with their shadows."""
    if len(ground.road_points):
        centres = ground.road_points[rng.integers(len(ground.road_points), size=rng.integers(1, 4))]
        angle = ground.field_angle
    else:
        centres = rng.uniform(25, 103, (1, 2))
        angle = rng.uniform(0, np.pi)
    reach = rng.uniform(6, 18)
    for centre in centres:
        away = np.hypot(ground.x - F32(centre[0]), ground.y - F32(centre[1])) + F32(5) * ground.rough(8, 2)
        ground.lay(step(reach + 3, reach * 0.5, away) * F32(0.55), ground.dyed("#b39f7c", "#a8906c", "#9b9a6c"), 0.9)
    roofs = [srgb(code) for code in ("#e8e4da", "#d6d2cc", "#b7694a", "#c98a62", "#f4f1ea", "#8a95a0", "#a9aeb0")]
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for _ in range(rng.integers(10, 46)):
        centre = centres[rng.integers(len(centres))]
        grid = np.rint(rng.normal(0, reach * 0.55, 2) / 4.2) * 4.2 + rng.normal(0, 0.7, 2)
        cx, cy = centre + axes.T @ grid
        half = rng.uniform(0.9, 2.0, 2)
        for dx, dy, colour in (
            (-1.3 * ground.sun[0], -1.3 * ground.sun[1], srgb("#2a2c20")),
            (0.0, 0.0, roofs[rng.integers(len(roofs))] * F32(rng.uniform(0.75, 1.1))),
        ):
            cover_x = np.clip(F32(half[0] + 0.5) - np.abs(ground.x - F32(cx + dx)), 0, 1)
            cover_y = np.clip(F32(half[1] + 0.5) - np.abs(ground.y - F32(cy + dy)), 0, 1)
            ys, xs = np.flatnonzero(cover_y[:, 0]), np.flatnonzero(cover_x[0])
            if len(ys) and len(xs):
                window = np.s_[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
                cover = (cover_y[ys[0] : ys[-1] + 1] * cover_x[:, xs[0] : xs[-1] + 1])[..., None]
                ground.colour[window] += (colour - ground.colour[window]) * cover
                ground.height[window] *= 1 - cover[..., 0]


# Rare ---------------------------------------------------------------------------------------------------------------


def burn_scar(ground: Ground, rng: np.random.Generator) -> None:
    """Freshly burnt clearing: charcoal with white ash, glowing brown at its rim, sometimes still smoking."""
    mask = ground.blob(rng.uniform(14, 32), 0.35, 5, 1.5)
    ash = step(0.35, 0.9, ground.rough(22, 3))
    colour = mix(srgb("#2f2824"), srgb("#a39a92"), (ash * F32(0.75))[..., None])
    colour = mix(colour, srgb("#6d4a33"), step(0.0, 0.8, ground.rough(7, 2))[..., None] * F32(0.5))
    ground.lay(mask, colour)


def selective_cutting(ground: Ground, rng: np.random.Generator) -> None:
    """Logging without clearing: faint winding tracks, and a gap where each felled tree stood."""
    centre = rng.uniform(40, 88, 2)
    soil = ground.dyed("#a98d66", "#b49a74")
    for k in range(rng.integers(3, 6)):
        _stroke(
            ground, _polyline(ground, centre, k * 1.3 + rng.normal(0, 0.4), rng.uniform(40, 80), 0.22), 1.0, soil, 0.75
        )
    gaps = np.zeros(ground.shape, F32)
    for cx, cy in centre + rng.normal(0, 24, (rng.integers(35, 70), 2)):
        x0, y0 = int(cx) - 4, int(cy) - 4
        window = np.s_[max(0, y0) : max(0, y0 + 9), max(0, x0) : max(0, x0 + 9)]
        if gaps[window].size:
            dot = paint.disc(ground.y[window[0]], ground.x[:, window[1]], cy, cx, rng.uniform(0.7, 1.9))
            gaps[window] = np.maximum(gaps[window], dot)
    ground.lay(gaps * F32(0.85), ground.dyed("#8a8455", "#9a8763"), 1.0)


def windthrow(ground: Ground, rng: np.random.Generator) -> None:
    """Trees laid flat by a storm: a fan of pale trunks that all point one way, without roads or straight edges."""
    angle = rng.uniform(0, 2 * np.pi)
    along, across = ground.turned(angle)
    along = along + F32(rng.uniform(20, 40))
    spread = np.abs(across) / (F32(6) + F32(0.35) * np.maximum(along, 0)) + F32(0.35) * ground.rough(7, 3)
    mask = step(1.1, 0.75, spread) * step(-3, 5, along) * step(80, 55, along + 12 * ground.rough(4, 2))
    ray = np.arctan2(across, along + F32(30))
    trunks = F32(1.3) * noise(rng, *ground.shape, 60, 1) + F32(0.7) * np.sin(
        ray * F32(80) + F32(5) * ground.rough(16, 2)
    )
    colour = mix(srgb("#6d6644"), srgb("#b3a58b"), step(0.0, 1.3, trunks)[..., None])
    ground.lay(mask * F32(0.9), colour, 0.8)


def flowering_canopy(ground: Ground, rng: np.random.Generator) -> None:
    """Single crowns in flower, scattered over the forest."""
    colour = ground.dyed("#e8d56a", "#e2b3cf", "#f2ead2", "#d98fb5")
    share = rng.uniform(0.86, 0.93)
    place = step(-0.5, 0.6, ground.rough(4, 2))
    ground.colour = mix(
        ground.colour,
        colour,
        (step(share, share + 0.03, ground.tone) * step(0.1, 0.5, ground.crown) * place * F32(0.9))[..., None],
    )


def open_pit(ground: Ground, rng: np.random.Generator) -> None:
    """A mine with machines behind it: stepped terraces around a basin with coloured water."""
    cy, cx = rng.uniform(0.3, 0.7, 2) * ground.shape
    radius = rng.uniform(20, 38)
    away = np.hypot(ground.y - F32(cy), (ground.x - F32(cx)) * F32(rng.uniform(0.7, 1.3)))
    away = away / F32(radius) * (1 + F32(0.24) * ground.rough(3, 3))
    mask = step(1.04, 0.97, away)
    depth = np.clip(1 - away, 0, 1)
    terrace = depth * F32(rng.uniform(5, 8))
    face = terrace - np.floor(terrace)
    colour = ground.dyed("#b9a58c", "#a68c74", "#c7b59b", "#9d9488") * (F32(0.75) + F32(0.4) * face)[..., None]
    ground.lay(mask, colour * (1 + F32(0.1) * ground.rough(20, 2))[..., None], 1.0)
    ground.height = ground.height - F32(2.2) * np.floor(terrace) * mask
    pond = step(0.62, 0.72, depth + F32(0.08) * ground.rough(6, 2))
    ground.lay(pond, ground.dyed("#3f8a8a", "#5a9a86", "#5b7f93"), 1.0)
    spoil = ground.blob(rng.uniform(7, 14), 0.4, 7)
    ground.lay(spoil * (1 - mask), ground.dyed("#b3a594", "#a39a90"), 0.7)


def gold_diggings(ground: Ground, rng: np.random.Generator) -> None:
    """Small-scale mining along the water: churned pale sand with milky pools, no order."""
    if ground.river is not None and len(ground.river):
        cy, cx = ground.river[rng.integers(len(ground.river))]
    else:
        cy, cx = rng.uniform(30, 98, 2)
    for _ in range(rng.integers(3, 7)):
        y, x = np.array([cy, cx]) + rng.normal(0, 13, 2)
        away = np.hypot(ground.y - F32(y), ground.x - F32(x)) + F32(4) * ground.rough(12, 2)
        ground.lay(step(2, -2, away - F32(rng.uniform(6, 14))), ground.dyed("#d3bd93", "#c4a578", "#dccdb0"), 1.0)
    for _ in range(rng.integers(8, 18)):
        y, x = np.array([cy, cx]) + rng.normal(0, 13, 2)
        away = np.hypot((ground.y - F32(y)) * F32(rng.uniform(0.7, 1.4)), ground.x - F32(x))
        pool = np.clip(F32(rng.uniform(1.5, 4.5)) - away, 0, 1)
        ground.lay(pool, ground.dyed("#9fb8a8", "#b59a6c", "#7fa39d", "#c2c7a8"), 1.0)
