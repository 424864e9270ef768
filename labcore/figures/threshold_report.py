"""The report on chosen thresholds as one HTML file: no script, no request, drawn curves, every text escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from labcore.figures.style import PALETTE

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 300, 52, 34
STYLE = """
:root{color-scheme:light dark;--ink:#14242d;--paper:#fbfdfe;--line:#cfdce3;--soft:#edf3f6}
@media(prefers-color-scheme:dark){:root{--ink:#e6eff4;--paper:#0d171d;--line:#2c3e49;--soft:#16232b}}
body{font:17px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2{font-family:Georgia,serif;line-height:1.2}
table{border-collapse:collapse;width:100%;
font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child{text-align:left}
.tiles{display:flex;flex-wrap:wrap;gap:1rem}.tiles div{background:var(--soft);border-radius:.5rem;padding:.7rem 1.1rem}
.tiles b{display:block;font-size:1.8rem}svg{width:100%;height:auto}
svg text{font-size:14px;fill:var(--ink)}small{opacity:.8}
"""


def html(
    card: Mapping[str, Any],
    source: str,
    thresholds: npt.ArrayLike,
    scores: npt.ArrayLike,
    baselines: Mapping[str, float],
    notes: Sequence[str] = (),
) -> str:
    """The report.

    Args:
        card: from ``Tuned.card`` or ``threshold_files.by_hand``.
        source: what the predictions are, in words.
        thresholds, scores: [T] the curve of the metric over one global threshold.
        baselines: score of each baseline by its name.
        notes: sentences on the data.
    """
    expected, band = card["score_expected"], card["score_expected_band"]
    tiles = [
        ("expected on fresh items", _number(expected) if expected is not None else "not claimed"),
        ("band", f"{_number(band[0])} to {_number(band[1])}" if band[0] is not None else "undefined"),
        ("seen while choosing", _number(card["score_seen"])),
        *((f"baseline: {name}", _number(value)) for name, value in baselines.items()),
    ]
    rows = "".join(
        f"<tr><td>{escape(row['label'])}{' *' if row['uncertain'] else ''}</td><td>{row['threshold']:.3f}</td>"
        f"<td>{row['own_threshold']:.3f}</td><td>{_band(row['own_threshold_band'])}</td>"
        f"<td>{_number(row['own_score'])}</td><td>{row['true_examples']:,}</td></tr>"
        for row in card["labels"]
    )
    said = "".join(f"<li>{escape(text)}</li>" for text in [*card["warnings"], *notes])
    boxes = "".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in tiles)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Thresholds: {escape(source)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>Thresholds for {escape(source)}</h1><p>{escape(card['how'])}</p>"
        f'<h2>{escape(card["metric_title"])}</h2><div class="tiles">{boxes}</div>'
        f"{_curve(np.asarray(thresholds, float), np.asarray(scores, float), card, baselines)}"
        "<h2>Labels</h2><table><tr><th>label<th>threshold<th>its own best<th>90 % band<th>its own score<th>true "
        f"examples</tr>{rows}</table><p><small>* fewer than 10 true examples: uncertain. A label is said where its "
        f"probability lies above its threshold.</small></p><h2>Mind</h2><ul>{said or '<li>Nothing unusual.</li>'}</ul>"
        "<p><small>Made by Unfreeze.</small></p></html>\n"
    )


def _curve(thresholds: np.ndarray, scores: np.ndarray, card: Mapping[str, Any], baselines: Mapping[str, float]) -> str:
    known = np.isfinite(scores)
    if not known.any():
        return "<p>The metric is undefined at every threshold.</p>"
    levels = [*scores[known], *(value for value in baselines.values() if np.isfinite(value))]
    low, high = min(levels), max(levels)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return LEFT + value * (WIDTH - LEFT - 10)

    def y(value: float) -> float:
        return 12 + (high - value) / span * (HEIGHT - BOTTOM - 12)

    points = " ".join(f"{x(t):.1f},{y(s):.1f}" for t, s in zip(thresholds[known], scores[known], strict=True))
    lines = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{PALETTE[5]}" '
        f'stroke-dasharray="{3 + 3 * k} 5"/><text x="{WIDTH - 12}" y="{y(value) - 5:.1f}" text-anchor="end">'
        f"{escape(name)}</text>"
        for k, (name, value) in enumerate(baselines.items())
        if np.isfinite(value)
    )
    chosen = x(card["global_threshold"])
    ticks = "".join(
        f'<text x="{x(t):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{t:.1f}</text>' for t in np.linspace(0, 1, 11)
    ) + "".join(
        f'<text x="{LEFT - 6}" y="{y(v) + 5:.1f}" text-anchor="end">{v:.2f}</text>' for v in np.linspace(low, high, 4)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Score against the global threshold">{lines}'
        f'<polyline fill="none" stroke="{PALETTE[0]}" stroke-width="3" points="{points}"/>'
        f'<line x1="{chosen:.1f}" x2="{chosen:.1f}" y1="8" y2="{HEIGHT - BOTTOM}" stroke="{PALETTE[1]}" '
        'stroke-width="3"/>'
        f'<text x="{chosen + 6:.1f}" y="{HEIGHT - BOTTOM - 8}">{card["global_threshold"]:.3f}</text>{ticks}</svg>'
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None or not np.isfinite(value) else f"{value:.4f}"


def _band(ends: Sequence[float | None]) -> str:
    return "undefined" if ends[0] is None else f"{ends[0]:.3f} to {ends[1]:.3f}"
