"""Hold items out: at random, class by class, by person, by column, list or folder. Same seed, same split, anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from labcore.errors import UserError


@dataclass(frozen=True)
class Split:
    """Which items teach and which examine.

    Attributes:
        train: int64, ascending rows of the table.
        valid: int64, ascending rows of the table.
        how: one sentence for people.
        test: int64, rows that neither teaches nor guides a choice; often empty.
        warnings: sentences on what is doubtful about it.
    """

    train: np.ndarray
    valid: np.ndarray
    how: str
    test: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    warnings: tuple[str, ...] = ()


def order(n: int, seed: int) -> np.ndarray:
    """A permutation of ``n`` rows, int64, that depends on nothing but the seed.

    Sorted from Philox's raw 64-bit output, which numpy promises never to change; ``Generator.permutation`` has no such
    promise (NEP 19), and a split that moves with a library would make old results incomparable.
    """
    return np.argsort(np.random.Philox(key=seed).random_raw(n), kind="stable").astype(np.int64)


def random(n: int, valid_pct: float = 0.2, seed: int = 42) -> Split:
    """Hold out a random share, at least one item; fastai's ``RandomSplitter``.

    Raises:
        UserError: there are fewer than two items.
    """
    _enough(n)
    held = order(n, seed)[: min(max(1, int(n * valid_pct)), n - 1)]
    return _of(n, held, f"A random {len(held) / n:.0%} of {n:,} items is held out (seed {seed}).")


def stratified(labels: Sequence[int], valid_pct: float = 0.2, seed: int = 42) -> Split:
    """Hold out the same share of every class, so that a small set tests each: at least one item where a class has two.

    Raises:
        UserError: there are fewer than two items, or no class has two.
    """
    labels = np.asarray(labels)
    n = len(labels)
    _enough(n)
    shuffled = order(n, seed)
    held, single = [], 0
    for code in np.unique(labels):
        rows = shuffled[labels[shuffled] == code]
        # Half up, not to even: 0.2 of 10 must be 2 and of 12.5 be 3 on every machine.
        take = min(max(1, int(np.floor(len(rows) * valid_pct + 0.5))), len(rows) - 1)
        single += len(rows) == 1
        held.append(rows[:take])
    held = np.concatenate(held)
    if not len(held):
        raise UserError("Every class has a single item, so none can be held out. Add at least one more of a class.")
    warnings = ()
    if single:
        warnings = (
            f"{single} of {len(np.unique(labels))} classes have one item only: it teaches and is never examined.",
        )
    return _of(n, held, f"{valid_pct:.0%} of every class is held out at random (seed {seed}).", warnings=warnings)


def group(groups: Sequence, valid_pct: float = 0.2, seed: int = 42, hold_out: Sequence = ()) -> Split:
    """Hold out whole groups (a person, a video), so that no item of a valid group was ever seen in training.

    Args:
        groups: one name per item.
        valid_pct: groups are added until this share of the items is held out.
        seed: of the order in which groups are drawn.
        hold_out: these groups exactly, instead of drawn ones.

    Raises:
        UserError: there are fewer than two groups, or an asked one does not exist.
    """
    names = pd.Series(list(groups)).astype(str)
    n = len(names)
    _enough(n)
    known = sorted(names.unique())
    if len(known) < 2:
        raise UserError("All items belong to one group, so no group can be held out. Choose a random split instead.")
    wanted = [str(name) for name in hold_out]
    missing = sorted(set(wanted) - set(known))
    if missing:
        raise UserError(f"There is no group {missing[0]!r} to hold out. Choose among: {', '.join(known[:20])}.")
    if len(set(wanted)) == len(known):
        raise UserError("All groups are held out and nothing is left to learn from. Leave at least one in training.")
    if not wanted:
        counts = names.value_counts()
        for number in order(len(known), seed)[:-1]:
            wanted.append(known[number])
            if counts[wanted].sum() >= n * valid_pct:
                break
    held = np.flatnonzero(names.isin(wanted).to_numpy())
    shown = ", ".join(sorted(wanted)[:8]) + (" ..." if len(wanted) > 8 else "")
    return _of(n, held, f"Whole groups are held out: {shown} ({len(held) / n:.0%} of the items).")


def frames(groups: Sequence, valid_pct: float = 0.2) -> Split:
    """Hold out the end of every video: known people, yet hardly a frame whose neighbour teaches.

    Args:
        groups: one name per item; items of a group stand in the order of time.
        valid_pct: the share of each group's items, at least one where a group has two.

    Raises:
        UserError: there are fewer than two items, or no group has two.
    """
    names = pd.Series(list(groups)).astype(str)
    _enough(len(names))
    counts = names.map(names.value_counts())
    wanted = np.minimum(np.maximum(1, np.floor(counts * valid_pct + 0.5)), counts - 1)
    after = names[::-1].groupby(names[::-1]).cumcount()[::-1]
    held = np.flatnonzero((after < wanted).to_numpy())
    if not len(held):
        raise UserError(
            "Every group has a single item, so no end of it can be held out. Choose a random split instead."
        )
    return _of(len(names), held, f"The last {valid_pct:.0%} of every group's frames is held out.")


def column(is_valid: Sequence[bool], how: str = "The column is_valid says what is held out.") -> Split:
    """Hold out the items marked in a column, as by a list file (``valid.txt``) or a folder named valid.

    Raises:
        UserError: no item or every item is marked.
    """
    flags = np.asarray(list(is_valid), bool)
    if not len(flags) or flags.all() or not flags.any():
        which = "every" if len(flags) and flags.all() else "no"
        raise UserError(f"The set marks {which} item as valid, so it gives no split. Choose a random split instead.")
    return _of(len(flags), np.flatnonzero(flags), how)


def by_list(items: Sequence[str], listed: Sequence[str], how: str = "A list file says what is held out.") -> Split:
    """Hold out the items that a list names.

    Raises:
        UserError: the list names none or all of them.
    """
    wanted = set(listed)
    return column([item in wanted for item in items], how)


def by_folder(paths: Sequence[str], valid_names: Sequence[str] = ("valid", "val", "validation")) -> Split:
    """Hold out the files that lie below a folder of that name.

    Raises:
        UserError: none or all of them do.
    """
    names = {name.lower() for name in valid_names}
    flags = [any(part.lower() in names for part in path.split("/")[:-1]) for path in paths]
    return column(flags, "Files below the folder valid are held out.")


def leak(split: Split, groups: Sequence) -> float:
    """Share of the valid items whose group (person, video) also teaches: 0 is honest, 1 means all but seen."""
    names = pd.Series(list(groups)).astype(str).to_numpy()
    return float(np.isin(names[split.valid], names[split.train]).mean()) if len(split.valid) else 0.0


def never_taught(split: Split, labels: Sequence[int | tuple[int, ...]], classes: Sequence[str]) -> tuple[str, ...]:
    """One sentence per class that valid asks for and train never shows (at most five, then a count)."""
    values = [value if isinstance(value, tuple) else (value,) for value in labels]
    taught = {code for row in split.train for code in values[row]}
    asked = sorted({code for row in split.valid for code in values[row]} - taught)
    sentences = [
        f"{classes[code]} is in valid but never in train: it can only be got wrong. Add items or split class by class."
        for code in asked[:5]
    ]
    if len(asked) > 5:
        sentences.append(f"{len(asked) - 5} more classes are in valid but never in train.")
    return tuple(sentences)


def _enough(n: int) -> None:
    if n < 2:
        count = "is one item" if n else "are no items"
        raise UserError(f"There {count} in this data set; a split needs at least two, one to learn and one to examine.")


def _of(n: int, held: np.ndarray, how: str, warnings: tuple[str, ...] = ()) -> Split:
    flags = np.zeros(n, bool)
    flags[held] = True
    return Split(np.flatnonzero(~flags), np.flatnonzero(flags), how, warnings=warnings)
