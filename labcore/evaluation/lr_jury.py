"""The jury: which learning rate was right is settled by training with each for a few batches, not by argument."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TOO_LOW = 30.0
"""The lane that crawls: the lowest of all rates divided by this."""
TOO_HIGH = 10.0
"""The lane that breaks where the range test did not go so far: the highest of all rates times this."""
HIGHEST = 1000.0
SAME = 1.1
"""Rates closer than this are one lane: nobody could tell their curves apart."""
LAST = 5
"""The end of a lane is the mean of its last losses: one batch alone is luck."""
BROKEN = 1.15
"""A lane that ends this far above where it began has diverged."""


@dataclass(frozen=True)
class Lane:
    """One rate in the race, and everybody who asked for it."""

    lr: float
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """Its names, as a legend shows them."""
        return " = ".join(self.names)


@dataclass(frozen=True)
class Verdict:
    """How a lane ended.

    Attributes:
        lane: the lane.
        end: mean of the last training losses, NaN where there are none.
        fall: how far the loss fell from the first to the last batches.
        diverged: whether it ended above its beginning, or in no number at all.
        metrics: what was measured on valid data at the end.
        place: 1 for the winner; lanes that diverged come last.
    """

    lane: Lane
    end: float
    fall: float
    diverged: bool
    metrics: Mapping[str, float]
    place: int


def rounded(lr: float, digits: int = 2) -> float:
    """A rate with two significant digits, so that the same race asked twice is the same race.

    >>> rounded(0.0031622), rounded(1.04e-4)
    (0.0032, 0.0001)
    """
    return float(f"{lr:.{digits - 1}e}")


def breaking_rate(lrs: npt.ArrayLike, losses: npt.ArrayLike) -> float | None:
    """The rate at which a range test's loss, past its lowest point, climbs above where it began.

    Args:
        lrs: [n] rates, growing.
        losses: [n] smoothed losses.

    Returns:
        The rate, or None where the loss never climbs so far.
    """
    lrs, losses = np.asarray(lrs, float), np.asarray(losses, float)
    known = np.isfinite(losses)
    if not known.any():
        return None
    lowest = int(np.nanargmin(losses))
    began = float(np.median(losses[known][: max(1, len(losses) // 10)]))
    above = np.flatnonzero(~known[lowest:] | (losses[lowest:] > began))
    return float(lrs[lowest + above[0]]) if above.size else None


def lanes(rules: Mapping[str, float | None], breaks: float | None = None, pick: float | None = None) -> list[Lane]:
    """The lanes of a race, lowest rate first: the pick, each rule, one rate too low and one too high.

    Args:
        rules: suggested rate by rule; None where a rule has no answer.
        breaks: the rate at which the range test broke, if it did.
        pick: the person's own rate, if any.

    Returns:
        Lanes with distinct rates (rates within 10 % share one); empty where no rate is known at all.
    """
    asked = [("your pick", pick)] if pick else []
    asked += [(name, lr) for name, lr in rules.items() if lr and math.isfinite(lr)]
    if not asked:
        return []
    highest = max(lr for _, lr in asked)
    asked.append(("too low", rounded(min(lr for _, lr in asked) / TOO_LOW, 1)))
    too_high = breaks if breaks and breaks > highest * SAME else highest * TOO_HIGH
    asked.append(("too high", min(HIGHEST, rounded(too_high, 1))))
    found: list[Lane] = []
    for name, lr in asked:
        for i, lane in enumerate(found):
            if max(lr, lane.lr) / min(lr, lane.lr) < SAME:
                found[i] = Lane(lane.lr, (*lane.names, name))
                break
        else:
            found.append(Lane(rounded(lr), (name,)))
    return sorted(found, key=lambda lane: lane.lr)


def verdicts(race: Sequence[tuple[Lane, npt.ArrayLike, Mapping[str, float]]], by: str = "valid_loss") -> list[Verdict]:
    """Who won.

    Args:
        race: (lane, training losses batch by batch, metrics) of every lane.
        by: the metric that decides, lower is better; where a lane lacks it, the end of its training loss does.

    Returns:
        One verdict per lane, the winner first.
    """
    judged = []
    measured = all(math.isfinite(metrics.get(by, math.nan)) for _, _, metrics in race)
    for lane, losses, metrics in race:
        losses = np.asarray(losses, float)
        broken = not losses.size or not np.isfinite(losses).all()
        first = float(np.mean(losses[:LAST])) if losses.size else math.nan
        last = float(np.mean(losses[-LAST:])) if losses.size and not broken else math.nan
        diverged = broken or last > BROKEN * first
        score = metrics[by] if measured else last
        judged.append((diverged, score if math.isfinite(score) else math.inf, lane, last, first - last, metrics))
    judged.sort(key=lambda one: one[:2])
    return [
        Verdict(lane, last, fall, diverged, metrics, place)
        for place, (diverged, _, lane, last, fall, metrics) in enumerate(judged, 1)
    ]
