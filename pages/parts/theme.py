"""The colours of the theme that this browser shows, for figures that are drawn on the server."""

import streamlit as st

from labcore.figures.style import PALETTE

SELECTED = """<style>
[data-testid="stTab"][aria-selected="true"] [data-testid="stMarkdownContainer"],
[data-testid^="stBaseButton-segmented_controlActive"] [data-testid="stMarkdownContainer"],
[data-testid^="stBaseButton-pillsActive"] [data-testid="stMarkdownContainer"] { color: %s; font-weight: 600; }
</style>"""
"""What is chosen reads in the colour of the text: an ember that bears white letters is too dark for letters of its own
on a dark page. A line or a frame says that it is chosen as well."""


def ink() -> str:
    """The colour of the text in the theme that this browser shows."""
    return st.get_option(f"theme.{st.context.theme.type or 'light'}.textColor")


def selected() -> None:
    """Draw what is chosen legibly, on every page."""
    st.html(SELECTED % ink())


def palette() -> tuple[str, ...]:
    """The series colours of the light or the dark theme, in the order of ``.streamlit/config.toml``."""
    colors = st.get_option(f"theme.{st.context.theme.type or 'light'}.chartCategoricalColors")
    return tuple(colors) if colors else PALETTE
