"""What the steps of the data block share: items with their targets in words, opened safely, and the split's parts."""

import numpy as np
import streamlit as st

from labcore.data import decode
from labcore.data.leaf import Leaf
from labcore.figures.data_block import parts_of
from pages.parts.data_pictures import Shown, class_colors

SHELF = 12
"""Pictures on one shelf: two rows of six on a projector."""
MOST_LABELS = 4


def shelf_rows(block: Leaf, shelf: int) -> np.ndarray:
    """The rows of one shelf; the last shelf is the last even if the link says more."""
    count = len(block.items)
    first = min(shelf, (count - 1) // SHELF) * SHELF
    return np.arange(first, min(first + SHELF, count))


def title_of(block: Leaf, row: int) -> str:
    """The target of an item in the fewest words."""
    items, table = block.items, block.items.table
    if items.task == "single_label":
        return items.classes[int(table["label"].iloc[row])]
    if items.task == "multi_label":
        names = [items.classes[code] for code in table["labels"].iloc[row]]
        more = f" and {len(names) - MOST_LABELS} more" if len(names) > MOST_LABELS else ""
        return ", ".join(names[:MOST_LABELS]) + more or "none of the labels"
    return str(table["item"].iloc[row])


def shown(block: Leaf, row: int, *, target: bool = True, title: str | None = None, note: str = "") -> Shown:
    """One item as the net gets it, with its target drawn on it; a file that cannot be used says so."""
    items = block.items
    try:
        image = items.images[row]
        mask = items.masks[row] if target and items.masks is not None else None
        points = items.points[row] if target and items.points is not None else None
    except decode.Unusable as problem:
        return Shown(None, f"{items.table['item'].iloc[row]} {problem}; it is left out.")
    return Shown(image, title_of(block, row) if title is None else title, note, mask, points)


def colors_of(block: Leaf) -> np.ndarray | None:
    """A colour per class, for masks."""
    items = block.items
    return class_colors(len(items.classes), items.void) if items.task == "masks" else None


def parts(block: Leaf) -> np.ndarray:
    """The part that each item is in (see ``labcore.figures.data_block.parts_of``)."""
    split = block.split
    return parts_of(len(block.items), split.train, split.valid, split.test)


def asks(label: str, words: str, **more) -> None:
    """A question of the notes, answered beside the thing it asks about."""
    with st.popover(label, **more):
        st.markdown(words)
