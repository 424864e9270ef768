"""Planet's Amazon tiles: weather, ground and rare phenomena as tags, in Kaggle's layout and in fastai's sample."""

from pathlib import Path

import pandas as pd

from labcore.data import labels
from labcore.data.files import pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.errors import UserError

TABLES = ("labels.csv", "train_v2.csv", "train_classes.csv", "train.csv")
"""fastai's sample, Kaggle's corrected table, and two older names of it."""


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index ``labels.csv`` (``image_name,tags``) with pictures in ``train/`` or ``train-jpg/``.

    Raises:
        UserError: table or pictures are missing.
    """
    path = next((root / name for name in TABLES if (root / name).exists()), None)
    if path is None:
        raise UserError(f"{root} has no {' or '.join(TABLES[:2])}. It needs the columns image_name and tags.")
    read = labels.read_table(path, dtype=str)
    missing = {"image_name", "tags"} - set(read.columns)
    if missing:
        raise UserError(f"{path.name} has no column {sorted(missing)[0]}. It needs image_name and tags.")
    folder = next((name for name in ("train", "train-jpg", "images") if (root / name).is_dir()), "")
    there = {Path(name).stem: name for name in pictures(root, folder)}
    kept, left_out = [], []
    for name, tags in zip(read["image_name"], read["tags"], strict=True):
        found = there.get(Path(str(name)).stem if str(name).endswith(".jpg") else str(name))
        if found is None:
            left_out.append(
                f"{name} is in {path.name} and its picture is not in {folder or root.name}; it was left out."
            )
        else:
            kept.append((found, labels.split_tags(tags)))
    if not kept:
        raise UserError(f"None of the pictures named in {path.name} is in {root / folder}.")
    codes, classes = labels.encode_many([tags for _, tags in kept])
    paths = [name for name, _ in kept]
    table = pd.DataFrame({"item": labels.unique_items(paths), "path": paths, "labels": codes})
    return Index("planet", "multi_label", root, classes, table, left_out=tuple(left_out))
