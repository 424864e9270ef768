"""Figures of the segmentation lesson: counts in, plotly figures out. Live curves are drawn in the browser."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labcore.figures.style import PALETTE, TYPE

WRITTEN_CLASSES = 16
"""Up to this many classes each cell of a confusion matrix has its share written in it."""
FREQUENT = 0.01
"""Share of all pixels from which on a class counts as frequent in the lesson's numbers."""
ROW = 30
"""Pixels of one class's row in a bar chart."""


def dressed(figure: go.Figure, height: int, *, hover: str | bool = "closest") -> go.Figure:
    """Letters, margins and legend that all figures of this lesson share."""
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        hovermode=hover,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": TYPE - 1}},
    )
    letters = {"tickfont": {"size": TYPE - 2}, "title": {"font": {"size": TYPE - 1}}}
    figure.update_xaxes(automargin=True, **letters)
    figure.update_yaxes(automargin=True, **letters)
    return figure


def _css(color: Sequence[int]) -> str:
    return f"rgb({int(color[0])},{int(color[1])},{int(color[2])})"


def classes_figure(
    names: Sequence[str],
    iou: npt.ArrayLike,
    dice: npt.ArrayLike,
    colors: Sequence[Sequence[int]],
    *,
    mean: float,
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """IoU of each class as a bar in the class's colour, Dice as a mark, the mean IoU as a line.

    Args:
        names: C classes, in the order in which they are to stand.
        iou, dice: [C], NaN for a class that neither occurs nor is said.
        colors: [C] red, green, blue.
        mean: over the classes that count.
    """
    iou, dice = np.asarray(iou, float), np.asarray(dice, float)
    names = list(names)
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            y=names,
            x=iou,
            orientation="h",
            name="IoU",
            marker={"color": [_css(color) for color in colors], "line": {"color": palette[5], "width": 1}},
            hovertemplate="%{y}: IoU %{x:.3f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            y=names,
            x=dice,
            mode="markers",
            name="Dice",
            marker={"symbol": "diamond", "size": 11, "color": palette[1], "line": {"width": 1, "color": "white"}},
            hovertemplate="%{y}: Dice %{x:.3f}<extra></extra>",
        )
    )
    figure.add_vline(
        mean,
        line={"dash": "dot", "width": 3, "color": palette[0]},
        annotation_text=f"mean {mean:.3f}",
        annotation_position="bottom right",
    )
    figure.update_xaxes(range=[0, 1.08], title="overlap")
    figure.update_yaxes(autorange="reversed", type="category")
    return dressed(figure, 120 + ROW * max(4, len(names)))


def imbalance_figure(
    names: Sequence[str],
    shares: npt.ArrayLike,
    iou: npt.ArrayLike,
    colors: Sequence[Sequence[int]],
    *,
    palette: Sequence[str] = PALETTE,
    height: int = 420,
) -> go.Figure:
    """How well a class is found against how many of the training pixels it has: rare ones pay.

    Args:
        names: C classes.
        shares: [C] of the training pixels; 0 has no place on a logarithmic axis and is left out.
        iou: [C].
        colors: [C] red, green, blue.
    """
    shares, iou = np.asarray(shares, float), np.asarray(iou, float)
    known = np.flatnonzero((shares > 0) & np.isfinite(iou))
    known = known[np.argsort(shares[known], kind="stable")]
    figure = go.Figure(
        go.Scatter(
            x=shares[known],
            y=iou[known],
            mode="markers+text",
            text=[names[code] for code in known],
            # Neighbours write above and below, so that their names do not meet.
            textposition=[("top center", "bottom center")[place % 2] for place in range(len(known))],
            cliponaxis=False,
            marker={
                "size": 18,
                "color": [_css(colors[code]) for code in known],
                "line": {"width": 2, "color": palette[5]},
            },
            hovertemplate="%{text}: %{x:.2%} of the pixels, IoU %{y:.3f}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_vline(FREQUENT, line={"dash": "dot", "width": 2})
    # On a logarithmic axis an annotation, unlike a line, is placed by the exponent.
    figure.add_annotation(
        x=np.log10(FREQUENT), y=1, yref="paper", text="1 % of the pixels", showarrow=False, xanchor="left", xshift=6
    )
    figure.update_xaxes(type="log", title="share of the training pixels", tickformat=".1%", dtick=1)
    figure.update_yaxes(title="IoU", range=[-0.03, 1.1])
    return dressed(figure, height)


def confusion_figure(
    counts: npt.ArrayLike, names: Sequence[str], *, palette: Sequence[str] = PALETTE, height: int | None = None
) -> go.Figure:
    """What each class was taken for, in shares of its own pixels. Each cell is a marker, which can be clicked.

    Args:
        counts: int [C, C], rows what it is, columns what was said; void is left out beforehand.
        names: C classes.
    """
    counts = np.asarray(counts, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows, columns = np.nonzero(shares >= 0.005)
    values, right = shares[rows, columns], rows == columns
    count, order = len(names), list(names)
    height = height or int(np.clip(120 + 40 * count, 420, 900))
    side = float(np.clip(0.8 * (height - 170) / max(count, 1), 7, 44))
    labels = np.asarray(order, object)
    figure = go.Figure()
    for is_right, label, color in ((True, "right", palette[0]), (False, "taken for another", palette[1])):
        mask = right == is_right
        if not mask.any():
            continue
        figure.add_trace(
            go.Scatter(
                x=labels[columns[mask]],
                y=labels[rows[mask]],
                mode="markers+text" if count <= WRITTEN_CLASSES else "markers",
                text=[f"{100 * value:.0f}" for value in values[mask]],
                name=label,
                customdata=np.stack([rows[mask], columns[mask]], axis=1),
                marker={"symbol": "square", "size": side, "color": color, "opacity": 0.25 + 0.75 * values[mask]},
                textfont={"size": TYPE - 3},
                hovertemplate="is %{y}, said %{x}: %{text} % of its pixels<extra></extra>",
            )
        )
    axis = {"categoryorder": "array", "showgrid": False, "type": "category"}
    figure.update_xaxes(**axis, categoryarray=order, tickangle=-60, title="said", range=[-0.6, count - 0.4])
    figure.update_yaxes(**axis, categoryarray=order[::-1], title="is", range=[-0.6, count - 0.4])
    figure.update_layout(clickmode="event+select", dragmode=False)
    return dressed(figure, height)


def border_figure(
    border: npt.ArrayLike, *, accuracy: float, palette: Sequence[str] = PALETTE, height: int = 400
) -> go.Figure:
    """Pixel accuracy against the distance from the nearest true border, with the share of pixels that lie so near.

    Args:
        border: int [D, 2], of the pixels at distance d: how many are right, and how many there are; the last row has
            all that lie farther away.
        accuracy: of all pixels.
    """
    border = np.asarray(border, float)
    known = np.flatnonzero(border[:, 1] > 0)
    share = border[known, 1] / max(1.0, border[:, 1].sum())
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    figure.add_trace(
        go.Bar(
            x=known,
            y=share,
            name="share of the pixels",
            marker={"color": palette[5], "opacity": 0.35},
            hovertemplate="%{y:.1%} of the pixels",
        ),
        secondary_y=True,
    )
    figure.add_trace(
        go.Scatter(
            x=known,
            y=border[known, 0] / border[known, 1],
            mode="lines+markers",
            name="pixel accuracy",
            line={"width": 4, "color": palette[0]},
            marker={"size": 9},
            hovertemplate="%{y:.1%} right",
        )
    )
    figure.add_hline(
        accuracy,
        line={"dash": "dot", "width": 2},
        annotation_text=f"all pixels: {accuracy:.1%}",
        annotation_position="bottom right",
    )
    last = len(border) - 1
    ticks = [place for place in (0, 1, 2, 3, 5, 8, 12, 16, 20, last) if place <= last]
    figure.update_xaxes(
        title="pixels from the nearest border between classes",
        tickvals=ticks,
        ticktext=[f"{place} and more" if place == last else str(place) for place in ticks],
    )
    figure.update_yaxes(title="pixel accuracy", tickformat=".0%", range=[0, 1.02], secondary_y=False)
    figure.update_yaxes(title="share of pixels", tickformat=".0%", showgrid=False, rangemode="tozero", secondary_y=True)
    return dressed(figure, height, hover="x unified")
