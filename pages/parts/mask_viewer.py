"""The mask viewer and the time-lapse: layers go to the browser once, which then toggles, swipes and answers alone."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "mask_viewer"
SHARED = ("unpack.js", "layers.js")
LAYERS = ("picture", "truth", "prediction", "errors", "entropy", "probability")
"""What can be seen of a picture."""
PACKED = 3
"""zlib's effort: masks are flat already at 3, and a photograph does not shrink however hard one tries."""
MOST_FRAMES = 40
"""Frames of a time-lapse; a longer one is thinned evenly, its ends kept."""


def _bundle(*names: str) -> str:
    """Scripts as one, without comment lines and indentation: they travel with every rerun of a page."""
    lines = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("//"))


_viewer = st.components.v2.component(
    "unfreeze_mask_viewer",
    html=(FOLDER / "mask_viewer.html").read_text(encoding="utf-8"),
    css=(FOLDER / "mask_viewer.css").read_text(encoding="utf-8"),
    js=_bundle(*SHARED, "stage.js", "viewer.js", "mount.js"),
)
_timelapse = st.components.v2.component(
    "unfreeze_mask_timelapse",
    html=(FOLDER / "timelapse.html").read_text(encoding="utf-8"),
    css=(FOLDER / "timelapse.css").read_text(encoding="utf-8"),
    js=_bundle(*SHARED, "timelapse.js"),
)


@dataclass(frozen=True)
class Code:
    """A class as the viewer paints it.

    Attributes:
        name: for people.
        color: red, green, blue, 0 to 255.
        void: whether it is what nobody labelled, which no metric counts.
    """

    name: str
    color: tuple[int, int, int]
    void: bool = False


@dataclass(frozen=True)
class Said:
    """What one run says of a picture.

    Attributes:
        label: the run's name where two stand side by side, else ''.
        prediction: uint8 [h, w].
        probs: uint8 [C, h, w], probability times 255; None leaves out entropy and probability.
    """

    label: str
    prediction: np.ndarray
    probs: np.ndarray | None = None


@dataclass(frozen=True)
class View:
    """How a picture is looked at; what a link brings back.

    Attributes:
        layer: one of ``LAYERS``.
        second: the layer that is swiped against, or ''.
        chosen: the class whose probability is seen.
        threshold: from which that probability counts.
        opacity: of layers over the picture.
        outline: whether borders between classes are drawn.
        hidden: classes that are switched off.
    """

    layer: str = "prediction"
    second: str = ""
    chosen: int = 0
    threshold: float = 0.5
    opacity: float = 0.6
    outline: bool = False
    hidden: tuple[int, ...] = field(default=())

    def link(self) -> dict[str, str]:
        """The query parameters that bring it back: what differs from the default."""
        plain, said = View(), {}
        for name, key in LINK.items():
            value = getattr(self, name)
            if value != getattr(plain, name):
                said[key] = ",".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}" if isinstance(
                    value, float
                ) else str(int(value) if isinstance(value, bool) else value)  # fmt: skip
        return said


LINK = {
    "layer": "layer",
    "second": "swipe",
    "chosen": "class",
    "threshold": "least",
    "opacity": "opacity",
    "outline": "outline",
    "hidden": "hide",
}
"""Query parameters of a view."""


def view_of(told: Mapping[str, Any], classes: int) -> View:
    """A view from untrusted values, the browser's or a link's; what makes no sense is left at its default."""
    plain = View()

    def number(name: str, low: float, high: float, default: float) -> float:
        try:
            value = float(told.get(name, default))
        except (TypeError, ValueError):
            return default
        return value if low <= value <= high else default

    hidden = told.get("hidden", ())
    parts = hidden.split(",") if isinstance(hidden, str) else hidden if isinstance(hidden, Sequence) else ()
    codes = {int(part) for part in map(str, parts) if part.isdigit() and int(part) < classes}
    return View(
        layer=told["layer"] if told.get("layer") in LAYERS else plain.layer,
        second=told["second"] if told.get("second") in LAYERS else "",
        chosen=int(number("chosen", 0, max(0, classes - 1), 0)),
        threshold=round(number("threshold", 0, 1, plain.threshold), 2),
        opacity=round(number("opacity", 0, 1, plain.opacity), 2),
        outline=str(told.get("outline", False)).lower() in ("1", "true"),
        hidden=tuple(sorted(codes)),
    )


def view_from_link(query: Mapping[str, str], classes: int) -> View:
    """The view that a link names."""
    return view_of({name: query[key] for name, key in LINK.items() if key in query}, classes)


def packed(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A header and uint8 arrays as the browser unpacks them: length, JSON, then everything deflated as one."""
    places, parts, start = [], [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array, np.uint8).tobytes()
        places.append({"name": name, "start": start, "bytes": len(data)})
        parts.append(data)
        start += len(data)
    whole = b"".join(parts)
    told = dict(head) | {"places": places}
    # The same pixels under another title are something new to the browser.
    told["id"] = hashlib.sha256(json.dumps(told, sort_keys=True).encode() + whole).hexdigest()[:16]
    text = json.dumps(told).encode()
    return len(text).to_bytes(4, "little") + text + zlib.compress(whole, PACKED)


def mask_viewer(
    picture: np.ndarray,
    truth: np.ndarray | None,
    runs: Sequence[Said],
    codes: Sequence[Code],
    *,
    key: str,
    item: str = "",
    words: str = "",
    view: View | None = None,
    chosen: int | None = None,
    nav: tuple[int, int] | None = None,
    message: str = "",
    on_go: Callable[[int], None] | None = None,
) -> View:
    """Look through one picture pixel by pixel.

    Args:
        picture: uint8 [h, w, 3].
        truth: uint8 [h, w], or None where nobody knows it (an upload).
        runs: what one or two runs say of it.
        codes: the classes, by their code.
        key: the widget's key.
        item: the picture's name.
        words: what is to be said of it, one line.
        view: how it is looked at when it is first seen; afterwards the browser keeps its own.
        chosen: a class to choose now, whatever was chosen before.
        nav: (place, of how many) of the picture in the order at hand; None offers no other.
        message: what the picture says, for people who do not see it.
        on_go: told 1 when the next picture is asked for and -1 for the last one, before the page is drawn anew.

    Returns:
        How it is looked at now.
    """
    # The start travels with the picture but is heard once: kept still, the very same bytes are sent again and again.
    start = st.session_state.setdefault(f"{key} start", view or View())
    arrays = {"picture": picture} | ({} if truth is None else {"truth": truth})
    for number, run in enumerate(runs):
        arrays[f"prediction_{number}"] = run.prediction
        if run.probs is not None:
            arrays[f"probs_{number}"] = run.probs
    head = {
        "size": list(picture.shape[:2]),
        "codes": [{"name": code.name, "color": list(code.color), "void": code.void} for code in codes],
        "runs": [{"label": run.label} for run in runs],
        "item": item,
        "words": words,
        "start": {name: getattr(start, name) for name in LINK},
        "chosen": chosen,
        "nav": nav and {"at": nav[0], "of": nav[1]},
        "message": message,
    }

    def go() -> None:
        step = st.session_state[key].get("go")
        if on_go is not None and step in (1, -1):
            on_go(step)

    result = _viewer(key=key, data=packed(head, arrays), height="content", on_view_change=_nothing, on_go_change=go)
    told = result.get("view")
    return view_of(told, len(codes)) if isinstance(told, Mapping) else start


def timelapse(
    found: Mapping[str, np.ndarray], codes: Sequence[Code], items: Sequence[str], *, key: str, epochs: float, live: bool
) -> None:
    """Masks of the fixed pictures as they came, to scrub through or to watch.

    Args:
        found: ``pictures`` uint8 [K, h, w, 3], ``truth`` uint8 [K, h, w], ``masks`` uint8 [E, K, h, w], ``at`` [E].
        codes: the classes.
        items: [K] names of the pictures.
        key: the widget's key.
        epochs: of the whole plan; 0 where it is not known.
        live: whether more is to come: the newest is shown.
    """
    _timelapse(key=key, data=_lapse(found, tuple(codes), tuple(items), epochs, live), height="content")


def _lapse(found: Mapping[str, np.ndarray], codes: tuple[Code, ...], items: tuple[str, ...], epochs, live) -> bytes:
    at = np.asarray(found["at"], float)
    keep = np.arange(len(at))
    if len(at) > MOST_FRAMES:
        keep = np.unique(np.linspace(0, len(at) - 1, MOST_FRAMES).astype(int))
    head = {
        "size": list(found["truth"].shape[1:]),
        "codes": [{"name": code.name, "color": list(code.color), "void": code.void} for code in codes],
        "items": list(items),
        "at": [round(value, 2) for value in at[keep].tolist()],
        "epochs": round(epochs, 2),
        "live": live,
        "set": hashlib.sha256(np.ascontiguousarray(found["pictures"]).tobytes()).hexdigest()[:12],
    }
    return packed(head, {"pictures": found["pictures"], "truth": found["truth"], "masks": found["masks"][keep]})


def _nothing() -> None:
    """Streamlit keeps a component's answers only for names that have a callback."""
