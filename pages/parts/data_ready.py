"""Wait for a set that is not here yet: drawn or downloaded beside the page, with progress and a stop."""

import streamlit as st

from labcore.data import getting, registry
from labcore.data.leaf import is_here
from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import DatasetSpec
from pages.parts import words

LOOK_SECONDS = 0.5


def ready(dataset: DatasetSpec) -> bool:
    """Whether the set can be opened; else what is under way is shown, and an embedded set begins to be drawn.

    Raises:
        UserError: a folder that is not there, or that may not be asked for.
    """
    if is_here(dataset):
        return True
    known = registry.card(dataset.name)
    if dataset.root or known.kind == "own":
        raise UserError(f"There is no folder {dataset.root}. Check its spelling, or upload a zip.")
    state = getting.look(known.name)
    if state is not None and state.error:
        st.error(state.error, icon=":material/error:")
    if state is not None and not state.error:
        _progress(dataset)
    elif known.kind == "embedded" and not st.session_state.get(_stopped(known.name)) and state is None:
        getting.start(known.name)
        _progress(dataset)
    elif known.kind == "embedded" or settings().mode == "local":
        _offer(known)
    else:
        st.info(f"{known.title} is not on this server. Choose an embedded set.", icon=":material/cloud_off:")
    return False


def _offer(known: registry.Card) -> None:
    """The button that begins, with what it costs."""
    if known.kind == "embedded":
        st.info(f"{known.title} is drawn by this lab, in some 10 seconds on two cores.", icon=":material/brush:")
        label = "Draw it"
    else:
        st.info(
            f"{known.title} is not on this machine: {known.bytes / 1e6:,.0f} MB to download. Licence: {known.licence}.",
            icon=":material/cloud_download:",
        )
        label = f"Download {known.bytes / 1e6:,.0f} MB"
    st.button(label, key="get data", type="primary", on_click=_begin, args=(known.name,))


def _begin(name: str) -> None:
    st.session_state.pop(_stopped(name), None)
    getting.start(name)


def _stop(name: str) -> None:
    st.session_state[_stopped(name)] = True
    getting.stop(name)


def _stopped(name: str) -> str:
    return f"stopped {name}"


@st.fragment(run_every=LOOK_SECONDS)
def _progress(dataset: DatasetSpec) -> None:
    state, name = getting.look(dataset.name), dataset.name
    if is_here(dataset) or (state is not None and state.error):
        st.rerun()
    if state is None:
        getting.start(name)  # its process may have ended with another server
        state = getting.State()
    known = registry.card(name)
    made, unit, parts = ("downloaded", "MB", 1e6) if known.kind == "real" else ("drawn", "items", 1)
    st.markdown(f"**{known.title}** is not on this machine yet. It is {made} once, and then opens at once.")
    said = state.what
    if state.done or state.total:
        said += f": {state.done / parts:,.0f}" + (f" of {state.total / parts:,.0f}" if state.total else "") + f" {unit}"
    if state.left is not None:
        said += f", about {words.seconds(state.left)} left"
    st.progress(min(1.0, state.done / state.total) if state.total else 0.0, text=said)
    if state.process:
        st.button("Stop", key="stop data", icon=":material/stop:", on_click=_stop, args=(name,))
