"""The controls of the segmentation page: data, net, plan and size; the rest under More."""

from dataclasses import dataclass

import streamlit as st

from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import SUITED_MASKS, SegmentationSpec, Stage, flatten
from labcore.training import plans
from pages.parts import controls, data_choice

SIZES = ("48x64", "96x128", "120x160", "180x240", "360x480", "64", "128")
SKIPS = (0, 1, 2, 3)
SKIP_WORDS = ("half the side (widest)", "a quarter", "an eighth", "a sixteenth")
OWN, OPEN = "own", ""
OWN_WIDGETS = ("image_size", "skip_off", "plan")
"""Fields whose widgets hold text or lists, not the field's own value."""
NOTES_LR = 3e-3


@dataclass(frozen=True)
class Preset:
    """A ready-made plan.

    Attributes:
        name: fixed name.
        title: for people.
        plan: its stages; empty leaves the plan to the data set.
    """

    name: str
    title: str
    plan: tuple[Stage, ...]


PRESETS = (
    Preset("lab", "Decoder, then all", ()),
    Preset(
        "notes",
        "Notes: 10 + 12",
        (
            Stage(name="decoder", freeze_to=-1, epochs=10, lr=NOTES_LR, tenth=True, pct_start=0.9),
            Stage(name="all", epochs=12, lr=NOTES_LR / 4, lr_lo=NOTES_LR / 400, pct_start=0.8),
        ),
    ),
    Preset(
        "all_at_once",
        "All at once",
        (Stage(name="all", epochs=12, lr=6e-3, lr_lo=1e-3),),
    ),
    Preset("short", "A short look", (Stage(name="all", epochs=3, lr=6e-3, lr_lo=1e-3),)),
)
"""Ready-made plans; the notes' is course-v3, lesson3-camvid, cells 28 and 34."""


def size_text(size: int | tuple[int, int] | str) -> str:
    """A picture size as one writes it.

    >>> size_text((96, 128)), size_text(64)
    ('96x128', '64')
    """
    return size if isinstance(size, str) else str(size) if isinstance(size, int) else "x".join(map(str, size))


def choose() -> SegmentationSpec:
    """The widgets, and the spec that they say. Raises UserError where that makes no sense."""
    use = controls.Controls(SegmentationSpec)
    name = data_choice.choose(use, ("masks",), on_change=suit)
    use.choice("arch", "Net", (*controls.ARCHS, "mobilenetv2_035"), typed=True)
    _plan(use)
    _size(use)
    with st.expander("More"):
        plan_text = st.text_input(
            "Plan, stage by stage", key="plan", bind="query-params", placeholder="the data set's own",
            help="Stages parted by semicolons, such as name=decoder,freeze_to=-1,epochs=2,lr=0.006;epochs=10,lr=0.006",
        )  # fmt: skip
        use.choice("loss", "Loss", ("cross_entropy", "dice", "both"))
        use.choice("class_weights", "Weights of classes", ("none", "balanced"))
        use.choice("decoder", "Way up", ("light", "full"))
        _skips(use)
        if name == "camvid":
            use.choice("classes", "Classes", ("all", "eleven"))
        use.choice("augment", "Augmentation", ("none", "photos", "from_above", "street"))
        use.choice("batch_size", "Batch size", (4, 8, 16, 32), typed=True)
        use.choice("every", "Keep masks every so many batches", (0, 5, 10, 20, 50), typed=True)
        use.choice("weights", "Weights", ("embedded", "pretrained", "none"), typed=settings().mode == "local")
        use.choice("frozen_body", "Frozen body", ("batchnorm_trains", "batchnorm_rests"))
        use.choice("weight_decay", "Weight decay", (0.0, 0.001, 0.01, 0.1), typed=True)
        use.choice("precision", "Precision", ("auto", "fp32", "bf16", "fp16"))
        use.choice("device", "Device", ("auto", "cpu", "cuda"))
        use.number("seed", "Seed", low=0, high=2**31 - 1, step=1)
        use.choice("dataset.limit", "Pictures", (0, 100, 200, 400), typed=True)
        use.text("start_from", "Start from a saved stage", placeholder="RUN/STAGE")
    if plan_text:
        use.put("plan", plans.from_text(plan_text))
    return use.spec()


def _plan(use: controls.Controls) -> None:
    titles = {one.name: one.title for one in PRESETS} | {OWN: "Your own plan"}
    now = st.session_state.get("plan", st.query_params.get("plan", ""))
    st.session_state["preset"] = next((one.name for one in PRESETS if _text(one.plan) == now), OWN)

    def taken() -> None:
        chosen = next((one for one in PRESETS if one.name == st.session_state["preset"]), None)
        if chosen is not None:
            st.session_state["plan"] = _text(chosen.plan)

    st.selectbox(
        "Plan", list(titles), key="preset", format_func=titles.get, on_change=taken,
        help="Ready-made plans; write your own under More.",
    )  # fmt: skip


def _text(plan: tuple[Stage, ...]) -> str:
    return plans.to_text(plan) if plan else OPEN


def _size(use: controls.Controls) -> None:
    default = size_text(SegmentationSpec().image_size)
    now = st.session_state.get("image_size")
    if now is not None:
        st.session_state["image_size"] = now = size_text(now)
    known = list(SIZES) if now is None or now in SIZES else [*SIZES, now]
    chosen = st.selectbox(
        "Picture size", known, index=known.index(default), key="image_size", accept_new_options=True,
        bind="query-params", help=controls.help_of(SegmentationSpec, "image_size"),
    )  # fmt: skip
    use.put("image_size", chosen)


def _skips(use: controls.Controls) -> None:
    chosen = st.multiselect(
        "Skip connections cut", SKIPS, key="skip_off", bind="query-params",
        help=controls.help_of(SegmentationSpec, "skip_off"),
    )  # fmt: skip
    use.put("skip_off", tuple(sorted(chosen)))


def show(spec: SegmentationSpec) -> None:
    """Set the page's controls to a spec, before they are drawn."""
    for name, value in flatten(spec).items():
        if name not in OWN_WIDGETS:
            st.session_state[name] = value
    st.session_state["image_size"] = size_text(spec.image_size)
    st.session_state["skip_off"] = list(spec.skip_off)
    suited = SegmentationSpec.of({"dataset.name": spec.dataset.name}).plan
    st.session_state["plan"] = OPEN if spec.plan == suited else plans.to_text(spec.plan)


def suit() -> None:
    """Another data set was chosen: take the net, the size and the plan that suit it."""
    name = st.session_state["dataset.name"]
    try:
        chosen = SegmentationSpec.of({"dataset.name": name})
    except UserError:
        return
    for field in {one for wishes in SUITED_MASKS.values() for one in wishes} - set(OWN_WIDGETS):
        st.session_state[field] = flatten(chosen)[field]
    st.session_state["image_size"] = size_text(chosen.image_size)
    st.session_state["plan"] = OPEN


def suit_link() -> None:
    """A link that names a data set and no plan takes what suits the data, for all that it leaves open."""
    wishes = SUITED_MASKS.get(st.query_params.get("dataset.name", ""))
    if wishes is None or "plan" in st.query_params:
        return
    for name, value in wishes.items():
        if name not in st.query_params and name != "plan":
            st.session_state[name] = size_text(value) if name == "image_size" else value
