"""What a segmentation run leaves behind, opened for the page: codes, counts, and any valid picture with its masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from labcore.data.decode import Unusable
from labcore.data.leaf import Leaf
from labcore.errors import UserError
from labcore.evaluation import segmentation as judging
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.store import Row, open_store
from labcore.settings import settings
from labcore.specs import DatasetSpec, SegmentationSpec, Size
from pages.parts.kept import artifact
from pages.parts.mask_viewer import Code

VALID, TEST = "valid", "test"
GREY = 128
"""A picture whose file is gone is shown in this grey: its masks can still be read."""


@dataclass(frozen=True)
class Picture:
    """One valid picture as the viewer takes it.

    Attributes:
        item: its name.
        image: uint8 [h, w, 3].
        truth: uint8 [h, w].
        prediction: uint8 [h, w].
        probs: uint8 [C, h, w], probability times 255; None where they are not kept.
        note: what a person should know of it, or ''.
    """

    item: str
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    probs: np.ndarray | None
    note: str = ""


@dataclass(frozen=True)
class Result:
    """A finished run; place ``i`` of ``counts``, ``items`` and ``rows`` speaks of the same valid picture.

    Attributes:
        row: the run.
        spec: what was asked for.
        plan: the run's plan file.
        codes: C classes with their colours.
        void: the code that nobody knows, or None.
        counts: int64 [N, C, C], truth by row, of the valid pictures.
        items: str [N].
        rows: int [N], rows of the data set.
        test: int64 [M, C, C] of the test pictures; M is 0 where the set has none.
        border: int64 [D, 2], right and all by distance from a border.
        seen: the viewer's pictures with their probabilities.
        masks: prediction and truth of the valid pictures, with their rows; of large sets of a part.
    """

    row: Row
    spec: SegmentationSpec
    plan: dict[str, Any]
    codes: tuple[Code, ...]
    void: int | None
    counts: np.ndarray
    items: np.ndarray
    rows: np.ndarray
    test: np.ndarray
    border: np.ndarray
    seen: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray]

    @property
    def names(self) -> list[str]:
        """Of the classes."""
        return [code.name for code in self.codes]

    def order(self, how: str, code: int | None) -> np.ndarray:
        """Places of the pictures: worst, best or as they come; by one class, or by the mean of all."""
        worst = judging.worst_first(self.counts, self.void, code)
        return {"worst": worst, "best": worst[::-1]}.get(how, np.sort(worst))

    @property
    def scores(self) -> judging.Scores:
        """Of all valid pixels."""
        return judging.scores(self.counts, self.void)

    def iou(self, place: int, code: int | None = None) -> float:
        """Of one picture, of one class or the mean of those it shows."""
        return float(judging.picture_iou(self.counts[place][None], self.void, code)[0])


def told_of(row: Row | None) -> dict[str, Any] | None:
    """What the run itself says of its plan: stages, steps, codes, levels, baselines."""
    return artifact(row, "plan.json") if row else None


def codes_of(plan: Mapping[str, Any]) -> tuple[Code, ...]:
    """The classes of a run, by their code."""
    return tuple(Code(one["name"], tuple(one["color"]), bool(one["void"])) for one in plan["codes"])


def void_of(codes: tuple[Code, ...]) -> int | None:
    """The code of void, if the set has one."""
    return next((number for number, code in enumerate(codes) if code.void), None)


@st.cache_resource(max_entries=4, show_spinner="Opening the masks")
def _opened(run: str, finished: float | None, url: str) -> dict[str, Any] | None:
    files, there = Artifacts(), open_store().artifacts(run)
    wanted = ("plan.json", "confusion.npz", "viewer.npz", "masks.npz")
    if any(name not in there for name in wanted):
        return None
    return {name.partition(".")[0]: decode(name, files.read(run, name)) for name in wanted}


def result_of(row: Row | None) -> Result | None:
    """Everything on a finished run; None where it is not finished or left no masks."""
    if row is None or row.status != "done":
        return None
    found = _opened(row.id, row.finished, open_store().url)
    if found is None:
        return None
    plan, confusion = found["plan"], found["confusion"]
    codes, valid = codes_of(plan), confusion["part"] == VALID
    return Result(
        row=row,
        spec=SegmentationSpec.model_validate(row.spec),
        plan=plan,
        codes=codes,
        void=void_of(codes),
        counts=confusion["counts"][valid],
        items=confusion["items"][valid],
        rows=confusion["rows"][valid],
        test=confusion["counts"][confusion["part"] == TEST],
        border=confusion["border"],
        seen=found["viewer"],
        masks=found["masks"],
    )


def picture_of(result: Result, place: int) -> Picture:
    """A valid picture with its masks; of those that the run kept apart, with all probabilities.

    Others are opened from the data set, and their probabilities come from the run's own export.
    """
    item = str(result.items[place])
    kept = np.flatnonzero(result.seen["items"] == item)
    if kept.size:
        k = kept[0]
        return Picture(item, *(result.seen[name][k] for name in ("pictures", "truth", "prediction", "probs")))
    size, row = tuple(result.plan["image_size"]), int(result.rows[place])
    kept = np.flatnonzero(result.masks["rows"] == row)
    note, probs, image, truth = "", None, np.full((*size, 3), GREY, np.uint8), None
    try:
        image, truth = scene_of(result.spec, size, row)
        probs = probs_of(result, image)
    except UserError as error:
        note = f"The picture itself is gone: {error}"
    if kept.size:
        truth, prediction = result.masks["truth"][kept[0]], result.masks["prediction"][kept[0]]
    elif probs is not None:
        prediction = probs.argmax(axis=0).astype(np.uint8)
    else:
        raise UserError(f"The masks of {item} were not kept, and the run has no export. {note}")
    return Picture(item, image, truth, prediction, probs, note)


def scene_of(spec: SegmentationSpec, size: tuple[int, int], row: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of the data set, uint8 [h, w, 3], and its mask [h, w], at the size at which the net saw them.

    Raises:
        UserError: the set or the file is not there any more.
    """
    items = _leaf(spec.dataset.model_dump_json(), size, open_store().url).items
    try:
        return np.asarray(items.images[row]), np.asarray(items.masks[row])
    except Unusable as reason:
        raise UserError(f"{items.table['item'].iloc[row]} {reason}.") from None


@st.cache_resource(max_entries=4, ttl=600, show_spinner=False)
def _leaf(dataset: str, size: Size, url: str) -> Leaf:
    # A set whose main target is another one, such as pets' breeds, is asked for its masks: those are the run's rows.
    return Leaf(DatasetSpec.model_validate_json(dataset), size=size, task="masks", home=settings().home)


def probs_of(result: Result, image: np.ndarray) -> np.ndarray | None:
    """uint8 [C, h, w] from the run's export, by onnxruntime; None where the run left none."""
    from pages.parts.seg_use import segmenter_of

    if "model.onnx" not in open_store().artifacts(result.row.id):
        return None
    try:
        probs = segmenter_of(result.row).probabilities(image[None])[0]
    except UserError:
        return None
    return np.round(probs * 255).astype(np.uint8)
