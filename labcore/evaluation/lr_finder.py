"""Reading a learning-rate range test: four suggestion rules, the elbow of an unfrozen curve, and slices for it.

No rule is right everywhere. The four rules are fastai 2.8's, number for number (``fastai/callback/schedule.py``); each
keeps the words in which it can be explained, and says why where it has no answer.

Reference: Smith, "Cyclical learning rates for training neural networks", arXiv:1506.01186, section 3.3.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SKIP_START_SHARE = 10
"""The first ``num_it // 10`` rates are left out: the smoothed loss has seen too few batches there."""
SKIP_END = 5
"""The last 5 points are left out: there the loss explodes or the sweep ends."""
SLIDE_WIDTH = 15
SLIDE_THRESHOLD = 0.005
"""fastai's ``slide``: slopes 15 points apart that differ by less than this have stopped rising."""
DIVERGED = 4.0
"""A loss of this many times the best has diverged; what lies above says no more, so curves are cut there."""
RISING = 0.1
"""The loss goes up for good once it has left its best by this share of the climb that follows."""
EDGE = 0.1
"""A place before which less than this share of the whole fall has happened lies on the flat part at the left."""
NOTES_LEFT_DIVISOR = 10.0
NOTES_RIGHT_DIVISORS = (5.0, 10.0)
NOTES_FIXED_LEFT = 1e-5
"""The notes' numbers for the slice after unfreezing."""

WORDS = {
    "valley": "The middle of the longest valley: half way along the longest run of falling losses.",
    "slide": "From the right, the first rate before which the slope stops changing: where the last slide begins.",
    "steep": "The rate at which the loss falls fastest per factor of rate.",
    "minimum": "A tenth of the rate with the lowest loss: at the bottom itself training is about to diverge.",
    "elbow": "A tenth of the rate at the elbow, just before the loss shoots up.",
}
DOUBTS = {
    "steep": "Here that is the luck of the first batches: at the left end the smoothed loss is the mean of a few, and "
    "one of them moves it by more than the later slide does. Do not train with it.",
    "slide": "Here no slope differed enough, so that it slid to the left end, where nothing is learnt yet. Do not "
    "train with it.",
}
"""Where fastai's rules, followed to the letter, end on the flat part at the left."""


@dataclass(frozen=True)
class Suggestion:
    """One rule's answer.

    Attributes:
        rule: ``valley``, ``slide``, ``steep``, ``minimum`` or ``elbow``.
        lr: the suggested rate, or None where the curve gives none.
        point: (rate, loss) of the place on the curve that the rule looked at; for ``minimum`` and ``elbow`` ten times
            to the right of ``lr``.
        words: the rule in one sentence.
        reason: why there is no suggestion; empty where there is one.
        doubt: why the suggestion, though it is what the rule says, should not be trained with; empty mostly.
    """

    rule: str
    lr: float | None
    point: tuple[float, float] | None
    words: str
    reason: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Suggestions:
    """The answers of fastai's four rules to one curve."""

    valley: Suggestion
    slide: Suggestion
    steep: Suggestion
    minimum: Suggestion

    def __iter__(self):
        return iter((self.valley, self.slide, self.steep, self.minimum))

    def metrics(self) -> dict[str, float]:
        """``lr_valley`` and so on, for the rules that have an answer."""
        return {f"lr_{suggestion.rule}": suggestion.lr for suggestion in self if suggestion.lr is not None}


@dataclass(frozen=True)
class SliceAdvice:
    """One of the notes' ways to choose ``slice(lo, hi)`` after unfreezing.

    Attributes:
        name: short name of the variant.
        lo: rate of the earliest layers, or None with a ``reason``.
        hi: rates of the head that the variant allows, larger first; empty where no frozen rate is known.
        words: the rule in one sentence.
        source: where the notes say so.
        reason: why ``lo`` is missing.
    """

    name: str
    lo: float | None
    hi: tuple[float, ...]
    words: str
    source: str
    reason: str = ""


def readable_part(
    lrs: npt.ArrayLike, losses: npt.ArrayLike, num_it: int, skip_end: int = SKIP_END
) -> tuple[np.ndarray, np.ndarray]:
    """The part of a recorded curve that rules look at: ends cut off, up to the first loss that is no number.

    float32, as fastai casts before it compares.
    """
    stop = -skip_end if skip_end else None
    lrs = np.asarray(lrs, np.float32)[num_it // SKIP_START_SHARE : stop]
    losses = np.asarray(losses, np.float32)[num_it // SKIP_START_SHARE : stop]
    broken = np.flatnonzero(~np.isfinite(losses))
    end = broken[0] if broken.size else len(losses)
    return lrs[:end], losses[:end]


def suggest(lrs: npt.ArrayLike, losses: npt.ArrayLike, num_it: int | None = None) -> Suggestions:
    """What fastai's rules say about a range test.

    Args:
        lrs: [n] rates, growing.
        losses: [n] smoothed losses, raw ends included.
        num_it: rates planned, where the test ended early; the length of the lists otherwise.

    Returns:
        The four suggestions. A rule for which too few points are left (fastai raises there) has ``lr`` None.
    """
    lrs, losses = readable_part(lrs, losses, len(np.asarray(lrs)) if num_it is None else num_it)
    return Suggestions(
        valley=_answer("valley", 1, lrs, losses, valley),
        slide=_answer("slide", SLIDE_WIDTH + 1, lrs, losses, slide),
        steep=_answer("steep", 2, lrs, losses, steep),
        minimum=_answer("minimum", 1, lrs, losses, minimum),
    )


def valley(lrs: np.ndarray, losses: np.ndarray) -> tuple[float, int]:
    """Rate and index in the middle of the longest falling subsequence of losses.

    The length of the longest one that ends at each point comes from patience sorting in O(n log n) (fastai compares
    all pairs).
    """
    tails: list[float] = []
    length = np.empty(len(losses), int)
    for i, loss in enumerate(losses):
        at = bisect_left(tails, -loss)
        tails[at : at + 1] = [-loss]
        length[i] = at + 1
    end = int(length.argmax())
    # fastai leaves both ends at 0 where nothing falls, and else starts one point before the valley.
    start = end - int(length[end]) if end else 0
    third = (end - start) / 3
    at = start + int(third) + int(third / 2)
    return float(lrs[at]), at


def slide(lrs: np.ndarray, losses: np.ndarray) -> tuple[float, int]:
    """Rate and index at which a window sliding in from the right first finds the slope steady."""
    slope = np.gradient(losses)
    right, left = -1, -1 - SLIDE_WIDTH
    found = left
    while left >= -len(losses) and abs(slope[right] - slope[left]) > SLIDE_THRESHOLD:
        found = left
        right, left = right - 1, left - 1
    return float(lrs[found]), len(losses) + found


def steep(lrs: np.ndarray, losses: np.ndarray) -> tuple[float, int]:
    """Rate and index of the most negative slope against log(rate)."""
    at = int((np.diff(losses) / np.diff(np.log(lrs))).argmin())
    return float(lrs[at]), at


def minimum(lrs: np.ndarray, losses: np.ndarray) -> tuple[float, int]:
    """A tenth of the rate with the lowest loss, and that loss's index."""
    at = int(losses.argmin())
    return float(lrs[at]) / 10, at


def elbow_tenth(lrs: npt.ArrayLike, losses: npt.ArrayLike, num_it: int | None = None) -> Suggestion:
    """A tenth of the elbow's rate: the notes' left end of the slice for the flat curve after unfreezing.

    The elbow is the point farthest below the chord from the curve's first to its last point, on axes scaled to 0..1
    (Satopää et al. 2011, "Finding a kneedle in a haystack"), rates on a log axis.
    """
    lrs, losses = _until_diverged(lrs, losses, num_it)
    reason = _no_climb(losses)
    if reason:
        return Suggestion("elbow", None, None, WORDS["elbow"], reason)
    x = np.log10(lrs)
    x = (x - x[0]) / (x[-1] - x[0])
    y = (losses - losses.min()) / (losses[-1] - losses.min())
    at = int((y - (y[0] + (y[-1] - y[0]) * x)).argmin())
    return Suggestion("elbow", float(lrs[at]) / 10, (float(lrs[at]), float(losses[at])), WORDS["elbow"])


def slice_advice(
    lrs: npt.ArrayLike, losses: npt.ArrayLike, frozen_lr: float | None = None, num_it: int | None = None
) -> tuple[SliceAdvice, ...]:
    """The notes' four ways from an unfrozen range test to ``slice(lo, hi)``.

    Args:
        lrs, losses, num_it: as for ``suggest``.
        frozen_lr: the rate at which the head was trained before unfreezing, if known.
    """
    cut_lrs, cut_losses = _until_diverged(lrs, losses, num_it)
    no_climb = _no_climb(cut_losses)
    elbow = elbow_tenth(lrs, losses, num_it).lr
    lowest = suggest(lrs, losses, num_it).minimum
    rise = None if no_climb else float(cut_lrs[_rise(cut_losses)]) / NOTES_LEFT_DIVISOR
    both = tuple(frozen_lr / divisor for divisor in NOTES_RIGHT_DIVISORS) if frozen_lr else ()
    fifth = both[:1]
    return (
        SliceAdvice(
            name="rise / 10",
            lo=rise,
            hi=both,
            words="From ten times below where the loss starts to go up, to the frozen rate divided by 5 or 10.",
            source="Lesson 3 notes, learning rate after unfreeze",
            reason=no_climb,
        ),
        SliceAdvice(
            name="minimum / 10",
            lo=lowest.lr,
            hi=fifth,
            words="From 10x back before the bottom of the curve, to the frozen rate divided by 5.",
            source="Lesson 3 notes, learning rate finders",
            reason=lowest.reason,
        ),
        SliceAdvice(
            name="elbow / 10",
            lo=elbow,
            hi=both,
            words="Flat, then up: from ten times below the elbow, to the original rate divided by 5 or 10.",
            source="Lesson 3 notes on lesson3-planet, after training and unfreezing",
            reason=no_climb,
        ),
        SliceAdvice(
            name="1e-5",
            lo=NOTES_FIXED_LEFT,
            hi=fifth,
            words="Look no further: from 1e-5, to the frozen rate divided by 5.",
            source="Lesson 3 notes, planet at 256 pixels: fit_one_cycle(5, slice(1e-5, lr/5))",
        ),
    )


def _answer(rule: str, needed: int, lrs: np.ndarray, losses: np.ndarray, find) -> Suggestion:
    if len(losses) < needed:
        reason = f"Too short to tell: {len(losses)} points are left of the curve, {rule} needs {needed}."
        return Suggestion(rule, None, None, WORDS[rule], reason)
    lr, at = find(lrs, losses)
    doubt = DOUBTS[rule] if rule in DOUBTS and _on_the_edge(losses, at) else ""
    return Suggestion(rule, lr, (float(lrs[at]), float(losses[at])), WORDS[rule], doubt=doubt)


def _on_the_edge(losses: np.ndarray, at: int) -> bool:
    """Whether hardly anything of the whole fall has happened up to a place."""
    return bool(losses[0] - losses[at] < EDGE * (losses[0] - losses.min()))


def _until_diverged(lrs: npt.ArrayLike, losses: npt.ArrayLike, num_it: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The readable part with its right end, which the elbow needs, cut where the loss is 4 times its best."""
    lrs, losses = readable_part(lrs, losses, len(np.asarray(lrs)) if num_it is None else num_it, skip_end=0)
    diverged = np.flatnonzero(losses > DIVERGED * np.minimum.accumulate(losses)) if losses.size else losses
    end = int(diverged[0]) + 1 if diverged.size else len(losses)
    return lrs[:end], losses[:end]


def _no_climb(losses: np.ndarray) -> str:
    """Why a curve has no place where it shoots up; empty where it has one."""
    if len(losses) < 3:
        return f"Too short to tell: {len(losses)} points are left of the curve."
    if losses[-1] - losses.min() < RISING * abs(losses.min()):
        return "The loss never shoots up in this range: test up to a higher rate."
    return ""


def _rise(losses: np.ndarray) -> int:
    """Index of the last point still near the best loss: after it the curve only lies higher."""
    near = losses.min() + RISING * (losses[-1] - losses.min())
    return int(np.flatnonzero(losses <= near)[-1])
