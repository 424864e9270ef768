"""A data block that is leafed through: names, labels and split of every item, pixels only of those that are looked at.

Decoding a whole set to show a dozen pictures would make a page wait; here a picture is opened when its row is asked
for, and the few last ones are kept.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from labcore.data import block, decode, registry, splits
from labcore.data.embedded import build
from labcore.data.items import Items, Task
from labcore.data.labels import Index
from labcore.data.masks import read_mask
from labcore.data.steps import DataBlock
from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import DatasetSpec, Size, Spec

KEPT = 96
"""Opened pictures that are kept: three shelves of a page; 11 MB at 200 px."""

SUITS = {"tiles": "from_above", "planet": "from_above", "streets": "street", "camvid": "street", "ratings": "none"}
"""The augmentation preset that suits a set; any other is taken for photos."""


class BlockSpec(Spec):
    """What a data block is made of: the state of its page and its link."""

    dataset: DatasetSpec = DatasetSpec()
    image_size: Size = 96
    """Side of the pictures that the net will see; 96x128 gives height and width."""
    method: Literal["auto", "crop", "squish", "pad"] = "auto"
    """How pictures of another shape are fitted: the centre cut out, stretched, or given bars."""
    augment: Literal["auto", "none", "photos", "from_above", "street"] = "auto"
    """How each picture is varied anew every time it is seen; auto takes what suits the set."""
    batch_size: int = Field(default=64, ge=1, le=4096)
    """Items per batch."""
    item: int = Field(default=0, ge=0)
    """The item that is followed through every step."""
    shelf: int = Field(default=0, ge=0)
    """Which dozen of items is shown."""
    draw: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the draws that the augmentation preview shows."""

    @property
    def varied_by(self) -> str:
        """The preset that ``augment`` names."""
        return SUITS.get(self.dataset.name, "photos") if self.augment == "auto" else self.augment


class Rows:
    """An array whose rows are made when they are asked for.

    Attributes:
        shape: as an array's.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, ...], read: Callable[[int], np.ndarray]) -> None:
        self.shape = shape
        self._read = read

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, row: int) -> np.ndarray:
        return self._read(int(row))


@dataclass(frozen=True)
class Leaf(DataBlock):
    """A :class:`DataBlock` whose pictures are opened one by one; everything else is as there.

    ``items.images``, ``items.masks`` and, of real sets, ``items.points`` give one row at a time. A file that cannot be
    used raises ``decode.Unusable`` when its row is asked for.
    """

    @cached_property
    def items(self) -> Items:
        """The items; see ``DataBlock.items``."""
        made = self._embedded() if self.index is None else self._indexed(self.index)
        block.usable(made)
        return made

    def native(self, row: int) -> np.ndarray:
        """The picture as it lies on the disk, uint8 [H, W, 3], upright.

        Raises:
            decode.Unusable: its file cannot be read.
        """
        if self.index is None:
            return np.asarray(self._drawn.images[self._rows[row]])
        return np.asarray(decode.open_picture(self.index.root / self.index.table["path"].iloc[row]))

    def mask_counts(self, rows: np.ndarray) -> np.ndarray:
        """Pixels of each class in the masks of some rows, int64 [C]; opens every one of them.

        Raises:
            decode.Unusable: one of the files cannot be read.
        """
        if self.index is None:
            masks = [np.asarray(self._drawn.masks[self._rows[rows]]).ravel()]
        else:
            masks = [self.items.masks[row].ravel() for row in rows]
        count = len(self.items.classes)
        return sum((np.bincount(mask, minlength=count)[:count] for mask in masks), np.zeros(count, np.int64))

    def all_points(self) -> tuple[np.ndarray, tuple[int, int]]:
        """The points of every item in pixels of the first item's file, [N, P, 2], and that file's (H, W).

        Raises:
            decode.Unusable: the first file cannot be read.
        """
        points = self._drawn.points[self._rows] if self.index is None else self.index.points
        return points, self.native(0).shape[:2]

    @cached_property
    def index(self) -> Index | None:
        """What is known before decoding; see ``DataBlock.index``."""
        if registry.card(self.dataset.name).kind == "embedded":
            return None
        return _indexed(self.dataset, self.task, self.home, registry.fingerprint(self.dataset, self.home))

    @cached_property
    def _drawn(self) -> Items:
        return _drawn(registry.place(self.dataset, self.home), registry.fingerprint(self.dataset, self.home))

    @cached_property
    def _rows(self) -> np.ndarray:
        count, limit = len(self._drawn), self.dataset.limit
        if not limit or limit >= count:
            return np.arange(count)
        return np.sort(splits.order(count, self.dataset.split_seed)[:limit])

    def _embedded(self) -> Items:
        drawn, rows = self._drawn, self._rows
        table = drawn.table.iloc[rows].reset_index(drop=True)
        common = {"name": drawn.name, "task": drawn.task, "classes": drawn.classes, "table": table, "void": drawn.void}
        if drawn.task == "ratings":
            return Items(images=np.zeros((len(rows), 0, 0, 3), np.uint8), extra=drawn.extra, **common)
        height, width = drawn.images.shape[1:3]
        method = self.method or block.DEFAULT_METHOD[drawn.task]
        where = decode.presize(width, height, self.shape, method)

        def picture(row: int) -> np.ndarray:
            return decode.resize_array(np.asarray(drawn.images[rows[row]]), self.shape, method)[0]

        def mask(row: int) -> np.ndarray:
            return decode.resize_codes(np.asarray(drawn.masks[rows[row]]), self.shape, method, drawn.void or 0)

        points = None
        if drawn.points is not None:
            scale, shift = (where.scale_x, where.scale_y), (where.shift_x, where.shift_y)
            points = (drawn.points[rows] * scale + shift).astype(np.float32)
        images = Rows((len(rows), *self.shape, 3), kept(picture))
        masks = None if drawn.masks is None else Rows((len(rows), *self.shape), kept(mask))
        return Items(images=images, masks=masks, points=points, extra=drawn.extra, **common)

    def _indexed(self, index: Index) -> Items:
        common = {
            "name": index.name,
            "task": index.task,
            "classes": index.classes,
            "table": index.table,
            "void": index.void,
            "left_out": index.left_out,
            "extra": index.extra,
        }
        count = len(index)
        if index.task == "ratings":
            return Items(images=np.zeros((count, 0, 0, 3), np.uint8), **common)
        method = self.method or block.DEFAULT_METHOD[index.task]

        @kept
        def opened(row: int) -> tuple[np.ndarray, decode.Geometry]:
            return decode.read_picture(index.root / index.table["path"].iloc[row], self.shape, method)

        @kept
        def mask(row: int) -> np.ndarray:
            where, path = opened(row)[1], index.root / index.table["mask"].iloc[row]
            return read_mask(path, self.shape, index.codes, where, index.void or 0, index.colours)

        def points(row: int) -> np.ndarray:
            where = opened(row)[1]
            scale, shift = (where.scale_x, where.scale_y), (where.shift_x, where.shift_y)
            return (index.points[row] * scale + shift).astype(np.float32)

        return Items(
            images=Rows((count, *self.shape, 3), lambda row: opened(row)[0]),
            masks=Rows((count, *self.shape), mask) if index.task == "masks" else None,
            points=None if index.points is None else Rows(index.points.shape, points),
            **common,
        )


@lru_cache(maxsize=8)
def _drawn(folder: Path, _version: str) -> Items:
    return build.load(folder)


@lru_cache(maxsize=8)
def _indexed(dataset: DatasetSpec, task: Task | None, home: Path | None, _fingerprint: str) -> Index:
    return block.limited(block.index_of(dataset, task=task, home=home), dataset)


def kept(read: Callable[[int], Any]) -> Callable[[int], Any]:
    """``read`` with its last ``KEPT`` answers kept; several sessions may ask at once."""
    answers: OrderedDict[int, Any] = OrderedDict()
    lock = threading.Lock()

    def ask(row: int) -> Any:
        with lock:
            if row in answers:
                answers.move_to_end(row)
                return answers[row]
        made = read(row)
        with lock:
            answers[row] = made
            while len(answers) > KEPT:
                answers.popitem(last=False)
        return made

    return ask


def is_here(dataset: DatasetSpec) -> bool:
    """Whether a set can be opened at once: it is drawn, or its folder is there.

    Raises:
        UserError: an unknown name, or a folder that may not be asked for.
    """
    folder = registry.place(dataset)
    if registry.card(dataset.name).kind == "embedded":
        # As in the registry, the version is read without importing the renderer.
        version = registry.fingerprint(dataset).rpartition("-v")[2]
        try:
            return str(json.loads((folder / "meta.json").read_text("utf-8"))["version"]) == version
        except (OSError, ValueError, KeyError):
            return False
    return folder.is_dir()


def leaf(spec: BlockSpec) -> Leaf:
    """The block of a page's spec; costs the reading of names and labels, no picture.

    Raises:
        UserError: the set is not there, or cannot be used.
    """
    found = Leaf(
        spec.dataset,
        size=spec.image_size,
        batch_size=spec.batch_size,
        augment=spec.varied_by,
        method=None if spec.method == "auto" else spec.method,
        home=settings().home,
    )
    if not is_here(spec.dataset):
        raise UserError(registry.missing(registry.card(spec.dataset.name)))
    _ = found.items  # an unusable set is refused here, not when its first picture is drawn
    return found
