"""What recording costs the training: the same batches with a real job (store, writer thread) and with one that forgets.

python benchmarks/bench_recording.py [--arch mobilenetv3_small_100] [--blocks 12]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from labcore.data.batches import Batches
from labcore.models.backbones import build_model
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.store import open_store
from labcore.specs import Stage
from labcore.training.learner import Data, Learner
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve, resolve_device

BUDGET = 1.02


class Forgetful:
    """A job that writes nothing down."""

    stop_requested = False

    def stop_here(self) -> None: ...
    def log(self, series: str, step: int, value: float) -> None: ...
    def log_many(self, series: str, steps: Sequence[int], values: Sequence[float]) -> None: ...
    def save(self, name: str, value: Any) -> None: ...
    def progress(self, done: int, total: int, message: str = "") -> None: ...
    def note(self, text: str) -> None: ...
    def checkpoint(self, data: bytes, step: int) -> None: ...
    def restore(self) -> None: ...
    def turn(self) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="mobilenetv3_small_100")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["LAB_HOME"] = tempfile.mkdtemp()
    device = resolve_device("auto")
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (1024, 64, 64, 3), np.uint8)
    batches = Batches(images, generator.integers(0, 12, 1024), batch_size=64, device=device, training=True)
    model = build_model(options.arch, "none", 12).to(device)
    learner = Learner(model, adamw(model), torch.nn.functional.cross_entropy, Data(batches), resolve("auto", device))
    # The stage's weights are an artifact of the run, not of its recording: the callback is left out on both sides.
    learner.callbacks = [c for c in learner.callbacks if type(c).__name__ not in ("Stages", "Checkpoints")]
    legs = learner.plan([Stage(steps=options.steps, lr=1e-4, schedule="constant")])
    store = open_store()
    run, _ = store.add(key="bench", experiment="fine_tune", spec={}, status="running")
    taken: dict[str, list[float]] = {"recorded": [], "forgotten": []}
    with Job(store, Artifacts(), store.get(run)) as job:
        learner.fit(legs, Forgetful(), validate=False)
        for block in range(2 * options.blocks):
            name = ("recorded", "forgotten")[block % 2]
            began = time.perf_counter()
            learner.fit(legs, job if name == "recorded" else Forgetful(), validate=False)
            taken[name].append(time.perf_counter() - began)
    recorded, forgotten = (statistics.median(taken[name]) for name in ("recorded", "forgotten"))
    ratio = statistics.median(a / b for a, b in zip(taken["recorded"], taken["forgotten"], strict=True))
    print(f"{options.arch} on {device}: {options.steps} steps {recorded:.3f} s recorded, {forgotten:.3f} s forgotten")
    print(f"ratio of neighbouring blocks, median: {ratio:.3f} (budget {BUDGET})")


if __name__ == "__main__":
    main()
