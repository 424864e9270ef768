"""Question 4: one size once, then varied anew each time, with the target moving along, or left behind."""

import numpy as np
import streamlit as st

from labcore.data import decode, preview
from labcore.data.augment_spec import preset
from labcore.data.block import DEFAULT_METHOD
from labcore.data.cache import estimate
from labcore.data.leaf import BlockSpec, Leaf
from pages.parts import data_show, words
from pages.parts.data_pictures import Shown, codes, shelf
from pages.parts.data_words import about_transforms

VARIED = 7
"""Draws beside the picture as it is."""
FITS = {"crop": "scaled, and its centre cut out", "squish": "stretched to fit", "pad": "scaled, with bars"}
CHANNELS = ("red", "green", "blue")


def show(block: Leaf, spec: BlockSpec) -> None:
    """Item transforms and channels of one item, then augmentation."""
    if block.items.task == "ratings":
        st.info("Ratings are two numbers and need no transforms.", icon=":material/info:")
        return
    row = min(spec.item, len(block.items) - 1)
    try:
        native, image = block.native(row), np.asarray(block.items.images[row])
    except decode.Unusable as problem:
        st.warning(f"{block.items.table['item'].iloc[row]} {problem}. Choose another item.", icon=":material/warning:")
        return
    _once(block, native, image)
    _anew(block, spec, row, image)
    about_transforms(block)


def _once(block: Leaf, native: np.ndarray, image: np.ndarray) -> None:
    method = block.method or DEFAULT_METHOD[block.items.task]
    st.subheader("Once: every picture gets one size", anchor=False)
    source = f"{native.shape[1]} x {native.shape[0]} pixels"
    pictures = [
        Shown(_shrunk(native), "as it lies on the disk", source),
        Shown(image, FITS[method], f"{image.shape[1]} x {image.shape[0]}, uint8"),
    ]
    for channel, name in enumerate(CHANNELS):
        plane = image[..., channel]
        pictures.append(Shown(plane, name, f"channel {channel}: mean {plane.mean():.0f} of 255"))
    shelf(pictures, most=5, least=100)
    need = estimate(len(block.items), block.shape, block.items.masks is not None)
    room = words.size(need) if need >= 1e6 else "less than 1 MB"
    st.caption(
        f"Decoded once and kept as bytes: all {len(block.items):,} at this size take {room} on the disk. "
        "Epochs read them from there and never open a file again."
    )


def _anew(block: Leaf, spec: BlockSpec, row: int, image: np.ndarray) -> None:
    items, how = block.items, preset(spec.varied_by)
    st.subheader("Anew each time: the picture varies, and its target with it", anchor=False)
    behind = False
    if items.task in ("masks", "points"):
        behind = st.toggle(
            "Leave the target behind", key="behind", bind="query-params",
            help="Move the picture and not its mask or points: the bug that is not seen in any error message.",
        )  # fmt: skip
        if behind:
            st.error(
                "Now the target stays where it was. Nothing crashes; the net is taught nonsense.",
                icon=":material/bug_report:",
            )
    mask = None if items.masks is None else np.asarray(items.masks[row])
    points = None if items.points is None else np.asarray(items.points[row])
    pictures = [Shown(image, "as it is", data_show.title_of(block, row), mask, points)]
    for draw in preview.draws(how, VARIED, image.shape[:2], spec.draw):
        moved = preview.varied(how, draw, image, mask, points, void=items.void, leave_target_behind=behind)
        pictures.append(Shown(moved[0], "", draw.words(), moved[1], moved[2]))
    colors = data_show.colors_of(block)
    shelf(pictures, colors=colors, most=4)
    if colors is not None:
        codes(items.classes, colors, np.unique(mask), items.void)
    values = ", ".join(f"{name}={value}" for name, value in how.model_dump().items())
    st.caption(f"{spec.varied_by}: {values}. Drawn number for number as training draws, from seed {spec.draw}.")


def _shrunk(image: np.ndarray, most: int = 480) -> np.ndarray:
    """A large file at a size that a page can carry."""
    step = max(1, -(-max(image.shape[:2]) // most))
    return image[::step, ::step]
