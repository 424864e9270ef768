"""The discriminative fine-tuner: edit a plan, watch it train, race it, read it, use it, teach it its mistakes."""

import contextlib

import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import ENDED, Row, open_store
from labcore.settings import settings
from labcore.specs import FineTuneSpec
from pages.parts import (
    code_stages,
    controls,
    data_choice,
    ft_export,
    ft_live,
    ft_mistakes,
    ft_notes,
    ft_plan,
    ft_race,
    ft_reading,
    ft_tricks,
    ft_use,
    opening,
    present,
    reveal,
    run_panel,
)
from pages.parts.code import code_tab
from pages.parts.run_actions import actions, label
from pages.parts.tabs import tabs


def choose() -> FineTuneSpec:
    """The controls beside the plan: few that matter for the lesson, the rest under More."""
    use = controls.Controls(FineTuneSpec)
    data_choice.choose(use, ("single_label",), on_change=ft_live.suit)
    use.choice("arch", "Net", controls.ARCHS, typed=True)
    ft_plan.choose_preset()
    use.choice("image_size", "Picture side", controls.IMAGE_SIZES, typed=True)
    with st.expander("More"):
        use.choice("head", "Head", ("fastai", "linear"))
        use.choice("frozen_body", "Frozen body", ("batchnorm_trains", "computed_once"))
        use.choice("batch_size", "Batch size", controls.BATCH_SIZES, typed=True)
        use.choice("weights", "Weights", ("embedded", "pretrained", "none"), typed=settings().mode == "local")
        use.choice("augment", "Augmentation", ("none", "photos", "from_above", "street"))
        use.choice("weight_decay", "Weight decay", (0.0, 0.001, 0.01, 0.1), typed=True)
        use.choice("precision", "Precision", ("auto", "fp32", "bf16", "fp16"))
        use.choice("device", "Device", ("auto", "cpu", "cuda"))
        use.number("seed", "Seed", low=0, high=2**31 - 1, step=1)
        use.choice("dataset.limit", "Pictures", (0, 200, 500, 1000), typed=True)
        use.text("start_from", "Start from a saved stage", placeholder="RUN/STAGE")
        use.text("collected", "Gathered pictures", placeholder="RUN/FILE")
        use.choice("collected_how", "Teach gathered pictures", ("added", "alone"))
    return use.spec()


def open_on_a_result() -> None:
    """Start from a finished run on a first visit without wishes; a link brings its own plan, or what suits its data."""
    arrived = st.query_params and "visited fine_tune" not in st.session_state
    # A sprint of the LR finder's jury is no lesson.
    opening.open_on_a_result(
        FineTuneSpec(), show=ft_live.show, fits=lambda spec: not all(stage.steps for stage in spec.plan)
    )
    if arrived:
        with contextlib.suppress(UserError):  # said beside the controls
            ft_plan.put(ft_plan.current())
        ft_live.suit_link()


def branch_control(row: Row) -> None:
    """Any saved stage can be gone on from, with another rate."""
    stages = ft_live.saved_stages(row)
    if not stages:
        return
    with st.popover("Go on from a stage", icon=":material/call_split:", width="stretch"):
        stage = st.selectbox("Stage", stages, index=len(stages) - 1, key="branch stage")
        ft_live.next_rate(row, stage)
        rate = st.text_input("Rate of the head", "1e-4", key="branch rate")
        epochs = st.number_input("Epochs", 1, 100, 3, key="branch epochs")
        st.button(
            "Train on", key="branch", icon=":material/play_arrow:", on_click=_branch, args=(row, stage, rate, epochs)
        )


def _branch(row: Row, stage: str, rate: str, epochs: int) -> None:
    spec = FineTuneSpec.model_validate(row.spec)
    try:
        lr = float(rate)
    except ValueError:
        st.session_state["trouble"] = f"{rate!r} is no learning rate. Write a number such as 1e-4."
        return
    try:
        values = {"name": f"on-{stage}"[:60], "epochs": int(epochs), "lr": lr, "lr_lo": lr / 100}
        ft_live.branch(spec.but(plan=(values,), start_from=f"{row.id}/{stage}", collected="", collected_how="added"))
    except UserError as error:
        st.session_state["trouble"] = str(error)


def under_the_figure(spec: FineTuneSpec, row: Row | None, told: dict | None) -> None:
    """Everything that is done with a plan or a finished run, one tab at a time."""
    items = told and told["train_items"] + told["valid_items"]
    result = ft_reading.result_of(row) if row and row.status == "done" else None
    exported = row is not None and "model.onnx" in open_store().artifacts(row.id)

    def finished(draw, ready: bool) -> None:
        if ready:
            draw()
        else:
            st.info("This needs a finished run of the plan above. Press “Train”.", icon=":material/hourglass_empty:")

    tabs(
        {
            "Race": lambda: ft_race.race_tab(spec),
            "Reading": lambda: finished(lambda: ft_reading.reading_tab(result), result is not None),
            "Use it": lambda: finished(lambda: ft_use.use_tab(row), exported),
            "Mistakes": lambda: finished(lambda: ft_mistakes.mistakes_tab(result), exported and result is not None),
            "Tricks": lambda: ft_tricks.deck(spec),
            "Export": lambda: finished(lambda: ft_export.export_tab(row), exported),
            "Notes": lambda: ft_notes.notes(spec, row, items),
            "Code": lambda: code_tab(
                spec, fastai=code_stages.fastai_stages(spec), torch=code_stages.torch_stages(spec)
            ),
        }
    )


def page() -> None:
    """The page, top to bottom."""
    st.title("Head first, then all, gently")
    st.markdown("Train the head, unfreeze, and give early layers small rates and late layers large ones.")
    open_on_a_result()
    ft_plan.take_rate()
    side, main = present.beside()
    try:
        with side:
            spec = choose()
        with main:
            spec = spec.but(plan=ft_plan.editor())
        row = run_panel.row_of(spec)
        told = ft_live.told_of(row)
        with side:
            actions(
                spec, row, replay=True, guess="Hide the result until you have said what you expect.", width="stretch"
            )
            if row and row.status == "done":
                branch_control(row)
    except UserError as error:  # beside the controls that can mend it
        main.error(str(error), icon=":material/error:")
        return
    with main:
        run_panel.trouble()
        if reveal.covered(row, "Of 100 unseen pictures, how many will it name wrongly?"):
            return
        if row:
            run_panel.state_line(row)
            ft_live.way_back(row)
        ft_live.curves(row, spec)
        if row and row.status in ENDED:
            label(row)
            ft_mistakes.compare_view(row)
        ft_live.panel(row, spec)
    under_the_figure(spec, row, told)


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
