"""The slices tab: from an unfrozen curve to discriminative rates, by each of the notes' four ways."""

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation.lr_finder import SliceAdvice, slice_advice
from labcore.figures import lr_finder as figures
from labcore.specs import LRFinderSpec
from pages.parts import carry, run_panel, words
from pages.parts.chart import chart
from pages.parts.controls import link
from pages.parts.theme import palette

FROZEN_RATE = 3e-3
"""The course's rate for the frozen stage, where no frozen test is at hand to read one from."""


def slices_tab(spec: LRFinderSpec, lrs: np.ndarray, losses: np.ndarray, pick: float | None) -> None:
    """Four variants of ``slice(lo, hi)`` with their sources; for a frozen curve, the way to an unfrozen one."""
    if spec.frozen:
        st.markdown(
            "A slice, `slice(lo, hi)`, gives early layers a small rate and the head a large one. It is read off the "
            "curve **after unfreezing**, which looks different: flat, then up, with hardly a steep place."
        )
        st.page_link(
            "lr_finder.py", label="Open the unfrozen test", icon=":material/ac_unit:",
            query_params=carry.link(link(spec.but(frozen=False, frozen_body="batchnorm_trains"))),
        )  # fmt: skip
        return
    if not spec.start_from:
        st.info(
            "This test starts from a head that knows nothing, so its curve looks much like the frozen one. The notes’ "
            "curve, flat and then up, shows once the head has learned: open a finished run in the fine-tuner, “Go on "
            "from a stage”, “Find the rate for the next stage”.",
            icon=":material/info:",
        )
    frozen = run_panel.row_of(spec.but(frozen=True, start_from=""))
    read = frozen.metrics.get("lr_valley") if frozen else None
    rate = st.number_input(
        "Rate of the frozen stage", 1e-7, 10.0, value=float(f"{read or FROZEN_RATE:.1e}"), format="%.1e", step=1e-3,
        help="The head's rate before unfreezing. The notes divide it by 5 or 10 for the right end of the slice.",
    )  # fmt: skip
    here = "the valley of the frozen test with these settings"
    st.caption(f"Starts at {here if read else 'the course’s 3e-3, since no frozen test is at hand'}.")
    known = min(len(lrs), len(losses))
    advice = slice_advice(lrs[:known], losses[:known], rate, spec.num_it)
    if any(_usable(one) for one in advice):
        chart(
            figures.slice_figure([one for one in advice if _usable(one)], palette()),
            key="lr_slices",
            about="Rates from the first layers to the head",
        )
    table = [
        {
            "left end": one.name,
            "slice": " or ".join(_slice(one.lo, hi) for hi in one.hi) if _usable(one) else "–",
            "the notes say": one.words if _usable(one) else one.reason or _backwards(one),
            "where": one.source,
        }
        for one in advice
    ]
    st.table(pd.DataFrame(table).set_index("left end"))
    st.caption(
        "`fine_tune` of fastai does it without looking: after the frozen stage it halves the rate and trains with "
        f"slice(rate/100, rate): here slice({words.rate(rate / 200)}, {words.rate(rate / 2)})."
    )


def _usable(one: SliceAdvice) -> bool:
    return bool(one.lo and one.hi and one.lo < one.hi[0])


def _backwards(one: SliceAdvice) -> str:
    return (
        f"Its left end, {words.rate(one.lo)}, lies above the right end: on this curve the loss falls up to very high "
        "rates, so this variant says nothing here."
    )


def _slice(lo: float, hi: float) -> str:
    return f"slice({words.rate(lo)}, {words.rate(hi)})"
