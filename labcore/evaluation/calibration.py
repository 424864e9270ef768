"""Do probabilities mean what they say? Reliability, expected calibration error, temperature scaling.

References: Guo et al., "On Calibration of Modern Neural Networks" (arXiv:1706.04599): one temperature, fitted by the
valid loss. It moves no order, so it changes no curve; it moves where on the curve a given threshold lies.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labcore.evaluation.multilabel import binary_cross_entropy, logit
from labcore.evaluation.thresholds import sigmoid

Array = npt.NDArray[np.float64]

BINS = 10
"""Guo et al. take 15 for ImageNet's 50,000; 10 keep enough answers in a bin of a few hundred pictures."""
HOTTEST = 20.0
"""Temperatures are looked for between 1/20 and 20."""
GOLDEN = (np.sqrt(5) - 1) / 2
ROUNDS = 60
"""Golden-section steps: the bracket of log T shrinks below 1e-11."""


@dataclass(frozen=True)
class Reliability:
    """Answers gathered by their probability.

    Attributes:
        edges: [B + 1].
        said: [B] mean probability; NaN in an empty bin.
        true: [B] share that is true.
        count: [B] answers.
    """

    edges: Array
    said: Array
    true: Array
    count: npt.NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of said and true, weighted by answers."""
        known = self.count > 0
        return float(np.sum(np.abs(self.said - self.true)[known] * self.count[known]) / self.count.sum())


def reliability(p: npt.ArrayLike, y: npt.ArrayLike, bins: int = BINS) -> Reliability:
    """Sort answers of any shape into equally wide bins of probability."""
    p, y = np.asarray(p, np.float64).ravel(), np.asarray(y, bool).ravel()
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        said = np.bincount(place, weights=p, minlength=bins) / count
        true = np.bincount(place, weights=y, minlength=bins) / count
    return Reliability(edges, said, true, count)


def scaled(p: npt.ArrayLike, temperature: float) -> Array:
    """Probabilities after their logits were divided by a temperature; above 1 they become less sure."""
    return sigmoid(logit(p) / temperature)


def fit_temperature(p: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The temperature with the lowest mean BCE, by golden section on its logarithm (the loss is convex in 1/T)."""
    logits, y = logit(p), np.asarray(y, bool)

    def loss(log_t: float) -> float:
        return float(binary_cross_entropy(sigmoid(logits / np.exp(log_t)), y).mean())

    low, high = -np.log(HOTTEST), np.log(HOTTEST)
    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_a, at_b = loss(a), loss(b)
    for _ in range(ROUNDS):
        if at_a <= at_b:
            high, b, at_b = b, a, at_a
            a = high - GOLDEN * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + GOLDEN * (high - low)
            at_b = loss(b)
    return float(np.exp((low + high) / 2))


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling, judged on items that it was not fitted on.

    Attributes:
        temperature: fitted on half of the items.
        before, after: reliability of the other half.
        loss_before, loss_after: its mean BCE.
    """

    temperature: float
    before: Reliability
    after: Reliability
    loss_before: float
    loss_after: float


def calibrate(p: np.ndarray, y: np.ndarray, seed: int = 0, bins: int = BINS) -> Calibration:
    """Fit a temperature on one random half of the items, look at the other half before and after.

    Args:
        p: [N, C] probabilities, N at least 2.
        y: [N, C] truths.
    """
    order = np.random.default_rng(seed).permutation(len(p))
    fitted, held = order[: len(p) // 2], order[len(p) // 2 :]
    temperature = fit_temperature(p[fitted], y[fitted])
    warm = scaled(p[held], temperature)
    return Calibration(
        temperature,
        reliability(p[held], y[held], bins),
        reliability(warm, y[held], bins),
        float(binary_cross_entropy(p[held], y[held]).mean()),
        float(binary_cross_entropy(warm, y[held]).mean()),
    )
