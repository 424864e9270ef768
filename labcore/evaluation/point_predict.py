"""Points or angles from a head-pose run's ONNX export, by onnxruntime: the web process answers without torch."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labcore.errors import UserError
from labcore.evaluation.head_pose import to_pixels
from labcore.evaluation.predict import AT_ONCE, open_session

TASKS = ("points", "angles")
METHOD = "squish"
"""How pictures of another shape are brought to the card's size: whole, so that no point is cut off."""


def is_pointer(card: Mapping[str, Any]) -> bool:
    """Whether a card belongs to a model that points."""
    return card.get("task") in TASKS


class Pointer:
    """A run's export, ready to point.

    Args:
        onnx: the file's bytes.
        card: what the run says of it: ``points``, ``image_size``, ``task`` and ``scale``.

    Attributes:
        names: of the points, or of the angles.
        size: (height, width) of the pictures that it takes; bring others to it with the method ``squish``.
        angles: whether it says angles instead of points.

    Raises:
        UserError: the two do not belong together, or the file is damaged.
    """

    def __init__(self, onnx: bytes, card: Mapping[str, Any]) -> None:
        if not is_pointer(card):
            raise UserError("This run's model does not point. Choose a run of the lesson head pose.")
        self._session = open_session(onnx)
        try:
            self.names = tuple(str(name) for name in card["points"])
            height, width = card["image_size"]
            self.size = (int(height), int(width))
            self.angles = card["task"] == "angles"
            self._scale = float(card["scale"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The export's card is damaged ({error}). Train the run again.") from None
        shape = self._session.get_outputs()[0].shape
        said = shape[-1] if self.angles else shape[-2]
        if said != len(self.names):
            raise UserError(
                f"The export says {said} {card['task']} and its card names {len(self.names)}. Train the run again."
            )

    def unit(self, pictures: np.ndarray) -> np.ndarray:
        """What the net says, in the scale of its targets.

        Args:
            pictures: uint8 [n, height, width, 3] at ``size``, RGB.

        Returns:
            float32 [n, P, 2] as (x, y), -1 and 1 at the picture's edges; of angles [n, 1, A].

        Raises:
            ValueError: the pictures are of another size or type.
        """
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (*self.size, 3):
            raise ValueError(f"expected uint8 [n, {self.size[0]}, {self.size[1]}, 3], got {pictures.shape}")
        name = self._session.get_inputs()[0].name
        parts = [
            self._session.run(None, {name: np.ascontiguousarray(pictures[start : start + AT_ONCE])})[0]
            for start in range(0, len(pictures), AT_ONCE)
        ]
        last = (1, len(self.names)) if self.angles else (len(self.names), 2)
        return np.concatenate(parts) if parts else np.zeros((0, *last), np.float32)

    def point(self, pictures: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Points in pixels of the original pictures, or angles in degrees.

        Args:
            pictures: uint8 [n, height, width, 3] at ``size``.
            sizes: (width, height) of the original pictures, [n, 2] or one for all.

        Returns:
            float64 [n, P, 2], or [n, A] of angles.
        """
        unit = self.unit(pictures)
        return unit[:, 0].astype(np.float64) * self._scale if self.angles else to_pixels(unit, sizes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers that one picture gets: ``x_NAME`` and ``y_NAME`` per point, or the angles' own."""
        if self.angles:
            return self.names
        plain = [name.replace(" ", "_") for name in self.names]
        return tuple(f"{axis}_{name}" for name in plain for axis in "xy")


def to_csv(columns: Sequence[str], files: Sequence[str], found: np.ndarray) -> str:
    """A table of points that the lab takes as a data set again: ``image_name``, then a column per number.

    Args:
        columns: from ``Pointer.columns``.
        files: name of each picture.
        found: [n, ...] numbers of each picture, as ``Pointer.point`` gives them.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image_name", *columns])
    for name, numbers in zip(files, np.asarray(found).reshape(len(files), -1), strict=True):
        writer.writerow([name, *(f"{number:.2f}" for number in numbers)])
    return text.getvalue()
