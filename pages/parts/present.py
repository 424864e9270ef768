"""The projector mode: large type, folded controls, lessons changed by keyboard; the link says ``present=1``."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.lessons import lessons

PARAMETER = "present"
NEXT_KEY, BACK_KEY, LEAVE_KEY = "PageDown", "PageUp", "Esc"
"""The keys that a presenter's remote control sends."""
FIGURES = 1.25
"""How much larger figures are than beside the controls."""
STYLE = """<style>
:root { font-size: clamp(18px, 1.4vw, 34px); }
section[data-testid="stSidebar"], header[data-testid="stHeader"] { display: none; }
[data-testid="stMainBlockContainer"] { padding: 0.5rem 1.5rem 2rem; }
</style>"""
"""Everything of Streamlit is sized in rem: 18 px on a laptop, 27 on a full-HD projector."""


def on() -> bool:
    """Whether this browser shows the projector mode: by its link, or since somebody pressed the button."""
    if PARAMETER in st.query_params:
        st.session_state["presenting"] = True
    return st.session_state.get("presenting", False)


def begin_button() -> None:
    """The way into the projector mode."""
    st.button(
        "Present", key="begin presentation", icon=":material/slideshow:", on_click=_set, args=(True,), width="stretch",
        help="Large type, folded controls; Page up and Page down change the lesson.",
    )  # fmt: skip


def _set(wanted: bool) -> None:
    st.session_state["presenting"] = wanted
    st.query_params.pop(PARAMETER, None)


def bar(current: str, *beside: Callable[[], None]) -> None:
    """The top of every page while presenting: back, where we are, on, and the way out.

    Args:
        current: the url path of the page on the screen; empty for home.
        beside: functions that draw further buttons.
    """
    if st.query_params.get(PARAMETER) != "1":  # a change of page drops the parameters of the last one
        st.query_params[PARAMETER] = "1"
    st.html(STYLE)
    shown = lessons()
    paths = ["", *(lesson.path for lesson in shown)]
    place = paths.index(current) if current in paths else len(paths)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            back = st.button("Back", key="previous lesson", icon=":material/chevron_left:", shortcut=BACK_KEY,
                             disabled=place == 0)  # fmt: skip
            on_ = st.button("Next", key="next lesson", icon=":material/chevron_right:", icon_position="right",
                            shortcut=NEXT_KEY, disabled=place >= len(paths) - 1)  # fmt: skip
            if 0 < place < len(paths):
                st.markdown(f"Lesson {place} of {len(shown)}", width="content")
        with st.container(horizontal=True, width="content"):
            for draw in beside:
                draw()
            st.button("Leave", key="end presentation", icon=":material/close:", shortcut=LEAVE_KEY, on_click=_set,
                      args=(False,))  # fmt: skip
    if back or on_:
        path = paths[place + (1 if on_ else -1)]
        st.switch_page(f"{path or 'home'}.py", query_params={PARAMETER: "1"})


def beside() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where a page's controls and its figure go: side by side; while presenting, the controls fold away below it."""
    if on():
        main = st.container()
        return st.expander("Controls", icon=":material/tune:"), main
    side, main = st.columns([1, 3], gap="medium")
    return side, main
