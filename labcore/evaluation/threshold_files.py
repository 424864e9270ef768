"""Thresholds to take away: JSON, CSV, a Python function. The same card gives the same bytes, wherever it is written."""

import csv
import io
import json
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from labcore.errors import UserError
from labcore.evaluation.threshold_metrics import Metric
from labcore.evaluation.tune import BAND, FORMAT, RESAMPLES, Tuned, plain

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is a formula to a spreadsheet; an apostrophe before it makes it text (OWASP, CSV injection)."""

COLUMNS = (
    *("label", "threshold", "own_threshold", "own_low", "own_high", "own_score", "true_examples", "uncertain"),
    *("metric", "chosen", "score_seen", "score_expected", "expected_low", "expected_high", "how"),
)


def by_hand(p: np.ndarray, y: np.ndarray, tuned: Tuned, thresholds: np.ndarray) -> dict[str, Any]:
    """The card of thresholds that a person set: their score on all items, with a bootstrap band, and what it is not.

    Args:
        p, y: what they were set on, [N, C].
        tuned: the machine's own choice on the same items.
        thresholds: [C].
    """
    metric, items = tuned.metric, len(p)
    low, high = score_band(p, y, metric, thresholds)
    card = tuned.card()
    own = dict(zip(tuned.classes, np.asarray(thresholds, np.float64).tolist(), strict=True))
    same = len(set(own.values())) == 1
    return card | {
        "chosen": "by_hand",
        "thresholds": own,
        "global_threshold": next(iter(own.values())) if same else tuned.global_threshold,
        "score_seen": plain(metric.score(p, y, thresholds)),
        "score_expected": None,
        "score_expected_band": [plain(low), plain(high)],
        "labels": [row | {"threshold": own[row["label"]]} for row in card["labels"]],
        "how": (
            f"Set by hand on {items:,} items. Whoever watches the score while setting tunes on it, so no score on "
            f"fresh items is claimed; the band is what resampling the items does to the score ({BAND:.0%})."
        ),
    }


def score_band(
    p: np.ndarray, y: np.ndarray, metric: Metric, thresholds: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """The middle ``BAND`` of the score at fixed thresholds over resampled items."""
    generator, scores = np.random.default_rng(seed), []
    rows = min(len(p), 20_000)
    for _ in range(max(50, min(resamples, 2_000_000 // max(1, rows * p.shape[1] // 100)))):
        drawn = generator.integers(0, len(p), rows)
        scores.append(metric.score(p[drawn], y[drawn], thresholds))
    known = np.array(scores)[np.isfinite(scores)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [50 * (1 - BAND), 50 * (1 + BAND)])
    return float(low), float(high)


def to_json(card: Mapping[str, Any]) -> str:
    """The card as JSON text with a line end."""
    return json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> dict[str, Any]:
    """A card read back.

    Raises:
        UserError: it is no file of thresholds.
    """
    try:
        card = json.loads(text)
        values = {str(name): float(value) for name, value in card["thresholds"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError("This is no file of thresholds. Write one with: python -m labcore thresholds tune") from None
    if card.get("format") != FORMAT or not values or not all(0 <= value <= 1 for value in values.values()):
        raise UserError("This file of thresholds is of another format or out of range. Tune again.")
    return card | {"thresholds": values}


def to_csv(card: Mapping[str, Any]) -> str:
    """One row per label, with how it was chosen and the expected score; formulas are made text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    common = [card["metric"], card["chosen"], card["score_seen"], card["score_expected"], *card["score_expected_band"]]
    for row in card["labels"]:
        values = [row["threshold"], row["own_threshold"], *row["own_threshold_band"], row["own_score"]]
        cells = [row["label"], *values, row["true_examples"], row["uncertain"], *common, card["how"]]
        writer.writerow(["" if cell is None else safe_cell(cell) for cell in cells])
    return buffer.getvalue()


def safe_cell(value: Any) -> Any:
    """A text cell that no spreadsheet takes for a formula.

    >>> safe_cell("=1+1"), safe_cell("road"), safe_cell(-0.5)
    ("'=1+1", 'road', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def to_python(card: Mapping[str, Any]) -> str:
    """A module of its own that needs numpy alone: probabilities in, names of labels out."""
    rows = "\n".join(f"    {name!r}: {value!r}," for name, value in card["thresholds"].items())
    expected = card["score_expected"]
    score = f"{card['metric_title']}: {expected:.4f} expected on fresh items." if expected is not None else ""
    words = " ".join(f"{card['how']} {score}".split()).replace("\\", "\\\\").replace('"', "'")
    return f'''"""Labels from the probabilities of a multi-label model.

{_wrapped(words)}
"""

import numpy as np

THRESHOLDS = {{
{rows}
}}


def labels(probabilities):
    """Names said of each item.

    Args:
        probabilities: [N, {len(card["thresholds"])}], after the sigmoid, columns in the order of THRESHOLDS.

    Returns:
        A list of lists of names; an empty one where no probability lies above its threshold.
    """
    said = np.asarray(probabilities, float) > np.array(list(THRESHOLDS.values()))
    return [[name for name, yes in zip(THRESHOLDS, row) if yes] for row in said]
'''


def _wrapped(text: str, width: int = 100) -> str:

    return "\n".join(textwrap.wrap(text, width))
