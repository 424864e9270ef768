"""What the machine is and does, read from the engine's row in the store: never from torch in this process."""

import contextlib
from dataclasses import dataclass
from typing import Any

import streamlit as st

from labcore.errors import UserError
from labcore.runs import engine
from labcore.runs.run import Run
from labcore.runs.store import ACTIVE, Row, open_store
from labcore.specs import spec_type
from pages.parts import carry
from pages.parts.controls import link
from pages.parts.lessons import lessons

LOOK_EVERY = 5.0
"""Seconds between two looks of the sidebar: 200 browsers then cost about a quarter of a core."""

SHOWN = 3
"""Runs and races that the sidebar names at most."""


@dataclass(frozen=True)
class Machine:
    """The engine's word on the machine (None while there is no engine), and all runs under way."""

    state: dict[str, Any] | None
    active: tuple[Row, ...]

    @property
    def warm(self) -> bool:
        """Whether a run would start at once."""
        return bool(self.state and self.state.get("warm"))

    @property
    def device(self) -> str:
        """The device in a few words."""
        if not self.warm or "device" not in self.state:
            return "not known yet"
        if self.state["device"] == "cpu":
            return f"CPU, {self.state['threads']} threads"
        return self.state["device_name"]

    @property
    def precision(self) -> str:
        """The number format that ``auto`` takes here."""
        return self.state["precision"] if self.warm and "precision" in self.state else "not known yet"


@st.cache_data(ttl=1.0, max_entries=4, show_spinner=False)
def machine(home: str) -> Machine:
    """The machine now; one look a second serves all browsers of this server."""
    store = open_store()
    return Machine(engine.state(store), tuple(store.find(status=ACTIVE, oldest_first=True)))


def look() -> Machine:
    """The machine behind the present LAB_HOME."""
    return machine(open_store().url)


def title_of(row: Row) -> str:
    """A run in a few words."""
    spec = row.spec
    names = {lesson.path: lesson.title for lesson in lessons()}
    parts = [names.get(row.experiment, row.experiment), spec.get("dataset", {}).get("name"), spec.get("arch")]
    return " · ".join(part for part in parts if part)


@st.fragment(run_every=LOOK_EVERY)
def machine_line() -> None:
    """The sidebar's lines: device, engine, what runs now and how many wait."""
    try:
        here = look()
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    if here.warm and here.state.get("failed"):
        st.error(f"The engine cannot train here: {here.state['failed']}", icon=":material/error:")
    elif here.warm:
        st.caption(f":material/memory: {here.device} · {here.precision}")
    elif here.state:
        st.caption(":material/hourglass_top: The engine is warming up. What you start now begins right after.")
    else:
        st.caption(":material/power: The engine starts with your first run.")
    running = [row for row in here.active if row.status == "running"]
    waiting = len(here.active) - len(running)
    races: dict[str, list[Row]] = {}
    for row in running:
        races.setdefault(row.race or row.id, []).append(row)
    for rows in list(races.values())[:SHOWN]:
        _line(rows)
    if waiting:
        st.caption(f":material/schedule: {waiting} waiting")


def _line(rows: list[Row]) -> None:
    """What runs now, one line for a run or for all lanes of a race, with the way to it."""
    row = rows[0]
    share = sum(min(1.0, one.done / one.total) if one.total else 0.0 for one in rows) / len(rows)
    lanes = f" · {len(rows)} lanes" if len(rows) > 1 else ""
    st.progress(share, text=f":material/play_circle: {title_of(row)}{lanes}")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if len(rows) == 1 and row.experiment in {lesson.path for lesson in lessons()}:
            spec = spec_type(row.experiment).of(row.spec)
            st.page_link(f"{row.experiment}.py", label="Follow it", query_params=carry.link(link(spec)))
        else:
            st.page_link("runs.py", label="Follow it", query_params={"run": [one.id for one in rows]})
        asked = all(one.stop_requested for one in rows)
        st.button("Stop it", key=f"stop {row.id}", icon=":material/stop:", type="tertiary", disabled=asked,
                  on_click=_stop, args=(rows,))  # fmt: skip


def _stop(rows: list[Row]) -> None:
    for row in rows:
        with contextlib.suppress(UserError):  # it has ended meanwhile
            Run(row.id).stop()
    machine.clear()
