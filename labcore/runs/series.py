"""Curves as they are kept: chunks of points that were written together, joined into series when read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson


@dataclass(frozen=True)
class Chunk:
    """Points written together: ``payload`` is JSON ``{"series": {name: [[step...], [value or null...]]}}``."""

    seq: int
    at: float
    payload: bytes


@dataclass
class Series:
    """One curve: int64 steps (ascending), float64 values (NaN where not finite), float64 ``at`` (unix seconds)."""

    steps: np.ndarray
    values: np.ndarray
    at: np.ndarray = field(default_factory=lambda: np.empty(0))


def merge(chunks: Sequence[Chunk]) -> dict[str, Series]:
    """Join chunks into curves. A step that was written twice (a resumed run repeats some) keeps its last value."""
    gathered: dict[str, dict[int, tuple[float, float]]] = {}
    for chunk in chunks:
        for name, (steps, values) in orjson.loads(chunk.payload).get("series", {}).items():
            curve = gathered.setdefault(name, {})
            for step, value in zip(steps, values, strict=True):
                curve[step] = (float("nan") if value is None else value, chunk.at)
    merged = {}
    for name, curve in gathered.items():
        steps = np.fromiter(sorted(curve), np.int64, len(curve))
        pairs = np.array([curve[step] for step in steps.tolist()], np.float64).reshape(-1, 2)
        merged[name] = Series(steps, pairs[:, 0].copy(), pairs[:, 1].copy())
    return merged
