"""Use the finished net: upload or camera, a point drawn, points out as CSV; by the very export that leaves the lab."""

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from labcore.data.decode import resize_array
from labcore.errors import UserError
from labcore.evaluation import point_predict
from labcore.evaluation.point_predict import Pointer
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row
from pages.parts import pose_draw
from pages.parts.pose_result import THUMB
from pages.parts.upload import read_upload

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "camera_state"
MOST_FILES = 50
"""Pictures of one upload: a few seconds of one core."""
_camera_state = st.components.v2.component(
    "unfreeze_camera_state",
    html='<p class="camera-state" role="status" hidden></p>',
    css=(FOLDER / "camera_state.css").read_text(encoding="utf-8"),
    js=(FOLDER / "camera_state.js").read_text(encoding="utf-8"),
)


@st.cache_resource(max_entries=4, show_spinner="Loading the export")
def _pointer(run: str, url: str) -> Pointer:
    files = Artifacts()
    return Pointer(files.read(run, "model.onnx"), decode("card.json", files.read(run, "card.json")))


def pointer_of(row: Row) -> Pointer:
    """The run's export, ready to point; shared by all browsers. Raises UserError where it left none."""
    return _pointer(row.id, Artifacts().url)


def said_of(pointer: Pointer, picture: np.ndarray) -> np.ndarray:
    """Points [P, 2] in pixels of the picture, or angles [A] in degrees."""
    fitted = resize_array(picture, pointer.size, point_predict.METHOD)[0]
    return pointer.point(fitted[None], np.array([picture.shape[1], picture.shape[0]]))[0]


def use_tab(row: Row) -> None:
    """Pictures in, points out."""
    pointer = pointer_of(row)
    st.markdown(
        "The points come from the **ONNX export**, run by onnxruntime in the web process: the file that you "
        "can download is "
        "the one that is used here."
    )
    left, right = st.columns([1, 2], gap="medium")
    with left:
        way = st.segmented_control("From", ("Upload", "Camera"), default="Upload", required=True, key="pose from")
        if way == "Upload":
            given = st.file_uploader(
                "Pictures", type=["jpg", "jpeg", "png", "webp", "bmp", "gif"], key="pose pictures",
                accept_multiple_files=True, help=f"At most {MOST_FILES} at a time.",
            )  # fmt: skip
        else:
            taken = st.camera_input("Picture", key="pose camera")
            given = [taken] if taken is not None else []
            _camera_state(key="camera state", data={})
        st.download_button(
            "The model (ONNX)", lambda: Artifacts().read(row.id, "model.onnx"), file_name=f"{row.id}-model.onnx",
            key="pose onnx", icon=":material/deployed_code:", on_click="ignore",
        )  # fmt: skip
    with right:
        if not given:
            st.info(
                "Give it a picture with a head, or several: it says where the centre is. It was taught on one "
                "kind of picture, "
                "so on another kind it may be far off, and it cannot say “no head here”.",
                icon=":material/add_a_photo:",
            )
            return
        answers(row, pointer, given)


def answers(row: Row, pointer: Pointer, given: list) -> None:
    """Each picture with its points, and a table of all."""
    names, found, shown = [], [], []
    if len(given) > MOST_FILES:
        st.warning(f"{len(given)} pictures are too many at a time; the first {MOST_FILES} are answered.")
    for one in given[:MOST_FILES]:
        try:
            picture = read_upload(one.getvalue(), one.name)
        except UserError as error:
            st.error(str(error), icon=":material/error:")
            continue
        said = said_of(pointer, picture)
        names.append(one.name)
        found.append(said)
        shown.append(_drawn(pointer, one.name, picture, said))
    if not found:
        return
    pose_draw.shelf(shown, most=1 if len(shown) == 1 else 3, least=200)
    text = point_predict.to_csv(pointer.columns, names, np.stack(found))
    st.download_button(
        "Points as CSV", text, file_name=f"{row.id}-points.csv", mime="text/csv", key="said csv",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    st.code(text.strip(), language="text", height=180)


def _drawn(pointer: Pointer, name: str, picture: np.ndarray, said: np.ndarray) -> pose_draw.Pointed:
    share = min(1.0, 2 * THUMB / max(picture.shape[:2]))
    small = picture
    if share < 1:
        size = round(picture.shape[1] * share), round(picture.shape[0] * share)
        small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    if pointer.angles:
        note = ", ".join(f"{what} {value:.0f}°" for what, value in zip(pointer.names, said, strict=True))
        return pose_draw.Pointed(small, name, note)
    spots = [f"{what} ({x:.0f}, {y:.0f})" for what, (x, y) in zip(pointer.names, said, strict=True)][:5]
    return pose_draw.Pointed(small, name, ", ".join(spots) + " px", said=said * share)
