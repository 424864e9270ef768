"""A multi-label run that is done, written as a worker writes it, and predictions of middling skill."""

import time

import numpy as np

from labcore.evaluation import multilabel
from labcore.evaluation.thresholds import sigmoid
from labcore.evaluation.tune import tune
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.specs import ThresholdsSpec

CLASSES = ("clear", "forest", "road", "water", "windthrow")
RATES = np.array([0.7, 0.9, 0.2, 0.2, 0.02])


def predictions(items: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits float32, probabilities float32 and truths of ``CLASSES``."""
    generator = np.random.default_rng(seed)
    y = generator.random((items, len(CLASSES))) < RATES
    logits = (np.log(RATES / (1 - RATES)) + 2.5 * (y - 0.3) + generator.normal(size=y.shape)).astype(np.float32)
    return logits, sigmoid(logits).astype(np.float32), y


def record_run(items: int = 300) -> str:
    """The default run of the lesson, done, in the store of this LAB_HOME; returns its id."""
    spec, store = ThresholdsSpec(), open_store()
    logits, p, y = predictions(items)
    run, _ = store.add(key=key_of(spec), experiment="thresholds", spec=spec.model_dump(mode="json"))
    store.claim("a test")
    known = multilabel.baselines(RATES, y)
    with Job(store, Artifacts(), store.get(run)) as job:
        for step in (10, 20):
            for name in ("train_loss", "smooth_loss", "valid_loss", "f2_samples", "accuracy_multi"):
                job.log(name, step, 0.5)
        job.save("plan.json", {"shares": RATES, "nothing": known.nothing, "priors": known.priors})
        names = np.array([f"tile_{k:04d}" for k in range(items)])
        job.save(
            "predictions",
            {
                "probs": p,
                "logits": logits,
                "targets": y,
                "items": names,
                "rows": np.arange(items),
                "classes": np.array(CLASSES),
            },
        )
        pictures = np.random.default_rng(0).integers(0, 255, (min(items, 60), 32, 32, 3), dtype=np.uint8)
        job.save("pictures", {"pictures": pictures, "places": np.arange(len(pictures))})
        card = {"task": "multi_label", "classes": list(CLASSES), "image_size": [32, 32]}
        job.save("card.json", card | {"thresholds": tune(p, y, CLASSES, resamples=20).card()})
    metrics = multilabel.judged(p, y, 0.2)
    store.update(run, status="done", metrics=metrics, finished=time.time(), device="cpu")
    return run
