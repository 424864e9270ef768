"""Head pose: a classifier is taught to point, under a split by person and under the random one that flatters."""

import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import ENDED, Row, open_store
from labcore.specs import HeadPoseSpec
from pages.parts import (
    code,
    opening,
    pose_choose,
    pose_code,
    pose_errors,
    pose_export,
    pose_live,
    pose_notes,
    pose_pictures,
    pose_race,
    pose_shapes,
    pose_splits,
    pose_use,
    pose_why,
    present,
    reveal,
    run_panel,
)
from pages.parts.pose_result import result_of
from pages.parts.run_actions import actions, label
from pages.parts.tabs import tabs


def under_the_figure(spec: HeadPoseSpec, row: Row | None, told: dict) -> None:
    """Everything that is done with a finished run, one tab at a time."""
    result = result_of(row) if row and row.status == "done" else None
    exported = row is not None and "model.onnx" in open_store().artifacts(row.id)

    def finished(draw, ready: bool) -> None:
        if ready:
            draw()
        else:
            st.info("This needs a finished run of these settings. Press “Train”.", icon=":material/hourglass_empty:")

    tabs(
        {
            "Split lab": lambda: pose_splits.split_lab(spec, row, result),
            "Pictures": lambda: pose_pictures.pictures_tab(row, result),
            "Errors": lambda: finished(lambda: pose_errors.errors_tab(spec, result), result is not None),
            "Why MSE": lambda: finished(lambda: pose_why.why_tab(spec, result), result is not None),
            "Race": lambda: pose_race.race_tab(spec),
            "Shapes": lambda: pose_shapes.shapes_tab(spec, row, told),
            "Use it": lambda: finished(lambda: pose_use.use_tab(row), exported),
            "Export": lambda: finished(lambda: pose_export.export_tab(row), result is not None),
            "Notes": lambda: pose_notes.notes(spec, row, told),
            "Code": lambda: code.code_tab(
                spec, fastai=pose_code.fastai_code(spec), torch=pose_code.torch_code(spec)
            ),
        }
    )  # fmt: skip


def page() -> None:
    """The page, top to bottom."""
    st.title("Can a net point?")
    st.markdown("Swap the head and the loss, and a classifier points. Then split the same frames in two ways.")
    arrived = st.query_params and "visited head_pose" not in st.session_state
    opening.open_on_a_result(HeadPoseSpec(), show=pose_choose.show, fits=pose_choose.fits)
    if arrived:
        pose_choose.suit_link()
    pose_choose.take_link()
    side, main = present.beside()
    try:
        with side:
            spec = pose_choose.choose()
            pose_choose.finder_link(spec)
            row = run_panel.row_of(spec)
            told = pose_live.told_of(row)
            actions(
                spec,
                row,
                replay=True,
                guess="Hide both errors until you have said how far apart they are.",
                width="stretch",
            )
    except UserError as error:  # beside the controls that can mend it
        main.error(str(error), icon=":material/error:")
        return
    with main:
        run_panel.trouble()
        if row:
            run_panel.state_line(row)
        if reveal.covered(row, "How much better does the net look if frames are held out at random?"):
            return
        pose_live.curves(row, spec, told)
        if row and row.status in ENDED:
            label(row)
        pose_live.panel(row, spec, told)
    under_the_figure(spec, row, told)


try:
    page()
except UserError as error:
    st.error(str(error), icon=":material/error:")
