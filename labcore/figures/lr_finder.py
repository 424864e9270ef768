"""Figures of the learning-rate finder: arrays in, plotly figures out. The live curve itself is drawn in the browser."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from labcore.evaluation.lr_finder import SliceAdvice
from labcore.figures.style import PALETTE, TYPE

HEIGHT = 380


def _dressed(figure: go.Figure, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"title": {"text": x, "font": {"size": TYPE}}, "tickfont": {"size": TYPE}, "automargin": True},
        yaxis={"title": {"text": y, "font": {"size": TYPE}}, "tickfont": {"size": TYPE}, "automargin": True},
    )
    return figure


def accuracy_figure(
    lrs: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    *,
    log: bool,
    guess: float | None = None,
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """Smith's range test: batch accuracy against the rate (arXiv:1506.01186, figure 3).

    Args:
        lrs: [n] rates.
        accuracy: [n] share of the batch that is right, 0 to 1.
        log: rates on a logarithmic axis.
        guess: accuracy of guessing, drawn as a baseline.
    """
    lrs, accuracy = np.asarray(lrs, float), np.asarray(accuracy, float)
    figure = go.Figure(
        go.Scatter(
            x=lrs, y=accuracy, mode="lines+markers", name="batch accuracy", line={"width": 3, "color": palette[0]}
        )
    )
    if guess is not None:
        figure.add_hline(guess, line={"dash": "dot", "width": 2}, annotation_text="guessing")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(type="log" if log else "linear", exponentformat="power")
    return _dressed(figure, "learning rate", "batch accuracy")


def slice_figure(advice: Sequence[SliceAdvice], palette: Sequence[str] = PALETTE) -> go.Figure:
    """Where the notes' ways of choosing ``slice(lo, hi)`` put the rates, from the first layers to the head.

    Args:
        advice: the variants; one without a left or a right end is left out.
    """
    figure = go.Figure()
    names = []
    for i, one in enumerate(advice):
        if one.lo is None or not one.hi:
            continue
        names.append(one.name)
        for k, hi in enumerate(one.hi):
            figure.add_trace(
                go.Scatter(
                    x=[one.lo, hi],
                    y=[one.name, one.name],
                    mode="lines+markers",
                    name=one.name,
                    line={"width": 12 - 6 * k, "color": palette[i % len(palette)]},
                    marker={"size": 16, "symbol": ["circle", "diamond"]},
                    hovertemplate=f"{one.name}: slice({one.lo:.1e}, {hi:.1e})<extra></extra>",
                    showlegend=False,
                    legendgroup=str(i),
                )
            )
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1])
    return _dressed(figure, "learning rate: first layers (circle) to head (diamond)", "", 120 + 60 * max(1, len(names)))


def one_cycle_figure(rates: npt.ArrayLike, top: float, palette: Sequence[str] = PALETTE) -> go.Figure:
    """What becomes of a picked rate: the top of a one-cycle schedule.

    Args:
        rates: [steps] the rate at every batch.
        top: the picked rate.
    """
    rates = np.asarray(rates, float)
    figure = go.Figure(
        go.Scatter(x=np.arange(len(rates)), y=rates, mode="lines", name="rate", line={"width": 4, "color": palette[1]})
    )
    figure.add_hline(top, line={"dash": "dot", "width": 2}, annotation_text="your pick: lr_max")
    figure.update_yaxes(exponentformat="power", rangemode="tozero")
    return _dressed(figure, "batch", "learning rate", 300)
