"""Thresholds: train several labels per picture or bring predictions, drag, see, and learn how far to trust it."""

import contextlib

import streamlit as st

from labcore.errors import UserError
from labcore.evaluation.threshold_metrics import parse
from labcore.specs import ThresholdsSpec
from labcore.training import plans
from pages.parts import code_stages, controls, opening, present, reveal, run_panel, threshold_train, threshold_views
from pages.parts.code import code_tab
from pages.parts.run_actions import actions, label, replay_now
from pages.parts.tabs import tabs
from pages.parts.threshold_board import board, from_link
from pages.parts.threshold_notes import notes_tab
from pages.parts.threshold_own import own_source
from pages.parts.threshold_picture import picture_tab
from pages.parts.threshold_source import Source, of_run, tuned_of
from pages.parts.threshold_take import take_tab

METRICS = ("f2", "f1", "f0.5", "f2_macro", "f2_micro", "accuracy", "hamming", "subset", "cost:1:5")
TRAIN, OWN = "a net trained here", "your own file"


def open_on_a_result() -> None:
    """Start from a finished run on a first visit without wishes."""

    def show(spec: ThresholdsSpec) -> None:
        controls.seed(spec.but(plan=ThresholdsSpec().plan))
        threshold_train.seed_plan(spec)
        st.session_state["opened on a result"] = True

    text = st.query_params.pop("plan", None)
    if text:
        with contextlib.suppress(UserError):  # the page's controls show what they can
            threshold_train.seed_plan(ThresholdsSpec(plan=plans.from_text(text)))
    # The page's controls show the stages of the default plan alone.
    stages = [stage.name for stage in ThresholdsSpec().plan]
    opening.open_on_a_result(
        ThresholdsSpec(), show=show, fits=lambda spec: [stage.name for stage in spec.plan] == stages
    )


def choose_metric() -> str:
    """What thresholds are chosen for."""
    return st.selectbox(
        "Best for", METRICS, key="metric", bind="query-params", accept_new_options=True, width=360,
        format_func=lambda name: _title(name),
        help="Any F-beta can be typed (f3), and any cost: cost:1:5 makes a miss five times a false alarm.",
    )  # fmt: skip


def _title(name: str) -> str:
    try:
        return parse(name).title
    except UserError:
        return name


def explore(source: Source, metric: str, dataset: str) -> None:
    """The board, and everything that looks at the thresholds on it."""
    tuned = tuned_of(source, metric)
    start = from_link(st.query_params, tuned.global_threshold, len(source.classes))
    chosen = board(source, tuned, start, key="board")
    for name in ("t", "own"):
        if name not in chosen.link():
            st.query_params.pop(name, None)
    if chosen.link() != {name: st.query_params.get(name) for name in chosen.link()} and (
        chosen != start or "t" in st.query_params
    ):
        st.query_params.update(chosen.link())
    for text in (*source.notes, *tuned.warnings):
        st.caption(f":material/info: {text}")
    st.caption(
        f"{source.words}. Baselines: saying nothing, and the priors ({source.shares_words}) at their own best "
        "threshold. Plum dots: the notes’ 29 thresholds. Green ring: the best. ✓ right, ✗ said wrongly, ○ missed; on a "
        "small picture the right ones show their names when you point at it. Drag the curve or a label’s row; arrow "
        "keys move by 0.01, with Shift by 0.001, Delete gives a label back to all."
    )
    thresholds = chosen.thresholds(len(source.classes))
    tabs(
        {
            "Honest": lambda: threshold_views.honest_tab(source, tuned),
            "Curves": lambda: threshold_views.curves_tab(source, thresholds),
            "Tables": lambda: threshold_views.tables_tab(source, thresholds, tuned.metric.beta),
            "Calibration": lambda: threshold_views.calibration_tab(source),
            "Mistakes": lambda: threshold_views.mistakes_tab(source, thresholds),
            "One picture": lambda: picture_tab(source, thresholds),
            "Take away": lambda: take_tab(source, tuned, thresholds),
            "Notes": lambda: notes_tab(source, tuned, dataset),
            "Code": code,
        }
    )


def code() -> None:
    """This very training as a command and as Python."""
    spec = st.session_state.get("thresholds spec")
    if spec is not None:
        code_tab(spec, fastai=code_stages.fastai_stages(spec), torch=code_stages.torch_stages(spec))
    else:
        st.code(
            "python -m labcore thresholds tune predictions.csv --metric f2 --per-class --out thresholds.json", "bash"
        )


def trained(top) -> None:
    """A net of the lab: its controls in a drawer, then live curves while it trains, then the board."""
    try:
        with st.expander(
            "Data, net and plan",
            expanded=not (
                present.on() or st.session_state.get("opened on a result") or {"t", "tab"} & set(st.query_params)
            ),
        ):
            spec = threshold_train.choose_spec()
            threshold_train.finder_link(spec)
        st.session_state["thresholds spec"] = spec
        row = run_panel.row_of(spec)
        with top:
            metric = choose_metric()
            actions(spec, row, replay=True, guess="Hide the result until you have said what you expect.")
    except UserError as error:  # beside the controls that can mend it
        st.error(str(error), icon=":material/error:")
        return
    run_panel.trouble()
    if row is None:
        st.info("Not trained yet with these settings. Press “Train”: curves move within seconds.")
        return
    if row.status != "done":
        run_panel.state_line(row)
        threshold_train.live(row)
        return
    if reveal.covered(row, "Which threshold suits this net: one half, less, or more?"):
        return
    if replay_now():  # what was asked for now comes first
        threshold_train.live(row)
    explore(of_run(row), metric, spec.dataset.name)
    label(row)
    if replay_now():
        return
    with st.expander("How it was trained"):
        run_panel.state_line(row)
        threshold_train.live(row)


def own(top) -> None:
    """A file of one's own."""
    st.session_state.pop("thresholds spec", None)
    try:
        with top:
            metric = choose_metric()
        source = own_source()
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    run_panel.trouble()
    if source is None:
        st.info(
            "Bring the predictions of any multi-label model: two columns per label, such as road_prob and road_true."
        )
        return
    explore(source, metric, "")


def page() -> None:
    """The page, top to bottom."""
    st.title("When is a label a yes?")
    st.markdown("A net gives every label a probability. The threshold makes it an answer: drag it and watch.")
    open_on_a_result()
    top = st.container(horizontal=True, vertical_alignment="bottom")
    with top:
        which = st.segmented_control(
            "Predictions of", [TRAIN, OWN], default=TRAIN, required=True, key="from", bind="query-params"
        )
    (trained if which == TRAIN else own)(top)


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
