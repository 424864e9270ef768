"""Which data: a set of the lab, a folder on the server, or an upload; the same on every page."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

import streamlit as st

from labcore.data import archives, own, registry, uploads
from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import DatasetSpec
from pages.parts.controls import Controls
from pages.parts.lessons import lessons

UPLOAD = "upload"
"""Query parameter that names an upload; a link to one tells nothing of the server's folders."""
ARCHIVES, TABLES = ("zip", "tar", "tgz", "gz"), ("csv", "tsv", "parquet")
LAYOUTS = {
    "single_label": "a folder per class (perhaps below train and valid), names like beagle_12.jpg, or pictures with a "
    "CSV of the columns image_name and label",
    "multi_label": "pictures with a CSV of the columns image_name and tags, several tags in one cell",
    "masks": "images/, labels/ with one code per pixel (grey or palette), and codes.txt with one class per line",
    "points": "pictures with a CSV of image_name and x and y columns, such as nose_x and nose_y; a column person or "
    "video says which pictures belong together",
    "ratings": "a CSV or Parquet file with the columns user, item and rating; a file movies.csv beside it in a zip "
    "gives titles",
}
"""What own data looks like, by kind of target."""
LESSON_OF = {
    "single_label": "fine_tune",
    "multi_label": "thresholds",
    "masks": "segmentation",
    "points": "head_pose",
    "ratings": "collab",
}
_HASH = re.compile(r"[0-9a-f]{32}")


def choose(use: Controls, tasks: Collection[str] | None = None, *, on_change: Callable[[], None] | None = None) -> str:
    """The widgets of ``dataset.name`` and ``dataset.root``; returns the set's name.

    Args:
        use: the page's controls.
        tasks: kinds of target that the page can use (see ``labcore.data.items.Task``); None takes all.
        on_change: called when another set is chosen.

    Raises:
        UserError: own data that is there and does not fit this page; the sentence says which page it fits.
    """
    names = [card.name for card in registry.CARDS.values() if tasks is None or {card.task, *card.also} & set(tasks)]
    name = use.choice("dataset.name", "Data", names, on_change=on_change)
    if name not in registry.CARDS:
        return name
    kind, local = registry.card(name).kind, settings().mode == "local"
    if kind == "embedded":
        return name
    if kind == "own":
        _upload(tuple(tasks or LAYOUTS))
    root, sent = "", _sent()
    if kind == "own" and sent is not None:
        root = str(sent)
        use.put("dataset.root", root)
        st.caption(":material/check: Your upload is used; it stays on this server, under its own link.")
        st.button("Forget the upload", key="forget upload", on_click=_forget, width="stretch")
    elif kind == "own" and UPLOAD in st.query_params:
        st.warning(
            "The upload of this link is not on this server (any more): the lab was started afresh, or it made room. "
            "Upload it again.",
            icon=":material/cloud_off:",
        )
    elif local:
        hint = "a folder on this machine" if kind == "own" else "empty: the lab's own copy"
        root = use.text("dataset.root", "Folder of the data", placeholder=hint)
    if kind == "own" and root and tasks is not None:
        st.caption(f":material/fact_check: {_holds(root, _fingerprint(root), tuple(tasks))}")
    return name


def _upload(tasks: tuple[str, ...]) -> None:
    only_ratings = tasks == ("ratings",)
    layouts = "; or ".join(LAYOUTS[task] for task in tasks if task in LAYOUTS)
    st.file_uploader(
        "Ratings of your own, CSV or Parquet" if only_ratings else "A zip or a CSV of your own",
        type=(*TABLES, *ARCHIVES) if only_ratings else (*ARCHIVES, *TABLES),
        key="sent",
        max_upload_size=archives.UPLOAD_BYTES // 1_000_000,
        on_change=_received,
        help=f"It holds {layouts}.",
    )
    st.caption(uploads.limits())


def _received() -> None:
    sent = st.session_state.get("sent")
    if sent is None:
        return
    try:
        folder = uploads.receive(sent.name, sent.getvalue(), settings().home)
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


@st.cache_data(max_entries=64, ttl=3.0, show_spinner=False)
def _fingerprint(root: str) -> str:
    # A folder is walked to know its content: not on every rerun.
    return registry.fingerprint(DatasetSpec(name="own", root=root))


@st.cache_data(max_entries=64, ttl=3600.0, show_spinner="Looking at your data")
def _holds(root: str, fingerprint: str, tasks: tuple[str, ...]) -> str:
    """What a folder holds for a page that takes ``tasks``, in a few words; names are read, no picture.

    ``fingerprint`` is part of the cache's key: a folder that has changed is looked at anew.

    Raises:
        UserError: it holds nothing for this page.
    """
    place = registry.place(DatasetSpec(name="own", root=root))
    found = own.load_index(place)  # broken or unknown data is said in its own words
    if found.task not in tasks:
        for task in tasks:
            try:
                found = own.load_index(place, task)
                break
            except UserError:
                continue  # the next kind; that none fits is said below
    kind = found.task.replace("_", " ")
    if found.task not in tasks:
        lesson = next((one for one in lessons() if one.path == LESSON_OF[found.task]), None)
        way = f" Take it to the page {lesson.title}." if lesson else ""
        raise UserError(
            f"Your data has {kind} targets ({own.in_words(found)}); this page takes "
            f"{' or '.join(task.replace('_', ' ') for task in tasks)}.{way}"
        )
    left = f"; {len(found.left_out)} left out" if found.left_out else ""
    guessed = f" {found.notes[0]}" if found.notes else ""  # which columns were taken for what
    return f"{own.in_words(found)}{left}.{guessed} The Data block page checks every file."


def link() -> dict[str, str]:
    """The query parameters that carry an upload to another page."""
    name = st.query_params.get(UPLOAD)
    return {UPLOAD: name} if name else {}
