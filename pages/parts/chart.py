"""Finished figures on the page: with what they say for people who do not see them, legible in both themes."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from labcore.figures.message import message
from pages.parts import present, theme

QUIET = {"displayModeBar": False}


def chart(figure: go.Figure, *, key: str, about: str = "", config: dict[str, Any] | None = None, **more: Any) -> Any:
    """Draw a figure.

    Args:
        figure: from ``labcore.figures``.
        key: the widget's key.
        about: what the figure is about, where its axes do not say it; its numbers are added.
        config: Plotly's own; without one its buttons are hidden.
        more: passed on to ``st.plotly_chart``, such as ``on_select``.

    Returns:
        What ``st.plotly_chart`` does.
    """
    drawn = go.Figure(figure) if present.on() else figure
    # Streamlit writes names and numbers of figures in a grey that is too pale for its light theme (3.6:1).
    ink = theme.ink()
    axes = [
        font for axis in (*drawn.select_xaxes(), *drawn.select_yaxes()) for font in (axis.tickfont, axis.title.font)
    ]
    for font in (*axes, drawn.layout.legend.font, *(note.font for note in drawn.layout.annotations)):
        if font.color is None:
            font.color = ink
    if drawn.layout.font.color is None:
        drawn.layout.font.color = ink
    if present.on():
        enlarge(drawn)
    return st.plotly_chart(
        drawn, key=key, alt=message(figure, about), config=QUIET if config is None else config, **more
    )


def enlarge(figure: go.Figure, factor: float = present.FIGURES) -> None:
    """Letters and height for the back of a room, in place."""
    layout = figure.layout.to_plotly_json()
    _grow(layout, factor)
    figure.update_layout(layout)
    if figure.layout.height:
        figure.update_layout(height=round(figure.layout.height * factor))
    for trace in figure.data:
        for font in ("textfont", "insidetextfont", "outsidetextfont"):
            if font in trace and trace[font].size:
                trace[font].size = trace[font].size * factor


def _grow(part: Any, factor: float) -> None:
    if isinstance(part, list | tuple):
        for one in part:
            _grow(one, factor)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("font") and isinstance(value, dict) and isinstance(value.get("size"), int | float):
                value["size"] = value["size"] * factor
            elif name != "template":
                _grow(value, factor)
