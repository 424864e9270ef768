"""The fine-tuner's pictures: the data set at any size, and those gathered to learn from."""

from functools import lru_cache

import numpy as np
import torch

from labcore.data import block, decode
from labcore.data.batches import Batches, Normalisation
from labcore.data.items import Items
from labcore.data.splits import Split
from labcore.errors import UserError
from labcore.experiments import pictures
from labcore.models.backbones import normalisation
from labcore.runs.artifacts import Artifacts
from labcore.runs.artifacts import decode as value_of
from labcore.runs.job import Job
from labcore.specs import FineTuneSpec, Size
from labcore.training.learner import Data
from labcore.training.plans import SMALLEST_SIDE

TINY_SIDE = 32
"""Bodies shrink pictures 32 times: below this no single feature is left."""


class Lessons:
    """What is taught and what is examined, at every size that the plan asks for.

    Rows count the data set's items first and the gathered pictures after them.
    """

    def __init__(self, spec: FineTuneSpec, device: torch.device, job: Job) -> None:
        self.spec, self.device, self.job = spec, device, job
        first = spec.plan[0].image_size or spec.image_size
        items = self._load(first)
        split = block.split(items, spec.dataset)
        self._say(items, split)
        self.classes, self.fingerprint, self.split_words = items.classes, items.fingerprint, split.how
        self.mean, self.std = normalisation(spec.arch, spec.weights)
        self.gathered = _gathered(spec, items)
        labels, names = items.table["label"].to_numpy(np.int64), np.asarray(items.table["item"].tolist(), str)
        taught_rows, held_rows = np.zeros(0, np.int64), np.zeros(0, np.int64)
        valid = split.valid
        if self.gathered is not None:
            teach = self.gathered["teach"].astype(bool)
            rows = len(items) + np.arange(len(teach))
            taught_rows, held_rows = rows[teach], rows[~teach]
            # A valid picture that was gathered is no longer unseen: it may not examine.
            valid = valid[~np.isin(names[valid], self.gathered["items"])]
            labels = np.concatenate([labels, self.gathered["labels"].astype(np.int64)])
            names = np.concatenate([names, self.gathered["items"]])
            if not len(valid):
                raise UserError("Every valid picture was gathered, so that none is left to examine with. Gather fewer.")
        old = np.zeros(0, np.int64) if taught_rows.size and spec.collected_how == "alone" else split.train
        self.train_rows = np.concatenate([old, taught_rows])
        self.valid_rows, self.taught_rows, self.held_rows = valid, taught_rows, held_rows
        self.labels, self.names = labels, names
        _enough(self.train_labels, self.classes, job)
        self.at = lru_cache(maxsize=None)(self._at)
        self._images = lru_cache(maxsize=2)(self._images_at)

    @property
    def train_labels(self) -> np.ndarray:
        """int64 [n], the label of each picture that is taught."""
        return self.labels[self.train_rows]

    def picture_of(self, rows: np.ndarray) -> np.ndarray:
        """uint8 [n, H, W, 3] of some rows, at the size that was asked for last."""
        return np.asarray(self._images(self._size)[np.asarray(rows)])

    def plain(self, rows: np.ndarray) -> Batches:
        """Batches of some rows as they are: neither shuffled nor varied."""
        return self._batches(self._size, rows, training=False)

    def gathered_parts(self) -> dict[str, np.ndarray]:
        """Rows by name: ``old`` valid pictures, gathered ones that are ``taught``, and those that are ``new``."""
        if self.gathered is None:
            return {}
        parts = {"old": self.valid_rows, "taught": self.taught_rows, "new": self.held_rows}
        return {name: rows for name, rows in parts.items() if len(rows)}

    def _at(self, size: Size) -> Data:
        self._size = size
        train = self._batches(size, self.train_rows, training=True)
        return Data(train, self._batches(size, self.valid_rows, training=False))

    def _batches(self, size: Size, rows: np.ndarray, training: bool) -> Batches:
        augment = self.spec.augment if training else "none"
        return Batches(
            self._images(size),
            self.labels,
            rows,
            batch_size=self.spec.batch_size,
            device=self.device,
            normalisation=Normalisation(self.mean, self.std),
            training=training,
            transform=None if augment == "none" else pictures.Varied(augment),
            seed=self.spec.seed,
        )

    def _images_at(self, size: Size) -> np.ndarray:
        images = self._load(size).images
        if self.gathered is None:
            return images
        shape = images.shape[1:3]
        added = [decode.resize_array(picture, shape, "crop")[0] for picture in self.gathered["pictures"]]
        return np.concatenate([images, np.stack(added)])

    def _load(self, size: Size) -> Items:
        self._size = size
        items = pictures.load(self.spec, size, self.job)
        if items.task != "single_label":
            raise UserError(
                f"{items.name} has {items.task.replace('_', ' ')} targets; the fine-tuner takes one label per picture. "
                "Choose critters, pets or your own folders."
            )
        return items

    def _say(self, items: Items, split: Split) -> None:
        pictures.say(items, split, self.job)
        if self.spec.batch_size > len(split.train):
            self.job.note(f"The batch of {self.spec.batch_size} is larger than the training set: it takes all of it.")
        for size in {stage.image_size or self.spec.image_size for stage in self.spec.plan}:
            side = size if isinstance(size, int) else min(size)
            if side < TINY_SIDE:
                raise UserError(
                    f"At {side} pixels no feature is left after five halvings. Take {SMALLEST_SIDE} or more."
                )
            if side < SMALLEST_SIDE:
                self.job.note(f"{side} pixels: the notes advise never to go below {SMALLEST_SIDE}.")


def lessons(spec: FineTuneSpec, device: torch.device, job: Job) -> Lessons:
    """Find, split and check the pictures of a spec.

    Raises:
        UserError: the data set cannot be had, has no single label, too few pictures for its classes, or too small ones.
    """
    return Lessons(spec, device, job)


def _enough(labels: np.ndarray, classes: tuple[str, ...], job: Job) -> None:
    """Refuse what cannot be learnt, and say what is doubtful."""
    if len(labels) < len(classes):
        raise UserError(
            f"There are {len(classes)} classes and only {len(labels)} training pictures. "
            "Give at least one picture per class, better ten, or raise dataset.limit."
        )
    counts = np.bincount(labels, minlength=len(classes))
    single = [name for name, count in zip(classes, counts, strict=True) if count == 1]
    if single:
        shown = ", ".join(single[:3]) + (f" and {len(single) - 3} more" if len(single) > 3 else "")
        job.note(f"Only one training picture: {shown}. What is learnt of it is that picture.")


def _gathered(spec: FineTuneSpec, items: Items) -> dict[str, np.ndarray] | None:
    """Pictures gathered to learn from: ``pictures`` uint8 [n, H, W, 3], ``labels``, ``items``, ``teach`` bool."""
    if not spec.collected:
        return None
    run, _, name = spec.collected.partition("/")
    found = value_of(name, Artifacts().read(run, name))
    wanted = {"pictures", "labels", "items", "teach"}
    if not isinstance(found, dict) or not wanted <= found.keys() or not len(found["labels"]):
        raise UserError(f"{spec.collected} holds no gathered pictures. Gather them on the fine-tuner's page.")
    if found["labels"].max(initial=0) >= len(items.classes) or found["labels"].min(initial=0) < 0:
        raise UserError(f"{spec.collected} speaks of classes that {items.name} does not have. Gather them anew.")
    if not found["teach"].any():
        raise UserError(f"{spec.collected} teaches nothing: all of it is held back. Gather more pictures.")
    return found
