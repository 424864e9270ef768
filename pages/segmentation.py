"""Segmentation: watch a U-Net sharpen its masks, look through them pixel by pixel, count, cut, compare, use."""

import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import ACTIVE, ENDED, Row, open_store
from labcore.specs import SegmentationSpec
from pages.parts import (
    opening,
    present,
    reveal,
    run_panel,
    seg_choose,
    seg_export,
    seg_lessons,
    seg_live,
    seg_notes,
    seg_numbers,
    seg_source,
    seg_u,
    seg_use,
    seg_view,
)
from pages.parts.run_actions import actions, label
from pages.parts.seg_source import Result
from pages.parts.tabs import tabs

EMPTY = "Nothing trained yet with these settings. Press “Train”: the first masks come after the first epoch."


def open_on_a_result() -> None:
    """Start from a finished run on a first visit without wishes; a link brings its own, or what suits its data."""
    arrived = st.query_params and "visited segmentation" not in st.session_state
    opening.open_on_a_result(SegmentationSpec(), show=seg_choose.show)
    if arrived:
        seg_choose.suit_link()


def figure(row: Row | None, result: Result | None) -> None:
    """The one large figure: the masks as they come, then the viewer."""
    if row is None:
        st.info(EMPTY, icon=":material/layers:")
        return
    run_panel.state_line(row)
    if result is not None:
        seg_view.viewer(result)
        seg_live.numbers(row)
    else:
        seg_live.watch(row)
        if row.status != "queued":
            seg_live.curves(row)
    if row.status in ENDED:
        label(row)


def under_the_figure(spec: SegmentationSpec, row: Row | None, result: Result | None) -> None:
    """Everything that is done with a plan or a finished run, one tab at a time."""
    exported = row is not None and row.status not in ACTIVE and "model.onnx" in open_store().artifacts(row.id)

    def finished(draw, ready: bool) -> None:
        if ready:
            draw()
        else:
            st.info("This needs a finished run of the settings above.", icon=":material/hourglass_empty:")

    def film() -> None:
        seg_live.lapse(row, live=False)
        seg_live.curves(row)

    tabs(
        {
            "Numbers": lambda: finished(lambda: seg_numbers.numbers_tab(result), result is not None),
            "Time-lapse": lambda: finished(film, result is not None),
            "The U": lambda: seg_u.u_tab(spec, row),
            "Lessons": lambda: seg_lessons.lessons_tab(spec, row),
            "Use it": lambda: finished(lambda: seg_use.use_tab(row, result.codes), exported and result is not None),
            "Export": lambda: finished(lambda: seg_export.export_tab(row), exported),
            "Notes": lambda: seg_notes.notes_tab(spec, row, result),
            "Code": lambda: seg_export.code_tab(spec),
        }
    )


def page() -> None:
    """The page, top to bottom."""
    st.title("A class for every pixel")
    st.markdown("A U-Net paints each pixel. Watch the masks sharpen, then look through them for every mistake.")
    open_on_a_result()
    side, main = present.beside()
    try:
        with side:
            spec = seg_choose.choose()
            row = run_panel.row_of(spec)
            actions(
                spec, row, replay=row is not None and row.status in ENDED, width="stretch",
                guess="Hide the masks until you have said which class the net finds worst.",
            )  # fmt: skip
        result = seg_source.result_of(row)
    except UserError as error:  # beside the controls that can mend it
        main.error(str(error), icon=":material/error:")
        return
    with main:
        run_panel.trouble()
        if reveal.covered(row, "Which class will the net find worst, and where?"):
            return
        figure(row, result)
    under_the_figure(spec, row, result)


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
