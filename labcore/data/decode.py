"""Open one picture, whatever it is, turn it upright and presize it; or say in a sentence why it is unusable."""

import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from labcore.data.fit import Geometry, Method, Resize, coarsest, fitted, fitted_codes, presize

try:
    import simplejpeg  # libjpeg-turbo without Pillow's detours: 1.4 times as fast on the same file
except ImportError:  # no wheel for this machine: Pillow decodes JPEGs too
    simplejpeg = None

__all__ = ["Geometry", "Method", "Unusable", "presize", "read_picture", "resize_array", "resize_codes"]

MOST_PIXELS = 64_000_000
"""8000 x 8000: above every common camera, below what would take a small machine's memory (192 MB decoded)."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Only these decoders ever see a file: the more exotic ones are where surprises live."""
SCRATCH_BYTES = 16 << 20
"""Decoded pictures up to this size share one piece of memory per thread; fresh memory costs a page fault per 4 KB."""
_ORIENTATION = 0x0112
_EXIF = b"Exif\0\0"
_TABLES = b"\xff\xdb"
"""A JPEG's first quantisation table: EXIF stands before it."""
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}
"""EXIF's eight ways to hold a camera, as quarter turns to the left and whether left and right are swapped after."""

_own = threading.local()


class Unusable(Exception):
    """This file cannot be used; the message is the second half of a sentence that starts with its name."""


def read_picture(
    path: Path | str,
    size: tuple[int, int],
    method: Method = "crop",
    *,
    resize: Resize | None = None,
    to: np.ndarray | None = None,
) -> tuple[np.ndarray, Geometry]:
    """Decode and presize one picture.

    JPEGs are decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that still covers ``size``: libjpeg then skips most of the
    inverse transform. Animations give their first frame, transparency shows white, 16 bit becomes 8. Between machines,
    pixels may differ in their last bit, as libjpeg's and Pillow's vector instructions do.

    Args:
        path: the file.
        size: (height, width) wanted.
        method: see ``presize``.
        resize: how pixels are brought to size; None takes Pillow.
        to: uint8 [height, width, 3] to fill; None makes one.

    Returns:
        uint8 [height, width, 3] in RGB, and where its pixels came from.

    Raises:
        Unusable: empty, cut off, too large, or no picture.
    """
    to = np.empty((*size, 3), np.uint8) if to is None else to
    try:
        found = _quick_jpeg(path, size, method)
        pixels, where = found if found is not None else _by_pillow(path, size, method)
        return fitted(pixels, where, to, resize), where
    except Unusable:
        raise
    except Exception as error:
        # Pillow's decoders raise whatever the damaged bytes lead them to: OSError, SyntaxError, struct.error, ...
        raise Unusable(reason(error)) from None


def _quick_jpeg(path: Path | str, size: tuple[int, int], method: Method) -> tuple[np.ndarray, Geometry] | None:
    """An everyday JPEG by libjpeg-turbo itself; None for what Pillow has to look at: other files, CMYK, damage."""
    if simplejpeg is None or not str(path).lower().endswith((".jpg", ".jpeg")):
        return None
    data = _read(path)
    if data is None:
        return None
    try:
        stored_height, stored_width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if colours in ("CMYK", "YCCK") or stored_height * stored_width > MOST_PIXELS:
        return None
    orientation = _told_by_exif(data)
    sideways = orientation in _TURNS and _TURNS[orientation][0] % 2 == 1
    width, height = (stored_height, stored_width) if sideways else (stored_width, stored_height)
    step = coarsest(width, height, size, method)
    down, across = -(-stored_height // step), -(-stored_width // step)
    try:
        pixels = simplejpeg.decode_jpeg(
            data,
            min_height=down,
            min_width=across,
            # Smooth colour planes are for looking at every pixel; here neighbours are about to be mixed.
            fastupsample=step > 1,
            buffer=_scratch(down * across * 3),
        )
    except ValueError:
        return None
    if pixels.shape != (down, across, 3):
        return None
    if orientation in _TURNS:
        quarters, mirrored = _TURNS[orientation]
        pixels = np.rot90(pixels, quarters)
        pixels = pixels[:, ::-1] if mirrored else pixels
    return pixels, presize(width, height, size, method, step)


def _read(path: Path | str) -> bytes | None:
    """A file's bytes; None for one that is too large to be a JPEG of ``MOST_PIXELS``.

    By the fewest calls: each of them lets go of the interpreter's lock, which other decoding threads are waiting for.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size = os.fstat(file).st_size
        return os.read(file, size) if size <= 3 * MOST_PIXELS else None
    finally:
        os.close(file)


def _by_pillow(path: Path | str, size: tuple[int, int], method: Method) -> tuple[np.ndarray, Geometry]:
    with open_file(path) as picture:
        orientation = _orientation(picture)
        width, height = picture.size[::-1] if orientation in (5, 6, 7, 8) else picture.size
        step, stored = 1, picture.size
        if picture.format == "JPEG":
            wanted = coarsest(width, height, size, method)
            picture.draft(None, (max(1, stored[0] // wanted), max(1, stored[1] // wanted)))
            ceiled = {(-(-stored[0] // each), -(-stored[1] // each)): each for each in (8, 4, 2, 1)}
            step = ceiled[picture.size]
        return np.asarray(_upright(to_rgb(picture), orientation)), presize(width, height, size, method, step)


def _told_by_exif(data: bytes) -> int:
    """The orientation that a JPEG carries, 1 if it does not say; parsing EXIF costs as much as a small picture."""
    at = data.find(_EXIF, 0, max(data.find(_TABLES), 0))
    if at < 0:
        return 1
    exif = Image.Exif()
    exif.load(data[at : at + (1 << 16)])
    return exif.get(_ORIENTATION, 1)


def _scratch(count: int) -> np.ndarray:
    """Writable bytes of this thread, overwritten by its next picture."""
    if count > SCRATCH_BYTES:
        return np.empty(count, np.uint8)
    kept = getattr(_own, "scratch", None)
    if kept is None or len(kept) < count:
        kept = _own.scratch = np.empty(max(count, 1 << 20), np.uint8)
    return kept[:count]


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
    where = presize(image.shape[1], image.shape[0], size, method)
    return fitted(image, where, np.empty((*size, 3), np.uint8)), where


def resize_codes(mask: np.ndarray, size: tuple[int, int], method: Method, fill: int) -> np.ndarray:
    """Presize a mask that is an array already, uint8 [H, W], nearest pixel."""
    return fitted_codes(mask, presize(mask.shape[1], mask.shape[0], size, method), size, fill)


def open_picture(path: Path) -> Image.Image:
    """Open a picture upright at its full size, for pages that show the file itself.

    Raises:
        Unusable: see ``read_picture``.
    """
    try:
        with open_file(path) as picture:
            return _upright(to_rgb(picture), _orientation(picture))
    except Unusable:
        raise
    except Exception as error:
        raise Unusable(reason(error)) from None


def open_file(path: Path | str) -> Image.Image:
    """A file as Pillow opens it, by the decoders of ``FORMATS`` alone; pixels are not read yet.

    Raises:
        Unusable: it is empty or has too many pixels. What Pillow raises for other files, ``reason`` puts in words.
    """
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


def reason(error: Exception) -> str:
    """Why a file cannot be read, as the second half of a sentence that starts with its name."""
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
