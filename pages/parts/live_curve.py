"""The live curve: a canvas chart in the browser that follows runs by itself, without a rerun of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from pages.parts import present

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "live_curve"
SCRIPTS = ("points.js", "axes.js", "paint.js", "panel.js", "gestures.js", "chart.js", "mount.js")
"""In the order in which they build on one another; together they are one ES module."""


def _bundle() -> str:
    """All scripts as one, without comment lines and indentation: it travels with every rerun of a page."""
    lines = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("//"))


_component = st.components.v2.component(
    "unfreeze_live_curve",
    html=(FOLDER / "live_curve.html").read_text(encoding="utf-8"),
    css=(FOLDER / "live_curve.css").read_text(encoding="utf-8"),
    js=_bundle(),
)

Dash = Literal["solid", "dash", "dot", "dashdot"]


@dataclass(frozen=True)
class Curve:
    """One line: a series of a run, and how to draw it."""

    run: str
    series: str
    label: str
    color: int | str = 0
    """Place in the theme's palette, or a CSS colour."""
    dash: Dash = "solid"
    width: float = 3.0
    faint: str | None = None
    """A series of the same run drawn as faint dots beneath: the raw points."""
    band: str | None = None
    """Curves of one band are drawn as their mean within the span from lowest to highest (seeds)."""


@dataclass(frozen=True)
class Rule:
    """A vertical marker at a learning rate; without ``lr`` it appears when the run's ``metric`` becomes known."""

    name: str
    run: str
    lr: float | None = None
    metric: str = ""
    color: int | str = 0


@dataclass(frozen=True)
class Known:
    """What the page already knows of a run.

    ``stream`` lets the browser follow the run by itself; ``series`` maps names to (steps, values, unix seconds).
    """

    stream: bool = False
    series: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)
    status: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Replay:
    """Show known points at the pace at which they were measured, times ``speed``; a new ``nonce`` starts over."""

    speed: float = 10.0
    nonce: int = 0
    unasked: bool = False
    """Started by the page, not by a person: whoever asked for less motion sees all points at once."""


@dataclass(frozen=True)
class Answer:
    """What the browser told: the person's pick, a run that ended just now, whether streaming does not work here."""

    pick: float | None
    ended: str | None
    fallback: bool


def _column(values: np.ndarray, digits: int = 6) -> list[float | None]:
    """Numbers for JSON with six significant digits, more than a screen shows; not-finite ones as null."""
    known = np.asarray(values, float)
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in known.tolist()]


def _columns(known: Known) -> dict[str, list[list]]:
    columns = {}
    for name, (steps, values, at) in known.series.items():
        columns[name] = [np.asarray(steps).tolist(), _column(values)]
        if len(at):
            columns[name].append(_column(np.asarray(at) - at[0], 5))
    return columns


def live_curve(
    runs: Mapping[str, Known],
    curves: Sequence[Curve],
    *,
    key: str,
    page: str,
    x: str = "step",
    x_label: str = "batch",
    x_range: tuple[float, float] | None = None,
    log_x: bool = False,
    y_label: str = "loss",
    y_format: Literal["number", "percent"] = "number",
    log_y: bool = False,
    rules: Sequence[Rule] = (),
    pick: float | None = None,
    pick_enabled: bool = False,
    clip: float = 1.0,
    height: int = 520,
    message: str = "",
    empty: str = "",
    status_line: bool = True,
    replay: Replay | None = None,
) -> Answer:
    """Draw curves that move by themselves while their runs train.

    Args:
        runs: by run id, what is known and whether to follow it.
        curves: the lines.
        key: the widget's key.
        page: the url path of the page it stands on, from which the browser finds the server's root.
        x: ``step``, or the series whose value at the same step is the horizontal place.
        x_range: the axis while points still arrive; afterwards it fits the points.
        log_y: a logarithmic vertical axis, where a tenth of an error is as far as ten times of it.
        rules: vertical markers.
        pick: the person's pick, as last told by the browser.
        pick_enabled: whether the pick can be dragged.
        clip: how far above its starting level a diverging curve may pull the axis, in heights of the dip below it.
        height: in pixels; narrow screens get less.
        message: what the figure says, for people who do not see it.
        empty: a sentence to show while there is no point.
        replay: play the known points instead of showing them at once.
    """
    data = {
        "runs": {
            run: {"stream": known.stream, "series": _columns(known), "status": known.status and dict(known.status)}
            for run, known in runs.items()
        },
        "curves": [asdict(curve) | {"id": f"{curve.run} {curve.series}"} for curve in curves],
        "x": {"series": x, "label": x_label, "log": log_x, "range": x_range},
        "y": {"label": y_label, "format": y_format, "log": log_y, "range": None},
        "rules": [asdict(rule) for rule in rules],
        "pick": pick,
        "pick_enabled": pick_enabled,
        "clip": clip,
        "height": round(height * present.FIGURES) if present.on() else height,
        "message": message,
        "empty": empty,
        "status_line": status_line,
        "page": page,
        "legend": False,
        "replay": replay and asdict(replay),
    }
    result = _component(
        key=key,
        data=data,
        height="content",
        on_pick_change=_nothing,
        on_fallback_change=_nothing,
        on_ended_change=_nothing,
    )
    return Answer(result.get("pick"), result.get("ended"), bool(result.get("fallback")))


def _nothing() -> None:
    """Streamlit keeps a component's answers only for names that have a callback."""
