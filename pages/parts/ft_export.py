"""What leaves the lab: weights, ONNX, the card, and and the run as a script and a notebook."""

import streamlit as st

from labcore.runs.artifacts import Artifacts
from labcore.runs.store import Row, open_store
from labcore.specs import FineTuneSpec
from pages.parts import code, words

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
    files = open_store().artifacts(row.id)
    kept = {name: NAMED[name] for name in NAMED if name in files}
    kept |= {
        name: (f"Weights: {name.removeprefix('stage-').removesuffix('.safetensors')}", ":material/save:")
        for name in files
        if name.startswith("stage-")
    }
    with st.container(horizontal=True):
        for name, (label, icon) in kept.items():
            st.download_button(
                f"{label} ({words.size(files[name]['bytes'])})", lambda name=name: Artifacts().read(row.id, name),
                file_name=f"{row.id}-{name}", key=f"download {name}", icon=icon, on_click="ignore",
            )  # fmt: skip
        for label, data, name in (
            ("Python script", code.script(spec), "repeat.py"),
            ("Notebook", code.notebook(spec, ("smooth_loss", "valid_loss"), READING), "repeat.ipynb"),
        ):
            st.download_button(
                label,
                data,
                file_name=f"{row.id}-{name}",
                key=f"download {name}",
                icon=":material/code:",
                on_click="ignore",
            )
    st.caption(
        "The ONNX file takes uint8 pictures [N, height, width, 3] and normalises them itself. It gives two readings: "
        "`logits` for softmax, `alone` for one sigmoid per class."
    )
    st.code(f"python -m labcore predict {row.id} picture.jpg", language="bash")
