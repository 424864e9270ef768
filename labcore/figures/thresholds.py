"""Figures of the threshold lesson: arrays in, plotly figures out. The board itself is drawn in the browser."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from labcore.evaluation.calibration import Calibration
from labcore.evaluation.honest_threshold import Trust
from labcore.figures.style import PALETTE, TYPE

MAX_POINTS = 1_500
"""A screen shows no more points per line; longer curves are thinned evenly."""


def _dressed(figure: go.Figure, x: str, y: str, height: int = 430) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 46, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(title={"text": x, "font": {"size": TYPE}}, tickfont={"size": TYPE}, automargin=True)
    figure.update_yaxes(title={"text": y, "font": {"size": TYPE}}, tickfont={"size": TYPE}, automargin=True)
    return figure


def _thinned(length: int) -> np.ndarray:
    return np.arange(length) if length <= MAX_POINTS else np.linspace(0, length - 1, MAX_POINTS).astype(int)


def sweep_figure(
    thresholds: npt.ArrayLike,
    scores: npt.ArrayLike,
    notes: tuple[npt.ArrayLike, npt.ArrayLike],
    title: str,
    *,
    chosen: float,
    band: tuple[float, float] | None,
    baselines: Mapping[str, float],
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """The exact curve over every distinct threshold, the notes' 29 points over it, the optimum and its band.

    Args:
        thresholds, scores: [T] the exact sweep.
        notes: the notes' own grid and the scores on it.
        title: of the metric.
        chosen: the best threshold.
        band: where the best threshold lay on resampled items.
        baselines: score by name.
    """
    thresholds, scores = np.clip(np.asarray(thresholds, float), 0, 1), np.asarray(scores, float)
    places = _thinned(len(thresholds))
    figure = go.Figure()
    if band is not None and np.isfinite(band).all():
        figure.add_vrect(band[0], band[1], fillcolor=palette[2], opacity=0.15, line_width=0)
    figure.add_scatter(
        x=thresholds[places], y=scores[places], mode="lines", name=f"exact: {len(thresholds):,} thresholds",
        line={"width": 4, "color": palette[0], "shape": "hv"},
    )  # fmt: skip
    figure.add_scatter(
        x=np.asarray(notes[0]), y=np.asarray(notes[1]), mode="markers", name="the notes’ 29",
        marker={"size": 9, "color": palette[3]},
    )  # fmt: skip
    figure.add_vline(chosen, line={"width": 3, "color": palette[1]}, annotation_text=f"best {chosen:.3f}")
    _baselines(figure, baselines)
    return _dressed(figure, "threshold for all labels", title)


def _baselines(figure: go.Figure, baselines: Mapping[str, float]) -> None:
    for number, (name, value) in enumerate(baselines.items()):
        if np.isfinite(value):
            dash = ("dot", "dash")[number % 2]
            side = ("bottom right", "top right")[number % 2]
            figure.add_hline(
                value, line={"dash": dash, "width": 2}, annotation_text=f"{name} {value:.3f}", annotation_position=side
            )


def trust_figure(at: Mapping[int, Mapping[str, Trust]], title: str, palette: Sequence[str] = PALETTE) -> go.Figure:
    """Score seen while choosing and score on fresh items against how many items the thresholds were chosen on.

    Args:
        at: by size, then ``global`` and ``per_class``.
        title: of the metric.
    """
    figure, sizes = go.Figure(), sorted(at)
    for way, name, color in (("global", "one for all", palette[0]), ("per_class", "one per label", palette[1])):
        for part, dash, words in (("seen", "dot", "seen while choosing"), ("fresh", "solid", "on fresh items")):
            values = np.array([np.nanmean(getattr(at[size][way], part)) for size in sizes])
            figure.add_scatter(
                x=sizes, y=values, mode="lines+markers", name=f"{name}, {words}",
                line={"width": 4 if part == "fresh" else 2, "dash": dash, "color": color},
            )  # fmt: skip
    figure.update_xaxes(type="log", tickvals=sizes, ticktext=[f"{size:,}" for size in sizes])
    return _dressed(figure, "items to choose on", title)


def pr_figure(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike, float]],
    points: Mapping[str, tuple[float, float]],
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """Precision against recall of some labels, each with its share as the baseline and its present threshold.

    Args:
        curves: by label, recalls [K], precisions [K] and the label's share.
        points: by label, (recall, precision) at its threshold.
    """
    figure = go.Figure()
    for number, (name, (recalls, precisions, share)) in enumerate(curves.items()):
        color = palette[number % len(palette)]
        places = _thinned(len(np.asarray(recalls)))
        figure.add_scatter(
            x=np.asarray(recalls)[places], y=np.asarray(precisions)[places], mode="lines", name=name,
            line={"width": 3, "color": color},
        )  # fmt: skip
        figure.add_hline(share, line={"dash": "dot", "width": 1.5, "color": color})
        if name in points:
            figure.add_scatter(
                x=[points[name][0]], y=[points[name][1]], mode="markers", showlegend=False, name=f"{name}, now",
                marker={"size": 13, "color": color, "line": {"width": 2, "color": "white"}},
            )  # fmt: skip
    figure.update_xaxes(range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.05])
    return _dressed(figure, "recall: of what is there, how much is said", "precision")


def roc_figure(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike, float]], palette: Sequence[str] = PALETTE
) -> go.Figure:
    """True against false positive rate of some labels; the diagonal is guessing.

    Args:
        curves: by label, false-positive rates [K], true-positive rates [K], area.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="guessing", line={"dash": "dot", "width": 2, "color": palette[5]}
    )
    for number, (name, (wrong, right, area)) in enumerate(curves.items()):
        places = _thinned(len(np.asarray(wrong)))
        figure.add_scatter(
            x=np.asarray(wrong)[places], y=np.asarray(right)[places], mode="lines", name=f"{name} ({area:.3f})",
            line={"width": 3, "color": palette[number % len(palette)]},
        )  # fmt: skip
    return _dressed(figure, "false-positive rate", "true-positive rate")


def calibration_figure(found: Calibration, palette: Sequence[str] = PALETTE) -> go.Figure:
    """What was said against what was true, before and after temperature scaling, on items it was not fitted on."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="says what it means",
        line={"dash": "dot", "width": 2, "color": palette[5]},
    )
    for name, one, color, symbol in (
        ("as it is", found.before, palette[0], "circle"),
        (f"temperature {found.temperature:.2f}", found.after, palette[1], "diamond"),
    ):
        known = one.count > 0
        figure.add_scatter(
            x=one.said[known], y=one.true[known], mode="lines+markers", name=f"{name}: error {one.error:.3f}",
            line={"width": 3, "color": color}, marker={"size": 11, "symbol": symbol},
            text=[f"{count:,} answers" for count in one.count[known]],
            hovertemplate="%{x:.2f} said, %{y:.2f} true, %{text}",
        )  # fmt: skip
    return _dressed(figure, "probability that was said", "share that is true")


def together_figure(together: np.ndarray, names: Sequence[str], palette: Sequence[str] = PALETTE) -> go.Figure:
    """Which label is missed (row) in the same picture in which another is said wrongly (column).

    Args:
        together: [2 C, 2 C] from ``label_mistakes.mistakes_together``.
    """
    classes = len(names)
    part = together[:classes, classes:]
    figure = go.Figure(
        go.Heatmap(
            z=part, x=list(names), y=list(names), colorscale=[[0, "rgba(128,128,128,0.08)"], [1, palette[1]]],
            text=np.where(part > 0, part.astype(str), ""), texttemplate="%{text}" if classes <= 30 else None,
            hovertemplate="%{y} missed while %{x} said wrongly: %{z} pictures<extra></extra>", showscale=False,
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickangle=-40)
    return _dressed(figure, "said wrongly", "missed", 160 + 26 * classes)


def log_figure(
    given: npt.ArrayLike, losses: npt.ArrayLike, names: Sequence[str], palette: Sequence[str] = PALETTE
) -> go.Figure:
    """Why the log: minus the log of what was left for the truth, with one picture's labels on it.

    Args:
        given: [C] probability given to the truth.
        losses: [C] their losses.
        names: of the labels.
    """
    given, losses = np.asarray(given, float), np.asarray(losses, float)
    left = np.geomspace(max(1e-4, min(0.01, given.min() / 2)), 1, 300)
    figure = go.Figure()
    figure.add_scatter(x=left, y=-np.log(left), mode="lines", name="−log", line={"width": 3, "color": palette[0]})
    figure.add_scatter(
        x=left,
        y=1 - left,
        mode="lines",
        name="1 − p, without log",
        line={"width": 2, "dash": "dot", "color": palette[5]},
    )
    dear = np.argsort(-losses)[:4]
    figure.add_scatter(
        x=given, y=losses, mode="markers+text", name="this picture’s labels", textposition="middle right",
        text=[names[k] if k in dear else "" for k in range(len(names))], marker={"size": 12, "color": palette[1]},
        hovertext=list(names), hovertemplate="%{hovertext}: %{x:.3f} given to the truth costs %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(range=[-0.02, 1.15])
    return _dressed(figure, "probability given to the truth", "cost in nats")
