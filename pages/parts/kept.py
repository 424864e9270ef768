"""Files that a run has kept, read once per content."""

from typing import Any

import streamlit as st

from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row, open_store


@st.cache_data(max_entries=128, show_spinner=False)
def _kept(run: str, name: str, sha256: str, url: str) -> Any:
    return decode(name, Artifacts().read(run, name))


def artifact(row: Row, name: str) -> Any | None:
    """A file's value; None where the run has none. One that was read is kept until it changes."""
    store = open_store()
    files = store.artifacts(row.id)
    return _kept(row.id, name, files[name]["sha256"], store.url) if name in files else None
