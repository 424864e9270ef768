"""Figures of the latent-factor explorer: tables in, plotly figures out."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from labcore.figures.style import PALETTE, TYPE

NAMED = 8
"""Points that carry their title on the map: more than that and nobody reads any."""
MANY = 3_000
"""From so many points the dots get smaller, so that a cloud stays a cloud."""
SCALES = {"year": "Viridis", "bias": "RdBu", "ratings": "Cividis"}


def _dressed(figure: go.Figure, x: str, y: str, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        font={"size": TYPE},
        hoverlabel={"font_size": TYPE},
        legend={"orientation": "h", "y": 1.06, "x": 0},
        xaxis={"title": {"text": x, "font": {"size": TYPE}}, "tickfont": {"size": TYPE}, "automargin": True},
        yaxis={"title": {"text": y, "font": {"size": TYPE}}, "tickfont": {"size": TYPE}, "automargin": True},
    )
    return figure


def map_figure(
    shown: pd.DataFrame,
    x: str,
    y: str,
    colour: str,
    *,
    groups: Sequence[str] = (),
    marked: Sequence[int] = (),
    you: tuple[float, float] | None = None,
    palette: Sequence[str] = PALETTE,
) -> go.Figure:
    """The items as points, drawn by the graphics card so that tens of thousands stay fluid.

    Args:
        shown: ``x``, ``y``, ``name``, ``title`` (on hover), ``colour`` (number, or a name out of ``groups``),
            ``ratings``, ``code``.
        x, y: names of the axes.
        colour: what the colour means.
        groups: names in the order of the palette; empty for a number.
        marked: codes of items to ring and name (a search).
        you: the person's own place.
    """
    figure = go.Figure()
    size = 5 if len(shown) > MANY else 10

    def points(part: pd.DataFrame, name: str, **marker) -> None:
        figure.add_trace(
            go.Scattergl(
                x=part["x"].to_numpy(np.float32),
                y=part["y"].to_numpy(np.float32),
                text=part["title"],
                customdata=part["code"].to_numpy(np.int32),
                name=name,
                mode="markers",
                marker={"size": size, "opacity": 0.8} | marker,
                hovertemplate="%{text}<extra></extra>",
                showlegend=bool(groups),
            )
        )

    if groups:
        for number, name in enumerate(groups):
            points(shown[shown["colour"] == name], name, color=palette[number % len(palette)])
    else:
        scale = {"colorscale": SCALES.get(colour, "Viridis"), "colorbar": {"title": {"text": colour}, "thickness": 14}}
        centred = {"cmid": 0.0} if colour == "bias" else {}
        points(shown, colour, color=shown["colour"].to_numpy(np.float32), **scale, **centred)
    named = shown.nlargest(NAMED, "ratings") if not len(marked) else shown[shown["code"].isin(list(marked))]
    ring = {"size": size + 8, "symbol": "circle-open", "line": {"width": 3}, "color": palette[1]}
    figure.add_trace(
        go.Scatter(
            x=named["x"], y=named["y"], text=named["name"].str.slice(0, 28), hoverinfo="skip", showlegend=False,
            mode="markers+text" if len(marked) else "text", textposition="top center", marker=ring,
            textfont={"size": TYPE - 2},
        )
    )  # fmt: skip
    if you is not None:
        figure.add_trace(
            go.Scatter(
                x=[you[0]], y=[you[1]], mode="markers+text", text=["you"], textposition="bottom center",
                marker={"size": 22, "symbol": "star", "color": palette[1], "line": {"width": 2}}, showlegend=False,
                hovertemplate="your direction<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(dragmode="lasso")
    return _dressed(figure, x, y, 620)


def models_figure(
    errors: Mapping[str, float], floor: float | None = None, palette: Sequence[str] = PALETTE
) -> go.Figure:
    """Valid MSE of the model beside that of simple methods; the best stands at the top.

    Args:
        errors: name to MSE; the first one is the model itself.
        floor: the MSE that no model can go below, where the truth is known.
    """
    names = sorted(errors, key=errors.get, reverse=True)
    mine = next(iter(errors))
    figure = go.Figure(
        go.Bar(
            x=[errors[name] for name in names],
            y=names,
            orientation="h",
            marker={"color": [palette[0] if name == mine else palette[5] for name in names]},
            text=[f"{errors[name]:.3f}" for name in names],
            textposition="auto",
            hovertemplate="%{y}: %{x:.4f}<extra></extra>",
        )
    )
    if floor is not None:
        figure.add_vline(floor, line={"dash": "dot", "width": 3}, annotation_text="the truth itself")
    return _dressed(figure, "valid MSE (lower is better)", "", 90 + 46 * len(names))


def genres_figure(genres: pd.DataFrame, axis: str, palette: Sequence[str] = PALETTE) -> go.Figure:
    """Which genres pull towards which end of an axis.

    Args:
        genres: ``genre``, ``pull`` in standard deviations, ``items``; sorted.
    """
    pulls: npt.NDArray = genres["pull"].to_numpy(float)
    figure = go.Figure(
        go.Bar(
            x=pulls,
            y=genres["genre"],
            orientation="h",
            marker={"color": [palette[1] if pull > 0 else palette[0] for pull in pulls]},
            customdata=genres["items"],
            hovertemplate="%{y}: %{x:.2f} sd, %{customdata} items<extra></extra>",
        )
    )
    return _dressed(figure, f"mean place on {axis}, in standard deviations", "", 120 + 24 * len(genres))


def loved_figure(table: pd.DataFrame, titles: Sequence[str], palette: Sequence[str] = PALETTE) -> go.Figure:
    """Bias against the mean effect: far above the line is loved beyond its mean rating.

    Args:
        table: as ``labcore.evaluation.collab_map.loved`` returns it.
        titles: of its rows.
    """
    line = table["bias"] - table["beyond"]
    order = np.argsort(table["mean_effect"].to_numpy())
    figure = go.Figure(
        go.Scattergl(
            x=table["mean_effect"], y=table["bias"], mode="markers", text=list(titles), showlegend=False,
            marker={"size": 9, "color": table["beyond"], "colorscale": "RdBu", "cmid": 0.0, "opacity": 0.85},
            hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=table["mean_effect"].to_numpy()[order], y=line.to_numpy()[order], mode="lines", showlegend=False,
            line={"width": 3, "color": palette[5]}, hoverinfo="skip",
        )
    )  # fmt: skip
    return _dressed(figure, "mean rating above the average, in stars", "bias", 420)
