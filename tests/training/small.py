"""A job that lives in memory, a net of a few hundred weights and pictures of coloured noise: enough to train in."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from labcore.data.batches import Batches
from labcore.training.learner import Data, Learner
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve

CLASSES = 4
TRAIN, VALID = 40, 12
BATCH = 8


class Stopped(Exception):
    pass


class MemoryJob:
    """A job without a disk. ``when(job)`` is asked whenever training asks whether to stop."""

    def __init__(self, when: Callable[["MemoryJob"], bool] = lambda job: False, restores: bytes | None = None) -> None:
        self.when, self.restores = when, restores
        self.series: dict[str, dict[int, float]] = {}
        self.saved: dict[str, bytes] = {}
        self.notes: list[str] = []
        self.asked = 0
        self.last_checkpoint: bytes | None = None
        self.turns = 0

    @property
    def stop_requested(self) -> bool:
        self.asked += 1
        return self.when(self)

    def stop_here(self) -> None:
        raise Stopped

    def log(self, series: str, step: int, value: float) -> None:
        self.series.setdefault(series, {})[step] = value

    def log_many(self, series, steps, values) -> None:
        self.series.setdefault(series, {}).update(zip(steps, values, strict=True))

    def save(self, name, value) -> None:
        self.saved[name] = value

    def progress(self, done, total, message="") -> None:
        assert 0 <= done <= total

    def note(self, text) -> None:
        self.notes.append(text)

    def checkpoint(self, data, step) -> None:
        self.last_checkpoint = data

    def restore(self) -> bytes | None:
        return self.restores

    def turn(self) -> None:
        self.turns += 1


class SmallNet(nn.Module):
    """Two convolutions with BatchNorm and a head with dropout, in three groups."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.early = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.late = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(8, CLASSES))

    @property
    def body(self) -> nn.Module:
        return nn.Sequential(self.early, self.late)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.late(self.early(x)))

    def groups(self) -> list[list[nn.Parameter]]:
        return [list(part.parameters()) for part in (self.early, self.late, self.head)]


def pictures(n: int = TRAIN + VALID) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [n, 16, 16, 3] noise whose mean colour tells the class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, n)
    return (rng.integers(0, 90, (n, 16, 16, 3)) + 50 * labels[:, None, None, None]).astype(np.uint8), labels


def jitter(images: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A transform that draws: each picture shifted in brightness."""
    shift = torch.rand(len(images), 1, 1, 1, generator=generator)
    return (images.float() / 255 + 0.1 * shift).clamp(0, 1), y


def error_rate(predictions: Tensor, y: Tensor) -> Tensor:
    return (predictions.argmax(1) != y).float().mean()


def small_learner(net: nn.Module | None = None, seed: int = 0, transform=jitter, **options) -> Learner:
    if net is None:
        torch.manual_seed(1)
        net = SmallNet()
    net = net.to(memory_format=torch.channels_last)
    images, labels = pictures()
    shared = {"batch_size": BATCH, "seed": seed}
    train = Batches(images, labels, range(TRAIN), training=True, transform=transform, **shared)
    valid = Batches(images, labels, range(TRAIN, TRAIN + VALID), **shared)
    options = {"metrics": {"error_rate": error_rate}, "seed": seed} | options
    loss = nn.functional.cross_entropy
    return Learner(net, adamw(net), loss, Data(train, valid), resolve("auto", torch.device("cpu")), **options)


def same(a, b):
    """Whether two states are equal bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b
