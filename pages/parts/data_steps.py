"""Questions 1, 3, 5 and 6 of the data block, each with its effect on real items; 2 and 4 have files of their own."""

import html

import numpy as np
import pandas as pd
import streamlit as st

from labcore.data import decode, preview, registry
from labcore.data.augment_spec import preset
from labcore.data.leaf import BlockSpec, Leaf
from labcore.figures import data_block as figures
from pages.parts import data_show
from pages.parts.chart import chart
from pages.parts.data_pictures import Shown, codes, shelf
from pages.parts.data_split import label_counts
from pages.parts.data_words import about_items, about_label
from pages.parts.theme import palette

MASKS_LOOKED_AT = 40
"""Mask files of a real set whose pixels are counted, evenly spread: half a second, once."""
ROWS_SHOWN = 10
SHAPES = """<style>
.shapes{display:flex;flex-wrap:wrap;gap:.5rem;align-items:stretch;margin:.2rem 0 1rem}
.shapes div{border:1px solid rgba(128,128,128,.4);border-radius:.5rem;padding:.5rem .9rem;
min-width:6.5rem;flex:1 1 8rem;max-width:13rem}
.shapes b{display:block;font-size:2rem;line-height:1.2;font-variant-numeric:tabular-nums}
.shapes span{font-size:1rem;line-height:1.3;display:block}
</style>"""


def inputs(block: Leaf, spec: BlockSpec) -> None:
    """Question 1."""
    items, card = block.items, registry.card(block.dataset.name)
    where = "drawn by the lab: embedded (synthetic) data" if card.kind == "embedded" else f"{block.index.root.name}/"
    st.markdown(
        f"**{len(items):,} items**, {where}. Item {min(spec.item, len(items) - 1)} is followed through all steps."
    )
    for note in block.index.notes if block.index is not None else ():
        st.caption(f":material/info: {note}")
    if items.task == "ratings":
        _ratings_table(block, spec)
    else:
        rows = data_show.shelf_rows(block, spec.shelf)
        table = items.table["item"]
        shelf([data_show.shown(block, row, target=False, title=f"{row}", note=str(table.iloc[row])) for row in rows])
    if items.left_out:
        with st.expander(f"{len(items.left_out)} files are left out"):
            st.markdown("\n".join(f"- {sentence}" for sentence in items.left_out[:50]))
    about_items(block)


def _ratings_table(block: Leaf, spec: BlockSpec) -> None:
    items = block.items
    first = min(spec.shelf, (len(items) - 1) // ROWS_SHOWN) * ROWS_SHOWN
    part = items.table.iloc[first : first + ROWS_SHOWN]
    films = [items.classes[movie] for movie in part["movie"]]
    # As text: a table would show a float32 with four decimals.
    ratings = [f"{rating:g}" for rating in part["rating"]]
    st.table(pd.DataFrame({"user": part["user"], "film": films, "rating": ratings}).set_index("user"))


def label(block: Leaf, spec: BlockSpec) -> None:
    """Question 3."""
    items, types = block.items, block.types
    if items.task == "ratings":
        _ratings_table(block, spec)
    else:
        colors = data_show.colors_of(block)
        rows = data_show.shelf_rows(block, spec.shelf)
        pictures = [data_show.shown(block, row, note=f"item {row}") for row in rows]
        shelf(pictures, colors=colors)
        if colors is not None:
            codes(items.classes, colors, _codes_in(pictures), items.void)
    try:
        target, said = block.target(min(spec.item, len(items) - 1))
        shape = np.shape(target) or "one value"
        st.markdown(f"The target of item {min(spec.item, len(items) - 1)}: {said}, `{target.dtype}` {shape}.")
    except decode.Unusable as problem:
        st.caption(f"Item {spec.item} {problem}; it is left out.")
    about_label(block)
    left, right = st.columns([3, 2], gap="large")
    with left:
        headings = {"points": "Where the points lie", "ratings": "How often each rating is given"}
        st.subheader(headings.get(items.task, "How often each occurs"), anchor=False)
        chart(balance(block), key="balance figure", about="How often each target occurs")
    with right:
        st.subheader("What this kind of target decides", anchor=False)
        rows = {
            "Blocks": ", ".join(types.blocks),
            "Target": types.target,
            "Loss": types.loss,
            "Activation": types.activation,
            "Metrics": ", ".join(types.metrics),
            "Outputs": types.outputs,
        }
        st.markdown("\n".join(f"- {name}: **{value}**" for name, value in rows.items()))
        st.markdown(types.why)


def _codes_in(pictures: list[Shown]) -> list[int]:
    masks = [one.mask for one in pictures if one.mask is not None]
    return np.unique(np.concatenate([mask.ravel() for mask in masks])).tolist() if masks else []


def balance(block: Leaf):
    """The figure of class balance, whatever the task."""
    items, parts = block.items, data_show.parts(block)
    if items.task in ("single_label", "multi_label"):
        return figures.shares_figure(items.classes, *label_counts(block), palette=palette())
    if items.task == "masks":
        train, valid = mask_counts(block.dataset.canonical(), block.split.how, block)
        return figures.shares_figure(items.classes, train, valid, unit="pixels", palette=palette())
    if items.task == "points":
        points, size = block.all_points()
        return figures.places_figure(points, parts, size, palette=palette())
    ratings = items.table["rating"].to_numpy()
    values = np.unique(ratings)
    counts = [np.array([(ratings[parts == code] == value).sum() for value in values]) for code in (0, 1)]
    return figures.histogram_figure(values, (counts[0], counts[1]), "rating", palette=palette())


@st.cache_data(max_entries=16, show_spinner="Counting the pixels of each class")
def mask_counts(dataset: str, how: str, _block: Leaf) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each class in train and in valid; of a set of files, an even sample of them."""
    found = []
    for rows in (_block.split.train, _block.split.valid):
        if _block.index is not None and len(rows) > MASKS_LOOKED_AT // 2:
            rows = rows[np.linspace(0, len(rows) - 1, MASKS_LOOKED_AT // 2).astype(int)]
        usable = []
        for row in rows if _block.index is not None else ():
            try:
                _block.items.masks[row]
                usable.append(row)
            except decode.Unusable:
                continue  # the shelf and the check name it; here it only does not count
        found.append(_block.mask_counts(rows if _block.index is None else np.asarray(usable, np.int64)))
    return found[0], found[1]


def test_set(block: Leaf, spec: BlockSpec) -> None:
    """Question 5."""
    tested = block.split.test
    if not len(tested):
        st.info(
            "This set has no test set, so valid is all the exam there is: choose by it as little as you can. In your "
            "own data, pictures in a folder named test beside train make one; for masks, a list named test.txt does.",
            icon=":material/info:",
        )
        return
    st.markdown(f"**{len(tested):,} items** neither teach nor guide a choice. Look at their score once, at the end.")
    colors = data_show.colors_of(block)
    first = min(spec.shelf, (len(tested) - 1) // data_show.SHELF) * data_show.SHELF
    shelf([data_show.shown(block, int(row)) for row in tested[first : first + data_show.SHELF]], colors=colors)


def batches(block: Leaf, spec: BlockSpec) -> None:
    """Question 6."""
    dimensions = block.one_batch()
    steps = block.batches()
    st.markdown(
        f"**{steps:,} batches** of {dimensions[0].shape[0]} make an epoch over the {len(block.split.train):,} items of "
        "train; the items are shuffled anew before each epoch."
    )
    for one in dimensions:
        size = f"{one.bytes / 1e6:.1f} MB" if one.bytes >= 1e5 else f"{one.bytes:,} bytes"
        st.markdown(f"**{one.name}** · `{one.dtype}` · {size} on the device")
        boxes = "".join(
            f"<div><b>{count:,}</b><span>{html.escape(reason.removeprefix(f'{count} '))}</span></div>"
            for count, reason in zip(one.shape, one.reasons, strict=True)
        )
        st.html(f'{SHAPES}<div class="shapes">{boxes}</div>')
    if block.items.task == "ratings":
        _ratings_table(block, spec)
        return
    st.subheader("A look into a batch", anchor=False)
    _show_batch(block, spec)


def _show_batch(block: Leaf, spec: BlockSpec) -> None:
    """Items of train drawn at random, varied as in training, with their targets: fastai's ``show_batch``."""
    items, how, train = block.items, preset(spec.varied_by), block.split.train
    rows = np.random.default_rng(spec.draw).choice(train, min(data_show.SHELF, len(train)), replace=False)
    drawn = preview.draws(how, len(rows), block.shape, spec.draw)
    pictures = []
    for row, draw in zip(rows, drawn, strict=True):
        one = data_show.shown(block, int(row))
        if one.image is not None:
            image, mask, points = preview.varied(how, draw, one.image, one.mask, one.points, void=items.void)
            one = Shown(image, one.title, f"item {row}", mask, points)
        pictures.append(one)
    colors = data_show.colors_of(block)
    shelf(pictures, colors=colors)
    if colors is not None:
        codes(items.classes, colors, _codes_in(pictures), items.void)


def trace(block: Leaf, spec: BlockSpec) -> None:
    """One item's way through every step: fastai's ``dblock.summary``."""
    row = min(spec.item, len(block.items) - 1)
    try:
        steps = block.summary(row)
    except decode.Unusable as problem:
        st.warning(f"Item {row} {problem}. Choose another item.", icon=":material/warning:")
        return
    rows = [
        {"step": one.question, "what was done": one.did, "shape": " x ".join(map(str, one.shape)) or "one value",
         "type": one.dtype}
        for one in steps
    ]  # fmt: skip
    st.table(pd.DataFrame(rows).set_index("step"))
