"""Learn from mistakes: gather what it got wrong, reload the model, train a little more, and see what is forgotten."""

import hashlib

import numpy as np
import pandas as pd
import streamlit as st

from labcore.errors import UserError
from labcore.evaluation.classification import top_losses
from labcore.runs.artifacts import Artifacts, encode
from labcore.runs.store import Row, open_store
from labcore.specs import FineTuneSpec, Stage
from pages.parts import ft_reading, run_panel, words
from pages.parts.ft_live import branch, gallery, saved_stages
from pages.parts.ft_use import classifier_of
from pages.parts.upload import read_upload

RAISE = 1.5
"""The notes: "use a slightly larger learning rate"."""
SEED = 0
WAYS = {"added": "with the whole training set", "alone": "alone (and see what is forgotten)"}


def mistakes_tab(result: ft_reading.Result) -> None:
    """Gather, teach, compare."""
    row = result.row
    st.markdown(
        "A model in use makes mistakes. *Add the labeled new data into the training set, load the old model, unfreeze, "
        "use a slightly larger learning rate and more epochs*, say the notes."
    )
    wrong = top_losses(result.probs, result.targets, result.classes)
    wrong = wrong[wrong["wrong"]]
    uploads = _uploads(result)
    left, middle, right = st.columns(3)
    with left:
        taken = st.slider(
            "Misclassified pictures to gather", 0, len(wrong), min(len(wrong), 24), key="gather",
            disabled=wrong.empty, help="The surest mistakes first.",
        ) if len(wrong) else 0  # fmt: skip
    with middle:
        how = st.selectbox("Teach them", list(WAYS), key="teach how", format_func=WAYS.get)
    with right:
        epochs = st.number_input("Epochs", 1, 50, 4, key="teach epochs")
    wrong = wrong.head(taken)
    gathered = _gathered(result, wrong, uploads)
    count = len(gathered["labels"]) if gathered else 0
    if count:
        gallery(gathered["pictures"][:12], [f"is {result.classes[i]}" for i in gathered["labels"][:12]], 12)
    else:
        st.info("Nothing gathered: it made no mistakes here. Upload pictures that it gets wrong, with their labels.")
        return
    st.caption(
        f"{count} pictures: {int(gathered['teach'].sum())} are taught, the others are held back to see whether the "
        "lesson carries to pictures it was not taught. None of them counts as valid any more."
    )
    spec = _spec(result, gathered, how, int(epochs))
    found = run_panel.row_of(spec) if spec else None
    if found is None:
        st.button(
            "Teach", key="teach", type="primary", icon=":material/school:", on_click=_teach,
            args=(row, result, gathered, how, int(epochs)),
        )  # fmt: skip
    elif found.status != "done":
        run_panel.state_line(found)
        st.caption(f"Run {found.id}: {found.status}, {found.done} of {found.total}.")
    else:
        _compare(found)


def _uploads(result: ft_reading.Result) -> list[tuple[np.ndarray, int, str]]:
    """Uploaded pictures with the right label that the person gives them."""
    with st.expander("Add your own pictures with their right label"):
        label = st.selectbox("They all are", result.classes, key="upload label")
        given = st.file_uploader("Pictures", accept_multiple_files=True, key="mistake pictures", max_upload_size=20)
    size = classifier_of(result.row).size
    found = []
    for file in given or []:
        try:
            data = file.getvalue()
            name = f"upload-{hashlib.sha256(data).hexdigest()[:12]}"
            found.append((read_upload(data, file.name, size), result.classes.index(label), name))
        except UserError as error:
            st.warning(str(error), icon=":material/broken_image:")
    return found


def _gathered(
    result: ft_reading.Result, wrong: pd.DataFrame, uploads: list[tuple[np.ndarray, int, str]]
) -> dict[str, np.ndarray] | None:
    places = wrong["row"].to_numpy(int)
    shown = list(ft_reading.pictures(result, places)) if len(places) else []
    height, width = shown[0].shape[:2] if shown else classifier_of(result.row).size
    added = [_fitted(picture, (height, width)) for picture, _, _ in uploads]
    labels = [*result.targets[places].tolist(), *(label for _, label, _ in uploads)]
    if not labels:
        return None
    # Every second one is held back, whichever its class; with a single one there is nothing to hold back.
    teach = np.arange(len(labels)) % 2 == 0
    return {
        "pictures": np.stack([*shown, *added]),
        "labels": np.asarray(labels, np.int64),
        "items": np.asarray([*result.items[places].tolist(), *(name for _, _, name in uploads)], str),
        "teach": teach,
    }


def _fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from labcore.data.decode import resize_array

    return resize_array(picture, size, "crop")[0]


def _file(gathered: dict[str, np.ndarray]) -> str:
    parts = (gathered["pictures"].tobytes(), gathered["labels"].tobytes(), gathered["teach"].tobytes())
    return f"gathered-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}.npz"


def _spec(result: ft_reading.Result, gathered: dict[str, np.ndarray], how: str, epochs: int) -> FineTuneSpec | None:
    stages = saved_stages(result.row)
    if not stages:
        return None
    last = result.spec.plan[-1]
    stage = Stage.of(
        last.model_dump()
        | {
            "name": "mistakes", "freeze_to": 0, "epochs": epochs, "steps": 0, "lr": last.lr / 10 * RAISE,
            "lr_lo": (last.lr_lo or last.lr / 100) / 10 * RAISE, "tenth": False,
        }
    )  # fmt: skip
    return result.spec.but(
        plan=(stage,),
        start_from=f"{result.row.id}/{stages[-1]}",
        collected=f"{result.row.id}/{_file(gathered)}",
        collected_how=how,
    )


def _teach(row: Row, result: ft_reading.Result, gathered: dict[str, np.ndarray], how: str, epochs: int) -> None:
    try:
        file, data = encode(_file(gathered), gathered)
        open_store().put_artifact(row.id, file, len(data), Artifacts().write(row.id, file, data))
        spec = _spec(result, gathered, how, epochs)
        if spec is not None:
            branch(spec)
    except UserError as error:
        st.session_state["trouble"] = str(error)


def compare_view(row: Row) -> None:
    """Before and after on old, taught and held-back pictures, for a run that was taught gathered ones."""
    if "error_old_before" in row.metrics:
        _compare(row)


def _compare(row: Row) -> None:
    titles = {"old": "old valid pictures", "taught": "gathered and taught", "new": "gathered and held back"}
    table = pd.DataFrame(
        [
            {
                "pictures": title,
                "error before": words.percent(row.metrics[f"error_{part}_before"]),
                "error after": words.percent(row.metrics[f"error_{part}_after"]),
            }
            for part, title in titles.items()
            if f"error_{part}_before" in row.metrics
        ]
    )
    st.table(table.set_index("pictures"))
    change = row.metrics["error_old_after"] - row.metrics["error_old_before"]
    if change > 0.01:
        st.warning(
            f"It has forgotten something: {change:.1%} more of the old pictures are wrong now.",
            icon=":material/history:",
        )
    else:
        st.success("Nothing old was forgotten.", icon=":material/check:")
