"""The race: two plans that differ in one line, from the same weights, on the same batches, on one axis."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

import labcore
from labcore.errors import UserError
from labcore.runs.store import ACTIVE, Row
from labcore.specs import FineTuneSpec
from labcore.training import plans
from pages.parts import ft_evidence, run_panel, tricks, words
from pages.parts.live_curve import Curve, live_curve
from pages.parts.run_actions import replay_now

SEEDS = (1, 3, 5)
LINES = {
    "discriminative": "slice or one rate",
    "one_rate": "slice or one rate",
    "freeze_first": "frozen first or not",
    "unfreeze_at_once": "frozen first or not",
    "half_precision": "half precision or full",
    "deeper": "deeper or shallower",
    "small_model": "deeper or shallower",
    "batchnorm": "BatchNorm trains or rests",
}
"""Cards that make a classic race, by the name that the choice gets."""


@dataclass(frozen=True)
class Lane:
    """One plan of a race with one seed."""

    label: str
    spec: FineTuneSpec
    row: Row | None


def opponents(spec: FineTuneSpec) -> dict[str, FineTuneSpec]:
    """What the plan in hand can be raced against: each differs in one thing."""
    found: dict[str, FineTuneSpec] = {}
    # The lesson's own question first.
    for card in sorted(tricks.TRICKS, key=lambda card: LINES.get(card.name) != "slice or one rate"):
        other = card.tried(spec)
        if other is not None:
            found[LINES.get(card.name, card.title.lower())] = other
    if len(spec.plan) > 1:
        found["the head alone"] = spec.but(plan=(_as_long(spec),))
    return found


def _as_long(spec: FineTuneSpec):
    """The first stage for as many epochs as the whole plan: only the freezing differs, not the time."""
    return spec.plan[0].but(epochs=sum(stage.epochs for stage in spec.plan))


def lane_name(spec: FineTuneSpec, other: FineTuneSpec, choice: str) -> str:
    """The other lane is called after what it does differently: its line, where it is one."""
    lines = plans.differences(spec, other)
    if len(lines) != 1 or lines[0][2] == "not there":
        return choice
    what, _, there = lines[0]
    return f"{what.rpartition(': ')[2]} = {there}"


def race_tab(spec: FineTuneSpec) -> None:
    """The race, and below it what was measured over several seeds beforehand."""
    _race(spec)
    ft_evidence.evidence(spec)


def _race(spec: FineTuneSpec) -> None:
    """Choose what to change, let both train, see who won."""
    st.markdown("Change **one line** and let both plans train: same weights, same pictures in the same order.")
    offered = opponents(spec)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choice = st.selectbox("Against", list(offered), key="against", bind="query-params")
        seeds = st.segmented_control(
            "Seeds", SEEDS, default=SEEDS[0], required=True, key="race seeds", bind="query-params",
            help="One run is luck: with more seeds the curves become bands, and only what lies outside counts.",
        )  # fmt: skip
        other = offered[choice]
        label = lane_name(spec, other, choice)
        lanes = _lanes(spec, other, label, seeds)
        missing = [lane for lane in lanes if lane.row is None or lane.row.status in ("failed", "stopped")]
        active = [lane.row for lane in lanes if lane.row is not None and lane.row.status in ACTIVE]
        if active:
            run_panel.stop_button(active, key="stop race")
        elif missing:
            st.button(
                f"Race {len(missing)} of {len(lanes)} lanes" if len(missing) < len(lanes) else "Start the race",
                key="start race", type="primary", icon=":material/flag:", on_click=_start,
                args=([lane.spec for lane in lanes],),
            )  # fmt: skip
    _one_line(spec, other)
    rows = [lane.row for lane in lanes if lane.row is not None]
    if not rows:
        st.info("Nothing raced yet.", icon=":material/flag:")
        return
    measure = st.segmented_control(
        "On the axis", ("error_rate", "valid_loss", "smooth_loss"), default="error_rate", required=True,
        key="race axis", format_func=lambda name: name.replace("_", " "), bind="query-params",
    )  # fmt: skip
    run_panel.polled(lambda: _figure(lanes, measure, seeds), rows)
    if not active and len(rows) == len(lanes):
        _verdict(lanes, label)


def _lanes(spec: FineTuneSpec, other: FineTuneSpec, label: str, seeds: int) -> list[Lane]:
    lanes = []
    for extra in range(seeds):
        for name, one in (("your plan", spec), (label, other)):
            seeded = one.but(seed=one.seed + extra)
            lanes.append(Lane(name, seeded, run_panel.row_of(seeded)))
    return lanes


def _start(specs: list[FineTuneSpec]) -> None:
    try:
        _, runs = labcore.submit_race(specs, title="race")
        st.session_state.setdefault("asked", set()).update(run.id for run in runs)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def _one_line(spec: FineTuneSpec, other: FineTuneSpec) -> None:
    lines = plans.differences(spec, other)
    shown = "\n".join(f"- {what} = {here}\n+ {what} = {there}" for what, here, there in lines)
    st.code(shown, language="diff")


def _figure(lanes: list[Lane], measure: str, seeds: int) -> None:
    curves = []
    for lane in lanes:
        if lane.row is None:
            continue
        first = lane.label == "your plan"
        band = f"{lane.label}, {seeds} seeds" if seeds > 1 else None
        curves.append(
            Curve(
                lane.row.id,
                measure,
                lane.label,
                0 if first else 1,
                dash="solid" if first else "dash",
                width=4,
                band=band,
            )
        )
    answer = live_curve(
        {lane.row.id: run_panel.known_of(lane.row, (measure,)) for lane in lanes if lane.row is not None},
        curves,
        key="race curve",
        page="fine_tune",
        x_label="batch",
        y_label=measure.replace("_", " "),
        y_format="percent" if measure == "error_rate" else "number",
        height=430,
        status_line=any(lane.row.status in ACTIVE for lane in lanes if lane.row is not None),
        empty="The first epoch is on its way.",
        replay=replay_now(),
        message=f"{measure.replace('_', ' ')} of both plans after each epoch.",
    )
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _verdict(lanes: list[Lane], label: str) -> None:
    rows, errors = [], {}
    for name in ("your plan", label):
        of_it = [lane.row for lane in lanes if lane.label == name and lane.row.status == "done"]
        found = [row.metrics["error_rate"] for row in of_it if "error_rate" in row.metrics]
        errors[name] = found
        rows.append(
            {
                "plan": name,
                "error rate": _spread(found),
                "time": words.seconds(_mean([row.metrics.get("seconds") for row in of_it])),
                "pictures per second": f"{_mean([row.metrics.get('images_per_second') for row in of_it]) or 0:,.0f}",
                "memory": words.size((_mean([row.metrics.get("memory") for row in of_it]) or 0) * 1e6),
            }
        )
    st.table(pd.DataFrame(rows).set_index("plan"))
    mine, theirs = errors["your plan"], errors[label]
    if not mine or not theirs:
        st.error("A lane did not arrive: look at its run for the reason.", icon=":material/error:")
    elif len(mine) == 1 or len(theirs) == 1:
        ahead, gap = "Your plan" if mine[0] < theirs[0] else f"“{label}”", abs(mine[0] - theirs[0])
        luck = "A difference of a percent or two may be luck: race with three or five."
        text = f"{ahead} is ahead by {words.percent(gap)}, with one seed each. {luck}" if gap else "A tie."
        st.info(text, icon=":material/flag:")
    elif max(mine) < min(theirs):
        st.success(f"Your plan wins: its worst seed beats the best of “{label}”.", icon=":material/trophy:")
    elif max(theirs) < min(mine):
        st.success(f"“{label}” wins: its worst seed beats the best of your plan.", icon=":material/trophy:")
    else:
        st.info(
            "No winner: the seeds of the two overlap. What differs is no more than luck.", icon=":material/balance:"
        )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _spread(values: list[float]) -> str:
    if not values:
        return "–"
    if len(values) == 1:
        return words.percent(values[0])
    return f"{words.percent(_mean(values))} ({words.percent(min(values))} to {words.percent(max(values))})"
