"""Use the finished net: a picture in, a mask out, from the very file that leaves the lab; large ones in tiles."""

import numpy as np
import streamlit as st
from PIL import Image

from labcore.errors import UserError
from labcore.evaluation.segmentation_predict import MOST_DETAIL, Answer, Segmenter
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row
from pages.parts import mask_viewer, words
from pages.parts.mask_viewer import Code, Said
from pages.parts.upload import read_upload

SHOWN_SIDE = 960
"""The longer side of what the viewer shows; the files that are taken away have every pixel."""
DETAILS = (1.0, 1.5, 2.0, 3.0, 4.0)


@st.cache_resource(max_entries=3, show_spinner="Loading the export")
def _segmenter(run: str, url: str) -> Segmenter:
    files = Artifacts()
    return Segmenter(files.read(run, "model.onnx"), decode("card.json", files.read(run, "card.json")))


def segmenter_of(row: Row) -> Segmenter:
    """The run's export, ready to answer; shared by all browsers. Raises UserError where it left none."""
    return _segmenter(row.id, Artifacts().url)


def use_tab(row: Row, codes: tuple[Code, ...]) -> None:
    """Upload a picture, look through its mask, take it away."""
    st.markdown(
        "The answer comes from the **ONNX export**, run by onnxruntime in the web process. A picture that is larger "
        "than what the net was taught on is looked at in overlapping tiles."
    )
    left, right = st.columns([1, 3], gap="medium")
    with left:
        given = st.file_uploader("Picture", type=["jpg", "jpeg", "png", "webp", "bmp"], key="picture")
        detail = st.select_slider(
            "Look closer", [one for one in DETAILS if one <= MOST_DETAIL], key="detail",
            format_func=lambda one: f"{one:g}x",
            help="1x shrinks the picture to the size that the net was taught on; more looks in more tiles.",
        )  # fmt: skip
    if given is None:
        right.info("Give it a street: any photograph taken from a car will do.", icon=":material/add_a_photo:")
        return
    try:
        segmenter = segmenter_of(row)
        picture = read_upload(given.getvalue(), given.name)
        with right, st.spinner("Looking"):
            found = segmenter.answer(picture, detail)
    except UserError as error:
        right.error(str(error), icon=":material/error:")
        return
    with left:
        _take(segmenter, found, given.name.rpartition(".")[0] or given.name)
    with right:
        _look(picture, found, codes)


def _take(segmenter: Segmenter, found: Answer, stem: str) -> None:
    height, width = found.mask.shape
    for label, data, name, icon in (
        ("Mask (indexed PNG)", segmenter.png(found.mask), f"{stem}_mask.png", ":material/download:"),
        ("codes.txt", segmenter.codes(), "codes.txt", ":material/list:"),
    ):
        st.download_button(
            label, data, file_name=name, key=f"take {name}", icon=icon, on_click="ignore", width="stretch"
        )
    st.caption(
        f"{width} x {height} pixels, {found.tiles} tile{'s' if found.tiles > 1 else ''}. A pixel of the PNG holds its "
        "class's number; line n of codes.txt, counted from 0, is its name: a folder of such masks is data again."
    )
    st.caption(" · ".join(f"{name} {words.percent(share)}" for name, share in found.shares.items()))


def _look(picture: np.ndarray, found: Answer, codes: tuple[Code, ...]) -> None:
    height, width = found.mask.shape
    scale = min(1.0, SHOWN_SIDE / max(height, width))
    image, mask = Image.fromarray(picture), Image.fromarray(found.mask)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image, mask = image.resize(size), mask.resize(size, Image.Resampling.NEAREST)
    said = ", ".join(f"{name} {words.percent(share)}" for name, share in list(found.shares.items())[:4])
    mask_viewer.mask_viewer(
        np.asarray(image), None, [Said("", np.asarray(mask))], codes, key="upload viewer", item="Your picture",
        words=f"mostly {said}", message=said,
    )  # fmt: skip
