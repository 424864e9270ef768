"""What every page says and offers of a run: its state, where it was trained, start, stop, resume, run again."""

from collections.abc import Callable, Sequence

import streamlit as st

import labcore
from labcore.data import registry
from labcore.errors import UserError
from labcore.runs.keys import key_of
from labcore.runs.run import Run
from labcore.runs.series import Series
from labcore.runs.store import ACTIVE, Row, open_store
from labcore.runs.tail import status as status_of
from labcore.specs import Spec
from pages.parts import words
from pages.parts.live_curve import Known
from pages.parts.machine import look

FORERUNNERS = {"start_from": "Start from a saved stage", "collected": "Gathered pictures"}
"""Fields that name an earlier run, by what their controls are called."""
POLL_SECONDS = 1.0
"""How often a page looks by itself where the browser cannot follow the stream."""


@st.cache_data(ttl=3.0, max_entries=256, show_spinner=False)
def _key(canonical: str, experiment: type[Spec], url: str) -> str:
    # A folder of a real set is walked to know its content: not on every rerun.
    return key_of(experiment.model_validate_json(canonical))


def row_of(spec: Spec) -> Row | None:
    """The run of a spec to show: one under way, else the finished one, else the latest that stopped or failed.

    Raises:
        UserError: the data, the weights or the earlier run that the spec names are not there.
    """
    store = open_store()
    rows = store.find(key=_key(spec.canonical(), type(spec), store.url), limit=20)
    for wanted in (ACTIVE, ("done",)):
        for row in rows:
            if row.status in wanted:
                return row
    if not rows:
        _need_forerunners(spec)
    return rows[0] if rows else None


def _need_forerunners(spec: Spec) -> None:
    """Old links may go on from runs that are gone: say so now, not once the run has failed."""
    for field in ("start_from", "collected"):
        run = getattr(spec, field, "").partition("/")[0]
        if run and not open_store().find(prefix=run, limit=1):
            raise UserError(
                f"These settings go on from run {run}, which this lab does not have (any more). Import it on the page "
                f"Runs, or clear “{FORERUNNERS[field]}” under More."
            )


@st.cache_data(max_entries=64, show_spinner=False)
def _kept(run: str, finished: float, url: str) -> dict[str, Series]:
    return open_store().series(run)


def series_of(row: Row) -> dict[str, Series]:
    """All curves of a run; those of an ended one are read once."""
    store = open_store()
    if row.status in ACTIVE or row.finished is None:
        return store.series(row.id)
    return _kept(row.id, row.finished, store.url)


def known_of(row: Row, names: Sequence[str] | None = None) -> Known:
    """What a live curve is told of a run: to follow it while it is under way, else its points."""
    if row.status in ACTIVE and not polling():
        return Known(stream=True)
    if row.status in ACTIVE:
        row = open_store().get(row.id)  # the row at hand is as old as the last rerun of the whole page
    curves = {name: one for name, one in series_of(row).items() if names is None or name in names}
    return Known(
        series={name: (one.steps, one.values, one.at) for name, one in curves.items()},
        status=status_of(open_store(), row) if row.status != "done" else {"status": "done", "metrics": row.metrics},
    )


def polling() -> bool:
    """Whether this browser told that it cannot follow streams, so that the page has to look by itself."""
    return bool(st.session_state.get("polling"))


def polled(draw: Callable[[], None], rows: Sequence[Row]) -> None:
    """Draw a part of the page, again and again while runs are under way in a browser that cannot follow them."""
    if not (polling() and any(row.status in ACTIVE for row in rows)):
        draw()
        return

    def once() -> None:
        if not any(open_store().get(row.id).status in ACTIVE for row in rows):
            st.rerun()
        draw()

    st.fragment(once, run_every=POLL_SECONDS)()


# What a person can do


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except UserError as error:
        st.session_state["trouble"] = str(error)


def _ask(specs: Sequence[Spec], fresh: bool) -> None:
    def act() -> None:
        for spec in specs:
            run = labcore.submit(spec, fresh=fresh)
            st.session_state.setdefault("asked", set()).add(run.id)

    _try(act)


def start_button(label: str, specs: Spec | Sequence[Spec], *, key: str, fresh: bool = False, **more) -> None:
    """A button that asks for runs."""
    several = [specs] if isinstance(specs, Spec) else list(specs)
    st.button(label, key=key, on_click=_ask, args=(several, fresh), **more)


def stop_button(rows: Sequence[Row], *, key: str, **more) -> None:
    """A button that stops runs."""

    def stop() -> None:
        for row in rows:
            Run(row.id).stop()

    st.button("Stop", key=key, icon=":material/stop:", on_click=_try, args=(stop,), **more)


def resume_button(row: Row, *, key: str, **more) -> None:
    """A button that lets a stopped or failed run go on; one without a checkpoint begins at its first batch."""
    label, icon = (
        ("Resume", ":material/play_arrow:") if row.checkpoint_step >= 0 else ("Start over", ":material/replay:")
    )
    st.button(label, key=key, icon=icon, on_click=_try, args=(Run(row.id).resume,), **more)


def trouble() -> None:
    """Show what went wrong with the last thing the person asked for, once."""
    text = st.session_state.pop("trouble", "")
    if text:
        st.error(text, icon=":material/error:")


def label_of(row: Row) -> str:
    """Where a finished run comes from, honestly: trained just now, cached, recorded or imported."""
    origin = {"recorded": "recorded", "imported": "imported, trained"}.get(row.origin)
    if origin is None:
        origin = "trained" if row.id in st.session_state.get("asked", ()) else "cached, trained"
    parts = [f"{origin} on {row.device or 'an unknown device'}", words.when(row.finished)]
    if row.seconds:
        parts.append(words.seconds(row.seconds))
    name = row.spec.get("dataset", {}).get("name", "")
    if name in registry.CARDS and registry.card(name).kind == "embedded":
        parts.append("embedded (synthetic) data")
    return " · ".join(parts)


def state_line(row: Row) -> None:
    """One line on a run that is not simply done: why it waits, that it was stopped, how it failed."""
    if row.status == "queued":
        here = look()
        if here.state is None:
            st.info("The engine is starting; this run begins as soon as it is up.", icon=":material/hourglass_top:")
        elif not here.warm:
            st.info("The engine is warming up (a few seconds); this run is next.", icon=":material/hourglass_top:")
    elif row.status == "stopped":
        done = f" after {row.done} of {row.total}" if row.total else ""
        way_on = "Resume goes on from there." if row.checkpoint_step >= 0 else "Start over for the whole of it."
        st.warning(f"Stopped{done}. What was measured is kept. {way_on}", icon=":material/stop_circle:")
    elif row.status == "failed":
        st.error(row.error or "The run failed without a word; see the log.", icon=":material/error:")
    for note in row.notes:
        st.caption(f":material/info: {note}")
