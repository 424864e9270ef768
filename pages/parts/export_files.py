"""Everything of a run to take away: its files, and the run itself as a script and a notebook."""

from collections.abc import Callable, Mapping

import streamlit as st

from labcore.runs.artifacts import Artifacts
from labcore.runs.store import Row, open_store
from labcore.specs import Spec
from pages.parts import code, words

STAGE, WEIGHTS = "stage-", ".safetensors"


def download_files(
    row: Row,
    spec: Spec,
    named: Mapping[str, tuple[str, str]],
    *,
    reading: str,
    curves: tuple[str, ...] = ("smooth_loss", "valid_loss"),
    more: Callable[[], None] = lambda: None,
) -> None:
    """A row of download buttons.

    Args:
        row: the finished run.
        spec: what it was asked for.
        named: label and icon of each file that is offered, where the run has it; stages' weights always are.
        reading: source of the notebook's last cell, which finds the run as ``run``.
        curves: series that the notebook draws.
        more: draws further buttons of a lesson's own.
    """
    files = open_store().artifacts(row.id)
    kept = {name: named[name] for name in named if name in files}
    stages = [name for name in files if name.startswith(STAGE)]
    kept |= {name: (f"Weights: {name.removeprefix(STAGE).removesuffix(WEIGHTS)}", ":material/save:") for name in stages}
    with st.container(horizontal=True):
        for name, (label, icon) in kept.items():
            st.download_button(
                f"{label} ({words.size(files[name]['bytes'])})", lambda name=name: Artifacts().read(row.id, name),
                file_name=f"{row.id}-{name}", key=f"download {name}", icon=icon, on_click="ignore",
            )  # fmt: skip
        more()
        for label, data, name in (
            ("Python script", code.script(spec), "repeat.py"),
            ("Notebook", code.notebook(spec, curves, reading), "repeat.ipynb"),
        ):
            st.download_button(
                label, data, file_name=f"{row.id}-{name}", key=f"download {name}", icon=":material/code:",
                on_click="ignore",
            )  # fmt: skip
    if row.origin == "recorded" and not stages:
        st.caption("This run came with the lab, without its weights to train on from. **Run again** makes them here.")
