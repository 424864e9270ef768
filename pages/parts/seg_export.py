"""What leaves the lab of a segmentation run: weights, ONNX, card, masks, and the run as a script and a notebook."""

import io
import zipfile

import streamlit as st

from labcore.evaluation.segmentation_files import codes_text, write_mask
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row, open_store
from labcore.specs import SegmentationSpec
from pages.parts import code, seg_code, seg_source
from pages.parts.export_files import download_files

NAMED = {
    "model.onnx": ("ONNX, pixels in", ":material/deployed_code:"),
    "card.json": ("Card", ":material/badge:"),
    "confusion.npz": ("Counts per picture", ":material/table:"),
}
READING = """from labcore.evaluation import segmentation

found = run.artifact("confusion.npz")
codes = run.artifact("plan.json")["codes"]
void = next((code["index"] for code in codes if code["void"]), None)
scores = segmentation.scores(found["counts"][found["part"] == "valid"], void)
{code["name"]: scores.iou[code["index"]] for code in codes}, scores.mean_iou"""


def export_tab(row: Row) -> None:
    """Everything to take away."""
    spec = SegmentationSpec.model_validate(row.spec)

    def masks() -> None:
        if "masks.npz" in open_store().artifacts(row.id):
            st.download_button(
                "All valid masks, indexed PNG", lambda: masks_zip(row), file_name=f"{row.id}-masks.zip",
                key="download masks", icon=":material/folder_zip:", on_click="ignore",
            )  # fmt: skip

    download_files(row, spec, NAMED, reading=READING, more=masks)
    told = seg_source.told_of(row)
    size = f"{told['image_size'][0]}, {told['image_size'][1]}" if told else "height, width"
    st.caption(
        f"The ONNX file takes uint8 pictures [N, {size}, 3], normalises them itself, and gives `probabilities` "
        "[N, classes, height, width] that sum to 1 at every pixel. The masks come with codes.txt: a folder of pictures "
        "and such masks is data for this lab again."
    )


def masks_zip(row: Row) -> bytes:
    """Predictions of the valid pictures as indexed PNGs in the classes' colours, with ``codes.txt``."""
    files = Artifacts()
    masks, confusion = (decode(name, files.read(row.id, name)) for name in ("masks.npz", "confusion.npz"))
    codes = seg_source.codes_of(decode("plan.json", files.read(row.id, "plan.json")))
    names = dict(zip(confusion["rows"].tolist(), confusion["items"].tolist(), strict=True))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # PNGs do not shrink twice
        archive.writestr("codes.txt", codes_text([code.name for code in codes]))
        for number, mask in zip(masks["rows"].tolist(), masks["prediction"], strict=True):
            stem = str(names.get(number, number)).replace("/", "_").replace("\\", "_")
            archive.writestr(f"labels/{stem}.png", write_mask(mask, [code.color for code in codes]))
    return buffer.getvalue()


def code_tab(spec: SegmentationSpec) -> None:
    """This very run in four tongues."""
    code.code_tab(spec, fastai=seg_code.fastai_code(spec), torch=seg_code.torch_code(spec))
