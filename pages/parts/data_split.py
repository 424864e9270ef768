"""Question 2: who teaches and who examines, as a picture; a leak between video frames is shown and counted."""

import numpy as np
import streamlit as st

from labcore.data import decode
from labcore.data.leaf import Leaf
from labcore.figures import data_block as figures
from pages.parts import data_show, words
from pages.parts.chart import chart
from pages.parts.data_pictures import Shown, shelf
from pages.parts.data_words import about_split
from pages.parts.theme import palette

MOST_GROUPS = 60
"""Groups drawn as rows; more would be thinner than a line of text."""
LOOKED_AT = 400
"""Valid frames that are looked through for one with a neighbour in train."""


def show(block: Leaf) -> None:
    """The split of a block."""
    items, split, leak = block.items, block.split, block.leak()
    st.markdown(f"**{len(split.train):,} teach, {len(split.valid):,} examine.** {split.how}")
    for warning in split.warnings:
        st.warning(warning, icon=":material/warning:")
    if leak is not None:
        _say_leak(block, leak)
    chart(_figure(block), key="split figure", about="Who teaches and who examines")
    if leak is not None and items.task != "ratings":
        _neighbours(block)
    about_split(block)


def _say_leak(block: Leaf, leak: float) -> None:
    groups = block.items.table["group"].nunique()
    if leak > 0:
        st.error(
            f"**Leak: {words.percent(leak)} of the valid frames come from a video or person that also teaches.** "
            f"The exam has been seen before. Choose the split by group.",
            icon=":material/water_drop:",
        )
    else:
        st.success(
            f"No leak: none of the {groups} videos or persons is on both sides. Choose the random split to see one.",
            icon=":material/verified:",
        )


def _figure(block: Leaf):
    items, parts = block.items, data_show.parts(block)
    table = items.table
    if items.task == "ratings":
        users, films = table["user"].to_numpy(), table["movie"].to_numpy()
        return figures.ratings_figure(users, films, parts, palette=palette())
    if "group" in table and 1 < table["group"].nunique() <= MOST_GROUPS:
        return figures.videos_figure(table["group"], parts, palette=palette())
    if items.task in ("single_label", "multi_label"):
        return figures.shares_figure(items.classes, *label_counts(block), palette=palette())
    counts = [int((parts == code).sum()) for code in (figures.TRAIN, figures.VALID)]
    return figures.shares_figure([items.name], [counts[0]], [counts[1]], palette=palette())


def label_counts(block: Leaf) -> tuple[np.ndarray, np.ndarray]:
    """How often each class occurs in train and in valid, two int64 [C]."""
    items = block.items
    column = items.table["label" if items.task == "single_label" else "labels"]
    found = []
    for rows in (block.split.train, block.split.valid):
        values = column.iloc[rows]
        codes = [code for value in values for code in value] if items.task == "multi_label" else values
        found.append(np.bincount(np.asarray(codes, np.int64), minlength=len(items.classes)))
    return found[0], found[1]


def nearest(block: Leaf) -> tuple[int, int, int] | None:
    """A valid frame, the frame of train that is nearest in its own or the next best group, and one of another group.

    Rows stand in the order in which they were filmed. None where train or valid has no such frame.
    """
    groups, split = block.items.table["group"].astype(str).to_numpy(), block.split
    if not len(split.train) or not len(split.valid):
        return None
    taught = groups[split.train]
    middle = split.valid[len(split.valid) // 2]
    for row in (middle, *split.valid[:LOOKED_AT]):
        own = split.train[taught == groups[row]]
        if len(own):
            close = own[np.abs(own - row).argmin()]
            others = split.train[taught != groups[row]]
            return int(row), int(close), int(others[len(others) // 2] if len(others) else close)
    other = split.train[np.abs(split.train - middle).argmin()]
    return int(middle), int(other), int(split.train[len(split.train) // 3])


def _neighbours(block: Leaf) -> None:
    """The leak as pictures: an exam question, and what was taught that is most like it."""
    found = nearest(block)
    if found is None:
        return
    valid, close, _ = found
    groups = block.items.table["group"].astype(str)
    try:
        pictures = [np.asarray(block.items.images[row]) for row in found]
    except decode.Unusable:
        return
    leaks = groups.iloc[valid] == groups.iloc[close]
    apart = [np.abs(pictures[0].astype(int) - other).mean() / 255 for other in pictures[1:]]
    how = "taught, from the same video" if leaks else "taught, from another video"
    st.markdown("**An exam question, and what was taught:**")
    shelf(
        [
            Shown(pictures[0], "valid: the question", str(block.items.table["item"].iloc[valid])),
            Shown(pictures[1], how, f"pixels differ by {words.percent(apart[0])} on average"),
            Shown(pictures[2], "taught, from another video", f"pixels differ by {words.percent(apart[1])} on average"),
        ],
        most=3,
    )
