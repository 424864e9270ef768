"""Batches from pictures that lie on the device as bytes: gathered, augmented and normalised there.

The training loop never waits for files, decoding or worker processes: a batch of 64 at 64 px costs about a
millisecond on a CPU and three kernel launches on a GPU.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from labcore.errors import UserError
from labcore.training.streams import generator

RESIDENT_SHARE = 0.5
"""Pictures live on a GPU if they fill at most this share of its free memory; the rest is for the work."""
WHITE = 255.0

Transform = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""(uint8 images [B, C, H, W], targets, generator) to (images, targets): uint8 stays 0..255, floats come in 0..1."""


class Batch(NamedTuple):
    """One batch on the device.

    Attributes:
        x: float32 [B, C, H, W], normalised, channels last in memory.
        y: targets [B, ...].
        index: int64 [B] on the CPU, which items these are.
    """

    x: Tensor
    y: Tensor
    index: Tensor


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation per channel, of pictures scaled to 0..1."""

    mean: Sequence[float] = (0.485, 0.456, 0.406)
    std: Sequence[float] = (0.229, 0.224, 0.225)


class Batches:
    """The batches of one split of a data set.

    Args:
        images: uint8 [N, H, W, C], array, memory map or tensor. On a CPU it is used in place.
        targets: [N, ...], one for each image.
        indices: which items belong to the split; all by default.
        batch_size: items per batch; the whole split if it is smaller.
        device: where batches are made.
        normalisation: of the body's weights.
        training: shuffle anew each epoch, drop the last incomplete batch, apply ``transform``.
        transform: varies a batch of uint8 images and its targets; its draws come from the stream of (seed, epoch,
            batch).
        seed: seed of shuffling and augmentation.

    Raises:
        UserError: the split is empty, or a training batch of one picture is asked for.
    """

    def __init__(
        self,
        images: np.ndarray | Tensor,
        targets: np.ndarray | Tensor,
        indices: Sequence[int] | np.ndarray | None = None,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        normalisation: Normalisation = Normalisation(),
        training: bool = False,
        transform: Transform | None = None,
        seed: int = 0,
    ) -> None:
        self.device = torch.device(device)
        self.images = _settle(_as_tensor(images), self.device)
        self.targets = _as_tensor(targets).to(self.device)
        self.indices = torch.arange(len(images)) if indices is None else torch.as_tensor(np.array(indices, np.int64))
        if len(self.indices) == 0:
            raise UserError("There are no pictures in this split. Take more pictures or another split.")
        self.batch_size = min(batch_size, len(self.indices))
        if training and self.batch_size < 2:
            raise UserError(
                "A training batch needs at least 2 pictures, for BatchNorm. Raise batch_size or add pictures."
            )
        self.training = training
        self.transform = transform
        self.seed = seed
        mean = torch.tensor(normalisation.mean, dtype=torch.float32, device=self.device).view(1, -1, 1, 1)
        std = torch.tensor(normalisation.std, dtype=torch.float32, device=self.device).view(1, -1, 1, 1)
        self._scale, self._shift = 1 / std, -mean / std
        self._scale_bytes = self._scale / WHITE

    def __len__(self) -> int:
        """Batches per epoch."""
        whole, rest = divmod(len(self.indices), self.batch_size)
        return whole if self.training else whole + (rest > 0)

    @property
    def items(self) -> int:
        """Items seen in one epoch."""
        return len(self) * self.batch_size if self.training else len(self.indices)

    def order(self, epoch: int) -> Tensor:
        """int64 [items], the items of an epoch in the order in which they are seen."""
        if not self.training:
            return self.indices
        shuffled = torch.randperm(len(self.indices), generator=generator(self.seed, "shuffle", epoch))
        return self.indices[shuffled[: self.items]]

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from batch number ``start`` on; the same ones whenever asked."""
        order = self.order(epoch)
        for number in range(start, len(self)):
            index = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield self.make(index, (epoch, number))

    def make(self, index: Tensor, draw: tuple[int, int] = (0, 0)) -> Batch:
        """One batch of the given items; ``draw`` names the stream of its augmentation."""
        images, y = self._gather(index)
        if self.transform is not None and self.training:
            images, y = self.transform(images, y, generator(self.seed, "augment", *draw, device=self.device))
        return Batch(self.normalise(images), y, index)

    def normalise(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W], bytes or floats in 0..1, as the network wants them."""
        scale = self._scale_bytes if images.dtype == torch.uint8 else self._scale
        x = torch.mul(images, scale).add_(self._shift)
        return x.contiguous(memory_format=torch.channels_last)

    def subset(self, items: int) -> "Batches":
        """The first ``items`` of this split as a split of its own, sharing the pictures."""
        part = object.__new__(Batches)
        part.__dict__.update(self.__dict__)
        part.indices = self.indices[:items]
        part.batch_size = min(self.batch_size, len(part.indices))
        return part

    def _gather(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [B, C, H, W], channels last because the pictures lie so, and targets."""
        there = index.to(self.device, non_blocking=True)
        if self.images.device == self.device:
            images = self.images.index_select(0, there)
        else:
            images = self.images.index_select(0, index).pin_memory().to(self.device, non_blocking=True)
        return images.permute(0, 3, 1, 2), self.targets.index_select(0, there)


def _as_tensor(values: np.ndarray | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values
    with warnings.catch_warnings():
        # Nothing here writes into the pictures, so a read-only memory map may be shared instead of copied.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(values))


def _settle(images: Tensor, device: torch.device) -> Tensor:
    """The pictures on the device, if they leave room for the work."""
    if device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(device)
    return images.to(device) if images.nbytes <= RESIDENT_SHARE * free else images
