"""The jury tab: the pick, the rules, a rate too low and one too high train side by side, and a table says who won."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

import labcore
from labcore.data import registry
from labcore.errors import UserError
from labcore.evaluation.lr_finder import Suggestion
from labcore.evaluation.lr_jury import Lane, lanes, verdicts
from labcore.runs.store import ACTIVE, Row
from labcore.specs import FineTuneSpec, LRFinderSpec, Spec, Stage, flatten
from pages.parts import carry, lr_questions, run_panel, words
from pages.parts.controls import link
from pages.parts.lessons import lessons
from pages.parts.live_curve import Curve, Dash, live_curve

STEPS = (20, 40, 80, 160)
TRAIN, SMOOTH = "train_loss", "smooth_loss"
DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")


def lane_spec(spec: LRFinderSpec, lr: float, steps: int) -> FineTuneSpec:
    """A short training run at one constant rate that shares all else with the range test."""
    shared = {name: getattr(spec, name) for name in type(spec).model_fields if name in FineTuneSpec.model_fields}
    stage = Stage(name="jury", freeze_to=-1 if spec.frozen else 0, steps=steps, lr=lr, schedule="constant")
    return FineTuneSpec.of({**shared, "plan": (stage,)})


def jury_tab(spec: LRFinderSpec, said: Sequence[Suggestion], breaks: float | None, pick: float | None) -> None:
    """Race the rates and show who won."""
    if spec.dataset.name in registry.CARDS and registry.card(spec.dataset.name).task == "multi_label":
        st.info("The jury judges by the error rate, which needs one label per picture. Choose critters or pets for it.")
        return
    st.markdown(
        "No rule is right everywhere, so let the net decide: every lane starts from **the same weights** and sees "
        "**the same batches**, at its own constant rate."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        steps = st.segmented_control(
            "Batches per lane", STEPS, default=STEPS[1], required=True, key="steps", bind="query-params"
        )
        race = lanes({one.rule: one.lr for one in said}, breaks, pick)
        specs = [lane_spec(spec, lane.lr, steps) for lane in race]
        rows = [run_panel.row_of(one) for one in specs]
        missing = [row for row in rows if row is None or row.status in ("failed", "stopped")]
        active = [row for row in rows if row and row.status in ACTIVE]
        if active:
            run_panel.stop_button(active, key="stop jury")
        elif missing:
            st.button(
                "Call the jury" if len(missing) == len(race) else _missing(len(missing)),
                key="start jury", type="primary", icon=":material/gavel:", on_click=_start, args=(specs,),
            )  # fmt: skip
        lr_questions.about_speed()
    if pick is None:
        st.caption("Drag the warm line on the curve above, and your own pick joins the race.")
    if any(rows):
        run_panel.polled(lambda: _figure(race, rows), [row for row in rows if row])
    if rows and all(row is not None and row.status not in ACTIVE for row in rows):
        _table(spec, race, rows)


def use_link(spec: LRFinderSpec, lr: float | None) -> None:
    """The way to the fine-tuner with this rate and what else both specs share; nothing while there is no such page."""
    if lr is None or "fine_tune" not in {lesson.path for lesson in lessons()}:
        return
    shared = {name: value for name, value in link(spec).items() if name in flatten(FineTuneSpec())}
    st.page_link(
        "fine_tune.py", label=f"Fine-tune with {words.rate(lr)}", icon=":material/ac_unit:",
        query_params=carry.link(shared | {"lr": f"{lr:.2g}"}),
    )  # fmt: skip


def _missing(count: int) -> str:
    return "Train the missing lane" if count == 1 else f"Train the {count} missing lanes"


def _start(specs: Sequence[Spec]) -> None:
    try:
        _, runs = labcore.submit_race(specs, title="jury")
        st.session_state.setdefault("asked", set()).update(run.id for run in runs)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def _figure(race: Sequence[Lane], rows: Sequence[Row | None]) -> None:
    curves = []
    for i, (lane, row) in enumerate(zip(race, rows, strict=True)):
        if row is not None:
            mine = "your pick" in lane.names
            text = f"{lane.label} {words.rate(lane.lr)}"
            curves.append(Curve(row.id, SMOOTH, text, i, dash=DASHES[i // 4 + i % 2], width=5 if mine else 3))
    answer = live_curve(
        {row.id: run_panel.known_of(row, (TRAIN, SMOOTH)) for row in rows if row},
        curves,
        key="jury curve",
        page="lr_finder",
        x_label="batch",
        y_label="training loss, smoothed",
        height=460,
        status_line=any(row.status in ACTIVE for row in rows if row),
        empty="Every lane waits for its first batch.",
    )
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _table(spec: LRFinderSpec, race: Sequence[Lane], rows: Sequence[Row]) -> None:
    told = []
    for lane, row in zip(race, rows, strict=True):
        series = run_panel.series_of(row)
        losses = series[TRAIN].values if TRAIN in series else []
        metrics = {name: value for name, value in row.metrics.items() if isinstance(value, int | float)}
        told.append((lane, losses, metrics))
    judged = verdicts(told)
    winner = judged[0]
    if winner.diverged:
        st.error("Every lane diverged: sweep a lower range.", icon=":material/gavel:")
    else:
        text = f"**{winner.lane.label}** wins with a rate of **{words.rate(winner.lane.lr)}**."
        st.success(text, icon=":material/gavel:")
        use_link(spec, winner.lane.lr)
    table = pd.DataFrame(
        [
            {
                "place": "diverged" if one.diverged else f"{one.place}.",
                "lane": one.lane.label,
                "rate": words.rate(one.lane.lr),
                "valid loss": words.number(one.metrics.get("valid_loss")),
                "error rate": words.percent(one.metrics.get("error_rate")),
                "training loss, last batches": words.number(one.end),
                "it fell by": words.number(one.fall),
            }
            for one in judged
        ]
    )
    st.table(table.set_index("place"))
    classes = registry.card(spec.dataset.name).classes if spec.dataset.name in registry.CARDS else 0
    guess = (
        f" Guessing among {classes} classes: loss {math.log(classes):.2f}, error {100 * (1 - 1 / classes):.1f} %."
        if classes > 1
        else ""
    )
    st.caption(f"Judged by the valid loss at the end of each lane.{guess} A few batches are a sprint, not a training.")
