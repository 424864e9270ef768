"""Other range tests to lay over the one at hand: each differs in one thing, and is named after it."""

from dataclasses import dataclass

import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import Row
from labcore.specs import LRFinderSpec
from pages.parts import run_panel
from pages.parts.live_curve import Dash

SMALLER = ("lcnet_050", "mobilenetv3_small_050")
"""Nets to compare with; the first that is not the one at hand."""


@dataclass(frozen=True)
class Overlay:
    """One more test: what it differs in, its spec, its run if there is one, and how to draw it."""

    label: str
    spec: LRFinderSpec
    row: Row | None
    color: int = 0
    dash: Dash = "solid"
    band: bool = False


def kinds(spec: LRFinderSpec) -> dict[str, list[tuple[str, LRFinderSpec, bool]]]:
    """What can be laid over a test: {choice: [(label, spec, whether it joins the band of seeds)]}."""
    other = "unfrozen" if spec.frozen else "frozen"
    net = next(name for name in SMALLER if name != spec.arch)
    low, high = max(1, spec.batch_size // 4), min(4096, spec.batch_size * 4)
    turned = spec.but(frozen=not spec.frozen, frozen_body="batchnorm_trains")
    return {
        other: [(other, turned, False)],
        "batch sizes": [(f"batch of {size}", spec.but(batch_size=size), False) for size in (low, high)],
        "two more seeds": [(f"seed {spec.seed + k}", spec.but(seed=spec.seed + k), True) for k in (1, 2)],
        "another net": [(net, spec.but(arch=net), False)],
    }


def choose(spec: LRFinderSpec) -> list[Overlay]:
    """The pills above the figure, and a button for tests that are asked for but were never run."""
    offered = kinds(spec)
    # The name of the first choice turns with the test at hand, so a link names it by what it does.
    names = ["thaw or freeze", *list(offered)[1:]]
    chosen = st.pills(
        "Compare with", names, selection_mode="multi", key="compare", bind="query-params",
        format_func=str, help="Each differs in one thing alone: same pictures, same order, same seed otherwise.",
    )  # fmt: skip
    styles: list[tuple[int, Dash]] = [(1, "dash"), (5, "dot"), (7, "dashdot"), (3, "dash")]
    found: list[Overlay] = []
    for name in chosen:
        for label, other, band in offered[list(offered)[names.index(name)]]:
            color, dash = (0, "solid") if band else styles[sum(not one.band for one in found) % len(styles)]
            try:
                row = run_panel.row_of(other)
            except UserError as error:
                st.warning(f"{label}: {error}")
                continue
            found.append(Overlay(label, other, row, color, dash, band))
    missing = [one for one in found if one.row is None]
    if missing:
        words = ", ".join(one.label for one in missing)
        run_panel.start_button(
            f"Run {words}", [one.spec for one in missing], key="run overlays", icon=":material/add_chart:"
        )
    return found
