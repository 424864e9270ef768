"""Home: what the lab is, the lessons that stand, the machine, the data at hand, the latest runs."""

import pandas as pd
import streamlit as st

from labcore.data import registry
from labcore.errors import UserError
from labcore.runs.store import Row, open_store
from pages.parts import run_panel, words
from pages.parts.lessons import Lesson, lessons
from pages.parts.live_curve import Curve, Replay, Rule, live_curve
from pages.parts.machine import look, title_of
from pages.parts.run_actions import SPEEDS

RECENT = 8
HERO_SECONDS = 10.0
"""A replay on the first page takes about so long, whatever machine the run was trained on."""
HERO_RULES = {"valley": 2, "steep": 4, "minimum": 6}


@st.cache_data(ttl=10.0, max_entries=4, show_spinner=False)
def data_here(url: str) -> list[dict[str, object]]:
    """The sets that are on disk or drawn at first use, for a table."""
    here = {card.name: size for card, _, size in registry.at_hand()}
    rows = []
    for card in registry.CARDS.values():
        if card.name in here or card.kind == "embedded":
            state = words.size(here[card.name]) if card.name in here else "drawn at first use"
            kind = "embedded (synthetic)" if card.kind == "embedded" else card.kind
            rows.append(
                {
                    "data": card.title,
                    "kind": kind,
                    "items": f"{card.items:,}",
                    "on disk": state,
                    "licence": card.licence,
                }
            )
    return rows


def hero(latest: Row | None) -> None:
    """The first thing seen: a real learning-rate range test that moves."""
    if latest is None:
        st.info("Nothing was trained here yet. Open a lesson and press its button.", icon=":material/ac_unit:")
        return
    names = ("lr", "loss", "smooth_loss")
    speed = next((one for one in SPEEDS if latest.seconds / one <= HERO_SECONDS), SPEEDS[-1])
    known = run_panel.known_of(latest, names)
    live_curve(
        {latest.id: known},
        [Curve(latest.id, "smooth_loss", "training loss", 0, faint="loss", width=4)],
        key="hero",
        page="",
        x="lr",
        x_label="learning rate",
        x_range=(latest.spec["start"], latest.spec["end"]),
        log_x=latest.spec["sweep"] == "exponential",
        y_label="training loss",
        rules=[Rule(name, latest.id, metric=f"lr_{name}", color=color) for name, color in HERO_RULES.items()],
        height=380,
        status_line=False,
        replay=Replay(speed, unasked=True),
    )
    st.caption(f"**replay at {speed}x** of a run {run_panel.label_of(latest)}")


def card(lesson: Lesson) -> None:
    """One lesson."""
    with st.container(border=True, height="stretch"):
        st.subheader(f"{lesson.icon} {lesson.title}", anchor=False)
        st.markdown(f"**{lesson.question}**")
        st.markdown(lesson.first_step)
        st.page_link(f"{lesson.path}.py", label="Open the lesson", icon=":material/arrow_forward:")


def facts() -> None:
    """Device, precision and versions, from the engine."""
    here = look()
    left, middle, right = st.columns(3)
    left.metric("Trains on", here.device)
    middle.metric("Precision", here.precision)
    running = sum(row.status == "running" for row in here.active)
    right.metric("Runs now", running, f"{len(here.active) - running} waiting", delta_color="off", delta_arrow="off")
    if here.warm and "versions" in here.state:
        st.caption(" · ".join(f"{name} {version}" for name, version in here.state["versions"].items()))


def recent() -> None:
    """The latest runs of all lessons."""
    rows = open_store().find(limit=RECENT)
    if not rows:
        st.caption("No runs yet.")
        return
    table = [
        {"run": title_of(row), "state": words.STATES[row.status][0], "when": words.when(row.finished or row.created)}
        for row in rows
    ]
    st.table(pd.DataFrame(table).set_index("run"))
    st.page_link("runs.py", label="All runs", icon=":material/history:")


def page() -> None:
    """The page, top to bottom."""
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with left:
        st.title("Thaw a net, and watch it learn")
        st.markdown(
            "Unfreeze is a lab for fine-tuning deep nets. Every lesson is an experiment: change a control, a real "
            "network trains on this machine, and the curve moves while it does."
        )
        # The lesson whose one button moves a curve within a second.
        first = next((one for one in lessons() if one.path == "lr_finder"), lessons()[0])
        st.page_link(f"{first.path}.py", label=f"Start with the {first.title}", icon=":material/play_arrow:")
    with right:
        done = open_store().find(experiment="lr_finder", status=["done"], limit=1)
        hero(done[0] if done else None)
    st.header("Lessons")
    shown = lessons()
    for start in range(0, len(shown), 3):
        for column, lesson in zip(st.columns(3), shown[start : start + 3], strict=False):
            with column:
                card(lesson)
    st.header("This machine")
    facts()
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Data at hand")
        st.table(pd.DataFrame(data_here(open_store().url)).set_index("data"))
    with right:
        st.subheader("Latest runs")
        recent()


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
