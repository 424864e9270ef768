"""Predictions of any multi-label model from a file: CSV, Parquet or NPZ with truths and probabilities (or logits).

Which column is what is guessed from names and values, and said, so that a person can correct it. Nothing in a file is
executed or unpickled, and its size is looked at before it is read.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from labcore.errors import UserError
from labcore.evaluation.prediction_arrays import from_npz
from labcore.evaluation.prediction_columns import ColumnMap, guess, shown
from labcore.evaluation.prediction_files import (
    MAX_LABELS,
    MAX_ROWS,
    Predictions,
    kind_of,
    small_enough,
    too_many,
)
from labcore.evaluation.prediction_tables import Table, from_table
from labcore.evaluation.thresholds import checked, sigmoid

ROWS_AT_ONCE = 2**14
"""Logits are turned into probabilities in double precision, a part at a time."""


def read(
    source: Path | bytes,
    name: str = "",
    *,
    mapping: ColumnMap | None = None,
    logits: bool | None = None,
) -> Predictions:
    """Read and check a file.

    Args:
        source: its path, or its bytes.
        name: what to call it; by its ending it is CSV (also .tsv, .txt), Parquet or NPZ.
        mapping: which column is what; None guesses.
        logits: whether values are logits; None recognises them by name or range.

    Raises:
        UserError: too large, unreadable, or what it holds are no predictions; the sentence says what to mend.
    """
    name = name or (source.name if isinstance(source, Path) else "the file")
    kind = kind_of(name)
    small_enough(source, name, kind)
    if kind == "npz":
        return _checked(from_npz(source, name, logits), name, logits)
    table = Table(source, name, kind)
    found = mapping or guess(table.sample, logits)
    _known(found, table.names, name)
    return _checked(from_table(table, found), name, logits)


def columns(source: Path | bytes, name: str) -> list[str]:
    """The columns of a CSV or Parquet file; none for NPZ."""
    kind = kind_of(name)
    small_enough(source, name, kind)
    return [] if kind == "npz" else Table(source, name, kind).names


def guessed(source: Path | bytes, name: str, logits: bool | None = None) -> ColumnMap:
    """Which column of a CSV or Parquet file is what.

    Raises:
        UserError: the file cannot be read, or no label with a probability and a truth is found.
    """
    kind = kind_of(name)
    small_enough(source, name, kind)
    return guess(Table(source, name, kind).sample, logits)


def _checked(found: Predictions, name: str, logits: bool | None) -> Predictions:
    p, notes = found.p, list(found.mapping.words)
    items, width = p.shape
    if items == 0 or width == 0:
        raise UserError(f"{name} holds nothing to tune on. It needs at least one item and one label.")
    if items > MAX_ROWS:
        raise UserError(too_many(name, items, "rows", MAX_ROWS))
    if width > MAX_LABELS:
        raise UserError(too_many(name, width, "labels", MAX_LABELS))
    if len(set(found.classes)) < width:
        raise UserError(f"{name} names a label twice. Give every label a name of its own.")
    missing = ~np.isfinite(p)
    if missing.any():
        row, column = np.argwhere(missing)[0]
        raise UserError(
            f"{name}: {int(missing.sum()):,} values are missing or not finite, the first in row {row + 1} of "
            f"{found.classes[column]}. Fill or drop those rows."
        )
    as_logits = found.mapping.logits if logits is None else logits
    low, high = float(p.min()), float(p.max())
    if not as_logits and (low < 0 or high > 1):
        if logits is False:
            raise UserError(
                f"{name}: probabilities run from {low:g} to {high:g}, not 0 to 1. If these are logits, say so; else "
                "correct them."
            )
        as_logits = True
        notes.append(f"Values run from {low:.3g} to {high:.3g}, so they are taken for logits and go through a sigmoid.")
    elif as_logits:
        notes.append("Values are logits: each goes through a sigmoid.")
    if as_logits:
        p = np.empty_like(found.p)
        for start in range(0, items, ROWS_AT_ONCE):
            p[start : start + ROWS_AT_ONCE] = sigmoid(found.p[start : start + ROWS_AT_ONCE])
    checked(p, found.y)
    unique = len(np.unique(found.items))
    if unique < items:
        values, counts = np.unique(found.items, return_counts=True)
        shown = values[np.argmax(counts)]
        raise UserError(
            f"{name}: {items - unique:,} ids come more than once, such as {shown!r}. One item in two halves would make "
            "every estimate too good. Keep one row per item."
        )
    if items == 1:
        notes.append("A single item: thresholds can be swept, but nothing can be held out.")
    return replace(found, p=p, mapping=replace(found.mapping, logits=as_logits), notes=tuple(notes))


def _known(mapping: ColumnMap, names: Sequence[str], name: str) -> None:
    wanted = [column for pair in mapping.labels.values() for column in pair] + [
        mapping.item,
        mapping.picture,
        mapping.tags,
    ]
    for column in wanted:
        if column and column not in names:
            raise UserError(f"{name} has no column {column!r}. Its columns are: {shown(names)}.")
    if len(mapping.labels) > MAX_LABELS:
        raise UserError(too_many(name, len(mapping.labels), "labels", MAX_LABELS))
    if any(not truth for _, truth in mapping.labels.values()) and not mapping.tags:
        raise UserError(f"{name}: a label has no column of truths. Choose one for every label.")
