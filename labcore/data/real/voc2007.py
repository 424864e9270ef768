"""PASCAL VOC 2007: up to several of 20 objects per picture, and masks for some. VOCdevkit's layout and fastai's."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from labcore.data import labels
from labcore.data.files import pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.errors import UserError

OBJECTS = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
MASK_CLASSES = ("background", *OBJECTS, "void")
MASK_CODES = labels.code_table({**{code: code for code in range(21)}, 255: 21})
"""Palette number 255 is the border around objects, which no metric counts."""


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index ``VOCdevkit/VOC2007`` (or its inside), or fastai's ``train/``, ``test/`` with ``train.csv``.

    Objects marked difficult are no labels, as in VOC's own classification tables (7,306 labels on trainval).

    Args:
        root: the folder.
        task: ``multi_label`` (default) or ``masks`` (VOCdevkit only).

    Raises:
        UserError: neither layout is there, or a file in it is damaged.
    """
    for base in (root, root / "VOC2007", root / "VOCdevkit" / "VOC2007"):
        if (base / "JPEGImages").is_dir():
            return _masks(base) if task == "masks" else _annotations(base)
    if (root / "train.csv").exists():
        if task == "masks":
            raise UserError(f"{root} has fastai's layout, which holds no masks. Use VOCdevkit/VOC2007.")
        return _tables(root)
    raise UserError(f"{root} has neither VOC2007/JPEGImages nor train.csv. Point dataset.root to VOCdevkit.")


def _lists(base: Path, section: str, table: pd.DataFrame) -> None:
    sets = base / "ImageSets" / section
    stems = [PurePosixPath(path).stem for path in table["path"]]
    for column, file in (("is_valid", "val.txt"), ("is_test", "test.txt")):
        names = labels.read_names(sets / file)
        if names:
            table[column] = np.asarray([stem in names for stem in stems])
    table.attrs["held_out_by"] = f"VOC's own list ImageSets/{section}/val.txt is held out."


def _annotations(base: Path) -> Index:
    kept, left_out = [], []
    for path in pictures(base, "JPEGImages"):
        stem = PurePosixPath(path).stem
        try:
            names = _objects(base / "Annotations" / f"{stem}.xml")
        except (OSError, ElementTree.ParseError, ValueError) as error:
            left_out.append(f"{stem}.jpg has no readable Annotations/{stem}.xml ({error}); it was left out.")
            continue
        kept.append((path, names))
    if not kept:
        raise UserError(f"{base} has no picture in JPEGImages with a file in Annotations.")
    codes, classes = labels.encode_many([names for _, names in kept], OBJECTS)
    paths = [path for path, _ in kept]
    table = pd.DataFrame({"item": labels.unique_items(paths), "path": paths, "labels": codes})
    _lists(base, "Main", table)
    return Index("voc2007", "multi_label", base, classes, table, left_out=tuple(left_out))


def _objects(path: Path) -> list[str]:
    text = path.read_bytes()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("it declares entities, which an annotation never does")
    names = []
    for thing in ElementTree.fromstring(text).iter("object"):
        name = (thing.findtext("name") or "").strip()
        if name not in OBJECTS:
            raise ValueError(f"the object {name!r} is none of VOC's 20")
        if (thing.findtext("difficult") or "0").strip() != "1":
            names.append(name)
    return names


def _masks(base: Path) -> Index:
    paths = pictures(base, "SegmentationClass") if (base / "SegmentationClass").is_dir() else []
    if not paths:
        raise UserError(f"{base} has no masks. They belong in SegmentationClass.")
    table = pd.DataFrame({"mask": paths})
    table.insert(0, "path", [f"JPEGImages/{PurePosixPath(path).stem}.jpg" for path in paths])
    table.insert(0, "item", labels.unique_items(table["path"]))
    _lists(base, "Segmentation", table)
    return Index("voc2007", "masks", base, MASK_CLASSES, table, codes=MASK_CODES, void=21)


def _tables(root: Path) -> Index:
    tables = [labels.read_table(root / "train.csv").assign(folder="train")]
    if (root / "test.csv").exists():
        tables.append(labels.read_table(root / "test.csv").assign(folder="test"))
    table = pd.concat(tables, ignore_index=True)
    missing = {"fname", "labels"} - set(table.columns)
    if missing:
        raise UserError(f"train.csv has no column {missing.pop()}. It needs fname, labels and is_valid.")
    codes, classes = labels.encode_many([labels.split_tags(value) for value in table["labels"]], OBJECTS)
    paths = (table["folder"] + "/" + table["fname"].astype(str)).tolist()
    made = pd.DataFrame({"item": labels.unique_items(paths), "path": paths, "labels": codes})
    if "is_valid" in table:
        made["is_valid"] = labels.flags(table["is_valid"])
    made["is_test"] = (table["folder"] == "test").to_numpy()
    made.attrs["held_out_by"] = "The column is_valid of train.csv says what is held out."
    return Index("voc2007", "multi_label", root, classes, made)
