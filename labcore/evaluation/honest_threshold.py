"""How far a chosen threshold can be trusted: choose on some items, score on others, and do it again.

The notes ask whether picking the best of many thresholds on the validation set overfits. For one global threshold
hardly; for one per class on few items it does, and the gap between the score seen while choosing and the score on
fresh items (the optimism) says by how much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labcore.errors import UserError
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.threshold_metrics import F2, Metric

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FALLBACK = 0.5
"""The threshold of a class that has no positive to choose by (fastai's own default)."""
BOOTSTRAP_BLOCK = 2**19
"""Resampled counts held at once: 2 MiB of float32 stay in a core's cache, which is twice as fast as 20 MB."""
COARSE = sweep.GRID[::5]
"""Global thresholds of a bootstrap: bands are wider than its steps of 0.005."""


@dataclass(frozen=True)
class Bootstrap:
    """What the optimum would have been on other samples of the same kind.

    Attributes:
        thresholds: [B, C] best threshold of each class in each resample ([B, 1] for a global one); NaN where it had no
            positive.
        scores: the score there, same shape.
    """

    thresholds: Array
    scores: Array

    def band(self, share: float = 0.9) -> tuple[Array, Array]:
        """[2, C] lower and upper end of the middle ``share`` of thresholds, and of scores; NaN where undefined."""
        ends = [50 * (1 - share), 50 * (1 + share)]
        bands = []
        for values in (self.thresholds, self.scores):
            found = np.full((2, values.shape[1]), np.nan)
            for column in np.flatnonzero(~np.isnan(values).all(0)):
                found[:, column] = np.nanpercentile(values[:, column], ends)
            bands.append(found)
        return bands[0], bands[1]


def bootstrap(p: np.ndarray, y: Bools, *, metric: Metric = F2, resamples: int = 1000, seed: int = 0) -> Bootstrap:
    """Resample items with replacement and find each class's best threshold anew (Efron 1979).

    Items are sorted once per class; a resample is a count per item, and the metric at every distinct threshold follows
    from two cumulative sums. Thresholds lie half-way between neighbouring probabilities.

    Args:
        p: [N, C] probabilities.
        y: [N, C] truths.
        metric: what is best, of each class by itself.
        resamples: B.
        seed: of the resampling; the same items are drawn for every class.
    """
    items, classes = p.shape
    best = np.full((2, resamples, classes), np.nan)
    order = np.argsort(-p, axis=0, kind="stable")
    for start, weights in _resampled(items, resamples, seed):
        stop = start + len(weights)
        drawn = np.ascontiguousarray(weights.T)  # items first, so that ranking them moves whole rows of memory
        for column in range(classes):
            ranked = order[:, column]
            best[:, start:stop, column] = _best_of(drawn[ranked], p[ranked, column], y[ranked, column], metric)
    return Bootstrap(best[0], best[1])


def bootstrap_global(
    p: np.ndarray, y: Bools, *, metric: Metric = F2, resamples: int = 1000, seed: int = 0
) -> Bootstrap:
    """The same for one threshold for all classes: every metric is a sum over items, at each threshold.

    Args as in :func:`bootstrap`; thresholds are those of ``COARSE``.
    """
    items = len(p)
    scores = np.empty((resamples, COARSE.size))
    per_item = _item_scores(p, y, metric) if metric.average in ("samples", "subset") else None
    for start, weights in _resampled(items, resamples, seed):
        stop = start + len(weights)
        if per_item is not None:
            scores[start:stop] = weights @ per_item / items
        else:
            scores[start:stop] = _resampled_counts(weights, p, y, metric)
    signed = np.where(np.isnan(scores), -np.inf, -scores if metric.smallest else scores)
    at = signed.argmax(1)
    found = scores[np.arange(resamples), at]
    return Bootstrap(np.where(np.isnan(found), np.nan, COARSE[at])[:, None], found[:, None])


def _resampled(items: int, resamples: int, seed: int):
    """(start, weights float32 [b, N]) in blocks: how often each item was drawn."""
    generator = np.random.default_rng(seed)
    block = max(1, BOOTSTRAP_BLOCK // max(items, 1))
    for start in range(0, resamples, block):
        drawn = range(start, min(start + block, resamples))
        counts = [np.bincount(generator.integers(0, items, items), minlength=items) for _ in drawn]
        yield start, np.stack(counts).astype(np.float32)


def _item_scores(p: np.ndarray, y: Bools, metric: Metric) -> npt.NDArray[np.float32]:
    """[N, T] the score of each item at each threshold, for metrics that are means over items."""
    found = np.empty((len(p), COARSE.size), np.float32)
    true, b2 = y.sum(1), metric.beta**2
    for place, threshold in enumerate(COARSE):
        said = p > threshold
        if metric.average == "subset":
            found[:, place] = (said == y).all(1)
            continue
        below = b2 * true + said.sum(1)
        found[:, place] = np.where(below > 0, (1 + b2) * (said & y).sum(1) / np.maximum(below, 1e-9), 1.0)
    return found


def _resampled_counts(weights: np.ndarray, p: np.ndarray, y: Bools, metric: Metric) -> Array:
    """[b, T] a metric of counts in each resample."""
    items, classes = p.shape
    if metric.average == "micro":
        said = [p > threshold for threshold in COARSE]
        tp = weights @ np.stack([(one & y).sum(1) for one in said], axis=1).astype(np.float32)
        fp = weights @ np.stack([(one & ~y).sum(1) for one in said], axis=1).astype(np.float32)
        positives = weights @ y.sum(1, dtype=np.float32)
        return metric.of_counts(tp, fp, positives[:, None] + 0 * tp, np.float64(items * classes))
    values = []
    for column in range(classes):
        said = p[:, [column]] > COARSE
        truth = y[:, [column]]
        tp = weights @ (said & truth).astype(np.float32)
        fp = weights @ (said & ~truth).astype(np.float32)
        values.append(metric.of_counts(tp, fp, weights @ truth.astype(np.float32) + 0 * tp, np.float64(items)))
    return sweep.macro(np.stack(values))


def _best_of(weights: npt.NDArray[np.float32], p: np.ndarray, y: Bools, metric: Metric) -> Array:
    """[2, B] best threshold and score for items sorted by falling probability; ``weights`` [N, B] are their counts."""
    ends = np.append(np.flatnonzero(np.diff(p) != 0), p.size - 1)
    right = np.cumsum(weights * y[:, None], axis=0, dtype=np.float32)
    taken = np.cumsum(weights, axis=0, dtype=np.float32, out=weights)
    if ends.size < p.size:
        right, taken = right[ends], taken[ends]
    positives, every = right[-1], np.arange(weights.shape[1])
    said = p[ends].astype(np.float64)
    middles = (said + np.append(said[1:], 0.0)) / 2
    if metric.beta:  # written out and in place, since this is where a bootstrap spends its time
        b2 = np.float32(metric.beta**2)
        taken += b2 * positives
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = np.divide(right, taken, out=right)
        at = np.where(np.isnan(scores), -1, scores).argmax(0) if not positives.all() else scores.argmax(0)
        found = (1 + b2) * scores[at, every].astype(np.float64)
        return np.where(positives > 0, np.stack([middles[at], found]), np.nan)
    scores = metric.of_counts(right, taken - right, positives + 0 * right, np.float64(p.size))
    none = metric.of_counts(0 * positives, 0 * positives, positives, np.float64(p.size))
    sign = -1 if metric.smallest else 1
    at = (sign * scores).argmax(0)
    found = scores[at, every]
    nobody = sign * none >= sign * found
    return np.stack([np.where(nobody, (1 + said[0]) / 2, middles[at]), np.where(nobody, none, found)])


def choose_global(p: np.ndarray, y: Bools, metric: Metric = F2, grid: Array = sweep.GRID) -> float:
    """The one threshold out of ``grid`` with the best score; by itself one of three decimals."""
    return float(grid[sweep.best_place(metric.curve(p, y, grid), smallest=metric.smallest)])


def choose_per_class(p: np.ndarray, y: Bools, metric: Metric = F2, grid: Array = sweep.GRID) -> Array:
    """[C] each class's own best threshold out of ``grid``; ``FALLBACK`` for a class without positives."""
    curves = metric.class_curves(p, y, grid)
    known = y.any(0)
    chosen = [
        grid[sweep.best_place(curve, smallest=metric.smallest)] if positive else FALLBACK
        for curve, positive in zip(curves, known, strict=True)
    ]
    return np.array(chosen)


def score(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike, metric: Metric = F2) -> float:
    """The metric with one threshold or one per class.

    >>> score(np.array([[0.9, 0.2]]), np.array([[True, False]]), 0.5)
    1.0
    """
    return metric.score(p, y, thresholds)


@dataclass(frozen=True)
class Trust:
    """Scores over repeated splits, for one way of choosing.

    Attributes:
        seen: [R] score on the items that the thresholds were chosen on.
        fresh: [R] score of the same thresholds on the held-out items: the number to report.
        smallest: whether less is better.
    """

    seen: Array
    fresh: Array
    smallest: bool = False

    @property
    def optimism(self) -> float:
        """How much better the choice looks than it is."""
        gap = float(np.mean(self.seen - self.fresh))
        return -gap if self.smallest else gap


def nested(
    p: np.ndarray, y: Bools, *, metric: Metric = F2, repeats: int = 20, choose_on: int | None = None, seed: int = 0
) -> dict[str, Trust]:
    """Choose on one part, score on the rest, ``repeats`` times: ``global`` against ``per_class``.

    Args:
        p: [N, C] probabilities.
        y: [N, C] truths.
        metric: what is chosen for and scored by.
        repeats: random splits.
        choose_on: items to choose on; None takes half.
        seed: of the splits.

    Raises:
        UserError: there are too few items to hold any out.
    """
    items = len(p)
    size = choose_on or items // 2
    if not 1 <= size < items:
        raise UserError(f"{items} items cannot be split into {size} to choose on and some to score. Bring more items.")
    generator = np.random.default_rng(seed)
    scores: dict[str, list[tuple[float, float]]] = {"global": [], "per_class": []}
    for _ in range(repeats):
        order = generator.permutation(items)
        chosen, held = order[:size], order[size:]
        for way, choose in (("global", choose_global), ("per_class", choose_per_class)):
            # A part without a single positive leaves nothing to choose by: the common default stands in.
            possible = y[chosen].any() or not metric.beta
            thresholds = choose(p[chosen], y[chosen], metric) if possible else FALLBACK
            scores[way].append(
                (score(p[chosen], y[chosen], thresholds, metric), score(p[held], y[held], thresholds, metric))
            )
    return {way: Trust(*np.array(pairs).T, metric.smallest) for way, pairs in scores.items()}


def pays_from(
    p: np.ndarray, y: Bools, sizes: Sequence[int], *, metric: Metric = F2, repeats: int = 10, seed: int = 0
) -> tuple[int | None, dict[int, dict[str, Trust]]]:
    """From how many items on one threshold per class is better on fresh items than one for all.

    Returns:
        (the smallest of ``sizes`` from which it is better and stays so, or None; the scores at each size).
    """
    at = {
        size: nested(p, y, metric=metric, repeats=repeats, choose_on=size, seed=seed) for size in sizes if size < len(p)
    }
    gains = {size: np.nanmean(ways["per_class"].fresh) - np.nanmean(ways["global"].fresh) for size, ways in at.items()}
    better = {size: (-gain if metric.smallest else gain) > 0 for size, gain in gains.items()}
    first = next((size for size in at if all(better[later] for later in at if later >= size)), None)
    return first, at
