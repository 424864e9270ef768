"""What a single-label classifier gets right and wrong: error against a baseline, confusion, top losses, top five.

Pure functions of probabilities [n, classes] and targets [n]; fastai's ``ClassificationInterpretation``, in numpy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

SMALLEST_PROBABILITY = 1e-30
"""A probability that underflowed to 0 has a finite loss of 69 nats instead of an infinite one."""


@dataclass(frozen=True)
class Baseline:
    """What one gets without looking at the picture.

    Attributes:
        error_rate: share of the valid items that the most frequent training class gets wrong.
        class_index: that class.
        guessing: error rate of drawing a class at random.
    """

    error_rate: float
    class_index: int
    guessing: float


@dataclass(frozen=True)
class EpochChoice:
    """After how many epochs the error stopped falling.

    Attributes:
        epochs: train again with this many.
        error_rate: the error after them.
        best: the lowest error of all epochs.
        within: what counted as no better, one standard error of the best.
        stalled: whether the error stopped falling before the last epoch.
        sentence: all of it in words.
    """

    epochs: int
    error_rate: float
    best: float
    within: float
    stalled: bool
    sentence: str


def softmax(logits: npt.ArrayLike) -> np.ndarray:
    """Probabilities of logits [..., classes] that sum to 1 along the last axis; safe for large logits."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def error_rate(probabilities: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Share of items whose most probable class is not the target (fastai's ``error_rate``)."""
    targets = np.asarray(targets)
    if not len(targets):
        return float("nan")
    return float((np.asarray(probabilities).argmax(axis=1) != targets).mean())


def baseline(train_targets: npt.ArrayLike, valid_targets: npt.ArrayLike, classes: int) -> Baseline:
    """What always naming the training set's most frequent class would give; the first class among equals."""
    frequent = int(np.bincount(np.asarray(train_targets, int), minlength=classes).argmax())
    return Baseline(float((np.asarray(valid_targets) != frequent).mean()), frequent, 1.0 - 1.0 / classes)


def confusion_matrix(predicted: npt.ArrayLike, targets: npt.ArrayLike, classes: int) -> np.ndarray:
    """int64 [classes, classes]: row the actual class, column the predicted one."""
    cells = np.asarray(targets, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def most_confused(matrix: np.ndarray, classes: tuple[str, ...], min_count: int = 1) -> list[tuple[str, str, int]]:
    """(actual, predicted, count) of the confusions, most frequent first; ties in row-major order, as in fastai."""
    wrong = np.array(matrix, np.int64)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")
    kept = order[wrong.ravel()[order] >= max(1, min_count)]
    return [
        (classes[row], classes[column], int(wrong[row, column]))
        for row, column in zip(*np.unravel_index(kept, wrong.shape), strict=True)
    ]


def per_class(matrix: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """One row per class, worst first: items, error_rate, precision, recall, f1, and what it is taken for most often.

    A figure without a denominator (no item of the class, or it is never predicted) is NaN, not 0: it is unknown.
    """
    matrix = np.asarray(matrix)
    right, actual, predicted = np.diag(matrix).astype(float), matrix.sum(1), matrix.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = right / actual, right / predicted
        f1 = 2 * right / (actual + predicted)
    wrong = np.where(np.eye(len(classes), dtype=bool), 0, matrix)
    taken_for = [classes[row.argmax()] if row.any() else "" for row in wrong]
    table = pd.DataFrame(
        {
            "class": list(classes),
            "items": actual,
            "error_rate": 1 - recall,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "taken_for": taken_for,
        }
    )
    return table.sort_values("error_rate", ascending=False, kind="stable", na_position="last").reset_index(drop=True)


def item_losses(probabilities: npt.ArrayLike, targets: npt.ArrayLike) -> np.ndarray:
    """[n] cross-entropy of each item, in nats."""
    probabilities, targets = np.asarray(probabilities, np.float64), np.asarray(targets, np.int64)
    said = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.maximum(said, SMALLEST_PROBABILITY))


def top_losses(
    probabilities: npt.ArrayLike, targets: npt.ArrayLike, classes: tuple[str, ...], k: int | None = None
) -> pd.DataFrame:
    """The items the net is most wrong about, worst first; equal losses in their own order.

    Returns:
        Columns ``row`` (place in the arrays), ``actual``, ``said``, ``surely`` (probability of what was said),
        ``given_actual`` (probability left for the truth), ``loss``, ``wrong``. A loss can be high on a right answer
        that was given with little confidence.
    """
    probabilities, targets = np.asarray(probabilities, np.float64), np.asarray(targets, np.int64)
    losses = item_losses(probabilities, targets)
    rows = np.argsort(-losses, kind="stable")[:k]
    said = probabilities[rows].argmax(axis=1) if len(rows) else np.zeros(0, int)
    names = np.asarray(classes, object)
    return pd.DataFrame(
        {
            "row": rows,
            "actual": names[targets[rows]],
            "said": names[said],
            "surely": probabilities[rows, said],
            "given_actual": probabilities[rows, targets[rows]],
            "loss": losses[rows],
            "wrong": said != targets[rows],
        }
    )


def cell_rows(probabilities: npt.ArrayLike, targets: npt.ArrayLike, actual: int, predicted: int) -> np.ndarray:
    """Rows of one cell of the confusion matrix, the surest answers first."""
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
    rows = np.flatnonzero((targets == actual) & (probabilities.argmax(axis=1) == predicted))
    return rows[np.argsort(-probabilities[rows, predicted], kind="stable")]


def top_classes(probabilities: npt.ArrayLike, classes: tuple[str, ...], k: int = 5) -> list[tuple[str, float]]:
    """The ``k`` most probable classes of one item with their probabilities, best first."""
    probabilities = np.asarray(probabilities, np.float64)
    best = np.argsort(-probabilities, kind="stable")[:k]
    return [(classes[place], float(probabilities[place])) for place in best]


def choose_epochs(error_rates: npt.ArrayLike, items: int) -> EpochChoice:
    """How many epochs are enough: the first after which the error is within one standard error of its best.

    The notes' rule, "if the error rate stops from a specific epoch, use that epoch and do it again", with the
    one-standard-error rule (Breiman et al. 1984, "Classification and regression trees", section 3.4.3) for "stops".
    Training again matters: the one-cycle schedule then ends there instead of being cut off near its top.

    Args:
        error_rates: [epochs] on the valid set.
        items: size of the valid set, from which the standard error comes.
    """
    errors = np.asarray(error_rates, float)
    best = float(errors.min())
    within = float(np.sqrt(max(best * (1 - best), 1 / items) / items))
    epochs = int(np.argmax(errors <= best + within)) + 1
    reached, stalled = float(errors[epochs - 1]), epochs < len(errors)
    sentence = (
        f"The error stopped falling at epoch {epochs}: {reached:.1%} there, {best:.1%} at best, and {items} pictures "
        f"cannot tell apart what is less than {within:.1%} apart. Train again with {epochs}."
        if stalled
        else f"The error was still falling in the last epoch ({reached:.1%}). More epochs may give more."
    )
    return EpochChoice(epochs, reached, best, within, stalled, sentence)
