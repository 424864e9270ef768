"""Fur and eyes of the critters: colour from the place on the body and the breed."""

import numpy as np

from labcore.data.embedded.critter_breeds import DYES, Breed
from labcore.data.embedded.paint import mix, srgb, step

RED, GREEN, BLUE, OWN, LIGHT, DARK, PATTERN, GLOSS, HEAD = range(9)
EXTRAS = 9
"""What each part of the body carries besides its shape: a colour of its own (RED, GREEN, BLUE) and how far it counts
(OWN); how far it belongs to the pale underside (LIGHT) and the dark extremities (DARK); how plainly a pattern shows
(PATTERN); shine (GLOSS); and whether its places are measured on the head (HEAD), in head radii, x ahead."""


def coat(breed: Breed, leg: float, place: np.ndarray, tags: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour of the fur, linear float32 [3, H, W], from the place on the body and the breed's pattern."""
    dye = srgb(DYES[breed.dyes[rng.integers(len(breed.dyes))]])
    base = dye * np.exp(rng.normal(0, 0.05, 3) + rng.normal(0, 0.15)).astype(np.float32)
    base = np.minimum(base, 0.9)
    deep = (
        base
        * np.float32(rng.uniform(*((0.1, 0.25) if breed.coat in ("tabby", "spots") else (0.03, 0.12))))
        * np.array([1.1, 1.0, 0.9], np.float32)
    )
    pale = mix(base, srgb("#f4eee4"), np.float32(rng.uniform(0.55, 0.9)))
    x, y, z = place
    head, light, dark = tags[HEAD], tags[LIGHT], tags[DARK]
    p = rng.uniform(0, 2 * np.pi, 9).astype(np.float32)
    warp = np.sin(4.1 * y + p[0] + np.sin(5.3 * z + p[1])) + np.float32(0.6) * np.sin(7.9 * z + p[2] + 2 * x)
    weight = np.zeros_like(x)
    white = np.zeros_like(x)
    under = step(leg + 0.12, leg - 0.22, y) * (1 - head)
    strength = np.float32(rng.uniform(0.6, 0.95))
    hold = mix(1, tags[PATTERN], 0.7)
    if breed.coat == "tabby":
        bands = np.sin(np.float32(rng.uniform(15, 20)) * (x + 0.45 * y) + np.float32(0.9) * warp + p[3])
        brow = np.sin(np.float32(11) * z + np.float32(0.5) * np.sin(6 * x)) * step(-0.2, 0.35, y) * step(-0.5, 0.1, x)
        cheek = np.sin(np.float32(10) * y + 3 * np.abs(z)) * step(0.45, 0.75, np.abs(z)) * step(0.15, -0.1, y)
        weight = mix(step(0.05, 0.75, bands), step(0.1, 0.7, np.maximum(np.abs(brow) * np.sign(brow), cheek)), head)
        white = 0.75 * light
    elif breed.coat == "spots":
        k = np.float32(rng.uniform(12, 15)) * mix(np.float32(1), np.float32(0.42), head)
        cells = np.sin(k * x + warp * 0.8 + p[4]) * np.sin(k * y + p[5] + 0.7 * np.sin(4 * x)) + np.float32(
            0.5
        ) * np.sin(k * z + p[6]) * np.sin(k * (x + y) * np.float32(0.7) + p[7])
        weight = step(0.25, 0.6, cells)
        white = 0.6 * light
    elif breed.coat == "points":
        hold = np.float32(1)
        weight = step(0.1, 0.75, dark + np.float32(rng.normal(0, 0.08)))
        face = step(0.45, 0.9, x) * step(0.55, 0.0, y) * head
        weight = np.maximum(weight, np.float32(0.85) * face)
        white = np.float32(0.35) * light * (1 - weight)
    elif breed.coat == "two_tone":
        edge = leg + np.float32(rng.uniform(-0.15, 0.3)) + np.float32(0.10) * warp
        white = step(0.06, -0.06, y - edge) * (1 - head)
        blaze = step(0.30, 0.16, np.abs(z) + np.float32(0.05) * warp) * step(0.0, 0.4, x)
        white = np.maximum(white, head * np.maximum(blaze, step(-0.2, -0.4, y) * step(0.1, 0.4, x)))
        weight = np.float32(0.35) * step(0.3, 0.9, dark) * (1 - white)
    elif breed.coat == "saddle":
        edge = leg + np.float32(rng.uniform(0.02, 0.22)) + np.float32(0.04) * warp
        weight = step(-0.08, 0.08, y - edge) * (1 - head) * step(0.62, 0.45, x)
        weight = np.maximum(weight, head * np.float32(0.7) * step(0.15, 0.6, y) * step(0.7, 0.2, x))
        weight = np.maximum(weight, np.float32(rng.uniform(0.1, 0.7)) * dark * head)
        white = np.float32(rng.uniform(0.1, 0.7)) * light
    elif breed.coat == "hood":
        edge = leg + np.float32(rng.uniform(-0.02, 0.16)) + np.float32(0.05) * warp
        weight = np.float32(0.7) * step(-0.1, 0.12, y - edge) * (1 - head)
        cap = step(0.0, 0.2, y - np.float32(0.28) + np.float32(0.55) * step(0.16, 0.0, np.abs(z)) * 0.6)
        weight = np.maximum(weight, head * np.float32(0.8) * cap)
        white = np.maximum(light, np.maximum(under, head * (1 - cap) * step(-0.1, 0.3, x)))
    else:
        hold = np.float32(1)
        weight = step(0.35, 0.85, dark) * head + np.float32(0.35) * step(0.3, 1, dark) * (1 - head)
        around = step(0.42, 0.20, np.hypot(np.abs(z) - np.float32(0.42), y - np.float32(0.12))) * step(0.3, 0.6, x)
        weight = np.maximum(weight, np.float32(0.75) * around * head)
        white = np.float32(0.3) * light * (1 - head)
    fur = base[:, None, None] * (1 + np.float32(0.10) * warp)
    fur = mix(fur, deep[:, None, None], np.clip(weight, 0, 1) * strength * hold)
    white = np.maximum(white, np.float32(0.25) * under)
    return mix(fur, pale[:, None, None], np.clip(white, 0, 1))


def eye(iris: np.ndarray, felix: bool, gaze: float, wide_open: float):
    """Extras of an eyeball from its unit-sphere coordinates: rim, iris, pupil (a slit in felix)."""
    direction = np.array([np.cos(gaze), 0, np.sin(gaze)], np.float32)

    def colours(unit: np.ndarray) -> np.ndarray:
        values = np.zeros((EXTRAS, *unit.shape[1:]), np.float32)
        ahead = np.tensordot(direction, unit, 1)
        across = direction[0] * unit[2] - direction[2] * unit[0]
        up = unit[1]
        away = np.hypot(across, up)
        narrow = 0.35 + 0.65 * wide_open if felix else 1.0
        pupil = step(0.52, 0.40, np.hypot(across / np.float32(narrow), up * np.float32(0.9 if felix else 1.0)))
        ring = step(0.80, 0.95, away) if felix else step(0.86, 0.98, away)
        colour = iris[:, None, None] * (np.float32(0.75) + np.float32(0.5) * step(-0.6, 0.5, -up))
        colour = mix(colour, srgb("#0c0a0b")[:, None, None], np.maximum(pupil, 0))
        colour = mix(colour, srgb("#1d1513")[:, None, None], np.maximum(ring, step(0.1, -0.1, ahead)))
        values[:3], values[OWN], values[GLOSS], values[HEAD] = colour, 1, 1, 1
        return values

    return colours
