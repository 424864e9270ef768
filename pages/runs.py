"""All runs that are kept: look, compare, replay, export, import, delete."""

import pandas as pd
import streamlit as st

from labcore.errors import UserError
from labcore.runs.bundles import export_run, import_run
from labcore.runs.run import Run
from labcore.runs.store import ACTIVE, ENDED, Row, open_store
from labcore.specs import changed, flatten, spec_type
from labcore.training import plans
from pages.parts import carry, run_panel, words
from pages.parts.controls import link
from pages.parts.lessons import lessons
from pages.parts.live_curve import Curve, Dash, Replay, live_curve
from pages.parts.machine import title_of
from pages.parts.run_actions import SPEEDS

SHOWN = 500
PREFERRED = ("smooth_loss", "valid_loss", "train_loss", "loss")
RATE = "lr"
MAIN_METRICS = ("lr_valley", "valid_loss", "error_rate", "f2_samples", "mean_iou", "pixel_error_median", "valid_mse")
DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")
UPLOAD_MB = 200
NAME_LETTERS = 48
"""Longer names of curves are cut: the table below has all of it."""


def name_of(row: Row) -> str:
    """A run as one line for the picker; its id makes it unique."""
    return f"{title_of(row)} · {words.when(row.finished or row.created)} · {row.id[-6:]}"


def overview(rows: list[Row]) -> None:
    """Every run with its state and its main number."""
    table = []
    for row in rows:
        metric = next((name for name in MAIN_METRICS if name in row.metrics), None)
        value = row.metrics.get(metric) if metric else None
        told = words.rate(value) if metric and metric.startswith("lr_") else words.number(value)
        table.append(
            {
                "run": title_of(row),
                "state": words.STATES[row.status][0],
                "result": f"{metric} {told}" if metric else row.error[:60],
                "settings": _settings(row),
                "device": row.device,
                "took": words.seconds(row.seconds) if row.seconds else "–",
                "when": words.when(row.finished or row.created),
                "id": row.id,
            }
        )
    st.dataframe(pd.DataFrame(table), hide_index=True, height=min(420, 38 * len(table) + 40))


def _settings(row: Row) -> str:
    spec = spec_type(row.experiment).of(row.spec)
    return ", ".join(f"{name} {value}" for name, value in changed(spec).items() if name != "plan")[:120] or "defaults"


def say_what_is_gone(rows: list[Row]) -> None:
    """An old link may name runs that are not here: say so once, then show what is."""
    known = {row.id for row in rows}
    gone = [run for run in st.query_params.get_all("run") if run not in known]
    if gone and "chosen" not in st.session_state:
        which = f"Run {gone[0]} of this link is" if len(gone) == 1 else f"{len(gone)} runs of this link are"
        st.warning(
            f"{which} not in this lab (any more). Import what was exported, or look at what is here.",
            icon=":material/cloud_off:",
        )


def chosen_of(rows: list[Row]) -> list[Row]:
    """The runs that the person, or the link, chose."""
    by_id = {row.id: row for row in rows}
    asked = [run for run in st.query_params.get_all("run") if run in by_id]
    if "chosen" not in st.session_state:
        st.session_state["chosen"] = asked or [row.id for row in rows[:1]]
    st.session_state["chosen"] = [run for run in st.session_state["chosen"] if run in by_id]
    chosen = st.multiselect(
        "Look at", list(by_id), key="chosen", format_func=lambda run: name_of(by_id[run]), placeholder="choose runs"
    )
    st.query_params["run"] = chosen
    return [by_id[run] for run in chosen]


def curves(chosen: list[Row]) -> None:
    """The chosen runs' curves on one axis; replayed where asked for."""
    series = {row.id: run_panel.series_of(row) for row in chosen}
    names = sorted({name for one in series.values() for name in one if name != RATE})
    if not names and not any(row.status in ACTIVE for row in chosen):
        st.caption("Nothing was measured in these runs.")
        return
    names = names or [PREFERRED[0]]
    default = next((name for name in PREFERRED if name in names), names[0])
    swept = all(row.experiment == "lr_finder" for row in chosen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Series", names, index=names.index(default), key="series")
        over = st.selectbox("Over", ("learning rate", "batch") if swept else ("batch",), key="over")
        speed = st.select_slider("Replay", ("off", *SPEEDS), key="replay speed",
                                 format_func=lambda one: one if one == "off" else f"{one}x")  # fmt: skip
    by_rate = over == "learning rate"
    lines = [
        Curve(row.id, name, label, i, dash=DASHES[i % 4])
        for i, (row, label) in enumerate(zip(chosen, short_names(chosen), strict=True))
    ]

    def draw() -> None:
        live_curve(
            {row.id: run_panel.known_of(row, (name, RATE)) for row in chosen},
            lines,
            key="runs curve",
            page="runs",
            x=RATE if by_rate else "step",
            x_label="learning rate" if by_rate else "batch",
            log_x=by_rate,
            y_label=name.replace("_", " "),
            status_line=any(row.status in ACTIVE for row in chosen),
            replay=None if speed == "off" else Replay(speed, nonce=hash_of(chosen, name, speed)),
        )

    run_panel.polled(draw, chosen)
    if speed != "off":
        st.caption(f"**replay at {speed}x**: points appear at the pace at which they were measured, times {speed}.")


def hash_of(chosen: list[Row], name: str, speed: int) -> int:
    """A number that changes with what is replayed, so that the replay starts over."""
    return sum(int(row.id[-8:], 16) for row in chosen) % 10_000_019 * 1000 + len(name) * 60 + speed


def differing(chosen: list[Row]) -> dict[str, list[str]]:
    """The settings in which runs differ: {name: one value per run}, in words."""
    flat = [flatten(spec_type(row.experiment).of(row.spec)) for row in chosen]
    names = list(dict.fromkeys(name for one in flat for name in one))
    told = {name: [_setting(name, one.get(name)) for one in flat] for name in names}
    return {name: values for name, values in told.items() if len(set(values)) > 1}


def _setting(name: str, value: object) -> str:
    if value is None:
        return "–"
    return plans.to_text(value) if name == "plan" else str(value)


def short_names(chosen: list[Row]) -> list[str]:
    """A run's name among others: what sets it apart, and the end of its id."""
    differs = differing(chosen) if len(chosen) > 1 else {}
    names = []
    for i, row in enumerate(chosen):
        apart = ", ".join(f"{name} {values[i]}" for name, values in differs.items())
        names.append(f"{apart[:NAME_LETTERS] or title_of(row)} · {row.id[-6:]}")
    return names


def differences(chosen: list[Row]) -> None:
    """Settings and results of the chosen runs, side by side; of the settings only those that differ."""
    columns = short_names(chosen)
    if len(chosen) > 1:
        st.subheader("What differs")
        differs = differing(chosen)
        if differs:
            st.table(pd.DataFrame(differs, index=columns).T)
        else:
            st.caption("Nothing: these runs were asked for with the same settings.")
    metrics = list(dict.fromkeys(name for row in chosen for name in row.metrics))
    if metrics:
        st.subheader("Results")
        st.table(pd.DataFrame({name: [_metric(name, row) for row in chosen] for name in metrics}, index=columns).T)


def _metric(name: str, row: Row) -> str:
    value = row.metrics.get(name)
    if not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return words.rate(value) if name.startswith("lr_") else words.number(value, 4)


def deeds(chosen: list[Row]) -> None:
    """What can be done with the chosen runs."""
    with st.container(horizontal=True):
        active = [row for row in chosen if row.status in ACTIVE]
        if active:
            run_panel.stop_button(active, key="stop runs")
        if len(chosen) == 1:
            row = chosen[0]
            if row.status in ("stopped", "failed"):
                run_panel.resume_button(row, key="resume run")
            if row.experiment in {lesson.path for lesson in lessons()}:
                spec = spec_type(row.experiment).of(row.spec)
                st.page_link(f"{row.experiment}.py", label="Open in its lesson", icon=":material/open_in_new:",
                             query_params=carry.link(link(spec)))  # fmt: skip
            if row.status in ENDED:
                st.download_button(
                    "Export as zip", data=lambda: export_run(row.id), file_name=f"unfreeze-{row.id}.zip",
                    mime="application/zip", icon=":material/download:", on_click="ignore",
                )  # fmt: skip
        ended = [row for row in chosen if row.status in ENDED]
        if ended:
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown(f"Delete {len(ended)} {'run' if len(ended) == 1 else 'runs'} with all points and files?")
                st.button("Delete for good", key="delete", type="primary", on_click=_delete, args=(ended,))


def _delete(rows: list[Row]) -> None:
    try:
        for row in rows:
            Run(row.id).delete()
        st.session_state["chosen"] = []
    except UserError as error:
        st.session_state["trouble"] = str(error)


def take_in() -> None:
    """Import one exported run; it is checked before anything of it is kept."""
    file = st.file_uploader("Import a run (a zip that this page exported)", type="zip", max_upload_size=UPLOAD_MB)
    if file is None or st.session_state.get("taken") == file.file_id:
        return
    try:
        run = import_run(file.getvalue())
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state["taken"] = file.file_id
    st.session_state.pop("chosen", None)
    st.query_params["run"] = run
    st.rerun()


def page() -> None:
    """The page, top to bottom."""
    st.title("Runs")
    st.markdown("Everything that was trained here is kept, with its curves, until you delete it.")
    run_panel.trouble()
    rows = open_store().find(limit=SHOWN)
    say_what_is_gone(rows)
    if not rows:
        st.info("No runs yet. Open a lesson and start one, or import one below.", icon=":material/ac_unit:")
        take_in()
        return
    chosen = chosen_of(rows)
    if chosen:
        for row in chosen:
            run_panel.state_line(row)
        curves(chosen)
        deeds(chosen)
        differences(chosen)
    else:
        st.info("Choose one run to look at, or several to compare.", icon=":material/touch_app:")
    st.subheader("All runs")
    overview(rows)
    take_in()


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
