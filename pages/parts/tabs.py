"""Tabs that draw only the one that is open, and stay open in the link."""

from collections.abc import Callable, Mapping

import streamlit as st


def tabs(draw: Mapping[str, Callable[[], None]]) -> None:
    """One tab per name; the others cost nothing.

    Args:
        draw: what each tab shows, in order.
    """
    for tab, show in zip(st.tabs(list(draw), key="tab", bind="query-params"), draw.values(), strict=True):
        if tab.open:
            with tab:
                show()
