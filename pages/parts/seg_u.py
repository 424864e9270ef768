"""The U with this net's own shapes; cut a skip connection, train, and see what is lost."""

import pandas as pd
import streamlit as st

from labcore.figures import segmentation_lessons as figures
from labcore.runs.store import Row
from labcore.specs import SegmentationSpec
from pages.parts import run_panel, seg_source, words
from pages.parts.chart import chart
from pages.parts.seg_choose import SKIP_WORDS, SKIPS
from pages.parts.seg_race import race
from pages.parts.theme import palette

ALL = "all of them"
FAR = 3
"""Pixels from a border at which a cut hardly shows any more."""


def u_tab(spec: SegmentationSpec, row: Row | None) -> None:
    """The drawing, then the race of the full net against one with a cut."""
    told = seg_source.told_of(row)
    if told is None:
        st.info("The U is drawn with the net's own shapes once a run has begun.", icon=":material/hourglass_empty:")
    else:
        drawing = figures.u_figure(told["levels"], len(told["codes"]), off=spec.skip_off, palette=palette())
        chart(drawing, key="u figure", about="The U-Net's blocks")
        st.caption(
            f"{spec.arch} on the way down (blue), the {spec.decoder} decoder on the way up (green); each block is "
            "height x width · channels. "
            + (f"{row.metrics['parameters']:,.0f} parameters." if row and "parameters" in row.metrics else "")
        )
    with st.popover("Why a U?"):
        st.markdown(
            "On the way down pictures get smaller and channels more: the net learns **what** is there and forgets "
            "**where**. On the way up it grows the answer back to full size. At each level it is handed the map of "
            "the way down at that size, over the *skip connection*: edges and thin things come back from there. It was "
            "made for cells under a microscope (Ronneberger, Fischer and Brox, *U-Net*, MICCAI 2015, "
            "[arXiv:1505.04597](https://arxiv.org/abs/1505.04597)), and its drawing actually looks like a U."
        )
    st.subheader("Cut a connection, and see what is lost", anchor=False)
    cut = st.selectbox(
        "Cut", [ALL, *SKIPS], key="cut", bind="query-params", width=360,
        format_func=lambda one: ALL if one == ALL else f"skip {one}, at {SKIP_WORDS[one]}",
        help="The same net, weights and pictures; only this connection hands nothing across.",
    )  # fmt: skip
    # Query parameters bring text.
    off = SKIPS if cut == ALL else (int(cut),)
    without = f"without {'any skip' if cut == ALL else f'skip {cut}'}"
    lanes = {"full U": spec.but(skip_off=()), without: spec.but(skip_off=off)}
    race(lanes, key="u race")
    _lost(lanes)


def _lost(lanes: dict[str, SegmentationSpec]) -> None:
    """Where the cut hurts: near borders, and at thin classes."""
    found = {name: seg_source.result_of(run_panel.row_of(spec)) for name, spec in lanes.items()}
    if any(result is None for result in found.values()):
        return
    full, cut = found.values()
    rows = []
    for name, result in found.items():
        near, far = result.border[0], result.border[FAR:].sum(axis=0)
        shares = [words.percent(float(right / max(1, whole))) for right, whole in (near, far)]
        rows.append({"lane": name, "right on borders": shares[0], f"right {FAR} pixels and more away": shares[1]})
    st.table(pd.DataFrame(rows).set_index("lane"))
    if full.codes != cut.codes:
        return
    lost = full.scores.iou - cut.scores.iou
    order = [k for k in lost.argsort()[::-1] if lost[k] == lost[k] and lost[k] > 0][:3]
    if order:
        said = ", ".join(f"{full.names[k]} ({full.scores.iou[k]:.2f} to {cut.scores.iou[k]:.2f})" for k in order)
        st.markdown(f"The cut costs most IoU at **{said}**. Put both beside each other in the viewer: *Beside it*.")
    else:
        st.markdown("Here the cut costs no class anything: with this net and this data the other levels carry it.")
