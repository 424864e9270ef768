"""Collaborative filtering: train models of ratings, explore what they learnt, drag their numbers, find yourself."""

import streamlit as st

from labcore.errors import UserError
from labcore.figures import collab as figures
from labcore.runs.store import Row
from labcore.specs import CollabSpec
from labcore.training.collab_presets import PRESETS, preset_of
from pages.parts import code_collab, controls, data_choice, opening, present, reveal, run_panel, words
from pages.parts.chart import chart
from pages.parts.code import code_tab
from pages.parts.collab_ladder import ladder_tab, sweep_tab
from pages.parts.collab_map import map_tab
from pages.parts.collab_notes import notes_tab, use_tab
from pages.parts.collab_run import Learnt, learnt
from pages.parts.collab_sheet import sheet_tab
from pages.parts.collab_you import you_tab
from pages.parts.live_curve import Curve, live_curve
from pages.parts.run_actions import actions, label, replay_now
from pages.parts.tabs import tabs
from pages.parts.theme import palette

PAGE = "collab"
MODELS = {
    "dot": "dot product",
    "dot_range": "dot product, range",
    "dot_bias": "dot product, range and bias",
    "nn": "neural net",
}
OUTSIDE = (0.0, 5.5)
"""The notes' range, for code where the model itself has none."""
PRESET_WORDS = {"notes": "Notes", "fast": "Fast", "large": "Large"}
HELD_OUT = ("random", "by_time", "last_of_user")


def choose_spec() -> CollabSpec:
    """The controls: few that matter for the lesson, the rest under More."""
    use = controls.Controls(CollabSpec)
    data_choice.choose(use, ("ratings",))
    model = use.choice("model", "Model", tuple(MODELS))
    st.caption(MODELS[model])
    use.choice("factors", "Factors", (2, 5, 10, 20, 50, 100), typed=True)
    use.choice("weight_decay", "Weight decay", (0.0, 0.01, 0.03, 0.1, 0.3, 0.4, 1.0), typed=True)
    _choose_preset()
    left, right = st.columns(2)
    with left:
        use.choice("epochs", "Epochs", (1, 2, 3, 4, 5, 10, 20), typed=True)
    with right:
        use.choice("lr", "Rate", (1e-3, 5e-3, 1e-2, 1.5e-2, 2e-2), typed=True)
    with st.expander("More"):
        use.choice("batch_size", "Batch size", (64, 256, 512, 1024, 4096, 16384), typed=True)
        use.choice("held_out", "Held out", HELD_OUT)
        use.choice("baselines", "Baselines", ("all", "means"))
        use.choice("dataset.limit", "Ratings", (0, 5000, 20000), typed=True)
        use.number("seed", "Seed", low=0, high=2**31 - 1, step=1)
        use.choice("device", "Device", ("auto", "cpu", "cuda"))
    return use.spec()


def _choose_preset() -> None:
    now = {name: st.session_state.get(name, value) for name, value in CollabSpec().model_dump().items()}
    st.session_state["preset"] = preset_of(now)
    st.segmented_control(
        "Preset", list(PRESETS), key="preset", format_func=PRESET_WORDS.get, on_change=_take,
        help="The notes' settings, or large batches with a larger rate and more decay: a few tenths of a second; or "
        "larger ones still, for tables of millions.",
    )  # fmt: skip


def _take() -> None:
    chosen = st.session_state.get("preset")
    if chosen:
        st.session_state.update(PRESETS[chosen])


def curves(row: Row | None) -> None:
    """Training and valid MSE, live."""
    known = {row.id: run_panel.known_of(row, ("epoch", "train_loss", "valid_mse"))} if row else {}
    lines = []
    if row:
        lines = [Curve(row.id, "train_loss", "training MSE", 0), Curve(row.id, "valid_mse", "valid MSE", 1, width=4)]
    answer = live_curve(
        known,
        lines,
        key="curve",
        page=PAGE,
        x="epoch",
        x_label="epoch",
        y_label="mean squared error",
        height=380,
        status_line=bool(row) and row.status != "done",
        empty="The first batches are on their way." if row else "Not trained yet. Press “Train”: it takes seconds.",
        message="Training and valid mean squared error by epoch.",
        replay=replay_now(),
    )
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def result(row: Row) -> None:
    """The numbers of a finished run, never without what simple methods reach."""
    told = row.metrics
    rise = told["valid_mse"] - told["best_valid_mse"]
    columns = st.columns(4)
    columns[0].metric("valid MSE", words.number(told["valid_mse"]), help="Mean squared error on held-out ratings.")
    columns[1].metric("in stars (RMSE)", words.number(told["valid_rmse"]), help="The root of it, in stars.")
    simple = told.get("baseline_svd_mse", told["baseline_means_mse"])
    name = "truncated SVD" if "baseline_svd_mse" in told else "user + item means"
    columns[2].metric(name, words.number(simple), help="The valid MSE that a simple method reaches.")
    columns[3].metric("trained in", words.seconds(told["train_seconds"]))
    if rise > 0.01:
        st.warning(
            f"It overfits: the valid MSE was {words.number(told['best_valid_mse'])} after {told['best_epoch']:.2g} "
            f"epochs and has risen by {rise:.3f} since; the training MSE fell to {words.number(told['train_mse'])}. "
            "More weight decay, fewer factors or fewer epochs help.",
            icon=":material/trending_up:",
        )


def baselines_tab(row: Row) -> None:
    """The model beside what simple methods reach on the same split."""
    told = row.metrics
    errors = {MODELS[row.spec["model"]]: told["valid_mse"], "user + item means": told["baseline_means_mse"]}
    errors["overall mean"] = told["baseline_global_mse"]
    if "baseline_svd_mse" in told:
        errors["truncated SVD"] = told["baseline_svd_mse"]
        errors["alternating least squares"] = told["baseline_als_mse"]
    chart(
        figures.models_figure(errors, told.get("truth_mse"), palette()),
        key="models",
        about="Valid error of this model beside simple methods",
    )
    if "ndcg_at_10" in told:
        st.markdown(
            f"**As a list of ten:** NDCG@10 {words.number(told['ndcg_at_10'])} and recall@10 "
            f"{words.percent(told['recall_at_10'])}, judged on {told['ranked_users']:,} users; the ten most rated "
            f"items, named to everybody, reach {words.number(told['popular_ndcg_at_10'])} and "
            f"{words.percent(told['popular_recall_at_10'])}."
        )


def code(spec: CollabSpec, found: Learnt) -> None:
    """This very training in four tongues."""
    y_range = found.model.y_range or OUTSIDE
    code_tab(spec, fastai=code_collab.fastai_code(spec, y_range), torch=code_collab.torch_code(spec, y_range))


def page() -> None:
    """The page, top to bottom."""
    st.title("What would you like to watch next?")
    st.markdown("Give every user and every film a few numbers, let ratings move them, then look at what they mean.")
    opening.open_on_a_result(CollabSpec())
    side, main = present.beside()
    try:
        with side:
            spec = choose_spec()
            row = run_panel.row_of(spec)
            actions(
                spec, row, replay=True, guess="Hide the result until you have said what you expect.", width="stretch"
            )
    except UserError as error:  # beside the controls that can mend it
        main.error(str(error), icon=":material/error:")
        return
    with main:
        run_panel.trouble()
        if reveal.covered(row, "How many stars is it off, on ratings that it has not seen?"):
            return
        if row:
            run_panel.state_line(row)
        run_panel.polled(lambda: curves(row), [row] if row else [])
        if row and row.status == "done":
            label(row)
            result(row)
    found = learnt(row) if row and row.status == "done" else None
    shown = {"Ladder": lambda: ladder_tab(spec), "Decay sweep": lambda: sweep_tab(spec)}
    if found is not None:
        shown = {
            "Map": lambda: map_tab(found, row),
            "Spreadsheet": lambda: sheet_tab(found),
            "You": lambda: you_tab(found),
        } | shown
        shown |= {
            "Baselines": lambda: baselines_tab(row),
            "Notes": lambda: notes_tab(spec, row, found),
            "Use it": lambda: use_tab(row, found),
            "Code": lambda: code(spec, found),
        }
    tabs(shown)


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
