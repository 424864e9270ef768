"""Figures of the data block: who is held out, how often each class occurs, where points lie; arrays in, plotly out."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from labcore.figures.style import PALETTE, TYPE

TRAIN, VALID, TEST = 0, 1, 2
"""Codes of the parts, and their places in ``PARTS``."""
PARTS = ("train", "valid", "test")
PART_COLORS = (0, 1, 3)
"""Places in the palette: ice blue teaches, ember examines, plum waits for the end."""
ABSENT = -1
MOST_CLASSES = 40
"""Bars of one figure; the rest is summed up in one bar."""
BAR_PIXELS = 26


def _dressed(figure: go.Figure, x: str, y: str, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        legend={
            "orientation": "h",
            "y": 1,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
            "font": {"size": TYPE},
        },
        xaxis={"title": {"text": x, "font": {"size": TYPE}}, "tickfont": {"size": TYPE}, "automargin": True},
        yaxis={"title": {"text": y, "font": {"size": TYPE}}, "tickfont": {"size": TYPE}, "automargin": True},
    )
    return figure


def parts_of(count: int, train: np.ndarray, valid: np.ndarray, test: np.ndarray | None = None) -> np.ndarray:
    """int8 [count], the part of each item; ``ABSENT`` for one that is in none."""
    parts = np.full(count, ABSENT, np.int8)
    for code, rows in ((TRAIN, train), (VALID, valid), (TEST, test)):
        if rows is not None:
            parts[rows] = code
    return parts


def videos_figure(
    groups: Sequence[str], parts: np.ndarray, unit: str = "video", palette: Sequence[str] = PALETTE
) -> go.Figure:
    """Every frame as a cell: a row per group in order, a column per frame, the colour says who it teaches or examines.

    Args:
        groups: [N] the group of each item, items in their order within it.
        parts: [N] codes of ``parts_of``.
        unit: what a group is.
    """
    groups = np.asarray(groups).astype(str)
    names = list(dict.fromkeys(groups))
    place = {name: row for row, name in enumerate(names)}
    rows = np.asarray([place[name] for name in groups])
    columns = np.zeros(len(groups), int)
    for row in range(len(names)):
        columns[rows == row] = np.arange((rows == row).sum())
    grid = np.full((len(names), columns.max() + 1), np.nan)
    grid[rows, columns] = np.where(parts == ABSENT, np.nan, parts)
    figure = go.Figure()
    figure.add_trace(
        go.Heatmap(
            z=grid,
            y=names,
            zmin=0,
            zmax=2,
            colorscale=_steps([palette[number] for number in PART_COLORS]),
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate=f"{unit} %{{y}}, frame %{{x}}<extra></extra>",
        )
    )
    _part_legend(figure, parts, palette)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False, dtick=max(1, -(-len(names) // 16)))
    figure.update_xaxes(showgrid=False, zeroline=False)
    return _dressed(figure, "frame, in the order in which it was filmed", "", max(260, min(620, 90 + 13 * len(names))))


def shares_figure(
    classes: Sequence[str],
    train: np.ndarray,
    valid: np.ndarray,
    unit: str = "items",
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """How often each class occurs, the most frequent first; bars of train and valid end to end.

    Args:
        classes: [C] names.
        train: [C] counts in train.
        valid: [C] counts in valid.
        unit: what is counted.
    """
    train, valid = np.asarray(train), np.asarray(valid)
    order = np.argsort(-(train + valid), kind="stable")
    names = [classes[code] for code in order]
    counts = [train[order], valid[order]]
    if len(names) > MOST_CLASSES:
        names = [*names[: MOST_CLASSES - 1], f"{len(names) - MOST_CLASSES + 1} more"]
        counts = [np.append(part[: MOST_CLASSES - 1], part[MOST_CLASSES - 1 :].sum()) for part in counts]
    figure = go.Figure()
    for code, values in enumerate(counts):
        figure.add_trace(
            go.Bar(
                y=[_short(name) for name in names],
                x=values,
                orientation="h",
                name=PARTS[code],
                marker={"color": palette[PART_COLORS[code]]},
                hovertemplate=f"%{{y}}: %{{x:,}} {unit} in {PARTS[code]}<extra></extra>",
            )
        )
    figure.update_layout(barmode="stack", bargap=0.25)
    figure.update_yaxes(autorange="reversed", type="category")
    return _dressed(figure, unit, "", 110 + BAR_PIXELS * max(4, len(names)))


def places_figure(
    points: np.ndarray, parts: np.ndarray, size: tuple[int, int], palette: Sequence[str] = PALETTE
) -> go.Figure:
    """Where the points of all items lie in their pictures: what a net that ignores the picture could say.

    Args:
        points: [N, P, 2] in pixels.
        parts: [N] codes of ``parts_of``.
        size: (H, W) of the pictures.
    """
    figure = go.Figure()
    for code in (TRAIN, VALID):
        chosen = points[parts == code].reshape(-1, 2)
        figure.add_trace(
            go.Scattergl(
                x=chosen[:, 0],
                y=chosen[:, 1],
                mode="markers",
                name=PARTS[code],
                marker={"size": 6, "opacity": 0.6, "color": palette[PART_COLORS[code]]},
            )
        )
    height, width = size
    figure.update_yaxes(range=[height, 0], scaleanchor="x", constrain="domain")
    figure.update_xaxes(range=[0, width], constrain="domain")
    return _dressed(figure, "x in pixels", "y in pixels", 420)


def ratings_figure(
    users: np.ndarray,
    films: np.ndarray,
    parts: np.ndarray,
    most: tuple[int, int] = (40, 80),
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """The corner of the table of users and films that is filled most: what is known, and what is held out of it.

    Args:
        users, films: int [N], who rated what.
        parts: [N] codes of ``parts_of``.
        most: users and films shown.
    """
    busy = np.argsort(-np.bincount(users), kind="stable")[: most[0]]
    seen = np.argsort(-np.bincount(films), kind="stable")[: most[1]]
    row = np.full(users.max() + 1, -1)
    row[busy] = np.arange(len(busy))
    column = np.full(films.max() + 1, -1)
    column[seen] = np.arange(len(seen))
    grid = np.full((len(busy), len(seen)), np.nan)
    inside = (row[users] >= 0) & (column[films] >= 0)
    grid[row[users[inside]], column[films[inside]]] = parts[inside]
    figure = go.Figure(
        go.Heatmap(
            z=grid,
            zmin=0,
            zmax=2,
            colorscale=_steps([palette[number] for number in PART_COLORS]),
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate="user %{y}, film %{x}<extra></extra>",
        )
    )
    _part_legend(figure, parts, palette)
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False)
    figure.update_xaxes(showgrid=False, zeroline=False)
    return _dressed(figure, "films, the most rated first", "users, the busiest first", 460)


def histogram_figure(
    values: np.ndarray, counts: tuple[np.ndarray, np.ndarray], name: str, palette: Sequence[str] = PALETTE
) -> go.Figure:
    """How often each value occurs in train and in valid.

    Args:
        values: [V] the values in order.
        counts: [V] in train and [V] in valid.
        name: what the values are.
    """
    figure = go.Figure()
    for code, part in enumerate(counts):
        figure.add_trace(go.Bar(x=values, y=part, name=PARTS[code], marker={"color": palette[PART_COLORS[code]]}))
    figure.update_layout(barmode="stack", bargap=0.2)
    figure.update_xaxes(type="category")
    return _dressed(figure, name, "items", 380)


def _part_legend(figure: go.Figure, parts: np.ndarray, palette: Sequence[str]) -> None:
    """A heatmap has no legend of its own: a marker for each part that occurs."""
    for code in np.unique(parts[parts != ABSENT]):
        marker = {"size": 14, "symbol": "square", "color": palette[PART_COLORS[code]]}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=PARTS[code], marker=marker, showlegend=True)
        )


def _steps(colors: Sequence[str]) -> list[list]:
    """A colour scale without transitions: equal steps of the given colours."""
    edges = np.linspace(0, 1, len(colors) + 1)
    return [[edge, color] for number, color in enumerate(colors) for edge in edges[number : number + 2]]


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
