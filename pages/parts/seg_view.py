"""The viewer on the page: which picture, in which order, beside which other run; all of it in the link."""

from dataclasses import dataclass

import streamlit as st

from labcore.runs.store import Row, open_store
from labcore.specs import SegmentationSpec, changed
from pages.parts import mask_viewer as component
from pages.parts import seg_source, words
from pages.parts.mask_viewer import Said, view_from_link
from pages.parts.seg_source import Picture, Result

KEY = "mask viewer"
ORDERS = {"worst": "worst first", "best": "best first", "as they come": "as they come"}
ALL = "all classes (mean)"
NONE = "no other run"
OTHERS = 20
"""Finished runs that are offered beside this one."""


@dataclass(frozen=True)
class Place:
    """Which picture is looked at.

    Attributes:
        how: one of ``ORDERS``.
        code: the class by whose IoU the order goes, or None for the mean of all.
        at: the place in that order, from 0.
    """

    how: str
    code: int | None
    at: int


def open_picture(how: str, code: int | None, at: int = 0) -> None:
    """Show another picture in the viewer; called before it is drawn, as a button's action."""
    st.session_state["seg order"] = how
    st.session_state["seg by"] = ALL if code is None else code
    st.session_state["seg at"] = at
    if code is not None:
        st.session_state["seg chosen"] = code


def viewer(result: Result) -> None:
    """The one large figure of a finished run."""
    others = _others(result)
    st.fragment(lambda: _viewer(result, others))()


def _viewer(result: Result, others: dict[str, Row]) -> None:
    # Drawn first, since they say which picture, and placed below it, so that the picture stands as high as it can.
    above, below = st.container(), st.container(horizontal=True, vertical_alignment="bottom")
    with below:
        place = _choose(result)
        other = _beside(result, others)
    with above:
        _show(result, place, other)


def _show(result: Result, place: Place, other: Result | None) -> None:
    order = result.order(place.how, place.code)
    if not len(order):
        st.info(f"No valid picture shows {result.names[place.code]}.", icon=":material/search_off:")
        return
    at = min(max(place.at, 0), len(order) - 1)
    now = int(order[at])
    shown = seg_source.picture_of(result, now)
    runs = [Said("", shown.prediction, shown.probs)]
    if other is not None:
        theirs = _same(other, shown) if other.codes == result.codes else None
        if theirs is None:
            st.caption(":material/info: The other run has not judged this picture at this size, with these classes.")
        else:
            mine = Said("this run", shown.prediction, shown.probs)
            runs = [mine, Said(_label(other.row), theirs.prediction, theirs.probs)]

    def go(step: int) -> None:
        st.session_state["seg at"] = (at + step) % len(order)

    view = component.mask_viewer(
        shown.image, shown.truth, runs, result.codes, key=KEY, item=shown.item, words=_words(result, now, place.code),
        view=view_from_link(st.query_params, len(result.codes)), chosen=st.session_state.get("seg chosen"),
        nav=(at + 1, len(order)), message=_message(result, now), on_go=go,
    )  # fmt: skip
    _link(view.link(), set(component.LINK.values()))
    if shown.note:
        st.caption(f":material/info: {shown.note}")


def _choose(result: Result) -> Place:
    query, codes = st.query_params, [k for k in range(len(result.codes)) if k != result.void]
    by = st.session_state.setdefault("seg by", _code(query.get("by"), result) if "by" in query else ALL)
    if by != ALL and by not in codes:
        st.session_state["seg by"] = ALL
    how = st.session_state.setdefault("seg order", query.get("order", "worst"))
    if how not in ORDERS:
        st.session_state["seg order"] = "worst"
    if "seg at" not in st.session_state:
        told = query.get("picture", "0")
        st.session_state["seg at"] = int(told) - 1 if told.isdigit() and int(told) else 0

    def anew() -> None:
        st.session_state["seg at"] = 0
        chosen = st.session_state["seg by"]
        st.session_state["seg chosen"] = None if chosen == ALL else chosen

    how = st.selectbox("Pictures", list(ORDERS), key="seg order", format_func=ORDERS.get, on_change=anew, width=150)
    by = st.selectbox(
        "By the IoU of", [ALL, *codes], key="seg by", width=215, on_change=anew,
        format_func=lambda one: ALL if one == ALL else result.names[one],
    )  # fmt: skip
    place = Place(how, None if by == ALL else int(by), int(st.session_state["seg at"]))
    said = {} if how == "worst" else {"order": how}
    said |= {} if place.code is None else {"by": result.names[place.code]}
    _link(said | ({"picture": str(place.at + 1)} if place.at else {}), {"order", "by", "picture"})
    return place


def _code(name: str, result: Result) -> int | str:
    return result.names.index(name) if name in result.names else ALL


def _link(said: dict[str, str], names: set[str]) -> None:
    """Write what differs from the default into the link, and take out what no longer does."""
    for name in names - said.keys():
        if name in st.query_params:
            del st.query_params[name]
    for name, value in said.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def _others(result: Result) -> dict[str, Row]:
    """Finished runs on the same data, by what sets them apart."""
    mine = result.spec.dataset
    found = {}
    for row in open_store().find(experiment="segmentation", status=["done"], limit=OTHERS):
        if row.id != result.row.id and SegmentationSpec.model_validate(row.spec).dataset == mine:
            found[row.id] = row
    return found


def _label(row: Row) -> str:
    """A run in a few words: what differs from the default, and how good it is."""
    spec = SegmentationSpec.model_validate(row.spec)
    said = [f"{name}={value}" for name, value in changed(spec).items() if name not in ("plan", "dataset.name")]
    said += ["own plan"] if "plan" in changed(spec) else []
    return f"{', '.join(said)[:60] or 'default'} ({words.percent(row.metrics.get('pixel_accuracy'))})"


def _beside(result: Result, others: dict[str, Row]) -> Result | None:
    options = [NONE, *others]
    told = st.query_params.get("beside", NONE)
    st.session_state.setdefault("seg beside", told if told in others else NONE)
    if st.session_state["seg beside"] not in options:
        st.session_state["seg beside"] = NONE
    chosen = st.selectbox(
        "Beside it", options, key="seg beside", width=200, disabled=not others,
        format_func=lambda one: NONE if one == NONE else f"{one[:6]}: {_label(others[one])}",
        help="Another finished run on the same data, on the same picture, with the same zoom.",
    )  # fmt: skip
    _link({} if chosen == NONE else {"beside": chosen}, {"beside"})
    return None if chosen == NONE else seg_source.result_of(others[chosen])


def _same(other: Result, mine: Picture) -> Picture | None:
    """What another run says of the same picture; None where it was not judged, or differs in size or classes."""
    places = [place for place, name in enumerate(other.items) if str(name) == mine.item]
    if not places:
        return None
    found = seg_source.picture_of(other, places[0])
    return found if found.prediction.shape == mine.prediction.shape else None


def _words(result: Result, place: int, code: int | None) -> str:
    mean = f"mean IoU {words.number(result.iou(place))}"
    return mean if code is None else f"IoU of {result.names[code]} {words.number(result.iou(place, code))}, {mean}"


def _message(result: Result, place: int) -> str:
    counts = result.counts[place].copy()
    if result.void is not None:
        counts[result.void] = 0
    right = counts.diagonal().sum() / max(1, counts.sum())
    return f"{words.percent(float(right))} of the pixels that count are right."
