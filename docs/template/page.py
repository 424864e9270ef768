"""Descent: how long may a step be?"""

import streamlit as st

from labcore.errors import UserError
from labcore.figures import descent as figures
from labcore.runs.store import Row
from labcore.specs import DescentSpec
from pages.parts import controls, opening, run_panel, words
from pages.parts.kept import artifact
from pages.parts.live_curve import Curve, live_curve
from pages.parts.run_actions import actions
from pages.parts.theme import palette


def choose() -> DescentSpec:
    """The controls: each is one field of the spec, explained by the field's own sentence."""
    use = controls.Controls(DescentSpec)
    use.choice("lr", "Rate", (0.01, 0.1, 0.5, 0.9, 1.1), typed=True)
    use.number("start", "Start", low=-100.0, high=100.0, step=1.0)
    use.choice("steps", "Steps", (10, 50, 200), typed=True)
    return use.spec()


def curves(row: Row | None) -> None:
    """The loss, live or kept."""
    live_curve(
        {row.id: run_panel.known_of(row, ("loss",))} if row else {},
        [Curve(row.id, "loss", "loss", 0)] if row else [],
        key="curve", page="descent", y_label="loss", empty="Not walked yet. Press “Descend”.",
        message="The loss at every step.",
    )  # fmt: skip


def page() -> None:
    """The page, top to bottom."""
    st.title("How long may a step be?")
    opening.open_on_a_result(DescentSpec())
    side, main = st.columns([1, 3], gap="medium")
    with side:
        spec = choose()
        row = run_panel.row_of(spec)
        actions(spec, row, label="Descend", width="stretch")
    with main:
        run_panel.trouble()
        if row:
            run_panel.state_line(row)
        run_panel.polled(lambda: curves(row), [row] if row else [])
        if row and row.status == "done":
            st.caption(run_panel.label_of(row))
            told = row.metrics
            baseline = f"baseline {words.number(told['baseline_loss'])}"
            st.metric("Loss at the end", words.number(told["loss"]), baseline, delta_color="off")
            st.plotly_chart(figures.path_figure(artifact(row, "path.json")["x"], palette()), key="path")


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
