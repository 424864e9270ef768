"""An epoch of a frozen stage: the head on features computed once, against running the frozen body each time.

    python benchmarks/bench_frozen_epochs.py [--arch regnetx_002] [--augment]

Three ways to train the same head on the same batches with the fine-tuner's own loop: features computed once (BatchNorm
of the body rests), the body run each time with BatchNorm at rest, and fastai's way (BatchNorm trains, the body runs and
takes no other gradient). An epoch is its training batches and its validation. What computing the features costs is told
beside it, and after how many epochs it has paid. With ``--augment`` the pictures are varied and four views of each are
kept.
"""

import argparse
import statistics
import time

import labcore.experiments  # noqa: F401  before torch: OpenMP reads its settings when it is loaded

# isort: split
import torch
from bench_training_loop import CLASSES, pictures
from no_job import NoJob
from torch import nn

from labcore.data.batches import Batches
from labcore.experiments.pictures import Varied
from labcore.models.backbones import build_model
from labcore.specs import Stage
from labcore.training.learner import Data
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve, resolve_device
from labcore.training.tuner import VIEWS, Tuner

WAYS = {"computed once": (False, True), "body runs, BatchNorm rests": (False, False), "fastai's way": (True, False)}
"""(BatchNorm trains, features computed once) by name."""


class Epochs:
    """Seconds from the start of the fit to the first batch's start, and of every epoch."""

    def before_fit(self, _) -> None:
        self.began, self.seconds = time.perf_counter(), []

    def before_leg(self, _) -> None:
        self.began = time.perf_counter()

    def before_step(self, learner) -> None:
        if learner.leg_step == 0:
            self.ahead = time.perf_counter() - self.began
            self.began = time.perf_counter()

    def after_epoch(self, _) -> None:
        now = time.perf_counter()
        self.seconds.append(now - self.began)
        self.began = now


def train(args: argparse.Namespace, way: str) -> tuple[float, list[float]]:
    """Train one frozen stage; seconds before the first batch, and of each epoch."""
    device = resolve_device(args.device)
    images, labels = pictures(args.items + args.valid, args.size)
    common = {"batch_size": args.batch_size, "device": device}
    varied = Varied("photos") if args.augment else None
    data = Data(
        Batches(images, labels, list(range(args.items)), training=True, transform=varied, **common),
        Batches(images, labels, list(range(args.items, len(labels))), **common),
    )
    model = build_model(args.arch, "none", CLASSES).to(device)
    trains, once = WAYS[way]
    clock = Epochs()
    tuner = Tuner(
        model, adamw(model), nn.functional.cross_entropy, data, resolve("auto", device), train_bn=trains,
        callbacks=[clock],
    )  # fmt: skip
    tuner.computed_once = once
    tuner.fit(tuner.plan([Stage(freeze_to=-1, epochs=args.epochs)]), NoJob())
    return clock.ahead, clock.seconds


def main() -> None:
    """Measure in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="regnetx_002")
    parser.add_argument("--size", type=int, default=80)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--items", type=int, default=640, help="training pictures")
    parser.add_argument("--valid", type=int, default=320, help="valid pictures")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--augment", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    ahead: dict[str, list[float]] = {way: [] for way in WAYS}
    epochs: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(args.rounds):
        for way in WAYS:
            before, seconds = train(args, way)
            ahead[way].append(before)
            epochs[way] += seconds
    views = f", {min(VIEWS, args.epochs)} views of each" if args.augment else ""
    print(f"{args.arch} {args.size} px, {args.items} + {args.valid} pictures{views}, {args.threads} threads")
    median = {way: statistics.median(seconds) for way, seconds in epochs.items()}
    for way, seconds in epochs.items():
        print(
            f"  {way:28s} {median[way] * 1000:8.1f} ms per epoch (fastest {min(seconds) * 1000:.1f})   "
            f"before the first batch {min(ahead[way]):.2f} s"
        )
    once, *others = median
    for other in others:
        print(
            f"ratio of '{other}' to '{once}': {median[other] / median[once]:.1f} per epoch (wanted >= 10), of the "
            f"fastest epochs {min(epochs[other]) / min(epochs[once]):.1f}; "
            f"paid after {statistics.median(ahead[once]) / (median[other] - median[once]):.1f} epochs"
        )


if __name__ == "__main__":
    main()
