"""The colours of the theme that this browser shows, for figures that are drawn on the server."""

import streamlit as st

from labcore.figures.style import PALETTE

LEGIBLE = """<style>
[data-testid="stTab"][aria-selected="true"] [data-testid="stMarkdownContainer"],
button[data-selected="true"] [data-testid="stMarkdownContainer"] {{ color: {ink}; font-weight: 600; }}
[data-testid="stSliderThumbValue"] [data-testid="stMarkdownContainer"] {{ color: {ink}; }}
[data-testid="stCode"] .token.deleted {{ color: {red} !important; }}
[data-testid="stCode"] .token.inserted {{ color: {green} !important; }}
</style>"""
"""What is chosen reads in the colour of the text: an ember that bears white letters is too dark for letters of its own
on a dark page; a line or a frame says that it is chosen as well. Streamlit's red and green of a diff are too pale on a
light ground."""


def _color(name: str) -> str:
    return st.get_option(f"theme.{st.context.theme.type or 'light'}.{name}")


def ink() -> str:
    """The colour of the text in the theme that this browser shows."""
    return _color("textColor")


def legible() -> None:
    """Keep the contrast of WCAG's level AA where Streamlit's own colours do not, on every page."""
    st.html(LEGIBLE.format(ink=ink(), red=_color("redTextColor"), green=_color("greenTextColor")))


def palette() -> tuple[str, ...]:
    """The series colours of the light or the dark theme, in the order of ``.streamlit/config.toml``."""
    colors = _color("chartCategoricalColors")
    return tuple(colors) if colors else PALETTE
