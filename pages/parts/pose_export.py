"""What leaves the lab of a head pose run: weights, ONNX, card, predictions, and the run as a script and a notebook."""

import streamlit as st

from labcore.runs.store import Row
from labcore.specs import HeadPoseSpec
from pages.parts.export_files import download_files

NAMED = {
    "model.onnx": ("ONNX, pixels in", ":material/deployed_code:"),
    "card.json": ("Card", ":material/badge:"),
    "predictions.npz": ("Predictions", ":material/table:"),
}
READING = """import numpy as np
from labcore.evaluation import head_pose

found = run.artifact("predictions.npz")
distance = head_pose.errors(found["truth"], found["prediction"]).mean(1)
{part: np.median(distance[found["part"] == part]) for part in np.unique(found["part"])}"""


def export_tab(row: Row) -> None:
    """Everything to take away."""
    spec = HeadPoseSpec.model_validate(row.spec)
    download_files(row, spec, NAMED, reading=READING, curves=("train_loss", "valid_loss", "pixel_error"))
    st.caption(
        "The ONNX file takes uint8 pictures [N, height, width, 3] at the size that the card names, normalises them "
        "itself, and gives `points` between -1 and 1 from edge to edge. In predictions.npz `part` says which split a "
        "row was held out by."
    )
    st.code(f"python -m labcore predict {row.id} picture.jpg --csv points.csv", language="bash")
