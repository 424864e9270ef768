"""Thresholds chosen, and what is to be expected of them: the one function behind the CLI, the page and the export."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labcore.evaluation import honest_threshold as honest
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.multilabel import FEW_POSITIVES
from labcore.evaluation.threshold_metrics import Metric, parse

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FORMAT = "unfreeze-thresholds-1"
REPEATS = 20
"""Random halves of the nested estimate."""
RESAMPLES = 500
BAND = 0.9
CELLS = 1_000_000
"""Answers that the repeated part (halves, resamples) looks at; of more items, a part drawn by a fixed seed."""
EXACT_CELLS = 5_000_000
"""Up to this many answers every distinct threshold is swept too, to say what three decimals cost."""


@dataclass(frozen=True)
class Tuned:
    """One global threshold, one per class, and how far either can be trusted.

    Attributes:
        metric: what was tuned for.
        classes: [C] names.
        items: N.
        per_class: whether the thresholds per class are the ones asked for.
        global_threshold, class_thresholds: both choices, whichever was asked for; the latter [C].
        scores: the metric of both on the very items that they were chosen on, by ``global`` and ``per_class``.
        class_scores: [C] each class at its own threshold; NaN where it is undefined.
        positives: [C] true examples.
        trust: repeated halves, by ``global`` and ``per_class``; empty with a single item.
        global_bootstrap, class_bootstrap: resamples; None with a single item.
        curve: [1,001] the metric with one threshold for all, at each of ``thresholds.GRID``.
        notes_curve: [29] the same at the notes' own thresholds.
        exact: (threshold, score) of the best of every distinct threshold; None for very many answers.
        looked_at: items in the repeated part.
    """

    metric: Metric
    classes: tuple[str, ...]
    items: int
    per_class: bool
    global_threshold: float
    class_thresholds: Array
    scores: dict[str, float]
    class_scores: Array
    positives: npt.NDArray[np.int64]
    curve: Array
    notes_curve: Array
    trust: dict[str, honest.Trust]
    global_bootstrap: honest.Bootstrap | None
    class_bootstrap: honest.Bootstrap | None
    exact: tuple[float, float] | None
    looked_at: int
    warnings: tuple[str, ...] = field(default=())

    @property
    def way(self) -> str:
        """``per_class`` or ``global``: what was asked for."""
        return "per_class" if self.per_class else "global"

    @property
    def thresholds(self) -> Array:
        """[C] the thresholds asked for."""
        return self.class_thresholds if self.per_class else np.full(len(self.classes), self.global_threshold)

    @property
    def seen(self) -> float:
        """The score on the items that the thresholds were chosen on: too good, by the optimism."""
        return self.scores[self.way]

    @property
    def expected(self) -> float:
        """The score to report: of halves that were never chosen on. NaN where nothing could be held out."""
        return self.expected_of(self.way)

    def expected_of(self, way: str) -> float:
        """The same for one of the two ways."""
        return float(np.nanmean(self.trust[way].fresh)) if self.trust else float("nan")

    def expected_band(self, way: str | None = None) -> tuple[float, float]:
        """The middle ``BAND`` of the fresh scores."""
        if not self.trust:
            return float("nan"), float("nan")
        low, high = np.nanpercentile(self.trust[way or self.way].fresh, [50 * (1 - BAND), 50 * (1 + BAND)])
        return float(low), float(high)

    @property
    def per_class_pays(self) -> bool:
        """Whether one threshold per class did better on fresh items than one for all."""
        gain = self.expected_of("per_class") - self.expected_of("global")
        return bool((-gain if self.metric.smallest else gain) > 0)

    def as_asked(self, *, per_class: bool) -> "Tuned":
        """The same with the other way asked for; nothing is computed again."""
        return replace(self, per_class=per_class)

    def card(self) -> dict[str, Any]:
        """All of it as plain values; undefined ones are None. The same input gives the same card, to the last digit."""
        bands = self.class_bootstrap.band(BAND) if self.class_bootstrap else None
        whole = self.global_bootstrap.band(BAND) if self.global_bootstrap else None
        return {
            "format": FORMAT,
            "metric": self.metric.name,
            "metric_title": self.metric.title,
            "less_is_better": self.metric.smallest,
            "chosen": self.way,
            "rule": "a label is said where its probability lies above its threshold",
            "thresholds": dict(zip(self.classes, self.thresholds.tolist(), strict=True)),
            "global_threshold": self.global_threshold,
            "score_seen": plain(self.seen),
            "score_expected": plain(self.expected),
            "score_expected_band": [plain(end) for end in self.expected_band()],
            "optimism": {way: plain(trust.optimism) for way, trust in self.trust.items()},
            "expected": {way: plain(self.expected_of(way)) for way in self.trust},
            "per_class_pays": self.per_class_pays if self.trust else None,
            "global_threshold_band": [plain(end) for end in whole[0][:, 0]] if whole else [None, None],
            "best_of_every_threshold": {"threshold": self.exact[0], "score": plain(self.exact[1])}
            if self.exact
            else None,
            "items": self.items,
            "labels": [
                {
                    "label": name,
                    "threshold": float(self.thresholds[column]),
                    "own_threshold": float(self.class_thresholds[column]),
                    "own_threshold_band": [plain(end) for end in bands[0][:, column]] if bands else [None, None],
                    "own_score": plain(self.class_scores[column]),
                    "own_score_band": [plain(end) for end in bands[1][:, column]] if bands else [None, None],
                    "true_examples": int(self.positives[column]),
                    "uncertain": bool(self.positives[column] < FEW_POSITIVES),
                }
                for column, name in enumerate(self.classes)
            ],
            "how": self.how(),
            "warnings": list(self.warnings),
        }

    def how(self) -> str:
        """How the thresholds were chosen, in a sentence or two."""
        what = "one threshold per label" if self.per_class else "one threshold for all labels"
        text = f"{what[0].upper()}{what[1:]}, of three decimals, best for {self.metric.title} on {self.items:,} items."
        if self.trust:
            text += (
                f" The expected score is the mean over {REPEATS} random splits: chosen on one half, scored on the other"
                f"; its band holds {BAND:.0%} of them."
            )
        if self.looked_at < self.items:
            text += f" The splits and resamples look at {self.looked_at:,} items drawn at random."
        return text


def tune(
    p: np.ndarray,
    y: Bools,
    classes: Sequence[str],
    *,
    metric: str | Metric = "f2",
    per_class: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Tuned:
    """Choose thresholds and estimate honestly what they will score.

    Args:
        p: [N, C] probabilities, from ``thresholds.checked``.
        y: [N, C] truths.
        classes: C names.
        metric: what to tune for, by its name (``threshold_metrics.parse``).
        per_class: whether the answer is one threshold per class.
        resamples: of each bootstrap.
        seed: of splits and resamples.

    Raises:
        UserError: the metric is unknown or undefined everywhere.
    """
    asked = parse(metric) if isinstance(metric, str) else metric
    items, width = p.shape
    # Ranking the answers of a million items takes seconds: both grids are asked at once.
    whole = asked.curve(p, y, np.concatenate([sweep.GRID, sweep.NOTEBOOK_GRID]))
    curve, notes_curve = whole[: sweep.GRID.size], whole[sweep.GRID.size :]
    chosen = float(sweep.GRID[sweep.best_place(curve, smallest=asked.smallest)])
    own = honest.choose_per_class(p, y, asked)
    exact = None
    if p.size <= EXACT_CELLS:
        grid = sweep.every_threshold(p)
        exact = sweep.best(grid, asked.curve(p, y, grid), smallest=asked.smallest)
    with np.errstate(invalid="ignore"):
        counts = [(p > own) & y, (p > own) & ~y]
        class_scores = asked.of_counts(counts[0].sum(0), counts[1].sum(0), y.sum(0), np.float64(items))
    few = max(2, min(items, CELLS // width))
    rows = slice(None) if few >= items else np.sort(np.random.default_rng(seed).permutation(items)[:few])
    part, truth = p[rows], y[rows]
    several = items > 1
    return Tuned(
        metric=asked,
        classes=tuple(classes),
        items=items,
        per_class=per_class,
        global_threshold=chosen,
        class_thresholds=own,
        scores={"global": asked.score(p, y, chosen), "per_class": asked.score(p, y, own)},
        class_scores=class_scores,
        positives=y.sum(0),
        curve=curve,
        notes_curve=notes_curve,
        trust=honest.nested(part, truth, metric=asked, repeats=REPEATS, seed=seed) if several else {},
        global_bootstrap=_global(part, truth, asked, resamples, seed) if several else None,
        class_bootstrap=_classes(part, truth, asked, resamples, seed) if several else None,
        exact=exact,
        looked_at=len(part),
        warnings=_warnings(y, classes),
    )


def _global(p: np.ndarray, y: Bools, metric: Metric, resamples: int, seed: int) -> honest.Bootstrap:
    return honest.bootstrap_global(p, y, metric=metric, resamples=_affordable(p, resamples), seed=seed)


def _classes(p: np.ndarray, y: Bools, metric: Metric, resamples: int, seed: int) -> honest.Bootstrap:
    return honest.bootstrap(p, y, metric=metric, resamples=_affordable(p, resamples), seed=seed)


def _affordable(p: np.ndarray, resamples: int) -> int:
    """Fewer resamples for many answers: with those the band is narrow anyway."""
    return int(np.clip(resamples * 85_000 // p.size, min(100, resamples), resamples))


def _warnings(y: Bools, classes: Sequence[str]) -> tuple[str, ...]:
    counts, items = y.sum(0), len(y)
    said = []
    for what, names in (
        ("No item has", [name for name, n in zip(classes, counts, strict=True) if n == 0]),
        ("Every item has", [name for name, n in zip(classes, counts, strict=True) if n == items]),
    ):
        if names:
            shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            said.append(f"{what} {shown}: metrics that need the other answer too are undefined there.")
    few = [f"{name} ({n})" for name, n in zip(classes, counts, strict=True) if 0 < n < FEW_POSITIVES]
    if few:
        shown = ", ".join(few[:8]) + (f" and {len(few) - 8} more" if len(few) > 8 else "")
        said.append(f"Fewer than {FEW_POSITIVES} true examples: {shown}. Thresholds of these labels are guesses.")
    if items < 2:
        said.append("A single item: nothing can be held out, so no score can be expected.")
    return tuple(said)


def plain(value: float) -> float | None:
    """A number for JSON: what is undefined becomes None."""
    return float(value) if np.isfinite(value) else None
