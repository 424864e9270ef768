"""Figures of measurements that the lab publishes beside its lessons."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from labcore.figures.style import PALETTE, TYPE

DASHES = ("solid", "dash", "dot", "dashdot")
"""Plans differ by dash too, so that nothing hangs on colour alone."""
SHADE = 0.18
"""Opacity of a band: two that overlap stay readable."""


def seed_bands(
    errors: Mapping[str, npt.ArrayLike], *, palette: Sequence[str] = PALETTE, height: int = 420
) -> go.Figure:
    """Error rate after each epoch: the mean over seeds as a line, lowest to highest seed as a band.

    Args:
        errors: by plan, [seeds, epochs] error rates in 0..1.
        palette: series colours.
        height: in pixels.
    """
    figure = go.Figure()
    for number, (name, values) in enumerate(errors.items()):
        values = np.asarray(values, float)
        epochs = np.arange(1, values.shape[1] + 1)
        color = palette[number % len(palette)]
        low, high = values.min(0), values.max(0)
        figure.add_trace(
            go.Scatter(
                x=np.concatenate([epochs, epochs[::-1]]),
                y=np.concatenate([high, low[::-1]]),
                fill="toself",
                fillcolor=_shaded(color),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=values.mean(0),
                name=name,
                mode="lines",
                legendgroup=name,
                line={"color": color, "width": 4, "dash": DASHES[number % len(DASHES)]},
                customdata=np.stack([low, high], axis=1),
                hovertemplate="%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})",
            )
        )
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        font={"size": TYPE},
        hovermode="x unified",
        hoverlabel={"font_size": TYPE},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": TYPE - 1}},
    )
    letters = {"tickfont": {"size": TYPE - 2}, "automargin": True}
    figure.update_xaxes(title="epoch", **letters)
    figure.update_yaxes(title="error rate", tickformat=".0%", type="log", dtick="D2", **letters)
    return figure


def _shaded(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {SHADE})"
