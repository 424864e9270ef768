"""A head pose run that is done, written as a worker writes it, with predictions of middling skill."""

import time

import numpy as np

from labcore.evaluation import head_pose as judge
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.specs import HeadPoseSpec

HEIGHT, WIDTH = 120, 160
PEOPLE, FRAMES, EPOCHS, KEPT = 5, 12, 4, 6
HELD_OUT = ("p02", "p05")
OFF = {"valid": 4.0, "random": 1.6}
"""Spread of the errors per split, in pixels."""


def drawing(point: np.ndarray, person: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """A bright disc where the head is, on the person's own colour; uint8 [H, W, 3]."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = 60 + 25 * person
    picture[..., person % 3] += 40
    away = np.hypot(columns + 0.5 - point[0] * width / WIDTH, rows + 0.5 - point[1] * height / HEIGHT)
    picture[away < height / 7] = (225, 190, 165)
    return picture


def truths(count: int, seed: int) -> np.ndarray:
    """Points in pixels, [count, 1, 2]."""
    return np.random.default_rng(seed).uniform((30, 25), (130, 95), (count, 1, 2)).astype(np.float32)


def predictions(parts=("valid", "random"), seed: int = 0) -> dict[str, np.ndarray]:
    """The arrays of predictions.npz."""
    rng = np.random.default_rng(seed)
    blocks = []
    for part in parts:
        held = part.removeprefix("fold:") if part.startswith("fold:") else None
        people = [held] if held else HELD_OUT if part == "valid" else [f"p{k + 1:02d}" for k in range(PEOPLE)]
        for person in people:
            truth = truths(FRAMES, int(person[1:]))
            off = rng.normal(0, OFF.get(part, 3.0 + int(person[1:])) / 1.18, truth.shape)
            blocks.append((person, part, truth, truth + off))
    return {
        "items": np.array([f"{person}_{k:05d}" for person, *_ in blocks for k in range(FRAMES)]),
        "rows": np.concatenate([np.arange(FRAMES) + FRAMES * (int(person[1:]) - 1) for person, *_ in blocks]),
        "group": np.repeat([person for person, *_ in blocks], FRAMES),
        "part": np.repeat([part for _, part, *_ in blocks], FRAMES),
        "truth": np.concatenate([truth for *_, truth, _ in blocks]).astype(np.float32),
        "prediction": np.concatenate([said for *_, said in blocks]).astype(np.float32),
        "angles": rng.uniform(-50, 50, (len(blocks) * FRAMES, 3)).astype(np.float32),
        "sizes": np.tile([WIDTH, HEIGHT], (len(blocks) * FRAMES, 1)),
    }


def record_run(spec: HeadPoseSpec | None = None, status: str = "done") -> str:
    """The lesson's default run in the store of this LAB_HOME, in the state that is asked for; returns its id."""
    spec, store = spec or HeadPoseSpec(), open_store()
    run, _ = store.add(key=key_of(spec), experiment="head_pose", spec=spec.model_dump(mode="json"))
    if status == "queued":
        return run
    store.claim("a test")
    people = [f"p{k + 1:02d}" for k in range(PEOPLE)]
    folds = spec.protocol == "leave_one_out"
    parts = ("valid", "random") if spec.protocol == "both" else ("valid",)
    parts = tuple(f"fold:{name}" for name in people) if folds else parts
    found = predictions(parts)
    if spec.target == "angles":
        off = np.random.default_rng(1).normal(0, 4, found["angles"].shape)
        found |= {"truth": found["angles"], "prediction": (found["angles"] + off).astype(np.float32)}
    away = judge.errors(found["truth"], found["prediction"])
    with Job(store, Artifacts(), store.get(run)) as job:
        prefixes = {
            name: "random_" if name == "random" else f"fold_{k}_" if folds else "" for k, name in enumerate(parts)
        }
        angles = {"unit": "degrees", "points": list(judge.ANGLE_NAMES)} if spec.target == "angles" else {}
        job.save("plan.json", _plan(people) | {"prefixes": prefixes} | angles)
        for name, prefix in prefixes.items():
            for epoch in range(EPOCHS + 1):
                job.log(f"{prefix}pixel_error", 10 * epoch, 24.0 * 0.5**epoch + OFF.get(name, 4))
                job.log(f"{prefix}valid_loss", 10 * epoch, 0.1 * 0.3**epoch + 1e-3)
                job.log(f"{prefix}train_loss", 10 * epoch, 0.1 * 0.25**epoch + 5e-4)
        job.progress(10 * EPOCHS, 10 * EPOCHS)
        if status == "done":
            job.save("predictions", found)
            if not angles:
                _pictures(job)
    metrics = {}
    if status == "done":
        metrics = _metrics(found, away)
        if folds:
            table = judge.by_group(away, found["group"])["median"]
            metrics |= {"worst_group_error_median": table.max(), "best_group_error_median": table.min()}
    error = "The loss became no number. Take a smaller rate." if status == "failed" else ""
    if status != "running":
        store.update(run, status=status, metrics=metrics, error=error, finished=time.time(), device="cpu")
    return run


def _plan(people: list[str]) -> dict:
    return {
        "stages": [
            {"name": "head", "first_step": 0, "train_steps": 10, "epochs": 1},
            {"name": "all", "first_step": 10, "train_steps": 30, "epochs": 3},
        ],
        "steps": 10 * EPOCHS,
        "unit": "pixels",
        "points": ["head centre"],
        "original_size": [HEIGHT, WIDTH],
        "groups": {"train": [name for name in people if name not in HELD_OUT], "valid": list(HELD_OUT)},
        "splits": {"valid": "Whole groups are held out: p02, p05.", "random": "A random 20% of 60 items is held out."},
        "baselines": {
            "mean_point_error_median": 21.0,
            "random_mean_point_error_median": 20.0,
            "random_person_mean_error_median": 15.0,
        },
        "train_items": 36,
        "valid_items": 24,
    }  # fmt: skip


def _metrics(found: dict[str, np.ndarray], away: np.ndarray) -> dict[str, float]:
    metrics = {"valid_loss": 2e-3, "mse": 2e-3, "mean_point_error_median": 21.0, "seconds": 12.0}
    at_random = found["part"] == "random"
    known = judge.summary(away[~at_random])
    metrics |= {"pixel_error_median": known.median, "pixel_error_p90": known.p90}
    metrics["pixel_error_relative"] = known.median / WIDTH
    if at_random.any():
        known = judge.summary(away[at_random])
        metrics |= {"random_pixel_error_median": known.median, "random_pixel_error_p90": known.p90}
        metrics |= {"random_mse": 4e-4, "random_mean_point_error_median": 20.0, "random_person_mean_error_median": 15.0}
        metrics["leak_ratio"] = judge.leak_ratio(metrics["pixel_error_median"], known.median)
    return metrics


def _pictures(job: Job) -> None:
    rng = np.random.default_rng(3)
    truth = truths(KEPT, 77)
    pictures = np.stack([drawing(point[0], k) for k, point in enumerate(truth)])
    off = rng.normal(0, 14, (1, *truth.shape)) * (0.5 ** np.arange(EPOCHS))[:, None, None, None]
    job.save(
        "timelapse",
        {
            "rows": np.arange(KEPT),
            "names": np.array([f"p{k + 1:02d}" for k in range(KEPT)]),
            "pictures": pictures,
            "sizes": np.tile([WIDTH, HEIGHT], (KEPT, 1)),
            "truth": truth,
            "epochs": np.arange(1, EPOCHS + 1, dtype=np.float32),
            "points": (truth[None] + off).astype(np.float32),
        },
    )
    valid = np.stack([drawing(np.array([60.0 + k, 50]), k) for k in range(3)])
    nearest = np.stack([drawing(np.array([62.0 + k, 50]), k) for k in range(3)])
    job.save("neighbours", {"valid": valid, "nearest": nearest, "gap": np.array([1, 1, 2])})
