"""Which data: a set of the lab, a folder on the server, or an upload; the same on every page."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import streamlit as st

from labcore.data import archives, own, registry
from labcore.errors import UserError
from labcore.settings import settings
from pages.parts.controls import Controls

UPLOAD = "upload"
"""Query parameter that names an upload; a link to one tells nothing of the server's folders."""
TYPES = ("zip", "tar", "tgz", "gz", "csv", "tsv", "parquet")
_HASH = re.compile(r"[0-9a-f]{32}")


def choose(use: Controls, tasks: Collection[str] | None = None, **more: Any) -> str:
    """The widgets of ``dataset.name`` and ``dataset.root``; returns the set's name.

    Args:
        use: the page's controls.
        tasks: kinds of target that the page can use; None takes all.
        more: passed on to the widget of the name, such as ``on_change``.
    """
    names = [card.name for card in registry.CARDS.values() if tasks is None or {card.task, *card.also} & set(tasks)]
    name = use.choice("dataset.name", "Data", names, **more)
    if name not in registry.CARDS:
        return name
    kind, local = registry.card(name).kind, settings().mode == "local"
    if kind == "embedded":
        return name
    if kind == "own":
        _upload()
    sent = _sent()
    if kind == "own" and sent is not None:
        use.put("dataset.root", str(sent))
        st.caption(":material/check: Your upload is used; it stays on this server, under its own link.")
        st.button("Forget the upload", key="forget upload", on_click=_forget, width="stretch")
    elif local:
        hint = "a folder on this machine" if kind == "own" else "empty: the lab's own copy"
        use.text("dataset.root", "Folder of the data", placeholder=hint)
    return name


def _upload() -> None:
    st.file_uploader(
        "A zip or a CSV of your own",
        type=TYPES,
        key="sent",
        max_upload_size=archives.UPLOAD_BYTES // 1_000_000,
        on_change=_received,
        help="A folder per class; or images/ with labels/ and codes.txt; or a CSV of names and labels, points, or "
        "ratings.",
    )
    st.caption(own.limits())


def _received() -> None:
    sent = st.session_state.get("sent")
    if sent is None:
        return
    try:
        folder = own.receive(sent.name, sent.getvalue(), settings().home)
    except UserError as error:
        st.session_state["trouble"] = str(error)
        return
    st.query_params[UPLOAD] = folder.name
    st.session_state["dataset.root"] = ""


def _sent() -> Path | None:
    """The folder of the upload that the link names, if it is there."""
    name = st.query_params.get(UPLOAD, "")
    folder = settings().home / "uploads" / name
    return folder if _HASH.fullmatch(name) and folder.is_dir() else None


def _forget() -> None:
    st.query_params.pop(UPLOAD, None)


def link() -> dict[str, str]:
    """The query parameters that carry an upload to another page."""
    name = st.query_params.get(UPLOAD)
    return {UPLOAD: name} if name else {}
