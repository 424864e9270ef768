"""The user's own files: recognise the layout of a folder, without a line of code from them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from labcore.data import labels
from labcore.data.files import IMAGE_SUFFIXES, existing_folder, files, pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.data.real import (
    biwi,
    camvid,
    movielens_100k,
    movielens_latest_small,
    pets,
    points_csv,
    ratings_table,
    voc2007,
)
from labcore.errors import UserError

LABEL_NAMES = ("label", "class", "category", "target", "breed", "species")
"""Columns with one label per picture."""
LABELS_NAMES = ("labels", "tags", "classes", "categories")
"""Columns with several labels per picture."""
MASK_FOLDERS = ("labels", "masks", "annotations", "SegmentationClass")
MASK_ENDINGS = ("_P", "", "_mask", "_seg", "_L")
"""What a mask's name has more than its picture's; CamVid's first."""
PICTURE_FOLDERS = ("images", "imgs", "pictures", "photos", "img")
TRAIN_NAMES, VALID_NAMES, TEST_NAMES = ("train", "training"), ("valid", "val", "validation"), ("test", "testing")
NAMED_SHARE = 0.9
"""So many of the pictures must be named NAME_NUMBER before their names are taken for labels."""
WEIGHT_SUFFIXES = frozenset({".pth", ".pt", ".safetensors", ".onnx", ".ckpt", ".bin", ".h5"})


def load_index(root: Path, task: Task | None = None) -> Index:
    """Recognise the layout of a folder and index it.

    In this order: ratings; BIWI's pose files; VOC; pictures with masks and ``codes.txt``; a CSV with points or labels;
    a folder per class (perhaps below ``train`` and ``valid``); labels in file names like ``Abyssinian_12.jpg``.

    Raises:
        UserError: nothing fits, or what fits is broken; the sentence says how to mend it.
    """
    root = inner(existing_folder(root))
    for layout in LAYOUTS:
        found = layout(root, task)
        if found is not None and task in (None, found.task):
            return found
    if task is not None:
        raise UserError(f"{root} holds no {task.replace('_', ' ')} targets. See what it holds with: labcore data check")
    raise UserError(_nothing(root))


def in_words(index: Index) -> str:
    """What an index holds, in a few words."""
    count = f"{len(index):,}"
    if index.task == "ratings":
        return f"{count} ratings of {len(index.classes):,} items by {index.table['user'].nunique():,} users"
    if index.task == "points":
        return f"{count} pictures with {len(index.classes)} points each: {', '.join(index.classes[:10])}"
    classes = f"{len(index.classes)} class" + ("es" if len(index.classes) != 1 else "")
    kinds = {"single_label": "one label each", "multi_label": "several labels each", "masks": "a mask each"}
    return f"{count} picture{'s' if len(index) != 1 else ''} of {classes} with {kinds[index.task]}"


def inner(root: Path) -> Path:
    """The folder that holds the data where a zip has wrapped it into folders with nothing beside them."""
    for _ in range(3):
        entries = [entry for entry in root.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
        wrapped = len(entries) == 1 and entries[0].is_dir() and entries[0].name.lower() not in PICTURE_FOLDERS
        if not wrapped or any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in entries[0].iterdir()):
            return root
        root = entries[0]
    return root


def _ratings(root: Path, task: Task | None, tables: list[Path] | None = None) -> Index | None:
    if tables is None and (root / "u.data").exists():
        return movielens_100k.load_index(root)
    if tables is None and (root / "ratings.csv").exists() and (root / "movies.csv").exists():
        return movielens_latest_small.load_index(root)
    for path in tables or _tables(root):
        table = labels.read_table(path)
        found = ratings_table.columns(table)
        if found is not None and points_csv.file_column(table) is None:
            renamed = table.rename(columns=dict(zip(found, ("user", "movie", "rating"), strict=True)))
            index = ratings_table.make_index("own", root, path.name, renamed)
            note = f"{path.name}: users from {found[0]}, items from {found[1]}, ratings from {found[2]}."
            return _with_note(index, note)
    return None


def _poses(root: Path, task: Task | None) -> Index | None:
    # By its pose files, not by its calibrations: a set without any of these is told so, instead of not being known.
    known = any(next(root.glob(pattern), None) is not None for pattern in ("*/rgb.cal", "*/frame_*_pose.txt"))
    return biwi.load_index(root) if known else None


def _voc(root: Path, task: Task | None) -> Index | None:
    there = any((root / base / "JPEGImages").is_dir() for base in ("", "VOC2007", "VOCdevkit/VOC2007"))
    return voc2007.load_index(root, "masks" if task == "masks" else None) if there else None


def _masks(root: Path, task: Task | None) -> Index | None:
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir() and pictures(root, name)), None)
    if folder is None or not (root / "images").is_dir():
        return None
    if not labels.codes_file(root).exists():
        if next(root.glob("*.csv"), None) is not None or _named(root):
            return None
        raise UserError(
            f"{root} has pictures and masks and no codes.txt. Write one class per line; the line is its code."
        )
    masks = {PurePosixPath(path).stem for path in pictures(root, folder)}
    stems = [PurePosixPath(path).stem for path in pictures(root, "images")]
    ending = max(MASK_ENDINGS, key=lambda end: sum(stem + end in masks for stem in stems))
    return camvid.mask_folder(root, "own", folder, ending)


def _table_of_points(root: Path, task: Task | None, tables: list[Path] | None = None) -> Index | None:
    for path in tables or _tables(root):
        table = labels.read_table(path)
        if points_csv.file_column(table) is not None and points_csv.point_columns(list(map(str, table.columns))):
            return points_csv.from_table(root, path.name, table)
    return None


def _table_of_labels(root: Path, task: Task | None, tables: list[Path] | None = None) -> Index | None:
    for path in tables or _tables(root):
        table = labels.read_table(path)
        file = points_csv.file_column(table)
        known = {str(column).lower(): column for column in table.columns}
        label = next((known[name] for name in (*LABELS_NAMES, *LABEL_NAMES) if name in known), None)
        if file is not None and label is not None and label != file:
            return labelled(root, path.name, table, file, label)
    return None


def labelled(root: Path, source: str, table: pd.DataFrame, file: str, label: str, several: bool | None = None) -> Index:
    """The index of a table with one row per picture and its label, or several labels in one cell.

    Args:
        root: where the pictures are.
        source: the table's name, for sentences.
        table: the rows.
        file: column of the picture's name, with or without its ending.
        label: column of the label or labels.
        several: whether a cell holds several labels; None decides by the column's name and by ``|`` or ``;`` in cells.
    """
    values = table[label].astype(str).where(table[label].notna(), "")
    if several is None:
        several = str(label).lower() in LABELS_NAMES or bool(values.str.contains(r"[|;]").any())
    names = table[file].astype(str).tolist()
    paths = points_csv.find_pictures(root, names)
    left_out, rows = [], []
    seen: set[str] = set()
    for row, path in enumerate(paths):
        if path is None:
            left_out.append(f"{names[row]} is in {source} and its picture is missing; it was left out.")
        elif path in seen:
            left_out.append(f"{names[row]} stands twice in {source}; the second row was left out.")
        elif not several and not values.iloc[row].strip():
            left_out.append(f"{names[row]} has no label in {source}; it was left out.")
        else:
            rows.append(row)
            seen.add(path)
    if not rows:
        problem = left_out[0] if left_out else "It has no rows."
        raise UserError(f"No row of {source} can be used. The first problem: {problem}")
    kept = [paths[row] for row in rows]
    made = pd.DataFrame({"item": labels.unique_items(kept), "path": kept})
    if several:
        # The mark of the whole column: a cell with the one label "blue sky" has no mark of its own.
        mark = next((mark for mark in "|;," if values.str.contains(mark, regex=False).any()), None)
        made["labels"], classes = labels.encode_many([labels.split_tags(values.iloc[row], mark) for row in rows])
    else:
        made["label"], classes = labels.encode([values.iloc[row].strip() for row in rows])
    labels.mark_valid(table, made, np.asarray(rows), source)
    group = points_csv.group_column(table)
    if group is not None and group != label:
        made["group"] = table[group].astype(str).to_numpy()[rows]
    task: Task = "multi_label" if several else "single_label"
    notes = (f"{source}: pictures from {file}, {'several labels' if several else 'labels'} from {label}.",)
    return Index("own", task, root, classes, made, left_out=tuple(left_out), notes=notes)


def _class_folders(root: Path, task: Task | None) -> Index | None:
    parts = {entry.name.lower(): entry.name for entry in root.iterdir() if entry.is_dir()}
    train = next((parts[name] for name in TRAIN_NAMES if name in parts), None)
    valid = next((parts[name] for name in VALID_NAMES if name in parts), None)
    test = next((parts[name] for name in TEST_NAMES if name in parts), None)
    tops = [name for name in (train, valid, test) if name] if train and (valid or test) else []
    depth = 3 if tops else 2
    plain = (*PICTURE_FOLDERS, *(name.lower() for name in MASK_FOLDERS))
    kept, stray = [], 0
    for path in pictures(root):
        levels = path.split("/")
        inside = not tops or levels[0] in tops
        if inside and len(levels) == depth and (tops or levels[0].lower() not in plain):
            kept.append(path)
        elif inside and len(levels) < depth:
            stray += 1
    if not kept:
        return None
    codes, classes = labels.encode(labels.from_folder(kept))
    table = pd.DataFrame({"item": labels.unique_items(kept), "path": kept, "label": codes})
    if tops:
        first = [path.split("/")[0] for path in kept]
        if valid:
            table["is_valid"] = np.asarray([name == valid for name in first])
            table.attrs["held_out_by"] = f"The pictures in the folder {valid} are held out."
        if test:
            table["is_test"] = np.asarray([name == test for name in first])
    notes = [f"Each of {len(classes)} folders is a class."]
    if stray:
        notes.append(f"{stray} pictures lie beside the class folders and have no label; they are not used.")
    full = set(classes)
    empty = [name for name in parts.values() if not tops and name not in full and name.lower() not in plain]
    notes += [f"The folder {name} holds no pictures directly and gives no class." for name in sorted(empty)[:5]]
    return Index("own", "single_label", root, classes, table, notes=tuple(notes))


def _named(root: Path) -> bool:
    """Whether the pictures' names carry labels: most match, and two or more labels have two or more pictures."""
    under = "images" if (root / "images").is_dir() else ""
    paths = pictures(root, under) if under else [path for path in pictures(root) if "/" not in path]
    found = [name for name in labels.from_pattern(paths, pets.PATTERN) if name]
    counts = pd.Series(found, dtype=object).value_counts()
    return len(found) >= NAMED_SHARE * len(paths) and (counts >= 2).sum() >= 2


def _file_names(root: Path, task: Task | None) -> Index | None:
    if not _named(root):
        return None
    index = pets.load_index(root, "masks" if task == "masks" else None)
    return _with_note(index, "The label is the part of each file's name before its last underscore and number.")


LAYOUTS: tuple[Callable[[Path, Task | None], Index | None], ...] = (
    _ratings,
    _poses,
    _voc,
    _masks,
    _table_of_points,
    _table_of_labels,
    _class_folders,
    _file_names,
)
"""Every layout that is known, the most telling first."""


def from_one_table(path: Path) -> Index:
    """Index one table alone, with the pictures of its folder; other tables beside it are not looked at.

    Raises:
        UserError: its columns are not known, or nothing in it can be used.
    """
    for layout in (_ratings, _table_of_points, _table_of_labels):
        found = layout(path.parent, None, [path])
        if found is not None:
            return found
    raise UserError(_unknown_columns(path))


def _tables(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.suffix.lower() in (".csv", ".tsv", ".parquet"))


def _with_note(index: Index, note: str) -> Index:
    return dataclasses.replace(index, notes=(note, *index.notes))


def _nothing(root: Path) -> str:
    found = pictures(root)
    tables = _tables(root)
    if found and tables:
        columns = ", ".join(map(str, labels.read_table(tables[0]).columns))[:200]
        return (
            f"{root} holds {len(found):,} pictures, and {tables[0].name} has no columns that are known ({columns}). "
            "Labels need image_name and label, points image_name and x, y columns."
        )
    if found:
        return (
            f"{root} holds {len(found):,} pictures and nothing that labels them. Put each class into a folder of its "
            "own, or add a CSV with the columns image_name and label."
        )
    weights = [entry.name for entry in root.iterdir() if entry.suffix.lower() in WEIGHT_SUFFIXES]
    if weights:
        return f"{root} holds model weights ({weights[0]}) and no data set. Use them as weights={root / weights[0]}."
    if tables:
        return _unknown_columns(tables[0])
    if not files(root):
        return f"{root} is empty: it holds neither pictures nor tables."
    return f"{root} holds no pictures and no table. Point to the folder that does."


def _unknown_columns(path: Path) -> str:
    return (
        f"{path} has no columns that are known. Labels need image_name and label, points image_name and x, y columns, "
        "ratings user, item and rating."
    )
