"""Judging a multi-label model at given thresholds: the fixed metrics, their baselines, and where it is wrong.

Pure functions of probabilities p [N, C] and truths y [N, C] (bool). A label is said where its probability lies strictly
above its threshold, as in fastai's ``accuracy_multi``. What has no examples is NaN, "undefined", never 0 or 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from labcore.evaluation import thresholds as sweep
from labcore.evaluation.threshold_metrics import F2, Metric

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NOTES_THRESHOLD = 0.2
"""The notes' own threshold for Planet and VOC (course-v3 lesson3-planet, course-v4 06_multicat)."""
SMALLEST_PROBABILITY = 1e-12
"""A probability that was rounded to 0 or 1 has a loss of 28 nats instead of an infinite one."""
FEW_POSITIVES = 10
"""With fewer true examples one picture moves a class's recall by more than a tenth: such figures are marked."""


def said_at(p: np.ndarray, thresholds: npt.ArrayLike) -> Bools:
    """[N, C] labels that are said, with one threshold or one per class."""
    return p > np.asarray(thresholds, np.float64)


def averaged(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike, beta: float = 2.0) -> dict[str, float]:
    """F-beta in its three averages at given thresholds.

    Returns:
        ``samples`` (mean over items; an item without labels scores 1 if nothing is said of it, else 0), ``macro`` (mean
        over the classes with a true example), ``micro`` (all answers counted together).
    """
    said = said_at(p, thresholds)
    right, b2 = said & y, beta * beta

    def f(axis: int | None) -> Array:
        below = b2 * y.sum(axis, dtype=np.float64) + said.sum(axis, dtype=np.float64)
        above = (1 + b2) * right.sum(axis, dtype=np.float64)
        return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)

    classes = np.where(y.any(0), f(0), np.nan)
    known = classes[~np.isnan(classes)]
    items = f(1)
    return {
        "samples": float(np.where(np.isnan(items), 1.0, items).mean()),
        "macro": float(known.mean()) if known.size else float("nan"),
        "micro": float(f(None)) if y.any() else float("nan"),
    }


def judged(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike = NOTES_THRESHOLD) -> dict[str, float]:
    """The lab's fixed metrics: ``accuracy_multi``, ``f2_samples``, ``f2_macro``, ``f2_micro``,
    ``mean_average_precision``, and ``nothing_said``, the share of items of which no label is said.
    """
    f2, said = averaged(p, y, thresholds, 2.0), said_at(p, thresholds)
    precisions = average_precision(p, y)
    known = precisions[~np.isnan(precisions)]
    return {
        "accuracy_multi": float((said == y).mean()),
        "f2_samples": f2["samples"],
        "f2_macro": f2["macro"],
        "f2_micro": f2["micro"],
        "mean_average_precision": float(known.mean()) if known.size else float("nan"),
        "nothing_said": float((~said.any(1)).mean()),
    }


def average_precision(p: np.ndarray, y: Bools) -> Array:
    """[C] average precision of each class, as in scikit-learn: the sum of precisions, weighted by steps of recall.

    Undefined for a class without a true example.
    """
    found = np.full(p.shape[1], np.nan)
    for column in range(p.shape[1]):
        if (p[:, column] == p[0, column]).all():  # every item at once: precision is the share
            found[column] = y[:, column].mean() if y[:, column].any() else np.nan
        elif y[:, column].any():
            precisions, recalls, _ = pr_curve(p[:, column], y[:, column])
            found[column] = np.sum(np.diff(recalls, prepend=0.0) * precisions)
    return found


def pr_curve(p: np.ndarray, y: Bools) -> tuple[Array, Array, Array]:
    """Precision, recall and threshold of one class after each distinct probability, highest first; [K] each.

    What is said there are the items with a probability at or above the threshold.
    """
    right, taken, thresholds = _cumulated(p, y)
    return right / taken, right / max(int(y.sum()), 1), thresholds


def roc_curve(p: np.ndarray, y: Bools) -> tuple[Array, Array, Array]:
    """False-positive rate, true-positive rate and threshold of one class, from (0, 0) on; [K + 1] each."""
    right, taken, thresholds = _cumulated(p, y)
    positives, negatives = max(int(y.sum()), 1), max(int((~y).sum()), 1)
    start = [np.concatenate(([0.0], values)) for values in ((taken - right) / negatives, right / positives)]
    return start[0], start[1], np.concatenate(([np.inf], thresholds))


def roc_auc(p: np.ndarray, y: Bools) -> float:
    """Area under the ROC curve of one class; undefined without a positive or without a negative."""
    if y.all() or not y.any():
        return float("nan")
    wrong, right, _ = roc_curve(p, y)
    return float(np.trapezoid(right, wrong))


def _cumulated(p: np.ndarray, y: Bools) -> tuple[Array, Array, Array]:
    order = np.argsort(-p, kind="stable")
    ranked = p[order]
    ends = np.append(np.flatnonzero(np.diff(ranked) != 0), ranked.size - 1)
    right = np.cumsum(y[order], dtype=np.float64)[ends]
    return right, ends + 1.0, ranked[ends].astype(np.float64)


@dataclass(frozen=True)
class Baselines:
    """What one gets without looking at a picture.

    Attributes:
        nothing: metrics of saying no label at all (``accuracy_multi`` is high where labels are few).
        priors: metrics of giving every picture each label's share as its probability, at the threshold with the best
            F2: the same few frequent labels for all.
        priors_threshold: that threshold.
    """

    nothing: dict[str, float]
    priors: dict[str, float]
    priors_threshold: float


def baselines(shares: npt.ArrayLike, y: Bools) -> Baselines:
    """Both baselines.

    Args:
        shares: [C] share of each label among the training items (or the items at hand, where no others are known).
        y: [N, C] truths to be judged on.
    """
    constant = np.broadcast_to(np.asarray(shares, np.float64), y.shape)
    grid = sweep.every_threshold(constant[:1])
    place = int(np.argmax(_constant_curve(constant, y, F2, grid)))
    low = max(grid[place], 0.0)
    high = grid[place + 1] if place + 1 < grid.size else low
    threshold = float((low + high) / 2)
    return Baselines(judged(np.broadcast_to(0.0, y.shape), y, 0.5), judged(constant, y, threshold), threshold)


def baseline_scores(shares: npt.ArrayLike, y: Bools, metric: Metric) -> dict[str, float]:
    """Any metric of both baselines, priors at the threshold that is best for it: ``say nothing``, ``priors``."""
    constant = np.broadcast_to(np.asarray(shares, np.float64), y.shape)
    scores = _constant_curve(constant, y, metric, sweep.every_threshold(constant[:1]))
    known = scores[np.isfinite(scores)]
    best = float(known.min() if metric.smallest else known.max()) if known.size else float("nan")
    return {"say nothing": metric.score(np.broadcast_to(0.0, y.shape), y, 0.5), "priors": best}


def _constant_curve(constant: np.ndarray, y: Bools, metric: Metric, grid: Array) -> Array:
    """[T] a metric where every item has the same probabilities, at each of their distinct values.

    Per item, labels come in the same order for all, so nothing is sorted: that matters for a million items.
    """
    if metric.average != "samples":
        return metric.curve(constant, y, grid)
    order, b2 = np.argsort(-constant[0], kind="stable"), metric.beta**2
    taken = np.arange(1, len(order) + 1)
    total, rows = np.zeros(len(order) + 1), max(1, sweep.CELLS_AT_ONCE // len(order))
    for start in range(0, len(y), rows):
        part = y[start : start + rows, order]
        right = np.cumsum(part, axis=1)
        positives = right[:, -1:]
        total[1:] += ((1 + b2) * right / (b2 * positives + taken)).sum(0)
        total[0] += (positives == 0).sum()
    said = (constant[0][:, None] > grid).sum(0)
    return total[said] / len(y)


# Where it is wrong


def per_class(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike, names: tuple[str, ...], beta: float = 2.0):
    """One row per class: counts of the 2 x 2 table, precision, recall, F-beta, average precision, area under ROC.

    Returns:
        A table with ``label``, ``threshold``, ``tp``, ``fp``, ``fn``, ``tn``, ``precision``, ``recall``, ``f``,
        ``average_precision``, ``roc_auc``, and ``few``: too few true examples for its figures to be trusted.
    """
    said = said_at(p, thresholds)
    tp, fp = (said & y).sum(0), (said & ~y).sum(0)
    fn, tn = (~said & y).sum(0), (~said & ~y).sum(0)
    b2 = beta * beta
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        f = np.where(tp + fn > 0, (1 + b2) * tp / ((1 + b2) * tp + b2 * fn + fp), np.nan)
    return pd.DataFrame(
        {
            "label": list(names),
            "threshold": np.broadcast_to(np.asarray(thresholds, np.float64), (len(names),)),
            "tp": tp,
            "fp": fp,
            "fn": fn,
            "tn": tn,
            "precision": precision,
            "recall": recall,
            "f": f,
            "average_precision": average_precision(p, y),
            "roc_auc": [roc_auc(p[:, column], y[:, column]) for column in range(len(names))],
            "few": tp + fn < FEW_POSITIVES,
        }
    )


# One picture


def logit(p: npt.ArrayLike) -> Array:
    """Log odds of probabilities, kept finite."""
    p = np.clip(np.asarray(p, np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.log(p) - np.log1p(-p)


def binary_cross_entropy(p: npt.ArrayLike, y: npt.ArrayLike) -> Array:
    """What each answer costs, in nats: -log p where the label is true, -log(1 - p) where it is not; same shape."""
    p = np.clip(np.asarray(p, np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.where(np.asarray(y, bool), -np.log(p), -np.log1p(-p))


def taken_apart(p: npt.ArrayLike, y: npt.ArrayLike, names: tuple[str, ...], logits: npt.ArrayLike | None = None):
    """The BCE of one picture label by label: ``label``, ``target`` (0.0 or 1.0), ``logit``, ``probability``,
    ``given_to_truth`` (p or 1 - p) and ``loss``; the picture's BCE is the mean of the last column.
    """
    p, y = np.asarray(p, np.float64), np.asarray(y, bool)
    return pd.DataFrame(
        {
            "label": list(names),
            "target": y.astype(np.float64),
            "logit": logit(p) if logits is None else np.asarray(logits, np.float64),
            "probability": p,
            "given_to_truth": np.where(y, p, 1 - p),
            "loss": binary_cross_entropy(p, y),
        }
    )


def argmax_against_threshold(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike) -> dict[str, float]:
    """Why accuracy with argmax fails here: it names exactly one label, whatever the picture shows.

    Returns:
        ``labels_true``, ``labels_argmax`` (always 1), ``labels_threshold``: mean per picture; ``f2_argmax``,
        ``f2_threshold`` (per item); ``argmax_complete``: share of pictures with exactly the one true label it can name.
    """
    one = np.zeros(p.shape, bool)
    one[np.arange(len(p)), p.argmax(1)] = True
    return {
        "labels_true": float(y.sum(1).mean()),
        "labels_argmax": 1.0,
        "labels_threshold": float(said_at(p, thresholds).sum(1).mean()),
        "f2_argmax": averaged(one.astype(np.float64), y, 0.5)["samples"],
        "f2_threshold": averaged(p, y, thresholds)["samples"],
        "argmax_complete": float((one == y).all(1).mean()),
    }
