"""The pictures and masks of a segmentation: at any size, split, and moved together when they are varied."""

import dataclasses
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from labcore.data import block, registry, splits
from labcore.data.augment import Augment, preset
from labcore.data.batches import Batches, Normalisation
from labcore.data.items import Items
from labcore.data.real.camvid import ELEVEN, eleven_of
from labcore.errors import UserError
from labcore.evaluation import segmentation as judge
from labcore.experiments import staged, telling
from labcore.models.backbones import normalisation
from labcore.runs.job import Job
from labcore.specs import SegmentationSpec, Size
from labcore.training.learner import Data

SMALLEST_SIDE = 32
"""Bodies shrink pictures 32 times: below this no single feature is left at the bottom of the U."""
NO_VOID = -100
"""What the loss leaves out where a set has no void: a code that never occurs (PyTorch's own default)."""


class VariedMasks:
    """Augmentation as ``Batches`` calls it: masks move with their pictures, and what comes from outside is void."""

    def __init__(self, name: str, void: int | None) -> None:
        self.augment = Augment(preset(name), void=void)

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        # Drawn on the CPU, so that a GPU sees the same pictures.
        drawing = torch.Generator().manual_seed(generator.initial_seed())
        varied, masks, _ = self.augment(images, targets, generator=drawing)
        return varied, masks


class Scenes:
    """Pictures and masks at every size that the plan asks for.

    Attributes:
        classes, void: the codes; void is None where a set has none.
        names: item of each row.
        train, valid, test: rows; pictures of which every pixel is void are in none.
        pixels: int64 [N, C], of each class in each mask at the first size.
        shares: float64 [C], of the known training pixels.
    """

    def __init__(self, spec: SegmentationSpec, sizes: list[Size], device: torch.device, job: Job) -> None:
        self.spec, self.device, self.job = spec, device, job
        for size in sizes:
            if min(staged.height_width(size)) < SMALLEST_SIDE:
                raise UserError(
                    f"At {min(staged.height_width(size))} pixels no feature is left at the bottom of the U. "
                    f"Take {SMALLEST_SIDE} or more."
                )
        self.items = lru_cache(maxsize=2)(self._load)
        items = self.items(sizes[0])
        split = block.split(items, spec.dataset)
        telling.say(items, split, job)
        leaked = splits.leak(split, items.table["group"]) if "group" in items.table else 0.0
        if leaked:
            more = " The test split says more." if len(split.test) else ""
            job.note(f"{leaked:.0%} of the valid pictures come from videos that also teach: valid flatters.{more}")
        self.classes, self.void, self.fingerprint = items.classes, items.void, items.fingerprint
        self.split_words = split.how
        self.names = np.asarray(items.table["item"].tolist(), str)
        self.pixels = judge.class_pixels(items.masks, len(self.classes))
        known = self.pixels.sum(1) > (0 if self.void is None else self.pixels[:, self.void])
        self.train, self.valid, self.test = (rows[known[rows]] for rows in (split.train, split.valid, split.test))
        self._say(known)
        self.shares = judge.shares(self.pixels[self.train], self.void)
        self.at = lru_cache(maxsize=2)(self._at)

    @property
    def ignored(self) -> int:
        """The code that the loss leaves out."""
        return NO_VOID if self.void is None else self.void

    def masks(self, size: Size, rows: np.ndarray) -> np.ndarray:
        """uint8 [n, h, w], the truth."""
        return np.asarray(self.items(size).masks[rows])

    def pictures(self, size: Size, rows: np.ndarray) -> np.ndarray:
        """uint8 [n, h, w, 3]."""
        return np.asarray(self.items(size).images[rows])

    def batches(self, size: Size, rows: np.ndarray, training: bool = False) -> Batches:
        """Batches of some rows, with masks uint8 [B, h, w] as targets; in training shuffled and varied."""
        items, varies = self.items(size), training and self.spec.augment != "none"
        return Batches(
            items.images,
            items.masks,
            rows,
            batch_size=self.spec.batch_size,
            device=self.device,
            normalisation=Normalisation(*normalisation(self.spec.arch, self.spec.weights)),
            training=training,
            transform=VariedMasks(self.spec.augment, self.void) if varies else None,
            seed=self.spec.seed,
        )

    def position_prior(self, size: Size) -> judge.PositionPrior:
        """The most frequent class at each place, learnt from the training masks."""
        prior = judge.PositionPrior(len(self.classes), staged.height_width(size), self.void)
        for rows in np.array_split(self.train, max(1, len(self.train) // 64)):
            prior.learn(self.masks(size, rows))
        return prior

    def _at(self, size: Size) -> Data:
        return Data(self.batches(size, self.train, training=True), self.batches(size, self.valid))

    def _load(self, size: Size) -> Items:
        spec, known = self.spec, registry.card(self.spec.dataset.name)
        if "masks" not in (known.task, *known.also):
            raise UserError(
                f"{known.title} has no masks, only {known.task.replace('_', ' ')} targets. "
                "Choose streets, camvid, pets, voc2007 or your own pictures with masks and codes.txt."
            )

        def progress(done: int, total: int, what: str) -> None:
            self.job.progress(done, total, what)
            self.job.stop_here()

        items = block.load(spec.dataset, size, task="masks", progress=progress)
        if spec.classes == "eleven":
            table, void = eleven_of(items.classes)
            items = dataclasses.replace(items, masks=table[items.masks], classes=ELEVEN, void=void)
        return items

    def _say(self, known: np.ndarray) -> None:
        blank = self.names[~known]
        if len(blank):
            more = f" and {len(blank) - 1} more" if len(blank) > 1 else ""
            self.job.note(f"Left out: {blank[0]}{more}: every pixel is void, which teaches and examines nothing.")
        if not len(self.train) or not len(self.valid):
            raise UserError("Every pixel of the training or the valid masks is void. Check the masks and the codes.")
        seen = self.pixels[self.train].sum(0)
        if self.void is not None:
            seen[self.void] = 0
        if (seen > 0).sum() < 2:
            raise UserError("The training masks show a single class: there is nothing to tell apart. Add another one.")
        absent = [name for code, name in enumerate(self.classes) if not seen[code] and code != self.void]
        if absent:
            shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
            self.job.note(f"No training mask shows {shown}: what is never seen is never said.")
        if self.spec.batch_size > len(self.train):
            self.job.note(f"The batch of {self.spec.batch_size} is larger than the training set: it takes all of it.")
