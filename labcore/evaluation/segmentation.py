"""How good masks are: counted per picture, from which every score follows. Numpy in, numbers out.

Counts are confusion matrices ``int64 [..., C, C]``, truth by row, prediction by column. Void (the class that nobody
knows) is a row like any other in the counts and is left out of every score, as in CamVid's and VOC's evaluations; what
is *predicted* as void where the truth is known counts as wrong.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

FREQUENT = 0.01
"""A class with more than this share of the known pixels is called frequent."""
BORDER_PIXELS = 24
"""Distances from a border are told apart up to here; the last number has all that lies farther away."""


@dataclass(frozen=True)
class Scores:
    """What counts say.

    Attributes:
        pixel_accuracy: share of known pixels that are right.
        pixel_accuracy_with_void: the same with void pixels counted, which a net that was never taught void gets wrong.
        iou: float64 [C], intersection over union; NaN for void and for classes that the truth does not show.
        dice: float64 [C], twice the intersection over the sum; NaN likewise.
        shares: float64 [C], of the known pixels by truth; 0 for void.
    """

    pixel_accuracy: float
    pixel_accuracy_with_void: float
    iou: np.ndarray
    dice: np.ndarray
    shares: np.ndarray

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that occur."""
        return _mean(self.iou)

    @property
    def mean_dice(self) -> float:
        """Mean over the classes that occur."""
        return _mean(self.dice)

    @property
    def iou_min_frequent(self) -> float:
        """The smallest IoU of the frequent classes: what an accuracy of mostly road and sky hides."""
        frequent = self.iou[(self.shares > FREQUENT) & np.isfinite(self.iou)]
        return float(frequent.min()) if len(frequent) else float("nan")


def confusions(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Counts per picture.

    Args:
        truth: uint8 [N, h, w] codes below ``classes``.
        prediction: the same shape.
        classes: C.

    Returns:
        int64 [N, C, C], truth by row.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"Truth {truth.shape} and prediction {prediction.shape} differ in shape.")
    counts = np.zeros((len(truth), classes, classes), np.int64)
    for number, (true, said) in enumerate(zip(truth, prediction, strict=True)):
        pairs = true.astype(np.int64) * classes + said
        counts[number] = np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes)
    return counts


def scores(counts: np.ndarray, void: int | None = None) -> Scores:
    """The scores of counts int64 [C, C], or of [N, C, C] added up.

    >>> found = scores(np.array([[6, 2, 0], [0, 2, 0], [1, 1, 0]]), void=2)
    >>> round(found.pixel_accuracy, 2), round(found.pixel_accuracy_with_void, 2), found.iou.round(2).tolist()
    (0.8, 0.67, [0.75, 0.5, nan])
    """
    total = np.asarray(counts, np.int64).reshape(-1, *counts.shape[-2:]).sum(0)
    everything, right = int(total.sum()), np.diagonal(total).copy()
    known = total.copy()
    if void is not None:
        known[void] = 0
    hits, true, said = np.diagonal(known).astype(np.float64), known.sum(1), known.sum(0)
    pixels = int(known.sum())
    absent = true == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = np.where(absent, np.nan, hits / (true + said - hits))
        dice = np.where(absent, np.nan, 2 * hits / (true + said))
    return Scores(
        float(hits.sum() / pixels) if pixels else float("nan"),
        float(right.sum() / everything) if everything else float("nan"),
        iou,
        dice,
        true / max(pixels, 1),
    )


def picture_iou(counts: np.ndarray, void: int | None = None, class_: int | None = None) -> np.ndarray:
    """float64 [N]: the mean IoU of each picture over the classes it shows, or its IoU of one class; NaN where none."""
    known = np.asarray(counts, np.float64).copy()
    if void is not None:
        known[:, void] = 0
    hits = np.diagonal(known, axis1=1, axis2=2)
    true, said = known.sum(2), known.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = np.where(true > 0, hits / (true + said - hits), np.nan)
    if class_ is not None:
        return iou[:, class_]
    shown = np.isfinite(iou)
    return np.where(shown.any(1), np.nansum(iou, axis=1) / np.maximum(shown.sum(1), 1), np.nan)


def worst_first(counts: np.ndarray, void: int | None = None, class_: int | None = None) -> np.ndarray:
    """int64: places of the pictures, the lowest IoU first (of one class, if named); pictures without it are left out.

    Read backwards it is best first. Ties keep their order.
    """
    found = picture_iou(counts, void, class_)
    order = np.argsort(found, kind="stable")
    return order[np.isfinite(found[order])]


def accuracy_by_distance(
    truth: np.ndarray, prediction: np.ndarray, void: int | None = None, most: int = BORDER_PIXELS
) -> np.ndarray:
    """How right the prediction is near borders between classes, and far from them.

    A pixel at whose side another code stands (void counts as one) is at distance 0; from there distances grow by one
    in all eight directions.

    Returns:
        int64 [most + 1, 2]: known pixels at each distance that are right, and all of them; the last row has the rest.
    """
    counts = np.zeros((most + 1, 2), np.int64)
    for true, said in zip(truth, prediction, strict=True):
        border = np.zeros(true.shape, np.bool_)
        across, down = true[:, 1:] != true[:, :-1], true[1:] != true[:-1]
        border[:, 1:] |= across
        border[:, :-1] |= across
        border[1:] |= down
        border[:-1] |= down
        far = np.full(true.shape, most, np.int64)
        if border.any():
            far = np.minimum(ndimage.distance_transform_cdt(~border, "chessboard"), most)
        known = np.ones(true.shape, np.bool_) if void is None else true != void
        counts[:, 0] += np.bincount(far[known & (true == said)], minlength=most + 1)
        counts[:, 1] += np.bincount(far[known], minlength=most + 1)
    return counts


def class_pixels(masks: np.ndarray, classes: int) -> np.ndarray:
    """int64 [N, C]: pixels of each class in each mask uint8 [N, h, w]."""
    counted = [np.bincount(mask.ravel(), minlength=classes)[:classes] for mask in masks]
    return np.stack(counted) if counted else np.zeros((0, classes), np.int64)


def shares(pixels: np.ndarray, void: int | None = None) -> np.ndarray:
    """float64 [C]: each class's share of the known pixels, from counts [N, C]; 0 for void."""
    total = np.asarray(pixels, np.float64).reshape(-1, pixels.shape[-1]).sum(0)
    if void is not None:
        total[void] = 0
    return total / max(total.sum(), 1)


def most_frequent(train_shares: np.ndarray, counts: np.ndarray, void: int | None = None) -> float:
    """Pixel accuracy of saying the training set's most frequent class everywhere ("all road")."""
    true = np.asarray(counts, np.int64).sum(-1).reshape(-1, len(train_shares)).sum(0)
    known = np.delete(true, void) if void is not None else true
    return float(true[int(np.argmax(train_shares))] / max(known.sum(), 1))


class PositionPrior:
    """The most frequent class at each place of the frame: what can be known without looking at the picture.

    Args:
        classes: C.
        size: (h, w).
        void: never said.
    """

    def __init__(self, classes: int, size: tuple[int, int], void: int | None = None) -> None:
        self.counts = np.zeros((classes, *size), np.int32)
        self.void = void

    def learn(self, masks: np.ndarray) -> None:
        """Count uint8 [N, h, w]."""
        for code in range(len(self.counts)):
            if code != self.void:
                self.counts[code] += (masks == code).sum(0, dtype=np.int32)

    def mask(self) -> np.ndarray:
        """uint8 [h, w]."""
        return self.counts.argmax(0).astype(np.uint8)

    def accuracy(self, truth: np.ndarray) -> float:
        """Pixel accuracy on uint8 [N, h, w], void left out."""
        known = np.ones(truth.shape, np.bool_) if self.void is None else truth != self.void
        return float(((truth == self.mask()) & known).sum() / max(known.sum(), 1))


def balanced_weights(train_shares: np.ndarray, most: float = 10.0) -> np.ndarray:
    """Median frequency balancing (Eigen and Fergus 2015, arXiv:1411.4734): rare classes weigh more.

    Args:
        train_shares: float [C] of the known training pixels.
        most: the largest weight, so that a class of a few pixels does not rule the loss.

    Returns:
        float64 [C], the median class at 1; 0 for classes that never occur.
    """
    there = train_shares > 0
    weights = np.zeros(len(train_shares))
    weights[there] = np.minimum(np.median(train_shares[there]) / train_shares[there], most)
    return weights


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
