"""What a folder, zip or CSV holds, which lesson it fits, what is wrong with it and how to mend it."""

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labcore.data import archives, block, cache, check_points, decode, own, splits
from labcore.data.files import existing_folder
from labcore.data.items import Items, Task
from labcore.data.labels import Index
from labcore.data.masks import read_mask
from labcore.errors import UserError
from labcore.specs import DatasetSpec

MOST_DECODED = 2000
"""Pictures opened in full; of a larger set an even sample, which says so. 2,000 take some seconds."""
SHOWN = 10
"""Problems of one kind that are named; the others are counted."""
PROBE = (32, 32)
"""Size that pictures are decoded to while checking: damage shows at any size, and small is quick."""
RARE = 20
"""A class with so many times fewer items than the most frequent one is called rare."""
EXPERIMENTS: dict[Task, tuple[str, ...]] = {
    "single_label": ("lr_finder", "fine_tune"),
    "multi_label": ("thresholds",),
    "masks": ("segmentation",),
    "points": ("head_pose",),
    "ratings": ("collab",),
}
"""Which experiments take which kind of target."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; ``stops`` says whether nothing can be learnt until it is mended."""

    what: str
    stops: bool = False


@dataclass(frozen=True)
class Report:
    """The outcome of a check.

    Attributes:
        path: what was checked.
        found: one sentence on what it is.
        task: its kind of targets, None if nothing fits.
        fits: experiments that can use it.
        items: how many items.
        classes: items (pixels for masks, ratings for films) per class, most frequent first; empty for points.
        split: how it would be held out.
        problems: what is wrong and how to mend it.
        notes: what was guessed.
    """

    path: Path
    found: str
    task: Task | None = None
    fits: tuple[str, ...] = ()
    items: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    split: str = ""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether something can be learnt from it as it is."""
        return self.task is not None and not any(problem.stops for problem in self.problems)

    def text(self) -> str:
        """The report as lines for a terminal."""
        lines = [self.found]
        if self.fits:
            lines.append(f"Fits: {', '.join(self.fits)} ({self.task.replace('_', ' ')}).")
        if self.classes and self.task != "ratings":
            shown = [f"{name} {count:,}" for name, count in list(self.classes.items())[:12]]
            more = f", and {len(self.classes) - 12} more" if len(self.classes) > 12 else ""
            lines.append(f"{'Pixels' if self.task == 'masks' else 'Items'} per class: {', '.join(shown)}{more}.")
        lines += [f"Split: {self.split}"] if self.split else []
        lines += [f"Note: {note}" for note in self.notes]
        lines += [f"{'Wrong' if problem.stops else 'Mind'}: {problem.what}" for problem in self.problems]
        lines.append("It can be used as it is." if self.usable else "It cannot be used before this is mended.")
        return "\n".join(lines)


def check(path: str | Path) -> Report:
    """Look at a folder, an archive or a CSV as a data set.

    Raises:
        UserError: there is nothing at ``path``, or an archive may not be unpacked.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _check_folder(existing_folder(path), path)
    if archives.is_archive(path):
        with tempfile.TemporaryDirectory(prefix="check-") as folder:
            archives.unpack(path, Path(folder) / "set", archives.UPLOADED)
            return _check_folder(Path(folder) / "set", path)
    if path.is_file() and path.suffix.lower() in (".csv", ".tsv", ".parquet"):
        return _check_folder(path.parent, path, only=path)
    if path.exists():
        raise UserError(f"{path} is neither a folder nor a zip nor a CSV. Give one of these.")
    raise UserError(f"There is nothing at {path}. Check the spelling.")


def _check_folder(root: Path, path: Path, only: Path | None = None) -> Report:
    try:
        index = own.load_index(root) if only is None else own.from_one_table(only)
    except UserError as error:
        inside = _several(root) if only is None else []
        if len(inside) > 1:
            names = ", ".join(f"{name} ({task.replace('_', ' ')})" for name, task in inside)
            found = f"{path} holds {len(inside)} data sets: {names}. Check or use one of them."
            return Report(path, found, problems=(Problem("Point to one of the folders inside.", stops=True),))
        return Report(path, f"{path} is no data set that the lab knows.", problems=(Problem(str(error), stops=True),))
    counts, problems, usable = (_check_ratings if index.task == "ratings" else _check_pictures)(index)
    split, doubts = _check_split(block.taken(index, usable))
    return Report(
        path,
        f"{path} holds {own.in_words(index)}.",
        index.task,
        (*EXPERIMENTS[index.task], *_also(root, index)),
        len(index),
        counts,
        split,
        (*_listed(index.left_out), *problems, *doubts),
        index.notes,
    )


def _also(root: Path, index: Index) -> tuple[str, ...]:
    """Experiments for the masks that a set of labels has besides."""
    if index.task not in ("single_label", "multi_label"):
        return ()
    try:
        own.load_index(root, "masks")
    except UserError:
        return ()
    return EXPERIMENTS["masks"]


def _several(root: Path) -> list[tuple[str, Task]]:
    found = []
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.name.startswith("."):
            try:
                found.append((entry.name, own.load_index(entry).task))
            except UserError:
                continue  # this one is no data set: that is the answer
    return found


def _check_pictures(index: Index) -> tuple[dict[str, int], list[Problem], np.ndarray]:
    rows = np.arange(len(index))
    problems: list[Problem] = []
    if len(index) > MOST_DECODED:
        rows = np.linspace(0, len(index) - 1, MOST_DECODED).round().astype(int)
        problems.append(Problem(f"{MOST_DECODED:,} of {len(index):,} pictures were opened in full, evenly spread."))
    reasons: list[str | None] = [None] * len(rows)
    sizes = np.zeros((len(rows), 2), int)
    pixels = np.zeros(256, np.int64)
    opened_pixels: list[np.ndarray] = [np.zeros(0)] * len(rows)

    def work(start: int, stop: int) -> None:
        for number in range(start, stop):
            row = index.table.iloc[rows[number]]
            try:
                _, where = decode.read_picture(index.root / row["path"], PROBE)
                sizes[number] = where.width, where.height
                if index.task == "masks":
                    full = (where.height, where.width)
                    same = decode.presize(where.width, where.height, full, "squish")
                    mask = read_mask(index.root / row["mask"], full, index.codes, same, 0, index.colours)
                    opened_pixels[number] = np.bincount(mask.ravel(), minlength=256)
            except decode.Unusable as problem:
                reasons[number] = f"{row['item']} {problem}; it is left out."

    cache.in_threads(len(rows), work, lambda _: None)
    for counted in opened_pixels:
        if len(counted):
            pixels += counted
    problems += _listed([reason for reason in reasons if reason])
    problems += _blank(index, rows, opened_pixels)
    broken = rows[[number for number, reason in enumerate(reasons) if reason]] if any(reasons) else []
    usable = np.setdiff1d(np.arange(len(index)), broken)
    if not len(usable):
        problems.append(Problem("No picture can be used.", stops=True))
    elif len(usable) == 1:
        problems.append(Problem("There is a single usable item; learning needs at least two.", stops=True))
    problems += _twins(index)
    if index.task == "points":
        problems += _points_outside(index, rows, sizes, reasons)
        problems += [Problem(sentence) for sentence in check_points.doubts(index.table)]
    counts = _class_counts(index, pixels)
    problems += _class_problems(index, counts)
    return counts, problems, usable


def _blank(index: Index, rows: np.ndarray, counted: list[np.ndarray]) -> list[Problem]:
    """Masks of which every pixel is void: they neither teach nor examine anything."""
    blank = [
        index.table["item"].iloc[row]
        for row, pixels in zip(rows, counted, strict=True)
        if len(pixels) and index.void is not None and pixels[index.void] == pixels.sum()
    ]
    return _listed(f"{item} is void all over: it teaches nothing and is left out." for item in blank)


def _class_counts(index: Index, pixels: np.ndarray) -> dict[str, int]:
    if index.task == "points":
        return {}
    if index.task == "masks":
        numbers = pixels[: len(index.classes)]
    else:
        column = "label" if index.task == "single_label" else "labels"
        codes = [code for value in index.table[column] for code in (value if isinstance(value, tuple) else (value,))]
        numbers = np.bincount(codes, minlength=len(index.classes)) if codes else np.zeros(len(index.classes), int)
    order = np.argsort(-numbers, kind="stable")
    return {index.classes[code]: int(numbers[code]) for code in order}


def _class_problems(index: Index, counts: dict[str, int]) -> list[Problem]:
    if index.task == "points" or not counts:
        return []
    problems = []
    if index.task == "single_label" and len(counts) < 2:
        problems.append(Problem(f"All pictures are of one class, {next(iter(counts))}. Add another class.", stops=True))
    absent = [name for name, count in counts.items() if count == 0]
    if index.task == "masks" and absent:
        problems.append(Problem(f"Codes that no mask shows: {', '.join(absent[:SHOWN])}."))
    if index.task == "single_label":
        alone = [name for name, count in counts.items() if count == 1]
        if alone:
            shown = ", ".join(alone[:SHOWN])
            problems.append(Problem(f"{len(alone)} classes have a single picture ({shown}): add more, or drop them."))
        most, least = max(counts.values()), min(counts.values())
        if least and most / least > RARE:
            rare = min(counts, key=counts.get)
            problems.append(
                Problem(f"{rare} is {most / least:.0f} times rarer than the most frequent class: add pictures.")
            )
    return problems


def _twins(index: Index) -> list[Problem]:
    """Files of equal content: the same picture under two labels is an error, in train and valid a leak."""
    by_size: dict[int, list[int]] = {}
    for row, path in enumerate(index.table["path"]):
        try:
            by_size.setdefault((index.root / path).stat().st_size, []).append(row)
        except OSError:
            continue  # named already among the files that cannot be read
    twins, torn = [], []
    for rows in by_size.values():
        seen: dict[str, int] = {}
        for row in rows if len(rows) > 1 else ():
            try:
                digest = hashlib.sha256((index.root / index.table["path"].iloc[row]).read_bytes()).hexdigest()
            except OSError:
                continue
            first = seen.setdefault(digest, row)
            if first != row:
                pair = (index.table["item"].iloc[first], index.table["item"].iloc[row])
                column = next((name for name in ("label", "labels") if name in index.table), None)
                differ = column is not None and index.table[column].iloc[first] != index.table[column].iloc[row]
                (torn if differ else twins).append(pair)
    problems = []
    if torn:
        problems.append(
            Problem(f"{len(torn)} pictures stand under two labels, such as {torn[0][0]} and {torn[0][1]}: keep one.")
        )
    if twins:
        problems.append(
            Problem(
                f"{len(twins)} pictures are there twice, such as {twins[0][0]} and {twins[0][1]}: "
                "a copy in valid leaks."
            )
        )
    return problems


def _points_outside(index: Index, rows: np.ndarray, sizes: np.ndarray, reasons: list[str | None]) -> list[Problem]:
    opened = np.asarray([reason is None for reason in reasons])
    geometry = np.zeros((int(opened.sum()), 6), np.float32)
    geometry[:, 4:6] = sizes[opened]
    kept = rows[opened]
    _, sentences = block.points_inside(index.points[kept], geometry, index.table["item"].iloc[kept], index.classes)
    return _listed(sentences)


def _check_ratings(index: Index) -> tuple[dict[str, int], list[Problem], np.ndarray]:
    table = index.table
    per_user, per_movie = table["user"].value_counts(), table["movie"].value_counts()
    problems = []
    if table["rating"].nunique() < 2:
        problems.append(Problem("All ratings are equal: there is nothing to predict.", stops=True))
    if len(per_user) < 2 or len(per_movie) < 2:
        problems.append(Problem("Ratings need at least two users and two items.", stops=True))
    single = int((per_user == 1).sum())
    if single > len(per_user) / 2:
        problems.append(
            Problem(f"{single:,} of {len(per_user):,} users rated a single item: their taste cannot be learnt.")
        )
    counts = {index.classes[code]: int(count) for code, count in per_movie.head(100).items()}
    return counts, problems, np.arange(len(index))


def _check_split(index: Index) -> tuple[str, list[Problem]]:
    if len(index) < 2:
        return "", []
    hollow = np.zeros((len(index), 0, 0, 3), np.uint8)
    items = Items(index.name, index.task, index.classes, index.table, hollow)
    try:
        made = block.split(items, DatasetSpec(name="own", root=str(index.root)[:4096]))
    except UserError as error:
        return "", [Problem(str(error), stops=True)]
    doubts = [Problem(warning) for warning in made.warnings]
    leaked = splits.leak(made, index.table["group"]) if "group" in index.table else 0.0
    if leaked > 0:
        doubts.append(
            Problem(
                f"{leaked:.0%} of the valid items come from a group (person, video) that also teaches: valid flatters."
            )
        )
    return made.how, doubts


def _listed(sentences) -> list[Problem]:
    sentences = list(sentences)
    problems = [Problem(sentence) for sentence in sentences[:SHOWN]]
    if len(sentences) > SHOWN:
        problems.append(Problem(f"{len(sentences) - SHOWN:,} more of this kind."))
    return problems
