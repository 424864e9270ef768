"""How every experiment on pictures begins: the data set decoded, split, and as batches on the device."""

import numpy as np
import torch
from torch import Tensor

from labcore.data import block
from labcore.data.augment import Augment, preset
from labcore.data.batches import Batches, Normalisation
from labcore.data.items import Items
from labcore.data.splits import Split
from labcore.models.backbones import normalisation
from labcore.runs.job import Job
from labcore.specs import ImageSpec, Size
from labcore.training.learner import Data
from labcore.training.precision import Precision


def load(spec: ImageSpec, size: Size, job: Job) -> Items:
    """The data set at a size; drawing and decoding show their progress and can be stopped."""

    def progress(done: int, total: int, what: str) -> None:
        job.progress(done, total, what)
        job.stop_here()

    return block.load(spec.dataset, size, progress=progress)


def say(items: Items, split: Split, job: Job) -> None:
    """Leave on the run what its reader should know of the data: files left out, a doubtful split."""
    for warning in split.warnings:
        job.note(warning)
    if items.left_out:
        more = f" and {len(items.left_out) - 1} more" if len(items.left_out) > 1 else ""
        job.note(f"Left out: {items.left_out[0]}{more}")


def one_hot(items: Items) -> np.ndarray:
    """bool [N, C]: which labels each item has. An item without any has a row of zeros, which is an answer too."""
    truths = np.zeros((len(items), len(items.classes)), np.bool_)
    for row, labels in enumerate(items.table["labels"]):
        truths[row, list(labels)] = True
    return truths


def batches(spec: ImageSpec, items: Items, targets: Tensor, split: Split, device: torch.device) -> Data:
    """Training batches, shuffled and varied as the spec says, and valid batches as they are."""
    common = {
        "batch_size": spec.batch_size,
        "device": device,
        "normalisation": Normalisation(*normalisation(spec.arch, spec.weights)),
        "seed": spec.seed,
    }
    varied = None if spec.augment == "none" else Varied(spec.augment)
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


def describe(job: Job, precision: Precision) -> None:
    """Record on the run where it trains and in which number format."""
    cuda = precision.device.type == "cuda"
    job.describe(
        device=torch.cuda.get_device_name(precision.device) if cuda else f"CPU, {torch.get_num_threads()} threads",
        environment={"precision": precision.name, "torch": torch.__version__, "threads": torch.get_num_threads()},
    )
    if precision.note:
        job.note(precision.note)
