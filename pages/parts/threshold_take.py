"""Take away: the machine's choice or the one by hand, as JSON, CSV, Python or a report, or into the model itself."""

import json
import shlex
from typing import Any

import numpy as np
import streamlit as st

from labcore.errors import UserError
from labcore.evaluation import threshold_files
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.tune import Tuned
from labcore.figures.threshold_report import html
from labcore.runs.cards import read_card, with_thresholds, write_thresholds
from labcore.settings import settings
from pages.parts.threshold_source import Source, baselines_of

WAYS = {"global": "best for all", "per_class": "best per label", "by_hand": "as on the board"}


def take_tab(source: Source, tuned: Tuned, thresholds: np.ndarray) -> None:
    """Choose which thresholds to take, and how."""
    way = st.segmented_control(
        "Thresholds", list(WAYS), default="global", required=True, key="take", bind="query-params",
        format_func=WAYS.get, help="The machine’s choice comes with an honest score; one by hand cannot.",
    )  # fmt: skip
    card = card_of(source, tuned, thresholds, way)
    expected, band = card["score_expected"], card["score_expected_band"]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        if expected is not None:
            st.metric(f"{card['metric_title']}, expected", f"{expected:.4f}", help=card["how"])
            st.caption(f"{band[0]:.4f} to {band[1]:.4f} over the splits; seen while choosing: {card['score_seen']:.4f}")
        else:
            st.metric(f"{card['metric_title']}, seen", f"{card['score_seen']:.4f}", help=card["how"])
        st.caption(card["how"])
        for warning in card["warnings"]:
            st.caption(f":material/warning: {warning}")
        known = baselines_of(source, tuned.metric)
        files = {
            "JSON": ("thresholds.json", threshold_files.to_json(card), "application/json"),
            "CSV": ("thresholds.csv", threshold_files.to_csv(card), "text/csv"),
            "Python": ("thresholds.py", threshold_files.to_python(card), "text/x-python"),
            "Report": (
                "thresholds.html",
                html(card, source.words, sweep.GRID, tuned.curve, known, source.notes),
                "text/html",
            ),
        }
        with st.container(horizontal=True):
            for name, (file, text, kind) in files.items():
                st.download_button(
                    name, text, file, kind, key=f"take {name}", icon=":material/download:", on_click="ignore"
                )
        if source.run:
            into_the_model(source, card)
    with right:
        st.code(threshold_files.to_python(card), language="python", height=420)
        st.markdown("The same with no browser, to the last digit:")
        st.code(command(source, tuned, way), language="bash")


def card_of(source: Source, tuned: Tuned, thresholds: np.ndarray, way: str) -> dict[str, Any]:
    """What is taken away: equal to what the command line writes for the same choice."""
    if way == "by_hand":
        return threshold_files.by_hand(source.p, source.y, tuned, thresholds)
    return tuned.as_asked(per_class=way == "per_class").card()


def command(source: Source, tuned: Tuned, way: str) -> str:
    """The command line for the machine's choice."""
    what = source.run[:12] if source.run else shlex.quote(source.words.rpartition(": ")[0])
    ways = " --per-class" if way == "per_class" else ""
    into = f" --into {source.run[:12]}" if source.run else ""
    text = f"python -m labcore thresholds tune {what} --metric {tuned.metric.name}{ways} --out thresholds.json{into}"
    return text + (f"\npython -m labcore predict {source.run[:12]} tile.jpg" if source.run else "")


def into_the_model(source: Source, card: dict[str, Any]) -> None:
    """Write the thresholds into the run's card, from which ``labcore predict`` reads them."""

    def write() -> None:
        try:
            write_thresholds(source.run, card)
            st.session_state["written"] = source.run
        except UserError as error:
            st.session_state["trouble"] = str(error)

    st.subheader("Into the model")
    now = read_card(source.run)
    if settings().mode == "public":
        text = json.dumps(with_thresholds(now, card), indent=2)
        st.download_button("Model card with these", text, "card.json", "application/json", icon=":material/download:")
    else:
        st.button("Write into the model’s card", key="write", icon=":material/save:", on_click=write)
    if now["thresholds"]["thresholds"] == card["thresholds"]:
        st.caption(":material/check: The model’s card has exactly these thresholds.")
    else:
        words = WAYS.get(now["thresholds"]["chosen"], "others")
        by = "chosen by a person" if now["thresholds"].get("chosen_by_person") else "the training’s own"
        st.caption(f"The card now holds {words}, {by}. `labcore predict` uses what stands there.")
    st.caption(
        "fastai’s `learn.predict` decodes at 0.5 whatever the metric’s threshold was: tuned at 0.2, used at 0.5."
    )
