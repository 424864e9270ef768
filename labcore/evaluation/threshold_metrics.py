"""What a threshold can be chosen for, by name: F-beta in three averages, accuracy, Hamming, subset accuracy, cost.

One metric is asked three things: its curve over global thresholds, its curve for each class by itself, and its score
where thresholds are given. Counting metrics answer from counts alone, so a bootstrap can ask them too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labcore.errors import UserError
from labcore.evaluation import thresholds as sweep

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LARGEST_BETA, LARGEST_COST = 100.0, 1e6
NAMES = "f2, f1, f0.5 (any F-beta), f2_macro, f2_micro, accuracy, hamming, subset, cost:1:5 (false alarm : miss)"


@dataclass(frozen=True)
class Metric:
    """One thing to choose thresholds for.

    Attributes:
        name: its canonical name; ``parse`` reads it back.
        title: for people.
        average: over ``samples`` (items), ``macro`` (classes), ``micro`` (all answers) or ``subset``.
        beta: weight of recall, for F-beta; 0 otherwise.
        costs: of a false positive and of a false negative, for cost, accuracy and Hamming.
        smallest: whether less is better.
    """

    name: str
    title: str
    average: str
    beta: float = 0.0
    costs: tuple[float, float] = (1.0, 1.0)
    smallest: bool = False

    def of_counts(self, tp: Array, fp: Array, positives: Array, items: Array) -> Array:
        """The metric from counts, elementwise; NaN where it is undefined.

        Subset accuracy is no function of a class's counts; its classes are judged by accuracy.
        """
        tp, fp, positives = (np.asarray(values, np.float64) for values in (tp, fp, positives))
        fn = positives - tp
        if self.beta:
            b2 = self.beta**2
            below = (1 + b2) * tp + b2 * fn + fp
            f = np.divide((1 + b2) * tp, below, out=np.full(below.shape, np.nan), where=below > 0)
            return np.where(positives > 0, f, np.nan)
        wrong = (self.costs[0] * fp + self.costs[1] * fn) / items
        return wrong if self.smallest else 1 - wrong

    def curve(self, p: np.ndarray, y: Bools, grid: npt.ArrayLike) -> Array:
        """[T] the metric with one threshold for all classes."""
        if self.average == "samples":
            return sweep.samples_f_beta(p, y, grid, self.beta)
        if self.average == "subset":
            return sweep.subset_accuracy(p, y, grid)
        counts = sweep.counts_at(p, y, grid)
        if self.average == "macro":
            return sweep.macro(self._of(counts))
        return self._of(counts.pooled())

    def class_curves(self, p: np.ndarray, y: Bools, grid: npt.ArrayLike) -> Array:
        """[C, T] each class by itself."""
        return self._of(sweep.counts_at(p, y, grid))

    def score(self, p: np.ndarray, y: Bools, thresholds: npt.ArrayLike) -> float:
        """The metric with one threshold or one per class."""
        said = p > np.asarray(thresholds, np.float64)
        if self.average == "subset":
            return float((said == y).all(1).mean())
        if self.average == "samples":
            right, taken, true = (said & y).sum(1), said.sum(1), y.sum(1)
            b2 = self.beta**2
            below = b2 * true + taken
            return float(np.mean(np.where(below > 0, (1 + b2) * right / np.maximum(below, 1e-300), 1.0)))
        tp, fp, positives = ((said & y).sum(0), (said & ~y).sum(0), y.sum(0))
        if self.average == "macro":
            values = self.of_counts(tp, fp, positives, np.float64(len(y)))
            return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
        return float(self.of_counts(tp.sum(), fp.sum(), positives.sum(), np.float64(y.size)))

    def _of(self, counts: sweep.Counts) -> Array:
        return self.of_counts(counts.tp, counts.fp, counts.positives + 0 * counts.tp, counts.items)


def _f(beta: float, average: str) -> Metric:
    name = f"f{beta:g}" + ("" if average == "samples" else f"_{average}")
    words = {"samples": "per picture", "macro": "mean over labels", "micro": "all answers together"}[average]
    return Metric(name, f"F{beta:g} ({words})", average, beta)


def parse(name: str) -> Metric:
    """A metric by its name.

    >>> parse("f2").title, parse("cost:1:5").costs
    ('F2 (per picture)', (1.0, 5.0))

    Raises:
        UserError: there is none of that name.
    """
    text = name.strip().lower().replace("-", "_")
    text = {"accuracy_multi": "accuracy", "subset_accuracy": "subset"}.get(text, text)
    if found := re.fullmatch(r"f_?(\d+(?:\.\d+)?|\.\d+)(?:_(samples|macro|micro))?", text):
        beta = float(found[1])
        if 0 < beta <= LARGEST_BETA:
            return _f(beta, found[2] or "samples")
    if found := re.fullmatch(r"cost:(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text):
        costs = float(found[1]), float(found[2])
        if max(costs) <= LARGEST_COST and min(costs) > 0:
            title = f"Cost per answer (false alarm {costs[0]:g}, miss {costs[1]:g})"
            return Metric(f"cost:{costs[0]:g}:{costs[1]:g}", title, "micro", costs=costs, smallest=True)
    simple: dict[str, Callable[[], Metric]] = {
        "accuracy": lambda: Metric("accuracy", "Accuracy (all answers, accuracy_multi)", "micro"),
        "hamming": lambda: Metric("hamming", "Hamming loss", "micro", smallest=True),
        "subset": lambda: Metric("subset", "Subset accuracy (all labels of a picture right)", "subset"),
    }
    if text in simple:
        return simple[text]()
    raise UserError(f"There is no metric {name[:40]!r} to tune for. Choose among: {NAMES}.")


F2 = _f(2.0, "samples")
