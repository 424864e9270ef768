"""Figures of the fine-tuner: arrays and tables in, plotly figures out. Live curves are drawn in the browser itself."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labcore.figures.style import PALETTE, TYPE
from labcore.training.plans import Preview

MAX_POINTS = 1_500
"""A screen shows no more points per line; longer curves are thinned evenly."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Groups differ by dash too, so that nothing hangs on colour alone."""
WRITTEN_CLASSES = 16
"""Up to this many classes each cell of a confusion matrix has its number written in it."""
THUMB = 1e-3
"""Rule of thumb for the length of a step against the weights (Karpathy, CS231n notes, "ratio of weights:updates")."""
LR_NAMES = {
    "lr": "learning rate",
    "ratio": "update / weight, per step",
    "distance": "distance from the start",
    "batchnorm": "BatchNorm drift",
}
"""The panels of the X-ray, by the prefix of their series, top to bottom."""


def _dressed(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
    )
    letters = {"tickfont": {"size": TYPE - 2}, "title": {"font": {"size": TYPE - 1}}}
    figure.update_xaxes(automargin=True, **letters)
    figure.update_yaxes(automargin=True, **letters)
    figure.update_layout(legend={"font": {"size": TYPE - 1}})
    return figure


def _thinned(length: int, keep: Sequence[int] = ()) -> np.ndarray:
    """Indices of at most ``MAX_POINTS`` of ``length`` points, the ends and ``keep`` among them."""
    if length <= MAX_POINTS:
        return np.arange(length)
    places = np.linspace(0, length - 1, MAX_POINTS).astype(int)
    edges = [place for place in keep if 0 <= place < length]
    return np.unique(np.concatenate([places, np.asarray(edges, int)]))


def plan_figure(
    plan: Preview,
    groups: Sequence[str],
    *,
    step: int | None = None,
    palette: Sequence[str] = PALETTE,
    height: int = 430,
) -> go.Figure:
    """What a plan will do: rate of each group and momentum at every step; a frozen group has no line.

    Args:
        plan: from ``labcore.training.plans.preview``.
        groups: names of the parameter groups, earliest first.
        step: where the run is now, drawn as a cursor; None draws none.
        palette: series colours.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    starts = plan.starts.tolist()
    places = _thinned(plan.steps, [*starts, *(start - 1 for start in starts)])
    for index, name in enumerate(groups):
        figure.add_trace(
            go.Scatter(
                x=places,
                y=plan.lr[places, index],
                mode="lines",
                name=name,
                line={"width": 4, "color": palette[index % len(palette)], "dash": DASHES[index % len(DASHES)]},
                hovertemplate="%{y:.2e}",
                connectgaps=False,
            ),
            row=1,
            col=1,
        )
    momentum = {"width": 3, "color": palette[5 % len(palette)]}
    figure.add_trace(
        go.Scatter(x=places, y=plan.momentum[places], mode="lines", name="momentum", line=momentum, showlegend=False),
        row=2,
        col=1,
    )
    for number, name in enumerate(plan.names):
        start, end = starts[number], starts[number + 1]
        frozen = int((~plan.trained[number]).sum())
        words = f"{name}: {frozen} of {len(groups)} groups frozen" if frozen else f"{name}: all groups train"
        if number:
            figure.add_vline(start, line={"width": 1, "dash": "dot"}, row="all", col=1)
        figure.add_annotation(
            x=start + 0.01 * plan.steps,
            y=0.02 + 0.12 * (number % 2),
            xref="x",
            yref="y domain",
            xanchor="left",
            yanchor="bottom",
            text=f"{words}, {_side(plan.sizes[number])} px" if end - start > plan.steps / 4 else name,
            showarrow=False,
            font={"size": TYPE - 3},
        )
    if step is not None:
        here = {"width": 3, "color": palette[1 % len(palette)]}
        figure.add_vline(step, line=here, row="all", col=1)
        figure.add_annotation(
            x=step, y=1, xref="x", yref="y domain", text="you are here", showarrow=False, xanchor="left", yanchor="top"
        )
    figure.update_yaxes(type="log", exponentformat="power", dtick=1, title="learning rate", row=1, col=1)
    figure.update_yaxes(title="momentum", range=[0.83, 0.97], row=2, col=1)
    figure.update_xaxes(title="batch", row=2, col=1)
    return _dressed(figure, height)


def _side(size: int | tuple[int, int]) -> str:
    return str(size) if isinstance(size, int) else f"{size[0]}x{size[1]}"


def xray_figure(
    series: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    groups: Sequence[str],
    *,
    palette: Sequence[str] = PALETTE,
    height: int = 900,
) -> go.Figure:
    """The layer-group X-ray: how fast, how strongly and how far each group of layers has moved.

    Args:
        series: (steps, values) by name, ``lr_group_0``, ``ratio_group_0``, ``distance_group_0``,
            ``batchnorm_group_0`` for the first group and so on; what is missing (no BatchNorm there) is left out.
        groups: names of the parameter groups, earliest first.
    """
    panels = [part for part in LR_NAMES if any(name.startswith(f"{part}_group_") for name in series)] or ["lr"]
    figure = make_subplots(
        rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.07, subplot_titles=[LR_NAMES[p] for p in panels]
    )
    shown: set[int] = set()
    for row, panel in enumerate(panels, 1):
        for index, group in enumerate(groups):
            if f"{panel}_group_{index}" not in series:
                continue
            steps, values = (np.asarray(part, float) for part in series[f"{panel}_group_{index}"])
            places = _thinned(len(steps))
            if panel in ("lr", "ratio"):
                values = np.where(values > 0, values, np.nan)
            figure.add_trace(
                go.Scatter(
                    x=steps[places],
                    y=values[places],
                    mode="lines" if len(places) > 1 else "markers",
                    name=group,
                    legendgroup=group,
                    showlegend=index not in shown,
                    line={"width": 3, "color": palette[index % len(palette)], "dash": DASHES[index % len(DASHES)]},
                    hovertemplate="%{y:.2e}" if panel in ("lr", "ratio") else "%{y:.3f}",
                    connectgaps=False,
                ),
                row=row,
                col=1,
            )
            shown.add(index)
        if panel in ("lr", "ratio"):
            figure.update_yaxes(type="log", exponentformat="power", nticks=5, minor={"showgrid": False}, row=row, col=1)
        else:
            figure.update_yaxes(rangemode="tozero", row=row, col=1)
    if "ratio" in panels:
        last = max((float(np.max(steps)) for steps, _ in series.values() if len(np.asarray(steps))), default=1.0)
        figure.add_trace(
            go.Scatter(
                x=[1, last],
                y=[THUMB, THUMB],
                mode="lines",
                name="1e-3, a rule of thumb",
                line={"width": 2, "dash": "dot", "color": palette[5 % len(palette)]},
                hoverinfo="skip",
            ),
            row=panels.index("ratio") + 1,
            col=1,
        )
    figure.update_xaxes(title="batch", row=len(panels), col=1)
    dressed = _dressed(figure, height)
    dressed.update_layout(legend={"y": 1.04}, margin={"t": 80})  # above the first panel's title
    return dressed


def confusion_figure(
    matrix: npt.ArrayLike,
    classes: Sequence[str],
    *,
    palette: Sequence[str] = PALETTE,
    height: int | None = None,
) -> go.Figure:
    """Rows are what it is, columns what was said. Right answers and mistakes have colours of their own, so that one
    mistake shows beside forty right answers. Each cell is a marker, which can be clicked (a heatmap's cannot).

    Args:
        matrix: int [classes, classes].
        classes: names.
    """
    matrix = np.asarray(matrix)
    rows, columns = np.nonzero(matrix)
    counts, right = matrix[rows, columns], rows == columns
    count = len(classes)
    height = height or int(np.clip(34 * count, 420, 900))
    side = float(np.clip(0.82 * (height - 160) / max(count, 1), 6, 48))
    names = np.asarray(classes, object)
    figure = go.Figure()
    for is_right, label, color in ((True, "right", palette[0]), (False, "taken for another", palette[1])):
        mask = right == is_right
        if not mask.any():
            continue
        shown = counts[mask]
        # The eye compares areas badly and lightness well; the lightest still shows.
        opacity = 0.3 + 0.7 * shown / max(1, counts[right == is_right].max())
        figure.add_trace(
            go.Scatter(
                x=names[columns[mask]],
                y=names[rows[mask]],
                mode="markers+text" if count <= WRITTEN_CLASSES else "markers",
                text=[str(n) for n in shown],
                name=label,
                customdata=np.stack([rows[mask], columns[mask]], axis=1),
                marker={"symbol": "square", "size": side, "color": color, "opacity": opacity},
                textfont={"size": TYPE - 2},
                hovertemplate="is %{y}, said %{x}: %{text}<extra></extra>",
            )
        )
    order = list(classes)
    axis = {"categoryorder": "array", "showgrid": False, "type": "category"}
    figure.update_xaxes(**axis, categoryarray=order, tickangle=-60, title="said", range=[-0.6, count - 0.4])
    figure.update_yaxes(**axis, categoryarray=order[::-1], title="is", range=[-0.6, count - 0.4])
    figure.update_layout(clickmode="event+select", dragmode=False)
    dressed = _dressed(figure, height)
    dressed.update_layout(hovermode="closest")
    return dressed


def race_figure(
    lanes: Mapping[str, npt.ArrayLike],
    *,
    y: str = "error rate",
    baseline: float | None = None,
    stored: tuple[str, npt.ArrayLike] | None = None,
    palette: Sequence[str] = PALETTE,
    height: int = 430,
) -> go.Figure:
    """Lanes of a race on one axis: the mean of the seeds as a line, their lowest to highest as a band.

    Args:
        lanes: by name, [seeds, epochs] or [epochs] values after each epoch.
        y: name of the vertical axis.
        baseline: what one gets without training, as a dotted line.
        stored: (label, [epochs]) of one run of a notebook, drawn apart from ours.
    """
    figure = go.Figure()
    for index, (name, values) in enumerate(lanes.items()):
        values = np.atleast_2d(np.asarray(values, float))
        epochs, color = np.arange(1, values.shape[1] + 1), palette[index % len(palette)]
        if len(values) > 1:
            figure.add_trace(
                go.Scatter(
                    x=np.concatenate([epochs, epochs[::-1]]),
                    y=np.concatenate([values.max(axis=0), values.min(axis=0)[::-1]]),
                    fill="toself",
                    fillcolor=color,
                    opacity=0.2,
                    line={"width": 0},
                    name=name,
                    legendgroup=name,
                    showlegend=False,
                    hoverinfo="skip",
                )
            )
        label = f"{name} (mean of {len(values)} seeds, band: lowest to highest)" if len(values) > 1 else name
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=values.mean(axis=0),
                mode="lines+markers",
                name=label,
                legendgroup=name,
                line={"width": 4, "color": color, "dash": DASHES[index % len(DASHES)]},
                marker={"size": 8},
                hovertemplate="%{y:.1%}",
            )
        )
    if stored is not None:
        label, values = stored
        figure.add_trace(
            go.Scatter(
                x=np.arange(1, len(np.asarray(values)) + 1),
                y=np.asarray(values, float),
                mode="lines+markers",
                name=label,
                line={"width": 2, "dash": "dot", "color": palette[5 % len(palette)]},
                marker={"symbol": "x", "size": 9},
                hovertemplate="%{y:.1%}",
            )
        )
    if baseline is not None:
        figure.add_hline(baseline, line={"dash": "dot", "width": 2}, annotation_text="always the most frequent class")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title=y)
    figure.update_xaxes(title="epoch")
    return _dressed(figure, height)


def answers_figure(
    names: Sequence[str],
    shares: npt.ArrayLike,
    alone: npt.ArrayLike,
    *,
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """The same logits read in two ways: softmax must choose, one sigmoid per class may say no to all.

    Args:
        names: [k] classes, best first.
        shares: [k] softmax probabilities.
        alone: [k] sigmoid probabilities, each class for itself.
    """
    figure = go.Figure()
    lanes = (("softmax: shares of 100 %", shares, palette[0]), ("sigmoid: each for itself", alone, palette[1]))
    for label, values, color in lanes:
        values = np.asarray(values, float)
        figure.add_trace(
            go.Bar(
                y=list(names),
                x=values,
                orientation="h",
                name=label,
                marker={"color": color},
                text=[f"{value:.0%}" for value in values],
                textposition="outside",
                hovertemplate="%{y}: %{x:.1%}<extra></extra>",
                cliponaxis=False,
            )
        )
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%")
    figure.update_yaxes(autorange="reversed", type="category")
    dressed = _dressed(figure, 90 + 58 * max(1, len(names)))
    dressed.update_layout(hovermode="closest", barmode="group")
    return dressed
