"""What a file of predictions may be: its kind, its limits, and the predictions that come out of it."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from labcore.errors import UserError
from labcore.evaluation.prediction_columns import ColumnMap

MAX_ROWS, MAX_LABELS = 1_000_000, 100
MAX_BYTES = {"csv": 1_500_000_000, "parquet": 1_500_000_000, "npz": 2_500_000_000}
"""What 1,000,000 x 100 takes with room to spare: a CSV of 1.1 GB; NPZ is counted unpacked."""
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


def kind_of(name: str) -> Kind:
    """The kind of a file by its ending. Raises UserError for another one."""
    suffix = Path(name).suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return "csv"
    if suffix in (".parquet", ".pq"):
        return "parquet"
    if suffix == ".npz":
        return "npz"
    raise UserError(f"{name} is neither CSV, Parquet nor NPZ. Save the predictions as one of these.")


def small_enough(source: Path | bytes, name: str, kind: Kind) -> None:
    """Refuse what is missing, empty or too large before a byte of it is read. Raises UserError."""
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


def too_many(name: str, count: int, what: str, most: int) -> str:
    """The refusal of a file with too much in it."""
    return f"{name} has {count:,} {what}; at most {most:,} are read. Draw a sample of them."


def short(error: Exception) -> str:
    """The first line of a library's complaint."""
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
