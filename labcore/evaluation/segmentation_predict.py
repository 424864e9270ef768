"""Masks of any picture from a run's ONNX export, by onnxruntime: the web process answers without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

from labcore.errors import UserError
from labcore.evaluation.segmentation_files import codes_text, write_mask

THREADS = 2
"""Threads of one prediction: a room full of browsers shares the server."""
AT_ONCE = 4
"""Tiles per call: bounds the memory of a large picture."""
OVERLAP = 0.25
"""Share of a tile that its neighbour sees too: at a tile's edge the net knows only one side."""
MOST_DETAIL = 8.0
"""A picture is looked at as closely as this at most: in some hundred tiles."""
SQUEEZE = 1.15
"""A picture that is longer than the frame by less than this is squeezed into one tile."""
STRIP = 2**22
"""Numbers per strip while probabilities are brought to the picture's own size, so that 8000 x 8000 needs no GB."""


@dataclass(frozen=True)
class Answer:
    """The mask of one picture.

    Attributes:
        mask: uint8 [H, W] codes, at the picture's own size.
        sure: float32 [h, w], the probability of the class that won, at the size that the net looked at.
        shares: of the picture's pixels by class name, the largest first; what never occurs is left out.
        tiles: how many were looked at.
    """

    mask: np.ndarray
    sure: np.ndarray
    shares: dict[str, float]
    tiles: int


class Segmenter:
    """A run's export, ready to answer.

    Args:
        onnx: the file's bytes, as ``labcore.models.export_masks`` writes it.
        card: what the run says of it: ``classes``, ``colors``, ``image_size``.

    Raises:
        UserError: the two do not belong together, or the file is damaged.
    """

    def __init__(self, onnx: bytes, card: Mapping[str, Any]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.log_severity_level = 3
        try:
            if card["task"] != "masks":
                raise UserError("This run's model gives no masks. Choose a segmentation run.")
            self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
            self.classes = tuple(str(name) for name in card["classes"])
            self.colors = [tuple(int(part) for part in colour) for colour in card["colors"]]
            height, width = card["image_size"]
            self.size = (int(height), int(width))
        except UserError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The export's card is damaged ({error}). Train the run again.") from None
        except Exception as error:
            # onnxruntime has an exception class per kind of damage, without a common base.
            raise UserError("The export is damaged and cannot be loaded. Train the run again.") from error
        outputs = self._session.get_outputs()[0].shape[1]
        if outputs != len(self.classes) or len(self.colors) != len(self.classes):
            raise UserError(
                f"The export has {outputs} outputs and its card {len(self.classes)} classes. Train the run again."
            )

    def answer(self, picture: np.ndarray, detail: float = 1.0) -> Answer:
        """The mask of one picture of any size.

        The picture is scaled, without changing its shape, until it just covers the frame that the net was trained on
        (times ``detail``), and looked at in overlapping tiles of that frame; a picture of the frame's own shape is one
        tile. Where tiles overlap their probabilities are averaged, weighted by how far from the tile's edge they lie.

        Args:
            picture: uint8 [H, W, 3], RGB.
            detail: above 1 looks closer, in more tiles: for pictures whose things are smaller than those taught.

        Raises:
            UserError: a detail out of range.
            ValueError: the picture is of another type or has no pixel.
        """
        if not 1 <= detail <= MOST_DETAIL:
            raise UserError(f"A detail of {detail:g} cannot be had. Choose 1 (as taught) to {MOST_DETAIL:g} (closer).")
        picture = np.asarray(picture)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ValueError(f"expected uint8 [H, W, 3], got {picture.dtype} {picture.shape}")
        looked = self._scaled(picture, detail)
        probabilities, tiles = self._blended(looked)
        mask = _at_size(probabilities, picture.shape[:2])
        counts = np.bincount(mask.ravel(), minlength=len(self.classes)) / mask.size
        order = np.argsort(-counts, kind="stable")
        shares = {self.classes[code]: float(counts[code]) for code in order if counts[code]}
        return Answer(mask, probabilities.max(0), shares, tiles)

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """float32 [N, C, h, w] of pictures uint8 [N, h, w, 3] at the card's size."""
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (*self.size, 3):
            raise ValueError(f"expected uint8 [N, {self.size[0]}, {self.size[1]}, 3], got {pictures.shape}")
        name = self._session.get_inputs()[0].name
        parts = [
            self._session.run(None, {name: np.ascontiguousarray(pictures[start : start + AT_ONCE])})[0]
            for start in range(0, len(pictures), AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes), *self.size), np.float32)

    def png(self, mask: np.ndarray) -> bytes:
        """The mask as an indexed PNG in the classes' colours."""
        return write_mask(mask, self.colors)

    def codes(self) -> str:
        """``codes.txt``: what each number in the PNG means."""
        return codes_text(self.classes)

    def _scaled(self, picture: np.ndarray, detail: float) -> np.ndarray:
        height, width = picture.shape[:2]
        cover = max(self.size[0] / height, self.size[1] / width) * detail
        to = []
        for side, at in zip(self.size, (height, width), strict=True):
            # Almost the frame's shape is squeezed into it, as in training; so is a strip of a hundred tiles.
            wanted = side * detail if at * cover < side * detail * SQUEEZE else at * cover
            to.append(min(round(wanted), round(side * MOST_DETAIL)))
        if tuple(to) == (height, width):
            return picture
        image = Image.fromarray(picture).resize((to[1], to[0]), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(image)

    def _blended(self, looked: np.ndarray) -> tuple[np.ndarray, int]:
        height, width = looked.shape[:2]
        corners = [(top, left) for top in _starts(height, self.size[0]) for left in _starts(width, self.size[1])]
        if len(corners) == 1:
            return self.probabilities(looked[None])[0], 1
        weight = np.minimum.outer(_ramp(self.size[0]), _ramp(self.size[1]))
        total = np.zeros((len(self.classes), height, width), np.float32)
        weights = np.zeros((height, width), np.float32)
        for start in range(0, len(corners), AT_ONCE):
            some = corners[start : start + AT_ONCE]
            tiles = np.stack([looked[y : y + self.size[0], x : x + self.size[1]] for y, x in some])
            for (top, left), found in zip(some, self.probabilities(tiles), strict=True):
                at = np.s_[top : top + self.size[0], left : left + self.size[1]]
                total[:, at[0], at[1]] += found * weight
                weights[at] += weight
        return total / weights, len(corners)


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin so that they cover the length and overlap by at least ``OVERLAP``, evenly."""
    if length <= tile:
        return [0]
    count = 1 + int(np.ceil((length - tile) / (tile * (1 - OVERLAP))))
    return np.linspace(0, length - tile, count).round().astype(int).tolist()


def _ramp(side: int) -> np.ndarray:
    """float32 [side]: 1 in the middle, falling to almost nothing at both edges."""
    from_edge = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1
    return np.minimum(from_edge / (side * OVERLAP), 1.0).astype(np.float32)


def _at_size(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W]: the likeliest class at every pixel of a size, strip by strip, probabilities in between smoothed."""
    classes, height, width = probabilities.shape
    if (height, width) == tuple(size):
        return probabilities.argmax(0).astype(np.uint8)
    mask = np.empty(size, np.uint8)
    planes = [Image.fromarray(plane) for plane in np.ascontiguousarray(probabilities, np.float32)]
    rows = max(1, STRIP // (classes * size[1]))
    for top in range(0, size[0], rows):
        bottom = min(top + rows, size[0])
        box = (0, top * height / size[0], width, bottom * height / size[0])
        strip = [plane.resize((size[1], bottom - top), Image.Resampling.BILINEAR, box=box) for plane in planes]
        mask[top:bottom] = np.stack([np.asarray(part) for part in strip]).argmax(0)
    return mask
