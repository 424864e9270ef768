"""The learning-rate finder: sweep the rate once, pick a place on the curve, reveal the rules, let a jury decide."""

import numpy as np
import pandas as pd
import streamlit as st

from labcore.data import registry
from labcore.errors import UserError
from labcore.evaluation import lr_finder as reading
from labcore.evaluation.lr_jury import breaking_rate
from labcore.figures import lr_finder as figures
from labcore.runs.series import Series
from labcore.runs.store import ACTIVE, ENDED, Row
from labcore.settings import settings
from labcore.specs import LRFinderSpec
from pages.parts import (
    code_stages,
    controls,
    data_choice,
    lr_overlays,
    lr_questions,
    opening,
    present,
    reveal,
    run_panel,
    words,
)
from pages.parts.chart import chart
from pages.parts.code import code_tab
from pages.parts.live_curve import Curve, Rule, live_curve
from pages.parts.lr_jury import jury_tab, use_link
from pages.parts.lr_slices import slices_tab
from pages.parts.run_actions import actions, label, replay_now
from pages.parts.tabs import tabs
from pages.parts.theme import palette

PAGE = "lr_finder"
LR, RAW, SMOOTH, VALID, ACCURACY = "lr", "loss", "smooth_loss", "valid_loss", "accuracy"
DECADES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
RULE_COLORS = {"valley": 2, "slide": 3, "steep": 4, "minimum": 6, "elbow": 7}
"""Places in the palette; blue is the curve's own, ember the person's pick."""
EMPTY = "Nothing measured yet for these settings. Press “Find the rate”: a curve moves within a second."
WAITING = "Waiting for the first batch."


def choose_spec() -> LRFinderSpec:
    """The controls: few that matter for the lesson, the rest under More."""
    use = controls.Controls(LRFinderSpec)
    data_choice.choose(use, ("single_label", "multi_label"))
    use.choice("arch", "Net", controls.ARCHS, typed=True)
    frozen = use.switch("frozen", "Body frozen")
    use.choice("batch_size", "Batch size", controls.BATCH_SIZES, typed=True)
    left, right = st.columns(2)
    with left:
        use.choice("start", "From rate", DECADES, typed=True)
    with right:
        use.choice("end", "To rate", DECADES, typed=True)
    with st.expander("More"):
        use.choice("num_it", "Rates", (50, 100, 200, 400), typed=True)
        use.choice("sweep", "Sweep", ("exponential", "linear"))
        use.switch("accuracy", "Record accuracy (CLR paper)")
        use.choice("smoothing", "Smoothing", (0.0, 0.9, 0.95, 0.98, 0.99))
        use.switch("stop_early", "Stop when it diverges")
        use.choice("valid_items", "Valid pictures per rate", (0, 64, 256), typed=True)
        if frozen:
            use.choice("frozen_body", "Frozen body", ("batchnorm_trains", "computed_once"))
        use.choice("head", "Head", ("fastai", "linear"))
        use.text("start_from", "Start from a saved stage", placeholder="RUN/STAGE of a fine-tuning run")
        use.choice("image_size", "Picture side", controls.IMAGE_SIZES, typed=True)
        use.choice("weights", "Weights", ("embedded", "pretrained", "none"), typed=settings().mode == "local")
        use.choice("augment", "Augmentation", ("none", "photos", "from_above", "street"))
        use.choice("weight_decay", "Weight decay", (0.0, 0.001, 0.01, 0.1), typed=True)
        use.choice("precision", "Precision", ("auto", "fp32", "bf16", "fp16"))
        use.choice("device", "Device", ("auto", "cpu", "cuda"))
        use.number("seed", "Seed", low=0, high=2**31 - 1, step=1)
        use.choice("dataset.limit", "Pictures", (0, 200, 500, 1000), typed=True)
    return use.spec()


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value and 0 < value < np.inf else None


def pick_now() -> float | None:
    """The person's pick: what the chart last told, else what the link says."""
    told = st.session_state.get("curve", {})
    return told.get("pick") or _float(st.query_params.get("pick"))


def _column(series: dict[str, Series], name: str) -> np.ndarray:
    return series[name].values if name in series else np.empty(0)


def suggestions_of(spec: LRFinderSpec, series: dict[str, Series]) -> list[reading.Suggestion]:
    """What the rules say of the points so far; empty without points. The elbow belongs to the unfrozen curve."""
    lrs, losses = _column(series, LR), _column(series, SMOOTH)
    known = min(len(lrs), len(losses))
    if not known:
        return []
    said = list(reading.suggest(lrs[:known], losses[:known], spec.num_it))
    if not spec.frozen:
        said.append(reading.elbow_tenth(lrs[:known], losses[:known], spec.num_it))
    return said


def figure(
    spec: LRFinderSpec, row: Row | None, others: list[lr_overlays.Overlay], said: list[reading.Suggestion], hidden: bool
) -> None:
    """The one large figure: the curve, live or kept, with overlays, rules and the pick."""
    shown = [one for one in others if one.row is not None]
    rows = ([row] if row else []) + [one.row for one in shown]
    name = "frozen" if spec.frozen else "unfrozen"
    seeds = [one for one in shown if one.band]
    band = f"mean of {len(seeds) + 1} seeds" if seeds else None
    curves = []
    if row:
        curves.append(Curve(row.id, SMOOTH, name, 0, faint=RAW, band=band, width=4))
        if spec.valid_items:
            curves.append(Curve(row.id, VALID, "valid loss", 5, dash="dot"))
    for one in shown:
        if one.band:
            curves.append(Curve(one.row.id, SMOOTH, one.label, 0, band=band, width=4))
        else:
            curves.append(Curve(one.row.id, SMOOTH, one.label, one.color, dash=one.dash))
    rules = []
    if row and not hidden and row.status in ACTIVE:
        rules = [Rule(rule, row.id, metric=f"lr_{rule}", color=color) for rule, color in RULE_COLORS.items()]
    elif row and not hidden:
        rules = [Rule(one.rule, row.id, one.lr, color=RULE_COLORS[one.rule]) for one in said if one.lr]
    message = ""
    if said and not hidden and said[0].point:
        found = ", ".join(f"{one.rule} {words.rate(one.lr)}" for one in said if one.lr)
        message = f"Training loss against the learning rate. Suggested rates: {found or 'none'}."
    answer = live_curve(
        {one.id: run_panel.known_of(one, (LR, RAW, SMOOTH, VALID)) for one in rows},
        curves,
        key="curve",
        page=PAGE,
        x=LR,
        x_label=f"learning rate ({'log' if spec.sweep == 'exponential' else 'linear'} scale)",
        x_range=(spec.start, spec.end),
        log_x=spec.sweep == "exponential",
        y_label="training loss, smoothed",
        rules=rules,
        pick=pick_now(),
        pick_enabled=row is not None,
        message=message,
        empty=WAITING if row and row.status in ACTIVE else EMPTY,
        status_line=any(one.status != "done" for one in rows),
        replay=replay_now(),
    )
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()
    if answer.pick and answer.pick != _float(st.query_params.get("pick")):
        st.query_params["pick"] = f"{answer.pick:.3g}"


def ask_for_a_pick(pick: float | None) -> None:
    """While the rules are hidden: what to do, and the button that shows them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if pick is None:
            st.markdown("**Guess first.** Drag the warm line to the rate you would train with.")
        else:
            st.markdown(f"You would train with **{words.rate(pick)}**.")
        if pick is not None or present.on():  # a class may answer by a show of hands
            st.button(
                "Reveal the rules", key="reveal", icon=":material/visibility:", shortcut=reveal.KEY, on_click=_reveal
            )


def _reveal() -> None:
    st.session_state["revealed"] = True


def rules_tab(spec: LRFinderSpec, said: list[reading.Suggestion], pick: float | None) -> None:
    """Every rule's rate, why it is there, and how far the pick is from it."""
    rows = []
    for one in said:
        there = one.point and (one.lr == one.point[0])
        rows.append(
            {
                "rule": one.rule,
                "rate": words.rate(one.lr),
                "your pick is": words.factor(pick, one.lr) if pick and one.lr else "–",
                "loss there": words.number(one.point[1]) if there else "–",
                "in words": f"{one.words} {one.doubt}".strip() if one.lr else one.reason,
            }
        )
    st.table(pd.DataFrame(rows).set_index("rule"))
    bottom = next((one.point[0] for one in said if one.rule == "minimum" and one.point), None)
    lr_questions.about_the_rules(bottom)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        lr_questions.about_the_pick(pick)
        use_link(spec, pick or next((one.lr for one in said if one.lr), None))


def accuracy_view(spec: LRFinderSpec, series: dict[str, Series]) -> None:
    """The CLR paper's own view of the test, where accuracy was recorded."""
    lrs, right = _column(series, LR), _column(series, ACCURACY)
    known = min(len(lrs), len(right))
    if known:
        classes = registry.card(spec.dataset.name).classes if spec.dataset.name in registry.CARDS else 0
        drawn = figures.accuracy_figure(
            lrs[:known],
            right[:known],
            log=spec.sweep == "exponential",
            guess=1 / classes if classes else None,
            palette=palette(),
        )
        st.subheader("Accuracy, as in the CLR paper")
        chart(drawn, key="lr_accuracy", about="Accuracy against the learning rate")


def code(spec: LRFinderSpec) -> None:
    """This very test in four tongues."""
    known = registry.CARDS.get(spec.dataset.name)
    several = known is not None and known.task == "multi_label"
    code_tab(
        spec,
        fastai=code_stages.fastai_range_test(spec, several),
        torch=code_stages.torch_range_test(spec, several),
    )


def page() -> None:
    """The page, top to bottom."""
    st.title("How large a step?")
    st.markdown("One sweep from tiny to huge learning rates shows where a net learns, and where it breaks.")
    opening.open_on_a_result(LRFinderSpec())
    side, main = present.beside()
    try:
        with side:
            spec = choose_spec()
            row = run_panel.row_of(spec)
            actions(
                spec, row, label="Find the rate", replay=True, width="stretch",
                guess="Hide the rules until you have dragged your own pick, then reveal them.",
            )  # fmt: skip
    except UserError as error:  # beside the controls that can mend it
        main.error(str(error), icon=":material/error:")
        return
    with main:
        run_panel.trouble()
        others = lr_overlays.choose(spec)
        hidden = reveal.wanted() and not st.session_state.get("revealed")
        if not reveal.wanted():
            st.session_state.pop("revealed", None)
        # Rules read the whole curve: of a test that was stopped half-way they would say something wrong.
        series = run_panel.series_of(row) if row and row.status == "done" else {}
        said = suggestions_of(spec, series)
        if row:
            run_panel.state_line(row)
        if said and hidden:
            ask_for_a_pick(pick_now())
        rows = [one for one in [row, *(other.row for other in others)] if one]
        run_panel.polled(lambda: figure(spec, row, others, said, hidden), rows)
        if row and row.status in ENDED:
            label(row)
        lr_questions.about_the_curve(spec)
    pick = pick_now()
    if not said:
        lr_questions.notes(spec)
        return
    if hidden:
        return
    accuracy_view(spec, series)
    tabs(
        {
            "Rules": lambda: rules_tab(spec, said, pick),
            "Jury": lambda: jury_tab(spec, said, breaking_rate(_column(series, LR), _column(series, SMOOTH)), pick),
            "Slices": lambda: slices_tab(spec, _column(series, LR), _column(series, SMOOTH), pick),
            "Notes": lambda: lr_questions.notes(spec),
            "Code": lambda: code(spec),
        }
    )


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
