"""Open one mask: a class per pixel, as grey levels, palette numbers or colours; or say why it cannot be used."""

from pathlib import Path

import numpy as np
from PIL import Image

from labcore.data.decode import Unusable, open_file, reason
from labcore.data.fit import Geometry, fitted_codes
from labcore.data.labels import UNKNOWN_CODE


def read_mask(
    path: Path | str,
    size: tuple[int, int],
    codes: np.ndarray,
    where: Geometry,
    fill: int,
    colours: np.ndarray | None = None,
) -> np.ndarray:
    """Decode one mask and presize it like its picture, nearest pixel, so that no code is invented between two.

    Args:
        path: a picture whose pixel values (grey or palette numbers, or ``colours``) are codes.
        size: (height, width) wanted.
        codes: uint8 [256], pixel value to class.
        where: how its picture was presized; the mask must have the picture's size.
        fill: class of the bars that ``pad`` leaves.
        colours: uint8 [C, 3], the colour of each class in masks that are painted; None refuses such masks.

    Returns:
        uint8 [height, width] of classes.

    Raises:
        Unusable: missing, damaged, of another size, or with a value or colour that is not defined.
    """
    try:
        with open_file(path) as picture:
            values = raw_codes(picture, colours)
    except Unusable:
        raise
    except FileNotFoundError:
        raise Unusable(f"has no mask: {Path(path).name} is missing") from None
    except Exception as error:
        raise Unusable("has a mask that cannot be read: it " + reason(error)) from None
    if values.shape[::-1] != (where.width, where.height):
        raise Unusable(
            f"is {where.width} x {where.height} pixels and its mask {values.shape[1]} x {values.shape[0]}; "
            "save both at one size"
        )
    classes = codes[values]
    if (classes == UNKNOWN_CODE).any():
        unknown = np.unique(values[classes == UNKNOWN_CODE])
        shown = ", ".join(map(str, unknown[:5]))
        raise Unusable(f"has a mask with the unknown code {shown}; add it to the codes or correct the mask")
    return fitted_codes(classes, where, size, fill)


def raw_codes(picture: Image.Image, colours: np.ndarray | None = None) -> np.ndarray:
    """The pixel values of a mask, uint8 [H, W]: grey levels, palette numbers, equal channels, or classes by colour.

    Raises:
        Unusable: the mask is painted in colours that nobody named, or has codes above 255.
    """
    if picture.mode == "1":
        return np.asarray(picture).astype(np.uint8)
    values = np.asarray(picture)
    if values.ndim == 3:
        if values.shape[2] >= 3 and colours is not None:
            return _by_colour(values[..., :3], colours)
        if values.shape[2] >= 3 and (values[..., :1] != values[..., 1:3]).any():
            raise Unusable(
                "has a mask in colours; name each class's colour in codes.txt, "
                "or save it as one code per pixel (grey or palette)"
            )
        values = values[..., 0]
    if values.dtype != np.uint8:
        if values.max(initial=0) > 255:
            raise Unusable(f"has a mask with the code {values.max()}; codes go up to 255")
        values = values.astype(np.uint8)
    return values


def _by_colour(pixels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Classes uint8 [H, W] of pixels uint8 [H, W, 3] by their very colour."""
    steps = np.array([1 << 16, 1 << 8, 1])
    known = colours.astype(np.int64) @ steps
    order = np.argsort(known)
    found = pixels.astype(np.int64) @ steps
    place = np.minimum(np.searchsorted(known[order], found), len(known) - 1)
    strange = known[order][place] != found
    if strange.any():
        red, green, blue = pixels[strange][0]
        raise Unusable(
            f"has a mask with the unknown colour ({red}, {green}, {blue}) in {strange.sum():,} pixels; "
            "add it to codes.txt or correct the mask"
        )
    return order[place].astype(np.uint8)
