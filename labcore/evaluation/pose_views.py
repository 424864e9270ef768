"""What the views of the head pose lesson need besides the judging itself: cost curves, and who is held out."""

from collections.abc import Sequence

import numpy as np


def cost_curves(truth: float, classes: int, sure: float, count: int = 801) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What it costs to point at each place of an axis, as a number and as a class.

    Args:
        truth: the true coordinate, unit (-1..1).
        classes: equal pieces that the axis is cut into for cross-entropy.
        sure: the probability that goes to the piece that is said; the rest is spread evenly over the others.
        count: places along the axis.

    Returns:
        The places [count], the squared error of each, and the cross-entropy of each: low in the true piece, and one
        and the same everywhere else.

    >>> places, squared, entropy = cost_curves(0.0, 4, 0.9, count=5)
    >>> [round(float(x), 2) for x in squared], [round(float(x), 2) for x in entropy]
    ([1.0, 0.25, 0.0, 0.25, 1.0], [3.4, 3.4, 0.11, 3.4, 3.4])
    """
    places = np.linspace(-1, 1, count)

    def piece(value: np.ndarray | float) -> np.ndarray:
        return np.clip(np.floor((np.asarray(value) + 1) / 2 * classes), 0, classes - 1)

    right = piece(places) == piece(truth)
    entropy = np.where(right, -np.log(sure), -np.log((1 - sure) / (classes - 1)))
    return places, (places - truth) ** 2, entropy


def strips(groups: Sequence[str], held: np.ndarray, shown: Sequence[str]) -> np.ndarray:
    """Which frames of some groups are held out, bool [len(shown), most frames of a group], in the table's order.

    Args:
        groups: [N] group of each frame, frames of a group in their order.
        held: int rows that are held out.
        shown: the groups to show, one line each; a shorter group ends in False.
    """
    names = np.asarray(groups, str)
    out = np.zeros(len(names), bool)
    out[np.asarray(held, int)] = True
    lines = [out[names == name] for name in shown]
    marks = np.zeros((len(shown), max((len(line) for line in lines), default=0)), bool)
    for row, line in enumerate(lines):
        marks[row, : len(line)] = line
    return marks


def gaps(groups: Sequence[str], held: np.ndarray) -> np.ndarray:
    """How many frames each held-out frame is from the nearest training frame of its own group.

    Returns:
        float64 [len(held)]; inf where nobody of the group teaches.
    """
    names = np.asarray(groups, str)
    held = np.asarray(held, int)
    out = np.zeros(len(names), bool)
    out[held] = True
    found = np.full(len(names), np.inf)
    for name in np.unique(names[held]):
        rows = np.flatnonzero(names == name)
        teaching = np.flatnonzero(~out[rows])
        if len(teaching):
            asked = np.flatnonzero(out[rows])
            after = np.searchsorted(teaching, asked)
            left = np.abs(asked - teaching[np.maximum(after - 1, 0)])
            right = np.abs(teaching[np.minimum(after, len(teaching) - 1)] - asked)
            found[rows[asked]] = np.minimum(left, right)
    return found[held]
