"""Open one picture or mask, whatever it is, turn it upright and presize it; or say in a sentence why it is unusable."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from labcore.data.labels import UNKNOWN_CODE

Method = Literal["crop", "squish", "pad"]
MOST_PIXELS = 64_000_000
"""8000 x 8000: above every common camera, below what would take a small machine's memory (192 MB decoded)."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Only these decoders ever see a file: the more exotic ones are where surprises live."""
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


class Unusable(Exception):
    """This file cannot be used; the message is the second half of a sentence that starts with its name."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a source pixel lands: ``presized = source * scale + shift`` for x and y, and the upright source size."""

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float
    width: int
    height: int


def presize(width: int, height: int, size: tuple[int, int], method: Method) -> Geometry:
    """How a picture of ``width`` x ``height`` fits into ``size`` (height, width).

    ``crop`` scales until the picture covers the frame and cuts the centre out (fastai's ``Resize`` at validation),
    ``squish`` stretches both sides to fit, ``pad`` scales until it fits and leaves bars.
    """
    to_height, to_width = size
    x, y = to_width / width, to_height / height
    if method == "crop":
        x = y = max(x, y)
    elif method == "pad":
        x = y = min(x, y)
    return Geometry(x, y, (to_width - width * x) / 2, (to_height - height * y) / 2, width, height)


def read_picture(path: Path | str, size: tuple[int, int], method: Method = "crop") -> tuple[np.ndarray, Geometry]:
    """Decode and presize one picture.

    JPEGs are decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that still covers ``size``: libjpeg then skips most of the
    inverse transform. Animations give their first frame, transparency shows white, 16 bit becomes 8.

    Args:
        path: the file.
        size: (height, width) wanted.
        method: see ``presize``.

    Returns:
        uint8 [height, width, 3] in RGB, and where its pixels came from.

    Raises:
        Unusable: empty, cut off, too large, or no picture.
    """
    try:
        with _open(path) as picture:
            orientation = _orientation(picture)
            width, height = picture.size[::-1] if orientation in _SIDEWAYS else picture.size
            geometry = presize(width, height, size, method)
            most = max(geometry.scale_x, geometry.scale_y)
            if picture.format == "JPEG" and most < 1:
                picture.draft(None, (math.ceil(picture.width * most), math.ceil(picture.height * most)))
            rgb = _upright(to_rgb(picture), orientation)
            return _fit(rgb, geometry, size, method, Image.Resampling.BILINEAR), geometry
    except Unusable:
        raise
    except Exception as error:
        # Pillow's decoders raise whatever the damaged bytes lead them to: OSError, SyntaxError, struct.error, ...
        raise Unusable(_reason(error)) from None


def read_mask(
    path: Path | str, size: tuple[int, int], method: Method, codes: np.ndarray, source: tuple[int, int], fill: int
) -> np.ndarray:
    """Decode one mask and presize it like its picture, nearest pixel, so that no code is invented between two.

    Args:
        path: a picture whose pixel values (grey or palette numbers) are codes.
        size: (height, width) wanted.
        method: as for its picture.
        codes: uint8 [256], pixel value to class.
        source: (width, height) of its picture; the mask must have the same.
        fill: class of the bars that ``pad`` leaves.

    Returns:
        uint8 [height, width] of classes.

    Raises:
        Unusable: missing, damaged, of another size, in colours, or with a value that ``codes`` does not define.
    """
    try:
        with _open(path) as picture:
            values = raw_codes(picture)
    except Unusable:
        raise
    except FileNotFoundError:
        raise Unusable(f"has no mask: {Path(path).name} is missing") from None
    except Exception as error:
        raise Unusable("has a mask that cannot be read: it " + _reason(error)) from None
    if values.shape[::-1] != source:
        raise Unusable(
            f"is {source[0]} x {source[1]} pixels and its mask {values.shape[1]} x {values.shape[0]}; "
            "save both at one size"
        )
    classes = codes[values]
    if (classes == UNKNOWN_CODE).any():
        unknown = np.unique(values[classes == UNKNOWN_CODE])
        shown = ", ".join(map(str, unknown[:5]))
        raise Unusable(f"has a mask with the unknown code {shown}; add it to the codes or correct the mask")
    geometry = presize(*source, size, method)
    return _fit(Image.fromarray(classes), geometry, size, method, Image.Resampling.NEAREST, fill)


def raw_codes(picture: Image.Image) -> np.ndarray:
    """The pixel values of a mask, uint8 [H, W]: grey levels, palette numbers, or three equal channels.

    Raises:
        Unusable: the mask is painted in colours, or has codes above 255.
    """
    if picture.mode == "1":
        return np.asarray(picture).astype(np.uint8)
    values = np.asarray(picture)
    if values.ndim == 3:
        if (values[..., :1] != values[..., 1 : min(3, values.shape[2])]).any() and values.shape[2] >= 3:
            raise Unusable("has a mask in colours; save it as one code per pixel (grey or palette)")
        values = values[..., 0]
    if values.dtype != np.uint8:
        if values.max(initial=0) > 255:
            raise Unusable(f"has a mask with the code {values.max()}; codes go up to 255")
        values = values.astype(np.uint8)
    return values


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode as 8-bit RGB: transparency over white, 16 bit and floats scaled to 8 bit, CMYK converted."""
    if picture.mode == "RGB":
        picture.load()
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture).astype(np.float64)
        low, high = np.nanmin(values), np.nanmax(values)
        if picture.mode.startswith("I") and low >= 0:
            values = values / 257 if high > 255 else values
        elif high > low:
            values = (values - low) * (255 / (high - low))
        return Image.fromarray(np.nan_to_num(values).clip(0, 255).astype(np.uint8)).convert("RGB")
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def resize_array(image: np.ndarray, size: tuple[int, int], method: Method) -> tuple[np.ndarray, Geometry]:
    """Presize a picture that is an array already, uint8 [H, W, 3]."""
    geometry = presize(image.shape[1], image.shape[0], size, method)
    return _fit(Image.fromarray(image), geometry, size, method, Image.Resampling.BILINEAR), geometry


def resize_codes(mask: np.ndarray, size: tuple[int, int], method: Method, fill: int) -> np.ndarray:
    """Presize a mask that is an array already, uint8 [H, W], nearest pixel."""
    geometry = presize(mask.shape[1], mask.shape[0], size, method)
    return _fit(Image.fromarray(mask), geometry, size, method, Image.Resampling.NEAREST, fill)


def open_picture(path: Path) -> Image.Image:
    """Open a picture upright at its full size, for pages that show the file itself.

    Raises:
        Unusable: see ``read_picture``.
    """
    try:
        with _open(path) as picture:
            return _upright(to_rgb(picture), _orientation(picture))
    except Unusable:
        raise
    except Exception as error:
        raise Unusable(_reason(error)) from None


def _open(path: Path | str) -> Image.Image:
    try:
        picture = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        if os.stat(path).st_size == 0:  # noqa: PTH116 - path may be a plain string
            raise Unusable("is empty (zero bytes)") from None
        raise
    width, height = picture.size
    if width * height > MOST_PIXELS:
        picture.close()
        raise Unusable(
            f"has {width:,} x {height:,} pixels, more than {MOST_PIXELS // 1_000_000} million; save it smaller"
        )
    return picture


def _orientation(picture: Image.Image) -> int:
    # Parsing EXIF costs as much as decoding a small JPEG; most files have none.
    if "exif" not in picture.info and picture.format == "JPEG":
        return 1
    return picture.getexif().get(_ORIENTATION, 1)


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    if orientation not in range(2, 9):
        return picture
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    picture = picture.copy()
    picture.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(picture)


def _fit(
    picture: Image.Image,
    geometry: Geometry,
    size: tuple[int, int],
    method: Method,
    resample: Image.Resampling,
    fill: int = 0,
) -> np.ndarray:
    height, width = size
    # A drafted picture is smaller than its source: the box is in its own pixels.
    by_x, by_y = picture.width / geometry.width, picture.height / geometry.height
    if method == "pad":
        inner = (max(1, round(geometry.width * geometry.scale_x)), max(1, round(geometry.height * geometry.scale_y)))
        small = np.asarray(picture.resize(inner, resample))
        frame = np.full((height, width, *small.shape[2:]), fill, np.uint8)
        top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
        frame[top : top + inner[1], left : left + inner[0]] = small
        return frame
    left, top = -geometry.shift_x / geometry.scale_x, -geometry.shift_y / geometry.scale_y
    box = (
        max(0.0, left * by_x),
        max(0.0, top * by_y),
        min(picture.width, (left + width / geometry.scale_x) * by_x),
        min(picture.height, (top + height / geometry.scale_y) * by_y),
    )
    if picture.size == (width, height) and box == (0.0, 0.0, width, height):
        return np.asarray(picture)
    gap = None if resample == Image.Resampling.NEAREST else 2.0
    return np.asarray(picture.resize((width, height), resample, box=box, reducing_gap=gap))


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "is no picture that can be read (JPEG, PNG, WebP, GIF, BMP or TIFF)"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {MOST_PIXELS // 1_000_000} million pixels; save it smaller"
    if isinstance(error, FileNotFoundError):
        return "is missing"
    if isinstance(error, PermissionError):
        return "may not be read"
    text = str(error)
    if "truncated" in text or "Truncated" in text:
        return "is cut off: its end is missing"
    return f"is damaged ({text[:120] or type(error).__name__})"
