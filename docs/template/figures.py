"""The descent on its parabola."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from labcore.figures.style import PALETTE


def path_figure(path: Sequence[float], palette: Sequence[str] = PALETTE) -> go.Figure:
    """Where each step stood.

    Args:
        path: x after each step.
        palette: the series colours.
    """
    steps = np.asarray(path, float)
    reach = max(1.0, float(np.abs(steps).max()))
    x = np.linspace(-reach, reach, 200)
    figure = go.Figure()
    figure.add_scatter(x=x, y=x**2, mode="lines", name="loss", line={"color": palette[0]})
    figure.add_scatter(x=steps, y=steps**2, mode="lines+markers", name="steps", line={"color": palette[1]})
    return figure.update_layout(xaxis_title="x", yaxis_title="loss", height=360)
