"""What stands between a satellite and the land: haze, cumulus with its shadows, overcast."""

import numpy as np

from labcore.data.embedded import paint
from labcore.data.embedded.paint import F32, mix, noise, step


def haze(picture: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A thin even veil; ``strength`` is the share of light that never touched the ground."""
    height, width, _ = picture.shape
    veil = F32(strength) * (1 + F32(0.18) * noise(rng, height, width, 2.5, 2))[..., None]
    return mix(picture, np.array([0.50, 0.545, 0.585], F32) * F32(rng.uniform(0.85, 1.1)), np.clip(veil, 0, 1))


def clouds(picture: np.ndarray, sun: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cumulus that covers 5 to 50 % of the tile, and its shadow to the side away from the sun."""
    height, width, _ = picture.shape
    margin = 24
    shape = (height + 2 * margin, width + 2 * margin)
    field = noise(rng, *shape, rng.uniform(3, 9), 4) + F32(0.35) * noise(rng, *shape, 1.5, 1)
    # The coverage is set, not the threshold, so that thin and thick skies are equally common.
    level = np.quantile(field[::4, ::4], 1 - rng.uniform(0.07, 0.5))
    soft = rng.uniform(0.25, 0.7)
    thick = step(level - 0.1, level + soft, field)
    shift = np.rint(-sun * rng.uniform(6, 20)).astype(int)

    def window(dy: int, dx: int) -> np.ndarray:
        return thick[margin + dy : margin + dy + height, margin + dx : margin + dx + width]

    shadow = paint.blur(window(-shift[1], -shift[0]), 2, 1)
    picture = picture * (1 - F32(0.62) * shadow)[..., None]
    cover = window(0, 0)
    relief = window(int(2 * sun[1]), int(2 * sun[0]))
    glow = F32(0.36) + F32(0.16) * cover + F32(0.30) * (cover - relief) + F32(0.05) * window(3, 5)
    return mix(picture, glow[..., None] * np.array([0.95, 0.97, 1.0], F32), np.minimum(cover * F32(1.15), 1)[..., None])


def overcast(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cloud from edge to edge; through its thinnest places a shimmer of green at most."""
    height, width, _ = picture.shape
    billow = noise(rng, height, width, rng.uniform(2, 7), 4)
    cover = np.clip(F32(rng.uniform(0.88, 1.05)) + F32(0.06) * billow, 0, 1)
    white = F32(rng.uniform(0.32, 0.58)) * (1 + F32(0.16) * billow)
    return mix(picture, white[..., None] * np.array([0.97, 0.985, 1.0], F32), cover[..., None])
