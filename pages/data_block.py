"""The data block: six questions turned one by one on real items, with what each does to them at once."""

from collections.abc import Callable

import streamlit as st

from labcore.data import registry
from labcore.data.augment_spec import PRESETS
from labcore.data.leaf import BlockSpec, Leaf, leaf
from labcore.errors import UserError
from labcore.specs import DatasetSpec
from pages.parts import (
    carry,
    controls,
    data_choice,
    data_code,
    data_own,
    data_ready,
    data_split,
    data_steps,
    data_transforms,
    data_words,
    present,
    run_panel,
)
from pages.parts.lessons import lessons

PAGE = "data_block"
QUESTIONS = {
    "Inputs": "Where are the inputs, and how are they made?",
    "Split": "Who teaches, and who examines?",
    "Label": "What is the right answer?",
    "Transforms": "What may change in a picture?",
    "Test set": "What is kept for the end?",
    "Batches": "What does the net really get?",
}
"""The six steps by their names."""
WAYS = {
    "single_label": (("lr_finder", "LR finder"), ("fine_tune", "Fine-tuner")),
    "multi_label": (("thresholds", "Thresholds"),),
    "masks": (("segmentation", "Segmentation"),),
    "points": (("head_pose", "Head pose"),),
    "ratings": (("collab", "Ratings"),),
}
"""The lessons that a kind of target is for: their pages, and titles short enough for the narrow column."""
SIZES = (48, 64, 96, 128, 160, 224, "96x128", "120x160")
SPLITS = ("auto", "random", "stratified", "group", "frames", "column", "file", "folder")


def choose_spec(step: str) -> BlockSpec:
    """The controls: those of the step on the screen, the rest under More."""
    use = controls.Controls(BlockSpec)
    data_choice.choose(use)
    groups: dict[str, Callable[[], None]] = {
        "Split": lambda: _split_controls(use),
        "Transforms": lambda: _transform_controls(use),
        "Batches": lambda: use.choice("batch_size", "Batch size", controls.BATCH_SIZES, typed=True),
    }
    if step in groups:
        groups[step]()
    if step in ("Transforms", "Batches"):
        _draw_again(use)
    else:
        _leaf_through(use)
    with st.expander("More"):
        for name, draw in groups.items():
            if name != step:
                draw()
        if step in ("Transforms", "Batches"):
            _leaf_through(use)
        else:
            _draw_again(use)
        use.number("item", "Item that is followed", low=0, high=10_000_000, step=1)
        use.choice("dataset.limit", "Items", (0, 100, 500, 1000), typed=True)
    return use.spec()


def _split_controls(use: controls.Controls) -> None:
    use.choice("dataset.split", "Split by", SPLITS)
    use.choice("dataset.valid_pct", "Share held out", (0.1, 0.2, 0.3, 0.5))
    use.number("dataset.split_seed", "Seed of the split", low=0, high=2**31 - 1, step=1)
    use.text("dataset.hold_out", "Hold out these", placeholder="persons or videos, by group")


def _transform_controls(use: controls.Controls) -> None:
    use.choice("image_size", "Picture side", SIZES, typed=True)
    use.choice("method", "Fitted by", ("auto", "crop", "squish", "pad"))
    use.choice("augment", "Augmentation", ("auto", *PRESETS))


def _leaf_through(use: controls.Controls) -> None:
    use.number("shelf", "Leaf through", low=0, high=1_000_000, step=1)


def _draw_again(use: controls.Controls) -> None:
    use.number("draw", "Draw again", low=0, high=2**31 - 1, step=1)


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def _opened(asked: str, fingerprint: str) -> Leaf:
    """A block by the parts of its spec that it depends on; its last pictures stay opened for all visitors."""
    return leaf(BlockSpec.model_validate_json(asked))


@st.cache_data(max_entries=64, ttl=3.0, show_spinner=False)
def _fingerprint(dataset: str) -> str:
    # A folder is walked to know its content: not on every rerun.
    return registry.fingerprint(DatasetSpec.model_validate_json(dataset))


def open_block(spec: BlockSpec) -> Leaf:
    """The block of a spec, reading names and labels if that was not done yet."""
    asked = spec.but(item=0, shelf=0, draw=0).canonical()
    known = _fingerprint(spec.dataset.canonical())
    with st.spinner("Reading names and labels", show_time=True):
        return _opened(asked, known)


def use_it(spec: BlockSpec, block: Leaf) -> None:
    """The way on: the same data in the lesson that it is for."""
    stands = {lesson.path for lesson in lessons()}
    carried = {name: value for name, value in controls.link(spec).items() if name.startswith("dataset.")}
    if "upload" in data_choice.link():
        carried.pop("dataset.root", None)
    query = carried | data_choice.link()
    for path, title in WAYS[block.items.task]:
        if path in stands:
            st.page_link(
                f"{path}.py",
                label=f"Use it in: {title}",
                icon=":material/arrow_forward:",
                query_params=carry.link(query),
            )


def page() -> None:
    """The page, top to bottom."""
    st.title("What does the net eat?")
    st.markdown("Six questions take any data set to batches. Turn one, and see what it does to real items.")
    step = st.segmented_control(
        "Question", list(QUESTIONS), default="Inputs", required=True, key="step", bind="query-params",
        width="stretch", label_visibility="collapsed",
    )  # fmt: skip
    side, main = present.beside()
    try:
        with side:
            spec = choose_spec(step)
        with main:
            run_panel.trouble()
            if spec.dataset.name == "own":
                data_own.report(spec.dataset)
                if not spec.dataset.root:
                    return
            if not data_ready.ready(spec.dataset):
                return
            block = open_block(spec)
    except UserError as error:  # beside the controls that can mend it
        main.error(str(error), icon=":material/error:")
        return
    with main:
        st.header(f"{list(QUESTIONS).index(step) + 1}. {QUESTIONS[step]}", anchor=False)
        draw_step(step, block, spec)
    with side:
        use_it(spec, block)
    tabs = dict(zip(("One item's way", "Code", "Notes"), st.tabs(["One item's way", "Code", "Notes"], key="tab",
                                                              bind="query-params"), strict=True))  # fmt: skip
    for name, draw in (
        ("One item's way", lambda: data_steps.trace(block, spec)),
        ("Code", lambda: data_code.tab(block, spec)),
        ("Notes", lambda: data_words.notes(block)),
    ):
        if tabs[name].open:
            with tabs[name]:
                draw()


def draw_step(step: str, block: Leaf, spec: BlockSpec) -> None:
    """The step on the screen."""
    if step == "Split":
        data_split.show(block)
    elif step == "Transforms":
        data_transforms.show(block, spec)
    else:
        draw = {"Inputs": data_steps.inputs, "Label": data_steps.label, "Test set": data_steps.test_set}
        draw.get(step, data_steps.batches)(block, spec)


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
