"""The threshold board: counts and 24 pictures go to the browser once, which then answers every mouse move by itself."""

import base64
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from labcore.evaluation import multilabel
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.tune import Tuned, plain
from pages.parts.threshold_source import THUMB, Source, baselines_of, gallery_rows

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "threshold_board"
SCRIPTS = ("counts.js", "paint.js", "dom.js", "board.js", "mount.js")
ITEM_CELLS = 400_000
"""Answers sent one by one, for means over pictures: ranked in about 2 ms per move; of more, a part drawn by a seed."""
COLUMNS = 6
"""Pictures per line of the sprite."""
SPRITE_QUALITY = 82


def _bundle() -> str:
    """All scripts as one, without comment lines and indentation: it travels with every rerun of a page."""
    lines = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("//"))


_component = st.components.v2.component(
    "unfreeze_threshold_board",
    html=(FOLDER / "threshold_board.html").read_text(encoding="utf-8"),
    css=(FOLDER / "threshold_board.css").read_text(encoding="utf-8"),
    js=_bundle(),
)


@dataclass(frozen=True)
class Chosen:
    """What stands on the board.

    Attributes:
        everywhere: the threshold for all labels.
        own: thresholds of single labels, by their place.
    """

    everywhere: float
    own: Mapping[int, float]

    def thresholds(self, classes: int) -> np.ndarray:
        """[C] the threshold of each label."""
        found = np.full(classes, self.everywhere)
        for place, value in self.own.items():
            found[place] = value
        return found

    def link(self) -> dict[str, str]:
        """The query parameters that bring them back."""
        own = ",".join(f"{place}:{value:g}" for place, value in sorted(self.own.items()))
        return {"t": f"{self.everywhere:g}"} | ({"own": own} if own else {})


def from_link(query: Mapping[str, str], start: float, classes: int) -> Chosen:
    """The thresholds that a link names; what makes no sense in it is left out."""

    def number(text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return round(value, 3) if 0 <= value <= 1 else None

    own = {}
    for part in query.get("own", "").split(","):
        place, _, value = part.partition(":")
        if place.isdigit() and int(place) < classes and number(value) is not None:
            own[int(place)] = number(value)
    asked = number(query.get("t", ""))
    return Chosen(start if asked is None else asked, own)


def levels(p: np.ndarray) -> np.ndarray:
    """How many of the grid's thresholds lie below each probability: it is said at exactly those; uint16."""
    return np.searchsorted(sweep.GRID, p.astype(np.float64), side="left").astype(np.uint16)


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode()


@st.cache_resource(max_entries=8, show_spinner=False)
def _counted(source_id: str, _source: Source) -> dict[str, Any]:
    """What the board needs of the predictions, whatever the metric."""
    classes, items = len(_source.classes), len(_source)
    histograms = np.zeros((classes, 2, sweep.GRID.size + 1), np.uint32)
    for column in range(classes):
        level, truth = levels(_source.p[:, column]), _source.y[:, column]
        histograms[column, 0] = np.bincount(level[truth], minlength=sweep.GRID.size + 1)
        histograms[column, 1] = np.bincount(level[~truth], minlength=sweep.GRID.size + 1)
    most = max(1, ITEM_CELLS // classes)
    rows = slice(None) if items <= most else np.sort(np.random.default_rng(0).permutation(items)[:most])
    return {
        "id": source_id,
        "classes": list(_source.classes),
        "positives": _source.y.sum(0).tolist(),
        "items": items,
        "few": multilabel.FEW_POSITIVES,
        "histograms": _packed(histograms),
        "levels": _packed(levels(_source.p[rows])),
        "truths": _packed(_source.y[rows].astype(np.uint8)),
        "baseline_metrics": _baseline_metrics(_source),
        **_gallery(_source),
    }


def _baseline_metrics(source: Source) -> dict[str, dict[str, float]]:
    """The small tiles' metrics of both baselines."""
    wanted = ("f2_samples", "f2_macro", "accuracy_multi")
    known = multilabel.baselines(source.shares, source.y)
    return {
        who: {name: values[name] for name in wanted if np.isfinite(values[name])}
        for who, values in (("nothing", known.nothing), ("priors", known.priors))
    }


def _gallery(source: Source) -> dict[str, Any]:
    """24 pictures with their levels: in one sprite, or by their address on the web, or as names."""
    rows = gallery_rows(source)
    found = [source.picture(row) for row in rows]
    pictures, thumbs = [], []
    for row, picture in zip(rows, found, strict=True):
        one = {
            "name": str(source.items[row]),
            "levels": levels(source.p[row]).tolist(),
            "truths": np.flatnonzero(source.y[row]).tolist(),
        }
        if isinstance(picture, str):
            one["url"] = picture
        else:
            one["place"] = [len(thumbs) % COLUMNS, len(thumbs) // COLUMNS]
            thumbs.append(picture)
        pictures.append(one)
    if not any(isinstance(thumb, np.ndarray) for thumb in thumbs):
        return {"gallery": pictures, "sprite": None}
    lines = -(-len(thumbs) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * THUMB, lines * THUMB), (128, 128, 128))
    for number, thumb in enumerate(thumbs):
        if thumb is not None:
            image = Image.fromarray(thumb).resize((THUMB, THUMB), Image.Resampling.LANCZOS)
            sheet.paste(image, (number % COLUMNS * THUMB, number // COLUMNS * THUMB))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=SPRITE_QUALITY)
    url = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"gallery": pictures, "sprite": {"url": url, "columns": COLUMNS, "lines": lines}}


@st.cache_resource(max_entries=16, show_spinner=False)
def _measured(source_id: str, metric: str, _source: Source, _tuned: Tuned) -> dict[str, Any]:
    """What the board needs of a metric: its exact curve, the notes' grid over it, optima and baselines."""
    asked = _tuned.metric
    own = np.where(_tuned.positives > 0, _tuned.class_thresholds, _tuned.global_threshold)
    short = f"F{asked.beta:g}" if asked.beta else {"cost": "cost"}.get(metric.split(":")[0], metric)
    return {
        "metric": {
            "name": asked.name,
            "title": asked.title,
            "short": "accuracy" if asked.average == "subset" else short,
            "average": asked.average,
            "beta": asked.beta,
            "costs": list(asked.costs),
            "smallest": asked.smallest,
        },
        "curve": [plain(value) for value in _tuned.curve],
        "notes": [
            [threshold, plain(value)] for threshold, value in zip(sweep.NOTEBOOK_GRID, _tuned.notes_curve, strict=True)
        ],
        "optimum": {
            "global": round(_tuned.global_threshold * 1000),
            "per_class": np.round(own * 1000).astype(int).tolist(),
        },
        "baselines": {name: plain(value) for name, value in baselines_of(_source, asked).items()},
    }


def board(source: Source, tuned: Tuned, start: Chosen, *, key: str) -> Chosen:
    """Draw the board; what stands on it after the last release.

    Args:
        source: the predictions.
        tuned: optima to offer, for the metric at hand.
        start: where it begins when these predictions are new to it.
        key: the widget's key.
    """
    data = (
        _counted(source.id, source)
        | _measured(source.id, tuned.metric.name, source, tuned)
        | {"initial": {"global": start.everywhere, "own": {str(c): t for c, t in start.own.items()}}}
    )
    result = _component(key=key, data=data, height="content", on_thresholds_change=_nothing)
    told = result.get("thresholds")
    if not told or told.get("id") != source.id:
        return start
    # The browser is not to be trusted with more than it was given.
    query = {"t": json.dumps(told.get("global")), "own": ",".join(f"{c}:{t}" for c, t in told.get("own", {}).items())}
    return from_link(query, start.everywhere, len(source.classes))


def _nothing() -> None:
    """Streamlit keeps a component's answers only for names that have a callback."""
