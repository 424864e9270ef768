"""Where predictions come from, a run of the lab or a file of one's own, made alike for everything below them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from labcore.errors import UserError
from labcore.evaluation import multilabel, own_predictions
from labcore.evaluation.prediction_columns import ColumnMap
from labcore.evaluation.threshold_metrics import Metric, parse
from labcore.evaluation.tune import Tuned, tune
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row, open_store

THUMB = 96
"""Side of a picture in the gallery, in pixels."""
SHOWN_ITEMS, SHOWN_CELLS = 200_000, 5_000_000
"""Curves, tables, calibration and mistakes look at so many items and answers at most; a screen shows no more."""


@dataclass(frozen=True)
class Source:
    """Predictions with their truths; row ``i`` of every member speaks of the same item.

    Attributes:
        id: changes whenever the content does.
        words: what it is, for headings.
        classes: C names.
        p, y: [N, C].
        items: [N] ids.
        shares: [C] of each label, for the baseline of priors.
        shares_words: where the shares come from.
        logits: [N, C] where known.
        pictures: uint8 [K, H, W, 3] of the rows in ``places``, or addresses [N], or None.
        places: [K] rows.
        folder: where relative paths of pictures begin, in a local lab.
        notes: sentences on what was found.
        run: the run it is of, or ''.
    """

    id: str
    words: str
    classes: tuple[str, ...]
    p: np.ndarray
    y: np.ndarray
    items: np.ndarray
    shares: np.ndarray
    shares_words: str
    logits: np.ndarray | None = None
    pictures: np.ndarray | None = None
    places: np.ndarray | None = None
    folder: str = ""
    notes: tuple[str, ...] = ()
    run: str = ""

    def __len__(self) -> int:
        return len(self.p)

    @property
    def pictured(self) -> np.ndarray:
        """Rows that have a picture; all of them where there is none at all."""
        if self.pictures is None or self.pictures.dtype != np.uint8 or self.places is None:
            return np.arange(len(self))
        return self.places

    def picture(self, row: int) -> np.ndarray | str | None:
        """The picture of a row: pixels, an address on the web, or None."""
        if self.pictures is None:
            return None
        if self.pictures.dtype == np.uint8:
            if self.places is None:
                return self.pictures[row]
            found = np.flatnonzero(self.places == row)
            return self.pictures[found[0]] if found.size else None
        place = str(self.pictures[row])
        if place.startswith(("http://", "https://")):
            return place
        return _from_folder(self.folder, place) if self.folder else None


@st.cache_data(max_entries=512, show_spinner=False)
def _from_folder(folder: str, place: str) -> np.ndarray | None:
    """A picture below a folder of this machine; None where it is missing or lies elsewhere."""
    from labcore.data.decode import Unusable, read_picture

    root = Path(folder).resolve()
    path = (root / place).resolve()
    if not path.is_relative_to(root):
        return None
    try:
        return read_picture(path, (THUMB, THUMB))[0]
    except (Unusable, OSError):
        return None


def of_run(row: Row) -> Source:
    """The valid predictions of a finished run."""
    return _of_run(row.id, row.finished or 0.0, open_store().url)


@st.cache_resource(max_entries=4, show_spinner=False)
def _of_run(run: str, finished: float, url: str) -> Source:
    files = Artifacts()
    found = decode("predictions.npz", files.read(run, "predictions.npz"))
    kept = decode("pictures.npz", files.read(run, "pictures.npz"))
    plan = decode("plan.json", files.read(run, "plan.json"))
    return Source(
        id=f"{run}-{finished:.0f}",
        words=f"run {run[:8]}: {len(found['probs']):,} valid pictures",
        classes=tuple(map(str, found["classes"])),
        p=found["probs"],
        y=found["targets"].astype(bool),
        items=found["items"],
        shares=np.asarray(plan["shares"], float),
        shares_words="the training set's shares",
        logits=found["logits"],
        pictures=kept["pictures"],
        places=kept["places"],
        run=run,
    )


def of_file(
    source: Path | bytes, name: str, mapping: ColumnMap | None, logits: bool | None, folder: str = ""
) -> Source:
    """The predictions in a file of one's own.

    Raises:
        UserError: they cannot be used; the sentence says what to mend.
    """
    return _of_file(content_of(source), source, name, mapping, logits, folder)


def content_of(source: Path | bytes) -> str:
    """What changes whenever the content of a file or upload does.

    Raises:
        UserError: there is no such file.
    """
    if not isinstance(source, Path):
        return hashlib.sha256(source).hexdigest()
    try:
        stat = source.stat()
    except OSError as error:
        raise UserError(f"{source} cannot be read ({error.strerror}). Check the path.") from None
    return f"{source.resolve()} {stat.st_size} {stat.st_mtime_ns}"


@st.cache_resource(max_entries=2, show_spinner="Reading the predictions …", hash_funcs={ColumnMap: repr})
def _of_file(
    known: str, _source: Path | bytes, name: str, mapping: ColumnMap | None, logits: bool | None, folder: str
) -> Source:
    found = own_predictions.read(_source, name, mapping=mapping, logits=logits)
    text = f"{known} {mapping!r} {logits} {folder}"
    return Source(
        id=hashlib.sha256(text.encode()).hexdigest()[:24],
        words=f"{name}: {len(found):,} items, {len(found.classes)} labels",
        classes=found.classes,
        p=found.p,
        y=found.y,
        items=found.items,
        shares=found.y.mean(0),
        shares_words="these very items’ shares",
        pictures=found.pictures,
        folder=folder,
        notes=found.notes,
    )


def tuned_of(source: Source, metric: str) -> Tuned:
    """The machine's own choice, both ways; the very function that the command line calls.

    Raises:
        UserError: the metric is unknown or undefined.
    """
    return _tuned(source.id, parse(metric).name, source)


@st.cache_resource(max_entries=16, show_spinner="Choosing on one half, scoring on the other, twenty times …")
def _tuned(source_id: str, metric: str, _source: Source) -> Tuned:
    return tune(_source.p, _source.y, _source.classes, metric=metric)


def baselines_of(source: Source, metric: Metric) -> dict[str, float]:
    """The score of saying nothing and of the priors, for any metric."""
    return _baselines(source.id, metric.name, source)


@st.cache_resource(max_entries=32, show_spinner=False)
def _baselines(source_id: str, metric: str, _source: Source) -> dict[str, float]:
    return multilabel.baseline_scores(_source.shares, _source.y, parse(metric))


def gallery_rows(source: Source, count: int = 24) -> np.ndarray:
    """Pictures for the board: half the ones most wrong, half drawn at random, the same ones every time."""
    rows = source.pictured
    some = rows if len(rows) <= 20_000 else np.sort(np.random.default_rng(0).choice(rows, 20_000, replace=False))
    losses = multilabel.binary_cross_entropy(source.p[some], source.y[some]).mean(1)
    worst = some[np.argsort(-losses, kind="stable")[: count // 2]]
    others = np.setdiff1d(some, worst)
    drawn = np.random.default_rng(0).permutation(others)[: count - len(worst)]
    return np.concatenate([worst, drawn]).astype(int)


def part_of(source: Source, most: int = SHOWN_ITEMS) -> np.ndarray:
    """Rows to look at: all, or as many as a view needs, drawn by a fixed seed."""
    most = min(most, max(1000, SHOWN_CELLS // len(source.classes)))
    if len(source) <= most:
        return np.arange(len(source))
    return np.sort(np.random.default_rng(0).permutation(len(source))[:most])


def say_part(source: Source, rows: np.ndarray) -> None:
    """Say that a view looks at a part, where it does."""
    if len(rows) < len(source):
        st.caption(
            f":material/filter_alt: Of {len(rows):,} items, drawn at random from {len(source):,}. The board, the "
            "chosen thresholds and their scores are of all."
        )
