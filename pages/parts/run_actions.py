"""What can be done with the run of a page's spec now: start, stop, go on, again, replay."""

from typing import Any

import streamlit as st

from labcore.runs.store import ACTIVE, Row
from labcore.specs import Spec
from pages.parts import reveal, run_panel
from pages.parts.live_curve import Replay

SPEEDS = (1, 2, 5, 10, 20, 50)
"""How many times faster than it was trained a run can be replayed."""


SPEED_WIDTH = 180
"""Pixels of the choice of a speed where buttons stand side by side."""


def actions(
    spec: Spec, row: Row | None, *, label: str = "Train", replay: bool = False, guess: str = "", **more: Any
) -> None:
    """The buttons that make sense now.

    Args:
        spec: what the page's controls say.
        row: its run, if there is one.
        label: what the start button says.
        replay: offer to show an ended run again at a chosen speed.
        guess: offer to hide the result; what is hidden, in a sentence.
        more: passed on to every button, such as ``width``.
    """
    _deeds(spec, row, label, replay, more)
    if guess:
        reveal.toggle(guess)


def _deeds(spec: Spec, row: Row | None, label: str, replay: bool, more: dict[str, Any]) -> None:
    if row is None:
        run_panel.start_button(label, spec, key="start run", type="primary", icon=":material/play_arrow:", **more)
        return
    if row.status in ACTIVE:
        run_panel.stop_button([row], key="stop", **more)
        return
    if row.status != "done":
        run_panel.resume_button(row, key="resume", type="primary", **more)
    else:
        run_panel.start_button(
            "Run again", spec, key="again", fresh=True, icon=":material/refresh:",
            help="Train anew although the result is known.", **more,
        )  # fmt: skip
    if replay:
        st.selectbox(
            "Replay", SPEEDS, index=None, key="speed", format_func=lambda speed: f"{speed}x",
            placeholder="not replayed", on_change=_replay_anew, width=more.get("width", SPEED_WIDTH),
        )  # fmt: skip


def _replay_anew() -> None:
    st.session_state["replay nonce"] = st.session_state.get("replay nonce", 0) + 1


def replay_now() -> Replay | None:
    """The replay that the person asked for, for the live curves."""
    speed = st.session_state.get("speed")
    return Replay(speed, st.session_state.get("replay nonce", 0)) if speed else None


def label(row: Row) -> None:
    """Below a figure: where the run comes from, or that it is a replay."""
    speed = st.session_state.get("speed")
    replay = f"**replay at {speed}x** of a run " if speed else ""
    st.caption(f"{replay}{run_panel.label_of(row)}")
