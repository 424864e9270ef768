"""Guess first: a page's result stays covered until somebody has said what they expect and asks for it."""

import streamlit as st

from labcore.runs.store import Row
from pages.parts import present

KEY = "H"
"""Hides and reveals, on every page."""


def toggle(help_text: str) -> None:
    """The switch for it, in the same place and under the same name in the link on every page.

    Args:
        help_text: what is hidden until when.
    """
    st.toggle("Guess first", key="guess", bind="query-params", help=help_text)


def wanted() -> bool:
    """Whether results are to be guessed before they are seen: while presenting always."""
    return bool(st.session_state.get("guess")) or present.on()


def covered(row: Row | None, question: str) -> bool:
    """Stand in for a finished result that is not to be seen yet; says whether it does.

    Args:
        row: the run on the page; what is still under way is never covered, the moving curve is the lesson then.
        question: what to guess.
    """
    if row is None or row.status != "done" or not wanted():
        return False
    shown = st.session_state.get("revealed run") == row.id
    if shown:
        with st.container(horizontal=True, horizontal_alignment="right"):
            st.button("Hide the result", key="hide result", icon=":material/visibility_off:", shortcut=KEY,
                      on_click=_set, args=("",))  # fmt: skip
        return False
    with st.container(border=True, horizontal_alignment="center"):
        st.header(question, anchor=False, text_alignment="center")
        # The key's name would be too pale on the ember of a primary button.
        st.button("Reveal", key="reveal result", icon=":material/visibility:", shortcut=KEY, on_click=_set,
                  args=(row.id,))  # fmt: skip
    return True


def _set(run: str) -> None:
    st.session_state["revealed run"] = run
    # What was asked for to be replayed begins at the moment at which it is seen.
    st.session_state["replay nonce"] = st.session_state.get("replay nonce", 0) + 1
