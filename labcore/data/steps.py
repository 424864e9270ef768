"""The data block, turned step by step: the six questions, what each does to one item, and one batch explained."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from labcore.data import block, decode, registry, splits
from labcore.data.cache import Progress
from labcore.data.decode import Method
from labcore.data.items import Items, Task
from labcore.data.labels import Index
from labcore.data.splits import Split
from labcore.errors import UserError
from labcore.specs import DatasetSpec, Size

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""What pretrained bodies expect: pictures minus this mean over this deviation, per channel."""


@dataclass(frozen=True)
class BlockTypes:
    """What a kind of target decides, as fastai's block types do.

    Attributes:
        blocks: the pair of blocks in fastai's words.
        target: shape and dtype of one batch of targets, with B items, H x W pixels, C classes, P points.
        loss: the loss that fits.
        activation: what turns the net's last numbers into an answer.
        metrics: what people read.
        outputs: how many numbers the net gives per item.
        why: the reason, in a sentence.
    """

    blocks: tuple[str, str]
    target: str
    loss: str
    activation: str
    metrics: tuple[str, ...]
    outputs: str
    why: str


BLOCK_TYPES: dict[Task, BlockTypes] = {
    "single_label": BlockTypes(
        ("ImageBlock", "CategoryBlock"),
        "int64 [B]",
        "cross-entropy",
        "softmax",
        ("error_rate", "valid_loss"),
        "C",
        "Exactly one class is right, so the probabilities must sum to 1, and the target is its number.",
    ),
    "multi_label": BlockTypes(
        ("ImageBlock", "MultiCategoryBlock"),
        "float32 [B, C]",
        "binary cross-entropy with logits",
        "sigmoid, then a threshold",
        ("accuracy_multi", "f2_samples"),
        "C",
        "Each class is right or not on its own. Targets are 0.0 and 1.0 as floats, since the loss multiplies them with "
        "the logarithm of a probability.",
    ),
    "masks": BlockTypes(
        ("ImageBlock", "MaskBlock"),
        "int64 [B, H, W]",
        "cross-entropy per pixel, void left out",
        "softmax over classes, per pixel",
        ("pixel_accuracy", "mean_iou"),
        "C x H x W",
        "A mask is one label per pixel: the same loss, H x W times, and pixels that nobody labelled do not count.",
    ),
    "points": BlockTypes(
        ("ImageBlock", "PointBlock"),
        "float32 [B, P, 2]",
        "mean squared error",
        "scaled sigmoid (y_range -1 to 1)",
        ("mse", "pixel_error_median"),
        "2 x P",
        "Coordinates are numbers, not classes. Scaled to -1 to 1 they do not depend on the picture's size.",
    ),
    "ratings": BlockTypes(
        ("user and item", "RegressionBlock"),
        "float32 [B]",
        "mean squared error",
        "scaled sigmoid (y_range a little wider than the ratings)",
        ("valid_mse",),
        "1",
        "A rating is a number on a scale; the range is a little wider, since a sigmoid never quite reaches its ends.",
    ),
}
"""The kinds of target, and what each decides."""


@dataclass(frozen=True)
class Step:
    """What one step did to one item.

    Attributes:
        question: which of the six questions it answers.
        did: what was done, in words.
        shape: shape of what came out, () for a single value.
        dtype: its type.
        value: what came out: a path, a label, an array.
    """

    question: Literal["items", "split", "label", "item transforms", "batch transforms", "test set", "loaders"]
    did: str
    shape: tuple[int, ...]
    dtype: str
    value: Any = field(repr=False, default=None)


@dataclass(frozen=True)
class Dimension:
    """One tensor of a batch: each number of its shape with its reason."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    reasons: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class DataBlock:
    """A data set on its way to batches; every step can be looked at alone. Nothing is read before it is asked for.

    >>> block = DataBlock(DatasetSpec(name="critters"), size=64)     # doctest: +SKIP
    >>> for step in block.summary(): print(step.did)                 # doctest: +SKIP
    """

    dataset: DatasetSpec
    size: Size = 64
    batch_size: int = 64
    augment: str = "none"
    task: Task | None = None
    method: Method | None = None
    home: Path | None = None
    progress: Progress | None = field(default=None, repr=False, compare=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the pictures after the item transforms."""
        return (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)

    @cached_property
    def index(self) -> Index | None:
        """What is known before decoding; None for embedded sets, which have no files."""
        if registry.card(self.dataset.name).kind == "embedded":
            return None
        return block.limited(block.index_of(self.dataset, task=self.task, home=self.home), self.dataset)

    @cached_property
    def items(self) -> Items:
        """Questions 1, 3 and 4: the items with their labels, decoded and presized."""
        return block.load(
            self.dataset,
            self.size,
            task=self.task,
            method=self.method,
            progress=self.progress,
            home=self.home,
        )

    @cached_property
    def split(self) -> Split:
        """Question 2 (and 5): which items teach, which examine, which are kept for the test."""
        return block.split(self.items, self.dataset)

    @property
    def types(self) -> BlockTypes:
        """What the kind of target decides."""
        return BLOCK_TYPES[self.items.task]

    def leak(self) -> float | None:
        """Share of valid items whose group also teaches; None where the set names no groups."""
        groups = self.items.table.get("group")
        return None if groups is None else splits.leak(self.split, groups)

    def target(self, row: int) -> tuple[Any, str]:
        """The target of an item as the loss wants it, and in words."""
        items, table = self.items, self.items.table
        if items.task == "single_label":
            code = int(table["label"].iloc[row])
            return np.int64(code), f"{items.classes[code]} is class number {code}"
        if items.task == "multi_label":
            codes = table["labels"].iloc[row]
            names = ", ".join(items.classes[code] for code in codes) or "none"
            one_hot = np.zeros(len(items.classes), np.float32)
            one_hot[list(codes)] = 1
            return one_hot, f"{names} as {len(codes)} ones among {len(items.classes)} floats"
        if items.task == "masks":
            mask = np.asarray(items.masks[row])
            shown = ", ".join(items.classes[code] for code in np.unique(mask)[:6] if code < len(items.classes))
            return mask, f"a class number per pixel: {shown}"
        if items.task == "points":
            height, width = items.images.shape[1:3]
            scaled = (items.points[row] / (width, height) * 2 - 1).astype(np.float32)
            return scaled, "coordinates from -1 (left, top) to 1 (right, bottom)"
        rating = np.float32(table["rating"].iloc[row])
        return rating, f"the rating {rating:g}"

    def summary(self, row: int = 0) -> tuple[Step, ...]:
        """Follow one item through every step: what was done, and what came out with its shape and type.

        Raises:
            UserError: there is no item of that number.
        """
        items = self.items
        if not 0 <= row < len(items):
            raise UserError(f"There is no item {row}: the set has {len(items):,}, counted from 0.")
        return tuple(self._steps(row))

    def _steps(self, row: int) -> Iterator[Step]:
        items, name = self.items, self.items.table["item"].iloc[row]
        yield Step("items", f"Item {row} of {len(items):,} is {name}", (len(items),), "str", str(name))
        part = next((part for part in ("train", "valid", "test") if row in getattr(self.split, part)), "train")
        yield Step("split", f"It is in {part}. {self.split.how}", (len(getattr(self.split, part)),), "int64", part)
        target, words = self.target(row)
        yield Step("label", f"Its target: {words}", tuple(np.shape(target)), str(target.dtype), target)
        if items.task != "ratings":
            yield from self._picture_steps(row)
        tested = len(self.split.test)
        how = f"{tested:,} items are kept for the test, seen once at the end" if tested else "This set has no test set"
        yield Step("test set", f"{how}.", (tested,), "int64", self.split.test)
        batch = self.one_batch()
        what = f"{self.batch_size} items make a batch; an epoch over train has {self.batches()} of them"
        yield Step("loaders", f"{what}.", batch[0].shape, batch[0].dtype, batch)

    def _picture_steps(self, row: int) -> Iterator[Step]:
        items = self.items
        method = self.method or block.DEFAULT_METHOD[items.task]
        source = self._source(row)
        if source is not None:
            yield Step("item transforms", "The file is decoded to red, green, blue", source.shape, "uint8", source)
        picture = np.asarray(items.images[row])
        did = {"crop": "scaled and its centre cut out", "squish": "stretched to fit", "pad": "scaled and given bars"}
        yield Step("item transforms", f"It is {did[method]} once, and kept", picture.shape, str(picture.dtype), picture)
        scaled = picture.transpose(2, 0, 1).astype(np.float32) / 255
        mean, std = (np.asarray(values, np.float32)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        normal = (scaled - mean) / std
        did = "is varied anew each time it is seen, then" if self.augment != "none" else "is"
        yield Step(
            "batch transforms",
            f"On the device, with its whole batch, it {did} scaled to 0..1, channels first, and normalised",
            normal.shape,
            "float32",
            normal,
        )

    def _source(self, row: int) -> np.ndarray | None:
        if self.index is None:
            return None
        path = self.index.root / self.items.table["path"].iloc[row]
        try:
            return np.asarray(decode.open_picture(path))
        except decode.Unusable as problem:
            raise UserError(f"{path.name} {problem}.") from None

    def targets(self) -> np.ndarray:
        """All targets as one array, in the order of the items: what ``target`` gives for each, stacked."""
        items = self.items
        if items.task == "masks":
            return items.masks
        return np.stack([self.target(row)[0] for row in range(len(items))])

    def loaders(self, device: str = "cpu", seed: int = 0):
        """Question 6: batches of train and of valid on a device, as (:class:`~labcore.data.batches.Batches`, same).

        Brings torch, so a page never calls it. Augmentation is left to the experiments, which own its seeds.

        Raises:
            UserError: the set has no pictures, or too few for a batch.
        """
        # By name, as the engine does it: a page opens blocks, and must not reach torch by any import.
        batches = importlib.import_module("labcore.data.batches").Batches
        if self.items.task == "ratings":
            raise UserError("Ratings have no pictures; their experiment makes its own batches.")
        targets, size = self.targets(), self.batch_size
        train = batches(
            self.items.images, targets, self.split.train, batch_size=size, device=device, training=True, seed=seed
        )
        return train, batches(self.items.images, targets, self.split.valid, batch_size=size, device=device, seed=seed)

    def batches(self) -> int:
        """Steps of one epoch over train; the last incomplete batch is dropped, unless it is the only one."""
        return max(1, len(self.split.train) // self.batch_size)

    def one_batch(self) -> tuple[Dimension, ...]:
        """The tensors of one batch with a reason for every number in their shapes; nothing is computed for it."""
        items, (height, width) = self.items, self.shape
        count = min(self.batch_size, len(self.split.train))
        b = (count, "items per batch" if count == self.batch_size else "items: all of train, fewer than a batch")
        if items.task == "ratings":
            x = _dimension("users and items", "int64", b, (2, "one number for the user, one for the item"))
            return x, _dimension("ratings", "float32", b)
        h, w = (height, "pixels high: image_size"), (width, "pixels wide: image_size")
        x = _dimension("pictures", "float32", b, (3, "channels: red, green, blue, first as cuDNN likes it"), h, w)
        classes, points = len(items.classes), items.points.shape[1] if items.points is not None else 0
        y = {
            "single_label": lambda: _dimension("labels", "int64", b),
            "multi_label": lambda: _dimension("labels", "float32", b, (classes, "classes, each 0.0 or 1.0")),
            "masks": lambda: _dimension("masks", "int64", b, h, w),
            "points": lambda: _dimension(
                "points", "float32", b, (points, "points per picture"), (2, "coordinates: x, then y")
            ),
        }[items.task]()
        return x, y


def _dimension(name: str, dtype: str, *axes: tuple[int, str]) -> Dimension:
    shape = tuple(size for size, _ in axes)
    reasons = tuple(f"{size} {why}" for size, why in axes)
    return Dimension(name, dtype, shape, reasons, int(np.prod(shape)) * np.dtype(dtype).itemsize)
