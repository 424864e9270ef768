"""A race of segmentation plans that differ in one thing: same seed, same weights, same pictures in the same order."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

import labcore
from labcore.errors import UserError
from labcore.runs.store import ACTIVE, Row
from labcore.specs import SegmentationSpec
from pages.parts import run_panel, words
from pages.parts.live_curve import Curve, live_curve

DASHES = ("solid", "dash", "dot", "dashdot")
PAGE = "segmentation"


def race(lanes: Mapping[str, SegmentationSpec], *, key: str, measure: str = "pixel_accuracy") -> None:
    """Train lanes side by side, and compare them.

    Args:
        lanes: by name; what is known already is not trained again.
        key: of the widgets.
        measure: the series on the axis.
    """
    try:
        rows = {name: run_panel.row_of(spec) for name, spec in lanes.items()}
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    missing = [name for name, row in rows.items() if row is None or row.status in ("failed", "stopped")]
    active = [row for row in rows.values() if row is not None and row.status in ACTIVE]
    if active:
        run_panel.stop_button(active, key=f"{key} stop")
    elif missing:
        known = len(lanes) - len(missing)
        st.button(
            f"Train {', '.join(missing)}" if known else "Start the race", key=f"{key} start", type="primary",
            icon=":material/flag:", on_click=_start, args=(list(lanes.values()),),
        )  # fmt: skip
    there = {name: row for name, row in rows.items() if row is not None}
    if there:
        run_panel.polled(lambda: _curves(there, key, measure), list(there.values()))
        _table(rows)


def _start(specs: list[SegmentationSpec]) -> None:
    try:
        _, runs = labcore.submit_race(specs, title="race")
        st.session_state.setdefault("asked", set()).update(run.id for run in runs)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def _curves(rows: Mapping[str, Row], key: str, measure: str) -> None:
    percent = measure in ("pixel_accuracy", "mean_iou")
    answer = live_curve(
        {row.id: run_panel.known_of(row, (measure,)) for row in rows.values()},
        [
            Curve(row.id, measure, name, place, dash=DASHES[place % len(DASHES)], width=4)
            for place, (name, row) in enumerate(rows.items())
        ],
        key=f"{key} curves", page=PAGE, x_label="batch", y_label=measure.replace("_", " "), height=340,
        y_format="percent" if percent else "number", empty="The first epoch is on its way.",
        status_line=any(row.status in ACTIVE for row in rows.values()),
        message="; ".join(f"{name}: {words.percent(row.metrics.get(measure))}" for name, row in rows.items()),
    )  # fmt: skip
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _table(rows: Mapping[str, Row | None]) -> None:
    table = []
    for name, row in rows.items():
        metrics = row.metrics if row is not None else {}
        memory = metrics.get("memory")
        state = "not trained yet" if row is None else words.STATES[row.status][0].lower()
        table.append(
            {
                "lane": name,
                "pixel accuracy": words.percent(metrics.get("pixel_accuracy")),
                "mean IoU": words.percent(metrics.get("mean_iou")),
                "time": words.seconds(metrics.get("seconds")),
                "memory": "–" if memory is None else words.size(memory * 1e6),
                "state": state,
            }
        )
    st.table(pd.DataFrame(table).set_index("lane"))
    st.caption("One seed each: a difference of a percent may be luck.")
