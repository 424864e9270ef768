"""A segmentation run that is done, written as a worker writes it: small made scenes and a net of middling skill."""

import time

import numpy as np

from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.specs import SegmentationSpec

CODES = (
    ("Sky", (128, 180, 220), False),
    ("Road", (120, 70, 130), False),
    ("Tree", (60, 130, 40), False),
    ("Car", (70, 20, 160), False),
    ("Tram", (200, 120, 0), False),
    ("Void", (20, 20, 24), True),
)
"""Name, colour, void; trams never occur."""
SKY, ROAD, TREE, CAR, TRAM, VOID = range(6)
SIZE = (24, 32)
COUNT = 12
EPOCHS = 4


def scene(seed: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A picture uint8 [h, w, 3] and its mask uint8 [h, w]: sky, road, a tree, a car, seams of void."""
    rng = np.random.default_rng(seed)
    height, width = size
    mask = np.full(size, SKY, np.uint8)
    horizon = height // 2 + int(rng.integers(-height // 8, height // 8 + 1))
    mask[horizon:] = ROAD
    left = int(rng.integers(1, width // 2))
    mask[horizon - height // 4 : horizon + height // 8, left : left + width // 5] = TREE
    left = int(rng.integers(width // 3, width - width // 4))
    mask[horizon + height // 8 : horizon + height // 4, left : left + width // 6] = CAR
    mask[horizon, : width // 3] = VOID
    colors = np.array([color for _, color, _ in CODES])
    picture = np.clip(colors[mask] + rng.normal(0, 25, (*size, 3)), 0, 255).astype(np.uint8)
    return picture, mask


def said(mask: np.ndarray, skill: float, seed: int) -> np.ndarray:
    """float32 [C, h, w] probabilities that lean towards the truth by ``skill``; void is said of no pixel."""
    rng = np.random.default_rng(seed)
    truth = np.where(mask == VOID, ROAD, mask)
    logits = rng.normal(0, 1.2, (len(CODES), *mask.shape)) + skill * (np.arange(len(CODES))[:, None, None] == truth)
    logits[[TRAM, VOID]] = -6
    shares = np.exp(logits - logits.max(axis=0))
    return (shares / shares.sum(axis=0)).astype(np.float32)


def arrays(size: tuple[int, int] = SIZE, skill: float = 3.0) -> dict[str, np.ndarray]:
    """Pictures, truths, probabilities times 255 and predictions of ``COUNT`` valid pictures."""
    scenes = [scene(seed, size) for seed in range(COUNT)]
    probs = np.stack([said(mask, skill + 0.2 * (number % 4), number) for number, (_, mask) in enumerate(scenes)])
    return {
        "pictures": np.stack([picture for picture, _ in scenes]),
        "truth": np.stack([mask for _, mask in scenes]),
        "probs": np.round(probs * 255).astype(np.uint8),
        "prediction": probs.argmax(axis=1).astype(np.uint8),
    }


def plan(spec: SegmentationSpec, size: tuple[int, int] = SIZE) -> dict:
    """The plan file of a run."""
    height, width = size
    channels, skips, widths = (0, 16, 24, 56, 152, 368), (0, 16, 24, 56, 152, 0), (16, 24, 32, 48, 64, 0)
    return {
        "stages": [
            stage.model_dump(mode="json") | {"first_step": 20 * number, "train_steps": 20}
            for number, stage in enumerate(spec.plan)
        ],
        "steps": 40,
        "codes": [
            {"index": index, "name": name, "color": list(color), "void": void}
            for index, (name, color, void) in enumerate(CODES)
        ],
        "split": "Whole videos are held out.",
        "train_items": 48,
        "valid_items": COUNT,
        "test_items": 0,
        "image_size": list(size),
        "baselines": {"class": "Sky", "pixel_accuracy": 0.45},
        "shares": [0.46, 0.4, 0.08, 0.06, 0.0, 0.0],
        "skip_off": list(spec.skip_off),
        "levels": [
            {
                "stride": 2**level,
                "channels": channels[level],
                "h": -(-height // 2**level),
                "w": -(-width // 2**level),
                "skip_channels": skips[level],
                "decoder_channels": widths[level],
            }
            for level in range(6)
        ],
    }


def record_run(spec: SegmentationSpec | None = None, status: str = "done", skill: float = 3.0) -> str:
    """A run of the lesson in the store of this LAB_HOME; returns its id."""
    spec, store = spec or SegmentationSpec(), open_store()
    run, _ = store.add(key=key_of(spec), experiment="segmentation", spec=spec.model_dump(mode="json"))
    if status == "queued":
        return run
    store.claim("a test")
    made = arrays(skill=skill)
    truth, prediction, count = made["truth"], made["prediction"], len(CODES)
    items = np.array([f"v03_{number:03d}" for number in range(COUNT)])
    confusion = np.stack(
        [
            np.bincount((t.astype(int) * count + p).ravel(), minlength=count**2).reshape(count, count)
            for t, p in zip(truth, prediction, strict=True)
        ]
    )
    counted = truth != VOID
    accuracy = float((truth == prediction)[counted].mean())
    with Job(store, Artifacts(), store.get(run)) as job:
        job.save("plan.json", plan(spec))
        for step in range(40):
            job.log("train_loss", step, 2.0 / (step + 1))
            job.log("smooth_loss", step, 2.0 / (step + 1))
            job.log("lr", step, 1e-3 * (1 + np.sin(step / 12)))
        for step in (9, 19, 29, 39):
            job.log("valid_loss", step, 2.2 / (step + 1))
            job.log("pixel_accuracy", step, 0.5 + step / 100)
            job.log("mean_iou", step, 0.3 + step / 100)
        masks = np.stack(
            [
                np.stack([said(truth[k], skill * (epoch + 1) / EPOCHS, 100 + k).argmax(0) for k in range(8)])
                for epoch in range(EPOCHS)
            ]
        ).astype(np.uint8)
        job.save(
            "timelapse",
            {
                "rows": np.arange(8),
                "pictures": made["pictures"][:8],
                "truth": truth[:8],
                "at": np.arange(EPOCHS, dtype=np.float32),
                "masks": masks,
            },
        )
        job.progress(40 if status == "done" else 20, 40)
        if status == "done":
            job.save(
                "confusion",
                {
                    "counts": confusion.astype(np.int64),
                    "items": items,
                    "rows": np.arange(COUNT),
                    "part": np.array(["valid"] * COUNT),
                    "border": np.array([[300, 500], [900, 1000], [990, 1000]], np.int64),
                },
            )
            job.save("viewer", {"rows": np.arange(10), "items": items[:10]} | {k: v[:10] for k, v in made.items()})
            job.save("masks", {"rows": np.arange(COUNT), "prediction": prediction, "truth": truth})
    metrics = {
        "valid_loss": 0.4,
        "pixel_accuracy": accuracy,
        "pixel_accuracy_with_void": float((truth == prediction).mean()),
        "mean_iou": 0.6,
        "mean_dice": 0.7,
        "baseline_pixel_accuracy": 0.45,
        "baseline_position_accuracy": 0.75,
        "seconds": 12.0,
        "images_per_second": 200.0,
        "memory": 400.0,
        "parameters": 2_000_000,
    }
    if status != "running":
        error = "The loss became no number. Take a lower rate." if status == "failed" else ""
        done = {"metrics": metrics} if status == "done" else {}
        store.update(run, status=status, error=error, finished=time.time(), device="cpu", **done)
    return run
