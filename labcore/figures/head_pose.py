"""Figures of the head pose lesson: arrays and tables in, plotly figures out. Live curves are drawn in the browser."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labcore.figures.style import PALETTE, TYPE

MAX_POINTS = 1_500
"""A screen shows no more points per figure; larger sets are thinned evenly."""
PERSON, RANDOM, BASELINE, WARM = 0, 1, 5, 3
"""Places in the palette: the split by person, the random one, whatever is a baseline, and what stands out."""
AXES = ("x", "y")


def dressed(figure: go.Figure, height: int) -> go.Figure:
    """Letters, margins and legend that all figures of this lesson share."""
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": TYPE - 1}},
    )
    letters = {"tickfont": {"size": TYPE - 2}, "title": {"font": {"size": TYPE - 1}}}
    figure.update_xaxes(automargin=True, **letters)
    figure.update_yaxes(automargin=True, **letters)
    return figure


def _thinned(length: int) -> np.ndarray:
    return np.linspace(0, length - 1, min(length, MAX_POINTS)).astype(int) if length else np.zeros(0, int)


def shares_figure(
    errors: Mapping[str, npt.ArrayLike],
    baselines: Mapping[str, float],
    *,
    unit: str = "pixels",
    palette: Sequence[str] = PALETTE,
    height: int = 420,
) -> go.Figure:
    """The share of pictures whose error stays below a bound, one line per split; the further left, the better.

    Args:
        errors: per split, in the order by person, random: [N] errors in ``unit``.
        baselines: name to median error, drawn as vertical lines.
        unit: of all numbers.
    """
    figure = go.Figure()
    for place, (name, values) in enumerate(errors.items()):
        known = np.sort(np.asarray(values, float))
        known = known[np.isfinite(known)]
        rows = _thinned(len(known))
        color = palette[(PERSON, RANDOM)[place % 2]]
        figure.add_trace(
            go.Scatter(
                x=known[rows],
                y=(rows + 1) / max(len(known), 1),
                mode="lines",
                name=name,
                line={"width": 4, "color": color, "dash": ("solid", "dash")[place % 2]},
                hovertemplate=f"%{{y:.0%}} of pictures: at most %{{x:.2f}} {unit}<extra>{name}</extra>",
            )
        )
        if len(known):
            figure.add_trace(
                go.Scatter(
                    x=[float(np.median(known))],
                    y=[0.5],
                    mode="markers+text",
                    marker={"size": 13, "color": color},
                    text=[f"{np.median(known):.2f}"],
                    textposition="middle left" if place else "middle right",
                    textfont={"size": TYPE},
                    showlegend=False,
                    hovertemplate=f"median %{{x:.2f}} {unit}<extra>{name}</extra>",
                )
            )
    for place, (name, value) in enumerate(baselines.items()):
        if np.isfinite(value):
            figure.add_vline(value, line={"width": 3, "dash": "dot", "color": palette[BASELINE]})
            figure.add_annotation(
                x=np.log10(value), y=0.12 + 0.13 * place, yref="paper", text=f"{name} {value:.1f}",
                showarrow=False, xanchor="right", xshift=-6, font={"size": TYPE - 2},
            )  # fmt: skip
    ticks = [step * 10.0**power for power in range(-2, 4) for step in (1, 2, 5)]
    figure.update_xaxes(
        type="log", title=f"error of a picture, {unit} (log scale)", tickvals=ticks, ticktext=[f"{t:g}" for t in ticks]
    )
    figure.update_yaxes(title="share of pictures", tickformat=".0%", range=[0, 1.02])
    return dressed(figure, height)


def groups_figure(
    table: pd.DataFrame,
    lines: Mapping[str, float],
    *,
    unit: str = "pixels",
    palette: Sequence[str] = PALETTE,
    color: int = PERSON,
) -> go.Figure:
    """Median error of each person with a whisker to the 90th percentile, worst on top.

    Args:
        table: ``group``, ``count`` (pictures), ``median``, ``p90``.
        lines: name to value, drawn across all persons: the median over all, a baseline.
        unit: of all errors.
    """
    shown = table.sort_values("median", kind="stable")
    whisker = (shown["p90"] - shown["median"]).clip(lower=0)
    figure = go.Figure(
        go.Scatter(
            x=shown["median"],
            y=shown["group"].astype(str),
            mode="markers",
            marker={"size": 12, "color": palette[color]},
            error_x={"type": "data", "symmetric": False, "array": whisker, "arrayminus": np.zeros(len(shown)),
                     "thickness": 2.5, "color": palette[color]},
            customdata=np.stack([shown["count"], shown["p90"]], axis=1),
            hovertemplate=f"%{{y}}: median %{{x:.2f}}, 90th percentile %{{customdata[1]:.2f}} {unit}"
            "<br>%{customdata[0]:.0f} pictures<extra></extra>",
            showlegend=False,
        )
    )  # fmt: skip
    for place, (name, value) in enumerate(lines.items()):
        if value is not None and np.isfinite(value):
            figure.add_trace(
                go.Scatter(
                    x=[value, value],
                    y=[str(shown["group"].iloc[0]), str(shown["group"].iloc[-1])],
                    mode="lines",
                    name=f"{name} {value:.2f}",
                    line={"width": 3, "dash": ("solid", "dot", "dash")[place % 3],
                          "color": palette[(WARM, BASELINE, RANDOM)[place % 3]]},
                    hoverinfo="skip",
                )
            )  # fmt: skip
    figure.update_xaxes(title=f"median error, {unit}; whisker to the 90th percentile", rangemode="tozero")
    figure.update_yaxes(type="category", dtick=1)
    return dressed(figure, max(260, 130 + 26 * len(shown)))


def angle_figure(
    tables: Mapping[str, pd.DataFrame], *, unit: str = "pixels", palette: Sequence[str] = PALETTE, height: int = 360
) -> go.Figure:
    """Error against how the head is turned: one panel per angle, median and 90th percentile of each bin.

    Args:
        tables: per angle, in the order of the panels: ``low`` and ``high`` (degrees), ``count``, ``median``, ``p90``.
        unit: of all errors.
    """
    figure = make_subplots(rows=1, cols=max(len(tables), 1), shared_yaxes=True, horizontal_spacing=0.04)
    for column, (name, table) in enumerate(tables.items(), 1):
        for what, label, dash, color in (
            ("median", "median", "solid", PERSON),
            ("p90", "90th percentile", "dot", RANDOM),
        ):
            figure.add_trace(
                go.Scatter(
                    x=(table["low"] + table["high"]) / 2,
                    y=table[what],
                    mode="lines+markers",
                    name=label,
                    legendgroup=label,
                    showlegend=column == 1,
                    line={"width": 3.5, "color": palette[color], "dash": dash},
                    marker={"size": 9},
                    customdata=table["count"],
                    hovertemplate=f"{name} about %{{x:.0f}}°: {label} %{{y:.2f}} {unit}"
                    "<br>%{customdata} pictures<extra></extra>",
                ),
                row=1,
                col=column,
            )
        figure.update_xaxes(title=f"{name}, degrees", row=1, col=column)
    figure.update_yaxes(title=f"error, {unit}", row=1, col=1)
    figure.update_yaxes(rangemode="tozero")
    return dressed(figure, height)


def residual_figure(
    residuals: np.ndarray, *, unit: str = "pixels", palette: Sequence[str] = PALETTE, height: int = 470
) -> go.Figure:
    """Where predictions land around their target: a bull's-eye. A cloud beside its middle is a bias.

    Args:
        residuals: [N, 2] prediction minus target, x to the right and y downwards as in pictures.
        unit: of both.
    """
    residuals = np.asarray(residuals, float).reshape(-1, 2)
    residuals = residuals[np.isfinite(residuals).all(axis=1)]
    rows = _thinned(len(residuals))
    away = np.linalg.norm(residuals, axis=1)
    figure = go.Figure(
        go.Scattergl(
            x=residuals[rows, 0],
            y=residuals[rows, 1],
            mode="markers",
            name="one picture",
            marker={"size": 7, "color": palette[PERSON], "opacity": 0.55},
            hovertemplate=f"%{{x:+.2f}} right, %{{y:+.2f}} down, {unit}<extra></extra>",
        )
    )
    if len(away):
        for share, label, dash in ((0.5, "half of all", "solid"), (0.9, "90 %", "dot")):
            radius = float(np.quantile(away, share))
            turn = np.linspace(0, 2 * np.pi, 121)
            figure.add_trace(
                go.Scatter(
                    x=radius * np.cos(turn),
                    y=radius * np.sin(turn),
                    mode="lines",
                    name=f"{label} within {radius:.2f}",
                    line={"width": 3, "dash": dash, "color": palette[RANDOM]},
                    hoverinfo="skip",
                )
            )
        middle = residuals.mean(axis=0)
        figure.add_trace(
            go.Scatter(
                x=[middle[0]],
                y=[middle[1]],
                mode="markers",
                name=f"mean ({middle[0]:+.2f}, {middle[1]:+.2f})",
                marker={"size": 16, "symbol": "x", "color": palette[WARM]},
                hoverinfo="skip",
            )
        )
        # The worst hundredth would press the cloud into a dot.
        reach = 1.1 * max(float(np.quantile(away, 0.99)), 1e-6)
        figure.update_xaxes(range=[-reach, reach])
        figure.update_yaxes(range=[reach, -reach])
    figure.update_xaxes(title=f"too far right, {unit}", zeroline=True)
    figure.update_yaxes(title=f"too low, {unit}", zeroline=True, scaleanchor="x", constrain="domain")
    return dressed(figure, height)


def against_figure(
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    names: Sequence[str] = AXES,
    unit: str = "pixels",
    limits: Sequence[tuple[float, float]] | None = None,
    palette: Sequence[str] = PALETTE,
    height: int = 430,
) -> go.Figure:
    """Prediction against target, one panel per number; a flat end beside the diagonal is a range that is too tight.

    Args:
        truth: [N, D].
        prediction: [N, D].
        names: of the D numbers.
        unit: of all of them.
        limits: per number, the lowest and highest that the net can say; None draws none.
    """
    figure = make_subplots(rows=1, cols=len(names), horizontal_spacing=0.08)
    rows = _thinned(len(truth))
    for column, name in enumerate(names):
        x, y = np.asarray(truth, float)[rows, column], np.asarray(prediction, float)[rows, column]
        figure.add_trace(
            go.Scattergl(
                x=x, y=y, mode="markers", showlegend=False,
                marker={"size": 7, "color": palette[PERSON], "opacity": 0.55},
                hovertemplate=f"{name}: is %{{x:.1f}}, said %{{y:.1f}}<extra></extra>",
            ),
            row=1, col=column + 1,
        )  # fmt: skip
        known = x[np.isfinite(x)]
        if len(known):
            ends = [float(known.min()), float(known.max())]
            figure.add_trace(
                go.Scatter(
                    x=ends, y=ends, mode="lines", hoverinfo="skip", showlegend=column == 0, name="as it should be",
                    line={"width": 3, "color": palette[BASELINE], "dash": "dash"},
                ),
                row=1, col=column + 1,
            )  # fmt: skip
        if limits is not None:
            for value in limits[column]:
                figure.add_hline(
                    value, line={"width": 2, "dash": "dot", "color": palette[RANDOM]}, row=1, col=column + 1
                )
        figure.update_xaxes(title=f"target {name}, {unit}", row=1, col=column + 1)
        figure.update_yaxes(title=f"predicted {name}", row=1, col=column + 1)
    return dressed(figure, height)
