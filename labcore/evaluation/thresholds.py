"""The exact threshold sweep for multi-label predictions, by sorting once.

A label is predicted where its probability lies strictly above the threshold, as in fastai's ``accuracy_multi``. What
changes with the threshold are counts, and counts at any threshold are places in sorted lists, so a sweep over every
distinct threshold costs one sort instead of one pass per threshold.

Notation: N items, C classes, T thresholds. Where a ratio has nothing to divide by it is NaN, "undefined", never 0 or 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labcore.errors import UserError

Array = npt.NDArray[np.float64]

NOTEBOOK_GRID = np.linspace(0.05, 0.95, 29)
"""The thresholds of the notes' own sweep (``torch.linspace(0.05, 0.95, 29)``, course-v4 06_multicat [39])."""
GRID = np.arange(1001) / 1000
"""Thresholds to choose among: three decimals, as a person would type them and a link can carry them exactly."""


CELLS_AT_ONCE = 2**19
"""Answers ranked at once: a few tens of megabytes, however many items there are."""


@dataclass(frozen=True)
class Counts:
    """True and false positives at each threshold; with the totals they give every count-based metric.

    Attributes:
        thresholds: [T] ascending.
        tp, fp: [C, T] (per class) or [T] (pooled) counts of predictions that are right and wrong.
        positives, items: [C, 1] or scalars: how many are true, how many there are.
    """

    thresholds: Array
    tp: Array
    fp: Array
    positives: Array
    items: Array

    @property
    def fn(self) -> Array:
        """True labels that were not predicted."""
        return self.positives - self.tp

    @property
    def tn(self) -> Array:
        """Labels that are neither true nor predicted."""
        return self.items - self.positives - self.fp

    def pooled(self) -> "Counts":
        """All classes counted together (micro average)."""
        return Counts(
            self.thresholds,
            self.tp.sum(0),
            self.fp.sum(0),
            np.float64(self.positives.sum()),
            np.float64(self.items.sum()),
        )


def checked(probabilities: npt.ArrayLike, truths: npt.ArrayLike) -> tuple[np.ndarray, npt.NDArray[np.bool_]]:
    """Probabilities [N, C] and truths [N, C] as arrays fit for a sweep.

    Raises:
        UserError: the shapes differ, there is nothing in them, a probability is NaN or outside 0..1, or a truth is
            neither 0 nor 1. Logits are recognised and named.
    """
    p, y = np.asarray(probabilities), np.asarray(truths)
    if p.ndim != 2 or p.shape != y.shape:
        raise UserError(f"Probabilities are {p.shape} and truths {y.shape}: both must be items x labels, alike.")
    if p.size == 0:
        raise UserError("There is nothing to sweep: no item or no label. Give at least one of each.")
    if p.dtype.kind not in "fiu" or np.isnan(p).any():
        raise UserError("Some probabilities are missing or not numbers. Fill or drop those rows.")
    if p.min() < 0 or p.max() > 1:
        low, high = float(p.min()), float(p.max())
        raise UserError(f"Probabilities run from {low:g} to {high:g}, not 0 to 1. If these are logits, say so.")
    if y.dtype != np.bool_:
        if not np.isin(y, (0, 1)).all():
            raise UserError("Some truths are neither 0 nor 1. Write 1 where the label is present and 0 where not.")
        y = y.astype(np.bool_)
    return p, y


def sigmoid(logits: npt.ArrayLike) -> Array:
    """Logits to probabilities, without overflow."""
    x = np.asarray(logits, np.float64)
    return np.exp(-np.logaddexp(0.0, -x))


def counts_at(probabilities: np.ndarray, truths: npt.NDArray[np.bool_], thresholds: npt.ArrayLike) -> Counts:
    """Counts of every class at the given thresholds: [C, T].

    One sort per class; every threshold is then two binary searches.
    """
    grid = np.asarray(thresholds, np.float64)
    items, classes = probabilities.shape
    tp, predicted = np.empty((classes, grid.size)), np.empty((classes, grid.size))
    for column in range(classes):
        p, y = probabilities[:, column], truths[:, column]
        right = np.sort(p[y])
        # float64 thresholds against float32 probabilities: numpy compares in float64, and so does this
        tp[column] = right.size - np.searchsorted(right.astype(np.float64, copy=False), grid, side="right")
        wrong = np.sort(p[~y])
        predicted[column] = wrong.size - np.searchsorted(wrong.astype(np.float64, copy=False), grid, side="right")
    return Counts(grid, tp, predicted, truths.sum(0, dtype=np.float64)[:, None], np.full((classes, 1), float(items)))


def every_threshold(probabilities: np.ndarray) -> Array:
    """All thresholds that matter: one below everything, then each distinct probability (ascending)."""
    return np.concatenate(([-np.inf], np.unique(probabilities).astype(np.float64)))


def precision(counts: Counts) -> Array:
    """Of what was predicted, how much is true."""
    return _ratio(counts.tp, counts.tp + counts.fp)


def recall(counts: Counts) -> Array:
    """Of what is true, how much was predicted."""
    return _ratio(counts.tp, counts.positives + 0 * counts.tp)


def f_beta(counts: Counts, beta: float) -> Array:
    """F-beta: recall counts ``beta`` times as much as precision (F2 is Planet's). Undefined without any true label."""
    b2 = beta * beta
    f = _ratio((1 + b2) * counts.tp, (1 + b2) * counts.tp + b2 * counts.fn + counts.fp)
    return np.where(counts.positives > 0, f, np.nan)


def accuracy(counts: Counts) -> Array:
    """Of all yes/no answers, how many are right (fastai's ``accuracy_multi`` when pooled); 1 - Hamming loss."""
    return (counts.tp + counts.tn) / counts.items


def hamming(counts: Counts) -> Array:
    """Of all yes/no answers, how many are wrong."""
    return (counts.fp + counts.fn) / counts.items


def cost(counts: Counts, *, false_positive: float = 1.0, false_negative: float = 1.0) -> Array:
    """Mean cost per answer where the two kinds of mistake cost so much each."""
    return (false_positive * counts.fp + false_negative * counts.fn) / counts.items


def macro(per_class: Array) -> Array:
    """Mean over the classes in which a metric is defined: [C, T] to [T]."""
    known = ~np.isnan(per_class)
    return _ratio(np.where(known, per_class, 0.0).sum(0), known.sum(0).astype(np.float64))


def samples_f_beta(
    probabilities: np.ndarray, truths: npt.NDArray[np.bool_], thresholds: npt.ArrayLike, beta: float = 2.0
) -> Array:
    """F-beta of each item, averaged over items (Planet's metric; fastai v1's ``fbeta``): [T].

    As the threshold falls past one probability after another, the F of that item alone jumps by a known amount. So the
    mean at any threshold is a sum of jumps, gathered by the thresholds between which each lies: exact everywhere. An
    item with no true label scores 0, and 1 if nothing is predicted either, as in scikit-learn with ``zero_division=1``.
    """
    b2, (items, classes) = beta * beta, probabilities.shape
    grid = np.asarray(thresholds, np.float64)
    ascending = np.argsort(grid, kind="stable")
    taken, rows = np.arange(1, classes + 1), max(1, CELLS_AT_ONCE // classes)
    jumps, empty = np.zeros(grid.size + 1), 0
    for start in range(0, items, rows):
        p, y = probabilities[start : start + rows], truths[start : start + rows]
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1).astype(np.float64, copy=False)
        right = np.cumsum(np.take_along_axis(y, order, axis=1), axis=1)
        positives = y.sum(1, keepdims=True)
        f = (1 + b2) * right / (b2 * positives + taken)
        f[:, 1:] -= f[:, :-1].copy()
        f[:, 0] -= positives[:, 0] == 0
        # How many thresholds lie below a probability: it is said at exactly those.
        level = np.searchsorted(grid[ascending], ranked.ravel(), side="left")
        jumps += np.bincount(level, weights=f.ravel(), minlength=grid.size + 1)
        empty += int((positives == 0).sum())
    scores = np.empty(grid.size)
    scores[ascending] = (empty + np.cumsum(jumps[::-1])[::-1][1:]) / items
    return scores


def subset_accuracy(probabilities: np.ndarray, truths: npt.NDArray[np.bool_], thresholds: npt.ArrayLike) -> Array:
    """Share of items whose labels are all right at each threshold: [T].

    An item is right exactly while the threshold lies at or above its largest wrong probability and below its smallest
    right one.
    """
    grid = np.asarray(thresholds, np.float64)
    items, classes = truths.shape
    lowest_right, highest_wrong = np.empty(items), np.empty(items)
    rows = max(1, CELLS_AT_ONCE // classes)
    for start in range(0, items, rows):
        part = slice(start, start + rows)
        lowest_right[part] = np.where(truths[part], probabilities[part], np.inf).min(1)
        highest_wrong[part] = np.where(truths[part], -np.inf, probabilities[part]).max(1)
    possible = highest_wrong < lowest_right
    opened = np.searchsorted(np.sort(highest_wrong[possible]), grid, side="right")
    closed = np.searchsorted(np.sort(lowest_right[possible]), grid, side="right")
    return (opened - closed) / len(truths)


def best(thresholds: Array, scores: Array, *, smallest: bool = False) -> tuple[float, float]:
    """The threshold with the best score, and that score; the middle of a plateau, since its ends are accidents.

    Raises:
        UserError: the score is undefined everywhere.
    """
    chosen = best_place(scores, smallest=smallest)
    low = thresholds[chosen] if np.isfinite(thresholds[chosen]) else 0.0
    high = thresholds[chosen + 1] if chosen + 1 < thresholds.size else low
    return float((low + high) / 2), float(scores[chosen])


def best_place(scores: Array, *, smallest: bool = False) -> int:
    """Where the best score stands: the middle of its widest plateau.

    Raises:
        UserError: the score is undefined everywhere.
    """
    signed = -scores if smallest else scores
    if np.isnan(signed).all():
        raise UserError("This metric is undefined at every threshold: there is no positive example to tune on.")
    at = np.flatnonzero(signed == np.nanmax(signed))
    widest = max(np.split(at, np.flatnonzero(np.diff(at) > 1) + 1), key=len)
    return int(widest[len(widest) // 2])


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 0)
