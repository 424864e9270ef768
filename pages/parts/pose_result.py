"""A finished head pose run, ready to be looked at: predictions per split, their errors, the pictures behind them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from labcore.data import registry
from labcore.data.decode import Unusable
from labcore.data.leaf import BlockSpec, Leaf, leaf
from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.runs.store import Row
from labcore.specs import DatasetSpec, HeadPoseSpec
from pages.parts.kept import artifact

VALID, RANDOM, FOLD = "valid", "random", "fold:"
"""What a run calls its trials."""
THUMB = 480
"""Widest side of a picture that goes to the browser: large enough for a phone's full width."""


@dataclass(frozen=True)
class Part:
    """The predictions of one split.

    Attributes:
        items: [N] names.
        group: [N] person or video.
        truth: [N, P, 2] in pixels of the original picture, or [N, A] in degrees.
        prediction: as ``truth``.
        angles: [N, 3] yaw, pitch, roll in degrees, NaN where unknown.
        sizes: [N, 2] width and height of the original pictures, or None where the run did not say.
        errors: [N, P] in pixels or degrees.
    """

    items: np.ndarray
    group: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    angles: np.ndarray
    sizes: np.ndarray | None
    errors: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    @property
    def per_picture(self) -> np.ndarray:
        """[N] mean error of each picture's points."""
        return self.errors.mean(axis=1)

    @property
    def pointing(self) -> bool:
        """Whether these are points of a picture, not angles."""
        return self.truth.ndim == 3


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        plan: the run's plan file.
        parts: by split: ``valid`` and ``random``, or ``fold:PERSON``.
        unit: of all errors, in words.
        names: of the points, or of the angles.
    """

    row: Row
    spec: HeadPoseSpec
    plan: dict[str, Any]
    parts: dict[str, Part]
    unit: str
    names: tuple[str, ...]

    @property
    def main(self) -> Part:
        """What is judged: the split by person, or all folds together."""
        return self.parts[VALID] if VALID in self.parts else next(iter(self.parts.values()))


def result_of(row: Row) -> Result | None:
    """Everything on a finished run; None where it left no predictions."""
    found, plan = artifact(row, "predictions.npz"), artifact(row, "plan.json")
    if found is None or plan is None:
        return None
    parts = {str(name): _part(found, found["part"] == name) for name in dict.fromkeys(found["part"].tolist())}
    folds = [name for name in parts if name.startswith(FOLD)]
    if folds:
        parts = {VALID: _part(found, np.isin(found["part"], folds))} | parts
    pointing = parts[next(iter(parts))].pointing
    names = plan.get("points") or [f"point {k + 1}" for k in range(found["truth"].shape[1])]
    return Result(
        row, HeadPoseSpec.model_validate(row.spec), plan, parts, plan.get("unit", "pixels"),
        tuple(map(str, names if pointing else judge.ANGLE_NAMES)),
    )  # fmt: skip


def _part(found: dict[str, np.ndarray], rows: np.ndarray) -> Part:
    truth, prediction = found["truth"][rows], found["prediction"][rows]
    sizes = found["sizes"][rows] if "sizes" in found else None
    errors = judge.errors(truth, prediction)
    return Part(found["items"][rows], found["group"][rows], truth, prediction, found["angles"][rows], sizes, errors)


def unit_points(part: Part, plan: dict[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """Truth and prediction as the net learns them, -1 to 1; None for angles or pictures of unknown size."""
    size = plan.get("original_size")
    sizes = part.sizes if part.sizes is not None else np.array(size[::-1]) if size else None
    if not part.pointing or sizes is None:
        return None
    return judge.to_unit(part.truth, sizes), judge.to_unit(part.prediction, sizes)


# Pictures, from the data set itself


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened(dataset: str, fingerprint: str) -> tuple[Leaf, dict[str, int]]:
    found = leaf(BlockSpec(dataset=DatasetSpec.model_validate_json(dataset)))
    return found, {str(name): row for row, name in enumerate(found.items.table["item"])}


def table_of(dataset: DatasetSpec):
    """One row per item of the set; None where the set is not on this machine."""
    try:
        return _opened(dataset.model_dump_json(), registry.fingerprint(dataset))[0].items.table
    except UserError:
        return None


@st.cache_data(max_entries=400, show_spinner=False)
def _thumb(dataset: str, fingerprint: str, item: str) -> tuple[np.ndarray, float] | None:
    found, rows = _opened(dataset, fingerprint)
    try:
        picture = found.native(rows[item])
    except (Unusable, KeyError):
        return None
    share = min(1.0, THUMB / max(picture.shape[:2]))
    if share < 1:
        size = round(picture.shape[1] * share), round(picture.shape[0] * share)
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    return picture, share


def picture_of(result: Result, item: str) -> tuple[np.ndarray, float] | None:
    """A picture for the screen and how many of its pixels make one of the original; None where it is not here."""
    dataset = result.spec.dataset
    try:
        return _thumb(dataset.model_dump_json(), registry.fingerprint(dataset), str(item))
    except UserError:
        return None
