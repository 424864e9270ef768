"""The spreadsheet of the notes, alive: factors in the margins, every cell a dot product that follows them."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.collab_run import Learnt

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "collab_sheet"
SHOWN_AXES = 3
"""Axes in the margins; the sum over all others is one number per cell, so that cells equal the model's predictions."""
USERS, ITEMS = 6, 6
ASKED_USERS = 2_000
"""Whose ratings are looked at for a block with few gaps: those who rated most."""
LISTED = 2_000
"""Users to choose among: a list of a hundred thousand would travel to the browser with every click."""

_component = st.components.v2.component(
    "unfreeze_collab_sheet",
    html=(FOLDER / "collab_sheet.html").read_text(encoding="utf-8"),
    css=(FOLDER / "collab_sheet.css").read_text(encoding="utf-8"),
    js=(FOLDER / "collab_sheet.js").read_text(encoding="utf-8"),
)


def block(found: Learnt, users: np.ndarray, items: np.ndarray, width: int = SHOWN_AXES) -> dict[str, Any]:
    """What the sheet shows: a block of users x items on the model's own axes.

    The axes are a rotation around zero, so the dot product over all of them is the model's; those not shown are summed
    into ``rest``.
    """
    model = found.model
    width = min(width, model.item_factors.shape[1])
    u = model.user_factors[users].astype(float) @ found.axes.basis
    v = model.item_factors[items].astype(float) @ found.axes.basis
    biased = model.user_bias is not None
    ratings: list[list[float | None]] = [[None] * len(items) for _ in users]
    if found.rated is not None:
        place = {int(code): n for n, code in enumerate(items)}
        for a, user in enumerate(users):
            for code, stars in zip(*found.rated.of(int(user)), strict=True):
                if int(code) in place:
                    ratings[a][place[int(code)]] = float(stars)

    def side(factors: np.ndarray, bias: np.ndarray | None, names: list[str]) -> list[dict[str, Any]]:
        biases = np.zeros(len(names)) if bias is None else bias.astype(float)
        return [
            {"name": name, "factors": row[:width].tolist(), "bias": float(one)}
            for name, row, one in zip(names, factors, biases, strict=True)
        ]

    return {
        "users": side(u, model.user_bias[users] if biased else None, [f"user {found.users[n]}" for n in users]),
        "items": side(v, model.item_bias[items] if biased else None, found.items["title"].iloc[items].tolist()),
        "rest": (u[:, width:] @ v[:, width:].T).tolist(),
        "range": list(model.y_range) if model.y_range else None,
        "ratings": ratings,
        "width": width,
        "biased": biased,
    }


def busiest(found: Learnt) -> tuple[np.ndarray, np.ndarray]:
    """The films rated most and the users who rated most of them: a block with few gaps."""
    items = np.argsort(-found.items["ratings"].to_numpy(), kind="stable")[:ITEMS]
    if found.rated is None:
        return np.arange(min(USERS, len(found.users))), items
    most = np.argsort(-np.diff(found.rated.starts), kind="stable")[:ASKED_USERS]
    hits = np.zeros(len(found.users))
    hits[most] = [np.isin(found.rated.of(int(user))[0], items).sum() for user in most]
    return np.argsort(-hits, kind="stable")[:USERS], items


def listed(found: Learnt, users: np.ndarray) -> list[int]:
    """Users on offer: all, or those who rated most and the ones that are shown."""
    if len(found.users) <= LISTED or found.rated is None:
        return list(range(min(len(found.users), LISTED)))
    most = np.argsort(-np.diff(found.rated.starts), kind="stable")[:LISTED]
    return sorted({*map(int, most), *map(int, users)})


def sheet_tab(found: Learnt) -> None:
    """Choose a block, drag its numbers."""
    if not found.model.bilinear:
        st.info(
            "A neural net is no dot product, so it has no such sheet. Choose a dot-product model on the left.",
            icon=":material/grid_off:",
        )
        return
    st.markdown(
        "**Drag a number in a margin** (or use the arrow keys): its whole row or column answers. "
        "Press *one step* and every margin moves a little against its gradient."
    )
    users, items = busiest(found)
    titles = found.items["title"]
    with st.expander("Other users and items"):
        left, right = st.columns(2)
        people = left.multiselect(
            "Users", listed(found, users), users.tolist(), key="sheet users", max_selections=12,
            format_func=lambda n: f"user {found.users[n]}", help="The rows of the block.",
        )  # fmt: skip
        films = right.multiselect(
            "Items", range(len(titles)), items.tolist(), key="sheet items", max_selections=12,
            format_func=found.titles.__getitem__, help="The columns of the block.",
        )  # fmt: skip
    if not people or not films:
        st.info("Choose at least one user and one item.", icon=":material/grid_on:")
        return
    _component(key="sheet", data=block(found, np.asarray(people), np.asarray(films)), height="content")
    if found.rated is not None:
        st.caption(
            "Cells are this run's predictions, ratings below them; the warmer a cell, the further it is off. "
            f"The axes are the {found.model.item_factors.shape[1]} factors rotated so that the widest come first, "
            "which leaves every product as it is. A double click brings a number back."
        )
