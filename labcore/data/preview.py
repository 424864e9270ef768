"""The very draws of ``labcore.data.augment`` for a few pictures, in numpy: a page shows them within milliseconds.

The web process never imports torch, and a preview that asked the engine would wait behind whatever trains. torch's CPU
generator is the Mersenne twister seeded as numpy's legacy generator seeds it, so the same seed draws the same numbers;
the tests hold pictures, masks and points of both ways against each other.
"""

import math
from dataclasses import dataclass

import numpy as np

from labcore.data.augment_spec import AugmentSpec
from labcore.data.draws import DIHEDRAL, DRAWS, HORIZON, LOGIT_EPS, SETTINGS, STRAIGHT, ranges

Size2 = tuple[int, int]


@dataclass(frozen=True)
class Draw:
    """What chance chose for one picture.

    Attributes:
        setting: 0 to 7, a row of ``DIHEDRAL``.
        degrees: rotation.
        zoom: above 1 enlarges.
        centre: (x, y) in 0..1, about which zoom happens.
        warp: (x, y), how far corners move, in halves of a side.
        brightness: added in logit space; 0 changes nothing.
        contrast: the factor in logit space; 1 changes nothing.
        matrix: float64 [3, 3], all geometric parts together, output to input in normalised coordinates.
    """

    setting: int
    degrees: float
    zoom: float
    centre: tuple[float, float]
    warp: tuple[float, float]
    brightness: float
    contrast: float
    matrix: np.ndarray

    def words(self) -> str:
        """What was done, in a few words."""
        parts = [SETTINGS[self.setting]] if self.setting else []
        if self.degrees:
            parts.append(f"turned {self.degrees:+.1f}°")
        if self.zoom != 1:
            parts.append(f"zoomed x{self.zoom:.2f}")
        if any(self.warp):
            parts.append("warped")
        if self.brightness:
            parts.append("brighter" if self.brightness > 0 else "darker")
        if self.contrast != 1:
            parts.append("more contrast" if self.contrast > 1 else "less contrast")
        return ", ".join(parts) or "as it is"


def uniform(seed: int, count: int) -> np.ndarray:
    """What ``torch.rand(count, dtype=float64)`` gives of a CPU generator with this seed, float64 [count]."""
    words = np.random.RandomState(seed % 2**32).randint(0, 2**32, size=2 * count, dtype=np.uint32)
    high, low = words[0::2].astype(np.uint64), words[1::2].astype(np.uint64)
    return ((high << np.uint64(32) | low) & np.uint64(2**53 - 1)).astype(np.float64) / 2**53


def draws(spec: AugmentSpec, count: int, size: Size2, seed: int) -> list[Draw]:
    """The draws of a batch of ``count`` pictures of (H, W): those of ``Augment(spec).draw`` with this seed."""
    u = uniform(seed, count * DRAWS).reshape(count, DRAWS)
    settings = np.arange(8) if size[0] == size[1] else STRAIGHT
    settings = (settings if spec.flip_vert else settings[1:2]) if spec.do_flip else settings[:1]
    low, high, neutral, probability = ranges(spec)
    drawn = np.where(u[:, 10:] < probability, low + (high - low) * u[:, 2:10], neutral)
    found = []
    for row, value in zip(u, drawn, strict=True):
        setting = int(settings[int(row[1] * len(settings))]) if row[0] < 0.5 else 0
        degrees, zoom, x, y, warp_x, warp_y, light, contrast = map(float, value)
        matrix, warped = _matrix(setting, degrees, zoom, (x, y), (warp_x, warp_y), size)
        warp = (warp_x, warp_y) if warped else (0.0, 0.0)
        brightness = math.log(light / (1 - light))
        found.append(Draw(setting, degrees, zoom, (x, y), warp, brightness, math.exp(contrast), matrix))
    return found


def varied(
    spec: AugmentSpec,
    draw: Draw,
    image: np.ndarray,
    mask: np.ndarray | None = None,
    points: np.ndarray | None = None,
    *,
    void: int | None = None,
    leave_target_behind: bool = False,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Apply one draw to a picture and its target, as ``Augment.apply`` does, without a change of size.

    Args:
        spec: what the draw was made for.
        draw: see ``draws``.
        image: uint8 [H, W, 3].
        mask: uint8 [H, W] codes.
        points: float [P, 2], (x, y) in pixels, pixel centres at +0.5.
        void: the code for what comes from outside; None mirrors the mask as the picture.
        leave_target_behind: show the bug: mask and points stay where they were.

    Returns:
        The picture uint8 [H, W, 3], the mask [H, W], the points float32 [P, 2] (NaN behind the camera).
    """
    size = image.shape[:2]
    lit = _relit(image, draw)
    places = _places(draw.matrix, size) if spec.resamples else None
    picture = _turned(lit, draw.setting) if places is None else _bilinear(lit, places)
    if mask is not None and not leave_target_behind:
        mask = _turned(mask, draw.setting) if places is None else _nearest(mask, places, void)
    if points is not None:
        matrix = np.eye(3) if leave_target_behind else draw.matrix
        points = moved(points, matrix, size)
    return (picture * 255 + 0.5).astype(np.uint8), mask, points


def moved(points: np.ndarray, matrix: np.ndarray, size: Size2) -> np.ndarray:
    """Where points of the input appear in the output, float32 [P, 2] in pixels; NaN where behind the camera."""
    scale = np.array([size[1], size[0]], np.float64)
    forward = np.linalg.inv(matrix)
    place = np.asarray(points, np.float64) / scale * 2 - 1
    found = place @ forward[:, :2].T + forward[:, 2]
    depth = found[:, 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = np.where(depth > 0, found[:, :2] / depth, np.nan)
    return ((flat + 1) / 2 * scale).astype(np.float32)


def _matrix(setting: int, degrees: float, zoom: float, centre, warp, size: Size2) -> tuple[np.ndarray, bool]:
    height, width = size
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    linear = DIHEDRAL[setting] @ (turn * np.array([[1.0, height / width], [width / height, 1.0]]))
    affine = np.eye(3)
    affine[:2, :2] = linear / zoom
    affine[:2, 2] = linear @ ((1 - 1 / zoom) * (2 * np.asarray(centre) - 1))
    x, y = warp
    forward = np.array([[1 - y * y, -x * y, x], [-x * y, 1 - x * x, y], [x, y, 1.0]])
    backward = np.linalg.inv(forward)
    perspective = backward / backward[2, 2] @ affine
    corners = np.array([[-1.0, -1, 1, 1], [-1, 1, -1, 1], [1, 1, 1, 1]])
    if (perspective[2] @ corners).min() >= HORIZON:
        return perspective, any(warp)
    return affine, False


def _places(matrix: np.ndarray, size: Size2) -> np.ndarray:
    """The input place seen at each output pixel, float32 [2, H, W], in pixels with centres at whole numbers."""
    height, width = size
    x = ((np.arange(width, dtype=np.float32) * 2 + 1) / width - 1)[None, :, None]
    y = ((np.arange(height, dtype=np.float32) * 2 + 1) / height - 1)[:, None, None]
    m = matrix.astype(np.float32)
    seen = m[:, 0] * x + m[:, 1] * y + m[:, 2]
    flat = seen[..., :2] / seen[..., 2:]
    return ((flat + 1) * np.array([width, height], np.float32) - 1).transpose(2, 0, 1) / 2


def _reflected(place: np.ndarray, count: int) -> np.ndarray:
    """Mirrored at the outer edges of the first and the last pixel, then held to their centres."""
    turns, rest = np.divmod(np.abs(place + 0.5), count)
    back = np.where(turns % 2 == 0, rest, count - rest) - 0.5
    return back.clip(0, count - 1)


def _bilinear(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    x, y = _reflected(places[0], width), _reflected(places[1], height)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return upper * (1 - down) + lower * down


def _nearest(mask: np.ndarray, places: np.ndarray, void: int | None) -> np.ndarray:
    height, width = mask.shape
    x, y = places if void is not None else (_reflected(places[0], width), _reflected(places[1], height))
    column, row = np.rint(x), np.rint(y)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    seen = mask[row.clip(0, height - 1).astype(np.int64), column.clip(0, width - 1).astype(np.int64)]
    return np.where(inside, seen, void if void is not None else seen).astype(mask.dtype)


def _relit(image: np.ndarray, draw: Draw) -> np.ndarray:
    """float32 [H, W, 3] in 0..1, ``sigmoid(contrast * (logit(x) + brightness))``."""
    level = np.arange(256, dtype=np.float32) / 255
    if draw.brightness != 0 or draw.contrast != 1:
        held = level.clip(LOGIT_EPS, 1 - LOGIT_EPS)
        level = 1 / (1 + np.exp(-draw.contrast * (np.log(held / (1 - held)) + draw.brightness)))
    return level.astype(np.float32)[image]


def _turned(planes: np.ndarray, setting: int) -> np.ndarray:
    """One of the 8 settings by moving pixels alone; axes 0 and 1 are rows and columns."""
    across, down = DIHEDRAL[setting].sum(axis=1)
    planes = planes[:, ::-1] if across < 0 else planes
    planes = planes[::-1] if down < 0 else planes
    return planes.swapaxes(0, 1) if DIHEDRAL[setting][0, 1] else planes
