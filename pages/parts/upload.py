"""A picture that somebody hands in, read with care."""

import tempfile
from pathlib import Path

import numpy as np

from labcore.data.decode import Unusable, open_picture, read_picture
from labcore.errors import UserError

MOST_MEGABYTES = 20
"""A photograph; more is a mistake or an attack."""


def read_upload(data: bytes, name: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """uint8 [height, width, 3] of an uploaded picture, upright.

    Args:
        data: the file's bytes.
        name: what its owner calls it.
        size: (height, width) to crop and scale it to; None keeps its own.

    Raises:
        UserError: it is none, or damaged, or too large.
    """
    if len(data) > MOST_MEGABYTES * 2**20:
        raise UserError(f"{name} is larger than {MOST_MEGABYTES} MB. Save it smaller.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        try:
            return np.asarray(open_picture(path)) if size is None else read_picture(path, size)[0]
        except Unusable as reason:
            raise UserError(f"{name} {reason}. Choose another picture.") from None
