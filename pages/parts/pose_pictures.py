"""Pictures of the head pose lesson: target left and prediction right, and arrows that shrink epoch by epoch."""

import io
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from labcore.runs.store import ACTIVE, Row, open_store
from pages.parts import pose_draw
from pages.parts.kept import artifact
from pages.parts.pose_live import LOOK_EVERY, told_of
from pages.parts.pose_result import RANDOM, VALID, Result, picture_of

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "pose_frames"
COLUMNS = 4
"""Pictures per line of the sprite."""
QUALITY = 85
PAIRS = 6
WIDE = 3
_component = st.components.v2.component(
    "unfreeze_pose_frames",
    html=(FOLDER / "pose_frames.html").read_text(encoding="utf-8"),
    css=(FOLDER / "pose_frames.css").read_text(encoding="utf-8"),
    js=(FOLDER / "pose_frames.js").read_text(encoding="utf-8"),
)


def pictures_tab(row: Row | None, result: Result | None) -> None:
    """Arrows over the epochs, live while the run trains; below them the results as show_results draws them."""
    st.subheader("Epoch by epoch")
    if row is not None and row.status in ACTIVE:

        def again() -> None:
            now = open_store().get(row.id)
            if now.status not in ACTIVE:
                st.rerun()
            timelapse(now)

        st.fragment(again, run_every=LOOK_EVERY)()
    else:
        timelapse(row)
    st.subheader("Target left, prediction right")
    if result is None:
        st.info(
            "Pictures with their predictions stand here when a run has finished.", icon=":material/hourglass_empty:"
        )
        return
    if not result.main.pointing:
        st.info("Angles have no place in the picture to draw. See them under *Errors*.", icon=":material/rotate_right:")
        return
    show_results(result)


def timelapse(row: Row | None) -> None:
    """The fixed pictures with their arrows and an epoch scrubber that answers while it is dragged."""
    found = artifact(row, "timelapse.npz") if row else None
    if found is None or not len(found["epochs"]):
        angles = row is not None and row.spec.get("target") == "angles"
        words = (
            "Angles have no place in the picture." if angles else "After the first epoch: arrows on a dozen pictures."
        )
        st.info(words, icon=":material/near_me:")
        return
    _component(key="pose frames", data=frames(row, found, told_of(row)), height="content")
    st.caption(
        "The same held-out pictures after every epoch. Drag the epoch, or press play; a running net adds its own."
    )


def frames(row: Row, found: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """What the component is told: one sprite of the pictures, targets, and predictions of every epoch."""
    pictures = found["pictures"]
    count, height, width = pictures.shape[:3]
    lines = -(-count // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, lines * height))
    for n, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (n % COLUMNS * width, n // COLUMNS * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY)
    names = found["names"].tolist() if "names" in found else _names(row, found["rows"])
    return {
        "id": row.id,
        "sprite": "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode(),
        "columns": COLUMNS,
        "lines": lines,
        "size": [height, width],
        "names": [str(name) for name in names],
        "truth": np.round(found["truth"], 2).tolist(),
        "epochs": np.round(found["epochs"], 3).tolist(),
        "points": np.round(found["points"], 2).tolist(),
        "scale": _scale(found, told, width, height).tolist(),
        "total": sum(stage.get("epochs", 0) for stage in told.get("stages", ())) or None,
    }


def _names(row: Row, rows: np.ndarray) -> list[str]:
    """Whose picture each is, as soon as the run has kept its predictions."""
    known = artifact(row, "predictions.npz")
    of_row = {} if known is None else dict(zip(known["rows"].tolist(), known["group"].tolist(), strict=True))
    return [str(of_row.get(int(one), "")) for one in rows]


def _scale(found: dict[str, np.ndarray], told: dict[str, Any], width: int, height: int) -> np.ndarray:
    """[K, 2] how many pixels of the original one of these is, across and down: pictures are squeezed to one shape."""
    if "sizes" in found:
        sizes = found["sizes"]
    else:
        sizes = np.tile((told.get("original_size") or (height, width))[::-1], (len(found["pictures"]), 1))
    return np.round(sizes / np.array([width, height]), 4)


def show_results(result: Result) -> None:
    """A few held-out pictures, drawn anew on request: the target on the left, the prediction on the right."""
    offered = [name for name in (VALID, RANDOM) if name in result.parts]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = offered[0]
        if len(offered) > 1:
            part = st.segmented_control(
                "Held out", offered, default=VALID, required=True, key="shown part", bind="query-params",
                format_func=lambda name: {VALID: "by person", RANDOM: "at random"}[name],
            )  # fmt: skip
        draw = st.session_state.setdefault("shown draw", 0)
        st.button("Others", key="other pictures", icon=":material/shuffle:", on_click=_next_draw)
    shown = result.parts[part]
    places = np.random.default_rng(draw).permutation(len(shown))[:PAIRS]
    pose_draw.pairs([pointed(result, part, int(place)) for place in places], most=WIDE)


def _next_draw() -> None:
    st.session_state["shown draw"] += 1


def pointed(result: Result, part: str, place: int) -> pose_draw.Pointed:
    """A picture of a split with its target and its prediction."""
    shown = result.parts[part]
    found = picture_of(result, shown.items[place])
    picture, share = found if found else (None, 1.0)
    points = (shown.truth[place] * share, shown.prediction[place] * share) if shown.pointing else (None, None)
    unit = "px" if result.unit == "pixels" else "°"
    return pose_draw.Pointed(
        picture, f"{shown.per_picture[place]:.1f} {unit} off", str(shown.items[place]), points[0], points[1]
    )
