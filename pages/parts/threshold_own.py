"""Predictions of one's own: upload or path, which column is what (guessed, shown, corrected), logits or not."""

from pathlib import Path

import pandas as pd
import streamlit as st

from labcore.errors import UserError
from labcore.evaluation import own_predictions
from labcore.evaluation.prediction_columns import ColumnMap
from labcore.settings import settings
from pages.parts.threshold_source import Source, content_of, of_file

UPLOAD_MB = 200
KINDS = ("csv", "tsv", "txt", "parquet", "pq", "npz")
NOTHING = "–"


def choose_file(left, right) -> tuple[Path | bytes, str] | None:
    """The file: uploaded (in the left column), or lying on this machine in a local lab (in the right one)."""
    st.caption(
        f"CSV, Parquet or NPZ with truths and probabilities (or logits), up to {own_predictions.MAX_ROWS:,} rows x "
        f"{own_predictions.MAX_LABELS} labels; uploads up to {UPLOAD_MB} MB."
    )
    sent = left.file_uploader("Your predictions", KINDS, key="own file", max_upload_size=UPLOAD_MB)
    if sent is not None:
        return sent.getvalue(), sent.name
    if settings().mode == "local":
        path = right.text_input("or a file on this machine", key="file", bind="query-params")
        if path.strip():
            place = Path(path.strip()).expanduser()
            return place, place.name
    return None


def own_source() -> Source | None:
    """The predictions in the chosen file; None until there is one.

    Raises:
        UserError: they cannot be used; the sentence says what to mend.
    """
    limits = st.container()
    left, right = st.columns(2, gap="medium")
    with limits:
        chosen = choose_file(left, right)
    if chosen is None:
        return None
    place, name = chosen
    values = left.segmented_control(
        "Values are", ["recognise", "probabilities", "logits"], default="recognise", required=True, key="values",
        bind="query-params", help="Logits go through a sigmoid. Values outside 0 to 1 are taken for logits.",
    )  # fmt: skip
    logits = {"recognise": None, "probabilities": False, "logits": True}[values]
    folder = ""
    if settings().mode == "local":
        folder = right.text_input(
            "Folder of the pictures", key="pictures", bind="query-params", placeholder="beside the file, if it has any",
            help="Where relative names in a column of pictures begin.",
        )  # fmt: skip
        if not folder and isinstance(place, Path):
            folder = str(place.resolve().parent)
    mapping = None
    if not name.lower().endswith(".npz"):
        mapping = _columns(place, name, logits)
    return of_file(place, name, mapping, logits, folder)


@st.cache_resource(max_entries=8, show_spinner=False)
def _looked_at(content: str, _place: Path | bytes, name: str, logits: bool | None) -> tuple[list[str], ColumnMap, str]:
    """Columns, the guess, and why there is none; once per file, since a first look at a wide one costs a second."""
    names = own_predictions.columns(_place, name)
    try:
        return names, own_predictions.guessed(_place, name, logits), ""
    except UserError as error:
        return names, ColumnMap({}), str(error)


def _columns(place: Path | bytes, name: str, logits: bool | None) -> ColumnMap | None:
    """The guess as a table that can be corrected; None takes the guess as it is."""
    with st.expander("Which column is what", expanded=False):
        names, guess, trouble = _looked_at(content_of(place), place, name, logits)
        if trouble:
            st.warning(trouble)
        else:
            st.caption(" ".join(guess.words))
        start = pd.DataFrame(
            [(label, probability, truth or NOTHING) for label, (probability, truth) in guess.labels.items()],
            columns=["label", "probability", "truth"],
        )
        options = [NOTHING, *names]
        edited = st.data_editor(
            start, num_rows="dynamic", hide_index=True, key=f"columns {name}",
            column_config={
                "probability": st.column_config.SelectboxColumn(options=options),
                "truth": st.column_config.SelectboxColumn(options=options),
            },
        )  # fmt: skip
        if edited.equals(start) and guess.labels:
            return None
        rows = edited.dropna(subset=["label", "probability"])
        labels = {
            str(row.label): (row.probability, "" if row.truth in (NOTHING, None) else row.truth)
            for row in rows.itertuples()
        }
        return ColumnMap(labels, guess.logits, guess.item, guess.picture, guess.tags) if labels else None
