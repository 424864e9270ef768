"""Figures of the head pose lesson that explain rather than measure: losses, splits, stored results."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labcore.figures.head_pose import BASELINE, PERSON, RANDOM, WARM, dressed
from labcore.figures.style import PALETTE, TYPE


def contrast_figure(
    places: np.ndarray,
    squared: np.ndarray,
    entropy: np.ndarray,
    target: float,
    said: float,
    *,
    palette: Sequence[str] = PALETTE,
    height: int = 400,
) -> go.Figure:
    """What each place costs: squared error knows near from far, cross-entropy knows only right from wrong.

    Args:
        places: [K] where a net could point, -1 to 1.
        squared: [K] squared error there.
        entropy: [K] cross-entropy of a net that is as sure of that column of the picture.
        target: the true place.
        said: where this net points.
    """
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    for values, name, color, dash, second, shape in (
        (squared, "squared error", PERSON, "solid", False, "linear"),
        (entropy, "cross-entropy of columns", RANDOM, "dash", True, "hvh"),
    ):
        figure.add_trace(
            go.Scatter(
                x=places, y=values, mode="lines", name=name,
                line={"width": 4, "color": palette[color], "dash": dash, "shape": shape},
                hovertemplate=f"pointing at %{{x:.2f}} costs %{{y:.3f}}<extra>{name}</extra>",
            ),
            secondary_y=second,
        )  # fmt: skip
    sides = ("right", "left") if target < said else ("left", "right")
    for value, text, color, side in ((target, "target", WARM, sides[0]), (said, "prediction", BASELINE, sides[1])):
        figure.add_vline(value, line={"width": 3, "dash": "dot", "color": palette[color]})
        figure.add_annotation(
            x=value, y=0.9, yref="paper", text=text, showarrow=False, xanchor=side, font={"size": TYPE - 1},
            xshift=8 if side == "left" else -8,
        )  # fmt: skip
    figure.update_xaxes(title="where the net points: left edge −1, right edge 1", range=[-1.02, 1.02])
    figure.update_yaxes(title="squared error", rangemode="tozero", secondary_y=False)
    figure.update_yaxes(title="cross-entropy", rangemode="tozero", showgrid=False, dtick=1, secondary_y=True)
    return dressed(figure, height)


def band_figure(
    stored: Mapping[str, tuple[float, float]],
    here: Mapping[str, float],
    *,
    palette: Sequence[str] = PALETTE,
    height: int = 300,
) -> go.Figure:
    """Stored results as bands from the best to the worst run, this run's numbers as marks, on a log axis.

    Args:
        stored: name to (lowest, highest) mean squared error; equal ends are a single run.
        here: name to this run's.
    """
    figure = go.Figure()
    for name, (low, high) in stored.items():
        figure.add_trace(
            go.Scatter(
                x=[low, high], y=[name, name], mode="lines+markers",
                line={"width": 14, "color": palette[BASELINE]}, marker={"size": 14, "color": palette[BASELINE]},
                showlegend=False, hovertemplate="%{x:.2e}<extra></extra>",
            )
        )  # fmt: skip
    for place, (name, value) in enumerate(here.items()):
        figure.add_trace(
            go.Scatter(
                x=[value], y=[name], mode="markers+text", text=[f"{value:.1e}"], textposition="middle right",
                marker={"size": 16, "symbol": "diamond", "color": palette[(PERSON, RANDOM)[place % 2]]},
                showlegend=False, hovertemplate="%{x:.2e}<extra></extra>",
            )
        )  # fmt: skip
    known = [value for ends in stored.values() for value in ends] + list(here.values())
    # Room on the right for the number that is written beside a mark.
    span = [float(np.log10(min(known))) - 0.2, float(np.log10(max(known))) + 0.4] if known else None
    title = "valid MSE, coordinates from −1 to 1 (log scale)"
    figure.update_xaxes(type="log", title=title, exponentformat="power", dtick=1, range=span)
    figure.update_yaxes(type="category", autorange="reversed")
    return dressed(figure, height)


def strips_figure(
    marks: Mapping[str, np.ndarray], groups: Sequence[str], *, palette: Sequence[str] = PALETTE, height: int = 330
) -> go.Figure:
    """Who is held out, drawn: a row per person, a column per frame, one panel per way of splitting.

    Args:
        marks: per split, bool [groups, frames]: whether a frame is held out.
        groups: names of the rows.
    """
    figure = make_subplots(
        rows=1, cols=len(marks), subplot_titles=list(marks), shared_yaxes=True, horizontal_spacing=0.03
    )
    colors = [[0, palette[PERSON]], [0.5, palette[PERSON]], [0.5, palette[RANDOM]], [1, palette[RANDOM]]]
    for column, held in enumerate(marks.values(), 1):
        figure.add_trace(
            go.Heatmap(
                z=np.asarray(held, np.uint8), y=list(groups), zmin=0, zmax=1, colorscale=colors, showscale=False,
                xgap=0.5, ygap=0.5, hovertemplate="%{y}, frame %{x}<extra></extra>",
            ),
            row=1, col=column,
        )  # fmt: skip
        figure.update_xaxes(title="frame", row=1, col=column)
    figure.update_yaxes(type="category", autorange="reversed", nticks=8)
    figure.update_annotations(font={"size": TYPE})
    return dressed(figure, height)
