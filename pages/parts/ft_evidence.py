"""The lesson's claim with its evidence: what the slice gains over one rate for all and over the head alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from labcore.data import registry
from labcore.evaluation.seeds import Gap, gap
from labcore.figures.fine_tune import race_figure
from labcore.specs import DatasetSpec, FineTuneSpec
from pages.parts import words
from pages.parts.chart import chart
from pages.parts.theme import palette

NOTES = "uniform 1e-05"
PUBLISHED = Path(__file__).resolve().parents[2] / "assets" / "measured" / "discriminative.json"


@st.cache_data(show_spinner=False)
def _published(file: Path, changed: float) -> dict[str, Any]:  # ``changed`` is part of the cache's key
    return json.loads(file.read_text("utf-8"))


@st.cache_resource(max_entries=8, show_spinner=False)
def _bands(shown: tuple[str, ...], changed: float, colours: tuple[str, ...]) -> go.Figure:
    # The file does not change while a person clicks, and a figure takes as long as the rest of the page.
    curves = {one["name"]: one["epochs"] for one in _published(PUBLISHED, changed)["plans"] if one["name"] in shown}
    return race_figure(curves, palette=colours)  # the baseline, far above, would press the lanes together


def evidence(spec: FineTuneSpec) -> None:
    """Bands and table of the measurement that ships with the lab, where it is of the data in hand."""
    if not PUBLISHED.is_file():
        return
    told = _published(PUBLISHED, PUBLISHED.stat().st_mtime)
    if told["dataset"] != spec.dataset.name:
        return
    errors = {one["name"]: np.asarray(one["error"]) for one in told["plans"]}
    mine = next(iter(errors))
    rivals = {name: gap(errors[mine], values) for name, values in errors.items() if name != mine}
    st.subheader(f"Does it pay? {told['seeds']} seeds, measured beforehand")
    st.markdown("\n".join(f"- {_said(mine, what, rivals[name])}" for name, what in _rivals(errors).items()))
    chart(
        _bands((mine, *_rivals(errors)), PUBLISHED.stat().st_mtime, palette()),
        key="evidence",
        about="Error rate by epoch over several seeds",
    )
    st.table(
        pd.DataFrame(
            [
                {
                    "plan": name,
                    "error rate, mean": words.percent(float(values.mean())),
                    "lowest to highest seed": f"{words.percent(float(values.min()))} to "
                    f"{words.percent(float(values.max()))}",
                    "slice is better by": _better(rivals.get(name)),
                }
                for name, values in errors.items()
            ]
        ).set_index("plan")
    )
    st.caption(
        f"{_same_pictures(told)}{told['arch']}, {told['weights']} weights, {told['image_size']} px, "
        f"{told['device']}, torch {told['torch']}, {told['date']}; always saying one class: "
        f"{words.percent(told['baseline'])}. Same starting weights and batches per seed and the same epochs for all. "
        "The best of several uniform rates is picked by the pictures that judge, which favours it. Bands: lowest to "
        "highest seed; ±: standard error over seeds. Measure it yourself: `python benchmarks/bench_discriminative.py`."
    )


def _rivals(errors: dict[str, np.ndarray]) -> dict[str, str]:
    """Whom the slice is compared with, and in which words."""
    uniform = [name for name in errors if name.startswith("uniform")]
    best = min(uniform, key=lambda name: errors[name].mean())
    found = {best: f"the best of {len(uniform)} rates for all layers ({best})"}
    if NOTES in errors and best != NOTES:
        found[NOTES] = "the rate that the notes give to all layers of a ResNet (1e-5)"
    return found | {name: "the head alone, trained as long" for name in errors if name.startswith("head alone")}


def _said(mine: str, what: str, found: Gap) -> str:
    """One sentence, decided by the numbers."""
    by = words.percent(abs(found.mean))
    if found.wins:
        return f"**{mine}** beats {what} by {by} of the pictures, beyond seed noise."
    if found.loses:
        return f"**{mine}** loses to {what} by {by} of the pictures, beyond seed noise."
    return f"**{mine}** is not told apart from {what}: {by} of the pictures, within seed noise."


def _better(found: Gap | None) -> str:
    return "–" if found is None else f"{found.mean:+.1%} ± {found.noise:.1%}".replace("%", " %")


def _same_pictures(told: dict[str, Any]) -> str:
    now = registry.fingerprint(DatasetSpec(name=told["dataset"]))
    earlier = "" if now == told["fingerprint"] else f"Measured on an earlier version, {told['fingerprint']}. "
    return f"{earlier}{told['dataset']} (synthetic), "
