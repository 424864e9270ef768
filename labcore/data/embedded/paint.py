"""Drawing with numpy alone: noise, blur, light, and ellipsoids that melt into one another like clay.

Pictures are float32 [H, W, 3] in linear light until ``develop`` makes them uint8. There is no supersampling: every
edge is anti-aliased from its distance in pixels, which costs a quarter of drawing at twice the size.
"""

import math

import numpy as np

F32 = np.float32
Rgb = tuple[float, float, float]


def stream(seed: int, version: int, index: int) -> np.random.Generator:
    """The random stream of picture ``index``: the same on every machine, whatever was drawn before it."""
    return np.random.Generator(np.random.Philox(key=[(seed << 16) | version, index]))


def srgb(code: str) -> np.ndarray:
    """Linear float32 [3] of a colour written as ``#rrggbb``."""
    return linear(np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], F32) / F32(255))


def linear(encoded: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values in 0..1 (gamma 2.2, near enough for painting)."""
    return np.asarray(encoded, F32) ** F32(2.2)


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """``a`` where share is 0, ``b`` where it is 1."""
    return a + (b - a) * share


def step(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at ``low`` to 1 at ``high`` (which may be the smaller)."""
    share = np.clip((values - F32(low)) / F32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(y, x) of the pixel centres: float32 [H, 1] and [1, W], pixel centres at +0.5."""
    return np.arange(height, dtype=F32)[:, None] + F32(0.5), np.arange(width, dtype=F32)[None, :] + F32(0.5)


def blur(picture: np.ndarray, radius: int, passes: int = 2) -> np.ndarray:
    """Box blur of (2 radius + 1) pixels along the first two axes, edges repeated; two passes look like a lens."""
    for _ in range(passes if radius > 0 else 0):
        for axis in (0, 1):
            pad = [(0, 0)] * picture.ndim
            pad[axis] = (radius + 1, radius)
            total = np.cumsum(np.pad(picture, pad, mode="edge"), axis=axis, dtype=F32)
            high = [slice(None)] * picture.ndim
            low = list(high)
            high[axis], low[axis] = slice(2 * radius + 1, None), slice(None, -2 * radius - 1)
            picture = (total[tuple(high)] - total[tuple(low)]) / F32(2 * radius + 1)
    return picture


def enlarge(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear enlargement of [h, w, ...] to [height, width, ...], corner to corner."""
    for axis, size in ((0, height), (1, width)):
        at = np.linspace(0, small.shape[axis] - 1, size, dtype=F32)
        low = np.minimum(at.astype(np.intp), small.shape[axis] - 2)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(small.ndim)])
        small = np.take(small, low, axis) * (1 - share) + np.take(small, low + 1, axis) * share
    return small.astype(F32, copy=False)


def noise(
    rng: np.random.Generator, height: int, width: int, cells: float, octaves: int = 3, stretch: float = 1.0
) -> np.ndarray:
    """Smooth noise float32 [H, W] of mean 0 and roughly -1..1.

    Args:
        cells: grains of the coarsest octave across the width; each further octave is twice as fine, half as strong.
        stretch: above 1 the grains are that much longer along x, below 1 along y.
    """
    total = np.zeros((height, width), F32)
    strength, norm = 1.0, 0.0
    for _ in range(octaves):
        rows = int(max(2, min(height, round(cells * height / width * stretch) + 1)))
        columns = int(max(2, min(width, round(cells) + 1)))
        total += F32(strength) * enlarge(rng.random((rows, columns), F32) * 2 - 1, height, width)
        norm += strength * strength
        strength, cells = strength / 2, cells * 2
    return total / F32(np.sqrt(norm) * 0.9)


def disc(y: np.ndarray, x: np.ndarray, cy: float, cx: float, radius: float, soft: float = 1.0) -> np.ndarray:
    """Coverage 0..1 of a disc whose edge is ``soft`` pixels wide."""
    return np.clip((F32(radius) - np.sqrt((y - F32(cy)) ** 2 + (x - F32(cx)) ** 2)) / F32(soft) + F32(0.5), 0, 1)


def segment_distance(y: np.ndarray, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance in pixels to the segment from ``a`` to ``b`` (each x, y), and where along it (0..1) the foot lies."""
    along_x, along_y = float(b[0] - a[0]), float(b[1] - a[1])
    length = max(along_x * along_x + along_y * along_y, 1e-9)
    share = np.clip(((x - F32(a[0])) * F32(along_x) + (y - F32(a[1])) * F32(along_y)) / F32(length), 0, 1)
    return np.hypot(x - F32(a[0]) - share * F32(along_x), y - F32(a[1]) - share * F32(along_y)), share


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Rotation matrix [3, 3]: roll about x, then pitch about z, then yaw about y (radians; x ahead, y up)."""
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    return np.array(
        [
            [cy * cp, sy * sr - cy * sp * cr, cy * sp * sr + sy * cr],
            [sp, cp * cr, -cp * sr],
            [-sy * cp, sy * sp * cr + cy * sr, cy * cr - sy * sp * sr],
        ]
    )


class Clay:
    """A buffer into which ellipsoids are pressed; where two meet, their surfaces melt over a few pixels.

    Each pixel keeps, weighted by coverage, what shading needs: surface normal, depth, the place in the part's own
    frame (for coats that stick to the body) and whatever further numbers a part carries.

    Attributes:
        cover: float32 [H, W], share of the pixel that is clay.
        data: float32 [7 + extras, H, W]: normal (3), place (3), depth, extras; weighted by cover.
    """

    def __init__(self, height: int, width: int, extras: int, melt: float) -> None:
        self.cover = np.zeros((height, width), F32)
        self.data = np.zeros((7 + extras, height, width), F32)
        self.y, self.x = grid(height, width)
        self.melt = melt

    def press(
        self,
        centre: np.ndarray,
        turn: np.ndarray,
        radii: np.ndarray,
        extras: np.ndarray,
        *,
        place: np.ndarray,
        unit: float,
        rough: np.ndarray | None = None,
        paint=None,
        hard: bool = False,
    ) -> None:
        """Add one ellipsoid.

        Args:
            centre: [3] in pixels: x right, y down, z to the viewer.
            turn: [3, 3], columns are the ellipsoid's axes (x right, y up, z to the viewer).
            radii: [3] in pixels.
            extras: the part's further numbers.
            place: [3] origin of the part in coat space; ``unit`` is the pixels per unit of coat space.
            rough: [H, W] pixels by which the edge is pushed out (fur), or None.
            paint: called with the unit-sphere coordinates, returns extras [E, h, w] instead of constants.
            hard: no melting: the part lies on top of what is behind it with a clean edge (eyes, nose).
        """
        spread = (turn * radii**2) @ turn.T
        reach_x, reach_y = np.sqrt(spread[0, 0]) + 2.0, np.sqrt(spread[1, 1]) + 2.0
        height, width = self.cover.shape
        x0, x1 = max(0, int(centre[0] - reach_x)), min(width, int(centre[0] + reach_x) + 2)
        y0, y1 = max(0, int(centre[1] - reach_y)), min(height, int(centre[1] + reach_y) + 2)
        if x0 >= x1 or y0 >= y1:
            return
        window = np.s_[y0:y1, x0:x1]
        x = self.x[:, x0:x1] - F32(centre[0])
        y = F32(centre[1]) - self.y[y0:y1]
        form = np.asarray((turn / radii**2) @ turn.T, F32)
        tilt = form[:2, 2] / form[2, 2]
        flat = form[:2, :2] - np.outer(form[:2, 2], tilt)
        slope_x, slope_y = flat[0, 0] * x + flat[0, 1] * y, flat[0, 1] * x + flat[1, 1] * y
        inside = 1 - (slope_x * x + slope_y * y)
        distance = inside / (2 * np.sqrt(slope_x * slope_x + slope_y * slope_y) + F32(1e-6))
        if rough is not None:
            distance = distance + rough[window]
        alpha = np.clip(distance + F32(0.5), 0, 1)
        # Small arrays cost calls, not arithmetic: one product gives the normal and the place in the part's own frame.
        seen = np.empty((3, y1 - y0, x1 - x0), F32)
        seen[0], seen[1] = x, y
        seen[2] = np.sqrt(np.maximum(inside, 0) * (1 / form[2, 2])) - (tilt[0] * x + tilt[1] * y)
        frames = np.concatenate([form, np.asarray(turn.T / unit, F32)])
        values = np.empty((self.data.shape[0], y1 - y0, x1 - x0), F32)
        values[:6] = (frames @ seen.reshape(3, -1)).reshape(6, y1 - y0, x1 - x0)
        normal = values[:3]
        normal *= 1 / (np.sqrt(np.einsum("ijk,ijk->jk", normal, normal)) + F32(1e-9))
        values[3:6] += np.asarray(place, F32)[:, None, None]
        values[6] = seen[2] + F32(centre[2])
        if paint is None:
            values[7:] = np.asarray(extras, F32)[:, None, None]
        else:
            scale = np.asarray(unit / radii, F32)[:, None, None]
            values[7:] = paint((values[3:6] - np.asarray(place, F32)[:, None, None]) * scale)
        cover, data = self.cover[window], self.data[(slice(None), *window)]
        behind = data[6] / np.maximum(cover, F32(1e-3))
        front = np.clip((values[6] - behind) * F32(0.5 / (0.6 if hard else self.melt)) + F32(0.5), 0, 1)
        over = alpha * (front * front * (3 - 2 * front))
        added = over + (alpha - over) * (1 - cover)
        data *= 1 - over
        values *= added
        data += values
        cover *= 1 - over
        cover += added


def occlusion(depth: np.ndarray, radius: int, strength: float) -> np.ndarray:
    """Light 0..1 that reaches a pixel past what stands before it nearby (depth in pixels to the viewer)."""
    hollow = np.maximum(blur(depth, radius, 1) - depth, 0)
    return 1 / (1 + F32(strength / radius) * hollow)


def _dct() -> np.ndarray:
    k, n = np.mgrid[:8, :8]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) / 2
    basis[0] /= np.sqrt(2)
    return basis.astype(F32)


_DCT = _dct()
_QUANT = (1 + np.add.outer(np.arange(8), np.arange(8)) * 0.9).astype(F32)


def compress(picture: np.ndarray, coarse: float) -> np.ndarray:
    """What a JPEG of step ``coarse`` (in 1/255) leaves of [H, W, 3] in 0..255; H and W are multiples of 8."""
    height, width, _ = picture.shape
    luma = picture @ np.array([0.299, 0.587, 0.114], F32)
    planes = np.stack([luma, picture[..., 2] - luma, picture[..., 0] - luma])
    blocks = planes.reshape(3, height // 8, 8, width // 8, 8).swapaxes(2, 3)
    steps = _QUANT * np.array([coarse, 2.5 * coarse, 2.5 * coarse], F32)[:, None, None, None, None]
    kept = np.rint(_DCT @ blocks @ _DCT.T / steps) * steps
    planes = (_DCT.T @ kept @ _DCT).swapaxes(2, 3).reshape(3, height, width)
    luma, blue, red = planes
    green = luma - (F32(0.114) * blue + F32(0.299) * red) / F32(0.587)
    return np.stack([luma + red, green, luma + blue], -1)


def develop(
    picture: np.ndarray, rng: np.random.Generator, *, exposure: float, grain: float, coarse: float, vignette: float
) -> np.ndarray:
    """From light to a file: vignette, film curve, sensor noise, compression. float32 [H, W, 3] to uint8.

    Args:
        exposure: factor on the light. grain: noise in 1/255. coarse: see ``compress``; 0 leaves it out.
        vignette: share of light lost in the corners.
    """
    height, width, _ = picture.shape
    y, x = grid(height, width)
    corner = ((y / height - F32(0.5)) ** 2 + (x / width - F32(0.5)) ** 2) * 2
    light = np.maximum(picture * (F32(exposure) * (1 - F32(vignette) * corner))[..., None], 0)
    # The shoulder keeps bright fur from burning out; below one half it is nearly straight.
    light = light * (1 + light / F32(4)) / (1 + light * F32(0.6))
    encoded = np.minimum(light, 1) ** F32(1 / 2.2) * 255
    if grain:
        encoded += F32(grain) * rng.standard_normal((height, width, 3), F32)
    if coarse:
        encoded = compress(encoded, coarse)
    return np.clip(np.rint(encoded), 0, 255).astype(np.uint8)
