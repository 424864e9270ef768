"""Masks as files: one PNG whose palette numbers are the codes, and the codes beside it."""

import colorsys
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from labcore.errors import UserError

KNOWN: dict[str, tuple[int, int, int]] = {
    # CamVid's own colours for the eleven classes of later papers, as in SegNet's figures.
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "signsymbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
    "background": (40, 40, 40),
    "pet": (230, 159, 0),
}
VOID = (0, 0, 0)
GOLDEN = 0.618033988749895
"""Hues that step by the golden section never come close to each other (Martin Ankerl's colours)."""
PALETTE = 256


def colours(classes: Sequence[str], void: int | None = None) -> list[tuple[int, int, int]]:
    """One colour per class, the same for the same names on every page: CamVid's where it has one, else spread hues."""
    found = []
    for number, name in enumerate(classes):
        hue = (number * GOLDEN) % 1
        value = (0.95, 0.7, 0.85)[number % 3]
        spread = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.65, value))
        found.append(VOID if number == void else KNOWN.get(name.lower(), spread))
    return found


def write_mask(mask: np.ndarray, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """An indexed PNG: uint8 [h, w] of codes below the palette's length, seen in its colours."""
    if mask.max(initial=0) >= len(palette):
        raise ValueError(f"The mask has the code {mask.max()}, the palette {len(palette)} colours.")
    picture = Image.fromarray(np.ascontiguousarray(mask, np.uint8), mode="L")
    picture.putpalette([part for colour in palette for part in colour])
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def read_mask(data: bytes) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """The codes uint8 [h, w] of an indexed PNG and its palette.

    Raises:
        UserError: the bytes are no PNG with a palette.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            if picture.mode != "P":
                raise UserError("This picture has no palette, so that its pixels are no codes. Give an indexed PNG.")
            flat = picture.getpalette() or []
            return np.asarray(picture), [tuple(flat[at : at + 3]) for at in range(0, len(flat), 3)]
    except (OSError, SyntaxError, ValueError):
        raise UserError("This is no PNG that can be read. Save the mask as an indexed PNG.") from None


def codes_text(classes: Sequence[str]) -> str:
    """``codes.txt`` as a folder of masks has it: one class per line, its line (from 0) is its code."""
    return "".join(f"{name}\n" for name in classes)
