"""What a segmentation run leaves to be looked at: counts, masks, and a few pictures with every probability."""

from dataclasses import dataclass

import numpy as np
import torch

from labcore.evaluation import segmentation as judge
from labcore.experiments import staged
from labcore.experiments.segmentation_data import Scenes
from labcore.runs.job import Job
from labcore.specs import Size
from labcore.training.learner import Learner

WATCHED = 8
"""Pictures of the film, and those that the viewer always has: the same in every run on the same split."""
VIEWED = 24
"""Pictures in the viewer: the watched ones, then the worst."""
VIEW_BYTES = 64_000_000
"""Probabilities kept with a run, before compression: large pictures of many classes are fewer."""
FILM_PIXELS = 320 * 240
"""A film's frames are at most this large: sixty frames of eight pictures are then 37 MB before compression."""
MASK_BYTES = 512_000_000
"""Masks kept of all valid pictures, before compression; of larger sets every second, third, ... is kept."""


@dataclass(frozen=True)
class Part:
    """One part of the split, judged.

    Attributes:
        rows: of the pictures.
        counts: int64 [N, C, C], truth by row.
        said: uint8 [N, h, w].
        metrics: its scores.
    """

    rows: np.ndarray
    counts: np.ndarray
    said: np.ndarray
    metrics: dict[str, float]


def watched(scenes: Scenes) -> np.ndarray:
    """Rows of the valid pictures that a run shows throughout, evenly spread."""
    places = np.linspace(0, len(scenes.valid) - 1, min(WATCHED, len(scenes.valid))).round().astype(np.int64)
    return scenes.valid[np.unique(places)]


def film_of(scenes: Scenes, size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, pictures and truth of the film, at the run's last size or, where that is large, at a fraction of it."""
    rows = watched(scenes)
    pictures, truth = scenes.pictures(size, rows), scenes.masks(size, rows)
    step = int(np.ceil(np.sqrt(truth[0].size / FILM_PIXELS)))
    return rows, pictures[:, ::step, ::step], truth[:, ::step, ::step]


def keep(job: Job, learner: Learner, scenes: Scenes, size: Size, parts: dict[str, Part]) -> None:
    """Write the artifacts ``confusion``, ``masks`` and ``viewer``."""
    valid = parts["valid"]
    truth = scenes.masks(size, valid.rows)
    rows = np.concatenate([part.rows for part in parts.values()])
    job.save(
        "confusion",
        {
            "counts": np.concatenate([part.counts for part in parts.values()]),
            "items": scenes.names[rows],
            "rows": rows,
            "part": np.concatenate([np.full(len(part.rows), name, "<U5") for name, part in parts.items()]),
            "border": judge.accuracy_by_distance(truth, valid.said, scenes.void),
        },
    )
    step = max(1, -(-(truth.nbytes + valid.said.nbytes) // MASK_BYTES))
    job.save("masks", {"rows": valid.rows[::step], "prediction": valid.said[::step], "truth": truth[::step]})
    job.save("viewer", _viewer(learner, scenes, size, valid))


def _viewer(learner: Learner, scenes: Scenes, size: Size, valid: Part) -> dict[str, np.ndarray]:
    """The watched pictures and the worst, with the probability of every class at every pixel."""
    always = watched(scenes)
    worst = valid.rows[judge.worst_first(valid.counts, scenes.void)]
    height, width = staged.height_width(size)
    most = max(1, min(VIEWED, VIEW_BYTES // (len(scenes.classes) * height * width)))
    rows = np.concatenate([always, worst[~np.isin(worst, always)]])[:most]
    probabilities = []
    for x, *_ in _in_order(learner, scenes, size, rows):
        with torch.no_grad():
            probabilities.append(learner.predict(x).float().softmax(dim=1).mul(255).round().to(torch.uint8).cpu())
    place = {int(row): number for number, row in enumerate(valid.rows)}
    return {
        "rows": rows,
        "items": scenes.names[rows],
        "pictures": scenes.pictures(size, rows),
        "truth": scenes.masks(size, rows),
        "prediction": valid.said[[place[int(row)] for row in rows]],
        "probs": torch.cat(probabilities).numpy(),
    }


def _in_order(learner: Learner, scenes: Scenes, size: Size, rows: np.ndarray):
    learner.model.eval()
    batches = scenes.batches(size, rows)
    return (batches.make(index) for index in torch.from_numpy(rows).split(batches.batch_size))
