"""The explorer: the map of items, neighbours, loved and unloved, what an axis means, and the truth where known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation import collab_map as reading
from labcore.figures import collab as figures
from labcore.runs.store import Row
from pages.parts import words
from pages.parts.chart import chart
from pages.parts.collab_run import Learnt
from pages.parts.item_map import item_map
from pages.parts.theme import palette

COLOURS = ("genre", "year", "bias", "ratings")
DRAWN = 3_000
"""Biases drawn at most: a figure with a title per point travels with every click."""
GENRES = 6
"""Genres with a colour of their own, the most frequent; the others are grey together."""
OTHER = "other"


def map_tab(found: Learnt, row: Row) -> None:
    """The map and what can be asked of it."""
    places = list(found.places)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        x = st.selectbox("Across", places, key="map x", bind="query-params", help="What the horizontal axis shows.")
        y = st.selectbox(
            "Upwards", places, index=min(1, len(places) - 1), key="map y", bind="query-params",
            help="What the vertical axis shows.",
        )  # fmt: skip
        colour = st.selectbox(
            "Colour", COLOURS, key="map colour", bind="query-params", help="What the colour of a point says."
        )
        least = st.selectbox(
            "Rated at least", sorted({1, 5, 20, 50, 100, found.least_ratings}), key="map least",
            index=sorted({1, 5, 20, 50, 100, found.least_ratings}).index(found.least_ratings),
            help="Items with few ratings have hardly been learnt: they crowd around the middle.",
        )  # fmt: skip
    searched = st.multiselect(
        "Find", range(len(found.items)), key="map find", format_func=found.titles.__getitem__,
        placeholder="type a title to ring it on the map", help="These items are ringed and named.",
    )  # fmt: skip
    shown, groups = points(found, x, y, colour, least)
    if shown.empty:
        st.info("No item has been rated so often. Lower the bar.", icon=":material/filter_alt_off:")
        return
    known = f"{row.id} {row.finished} {x} {y} {least}"
    picked = item_map(shown, x, y, colour, known=known, key="map", groups=groups, marked=searched)
    told = f"{len(shown):,} of {len(found.items):,} items. Draw around some to list them; scroll to zoom."
    if "axis" in x or "axis" in y:
        shares = ", ".join(f"{100 * share:.0f} %" for share in found.axes.share[:4])
        told += f" The first axes hold {shares} of the spread of all factors."
    st.caption(told)
    if picked.codes:
        more = f", the {len(picked.codes):,} most rated of them" if picked.count > len(picked.codes) else ""
        st.caption(f"**{picked.count:,} items inside the lasso**{more}:")
        st.dataframe(listing(found, picked.codes), hide_index=True, key="map list")
    _truth(row)
    left, right = st.columns(2, gap="medium")
    with left:
        _neighbours(found, searched[-1] if searched else int(found.items["ratings"].to_numpy().argmax()))
    with right:
        _axis(found, x)
    _loved(found)


def points(found: Learnt, x: str, y: str, colour: str, least: int) -> tuple[pd.DataFrame, Sequence[str]]:
    """What the map draws: rows of points, and the names of the colours where they are names."""
    kept = np.flatnonzero(found.items["ratings"].to_numpy() >= least)
    items = found.items.iloc[kept]
    shown = pd.DataFrame(
        {
            "x": found.places[x][kept],
            "y": found.places[y][kept],
            "code": kept,
            "ratings": items["ratings"].to_numpy(),
            "name": items["title"].to_numpy(),
            "title": [
                f"{title}\t{genres.replace('|', ', ')}\t{count:,} ratings"
                for title, genres, count in zip(items["title"], items["genres"], items["ratings"], strict=True)
            ],
        }
    )
    if colour != "genre":
        shown["colour"] = items[colour].to_numpy()
        return shown, ()
    first = items["genres"].str.split("|").str[0].replace("", OTHER)
    names = [name for name in first.value_counts().index if name != OTHER][:GENRES]
    shown["colour"] = first.where(first.isin(names), OTHER).to_numpy()
    return shown, [*names, OTHER]


def listing(found: Learnt, codes: Sequence[int]) -> pd.DataFrame:
    """Items as a table for people."""
    part = found.items.iloc[list(codes)]
    return pd.DataFrame(
        {
            "title": part["title"],
            "year": part["year"].where(part["year"] > 0),
            "genres": part["genres"].str.replace("|", ", "),
            "ratings": part["ratings"],
            "mean": (found.overall + part["mean"]).round(2),
            "bias": part["bias"].round(2),
        }
    )


def _truth(row: Row) -> None:
    if "truth_correlation" not in row.metrics:
        return
    st.success(
        "These films are invented, so the truth is known: the learnt factors hold "
        f"**{words.percent(row.metrics['truth_correlation'])}** of it (mean canonical correlation with the five true "
        "tastes, whatever the rotation). Choose a truth as an axis above to see it.",
        icon=":material/verified:",
    )


def _neighbours(found: Learnt, item: int) -> None:
    st.subheader("Neighbours")
    chosen = st.selectbox(
        "Of", range(len(found.items)), index=item, format_func=found.titles.__getitem__,
        key=f"neighbours of {item}", help="The items whose factors point the same way: cosine 1 is the same direction.",
    )  # fmt: skip
    allowed = found.items["ratings"].to_numpy() >= found.least_ratings
    near = reading.neighbours(found.model.item_factors, chosen, allowed=allowed)
    st.dataframe(
        pd.DataFrame(
            {
                "title": found.items["title"].iloc[near["item"]].to_numpy(),
                "genres": found.items["genres"].iloc[near["item"]].str.replace("|", ", ").to_numpy(),
                "cosine": near["cosine"].round(3),
                "distance": near["distance"].round(3),
            }
        ),
        hide_index=True,
    )


def _axis(found: Learnt, axis: str) -> None:
    st.subheader(f"What {axis} means")
    counts = found.items["ratings"].to_numpy()
    said = reading.meaning(found.places[axis], found.items["genres"].to_numpy(), counts, found.least_ratings)
    titles = found.items["title"]
    low, high = (", ".join(titles.iloc[codes]) for codes in (said.low, said.high))
    st.markdown(f"**One end:** {low}.\n\n**The other end:** {high}.")
    if said.genres.empty:
        st.caption("These items have no genres, so the ends are all that there is to read.")
        return
    chart(
        figures.genres_figure(said.genres, axis, palette()), key="axis genres", about="Genres at both ends of the axis"
    )


def _loved(found: Learnt) -> None:
    st.subheader("Loved and unloved")
    if found.model.item_bias is None:
        st.info("This model has no biases. Choose “dot product, range and bias” to see them.", icon=":material/block:")
        return
    table = reading.loved(
        found.model, found.items["ratings"].to_numpy(), found.items["mean"].to_numpy(), found.least_ratings
    )
    if len(table) < 2:
        st.caption("Too few items are rated often enough to compare their biases.")
        return
    titles = found.items["title"]
    shown = pd.DataFrame(
        {
            "title": titles.iloc[table["item"]].to_numpy(),
            "bias": table["bias"].round(2),
            "mean effect": table["mean_effect"].round(2),
            "beyond the mean": table["beyond"].round(2),
            "ratings": table["ratings"],
        }
    )
    best, worst = st.columns(2, gap="medium")
    best.markdown("**Highest bias:** liked even by those whose taste it is not")
    best.dataframe(shown.head(8), hide_index=True)
    worst.markdown("**Lowest bias:** disliked even by those whose taste it should be")
    worst.dataframe(shown.tail(8)[::-1], hide_index=True)
    st.markdown("A bias follows the mean rating; what is off the line is liked beyond (or below) its mean:")
    chart(
        figures.loved_figure(table, shown["title"].tolist(), palette()),
        key="loved",
        about="Bias of each item by its mean rating",
    )
