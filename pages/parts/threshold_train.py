"""Train a multi-label net from the page: its controls, its live curves, and the way to the rate finder."""

import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import Row
from labcore.settings import settings
from labcore.specs import LRFinderSpec, ThresholdsSpec
from pages.parts import carry, controls, data_choice, run_panel
from pages.parts.live_curve import Curve, live_curve
from pages.parts.run_actions import replay_now

EPOCHS, RATES = (0, 1, 2, 4, 8, 12, 20), (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
LOSSES = ("train_loss", "smooth_loss", "valid_loss")
METRICS = ("f2_samples", "priors_f2_samples", "nothing_f2_samples", "accuracy_multi", "nothing_accuracy_multi")


def choose_spec() -> ThresholdsSpec:
    """The controls: data, net and the two stages; the rest under More."""
    use = controls.Controls(ThresholdsSpec)
    head, rest = ThresholdsSpec().plan
    one, two, three, four = st.columns(4)
    with one:
        data_choice.choose(use, ("multi_label",))
    with two:
        use.choice("arch", "Net", controls.ARCHS, typed=True)
    with three:
        frozen = _pick("Epochs, head alone", "head_epochs", EPOCHS, head.epochs, "Stage 1: the body is frozen.")
        head_rate = _pick("Its rate", "head_rate", RATES, head.lr, "Top of the one-cycle; earlier groups a tenth.")
    with four:
        all_epochs = _pick("Epochs, all layers", "all_epochs", EPOCHS, rest.epochs, "Stage 2: everything trains.")
        all_rate = _pick("Their rate", "all_rate", RATES, rest.lr, "Of the head; the earliest layers a tenth of it.")
    with st.expander("More"):  # drawn even while closed: a link or a finished run may set what is in it
        _more(use)
    # Divided in decimals, so that the page asks for the very plan that the command line calls the default.
    early = float(f"{all_rate / 10:.6g}")
    plan = (head.but(epochs=frozen, lr=head_rate),) if frozen else ()
    plan += (rest.but(epochs=all_epochs, lr=all_rate, lr_lo=early),) if all_epochs else ()
    if not plan:
        raise UserError("Neither stage trains. Give one of them an epoch.")
    return use.spec().but(plan=plan)


def _more(use: controls.Controls) -> None:
    one, two, three, four = st.columns(4)
    with one:
        use.choice("threshold", "Threshold while training", (0.1, 0.2, 0.3, 0.5), typed=True)
        use.choice("image_size", "Picture side", controls.IMAGE_SIZES, typed=True)
        use.choice("batch_size", "Batch size", controls.BATCH_SIZES, typed=True)
    with two:
        use.choice("augment", "Augmentation", ("none", "photos", "from_above", "street"))
        use.choice("frozen_body", "Frozen body", ("batchnorm_trains", "computed_once"))
        use.choice("weights", "Weights", ("embedded", "pretrained", "none"), typed=settings().mode == "local")
    with three:
        use.choice("weight_decay", "Weight decay", (0.0, 0.001, 0.01, 0.1), typed=True)
        use.choice("precision", "Precision", ("auto", "fp32", "bf16", "fp16"))
        use.choice("device", "Device", ("auto", "cpu", "cuda"))
    with four:
        use.number("seed", "Seed", low=0, high=2**31 - 1, step=1)
        use.choice("dataset.limit", "Pictures", (0, 200, 500, 1000), typed=True)


def _pick(label: str, key: str, options, default, help_text: str):
    return st.selectbox(label, options, index=options.index(default), key=key, bind="query-params", help=help_text)


def seed_plan(spec: ThresholdsSpec) -> None:
    """Set the two stages' controls to a spec, before they are drawn."""
    for stage, known in zip(spec.plan, ThresholdsSpec().plan, strict=False):
        for name, value, default in (("epochs", stage.epochs, known.epochs), ("rate", stage.lr, known.lr)):
            key = f"{known.name}_{name}"
            if value != default or key in st.session_state:
                st.session_state[key] = value


def finder_link(spec: ThresholdsSpec) -> None:
    """The rate finder with the same data, net and batches."""
    shared = {name: getattr(spec, name) for name in ("dataset", "arch", "weights", "image_size", "batch_size", "seed")}
    st.page_link(
        "lr_finder.py", label="Find the rate first", icon=":material/trending_down:",
        query_params=carry.link(controls.link(LRFinderSpec.of(shared))),
    )  # fmt: skip


def live(row: Row) -> None:
    """Losses and metrics as they come, baselines beside them."""

    def draw() -> None:
        known = {row.id: run_panel.known_of(row, (*LOSSES, *METRICS, "lr"))}
        left, right = st.columns(2)
        with left:
            one = live_curve(
                known,
                [
                    Curve(row.id, "smooth_loss", "training BCE", 0, faint="train_loss"),
                    Curve(row.id, "valid_loss", "valid BCE", 1, dash="dash"),
                ],
                key="th losses", page="thresholds", y_label="binary cross-entropy", height=380,
                empty="The first batches are on their way.", replay=replay_now(),
            )  # fmt: skip
        with right:
            live_curve(
                known,
                [
                    Curve(row.id, "f2_samples", "F2, per picture", 0),
                    Curve(row.id, "priors_f2_samples", "F2 of class priors", 5, dash="dot"),
                    Curve(row.id, "accuracy_multi", "accuracy_multi", 2, dash="dash"),
                    Curve(row.id, "nothing_accuracy_multi", "accuracy_multi of saying nothing", 7, dash="dot"),
                ],
                key="th metrics", page="thresholds", y_label="valid metrics", y_format="percent", height=380,
                empty="Measured after each epoch.", status_line=False, replay=replay_now(),
            )  # fmt: skip
        if one.fallback and not run_panel.polling():
            st.session_state["polling"] = True
            st.rerun()

    run_panel.polled(draw, [row])
