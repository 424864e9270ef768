"""What leaves the lab: weights, ONNX, the card, and and the run as a script and a notebook."""

import streamlit as st

from labcore.runs.store import Row
from labcore.specs import FineTuneSpec
from pages.parts.export_files import download_files

NAMED = {
    "model.onnx": ("ONNX, pixels in", ":material/deployed_code:"),
    "card.json": ("Card", ":material/badge:"),
    "predictions.npz": ("Valid predictions", ":material/table:"),
}


READING = """from labcore.evaluation import classification

found = run.artifact("predictions.npz")
classes = tuple(str(name) for name in found["classes"])
classification.top_losses(found["probs"], found["targets"], classes, 9)"""


def export_tab(row: Row) -> None:
    """Everything to take away."""
    spec = FineTuneSpec.model_validate(row.spec)
    download_files(row, spec, NAMED, reading=READING)
    st.caption(
        "The ONNX file takes uint8 pictures [N, height, width, 3] and normalises them itself. It gives two readings: "
        "`logits` for softmax, `alone` for one sigmoid per class."
    )
    st.code(f"python -m labcore predict {row.id} picture.jpg", language="bash")
