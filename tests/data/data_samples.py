"""Small pictures that the data tests write."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, colour=(200, 60, 20), size=(40, 30), **options) -> Path:
    """A picture of one colour; ``size`` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


def photo(path: Path, seed: int, size=(40, 30)) -> Path:
    """A picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).save(path)
    return path
