"""The data block: from a data set's name to presized pictures, targets and a split, in one line."""

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pandas as pd

from labcore.data import cache, registry, splits
from labcore.data.cache import Progress
from labcore.data.decode import Method
from labcore.data.files import existing_folder
from labcore.data.items import Items, Task
from labcore.data.labels import Index
from labcore.data.splits import Split
from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import DatasetSpec, Size

DEFAULT_METHOD: dict[Task, Method] = {
    "single_label": "crop",
    "multi_label": "crop",
    "masks": "squish",
    "points": "squish",
    "ratings": "crop",
}
"""A label survives the loss of a border; a mask or a point must keep its whole picture."""


def load(
    dataset: DatasetSpec,
    size: Size,
    *,
    task: Task | None = None,
    method: Method | None = None,
    progress: Progress | None = None,
    home: Path | None = None,
) -> Items:
    """Find or make a data set and give it decoded at ``size``; epochs over it never touch a JPEG again.

    Args:
        dataset: which set, where, and how many items of it.
        size: side of a square, or (height, width), in pixels.
        task: a further task of the set (``masks`` of pets); None takes its main one.
        method: how other shapes are fitted; None takes ``DEFAULT_METHOD``.
        progress: called as ``progress(done, total, what)``; what it raises ends the work cleanly.
        home: the lab's folder; None takes the setting.

    Raises:
        UserError: the set is unknown, missing, empty, of one class only, or nothing in it can be used.
    """
    shape = (size, size) if isinstance(size, int) else tuple(size)
    home = home or settings().home
    fingerprint = registry.fingerprint(dataset, home)
    if registry.card(dataset.name).kind == "embedded":
        items = _embedded(dataset, shape, method, fingerprint, home, progress)
    else:
        index = limited(index_of(dataset, task=task, home=home), dataset)
        items = _decoded(index, shape, method or DEFAULT_METHOD[index.task], fingerprint, home, progress)
    usable(items)
    return items


def index_of(dataset: DatasetSpec, *, task: Task | None = None, home: Path | None = None) -> Index:
    """What is known of a real or own set before decoding: items, labels, groups, marks of valid and test.

    Raises:
        UserError: the folder is missing or not laid out as the set is.
    """
    known = registry.card(dataset.name)
    if task is not None and task not in (known.task, *known.also):
        raise UserError(f"{known.title} has no {task.replace('_', ' ')} targets, only {known.task.replace('_', ' ')}.")
    root = registry.place(dataset, home)
    if not dataset.root and not root.is_dir():
        raise UserError(registry.missing(known))
    root = existing_folder(root)
    module = "labcore.data.own" if known.kind == "own" else f"labcore.data.real.{dataset.name}"
    return importlib.import_module(module).load_index(root, task)


def limited(index: Index, dataset: DatasetSpec) -> Index:
    """The first ``dataset.limit`` items in the order of the split's seed, back in their own order."""
    if not dataset.limit or dataset.limit >= len(index):
        return index
    rows = np.sort(splits.order(len(index), dataset.split_seed)[: dataset.limit])
    return taken(index, rows)


def taken(index: Index, rows: np.ndarray) -> Index:
    """The index of some rows."""
    points = None if index.points is None else index.points[rows]
    return dataclasses.replace(index, table=index.table.iloc[rows].reset_index(drop=True), points=points)


def split(items: Items, dataset: DatasetSpec) -> Split:
    """Hold items out as ``dataset.split`` says; rows marked ``is_test`` are in neither part.

    ``auto`` takes what the set was made for: its ``is_valid`` marks if it has any (unless ``hold_out`` names groups),
    else whole groups if it names groups, else the same share of every class if items have one, else a random share.

    Raises:
        UserError: the set cannot be split that way.
    """
    table = items.table
    tested = table["is_test"].to_numpy(bool) if "is_test" in table else np.zeros(len(table), bool)
    rows = np.flatnonzero(~tested)
    part = table.iloc[rows]
    how = dataset.split
    marked = "is_valid" in part and part["is_valid"].any() and not part["is_valid"].all()
    if how == "auto":
        grouped = "group" in part and part["group"].nunique() > 1
        stratify = "label" in part
        how = (
            "group"
            if grouped and dataset.hold_out
            else "column"
            if marked
            else "group"
            if grouped
            else "stratified"
            if stratify
            else "random"
        )
    found = _split_by(how, part, items, dataset)
    train, valid = rows[found.train], rows[found.valid]
    made = Split(train, valid, found.how, np.flatnonzero(tested), found.warnings)
    target = {"single_label": "label", "multi_label": "labels"}.get(items.task)
    if target:
        warnings = (*made.warnings, *splits.never_taught(made, table[target].tolist(), items.classes))
        made = dataclasses.replace(made, warnings=warnings)
    return made


def _split_by(how: str, part: pd.DataFrame, items: Items, dataset: DatasetSpec) -> Split:
    if how == "random":
        return splits.random(len(part), dataset.valid_pct, dataset.split_seed)
    if how == "stratified":
        if "label" not in part:
            raise UserError(f"{items.name} has no single label per item to split by. Choose a random split instead.")
        return splits.stratified(part["label"].to_numpy(), dataset.valid_pct, dataset.split_seed)
    if how == "group":
        if "group" not in part:
            raise UserError(f"{items.name} names no groups (persons, videos). Choose a random split instead.")
        asked = [name.strip() for name in dataset.hold_out.split(",") if name.strip()]
        return splits.group(part["group"], dataset.valid_pct, dataset.split_seed, asked)
    if how == "frames":
        if "group" not in part:
            raise UserError(f"{items.name} names no groups (persons, videos). Choose a random split instead.")
        return splits.frames(part["group"], dataset.valid_pct)
    if "is_valid" not in part:
        what = {"column": "column is_valid", "file": "list file such as valid.txt", "folder": "folder named valid"}[how]
        raise UserError(f"{items.name} has no {what}. Choose a random split instead.")
    return splits.column(
        part["is_valid"], items.table.attrs.get("held_out_by", "The set itself says what is held out.")
    )


def usable(items: Items) -> None:
    """Refuse what nothing can be learnt from.

    Raises:
        UserError: there is no item, a single one, or a single class.
    """
    if not len(items):
        why = f" The first problem: {items.left_out[0]}" if items.left_out else ""
        raise UserError(f"No item of {items.name} can be used.{why}")
    if len(items) == 1:
        raise UserError(f"{items.name} has a single usable item; learning needs at least two.")
    if items.task == "single_label" and len(items.classes) < 2:
        raise UserError(
            f"All items are of one class, {items.classes[0]}: there is nothing to tell apart. Add another class."
        )


def _decoded(
    index: Index, shape: tuple[int, int], method: Method, fingerprint: str, home: Path, progress: Progress | None
) -> Items:
    common = {
        "name": index.name,
        "task": index.task,
        "classes": index.classes,
        "void": index.void,
        "extra": index.extra,
    }
    if index.task == "ratings":
        images = np.zeros((len(index), 0, 0, 3), np.uint8)
        return Items(table=index.table, images=images, left_out=index.left_out, fingerprint=fingerprint, **common)
    found = cache.decoded(index, shape, method, fingerprint, home=home, progress=progress)
    table = index.table.iloc[found.rows].reset_index(drop=True)
    images, masks, left_out = found.images, found.masks, (*index.left_out, *found.left_out)
    points = source = None
    if index.points is not None:
        placed, source = index.points[found.rows], found.geometry[:, 4:6]
        inside, sentences = points_inside(placed, found.geometry, table["item"], index.classes)
        points = (placed * found.geometry[:, None, 0:2] + found.geometry[:, None, 2:4]).astype(np.float32)
        if not inside.all():
            table, images, points = table[inside].reset_index(drop=True), images[inside], points[inside]
            source, left_out = source[inside], (*left_out, *sentences)
    about = {"left_out": left_out, "fingerprint": fingerprint, **common}
    return Items(table=table, images=images, masks=masks, points=points, source=source, **about)


def points_inside(points: np.ndarray, geometry: np.ndarray, items: pd.Series, names: tuple[str, ...]):
    """Rows whose points all lie in their source picture, and a sentence for each other row."""
    size = geometry[:, None, 4:6]
    # Half a pixel of grace: a point on the border pixel's far edge is still that pixel.
    outside = ~((points >= -0.5) & (points <= size + 0.5)).all(axis=2)
    sentences = []
    for row in np.flatnonzero(outside.any(axis=1)):
        which = int(np.argmax(outside[row]))
        x, y = points[row, which]
        sentences.append(
            f"{items.iloc[row]}: the point {names[which]} ({x:g}, {y:g}) lies outside its "
            f"{size[row, 0, 0]:.0f} x {size[row, 0, 1]:.0f} picture; it was left out."
        )
    return ~outside.any(axis=1), sentences


def _embedded(
    dataset: DatasetSpec,
    shape: tuple[int, int],
    method: Method | None,
    fingerprint: str,
    home: Path,
    progress: Progress | None,
) -> Items:
    build = importlib.import_module("labcore.data.embedded.build")
    module = importlib.import_module(f"labcore.data.embedded.{dataset.name}")
    folder = registry.place(dataset, home)
    drawing = (lambda done, total: progress(done, total, f"drawing {dataset.name}")) if progress else None
    build.make(module, folder, progress=drawing)
    items = dataclasses.replace(build.load(folder), fingerprint=fingerprint)
    if items.points is not None:
        size = np.asarray(items.images.shape[2:0:-1], np.float32)
        items = dataclasses.replace(items, source=np.tile(size, (len(items), 1)))
    if dataset.limit and dataset.limit < len(items):
        items = _rows(items, np.sort(splits.order(len(items), dataset.split_seed)[: dataset.limit]))
    if items.task == "ratings" or items.images.shape[1:3] == shape:
        return items
    found = cache.resized(items, shape, method or DEFAULT_METHOD[items.task], home=home, progress=progress)
    points = items.points
    if points is not None:
        points = (points * found.geometry[:, None, 0:2] + found.geometry[:, None, 2:4]).astype(np.float32)
    return dataclasses.replace(items, images=found.images, masks=found.masks, points=points)


def _rows(items: Items, rows: np.ndarray) -> Items:
    def pick(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array[rows]

    return dataclasses.replace(
        items,
        table=items.table.iloc[rows].reset_index(drop=True),
        images=pick(items.images),
        masks=pick(items.masks),
        points=pick(items.points),
        source=pick(items.source),
    )
