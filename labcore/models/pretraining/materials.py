"""Surface materials: which pattern, which two colours, how coarse, how rough; and the noise they are cut from.

A material is one row of ``MATERIAL_FIELDS`` floats, so that a renderer can gather the rows of all pixels at once.
"""

import numpy as np

PATTERNS = (
    "plain",
    "bands",
    "flutes",
    "spiral",
    "checks",
    "dots",
    "patches",
    "marble",
    "fade",
    "rings",
    "weave",
    "tip",
)
"""The pattern kinds; each is a function of a surface's own (u, v) coordinates, so it bends with the surface."""

COLOUR_0, COLOUR_1 = slice(1, 4), slice(4, 7)
PATTERN, FREQUENCY_U, FREQUENCY_V, WARP, THRESHOLD, SOFTNESS, GRAIN = 0, 7, 8, 9, 10, 11, 12
GRAIN_U, GRAIN_V, GRAIN_LAYER, GLOSS, GLOSS_EXPONENT, CLOUD_LAYER, PHASE, MATERIAL_FIELDS = range(13, 21)
"""Columns of a material. Frequencies count repeats (or noise tiles) per half picture; grain is the roughness under the
pattern, clouds are the noise that bends the pattern."""

NOISE_SIDE = 256
"""Side of a noise tile; tiles wrap around, so any coordinate may be looked up."""

_SPECTRA = ((1.0, 1.0), (1.5, 1.0), (2.0, 1.0), (1.2, 4.0), (0.6, 6.0), (0.3, 1.0), (0.8, 3.0), (1.7, 2.0))
"""(exponent, stretch) of each noise layer: 1/f^exponent spectra are the simplest image model whose features transfer
(Baradad et al. 2021, Learning to See by Looking at Noise, arXiv:2106.05963); a stretched one looks like fibre."""

_HUES = np.array(
    [
        [0.93, 0.90, 0.84], [0.12, 0.11, 0.12], [0.52, 0.52, 0.54], [0.78, 0.30, 0.20], [0.85, 0.55, 0.20],
        [0.88, 0.78, 0.38], [0.35, 0.52, 0.25], [0.20, 0.45, 0.50], [0.22, 0.30, 0.60], [0.48, 0.28, 0.52],
        [0.80, 0.52, 0.55], [0.42, 0.27, 0.16], [0.66, 0.48, 0.32], [0.83, 0.70, 0.54],
    ]
)  # fmt: skip
"""Pigments, linear in display values. Few and shared by all kinds of things: colour alone must not give a kind away."""


def noise_tiles() -> np.ndarray:
    """The noise layers that all pictures are textured from.

    Returns:
        float32 [8, 256, 256], each layer with uniform histogram on [0, 1) and wrapping edges.
    """
    rng = np.random.default_rng(20_210_610)
    fy, fx = np.meshgrid(np.fft.fftfreq(NOISE_SIDE), np.fft.fftfreq(NOISE_SIDE), indexing="ij")
    tiles = []
    for exponent, stretch in _SPECTRA:
        radius = np.hypot(fx * np.sqrt(stretch), fy / np.sqrt(stretch))
        radius[0, 0] = np.inf
        field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((NOISE_SIDE, NOISE_SIDE))) / radius**exponent).real
        ranks = field.ravel().argsort().argsort()
        tiles.append(ranks.reshape(field.shape) / field.size)
    return np.stack(tiles).astype(np.float32)


def draw_pigment(rng: np.random.Generator) -> np.ndarray:
    """One colour, [3] in 0..1: a pigment with a little variation."""
    return np.clip(_HUES[rng.integers(len(_HUES))] * rng.uniform(0.8, 1.15) + rng.normal(0, 0.03, 3), 0.02, 1)


def draw_material(rng: np.random.Generator, contrast: float = 1.0) -> np.ndarray:
    """One material, [MATERIAL_FIELDS] floats; a contrast under 1 draws its colours together."""
    first, second = draw_pigment(rng), draw_pigment(rng)
    while np.abs(first - second).sum() < 0.4:
        second = draw_pigment(rng)
    second = first + contrast * (second - first)
    fibrous = rng.random() < 0.4
    grain_u = rng.uniform(0.1, 0.5)
    return np.concatenate(
        [
            [rng.integers(len(PATTERNS))],
            first,
            second,
            [np.exp(rng.uniform(np.log(1.0), np.log(5.0))), np.exp(rng.uniform(np.log(1.0), np.log(5.0)))],
            [rng.choice([0.0, rng.uniform(0.1, 0.5)]), rng.uniform(0.3, 0.65), rng.choice([0.04, 0.15])],
            [rng.choice([0.03, 0.12, rng.uniform(0.15, 0.45)])],
            [grain_u, grain_u * (rng.uniform(0.1, 0.3) if fibrous else 1.0)],
            [rng.integers(len(_SPECTRA))],
            [rng.choice([0.0, rng.uniform(0.1, 0.6)]), rng.choice([6.0, 20.0, 50.0])],
            [rng.integers(3), rng.uniform(0, 1)],
        ]
    )


def vary_material(material: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same material on another thing of the same kind: shades, scale and phase differ a little."""
    other = material.copy()
    other[1:7] = np.clip(other[1:7] * rng.normal(1, 0.06) + np.tile(rng.normal(0, 0.02, 3), 2), 0.01, 1)
    other[FREQUENCY_U : FREQUENCY_V + 1] *= np.exp(rng.normal(0, 0.08, 2))
    other[THRESHOLD] = np.clip(other[THRESHOLD] + rng.normal(0, 0.03), 0.1, 0.9)
    other[PHASE] = rng.uniform(0, 1)
    return other
