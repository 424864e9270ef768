"""How large a network is, from a table that was counted once: free of torch, for pages that preview a plan."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from labcore.settings import REPOSITORY
from labcore.specs import Size, Stage
from labcore.training.plans import first_trained

FILE = REPOSITORY / "assets" / "sizes.json"
SIDE = 64
"""Side of the picture at which activations were counted; they grow with its square."""
HIDDEN = 512
"""Width of the head's hidden layer (``labcore.models.heads``)."""
BYTES = 4
PER_PARAMETER = 4
"""Copies of each trained parameter: itself, its gradient and Adam's two averages."""


@dataclass(frozen=True)
class Counted:
    """A network with a head for ``classes`` classes.

    Attributes:
        groups: parameters of early body, late body and head.
        batchnorm: those of them that belong to BatchNorm layers of the body.
        activations: numbers that one picture of ``SIDE`` pixels leaves behind on its way through the body.
    """

    groups: tuple[int, int, int]
    batchnorm: tuple[int, int, int]
    activations: int

    def split(self, stage: Stage, train_bn: bool) -> list[tuple[int, int]]:
        """(trainable, frozen) parameters of each group in a stage; without ``train_bn`` BatchNorm rests throughout."""
        first = first_trained(stage, len(self.groups))
        parts = []
        for index, (count, norms) in enumerate(zip(self.groups, self.batchnorm, strict=True)):
            on = (count if train_bn else count - norms) if index >= first else norms if train_bn else 0
            parts.append((on, count - on))
        return parts

    def megabytes(self, size: Size, batch: int) -> float:
        """Memory for training the whole net beside what the libraries themselves take: weights and activations."""
        height, width = (size, size) if isinstance(size, int) else size
        floats = sum(self.groups) * PER_PARAMETER + batch * self.activations * height * width / SIDE**2
        return floats * BYTES / 1e6


@lru_cache(maxsize=1)
def _table() -> dict[str, dict]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def known_archs() -> Sequence[str]:
    """The networks that were counted."""
    return tuple(_table())


def counted(arch: str, classes: int, head: str = "fastai") -> Counted | None:
    """A network's numbers with a head of ``labcore.models.heads.HEADS``; None where the table has none of it."""
    row = _table().get(arch)
    if row is None:
        return None
    channels = row["channels"]
    width = 2 * channels
    # fastai's: BatchNorm, linear, BatchNorm, linear; the other: weights and a bias per class.
    two_layers = 2 * width + width * HIDDEN + 2 * HIDDEN + HIDDEN * classes
    top = two_layers if head == "fastai" else (channels + 1) * classes
    return Counted((*row["body"], top), (*row["batchnorm"], 0), row["activations"])
