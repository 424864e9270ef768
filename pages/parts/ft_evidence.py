"""The lesson's claim with its evidence: what the slice gains over one rate for all and over the head alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from labcore.data import registry
from labcore.evaluation.seeds import Gap, gap
from labcore.figures.evidence import seed_bands
from labcore.specs import DatasetSpec, FineTuneSpec
from pages.parts import words
from pages.parts.theme import palette

PUBLISHED = Path(__file__).resolve().parents[2] / "assets" / "measured" / "discriminative.json"


@st.cache_data(show_spinner=False)
def _published(_changed: float) -> dict[str, Any]:
    return json.loads(PUBLISHED.read_text("utf-8"))


def evidence(spec: FineTuneSpec) -> None:
    """Bands and table of the measurement that ships with the lab, where it is of the data in hand."""
    if not PUBLISHED.is_file():
        return
    told = _published(PUBLISHED.stat().st_mtime)
    if told["dataset"] != spec.dataset.name:
        return
    errors = {one["name"]: np.asarray(one["error"]) for one in told["plans"]}
    mine = next(iter(errors))
    rivals = {name: gap(errors[mine], values) for name, values in errors.items() if name != mine}
    st.subheader(f"Does it pay? {told['seeds']} seeds, measured beforehand")
    st.markdown(" ".join(_said(mine, rivals, errors, kind) for kind in ("uniform", "head alone")))
    shown = [mine, *(_best(errors, kind) for kind in ("uniform", "head alone"))]
    curves = {one["name"]: one["epochs"] for one in told["plans"] if one["name"] in shown}
    st.plotly_chart(seed_bands(curves, palette=palette()), key="evidence", config={"displayModeBar": False})
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


def _best(errors: dict[str, np.ndarray], kind: str) -> str:
    return min((name for name in errors if name.startswith(kind)), key=lambda name: errors[name].mean())


def _said(mine: str, rivals: dict[str, Gap], errors: dict[str, np.ndarray], kind: str) -> str:
    """One sentence on the best of a kind, decided by the numbers."""
    name = _best(errors, kind)
    found = rivals[name]
    what = f"the best of {sum(one.startswith(kind) for one in errors)} rates for all layers" if kind == "uniform" else (
        "the head alone, trained as long"
    )  # fmt: skip
    if found.wins:
        verdict = f"beats {what} ({name}) by {words.percent(found.mean)} of the pictures, beyond seed noise"
    elif found.loses:
        verdict = f"loses to {what} ({name}) by {words.percent(-found.mean)} of the pictures, beyond seed noise"
    else:
        verdict = f"is not told apart from {what} ({name}): the difference lies within seed noise"
    return f"**{mine}** {verdict}."


def _better(found: Gap | None) -> str:
    return "–" if found is None else f"{found.mean:+.1%} ± {found.noise:.1%}".replace("%", " %")


def _same_pictures(told: dict[str, Any]) -> str:
    now = registry.fingerprint(DatasetSpec(name=told["dataset"]))
    earlier = "" if now == told["fingerprint"] else f"Measured on an earlier version, {told['fingerprint']}. "
    return f"{earlier}{told['dataset']} (synthetic), "
