"""The first convolution of a net, and how it takes more channels than the three that it was trained with."""

from collections.abc import Mapping

import numpy as np

RGB = 3


def first_convolution(tensors: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray] | None:
    """The name and the weights [filters, 3, height, width] of the layer that sees the picture; None where none does.

    Args:
        tensors: a net's weights by name. The picture's own layer is the one that takes three channels over an area.
    """
    found = [(name, array) for name, array in tensors.items() if array.ndim == 4 and array.shape[1] == RGB]
    spatial = [(name, array) for name, array in found if array.shape[2] > 1]
    return (spatial or found or [None])[0]


def adapted(weight: np.ndarray, channels: int) -> np.ndarray:
    """Trained RGB weights made fit for another number of channels, as timm's ``adapt_input_conv`` does.

    One channel takes the sum over R, G and B; more repeat R, G, B, R, ... and are scaled by 3 / channels, so that the
    answer to a picture whose channels are alike stays as large as it was.

    Args:
        weight: [filters, 3, height, width].
        channels: at least 1.

    Returns:
        [filters, channels, height, width], float32.

    >>> adapted(np.ones((8, 3, 3, 3)), 4).shape
    (8, 4, 3, 3)
    """
    weight = np.asarray(weight, np.float32)
    if channels < 1 or weight.ndim != 4 or weight.shape[1] != RGB:
        raise ValueError(f"weights {weight.shape} do not become {channels} channels")
    if channels == 1:
        return weight.sum(axis=1, keepdims=True)
    if channels == RGB:
        return weight
    repeats = -(-channels // RGB)
    return np.tile(weight, (1, repeats, 1, 1))[:, :channels] * np.float32(RGB / channels)


def response(picture: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """One filter's answer at every place where it fits, float32 [H - h + 1, W - w + 1].

    Args:
        picture: float [H, W, channels].
        weight: [channels, h, w].
    """
    height, width = weight.shape[1:]
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(picture, np.float32), (height, width), axis=(0, 1))
    return np.einsum("hwcij,cij->hw", windows, weight.astype(np.float32), optimize=True)


def as_picture(values: np.ndarray) -> np.ndarray:
    """Any plane as grey, uint8: zero is middle grey, the farthest from zero black or white."""
    reach = float(np.abs(values).max()) or 1.0
    return np.clip(127.5 + 127.5 * np.asarray(values, np.float64) / reach, 0, 255).astype(np.uint8)
