"""Oxford-IIIT Pet: 37 breeds by file name, trimaps or two-code masks. Parkhi et al., Cats and Dogs, CVPR 2012."""

from pathlib import Path, PurePosixPath

import pandas as pd

from labcore.data import labels
from labcore.data.files import pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.errors import UserError

PATTERN = r"^(.+)_\d+\.[A-Za-z]+$"
"""The course's own expression: everything before the last underscore and number is the breed."""
MASK_CLASSES = ("background", "pet", "border")
TRIMAP = labels.code_table({1: 1, 2: 0, 3: 2})
"""Oxford's trimaps: 1 pet, 2 background, 3 not classified (the border)."""
TWO_CODES = labels.code_table({0: 0, 1: 1})
"""Plain masks: 1 pet, 0 background."""


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index a folder in Oxford's layout: ``images/Abyssinian_12.jpg``, or the pictures right in ``root``.

    Args:
        root: the folder.
        task: ``single_label`` (the breed; default) or ``masks``.

    Raises:
        UserError: there are no pictures, none is named after a breed, or masks are asked for and missing.
    """
    under = "images" if (root / "images").is_dir() else ""
    paths = pictures(root, under) if under else [path for path in pictures(root) if "/" not in path]
    if not paths:
        raise UserError(f"{root} holds no pictures. The pets' layout is images/Abyssinian_12.jpg.")
    breeds = labels.from_pattern(paths, PATTERN)
    left_out = tuple(
        f"{PurePosixPath(path).name} is not named like Abyssinian_12.jpg; it was left out."
        for path, breed in zip(paths, breeds, strict=True)
        if not breed
    )
    kept = [(path, breed) for path, breed in zip(paths, breeds, strict=True) if breed]
    if not kept:
        raise UserError(f"No picture in {root} is named like Abyssinian_12.jpg, so no breed can be read.")
    paths, breeds = [path for path, _ in kept], [breed for _, breed in kept]
    codes, classes = labels.encode(breeds)
    table = pd.DataFrame({"item": labels.unique_items(paths), "path": paths, "label": codes})
    if task != "masks":
        return Index("pets", "single_label", root, classes, table, left_out=left_out)
    for folder, values in (("annotations/trimaps", TRIMAP), ("annotations/masks", TWO_CODES)):
        if (root / folder).is_dir():
            table["mask"] = [f"{folder}/{PurePosixPath(path).stem}.png" for path in paths]
            return Index("pets", "masks", root, MASK_CLASSES, table, codes=values, void=2, left_out=left_out)
    raise UserError(f"{root} has no masks. They belong in annotations/trimaps.")
