"""The controls of the head pose lesson: few beside the figure, the rest under More; and how a link fills them."""

import re
from typing import Any

import streamlit as st

from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import SUITED_POSES, DatasetSpec, HeadPoseSpec, LRFinderSpec, Stage, flatten
from labcore.training import plans
from pages.parts import controls, data_choice

EPOCHS, RATES = (0, 1, 2, 3, 4, 6, 9, 12, 20), (3e-4, 1e-3, 2e-3, 4e-3, 1e-2)
SIZES = ("48x64", "72x96", "96x128", "120x160", "160x224", "240x320")
RANGES = ("-1 to 1", "-1.1 to 1.1", "off")
PROTOCOLS = {
    "both": "by person, and at random",
    "one": "one split only",
    "leave_one_out": "each person held out once",
}
SIZE, RANGE = "size", "range"
HEAD, ALL, RATE = "head_epochs", "all_epochs", "all_rate"
PREFIX = "pose."
"""Widgets of other pages have the same names with other values: this page's own ones carry its name."""


def choose() -> HeadPoseSpec:
    """The controls. Raises UserError where they make no sense."""
    use = controls.Controls(HeadPoseSpec)
    data_choice.choose(use, ("points",), on_change=suit)
    use.choice("protocol", "Split", tuple(PROTOCOLS), format_func=PROTOCOLS.get)
    use.choice("loss", "Loss", ("mse", "l1", "huber"))
    use.put("y_range", _range())
    epochs = _pick(ALL, "Epochs, all layers", EPOCHS, _stages()[1].epochs, "Stage 2: everything trains.")
    with st.expander("More"):
        use.choice("target", "Target", ("points", "angles"))
        arch = use.choice("arch", "Net", controls.ARCHS, typed=True)
        use.put("image_size", _size())
        head = _pick(HEAD, "Epochs, head alone", EPOCHS, _stages()[0].epochs, "Stage 1: the body is frozen.")
        rate = _pick(RATE, "Rate", RATES, _stages()[1].lr, "Top of the one-cycle for the head; early layers get less.")
        use.choice("batch_size", "Batch size", controls.BATCH_SIZES, typed=True)
        use.choice("augment", "Augmentation", ("none", "photos", "from_above", "street"))
        weights = use.choice("weights", "Weights", ("embedded", "pretrained", "none"), typed=settings().mode == "local")
        use.choice("frozen_body", "Frozen body", ("batchnorm_trains", "batchnorm_rests"))
        use.choice("weight_decay", "Weight decay", (0.0, 0.001, 0.01, 0.1), typed=True)
        use.choice("dataset.split", "If one split: how", _splits())
        use.text("dataset.hold_out", "Hold out", placeholder="empty: drawn, or the set's own")
        use.choice("dataset.limit", "Pictures", (0, 200, 500, 1000), typed=True)
        use.choice("precision", "Precision", ("auto", "fp32", "bf16", "fp16"))
        use.choice("device", "Device", ("auto", "cpu", "cuda"))
        use.number("seed", "Seed", low=0, high=2**31 - 1, step=1)
        use.text("start_from", "Start from a saved stage", placeholder="RUN/STAGE")
    if arch == HeadPoseSpec().arch:  # a weights file that somebody names says of which net it is
        use.put("arch", HeadPoseSpec.of({"weights": weights}).arch)
    return use.spec().but(plan=plan(head, epochs, rate))


def finder_link(spec: HeadPoseSpec) -> None:
    """The rate finder on the same data, net and batches."""
    shared = {name: getattr(spec, name) for name in ("dataset", "arch", "weights", "batch_size", "seed")}
    query = controls.link(LRFinderSpec.of(shared)) | {"image_size": _size_text(spec.image_size)} | data_choice.link()
    st.page_link(
        "lr_finder.py", label="Find the rate first", icon=":material/trending_down:", query_params=query
    )  # fmt: skip


def suit() -> None:
    """Another data set was chosen: take the batches, the augmentation and the plan that suit it."""
    chosen = _suited(st.session_state["dataset.name"])
    for name in _wishes():
        st.session_state[name] = getattr(chosen, name)
    for name, value in (_settings(chosen) or {}).items():
        if name in (HEAD, ALL, RATE):
            st.session_state[f"{PREFIX}{name}"] = value


def suit_link() -> None:
    """A link that names a data set and no plan takes what suits the data, for all that it leaves open."""
    query, name = st.query_params, st.query_params.get("dataset.name", "")
    own = {f"{PREFIX}{part}" for part in (HEAD, ALL, RATE)}
    if name not in SUITED_POSES or "plan" in query or own & set(query):
        return
    chosen = _suited(name)
    for field in _wishes() - set(query):
        st.session_state[field] = getattr(chosen, field)
    for part, value in (_settings(chosen) or {}).items():
        if part in (HEAD, ALL, RATE):
            st.session_state[f"{PREFIX}{part}"] = value


def _suited(name: str) -> HeadPoseSpec:
    target = st.session_state.get("target") or st.query_params.get("target") or HeadPoseSpec().target
    return HeadPoseSpec.of({"dataset.name": name, "target": target})


def _wishes() -> set[str]:
    """Fields besides the plan that some data set asks for."""
    return {field for values in SUITED_POSES.values() for field in values} - {"plan"}


def _splits() -> tuple[str, ...]:
    offered = DatasetSpec.model_fields["split"].annotation.__args__
    return tuple(name for name in ("auto", "group", "frames", "random", "column", "file", "folder") if name in offered)


def _pick(key: str, label: str, options: tuple, default: Any, help_text: str) -> Any:
    known = options if default in options else (default, *options)
    return st.selectbox(
        label, known, index=known.index(default), key=f"{PREFIX}{key}", bind="query-params", help=help_text
    )


def _size() -> str:
    text = st.selectbox(
        "Picture size", SIZES, index=SIZES.index(_size_text(HeadPoseSpec().image_size)), key=f"{PREFIX}{SIZE}",
        accept_new_options=True, bind="query-params", help=controls.help_of(HeadPoseSpec, "image_size"),
    )  # fmt: skip
    if not re.fullmatch(r"\s*\d+(\s*[x×]\s*\d+)?\s*", text.lower()):
        raise UserError(f"{text!r} is no picture size. Write height x width, such as 96x128.")
    return text


def _size_text(size: int | tuple[int, int]) -> str:
    return f"{size}x{size}" if isinstance(size, int) else f"{size[0]}x{size[1]}"


def _range() -> tuple[float, float] | None:
    text = st.selectbox(
        "y_range", RANGES, index=RANGES.index(_range_text(HeadPoseSpec().y_range)), key=f"{PREFIX}{RANGE}",
        accept_new_options=True, bind="query-params", help=controls.help_of(HeadPoseSpec, "y_range"),
    )  # fmt: skip
    return range_of(text)


def range_of(text: str) -> tuple[float, float] | None:
    """A range as a person writes it: "-1 to 1", "(-1.0, 1.0)", "off".

    Raises:
        UserError: it is none.
    """
    if text.strip().lower() in ("off", "none"):
        return None
    found = re.fullmatch(r"\(?\s*([-+\d.e]+)\s*(?:to|,|\s)\s*([-+\d.e]+)\s*\)?", text.strip().replace("−", "-"))
    try:
        low, high = float(found[1]), float(found[2])
    except (TypeError, ValueError):
        raise UserError(f"{text!r} is no y_range. Write two numbers, such as -1 to 1, or off.") from None
    return low, high


def _range_text(value: tuple[float, float] | None) -> str:
    return "off" if value is None else f"{value[0]:g} to {value[1]:g}"


def _stages() -> tuple[Stage, Stage]:
    head, rest = HeadPoseSpec().plan
    return head, rest


def plan(head_epochs: int, all_epochs: int, rate: float) -> tuple[Stage, ...]:
    """The default plan with other epochs and another rate; stages of no epoch are left out.

    Raises:
        UserError: neither stage trains.
    """
    head, rest = _stages()
    share = (rest.lr_lo or rest.lr) / rest.lr
    # Rounded, so that the page asks for the very plan that the command line calls the default.
    stages = (head.but(epochs=head_epochs, lr=float(f"{rate * head.lr / rest.lr:.6g}")),) if head_epochs else ()
    if all_epochs:
        low = None if rest.lr_lo is None else float(f"{rate * share:.6g}")
        stages += (rest.but(epochs=all_epochs, lr=rate, lr_lo=low),)
    if not stages:
        raise UserError("Neither stage trains. Give one of them an epoch.")
    return stages


def fits(spec: HeadPoseSpec) -> bool:
    """Whether the controls can say this spec."""
    return _settings(spec) is not None


def _settings(spec: HeadPoseSpec) -> dict[str, Any] | None:
    """What the widgets of this page's own would be set to; None where its plan is another kind of plan."""
    head, rest = _stages()
    by_name = {stage.name: stage for stage in spec.plan}
    first, second = by_name.get(head.name), by_name.get(rest.name)
    rate = second.lr if second else first.lr * rest.lr / head.lr if first else rest.lr
    values = (first.epochs if first else 0, second.epochs if second else 0, float(f"{rate:.6g}"))
    try:
        if plan(*values) != spec.plan:
            return None
    except UserError:
        return None
    names = {HEAD: values[0], ALL: values[1], RATE: values[2]}
    return names | {SIZE: _size_text(spec.image_size), RANGE: _range_text(spec.y_range)}


def show(spec: HeadPoseSpec) -> None:
    """Set the controls to a spec, before they are drawn."""
    for name, value in flatten(spec).items():
        if name not in ("plan", "image_size", "y_range"):
            st.session_state[name] = value
    for name, value in (_settings(spec) or {}).items():
        st.session_state[f"{PREFIX}{name}"] = value


def take_link() -> None:
    """A link that another page or the command line wrote names the spec's own fields: turn them into controls."""
    query = st.query_params
    size, bounds, text = (query.pop(name, None) for name in ("image_size", "y_range", "plan"))
    if query.get("protocol") in PROTOCOLS:  # the control shows words, and so does its own link
        st.session_state["protocol"] = query.pop("protocol")
    try:
        if size is not None:
            numbers = re.findall(r"\d+", size)
            st.session_state[f"{PREFIX}{SIZE}"] = "x".join((numbers * 2)[:2]) if numbers else size
        if bounds is not None:
            st.session_state[f"{PREFIX}{RANGE}"] = _range_text(range_of(bounds))
        if text is not None:
            found = _settings(HeadPoseSpec(plan=plans.from_text(text)))
            if found is None:
                st.warning("The link's plan has stages that this page has no controls for; the default plan is shown.")
            for name in (HEAD, ALL, RATE) if found else ():
                st.session_state[f"{PREFIX}{name}"] = found[name]
    except UserError as error:
        st.warning(str(error))
