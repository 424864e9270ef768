"""The colours of the theme that this browser shows, for figures that are drawn on the server."""

import streamlit as st

from labcore.figures.style import PALETTE


def palette() -> tuple[str, ...]:
    """The series colours of the light or the dark theme, in the order of ``.streamlit/config.toml``."""
    colors = st.get_option(f"theme.{st.context.theme.type or 'light'}.chartCategoricalColors")
    return tuple(colors) if colors else PALETTE
