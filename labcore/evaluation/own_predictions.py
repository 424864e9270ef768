"""Predictions of any multi-label model from a file: CSV, Parquet or NPZ with truths and probabilities (or logits).

Which column is what is guessed from names and values, and said, so that a person can correct it. Nothing in a file is
executed or unpickled, and its size is looked at before it is read.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from labcore.errors import UserError
from labcore.evaluation.prediction_columns import (
    LOGIT_WORDS,
    NO,
    PROBABILITY_WORDS,
    TRUTH_WORDS,
    YES,
    ColumnMap,
    guess,
    shown,
)
from labcore.evaluation.thresholds import checked, sigmoid

MAX_ROWS, MAX_LABELS = 1_000_000, 100
MAX_BYTES = {"csv": 1_500_000_000, "parquet": 1_500_000_000, "npz": 2_500_000_000}
"""What 1,000,000 x 100 takes with room to spare: a CSV of 1.1 GB; NPZ is counted unpacked."""
SAMPLE_ROWS = 1_000
"""Rows that the guess looks at."""
Kind = Literal["csv", "parquet", "npz"]


@dataclass(frozen=True)
class Predictions:
    """Checked predictions; row ``i`` of every member speaks of the same item.

    Attributes:
        classes: C label names.
        p: float32 [N, C] probabilities.
        y: bool [N, C] truths.
        items: [N] ids as text.
        mapping: how the file was read.
        pictures: [N] paths or addresses, or uint8 [N, H, W, 3], or None.
        picture_places: [K] rows that ``pictures`` shows, where not all of them; else None.
        notes: sentences on what was found.
    """

    classes: tuple[str, ...]
    p: npt.NDArray[np.float32]
    y: npt.NDArray[np.bool_]
    items: np.ndarray
    mapping: ColumnMap
    pictures: np.ndarray | None = None
    picture_places: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.p)


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
    kind = _kind(name)
    _small_enough(source, name, kind)
    if kind == "npz":
        return _checked(_from_npz(source, name, logits), name, logits)
    table = _Table(source, name, kind)
    found = mapping or guess(table.sample, logits)
    _known(found, table.names, name)
    return _checked(_from_table(table, found), name, logits)


def columns(source: Path | bytes, name: str) -> list[str]:
    """The columns of a CSV or Parquet file; none for NPZ."""
    kind = _kind(name)
    _small_enough(source, name, kind)
    return [] if kind == "npz" else _Table(source, name, kind).names


def guessed(source: Path | bytes, name: str, logits: bool | None = None) -> ColumnMap:
    """Which column of a CSV or Parquet file is what.

    Raises:
        UserError: the file cannot be read, or no label with a probability and a truth is found.
    """
    kind = _kind(name)
    _small_enough(source, name, kind)
    return guess(_Table(source, name, kind).sample, logits)


# Reading


class _Table:
    """A CSV or Parquet file: names and a sample at once, columns on demand."""

    def __init__(self, source: Path | bytes, name: str, kind: Kind) -> None:
        self.source, self.name, self.kind = source, name, kind
        self.parse = arrow_csv.ParseOptions()
        try:
            if kind == "parquet":
                self.file = parquet.ParquetFile(self._open())
                self.names = self.file.schema_arrow.names
                self.rows = self.file.metadata.num_rows
                first = next(self.file.iter_batches(SAMPLE_ROWS), None)
                self.sample = pa.table(first) if first is None else pa.Table.from_batches([first])
            else:
                self._sniff()
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{name} cannot be read as {kind.upper()} ({_short(error)}). Save it again.") from None
        twice = sorted({column for column in self.names if self.names.count(column) > 1})
        if twice:
            raise UserError(f"{name} has two columns named {twice[0]!r}. Give every column a name of its own.")
        if not len(self.sample):
            raise UserError(f"{name} holds no row. It needs a line of column names and one line per item.")

    def _open(self) -> Any:
        return str(self.source) if isinstance(self.source, Path) else pa.BufferReader(self.source)

    def _sniff(self) -> None:
        head = self.source[: 2**20] if isinstance(self.source, bytes) else _head(self.source)
        if not head.strip():
            raise UserError(f"{self.name} is empty. It needs a line of column names and one line per item.")
        if b"\0" in head[:4096]:
            raise UserError(f"{self.name} is no text table. Save it as CSV in UTF-8.")
        self.encoding = "utf8"
        try:
            head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.encoding = "utf8" if error.start > len(head) - 4 else "latin-1"
        line = head.decode("latin-1").splitlines()[0]
        delimiter = max(",;\t|", key=line.count)
        self.parse = arrow_csv.ParseOptions(delimiter=delimiter)
        whole = head if len(head) < 2**20 else head[: head.rfind(b"\n") + 1]
        options = arrow_csv.ReadOptions(encoding=self.encoding)
        table = arrow_csv.read_csv(pa.BufferReader(whole), read_options=options, parse_options=self.parse)
        self.names, self.sample = list(table.column_names), table.slice(0, SAMPLE_ROWS)

    def read(self, wanted: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Some columns, in a CSV as the given types."""
        try:
            if self.kind == "parquet":
                if self.rows > MAX_ROWS:
                    raise UserError(_too_many(self.name, self.rows, "rows", MAX_ROWS))
                return self.file.read(columns=list(dict.fromkeys(wanted)))
            convert = arrow_csv.ConvertOptions(
                include_columns=list(dict.fromkeys(wanted)),
                column_types=dict(types),
                null_values=["", "NA", "N/A", "nan", "NaN", "null", "None", "#N/A"],
            )
            options = arrow_csv.ReadOptions(encoding=self.encoding, block_size=2**22)
            return arrow_csv.read_csv(
                self._open(), read_options=options, parse_options=self.parse, convert_options=convert
            )
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{self.name} cannot be read: {_short(error)}. Correct that line or column.") from None


def _from_table(table: _Table, mapping: ColumnMap) -> Predictions:
    said = [probability for probability, _ in mapping.labels.values()]
    true = [truth for _, truth in mapping.labels.values() if truth]
    more = [name for name in (mapping.item, mapping.picture, mapping.tags) if name]
    # Single precision is what a probability needs, and a byte holds a truth: a quarter of what would be guessed.
    whole = {name: pa.int8() for name in true if pa.types.is_integer(table.sample[name].type)}
    types = {name: pa.float32() for name in said} | whole
    read = table.read([*said, *true, *more], {name: types[name] for name in types if name not in more})
    rows = read.num_rows
    if rows > MAX_ROWS:
        raise UserError(_too_many(table.name, rows, "rows", MAX_ROWS))
    p = np.empty((rows, len(said)), np.float32)
    y = np.zeros((rows, len(said)), np.bool_)
    for column, (label, (probability, truth)) in enumerate(mapping.labels.items()):
        p[:, column] = _numbers(read[probability], label, table.name)
        if truth:
            y[:, column] = _truths(read[truth], truth, table.name)
    if mapping.tags:
        _from_tags(read[mapping.tags], list(mapping.labels), y, table.name)
    items = np.asarray(_texts(read[mapping.item])) if mapping.item else np.arange(rows).astype(str)
    pictures = np.asarray(_texts(read[mapping.picture])) if mapping.picture else None
    return Predictions(tuple(mapping.labels), p, y, items, mapping, pictures)


def _numbers(column: pa.ChunkedArray, label: str, name: str) -> np.ndarray:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise UserError(f"{name}: the probability of {label} is {column.type}, not a number. Choose another column.")
    return np.asarray(column.cast(pa.float32()).to_numpy(zero_copy_only=False) if hasattr(column, "cast") else column)


def _truths(column: pa.ChunkedArray, title: str, name: str) -> np.ndarray:
    if column.null_count:
        raise UserError(
            f"{name}: {column.null_count:,} truths in {title} are missing. Fill them with 0 or 1, or drop them."
        )
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), np.bool_)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        yes, no = pc.is_in(words, pa.array(sorted(YES))), pc.is_in(words, pa.array(sorted(NO - {""})))
        if not pc.all(pc.or_(yes, no)).as_py():
            raise UserError(
                _no_truth(name, title, next(v for v, ok in zip(words, pc.or_(yes, no), strict=True) if not ok.as_py()))
            )
        return np.asarray(yes.to_numpy(zero_copy_only=False), np.bool_)
    try:
        values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowException:
        raise UserError(_no_truth(name, title, column.type)) from None
    wrong = ~np.isin(values, (0, 1))
    if wrong.any():
        raise UserError(_no_truth(name, title, f"{values[wrong][0]:g}"))
    return values == 1


def _no_truth(name: str, title: str, found: Any) -> str:
    return f"{name}: truths in {title} must be 0 or 1 (or true and false); {found} was found. Correct it."


def _from_tags(column: pa.ChunkedArray, labels: list[str], y: np.ndarray, name: str) -> None:
    place, unknown = {label: i for i, label in enumerate(labels)}, set()
    for row, text in enumerate(column.to_pylist()):
        mark = next((mark for mark in "|;," if mark in (text or "")), " ")
        for word in (part.strip() for part in (text or "").split(mark)):
            if word in place:
                y[row, place[word]] = True
            elif word:
                unknown.add(word)
    if unknown and len(unknown) >= len(labels):
        raise UserError(
            f"{name}: the tags name {shown(sorted(unknown))}, the probabilities {shown(labels)}. "
            "Give both the same names."
        )


def _from_npz(source: Path | bytes, name: str, logits: bool | None) -> Predictions:
    try:
        with np.load(source if isinstance(source, Path) else io.BytesIO(source), allow_pickle=False) as archive:
            lower = {key.lower(): key for key in archive.files}

            def first(words: Sequence[str]) -> tuple[str, np.ndarray | None]:
                key = next((lower[word] for word in words if word in lower), "")
                return key, archive[key] if key else None

            said, p = first(PROBABILITY_WORDS)
            as_logits = False
            if p is None or logits:
                said, p = first(LOGIT_WORDS) if first(LOGIT_WORDS)[0] else (said, p)
                as_logits = True
            true, y = first([word for word in TRUTH_WORDS if word not in ("is", "label")])
            if p is None or y is None or p.ndim != 2:
                raise UserError(
                    f"{name} needs an array probs (or logits) and an array targets, both items x labels. It holds: "
                    f"{shown(archive.files)}."
                )
            _, classes = first(("classes", "names", "class_names", "vocab"))
            _, items = first(("items", "ids", "item", "id"))
            _, pictures = first(("pictures", "images"))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{name} cannot be read as NPZ ({_short(error)}). Arrays of objects are never read.") from None
    if y.shape != p.shape:
        raise UserError(f"{name}: {said} is {p.shape} and {true} {y.shape}. Both must be items x labels, alike.")
    if classes is not None and len(classes) != p.shape[1]:
        raise UserError(f"{name} names {len(classes)} classes for {p.shape[1]} columns. Give one name per column.")
    if items is not None and len(items) != len(p):
        raise UserError(f"{name} has {len(items)} ids for {len(p)} rows. Give one per row.")
    if p.dtype.kind not in "fiu":
        raise UserError(f"{name}: {said} holds no numbers ({p.dtype}).")
    if y.dtype != np.bool_ and (y.dtype.kind not in "fiu" or not np.isin(y, (0, 1)).all()):
        raise UserError(f"{name}: truths in {true} must be 0 or 1. Correct them.")
    names = tuple(map(str, classes)) if classes is not None else tuple(f"label {k}" for k in range(p.shape[1]))
    labels = {label: (f"{said}[{k}]", f"{true}[{k}]") for k, label in enumerate(names)}
    fitting = pictures is not None and pictures.dtype == np.uint8 and pictures.ndim == 4 and len(pictures) == len(p)
    words = (f"{len(names)} labels, values from {said}, truths from {true}.",)
    mapping = ColumnMap(labels, as_logits, words=words)
    ids = np.asarray(items).astype(str) if items is not None else np.arange(len(p)).astype(str)
    return Predictions(names, p.astype(np.float32), y.astype(np.bool_), ids, mapping, pictures if fitting else None)


# Checking


def _checked(found: Predictions, name: str, logits: bool | None) -> Predictions:
    p, notes = found.p, list(found.mapping.words)
    items, width = p.shape
    if items == 0 or width == 0:
        raise UserError(f"{name} holds nothing to tune on. It needs at least one item and one label.")
    if items > MAX_ROWS:
        raise UserError(_too_many(name, items, "rows", MAX_ROWS))
    if width > MAX_LABELS:
        raise UserError(_too_many(name, width, "labels", MAX_LABELS))
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
        p = sigmoid(p).astype(np.float32)
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


def _kind(name: str) -> Kind:
    suffix = Path(name).suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return "csv"
    if suffix in (".parquet", ".pq"):
        return "parquet"
    if suffix == ".npz":
        return "npz"
    raise UserError(f"{name} is neither CSV, Parquet nor NPZ. Save the predictions as one of these.")


def _small_enough(source: Path | bytes, name: str, kind: Kind) -> None:
    if isinstance(source, Path):
        try:
            size = source.stat().st_size
        except OSError as error:
            raise UserError(f"{name} cannot be read ({error.strerror}). Check the path.") from None
        if not source.is_file():
            raise UserError(f"{name} is no file. Give a CSV, Parquet or NPZ file.")
    else:
        size = len(source)
    if not size:
        raise UserError(f"{name} is empty.")
    if kind == "npz":
        try:
            with zipfile.ZipFile(source if isinstance(source, Path) else io.BytesIO(source)) as archive:
                size = sum(member.file_size for member in archive.infolist())
        except (zipfile.BadZipFile, OSError):
            raise UserError(f"{name} is no NPZ file. Write it with numpy.savez_compressed.") from None
    if size > MAX_BYTES[kind]:
        raise UserError(
            f"{name} has {size / 1e9:.1f} GB; at most {MAX_BYTES[kind] / 1e9:g} GB are read "
            f"({MAX_ROWS:,} rows x {MAX_LABELS} labels). Save it as Parquet in single precision, or take fewer rows."
        )


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
        raise UserError(_too_many(name, len(mapping.labels), "labels", MAX_LABELS))
    if any(not truth for _, truth in mapping.labels.values()) and not mapping.tags:
        raise UserError(f"{name}: a label has no column of truths. Choose one for every label.")


def _texts(column: pa.ChunkedArray) -> list[str]:
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2**20)


def _too_many(name: str, count: int, what: str, most: int) -> str:
    return f"{name} has {count:,} {what}; at most {most:,} are read. Draw a sample of them."


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
