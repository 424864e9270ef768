"""Figures that explain the net of the segmentation lesson: the U with its shapes, the cycle of its rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labcore.figures.segmentation import dressed
from labcore.figures.style import PALETTE, TYPE

MAX_POINTS = 1_500
"""A screen shows no more points per line; longer curves are thinned evenly."""
NARROWEST, WIDEST = 0.35, 1.5
"""Widths of the U's blocks; between them the width follows the logarithm of the channels."""


def u_figure(
    levels: Sequence[Mapping[str, Any]],
    classes: int,
    *,
    off: Sequence[int] = (),
    palette: Sequence[str] = PALETTE,
    height: int = 560,
) -> go.Figure:
    """The net as a U with its own shapes: the way down, the way up, and the connections across.

    Args:
        levels: from the picture down to the bottom, each with ``stride``, ``channels`` of the way down, ``h``, ``w``,
            ``skip_channels`` and ``decoder_channels`` (0 at the bottom).
        classes: scores per pixel at the end.
        off: skip connections that are cut, 0 the widest (at half the picture's side).
    """
    figure = go.Figure()
    depth = len(levels)
    most = max([classes, *(max(one["channels"], one["decoder_channels"]) for one in levels)])
    # Blocks stand on two arms of a V with a flat bottom: the lower, the nearer to the middle.
    arm = [3.6 * (1 - place / max(1, depth - 1)) + (1.1 if place < depth - 1 else 0) for place in range(depth)]
    boxes: list[tuple[float, float, float, float]] = []
    for place, level in enumerate(levels):
        y, bottom = -float(place), place == depth - 1
        inside = level["channels"] or (3 if place == 0 else 0)
        for side, channels in ((-1, inside), (1, 0 if bottom else level["decoder_channels"])):
            if not channels:
                continue
            width = NARROWEST + (WIDEST - NARROWEST) * np.log2(channels + 1) / np.log2(most + 1)
            x = 0.0 if bottom else side * arm[place]
            tall = 0.16 + 0.26 * (1 - place / depth)
            color = palette[3] if bottom else palette[0] if side < 0 else palette[2]
            box = {"x0": x - width / 2, "x1": x + width / 2, "y0": y - tall / 2, "y1": y + tall / 2}
            figure.add_shape(type="rect", **box, line={"width": 0}, fillcolor=color, opacity=0.9)
            boxes.append((x, y, width, tall))
            what = "the picture" if place == 0 and side < 0 else "the bottom" if bottom else (
                "way down" if side < 0 else "way up"
            )  # fmt: skip
            figure.add_trace(
                go.Scatter(
                    x=[x],
                    y=[y - tall / 2],
                    mode="text",
                    text=[f"{level['h']}x{level['w']} · {channels}"],
                    textposition="bottom center",
                    textfont={"size": TYPE - 2},
                    hovertemplate=f"{what}: {channels} channels of {level['h']} x {level['w']}, "
                    f"a pixel stands for {level['stride']} x {level['stride']}<extra></extra>",
                    showlegend=False,
                )
            )
        if 0 < place < depth - 1 and level["channels"]:
            cut = place - 1 in off or not level["skip_channels"]
            start, end = -arm[place] + 0.85, arm[place] - 0.85
            figure.add_annotation(
                x=end, y=y, ax=start, ay=y, xref="x", yref="y", axref="x", ayref="y", showarrow=True, arrowhead=3,
                arrowwidth=2 if cut else 4, arrowcolor=palette[5] if cut else palette[1], opacity=0.35 if cut else 1.0,
            )  # fmt: skip
            words = "cut" if cut else f"skip {place - 1}: {level['skip_channels']} channels"
            figure.add_annotation(x=0, y=y, text=words, showarrow=False, yshift=12, font={"size": TYPE - 2})
        if place:
            for side in (-1, 1):
                x0, x1 = side * arm[place - 1], 0.0 if bottom else side * arm[place]
                tops = (y + 0.3, y + 0.62)
                here, there = (x0, x1) if side < 0 else (x1, x0)
                figure.add_annotation(
                    x=there * 0.7 + here * 0.3,
                    y=tops[0] if side < 0 else tops[1],
                    ax=here * 0.7 + there * 0.3,
                    ay=tops[1] if side < 0 else tops[0],
                    xref="x", yref="y", axref="x", ayref="y", showarrow=True, arrowhead=3, arrowwidth=2,
                    arrowcolor=palette[5],
                )  # fmt: skip
    figure.add_annotation(
        x=6.0,
        y=0.45,
        xanchor="right",
        showarrow=False,
        font={"size": TYPE - 1},
        text=f"{classes} scores for every pixel",
    )
    figure.update_xaxes(visible=False, range=[-6.1, 6.1], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-depth + 0.35, 0.65], fixedrange=True)
    done = dressed(figure, height)
    done.update_layout(margin={"t": 10})
    return done


def cycle_figure(
    lr: tuple[npt.ArrayLike, npt.ArrayLike],
    loss: tuple[npt.ArrayLike, npt.ArrayLike],
    valid: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    stages: Sequence[tuple[str, int]] = (),
    palette: Sequence[str] = PALETTE,
    height: int = 460,
) -> go.Figure:
    """The run's own rate above, its own losses below, on one axis of batches.

    Args:
        lr, loss, valid: (steps, values) of the run's series.
        stages: (name, first step) of each stage.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.4, 0.6], vertical_spacing=0.07)
    for (steps, values), name, row, line, mode in (
        (lr, "learning rate of the decoder", 1, {"width": 4, "color": palette[2]}, "lines"),
        (loss, "training loss, smoothed", 2, {"width": 3, "color": palette[0]}, "lines"),
        (valid, "valid loss", 2, {"width": 4, "color": palette[1], "dash": "dash"}, "lines+markers"),
    ):
        steps, values = np.asarray(steps), np.asarray(values, float)
        if len(steps) > MAX_POINTS:
            places = np.linspace(0, len(steps) - 1, MAX_POINTS).astype(int)
            steps, values = steps[places], values[places]
        figure.add_trace(
            go.Scatter(x=steps, y=values, name=name, mode=mode, line=line, hovertemplate="%{y:.3g}"), row=row, col=1
        )
    for name, first in stages:
        if first:
            figure.add_vline(first, line={"width": 1, "dash": "dot"}, row="all", col=1)
        figure.add_annotation(
            x=first, y=1, xref="x", yref="y domain", text=name, showarrow=False, xanchor="left", yanchor="bottom"
        )
    figure.update_yaxes(title="rate", exponentformat="power", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="loss", row=2, col=1)
    figure.update_xaxes(title="batch", row=2, col=1)
    done = dressed(figure, height, hover="x unified")
    done.update_layout(legend={"y": 1.06}, margin={"t": 60})
    return done
