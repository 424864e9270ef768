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

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GRID = np.linspace(0.005, 0.995, 199)
"""Thresholds to choose among: finer than any sample of a few thousand items can tell apart."""
FALLBACK = 0.5
"""The threshold of a class that has no positive to choose by (fastai's own default)."""
BOOTSTRAP_BLOCK = 2**25
"""Resampled counts held at once: 128 MiB of float32."""


@dataclass(frozen=True)
class Bootstrap:
    """What the optimum would have been on other samples of the same kind.

    Attributes:
        thresholds: [B, C] best threshold of each class in each resample; NaN where it had no positive.
        scores: [B, C] its score there.
    """

    thresholds: Array
    scores: Array

    def band(self, share: float = 0.9) -> tuple[Array, Array]:
        """[2, C] lower and upper end of the middle ``share`` of thresholds, and of scores."""
        ends = [50 * (1 - share), 50 * (1 + share)]
        with np.errstate(all="ignore"):
            return np.nanpercentile(self.thresholds, ends, axis=0), np.nanpercentile(self.scores, ends, axis=0)


def bootstrap(p: np.ndarray, y: Bools, *, beta: float = 2.0, resamples: int = 1000, seed: int = 0) -> Bootstrap:
    """Resample items with replacement and find each class's best F-beta threshold anew (Efron 1979).

    Items are sorted once per class; a resample is a count per item, and its F at every distinct threshold two
    cumulative sums. Thresholds lie half-way between neighbouring probabilities.

    Args:
        p: [N, C] probabilities.
        y: [N, C] truths.
        beta: weight of recall.
        resamples: B.
        seed: of the resampling; the same items are drawn for every class.
    """
    items, classes = p.shape
    generator = np.random.default_rng(seed)
    best = np.full((2, resamples, classes), np.nan)
    order = np.argsort(-p, axis=0, kind="stable")
    block = max(1, BOOTSTRAP_BLOCK // max(items, 1))
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        weights = np.stack(
            [np.bincount(generator.integers(0, items, items), minlength=items) for _ in range(start, stop)]
        ).astype(np.float32)
        for column in range(classes):
            found = _best_of(
                weights[:, order[:, column]], p[order[:, column], column], y[order[:, column], column], beta
            )
            best[:, start:stop, column] = found
    return Bootstrap(best[0], best[1])


def _best_of(weights: npt.NDArray[np.float32], p: np.ndarray, y: Bools, beta: float) -> Array:
    """[2, B] best threshold and F-beta for items sorted by falling probability, weighted by their counts."""
    ends = np.append(np.flatnonzero(np.diff(p) != 0), p.size - 1)
    taken = np.cumsum(weights, axis=1, dtype=np.float32)[:, ends]
    right = np.cumsum(weights * y, axis=1, dtype=np.float32)[:, ends]
    positives = right[:, -1:]
    b2 = beta * beta
    with np.errstate(invalid="ignore", divide="ignore"):
        f = (1 + b2) * right / (b2 * positives + taken)
    f = np.where(positives > 0, f, -1.0)
    at = f.argmax(1)
    below = np.append(p[ends][1:], 0.0)
    middles = (p[ends].astype(np.float64) + below) / 2
    scores = f[np.arange(len(f)), at].astype(np.float64)
    undefined = scores < 0
    return np.where(undefined, np.nan, np.stack([middles[at], scores]))


def choose_global(p: np.ndarray, y: Bools, beta: float = 2.0) -> float:
    """The one threshold with the best F-beta averaged over items."""
    return sweep.best(GRID, sweep.samples_f_beta(p, y, GRID, beta))[0]


def choose_per_class(p: np.ndarray, y: Bools, beta: float = 2.0) -> Array:
    """[C] each class's own best threshold; ``FALLBACK`` for a class without positives."""
    f = sweep.f_beta(sweep.counts_at(p, y, GRID), beta)
    chosen = [FALLBACK if np.isnan(row).all() else sweep.best(GRID, row)[0] for row in f]
    return np.array(chosen)


def score(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike, beta: float = 2.0) -> float:
    """F-beta averaged over items, with one threshold or one per class.

    >>> score(np.array([[0.9, 0.2]]), np.array([[True, False]]), 0.5)
    1.0
    """
    said = p > np.asarray(thresholds)
    right, taken, true = (said & y).sum(1), said.sum(1), y.sum(1)
    b2 = beta * beta
    below = b2 * true + taken
    return float(np.mean(np.where(below > 0, (1 + b2) * right / np.maximum(below, 1), 1.0)))


@dataclass(frozen=True)
class Trust:
    """Scores over repeated splits, for one way of choosing.

    Attributes:
        seen: [R] score on the items that the thresholds were chosen on.
        fresh: [R] score of the same thresholds on the held-out items: the number to report.
    """

    seen: Array
    fresh: Array

    @property
    def optimism(self) -> float:
        """How much better the choice looks than it is."""
        return float(np.mean(self.seen - self.fresh))


def nested(
    p: np.ndarray, y: Bools, *, beta: float = 2.0, repeats: int = 20, choose_on: int | None = None, seed: int = 0
) -> dict[str, Trust]:
    """Choose on one part, score on the rest, ``repeats`` times: ``global`` against ``per_class``.

    Args:
        p: [N, C] probabilities.
        y: [N, C] truths.
        beta: weight of recall.
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
            thresholds = choose(p[chosen], y[chosen], beta)
            seen, fresh = score(p[chosen], y[chosen], thresholds, beta), score(p[held], y[held], thresholds, beta)
            scores[way].append((seen, fresh))
    return {way: Trust(*np.array(pairs).T) for way, pairs in scores.items()}


def pays_from(
    p: np.ndarray, y: Bools, sizes: Sequence[int], *, beta: float = 2.0, repeats: int = 10, seed: int = 0
) -> tuple[int | None, dict[int, dict[str, Trust]]]:
    """From how many items on one threshold per class is better on fresh items than one for all.

    Returns:
        (the smallest of ``sizes`` from which it is better and stays so, or None; the scores at each size).
    """
    at = {size: nested(p, y, beta=beta, repeats=repeats, choose_on=size, seed=seed) for size in sizes if size < len(p)}
    better = {size: np.mean(ways["per_class"].fresh) > np.mean(ways["global"].fresh) for size, ways in at.items()}
    first = next((size for size in at if all(better[later] for later in at if later >= size)), None)
    return first, at
