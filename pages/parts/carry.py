"""Links from page to page that carry settings, whole: what they name arrives, and what they leave open is the default.

Streamlit drops a parameter of such a link where the page that it leaves has a widget of that name, and keeps that
widget's value for the widget of the same name on the next page. Lessons share most of their names. So settings travel
inside one parameter of no widget's name, and are taken out before the next page draws its own.
"""

from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from labcore.specs import EXPERIMENTS, flatten
from pages.parts import present

PARAMETER = "with"
DEFAULTS = "defaults"
"""Stands for no settings: Streamlit leaves an empty parameter out."""
OF_PAGES = ("plan text", "preset", "tab", "step")
"""What pages remember beside the fields of their specs, and a link speaks of too."""


def link(settings: Mapping[str, str]) -> dict[str, str]:
    """The query parameters of a link to a lesson, from the plain ones (``controls.link``)."""
    return {PARAMETER: urlencode(dict(settings)) or DEFAULTS}


@cache
def _fields() -> frozenset[str]:
    from labcore.data.leaf import BlockSpec  # it opens pictures: not before somebody follows a link

    specs = (BlockSpec(), *(kind() for kind in EXPERIMENTS.values()))
    return frozenset(name for spec in specs for name in flatten(spec)).union(OF_PAGES)


def take(page: str) -> None:
    """Before a page is drawn: put what a link carried into its parameters, for its widgets to start from.

    Args:
        page: its url path.
    """
    text = st.query_params.get(PARAMETER)
    context = get_script_run_ctx()
    if text is None or context is None:
        return
    wanted = parse_qs(text)
    for name in _fields() | wanted.keys():
        st.session_state.pop(name, None)
    st.session_state.pop(f"visited {page}", None)  # whoever follows a link arrives anew
    with context.session_state.query_params() as parameters:
        for name in [*parameters, *wanted]:
            binding = parameters.get_binding_for_param(name)
            if binding is not None:  # the page was open before: its old widgets have no say
                parameters.unbind_widget(binding.widget_id)
    if present.on():
        wanted[present.PARAMETER] = ["1"]
    st.query_params.from_dict(wanted)
    with context.session_state.query_params() as parameters:
        parameters.set_initial_query_params_from_current()
