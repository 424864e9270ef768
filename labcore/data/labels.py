"""The index of a data set, and the ways to read a label: folder, file name, table column, mask, points, ratings."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from labcore.data.items import Task
from labcore.errors import UserError

UNKNOWN_CODE = 255
"""Marks, in a table of mask codes, a pixel value that the set does not define."""
_ENCODINGS = ("utf-8-sig", "latin-1")
_COLOURED = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\S.*)")
"""A line of CamVid's ``label_colors.txt``: red, green, blue, name."""
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Index:
    """What is known of a data set before a single picture is decoded.

    Attributes:
        name: the set's fixed name.
        task: the kind of target.
        root: the folder that paths are relative to.
        classes: vocabulary in index order; point names for points.
        table: one row per item: ``item`` (unique), ``path`` (but for ratings), and by task ``label``, ``labels`` or
            ``mask`` (path of the mask file); where known ``group``, ``is_valid``, ``is_test``.
        points: float64 [N, P, 2], (x, y) in pixels of the file as it is looked at; for points.
        codes: uint8 [256], from a pixel value in the mask file to its class, ``UNKNOWN_CODE`` elsewhere; for masks.
        colours: uint8 [C, 3], the colour of each class in masks that are painted; None where they hold numbers.
        void: the class that no metric counts, or None.
        left_out: one sentence per item that cannot be used.
        notes: sentences on what was found and guessed.
        extra: arrays about the set as a whole (film titles, say).
    """

    name: str
    task: Task
    root: Path
    classes: tuple[str, ...]
    table: pd.DataFrame
    points: np.ndarray | None = None
    codes: np.ndarray | None = None
    colours: np.ndarray | None = None
    void: int | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extra: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)


def unique_items(paths: Sequence[str]) -> list[str]:
    """Readable names for files: the bare name where it is unique, the relative path where two folders share it."""
    names = pd.Series([PurePosixPath(path).name for path in paths], dtype=object)
    repeated = names.duplicated(keep=False)
    return [path if twice else name for path, name, twice in zip(paths, names, repeated, strict=True)]


def encode(values: Iterable[str], classes: Sequence[str] | None = None) -> tuple[list[int], tuple[str, ...]]:
    """Labels as numbers: (codes, vocabulary). The vocabulary is sorted unless given, so that it never depends on order.

    Raises:
        UserError: a value is not in the given vocabulary.
    """
    values = list(values)
    vocabulary = tuple(classes) if classes is not None else tuple(sorted(set(values)))
    position = {name: number for number, name in enumerate(vocabulary)}
    unknown = sorted({value for value in values if value not in position})
    if unknown:
        raise UserError(f"The label {unknown[0]!r} is not among the {len(vocabulary)} classes of this set.")
    return [position[value] for value in values], vocabulary


def encode_many(values: Iterable[Sequence[str]], classes: Sequence[str] | None = None):
    """Several labels per item as sorted tuples of numbers: (list of tuples, vocabulary)."""
    values = [list(dict.fromkeys(labels)) for labels in values]
    _, vocabulary = encode((label for labels in values for label in labels), classes)
    position = {name: number for number, name in enumerate(vocabulary)}
    return [tuple(sorted(position[label] for label in labels)) for labels in values], vocabulary


def from_folder(paths: Iterable[str], level: int = -2) -> list[str]:
    """The name of the folder that holds each file; ``level`` -2 is the nearest one. Files beside no folder give ''."""
    parts = [PurePosixPath(path).parts for path in paths]
    return [part[level] if len(part) >= abs(level) else "" for part in parts]


def from_pattern(paths: Iterable[str], pattern: str) -> list[str | None]:
    """The first group of ``pattern`` (a regular expression) in each file's name; None where it does not match.

    >>> from_pattern(["images/great_pyrenees_173.jpg"], r"^(.+)_\\d+\\.")
    ['great_pyrenees']

    Raises:
        UserError: the pattern is no regular expression or has no group.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"The pattern {pattern!r} is no regular expression: {error}.") from None
    if compiled.groups < 1:
        raise UserError(f"The pattern {pattern!r} has no group. Put round brackets around the part that is the label.")
    found = (compiled.search(PurePosixPath(path).name) for path in paths)
    return [match.group(1) if match else None for match in found]


def split_tags(value: Any, delimiter: str | None = None) -> list[str]:
    """The labels in one cell of a multi-label column; spaces, semicolons, pipes or commas part them.

    >>> split_tags("clear primary"), split_tags("a|b"), split_tags(float("nan"))
    (['clear', 'primary'], ['a', 'b'], [])
    """
    if not isinstance(value, str):
        return []
    if delimiter is None:
        delimiter = next((mark for mark in "|;," if mark in value), " ")
    return [part.strip() for part in value.split(delimiter) if part.strip()]


def read_table(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV whatever its separator (comma, semicolon, tab, pipe) and encoding (UTF-8, latin-1).

    Raises:
        UserError: the file is missing, empty or no table.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing in {path.parent}.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    if not raw.strip():
        raise UserError(f"{path} is empty. It needs a line of column names and one line per item.")
    if b"\0" in raw[:4096]:
        raise UserError(f"{path} is no text table. Save it as CSV in UTF-8.")
    for encoding in _ENCODINGS:
        try:
            raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    separator = options.pop("sep", None) or guess_delimiter(raw[:65536].decode(encoding, "replace"))
    try:
        return pd.read_csv(path, sep=separator, encoding=encoding, **options)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise UserError(
            f"{path} is no proper table: {str(error).strip()}. Check that every line has all columns."
        ) from None


def guess_delimiter(text: str) -> str:
    """The separator that the head line has most of; a comma where there is a single column."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    counts = [head.count(mark) for mark in _DELIMITERS]
    return _DELIMITERS[int(np.argmax(counts))]


def code_table(mapping: dict[int, int]) -> np.ndarray:
    """Pixel values to classes as a table of 256 entries, ``UNKNOWN_CODE`` where nothing is defined."""
    table = np.full(256, UNKNOWN_CODE, np.uint8)
    for value, code in mapping.items():
        table[value] = code
    return table


def codes_file(root: Path) -> Path:
    """Where a folder of masks names its classes: ``codes.txt``, or CamVid's own ``label_colors.txt``."""
    other = root / "label_colors.txt"
    return other if other.exists() and not (root / "codes.txt").exists() else root / "codes.txt"


def read_codes(path: Path) -> tuple[str, ...]:
    """The classes of a mask set from ``codes.txt``: one name per line, its line number is its pixel value.

    Raises:
        UserError: the file is missing, empty, names a class twice or names more than 255.
    """
    return read_coloured_codes(path)[0]


def read_coloured_codes(path: Path) -> tuple[tuple[str, ...], np.ndarray | None]:
    """The classes of a mask set and, where every line begins with one ("64 0 128 Car"), their colours uint8 [C, 3].

    Raises:
        UserError: the file is missing or empty, names a class or a colour twice, or names more than 255 classes.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing in {path.parent}. It names one mask class per line.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    names = [line.strip() for line in lines if line.strip()]
    if not 1 <= len(names) <= 255:
        raise UserError(f"{path} names {len(names)} classes; a mask can hold 1 to 255.")
    painted = [_COLOURED.fullmatch(name) for name in names]
    colours = None
    if all(painted):
        names = [match.group(4).strip() for match in painted]
        triples = [tuple(int(part) for part in match.groups()[:3]) for match in painted]
        if max(max(triple) for triple in triples) > 255:
            raise UserError(f"{path} has a colour above 255. Write red, green and blue as numbers from 0 to 255.")
        _no_twice(path, triples, "the colour")
        colours = np.array(triples, np.uint8)
    _no_twice(path, names, "the class")
    return tuple(names), colours


def _no_twice(path: Path, values: Sequence[Any], what: str) -> None:
    for place, value in enumerate(values):
        if value in values[:place]:
            lines = f"{values.index(value) + 1} and {place + 1}"
            raise UserError(f"{path} names {what} {value} twice (lines {lines}). Give each class one line of its own.")


def read_names(path: Path) -> set[str]:
    """The file names that a list such as ``valid.txt`` holds, one per line; an absent list is empty."""
    if not path.exists():
        return set()
    return {line.strip() for line in path.read_text("utf-8-sig", errors="replace").splitlines() if line.strip()}


def void_class(classes: Sequence[str]) -> int | None:
    """The class that counts in no metric, recognised by its name."""
    names = [name.lower() for name in classes]
    return next((names.index(name) for name in ("void", "unlabelled", "unlabeled", "ignore") if name in names), None)


def flags(values: pd.Series) -> np.ndarray:
    """A column of marks as bool: true, 1, yes, valid and the like are marked; anything else, NaN too, is not."""
    return values.astype(str).str.strip().str.lower().isin(["true", "1", "1.0", "yes", "y", "valid", "val"]).to_numpy()


def mark_valid(table: pd.DataFrame, made: pd.DataFrame, rows: np.ndarray, source: str) -> None:
    """Carry a column ``is_valid`` (any case) of a read table over to ``made``, whose rows are ``rows`` of it."""
    known = {str(column).lower(): column for column in table.columns}
    if "is_valid" in known:
        made["is_valid"] = flags(table[known["is_valid"]])[rows]
        made.attrs["held_out_by"] = f"The column {known['is_valid']} of {source} says what is held out."
