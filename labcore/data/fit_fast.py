"""Resizing by torch's vector instructions: 4 to 6 times as fast as Pillow, whose result it meets to the last bit or
two, since both descend from the same fixed-point algorithm.

For processes that have torch anyway; ``labcore.data.fit.by_pillow`` is for the others.
"""

import numpy as np
import torch

_INTO = torch.ops.aten._upsample_bilinear2d_aa.out


def by_torch(pixels: np.ndarray, to: np.ndarray) -> None:
    """``labcore.data.fit.Resize`` by ``F.interpolate(antialias=True)``, into memory that is there.

    ``F.interpolate`` itself allocates its result; for 224 px that is a page fault per 4 KB, a third of its time.
    """
    _INTO(_planes(pixels), to.shape[:2], False, out=_planes(to))


def _planes(pixels: np.ndarray) -> torch.Tensor:
    """uint8 [H, W, 3] as [1, 3, H, W] without moving a byte: channels last is the layout that has the fast kernel."""
    writable = pixels if pixels.flags.writeable else pixels.copy()  # torch knows no other memory
    return torch.from_numpy(writable).permute(2, 0, 1)[None]
