"""The pictures, targets and splits of head pose: what is learnt, from whom, and who examines."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
import torch

from labcore.data import block, splits
from labcore.data.check_points import single_frames
from labcore.data.items import Items
from labcore.data.splits import Split
from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.experiments import pictures, telling
from labcore.runs.job import Job
from labcore.specs import HeadPoseSpec, Size, Stage
from labcore.training.learner import Data
from labcore.training.pointing import VariedPoints
from labcore.training.schedules import stage_steps


@dataclass(frozen=True)
class Trial:
    """One training under one split.

    Attributes:
        part: ``valid``, ``random`` or ``fold:GROUP``; names its rows in ``predictions.npz``.
        prefix: of its series and metrics.
        split: who teaches and who examines.
    """

    part: str
    prefix: str
    split: Split

    @property
    def words(self) -> str:
        """What a progress bar says of it."""
        return {"valid": "", "random": "random split"}.get(self.part, f"without {self.part.removeprefix('fold:')}")


class Poses:
    """What is taught and examined, at every size that the plan asks for."""

    def __init__(self, spec: HeadPoseSpec, size: Size, device: torch.device, job: Job) -> None:
        self.spec, self.device, self.job = spec, device, job
        self.items = self._load(size)
        self.first_size = size
        self.unit = "pixels" if spec.target == "points" else "degrees"
        if spec.target == "points":
            self.names = self.items.classes
            self.targets = unit_points(self.items)
        else:
            self.names = _angle_names(self.items)
            columns = self.items.table[list(self.names)].to_numpy(np.float32)
            self.targets = (columns / judge.ANGLE_SCALE)[:, None, :]
        self.trials = _trials(self.items, spec)
        telling.say(self.items, self.trials[0].split, job)
        if "group" in self.items.table and (lonely := single_frames(self.items.table["group"])):
            job.note(lonely)
        self._items_at = lru_cache(maxsize=1)(self._load)

    @cached_property
    def groups(self) -> np.ndarray:
        """str [N], each item's person or video; empty where the set names none."""
        table = self.items.table
        return np.asarray(table["group"].astype(str) if "group" in table else [""] * len(table), str)

    @cached_property
    def angles(self) -> np.ndarray:
        """float32 [N, 3], yaw, pitch and roll in degrees; NaN where unknown."""
        table = self.items.table
        found = [
            table[name].to_numpy(np.float32) if name in table else np.full(len(table), np.nan, np.float32)
            for name in judge.ANGLE_NAMES
        ]
        return np.stack(found, axis=1)

    def in_words(self, rows: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Unit points [n, P, 2] of some rows in pixels of their original pictures, or angles [n, A] in degrees."""
        if self.unit == "degrees":
            return unit[:, 0] * judge.ANGLE_SCALE
        return judge.to_pixels(unit, self.items.source[rows])

    def data_of(self, split: Split, size: Size) -> Data:
        """Training batches, shuffled and varied as the spec says, and valid batches as they are."""
        items = self.items if size == self.first_size else self._items_at(size)
        vary = partial(VariedPoints, points=self.names)
        return pictures.batches(self.spec, items, self.targets, split, self.device, vary)

    def steps(self, split: Split, stages: list[Stage]) -> int:
        """Training steps of a whole plan under a split."""
        return sum(stage_steps(stage, len(self.data_of(split, stage.image_size).train)) for stage in stages)

    def images(self, size: Size) -> np.ndarray:
        """uint8 [N, H, W, 3] at a size; unit targets are the same at all of them."""
        return self.items.images if size == self.first_size else self._items_at(size).images

    def _load(self, size: Size) -> Items:
        items = pictures.load(self.spec, size, self.job)
        if items.task != "points":
            raise UserError(
                f"{items.name} has {items.task.replace('_', ' ')} targets; this lesson needs points in pictures. "
                "Choose heads, biwi or a CSV of your own with x and y columns."
            )
        return items


def unit_points(items: Items) -> np.ndarray:
    """float32 [N, P, 2], the points of a data set from -1 to 1 across its pictures, whatever their size."""
    height, width = items.images.shape[1:3]
    return judge.to_unit(items.points, np.asarray([width, height])).astype(np.float32)


def _angle_names(items: Items) -> tuple[str, ...]:
    known = [name for name in judge.ANGLE_NAMES if name in items.table]
    if not known:
        raise UserError(
            f"{items.name} names points and no angles. Set target to points, or add columns yaw, pitch and roll."
        )
    for name in known:
        missing = int((~np.isfinite(items.table[name].to_numpy(float))).sum())
        if missing:
            raise UserError(
                f"{missing} of {len(items)} pictures have no {name}: angles and points are mixed in {items.name}. "
                f"Fill the column {name}, or set target to points."
            )
    return tuple(known)


def _trials(items: Items, spec: HeadPoseSpec) -> list[Trial]:
    """The trainings that the protocol asks for, the honest one first."""
    if spec.protocol == "one":
        return [Trial("valid", "", block.split(items, spec.dataset))]
    if "group" not in items.table or items.table["group"].nunique() < 2:
        few = "names no persons or videos" if "group" not in items.table else "shows a single person or video"
        raise UserError(
            f"{items.name} {few}, so nobody can be held out. Add a column such as group, subject or person with at "
            "least two different names, or set protocol to one."
        )
    if spec.protocol == "leave_one_out":
        folds = list(_folds(items))
        share = float(np.mean([len(fold.split.valid) for fold in folds])) / len(items)
        return [*folds, _random(items, share, spec)]
    honest = block.split(items, spec.dataset)
    if splits.leak(honest, items.table["group"]) > 0:
        raise UserError(
            "Protocol both compares a split by person with a random one, and this split already has the same persons "
            "on both sides. Set dataset.split to group, or protocol to one."
        )
    return [Trial("valid", "", honest), _random(items, len(honest.valid) / len(items), spec)]


def _folds(items: Items) -> Iterator[Trial]:
    groups = items.table["group"].astype(str)
    for number, name in enumerate(sorted(groups.unique())):
        held = splits.group(groups, hold_out=[name])
        yield Trial(f"fold:{name}", f"fold_{number}_", held)


def _random(items: Items, share: float, spec: HeadPoseSpec) -> Trial:
    return Trial("random", "random_", splits.random(len(items), share, spec.dataset.split_seed))


def neighbours(items: Items, split: Split, most: int = 6) -> dict[str, np.ndarray]:
    """For a few valid pictures the training frame of the same person that was taken next to it.

    Returns:
        ``valid`` and ``nearest`` uint8 [M, h, w, 3], ``gap`` int64 [M] frames between them, ``rows`` and
        ``nearest_rows`` int64 [M]; pictures of different persons, evenly chosen. Empty where no person is on both
        sides.
    """
    groups, frames = items.table["group"].astype(str).to_numpy(), _frames(items)
    pairs = []
    for name in np.unique(groups[split.valid]):
        held, taught = (rows[groups[rows] == name] for rows in (split.valid, split.train))
        if len(taught):
            row = held[len(held) // 2]
            nearest = taught[np.argmin(np.abs(frames[taught] - frames[row]))]
            pairs.append((row, nearest, abs(int(frames[row] - frames[nearest]))))
    if not pairs:
        return {}
    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(most, len(pairs))).round().astype(int))
    rows, nearest, gap = np.asarray(pairs, np.int64)[chosen].T
    return {
        "valid": np.asarray(items.images[rows]),
        "nearest": np.asarray(items.images[nearest]),
        "gap": gap,
        "rows": rows,
        "nearest_rows": nearest,
    }


def _frames(items: Items) -> np.ndarray:
    """Each item's place in its video: its frame number, or its rank among the names of its group."""
    if "frame" in items.table:
        return items.table["frame"].to_numpy(np.int64)
    names = items.table.assign(item=items.table["item"].astype(str))
    return names.groupby(items.table["group"].astype(str))["item"].rank(method="first").to_numpy(np.int64)
