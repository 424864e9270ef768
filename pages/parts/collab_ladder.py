"""The ladder of the notes: five models as one race, and a sweep of the weight decay that tames the third."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

import labcore
from labcore.errors import UserError
from labcore.runs.store import ACTIVE, Row
from labcore.specs import CollabSpec
from pages.parts import run_panel, words
from pages.parts.live_curve import Curve, live_curve

PLAIN_DECAY = 0.01
"""fastai's default, at which the notes train the rungs without their own weight decay."""
SWEEP = (0.01, 0.03, 0.1, 0.3, 1.0)
AXES = {"valid_mse_late": "valid MSE, later on", "valid_mse": "valid MSE, all", "train_loss": "training MSE"}


def rungs(spec: CollabSpec) -> dict[str, CollabSpec]:
    """The five models of the notes, each differing from the one before it in one thing."""
    plain = spec.but(weight_decay=PLAIN_DECAY, baselines="means")
    decay = spec.weight_decay if spec.weight_decay > PLAIN_DECAY else 0.1
    return {
        "dot product": plain.but(model="dot"),
        "with range": plain.but(model="dot_range"),
        "with bias": plain.but(model="dot_bias"),
        f"with weight decay {decay:g}": spec.but(model="dot_bias", weight_decay=decay),
        "neural net": plain.but(model="nn"),
    }


def sweep(spec: CollabSpec) -> dict[str, CollabSpec]:
    """The model in hand at several weight decays."""
    return {f"wd {decay:g}": spec.but(weight_decay=decay, baselines="means") for decay in SWEEP}


def ladder_tab(spec: CollabSpec) -> None:
    """Five models, one race."""
    st.markdown(
        "Each rung adds **one thing** to the one below it; all see the same ratings in the same order. "
        "Watch the third: with biases it learns the training ratings by heart and its valid MSE **rises** at the end. "
        "The fourth differs in weight decay alone."
    )
    _race("ladder", rungs(spec))


def sweep_tab(spec: CollabSpec) -> None:
    """One model, five weight decays."""
    st.markdown(
        "Too little weight decay overfits: the valid MSE turns upwards. Too much keeps all factors near zero, and what "
        "remains is hardly more than an average: **too much regularisation underfits**."
    )
    _race("sweep", sweep(spec))


def _race(name: str, lanes: Mapping[str, CollabSpec]) -> None:
    rows = {label: run_panel.row_of(spec) for label, spec in lanes.items()}
    active = [row for row in rows.values() if row and row.status in ACTIVE]
    missing = [label for label, row in rows.items() if row is None or row.status in ("failed", "stopped")]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if active:
            run_panel.stop_button(active, key=f"stop {name}")
        elif missing:
            some = f" {len(missing)} of {len(lanes)}" if len(missing) < len(lanes) else ""
            st.button(
                f"Train{some} as one race", key=f"start {name}", type="primary", icon=":material/flag:",
                on_click=_start, args=(list(lanes.values()), name),
            )  # fmt: skip
        measure = st.segmented_control(
            "On the axis", list(AXES), default="valid_mse_late", required=True, key=f"{name} axis",
            format_func=AXES.get, bind="query-params",
        )  # fmt: skip
    there = {label: row for label, row in rows.items() if row is not None}
    if not there:
        st.info("Not raced yet: it takes some seconds.", icon=":material/flag:")
        return
    run_panel.polled(lambda: _figure(name, there, measure), list(there.values()))
    done = {label: row for label, row in there.items() if row.status == "done"}
    if done:
        st.table(_table(done))
        _verdict(done)


def _start(specs: list[CollabSpec], name: str) -> None:
    try:
        _, runs = labcore.submit_race(specs, title=name)
        st.session_state.setdefault("asked", set()).update(run.id for run in runs)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def _figure(name: str, rows: Mapping[str, Row], measure: str) -> None:
    answer = live_curve(
        {row.id: run_panel.known_of(row, ("epoch", measure)) for row in rows.values()},
        [
            Curve(row.id, measure, label, number, dash=("solid", "dash", "dot", "dashdot", "solid")[number % 5])
            for number, (label, row) in enumerate(rows.items())
        ],
        key=f"{name} curve",
        page="collab",
        x="epoch",
        x_label="epoch",
        y_label=AXES[measure],
        height=440,
        status_line=any(row.status in ACTIVE for row in rows.values()),
        empty="The first measurement is on its way.",
        message=f"{AXES[measure]} of {', '.join(rows)} while they train.",
    )
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _table(done: Mapping[str, Row]) -> pd.DataFrame:
    lines = []
    for label, row in done.items():
        told = row.metrics
        rise = told["valid_mse"] - told["best_valid_mse"]
        lines.append(
            {
                "model": label,
                "valid MSE": words.number(told["valid_mse"]),
                "best on the way": f"{words.number(told['best_valid_mse'])} (epoch {told['best_epoch']:.2g})",
                "rise since": f"{rise:.3f}",
                "training MSE": words.number(told["train_mse"]),
                "training time": words.seconds(told["train_seconds"]),
            }
        )
    return pd.DataFrame(lines).set_index("model")


def _verdict(done: Mapping[str, Row]) -> None:
    best = min(done, key=lambda label: done[label].metrics["valid_mse"])
    told = done[best].metrics
    means = told["baseline_means_mse"]
    st.success(
        f"Lowest at the end: **{best}** with {words.number(told['valid_mse'])}. "
        f"User and item means alone reach {words.number(means)}.",
        icon=":material/trophy:",
    )
