"""Predictions from a table, CSV or Parquet: columns on demand, probabilities in single precision, truths as bits."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from labcore.errors import UserError
from labcore.evaluation.prediction_columns import NO, YES, ColumnMap, shown
from labcore.evaluation.prediction_files import MAX_ROWS, Kind, Predictions, short, too_many

SAMPLE_ROWS = 1_000
"""Rows that the guess looks at."""
Column = Callable[[str], pa.ChunkedArray]


class Table:
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
            raise UserError(f"{name} cannot be read as {kind.upper()} ({short(error)}). Save it again.") from None
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

    def read(self, wanted: Sequence[str], types: Mapping[str, pa.DataType]) -> tuple[Column, int]:
        """Some columns, in a CSV as the given types: a way to get each by its name, and how many rows there are.

        A Parquet file gives one column at a time, so that a large one is never in memory twice.
        """
        names = list(dict.fromkeys(wanted))
        if self.kind == "parquet":
            if self.rows > MAX_ROWS:
                raise UserError(too_many(self.name, self.rows, "rows", MAX_ROWS))
            return self._column, self.rows
        convert = arrow_csv.ConvertOptions(
            include_columns=names,
            column_types=dict(types),
            null_values=["", "NA", "N/A", "nan", "NaN", "null", "None", "#N/A"],
        )
        options = arrow_csv.ReadOptions(encoding=self.encoding, block_size=2**22)
        try:
            read = arrow_csv.read_csv(
                self._open(), read_options=options, parse_options=self.parse, convert_options=convert
            )
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None
        return read.column, read.num_rows

    def _column(self, name: str) -> pa.ChunkedArray:
        try:
            return self.file.read(columns=[name]).column(name)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> UserError:
        return UserError(f"{self.name} cannot be read: {short(error)}. Correct that line or column.")


def from_table(table: Table, mapping: ColumnMap) -> Predictions:
    """Probabilities, truths, ids and pictures from the columns of a mapping; not yet checked."""
    said = [probability for probability, _ in mapping.labels.values()]
    true = [truth for _, truth in mapping.labels.values() if truth]
    more = [name for name in (mapping.item, mapping.picture, mapping.tags) if name]
    # Single precision is what a probability needs, and a byte holds a truth: a quarter of what would be guessed.
    whole = {name: pa.int8() for name in true if pa.types.is_integer(table.sample[name].type)}
    types = {name: pa.float32() for name in said} | whole
    column, rows = table.read([*said, *true, *more], {name: types[name] for name in types if name not in more})
    if rows > MAX_ROWS:
        raise UserError(too_many(table.name, rows, "rows", MAX_ROWS))
    p = np.empty((rows, len(said)), np.float32)
    y = np.zeros((rows, len(said)), np.bool_)
    for place, (label, (probability, truth)) in enumerate(mapping.labels.items()):
        p[:, place] = _numbers(column(probability), label, table.name)
        if truth:
            y[:, place] = _truths(column(truth), truth, table.name)
    if mapping.tags:
        _from_tags(column(mapping.tags), list(mapping.labels), y, table.name)
    items = np.asarray(_texts(column(mapping.item))) if mapping.item else np.arange(rows).astype(str)
    pictures = np.asarray(_texts(column(mapping.picture))) if mapping.picture else None
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
    texts = _texts(column)
    # The mark of the whole column: a cell with the one label "blue sky" has no mark of its own.
    mark = next((mark for mark in "|;," if any(mark in text for text in texts)), " ")
    for row, text in enumerate(texts):
        for word in (part.strip() for part in text.split(mark)):
            if word in place:
                y[row, place[word]] = True
            elif word:
                unknown.add(word)
    if unknown and len(unknown) >= len(labels):
        raise UserError(
            f"{name}: the tags name {shown(sorted(unknown))}, the probabilities {shown(labels)}. "
            "Give both the same names."
        )


def _texts(column: pa.ChunkedArray) -> list[str]:
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2**20)
