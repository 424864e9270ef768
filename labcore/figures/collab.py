"""Figures of the latent-factor explorer: tables in, plotly figures out."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from labcore.figures.style import PALETTE, TYPE


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
