"""Points in a table: one row per picture with x and y columns per point, and perhaps a person or video (DrivFace)."""

import re
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from labcore.data import labels
from labcore.data.files import pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.errors import UserError

GROUP_NAMES = ("group", "subject", "person", "driver", "patient", "video", "sequence", "scene")
"""Columns that say which items were recorded together, the surest first."""
FILE_NAMES = ("image_name", "filename", "file_name", "fname", "file", "image", "img", "path", "name", "picture")
TARGET_FOLDERS = ("labels", "masks", "annotations", "trimaps", "segmentationclass")
"""A file in one of these is the target of a picture of the same name, not the picture."""
MOST_POINTS = 68
"""The largest common face layout."""


def point_columns(columns: list[str]) -> list[tuple[str, str, str]]:
    """Pairs of columns that hold points, as (point, x column, y column): ``xN``, ``x_nose``, ``nose_x`` or plain ``x``.

    A pair whose width and height stand beside it (``wF``, ``hF``) is the corner of a box, no point.

    >>> point_columns(["xF", "yF", "wF", "hF", "xN", "yN"])
    [('N', 'xN', 'yN')]
    """
    known = {column.lower(): column for column in columns}
    found = []
    for column in columns:
        for pattern in (r"^x(?P<name>_?\w*)$", r"^(?P<name>\w+_)x$"):
            match = re.match(pattern, column, re.IGNORECASE)
            if match is None:
                continue
            name = match["name"].lower()
            partner = f"y{name}" if pattern.startswith("^x") else f"{name}y"
            size = (f"w{name}", f"h{name}") if pattern.startswith("^x") else (f"{name}w", f"{name}h")
            if partner in known and not all(part in known for part in size):
                found.append((match["name"].strip("_") or "point", column, known[partner]))
                break
    return found


def file_column(table: pd.DataFrame) -> str | None:
    """The column that names the pictures: by its own name, else the first whose values end like picture files."""
    for name in FILE_NAMES:
        for column in table.columns:
            if str(column).lower() == name:
                return column
    for column in table.columns:
        values = table[column].dropna().astype(str).head(20)
        if len(values) and values.str.lower().str.endswith((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif")).all():
            return column
    return None


def group_column(table: pd.DataFrame) -> str | None:
    """The column that says which items belong together, if there is one."""
    known = {str(column).lower(): column for column in table.columns}
    return next((known[name] for name in GROUP_NAMES if name in known), None)


def angle_columns(table: pd.DataFrame) -> dict[str, str]:
    """Columns with the head's angles in degrees, by angle: ``yaw``, ``Pitch``, ``roll_deg`` and the like."""
    found = {}
    for column in table.columns:
        match = re.fullmatch(r"(yaw|pitch|roll)(_?deg(rees)?|_angle)?", str(column).strip(), re.IGNORECASE)
        if match is not None:
            found.setdefault(match[1].lower(), column)
    return found


def find_pictures(root: Path, names: list[str]) -> list[str | None]:
    """The path below ``root`` of each name in a table: as written, in ``images/``, or anywhere by its bare name.

    Raises:
        UserError: a bare name fits several pictures.
    """
    there = pictures(root)
    exact = set(there)
    by_name: dict[str, list[str]] = {}
    for path in there:
        by_name.setdefault(PurePosixPath(path).name, []).append(path)
        by_name.setdefault(PurePosixPath(path).stem, []).append(path)
    found: list[str | None] = []
    for name in names:
        name = name.replace("\\", "/").removeprefix("./")
        if name in exact or f"images/{name}" in exact:
            found.append(name if name in exact else f"images/{name}")
            continue
        fits = by_name.get(PurePosixPath(name).name, [])
        if len(fits) > 1:
            fits = [path for path in fits if not _in_targets(path)] or fits
        if len(fits) > 1:
            raise UserError(f"{name} fits {fits[0]} and {fits[1]}. Write the path with its folder in the table.")
        found.append(fits[0] if fits else None)
    return found


def _in_targets(path: str) -> bool:
    return any(part.lower() in TARGET_FOLDERS for part in path.split("/")[:-1])


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index the first CSV in ``root`` that has picture names and x, y columns.

    Raises:
        UserError: there is none, or none of its pictures is there.
    """
    for path in sorted(root.glob("*.csv")):
        table = labels.read_table(path)
        if file_column(table) is not None and point_columns(list(map(str, table.columns))):
            return from_table(root, path.name, table)
    raise UserError(f"{root} has no CSV with picture names and x, y columns such as x_nose, y_nose.")


def from_table(root: Path, source: str, table: pd.DataFrame, name: str = "own") -> Index:
    """The index of a table of points; rows without picture or coordinate are left out with a sentence."""
    column = file_column(table)
    triples = point_columns(list(map(str, table.columns)))[:MOST_POINTS]
    names = table[column].astype(str).tolist()
    paths = find_pictures(root, names)
    numbers = (
        table[[part for _, x, y in triples for part in (x, y)]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    )
    points = numbers.reshape(len(table), len(triples), 2)
    group = group_column(table)
    nameless = np.zeros(len(table), bool) if group is None else table[group].isna().to_numpy()
    left_out = []
    keep = np.zeros(len(table), bool)
    seen: set[str] = set()
    for row, path in enumerate(paths):
        if path is None:
            left_out.append(f"{names[row]} is in {source} and its picture is missing; it was left out.")
        elif not np.isfinite(points[row]).all():
            missing = triples[int(np.argmax(~np.isfinite(points[row]).all(axis=1)))][0]
            left_out.append(f"{names[row]} has no number for the point {missing} in {source}; it was left out.")
        elif path in seen:
            left_out.append(f"{names[row]} stands twice in {source}; the second row was left out.")
        elif nameless[row] and not nameless.all():
            # It could be of a person who is held out: it would leak.
            left_out.append(f"{names[row]} has no {group} in {source}; it was left out.")
        else:
            keep[row] = True
            seen.add(path)
    if not keep.any():
        raise UserError(
            f"No row of {source} can be used. The first problem: {left_out[0] if left_out else 'it is empty.'}"
        )
    rows = np.flatnonzero(keep)
    kept = [paths[row] for row in rows]
    made = pd.DataFrame({"item": labels.unique_items(kept), "path": kept})
    notes = [f"Points from {source}: {', '.join(point for point, _, _ in triples)}."]
    if group is not None and not nameless.all():
        # A gap in a column of whole numbers makes it one of floats: person 1 must not become 1.0 by it.
        made["group"] = table[group].convert_dtypes().astype(str).to_numpy()[rows]
        notes.append(f"The column {group} says which pictures belong together.")
    angles = angle_columns(table)
    for angle, column in angles.items():
        made[angle] = pd.to_numeric(table[column], errors="coerce").to_numpy(float)[rows]
    if angles:
        notes.append(f"The head's angles stand beside the points: {', '.join(angles.values())}.")
    labels.mark_valid(table, made, rows, source)
    return Index(
        name,
        "points",
        root,
        tuple(point for point, _, _ in triples),
        made,
        points=points[rows],
        left_out=tuple(left_out),
        notes=tuple(notes),
    )
