"""The map of items as a component: points go to the browser once, which then hovers, zooms and lassoes by itself."""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from plotly.colors import sample_colorscale

from pages.parts.theme import palette

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "collab_map"
SCRIPTS = ("draw.js", "map.js", "mount.js")
SHADES = 64
"""Steps of a colour scale: more than an eye tells apart on a dot."""
SCALES = {
    "year": "Viridis",
    "bias": [[0, "#b2182b"], [0.5, "#93a1a8"], [1, "#2166ac"]],
    "ratings": "Cividis",
}
"""The middle of a bias is grey: the usual white would vanish on a light page."""
GREY = 5
"""The palette's grey: for what has no colour of its own."""
NAMED = 8
"""Points that carry their title on the map: more than that and nobody reads any."""


def _bundle() -> str:
    """All scripts as one, without comment lines and indentation: it travels with every rerun of a page."""
    lines = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("//"))


_component = st.components.v2.component(
    "unfreeze_collab_map",
    html=(FOLDER / "collab_map.html").read_text(encoding="utf-8"),
    css=(FOLDER / "collab_map.css").read_text(encoding="utf-8"),
    js=_bundle(),
)


@dataclass(frozen=True)
class Picked:
    """What was drawn around: ``codes`` of items, the most rated first and cut where there are very many; ``count``."""

    codes: tuple[int, ...] = ()
    count: int = 0


def item_map(
    shown: pd.DataFrame,
    across: str,
    up: str,
    colour: str,
    *,
    known: str,
    key: str,
    groups: Sequence[str] = (),
    marked: Sequence[int] = (),
    you: tuple[float, float] | None = None,
    listens: bool = True,
) -> Picked:
    """Draw the map; what stands picked on it.

    Args:
        shown: ``x``, ``y``, ``title`` (on hover, lines parted by tabs), ``name``, ``colour`` (number, or a name out of
            ``groups``), ``ratings``, ``code``.
        across, up: names of the axes.
        colour: what the colour means.
        known: changes whenever ``shown`` does.
        key: the widget's key.
        groups: names in the order of the palette, the last one grey; empty for a number.
        marked: codes of items to ring and name (a search).
        you: the person's own place.
        listens: whether a lasso is told to Python.
    """
    packed, order = _packed(known, colour, tuple(groups), tuple(palette()), shown)
    codes = shown["code"].to_numpy()[order]
    if len(marked):
        places = np.flatnonzero(np.isin(codes, list(marked)))
    else:
        places = np.argsort(-shown["ratings"].to_numpy()[order], kind="stable")[:NAMED]
    names = shown["name"].to_numpy()[order]
    data = packed | {
        "across": across,
        "up": up,
        "axes": f"{across}/{up}/{len(shown)}",
        "named": [{"place": int(place), "name": shorten(names[place], 30, placeholder=" …")} for place in places],
        "ringed": bool(len(marked)),
        "you": list(you) if you else None,
        "listens": listens,
    }
    result = _component(key=key, data=data, height="content", on_picked_change=_nothing)
    told = result.get("picked")
    if not told or told.get("id") != packed["id"]:
        return Picked()
    # The browser is not to be trusted with more than it was given.
    there = set(codes.tolist())
    return Picked(tuple(code for code in told.get("codes", []) if code in there), int(told.get("count", 0)))


@st.cache_resource(max_entries=12, show_spinner=False)
def _packed(
    known: str, colour: str, groups: tuple[str, ...], colors: tuple[str, ...], _shown: pd.DataFrame
) -> tuple[dict[str, Any], np.ndarray]:
    """Points as the browser takes them, and their order: the grey ones first, then the most rated last, on top."""
    values = _shown["colour"]
    if groups:
        place = {name: number for number, name in enumerate(groups)}
        level = values.map(place).to_numpy(np.uint8)
        coloured = [color for number, color in enumerate(colors) if number != GREY]
        inks = [coloured[number % len(coloured)] for number in range(len(groups) - 1)] + [colors[GREY]]
        scale = None
    else:
        numbers = values.to_numpy(float)
        low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
        if colour == "bias":  # zero in the middle
            low, high = -max(-low, high), max(-low, high)
        level = np.clip((numbers - low) / ((high - low) or 1) * (SHADES - 1), 0, SHADES - 1).round().astype(np.uint8)
        inks = sample_colorscale(SCALES.get(colour, "Viridis"), SHADES)
        scale = {"low": f"{low:,.4g}" if colour != "year" else f"{low:.0f}", "title": colour}
        scale["high"] = f"{high:,.4g}" if colour != "year" else f"{high:.0f}"
    behind = level == len(groups) - 1 if groups else np.zeros(len(level), bool)
    order = np.lexsort((_shown["ratings"].to_numpy(), ~behind))
    titles = "\n".join(title.replace("\n", " ") for title in _shown["title"].to_numpy()[order])
    packed = {
        "x": _pack(_shown["x"].to_numpy(np.float32)[order].tobytes()),
        "y": _pack(_shown["y"].to_numpy(np.float32)[order].tobytes()),
        "level": _pack(level[order].tobytes()),
        "codes": _pack(_shown["code"].to_numpy(np.int32)[order].tobytes()),
        "titles": _pack(titles.encode()),
        "colors": inks,
        "groups": list(groups) or None,
        "scale": scale,
    }
    text = f"{known} {colour} {groups} {colors}"
    return packed | {"id": hashlib.sha256(text.encode()).hexdigest()[:16]}, order


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 6)).decode()


def _nothing() -> None:
    """Streamlit keeps a component's answers only for names that have a callback."""
