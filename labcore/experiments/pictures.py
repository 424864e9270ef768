"""How every experiment on pictures begins: the data set decoded, split, and as batches on the device."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from labcore.data import block
from labcore.data.augment import Augment, preset
from labcore.data.batches import Batches, Normalisation, Transform
from labcore.data.items import Items
from labcore.data.splits import Split
from labcore.experiments.telling import describe as describe
from labcore.experiments.telling import say as say
from labcore.models.backbones import normalisation
from labcore.runs.job import Job
from labcore.specs import ImageSpec, Size
from labcore.training.learner import Data


def load(spec: ImageSpec, size: Size, job: Job) -> Items:
    """The data set at a size; drawing and decoding show their progress and can be stopped."""

    def progress(done: int, total: int, what: str) -> None:
        job.progress(done, total, what)
        job.stop_here()

    return block.load(spec.dataset, size, progress=progress)


def one_hot(items: Items) -> np.ndarray:
    """bool [N, C]: which labels each item has. An item without any has a row of zeros, which is an answer too."""
    truths = np.zeros((len(items), len(items.classes)), np.bool_)
    for row, labels in enumerate(items.table["labels"]):
        truths[row, list(labels)] = True
    return truths


def batches(
    spec: ImageSpec,
    items: Items,
    targets: Tensor | np.ndarray,
    split: Split,
    device: torch.device,
    vary: Callable[[str], Transform] | None = None,
) -> Data:
    """Training batches, shuffled and varied as the spec says, and valid batches as they are.

    ``vary`` makes the augmentation of a preset's name where targets have to move with their pictures.
    """
    common = {
        "batch_size": spec.batch_size,
        "device": device,
        "normalisation": Normalisation(*normalisation(spec.arch, spec.weights)),
        "seed": spec.seed,
    }
    varied = None if spec.augment == "none" else (vary or Varied)(spec.augment)
    return Data(
        Batches(items.images, targets, split.train, training=True, transform=varied, **common),
        Batches(items.images, targets, split.valid, **common),
    )


class Varied:
    """Augmentation as ``Batches`` calls it; it draws on the CPU, so that a GPU sees the same pictures."""

    def __init__(self, name: str) -> None:
        self.augment = Augment(preset(name))

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawing = torch.Generator().manual_seed(generator.initial_seed())
        varied, _, _ = self.augment(images, generator=drawing)
        return varied, targets
