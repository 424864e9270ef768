"""Predictions from a run's ONNX export, by onnxruntime: the web process answers without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from labcore.errors import UserError
from labcore.evaluation.classification import softmax, top_classes

THREADS = 2
"""Threads of one prediction: a picture takes milliseconds, and a room full of browsers shares the server."""
AT_ONCE = 64
"""Pictures per call: bounds the memory of a folder full of pictures."""
SURE = 0.5
"""A sigmoid of at least this says "yes, this class" by itself; below it for all classes means "none of these"."""


def open_session(onnx: bytes) -> onnxruntime.InferenceSession:
    """An exported graph, ready to be run on the CPU.

    Raises:
        UserError: the file is damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime has an exception class per kind of damage, without a common base.
        raise UserError("The export is damaged and cannot be loaded. Train the run again.") from error


class Classifier:
    """A run's export, ready to answer.

    Args:
        onnx: the file's bytes, as ``labcore.models.export.to_onnx`` writes it.
        card: what the run says of it: ``classes`` and ``image_size``.

    Raises:
        UserError: the two do not belong together, or the file is damaged.
    """

    def __init__(self, onnx: bytes, card: Mapping[str, Any]) -> None:
        self._session = open_session(onnx)
        try:
            self.classes = tuple(str(name) for name in card["classes"])
            height, width = card["image_size"]
            self.size = (int(height), int(width))
            self.thresholds = self._thresholds_of(card)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The export's card is damaged ({error}). Train the run again.") from None
        outputs = self._session.get_outputs()[0].shape[-1]
        if outputs != len(self.classes):
            raise UserError(
                f"The export has {outputs} outputs and its card {len(self.classes)} classes. Train the run again."
            )

    def _thresholds_of(self, card: Mapping[str, Any]) -> np.ndarray | None:
        """[classes] of a multi-label model, as its card says them; None for one that names a single class."""
        if card.get("task") != "multi_label":
            return None
        chosen = card["thresholds"]["thresholds"]
        return np.array([float(chosen[name]) for name in self.classes])

    def labels(self, picture: np.ndarray) -> "Labels":
        """What a multi-label model says of one picture, uint8 [height, width, 3], at the thresholds of its card."""
        if self.thresholds is None:
            raise UserError(
                "This model names one class per picture. Train one with several labels, on the thresholds page."
            )
        probabilities = sigmoid(self.logits(picture[None])[1][0])
        said = [name for name, yes in zip(self.classes, probabilities > self.thresholds, strict=True) if yes]
        return Labels(said, dict(zip(self.classes, probabilities.tolist(), strict=True)))

    def logits(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both readings of pictures at the card's size.

        Args:
            pictures: uint8 [N, height, width, 3], RGB.

        Returns:
            Logits for softmax and logits for one sigmoid per class, float32 [N, classes] each.

        Raises:
            ValueError: the pictures are of another size or type.
        """
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (*self.size, 3):
            raise ValueError(f"expected uint8 [N, {self.size[0]}, {self.size[1]}, 3], got {pictures.shape}")
        name = self._session.get_inputs()[0].name
        parts = [
            self._session.run(None, {name: np.ascontiguousarray(pictures[start : start + AT_ONCE])})
            for start in range(0, len(pictures), AT_ONCE)
        ]
        if not parts:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros((0, len(self.classes)), np.float32)
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def answer(self, picture: np.ndarray, k: int = 5) -> "Answer":
        """What it says to one picture, uint8 [height, width, 3]."""
        logits, alone = (both[0] for both in self.logits(picture[None]))
        top = top_classes(softmax(logits), self.classes, k)
        by_itself = dict(zip(self.classes, sigmoid(alone).tolist(), strict=True))
        return Answer(top, [by_itself[name] for name, _ in top], max(by_itself.values()))


@dataclass(frozen=True)
class Labels:
    """The labels of one picture.

    Attributes:
        said: names whose probability lies above their threshold; none is an answer too.
        probabilities: of every class.
    """

    said: list[str]
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Answer:
    """One picture's answer, read in two ways.

    Attributes:
        top: (class, probability) by softmax, best first: shares of 100 % that always go to somebody.
        alone: for the same classes, the probability by a sigmoid of its own.
        surest: the highest sigmoid of all classes.
    """

    top: list[tuple[str, float]]
    alone: list[float]
    surest: float

    @property
    def none_of_these(self) -> bool:
        """Whether no class says yes for itself."""
        return self.surest < SURE


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Each class for itself, 0 to 1; safe for large logits."""
    logits = np.asarray(logits, np.float64)
    smaller = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1, smaller) / (1 + smaller)
