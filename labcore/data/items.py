"""A data set at rest: decoded pictures and what is known of each, before anything is split or batched."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

Task = Literal["single_label", "multi_label", "masks", "points", "ratings"]


@dataclass(frozen=True)
class Items:
    """Decoded pictures and their targets; row ``i`` of every member speaks of the same item.

    Attributes:
        name: the data set's fixed name.
        task: which kind of target the items carry.
        classes: the vocabulary of labels or mask codes, in index order; point names for points.
        table: one row per item. Always ``item`` (a readable id, unique). By task: ``label`` (int, single label),
            ``labels`` (tuple of ints, multi label). Where known: ``group`` (person, video), ``is_valid`` (bool).
        images: uint8 [N, H, W, 3], RGB; usually a read-only memory map.
        masks: uint8 [N, H, W] codes, for masks.
        points: float32 [N, P, 2], (x, y) in pixels of ``images``, pixel centres at +0.5; for points.
        void: the mask code that no metric counts, or None.
        source: float32 [N, 2], (width, height) of each picture as it lay on the disk, upright; for points.
        left_out: one sentence per file that could not be used.
        fingerprint: changes whenever the content does.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    table: pd.DataFrame
    images: np.ndarray
    masks: np.ndarray | None = None
    points: np.ndarray | None = None
    void: int | None = None
    source: np.ndarray | None = None
    left_out: tuple[str, ...] = ()
    fingerprint: str = ""
    extra: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)
