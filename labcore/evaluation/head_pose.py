"""How far predicted points lie from the true ones, and beside which baselines that is to be read.

Points are float [N, P, 2] as (x, y): *unit* coordinates span -1..1 from edge to edge of the picture, whatever its
shape; *pixel* coordinates are those of the original picture. Angles are [N, A] in degrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FAR = 0.9
"""The 90th percentile stands beside the median: a median hides one picture in three that is far off."""
ANGLE_EDGES = (-90, -45, -30, -15, 0, 15, 30, 45, 90)
"""Bins of the error by pose, in degrees."""
ANGLE_SCALE = 90.0
"""Degrees that become 1 where angles are learnt: a profile."""
ANGLE_NAMES = ("yaw", "pitch", "roll")


def to_unit(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Pixel coordinates to unit ones; ``sizes`` [N, 2] as (width, height), or one for all."""
    return np.asarray(points) / _sizes(sizes) * 2 - 1


def to_pixels(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Unit coordinates to pixel ones; ``sizes`` [N, 2] as (width, height), or one for all."""
    return (np.asarray(points) + 1) / 2 * _sizes(sizes)


def _sizes(sizes: np.ndarray) -> np.ndarray:
    sizes = np.asarray(sizes, np.float64)
    return sizes if sizes.ndim == 1 else sizes[:, None, :]


def errors(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Distance of each point from its truth: [N, P, 2] twice to [N, P]; of angles, the absolute difference [N, A]."""
    difference = np.asarray(prediction, np.float64) - np.asarray(truth, np.float64)
    return np.abs(difference) if difference.ndim == 2 else np.hypot(difference[..., 0], difference[..., 1])


@dataclass(frozen=True)
class Summary:
    """Errors in one line.

    Attributes:
        median: half of the points are nearer.
        p90: nine of ten are nearer.
        mean: the average.
        count: points that were measured.
    """

    median: float
    p90: float
    mean: float
    count: int


def summary(found: np.ndarray) -> Summary:
    """Median, 90th percentile and mean of errors of any shape; NaN where there are none."""
    found = np.asarray(found, np.float64)
    found = found[np.isfinite(found)]
    if not found.size:
        return Summary(np.nan, np.nan, np.nan, 0)
    return Summary(float(np.median(found)), float(np.quantile(found, FAR)), float(found.mean()), found.size)


def by_group(found: np.ndarray, groups: Sequence[str]) -> pd.DataFrame:
    """Errors per person: columns ``group``, ``median``, ``p90``, ``mean``, ``count`` (pictures), worst first."""
    names = np.asarray(groups, str)
    rows = []
    for name in np.unique(names):
        part = summary(found[names == name])
        rows.append((name, part.median, part.p90, part.mean, int((names == name).sum())))
    table = pd.DataFrame(rows, columns=["group", "median", "p90", "mean", "count"])
    return table.sort_values("median", ascending=False, kind="stable", ignore_index=True)


def by_point(found: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Errors [N, P] per point: columns ``point``, ``median``, ``p90``, ``mean``, ``count``."""
    parts = [summary(found[:, number]) for number in range(len(names))]
    rows = [(name, s.median, s.p90, s.mean, s.count) for name, s in zip(names, parts, strict=True)]
    return pd.DataFrame(rows, columns=["point", "median", "p90", "mean", "count"])


def by_angle(found: np.ndarray, angles: np.ndarray, edges: Sequence[float] = ANGLE_EDGES) -> pd.DataFrame:
    """Errors per bin of a pose angle: ``low``, ``high``, ``median``, ``p90``, ``count``, of bins with pictures.

    Args:
        found: [N, P] or [N].
        angles: [N] in degrees; items without one (NaN) are not counted.
        edges: of the bins, ascending; the last bin includes its upper edge, and what lies beyond counts in the outer
            ones.
    """
    angles = np.asarray(angles, np.float64)
    known = np.isfinite(angles)
    place = np.clip(np.digitize(angles, edges[1:-1]), 0, len(edges) - 2)
    rows = []
    for number in range(len(edges) - 1):
        chosen = known & (place == number)
        if chosen.any():
            part = summary(found[chosen])
            rows.append((float(edges[number]), float(edges[number + 1]), part.median, part.p90, int(chosen.sum())))
    return pd.DataFrame(rows, columns=["low", "high", "median", "p90", "count"])


def mean_point(train: np.ndarray) -> np.ndarray:
    """What is said without looking: the mean of the training targets, [P, 2] (or [A])."""
    return np.asarray(train, np.float64).mean(axis=0)


def person_means(train: np.ndarray, train_groups: Sequence[str], groups: Sequence[str]) -> np.ndarray | None:
    """What is said by who it is alone: the mean of that person's training targets, one row per asked item.

    Returns:
        float64 [N, ...]; NaN for persons who do not teach; None if none of them does: under a split by person this
        baseline does not exist.
    """
    train, known, asked = np.asarray(train, np.float64), np.asarray(train_groups, str), np.asarray(groups, str)
    said = np.full((len(asked), *train.shape[1:]), np.nan)
    for name in np.intersect1d(known, asked):
        said[asked == name] = train[known == name].mean(axis=0)
    return said if np.isfinite(said).any() else None


def mse(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean squared difference over all numbers, in whatever unit both are: the loss, in unit coordinates."""
    return float(np.mean((np.asarray(prediction, np.float64) - np.asarray(truth, np.float64)) ** 2))


def taken_apart(truth: np.ndarray, prediction: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """One picture's share in the loss, number by number.

    Args:
        truth: unit [P, 2].
        prediction: unit [P, 2].
        names: of the points.

    Returns:
        Columns ``point``, ``axis``, ``target``, ``prediction``, ``difference`` and ``squared``, whose mean is the
        picture's MSE.
    """
    truth, prediction = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    table = pd.DataFrame(
        {
            "point": np.repeat(np.asarray(names, str), 2),
            "axis": np.tile(["x", "y"], len(names)),
            "target": truth.reshape(-1),
            "prediction": prediction.reshape(-1),
        }
    )
    table["difference"] = table["prediction"] - table["target"]
    table["squared"] = table["difference"] ** 2
    return table


@dataclass(frozen=True)
class Contrast:
    """The same two guesses judged as numbers and as classes.

    Attributes:
        truth: the true coordinate, unit.
        guesses: (near, far) guessed coordinates, unit.
        squared: squared error of each.
        cross_entropy: of each, had the axis been cut into classes.
        classes: how many.
        true_class: index of the truth's.
        guessed_classes: index of each guess's.
        shares: the outputs of this picture put through softmax, as cross-entropy would: positive, with the sum 1,
            whatever the coordinates are.
    """

    truth: float
    guesses: tuple[float, float]
    squared: tuple[float, float]
    cross_entropy: tuple[float, float]
    classes: int
    true_class: int
    guessed_classes: tuple[int, int]
    shares: tuple[float, ...]


def contrast(truth: np.ndarray, prediction: np.ndarray, classes: int = 40, sure: float = 0.9) -> Contrast:
    """Why the loss had to change: cross-entropy knows right and wrong, and no near and far.

    The picture's first x is guessed once as the net did (at least one class off) and once at the far side. A
    classifier that puts the share ``sure`` on the guessed class and spreads the rest evenly pays the same for both.

    Args:
        truth: unit [P, 2] of one picture.
        prediction: unit [P, 2].
        classes: equal pieces of the axis.
        sure: probability of the class that is said.
    """
    flat = np.asarray(prediction, np.float64).reshape(-1)
    x = float(np.asarray(truth).reshape(-1)[0])
    width = 2 / classes
    place = _class_of(x, classes)
    near = float(flat[0])
    if _class_of(near, classes) == place:
        beside = place + 1 if place + 1 < classes else place - 1
        near = (beside + 0.5) * width - 1  # its middle: at an edge, rounding could fall back into the true class
    far = 1 - width / 2 if x < 0 else -1 + width / 2
    said = (_class_of(near, classes), _class_of(far, classes))
    loss = -np.log((1 - sure) / (classes - 1))
    powers = np.exp(flat - flat.max())
    return Contrast(
        truth=x,
        guesses=(near, far),
        squared=((near - x) ** 2, (far - x) ** 2),
        cross_entropy=(float(loss), float(loss)),
        classes=classes,
        true_class=place,
        guessed_classes=said,
        shares=tuple(float(share) for share in powers / powers.sum()),
    )


def _class_of(value: float, classes: int) -> int:
    return int(np.clip(np.floor((value + 1) / 2 * classes), 0, classes - 1))


def scaled_sigmoid(activation: np.ndarray, y_range: tuple[float, float]) -> np.ndarray:
    """fastai's ``sigmoid_range``: any number to one strictly between the two."""
    low, high = y_range
    return low + (high - low) / (1 + np.exp(-np.asarray(activation, np.float64)))


def activation(prediction: np.ndarray, y_range: tuple[float, float]) -> np.ndarray:
    """What stood before the scaled sigmoid, from what came out of it."""
    low, high = y_range
    share = np.clip((np.asarray(prediction, np.float64) - low) / (high - low), 1e-7, 1 - 1e-7)
    return np.log(share / (1 - share))


def under_range(prediction: np.ndarray, y_range: tuple[float, float]) -> np.ndarray:
    """The nearest that a net with another ``y_range`` can say to each unit prediction: the range is never left."""
    return np.clip(np.asarray(prediction, np.float64), *y_range)


def out_of_reach(truth: np.ndarray, y_range: tuple[float, float]) -> np.ndarray:
    """bool [N, P]: targets that a scaled sigmoid of this range can never say, since it never quite gets to its ends."""
    truth = np.asarray(truth)
    return ((truth <= y_range[0]) | (truth >= y_range[1])).any(axis=-1)


def leak_ratio(by_person: float, at_random: float) -> float:
    """How many times larger the error is on people never seen; 1 means that the random split told the truth."""
    return float(by_person / at_random) if at_random > 0 else np.nan
