"""The fine-tuner's live panel: curves, numbers, the pictures it gets wrong right now, and the layer-group X-ray."""

import time
from collections.abc import Sequence

import numpy as np
import streamlit as st

from labcore.errors import UserError
from labcore.figures import fine_tune as figures
from labcore.runs.run import Run
from labcore.runs.store import ACTIVE, Row, open_store
from labcore.specs import SUITED, FineTuneSpec, LRFinderSpec, flatten
from pages.parts import carry, ft_plan, run_panel, words
from pages.parts.chart import chart
from pages.parts.controls import link
from pages.parts.kept import artifact
from pages.parts.live_curve import Curve, live_curve
from pages.parts.run_actions import replay_now
from pages.parts.theme import palette

PAGE = "fine_tune"
TRAIN, SMOOTH, VALID, ERROR = "train_loss", "smooth_loss", "valid_loss", "error_rate"
LOOK_EVERY = 2.0
"""Seconds between two looks at pictures and X-ray while a run trains; the curves move by themselves."""
SHOWN = 6


def told_of(row: Row | None) -> dict | None:
    """What the run itself says of its plan: stages, steps, groups, classes."""
    return artifact(row, "plan.json") if row else None


def curves(row: Row | None, spec: FineTuneSpec) -> None:
    """Losses and error, live or kept."""
    replay = replay_now()
    known = {row.id: run_panel.known_of(row, (TRAIN, SMOOTH, VALID, ERROR))} if row else {}
    fallback = False
    for key, label, form, lines in (
        ("losses", "loss", "number", _loss_lines(row)),
        ("errors", "error rate", "percent", [Curve(row.id, ERROR, "error rate", 3, width=4)] if row else []),
    ):
        if key == "errors" and not row:
            break
        answer = live_curve(
            known, lines, key=key, page=PAGE, x_label="batch", y_label=label, y_format=form,
            height=400 if key == "losses" else 240,
            message=_message(row, key),
            empty="Nothing trained yet with this plan. Press “Train”: curves move within a second.",
            status_line=key == "losses" and row is not None and row.status != "done",
            replay=replay,
        )  # fmt: skip
        fallback |= answer.fallback
    if fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _loss_lines(row: Row | None) -> list[Curve]:
    if row is None:
        return []
    return [
        Curve(row.id, SMOOTH, "training loss, smoothed", 0, faint=TRAIN, width=4),
        Curve(row.id, VALID, "valid loss", 1, dash="dash", width=4),
    ]


def _message(row: Row | None, key: str) -> str:
    if row is None or not row.metrics:
        return ""
    if key == "losses":
        return f"Training and valid loss batch by batch; the valid loss ends at {words.number(row.metrics.get(VALID))}."
    return (
        f"Error rate after each epoch; it ends at {words.percent(row.metrics.get(ERROR))}, against "
        f"{words.percent(row.metrics.get('baseline_error_rate'))} for always saying the most frequent class."
    )


def panel(row: Row | None, spec: FineTuneSpec) -> None:
    """What moves more slowly than the curves; looks again every two seconds while the run trains."""
    if row is None or row.status not in ACTIVE:
        _panel(row, spec)
        return

    def again() -> None:
        now = open_store().get(row.id)
        if now.status not in ACTIVE:
            st.rerun()
        _panel(now, spec)

    st.fragment(again, run_every=LOOK_EVERY)()


def _panel(row: Row | None, spec: FineTuneSpec) -> None:
    told = told_of(row)
    facts = ft_plan.facts_of(spec, told)
    if row is not None:
        _numbers(row)
    active = row is not None and row.status in ACTIVE
    names = ["Plan", "X-ray", "Wrong right now"]
    view = st.segmented_control(
        "Show", names, default=names[0], required=True, key="view", bind="query-params", label_visibility="collapsed"
    )
    if view == "Plan":
        step = row.done if active and told and row.total == told["steps"] else None
        ft_plan.preview_figure(spec, facts, step, told)
        ft_plan.numbers(spec, facts)
    elif view == "X-ray":
        _xray(row, told)
    else:
        _wrong_now(row, told)


def _numbers(row: Row) -> None:
    series = run_panel.series_of(row)

    def last(name: str) -> float | None:
        return float(series[name].values[-1]) if name in series and len(series[name].values) else None

    metrics = row.metrics
    cells = [("Error rate", words.percent(metrics.get(ERROR, last(ERROR))), _baseline(metrics))]
    cells.append(("Valid loss", words.number(metrics.get(VALID, last(VALID))), None))
    pace = metrics.get("images_per_second", last("images_per_second"))
    cells.append(("Pictures per second", "–" if pace is None else f"{pace:,.0f}", None))
    memory = metrics.get("memory", last("memory"))
    cells.append(("Memory", "–" if memory is None else words.size(memory * 1e6), None))
    if row.status in ACTIVE:
        cells.append(("Time left", words.seconds(left(row)), row.message or None))
    else:
        cells.append(("Time", words.seconds(metrics.get("seconds", row.seconds)), None))
    for column, (label, value, below) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(label, value, below, delta_color="off", delta_arrow="off")


def _baseline(metrics: dict) -> str | None:
    known = metrics.get("baseline_error_rate")
    return None if known is None else f"baseline {words.percent(known)}"


def left(row: Row) -> float | None:
    """Seconds left, from the pace so far; None before the first steps."""
    if not row.done or not row.total or not row.started:
        return None
    spent = max(row.seconds, time.time() - row.started)
    return spent * (row.total - row.done) / row.done


def _xray(row: Row | None, told: dict | None) -> None:
    series = run_panel.series_of(row) if row else {}
    shown = {name: (one.steps, one.values) for name, one in series.items() if "_group_" in name}
    if not shown:
        st.info("The X-ray shows how far each group of layers moves. Train, and it fills.", icon=":material/radiology:")
        return
    groups = tuple(told["groups"]) if told else ft_plan.GROUPS
    chart(
        figures.xray_figure(shown, groups, palette=palette()),
        key="xray figure",
        about="How far each group of layers moves",
    )
    st.caption(
        "**Update / weight**: how long one step is, compared with the weights; 1e-3 is a rule of thumb. **Distance**: "
        "how far the group has come from its starting weights. **BatchNorm drift**: how far the running means have "
        "moved, in standard deviations of the start; it moves even where the body is frozen, unless BatchNorm rests."
    )


def _wrong_now(row: Row | None, told: dict | None) -> None:
    found = artifact(row, "wrong_now.npz") if row else None
    if found is None or told is None:
        st.info("After each epoch: the pictures that the net is most wrong about.", icon=":material/broken_image:")
        return
    classes = told["classes"]
    count, of, step = int(found["wrong"]), int(found["of"]), int(found["step"])
    st.caption(f"After batch {step}: {count} of {of} valid pictures are wrong. The surest mistakes first.")
    gallery(
        found["pictures"],
        [
            f"{classes[said]} ({sure:.0%}), is {classes[actual]}"
            for said, sure, actual in zip(found["said"], found["surely"], found["actual"], strict=True)
        ],
    )


def gallery(pictures: Sequence[np.ndarray] | np.ndarray, captions: Sequence[str], columns: int = SHOWN) -> None:
    """Pictures in rows, each with its sentence."""
    for start in range(0, len(pictures), columns):
        row = st.columns(columns)
        for column, picture, caption in zip(row, pictures[start:], captions[start:], strict=False):
            with column:
                st.image(picture, caption=caption, width="stretch")


def saved_stages(row: Row) -> list[str]:
    """Names of the stages whose weights are kept, in the order in which they were written."""
    files = open_store().artifacts(row.id)
    kept = sorted((info["created"], name) for name, info in files.items() if name.startswith("stage-"))
    return [name.removeprefix("stage-").removesuffix(".safetensors") for _, name in kept]


def next_rate(row: Row, stage: str) -> None:
    """The way to a range test of the whole net that starts from a saved stage."""
    spec = flatten(FineTuneSpec.model_validate(row.spec))
    # A body at rest is a matter of frozen stages; this test unfreezes it.
    shared = {name: value for name, value in spec.items() if name in flatten(LRFinderSpec()) and name != "frozen_body"}
    test = LRFinderSpec.of(shared | {"start_from": f"{row.id}/{stage}", "frozen": False})
    st.page_link(
        "lr_finder.py", label="Find the rate for the next stage", icon=":material/trending_up:",
        query_params=carry.link(link(test)),
        help="A range test of the whole net that starts from this stage, its head trained.",
    )  # fmt: skip


def way_back(row: Row) -> None:
    """After a divergence: the last good weights, and a button that goes on from them with a tenth of the rate."""
    if row.status != "failed" or "last-good" not in saved_stages(row):
        return
    spec = FineTuneSpec.model_validate(row.spec)
    try:
        stage = spec.plan[-1]
        gentle = stage.but(lr=stage.lr / 10, lr_lo=stage.lr_lo / 10 if stage.lr_lo else stage.lr_lo, name="gentle")
        on = spec.but(plan=(gentle,), start_from=f"{row.id}/last-good")
    except UserError:
        return
    st.button(
        "Go on from the last good weights, at a tenth of the rate", key="way back", icon=":material/undo:",
        on_click=branch, args=(on,),
    )  # fmt: skip


def branch(spec: FineTuneSpec) -> None:
    """Open a spec on this page and train it."""
    show(spec)
    try:
        st.session_state.setdefault("asked", set()).add(_submit(spec).id)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def show(spec: FineTuneSpec) -> None:
    """Set the page's controls to a spec."""
    from labcore.specs import flatten

    for name, value in flatten(spec).items():
        if name != "plan":
            st.session_state[name] = value
    ft_plan.put(spec.plan)


def suit() -> None:
    """Another data set was chosen: take the plan, size and head that suit it."""
    chosen = FineTuneSpec.of({"dataset.name": st.session_state["dataset.name"]})
    plain = FineTuneSpec()
    for name in {field for values in SUITED.values() for field in values} - {"plan"}:
        st.session_state[name] = getattr(chosen if chosen.dataset.name in SUITED else plain, name)
    ft_plan.put(chosen.plan)


def suit_link() -> None:
    """A link that names a data set and no plan takes what suits the data, for all that it leaves open."""
    values = SUITED.get(st.query_params.get("dataset.name", ""))
    if values is None or "plan" in st.query_params:
        return
    for name, value in values.items():
        if name == "plan":
            ft_plan.put(value)
        elif name not in st.query_params:
            st.session_state[name] = value


def _submit(spec: FineTuneSpec) -> Run:
    import labcore

    return labcore.submit(spec)
