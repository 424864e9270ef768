"""Races of the head pose lesson: losses, ranges and splits that differ in one line, from the same weights."""

import pandas as pd
import streamlit as st

import labcore
from labcore.errors import UserError
from labcore.runs.store import ACTIVE, Row
from labcore.specs import HeadPoseSpec
from labcore.training import plans
from pages.parts import run_panel, words
from pages.parts.live_curve import Curve, live_curve
from pages.parts.pose_live import ERROR, PAGE, measured, unit_of
from pages.parts.run_actions import replay_now

SEEDS = (1, 3, 5)


def opponents(spec: HeadPoseSpec) -> dict[str, list[tuple[str, HeadPoseSpec]]]:
    """What can be raced: name to lanes, each a label and a spec; all lanes train one split only."""
    alone = spec.but(protocol="one")
    lanes: dict[str, list[tuple[str, HeadPoseSpec]]] = {
        "the split": [
            ("by person", alone.but(dataset__split="auto")),
            ("at random", alone.but(dataset__split="random", dataset__hold_out="")),
        ],
        "the loss": [(name, alone.but(loss=name)) for name in ("mse", "l1", "huber")],
        "y_range": [("-1.1 to 1.1", alone.but(y_range=(-1.1, 1.1))), ("-1 to 1", alone.but(y_range=(-1.0, 1.0))),
                    ("off", alone.but(y_range=None))],
        "BatchNorm": [(name.replace("_", " "), alone.but(frozen_body=name))
                      for name in ("batchnorm_trains", "batchnorm_rests")],
    }  # fmt: skip
    if spec.target == "points":
        lanes["augmentation"] = [("none", alone.but(augment="none")), ("photos", alone.but(augment="photos"))]
    if spec.weights != "none":
        lanes["pretraining"] = [
            ("pretrained", alone), ("from nothing", alone.but(weights="none", start_from="")),
        ]  # fmt: skip
    return lanes


def race_tab(spec: HeadPoseSpec) -> None:
    """Choose what differs, let all lanes train, see who won."""
    st.markdown("Change **one thing** and let the plans train side by side: same weights, same batches, one axis.")
    offered = opponents(spec)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choice = st.selectbox("Race", list(offered), key="pose race", bind="query-params", width=260)
        seeds = st.segmented_control(
            "Seeds", SEEDS, default=SEEDS[0], required=True, key="pose seeds", bind="query-params",
            help="One run is luck: with more seeds the curves become bands, and only what lies outside counts.",
        )  # fmt: skip
        lanes = [
            (label, one.but(seed=one.seed + extra), run_panel.row_of(one.but(seed=one.seed + extra)))
            for extra in range(seeds)
            for label, one in offered[choice]
        ]
        rows = [row for *_, row in lanes if row is not None]
        active = [row for row in rows if row.status in ACTIVE]
        missing = [one for _, one, row in lanes if row is None or row.status in ("failed", "stopped")]
        if active:
            run_panel.stop_button(active, key="stop race")
        elif missing:
            words_ = f"Race {len(missing)} of {len(lanes)} lanes" if len(missing) < len(lanes) else "Start the race"
            st.button(words_, key="start race", type="primary", icon=":material/flag:", on_click=_start,
                      args=([one for _, one, _ in lanes],))  # fmt: skip
    _lines([one for _, one in offered[choice]], [label for label, _ in offered[choice]])
    if not rows:
        st.info("Nothing raced yet.", icon=":material/flag:")
        return
    run_panel.polled(lambda: _figure(lanes, seeds, spec), rows)
    if not active and not missing:
        _verdict(lanes, choice, spec)


def _start(specs: list[HeadPoseSpec]) -> None:
    try:
        _, runs = labcore.submit_race(specs, title="race")
        st.session_state.setdefault("asked", set()).update(run.id for run in runs)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def _lines(specs: list[HeadPoseSpec], labels: list[str]) -> None:
    """What differs, as a diff against the first lane."""
    shown = []
    for label, other in zip(labels[1:], specs[1:], strict=True):
        shown += [f"- {what} = {here}\n+ {what} = {there}    # {label}" for what, here, there in
                  plans.differences(specs[0], other)]  # fmt: skip
    st.code("\n".join(shown), language="diff")


def _figure(lanes: list[tuple[str, HeadPoseSpec, Row | None]], seeds: int, spec: HeadPoseSpec) -> None:
    names = list(dict.fromkeys(label for label, *_ in lanes))
    curves = []
    for label, _, row in lanes:
        if row is not None:
            place = names.index(label)
            band = f"{label}, {seeds} seeds" if seeds > 1 else None
            curves.append(
                Curve(row.id, ERROR, label, place, dash=("solid", "dash", "dot")[place % 3], width=4, band=band)
            )
    answer = live_curve(
        {row.id: run_panel.known_of(row, (ERROR,)) for *_, row in lanes if row is not None}, curves,
        key="pose race curve", page=PAGE, x_label="batch", y_label=f"median error, {unit_of(spec)} (log scale)",
        log_y=True, height=430, empty="The first epoch is on its way.", replay=replay_now(),
        status_line=any(row is not None and row.status in ACTIVE for *_, row in lanes),
        message="Median error of all lanes after each epoch.",
    )  # fmt: skip
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _verdict(lanes: list[tuple[str, HeadPoseSpec, Row | None]], choice: str, spec: HeadPoseSpec) -> None:
    found: dict[str, list[float]] = {}
    rows = []
    for name in dict.fromkeys(label for label, *_ in lanes):
        of_it = [row for label, _, row in lanes if label == name]
        found[name] = [row.metrics["pixel_error_median"] for row in of_it]
        low, high = min(found[name]), max(found[name])
        seconds = [row.metrics.get("seconds") or row.seconds for row in of_it]
        base = of_it[0].metrics.get("mean_point_error_median")
        rows.append(
            {
                choice: name,
                "median error": measured(sum(found[name]) / len(found[name]), spec)
                + (f" ({low:.2f} to {high:.2f})" if len(of_it) > 1 else ""),
                "90th percentile": measured(sum(row.metrics["pixel_error_p90"] for row in of_it) / len(of_it), spec),
                "mean point": measured(base, spec),
                "time": words.seconds(sum(seconds) / len(seconds)),
            }
        )
    st.table(pd.DataFrame(rows).set_index(choice))
    if choice == "the split":
        ratio = min(found["by person"]) / max(max(found["at random"]), 1e-9)
        st.info(
            f"Nobody won: both lanes are the same net on **different exams**. The one at random is {ratio:.1f} "
            "times easier.",
            icon=":material/balance:",
        )
        return
    best = min(found, key=lambda name: sum(found[name]) / len(found[name]))
    others = [value for name, values in found.items() if name != best for value in values]
    if len(next(iter(found.values()))) == 1:
        st.info(
            f"“{best}” is ahead, with one seed each: that may be luck. Race with three or five.", icon=":material/flag:"
        )
    elif max(found[best]) < min(others):
        st.success(f"“{best}” wins: its worst seed beats the best of all others.", icon=":material/trophy:")
    else:
        st.info("No winner: seeds overlap. What differs is no more than luck.", icon=":material/balance:")
