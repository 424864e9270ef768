"""Somebody new: rate a handful, and the model knows where you stand at once, by a closed form."""

import time
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation.collab_model import because, fold_in
from pages.parts.collab_run import Learnt
from pages.parts.item_map import item_map

RECOMMENDED = 10
OFFERED = 8
"""Well-known items offered to start with."""
SCALE_FROM = 200_000
"""So many ratings show which stars occur."""


def mine(found: Learnt) -> dict[int, float]:
    """The ratings in the link, as ``code:stars`` parted by commas; what makes no sense is left out."""
    ratings: dict[int, float] = {}
    for part in st.query_params.get("you", "").split(","):
        code, _, stars = part.partition(":")
        if code.isdigit() and int(code) < len(found.items):
            try:
                ratings[int(code)] = float(stars)
            except ValueError:
                continue
    return {code: stars for code, stars in ratings.items() if np.isfinite(stars)}


def _keep(ratings: dict[int, float]) -> None:
    if ratings:
        st.query_params["you"] = ",".join(f"{code}:{stars:g}" for code, stars in ratings.items())
    else:
        st.query_params.pop("you", None)


def you_tab(found: Learnt) -> None:
    """Rate, see your place, your list, and why."""
    if not found.model.bilinear:
        st.info(
            "A neural net has no closed form for a new person. Choose one of the dot-product models on the left.",
            icon=":material/person_off:",
        )
        return
    ratings = mine(found)
    steps = scale(found)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        ratings = _rate(found, ratings, steps)
    items, stars = np.fromiter(ratings, int, len(ratings)), np.fromiter(ratings.values(), float, len(ratings))
    crowd = found.crowd  # made once per run; only what each rating costs is timed
    began = time.perf_counter()
    factors, bias = fold_in(found.model, crowd, items, stars)
    scores = found.model.scores_of(factors, bias)
    took = time.perf_counter() - began
    with right:
        _recommend(found, items, stars, scores)
        st.caption(
            f"Your {len(factors)} factors and your bias ({bias:+.2f}) come from one small linear system, and "
            f"{len(scores):,} items were scored: {1000 * took:.1f} ms. Nothing was trained."
        )
    _place(found, factors)


def scale(found: Learnt) -> list[float]:
    """The ratings that can be given: those that occur in the table, at most ten of them."""
    if found.rated is not None:
        known = np.unique(found.rated.stars[:SCALE_FROM])
        if len(known) <= 10:
            return [float(one) for one in known]
    low, high = found.model.y_range or (1.0, 5.0)
    return [float(one) for one in np.linspace(np.ceil(low), np.floor(high), 5)]


def _rate(found: Learnt, ratings: dict[int, float], steps: list[float]) -> dict[int, float]:
    st.subheader("You")
    titles, counts = found.items["title"], found.items["ratings"].to_numpy()
    famous = np.argsort(-counts, kind="stable")[:OFFERED].tolist()
    more = st.selectbox(
        "Add", range(len(titles)), index=None, key="you add", format_func=found.titles.__getitem__,
        placeholder="type a title", help="Any item of the training data can be rated.",
    )  # fmt: skip
    shown = list(dict.fromkeys([*([more] if more is not None else []), *ratings, *famous]))
    table = pd.DataFrame(
        {"title": titles.iloc[shown].to_numpy(), "your rating": [ratings.get(code, np.nan) for code in shown]}
    )
    edited: Any = st.data_editor(
        table, key=f"you editor {hash_of(shown)}", hide_index=True, disabled=["title"],
        column_config={
            "title": st.column_config.TextColumn(width="medium"),
            "your rating": st.column_config.SelectboxColumn(options=steps, width="small"),
        },
    )  # fmt: skip
    said = {
        code: float(stars)
        for code, stars in zip(shown, edited["your rating"], strict=True)
        if stars is not None and np.isfinite(float(stars))
    }
    if said != ratings:
        _keep(said)
    strange = [titles.iloc[code] for code in said if counts[code] == 0]
    if strange:
        st.warning(
            f"{', '.join(strange)}: not rated by anybody in training, so the model knows nothing of it and your rating "
            "says little.",
            icon=":material/help:",
        )
    if not said:
        st.info("No rating yet: the list is that of the **average user** (a cold start).", icon=":material/ac_unit:")
    return said


def hash_of(shown: list[int]) -> str:
    """A name for a list of rows: the editor's changes belong to these very rows."""
    return "-".join(map(str, shown))


def _recommend(found: Learnt, items: np.ndarray, stars: np.ndarray, scores: np.ndarray) -> None:
    st.subheader("For you")
    average = found.model.scores_of(*fold_in(found.model, found.crowd, items[:0], stars[:0]))
    before = (
        found.model.scores_of(*fold_in(found.model, found.crowd, items[:-1], stars[:-1])) if len(items) else average
    )
    known = found.items["ratings"].to_numpy() >= found.least_ratings
    ranked = np.where(known, scores, -np.inf)
    ranked[items] = -np.inf
    best = np.argsort(-ranked, kind="stable")[:RECOMMENDED]
    best = best[np.isfinite(ranked[best])]
    titles = found.items["title"]
    reasons = []
    for code in best:
        why = because(found.model, found.crowd, items, stars, int(code))
        reasons.append(f"{stars[why[0]]:g} for {titles.iloc[items[why[0]]]} (+{why[1]:.2f})" if why else "")
    listed = pd.DataFrame(
        {
            "title": titles.iloc[best].to_numpy(),
            "predicted": scores[best].round(2),
            "because": reasons,
            "moved": (scores - before)[best].round(2),
            "average user": average[best].round(2),
        }
    )
    st.dataframe(
        listed, hide_index=True,
        column_config={
            "title": st.column_config.TextColumn(width="medium"),
            "because": st.column_config.TextColumn(
                "because you gave", width="medium", help="The rating of yours that speaks most for it, and by how much."
            ),
            "moved": st.column_config.NumberColumn(help="By how many stars your latest rating moved it."),
            "average user": st.column_config.NumberColumn(help="What it would be without any rating of yours."),
        },
    )  # fmt: skip
    st.download_button(
        "All predictions as CSV", _csv(found, items, scores), "recommendations.csv", "text/csv",
        icon=":material/download:", help="Every item you have not rated, best first.",
    )  # fmt: skip


def _csv(found: Learnt, items: np.ndarray, scores: np.ndarray) -> bytes:
    left = np.setdiff1d(np.arange(len(scores)), items)
    order = left[np.argsort(-scores[left], kind="stable")]
    table = pd.DataFrame(
        {
            "title": found.items["title"].iloc[order].to_numpy(),
            "predicted": scores[order].round(4),
            "ratings_in_training": found.items["ratings"].iloc[order].to_numpy(),
        }
    )
    return table.to_csv(index=False).encode()


def _place(found: Learnt, factors: np.ndarray) -> None:
    """Your direction among the items, at the length of a typical item."""
    st.subheader("Your place")
    axes = found.axes.basis[:, :2]
    if axes.shape[1] < 2:
        st.caption("With a single factor there is no map.")
        return
    taste = (factors - found.model.user_factors.mean(0)) @ axes
    kept = np.flatnonzero(found.items["ratings"].to_numpy() >= found.least_ratings)
    x, y = found.places["axis 1"][kept], found.places["axis 2"][kept]
    length = float(np.linalg.norm(taste))
    if length > 1e-9:
        # People and items live on different scales; only the direction says something.
        taste = taste / length * float(np.quantile(np.hypot(x, y), 0.9)) * min(1.0, length)
    items = found.items.iloc[kept]
    shown = pd.DataFrame(
        {
            "x": x, "y": y, "code": kept, "ratings": items["ratings"].to_numpy(), "title": items["title"].to_numpy(),
            "name": items["title"].to_numpy(),
            "colour": found.model.scores_of(factors)[kept],
        }
    )  # fmt: skip
    # Colours follow every rating, places do not.
    known = f"{found.noise} {len(kept)} {factors.tobytes().hex()[:64]}"
    item_map(
        shown, "axis 1", "axis 2", "your rating", known=known, key="you map", listens=False,
        you=(float(taste[0]), float(taste[1])),
    )  # fmt: skip
    st.caption("Items lie where their factors are; the star is your taste's direction against the average user's.")
