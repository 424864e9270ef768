"""The Learner's loop against a bare PyTorch loop, and against fastai, on the same pictures.

    python benchmarks/bench_training_loop.py [--arch resnet18] [--device cpu] [--fastai-python PATH]

On a CPU the loops take turns batch by batch, so that whatever else the machine does hits all alike; on a GPU,
where batches are only queued, round by round. The bare loop has the same tensors, model, optimiser, number format and
threads, and nothing else: no records, no rates, no seeds, no checkpoints. fastai runs in an interpreter of its own that
has it installed, with its usual data loader on PNG files written for it, as a user of fastai trains.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path

AS_STARTED = dict(os.environ)
"""fastai runs in the environment that its user has, the lab's loop in the process that the lab prepares."""

import labcore.experiments  # noqa: E402, F401, I001  before torch: OpenMP reads its settings when it is loaded
import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402

from no_job import NoJob  # noqa: E402

from labcore.data.batches import Batches  # noqa: E402
from labcore.models.backbones import build_model  # noqa: E402
from labcore.specs import Stage  # noqa: E402
from labcore.training import precision as precisions  # noqa: E402
from labcore.training.learner import Data, Learner  # noqa: E402
from labcore.training.optimizer import adamw  # noqa: E402

CLASSES = 12
WARM_UP = 2
"""Batches left out at the start: allocation, algorithm choice."""

FASTAI = """
import sys, time, torch
from fastai.vision.all import *
folder, arch, size, batch, threads, half = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
torch.set_num_threads(threads)
dls = ImageDataLoaders.from_folder(folder, valid_pct=0.01, seed=0, bs=batch, num_workers=0, item_tfms=Resize(size))
learn = vision_learner(dls, globals().get(arch, arch), pretrained=False, metrics=[]); learn.unfreeze()
if half: learn.to_fp16()
class Wait(Callback):
    began = 0.0
    def after_batch(self):
        if torch.cuda.is_available(): torch.cuda.synchronize()
        print("SECONDS", time.perf_counter() - self.began, flush=True)
        if not sys.stdin.readline(): raise CancelFitException()
        self.began = time.perf_counter()
    def before_validate(self): raise CancelValidException()
with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1000, 1e-3, cbs=Wait())
"""


class Fastai:
    """fastai's Learner in an interpreter of its own, which trains one batch whenever it is asked to."""

    def __init__(self, args: argparse.Namespace, half: bool, folder: str) -> None:
        options = map(str, [args.size, args.batch_size, args.threads, int(half)])
        command = [args.fastai_python, "-c", FASTAI, folder, args.arch, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=AS_STARTED
        )
        self._answer()

    def __call__(self) -> float:
        """Seconds of one batch, its loading included."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> float:
        for line in self.process.stdout:
            if line.startswith("SECONDS"):
                return float(line.split()[1])
        raise SystemExit("fastai ended early; its message stands above.")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class TakingTurns:
    """After each batch of the Learner, one of every other loop; notes the seconds of all."""

    def __init__(self, others: dict[str, Callable[[], float]]) -> None:
        self.others = others
        self.seconds: dict[str, list[float]] = {"unfreeze": [], **{name: [] for name in others}}

    def before_leg(self, _: Learner) -> None:
        self.began = time.perf_counter()

    def after_step(self, _: Learner) -> None:
        self.seconds["unfreeze"].append(time.perf_counter() - self.began)
        for name, step in self.others.items():
            self.seconds[name].append(step())
        self.began = time.perf_counter()


def pictures(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8), rng.integers(0, CLASSES, n)


def make_learner(arch: str, data: Batches, precision: precisions.Precision) -> Learner:
    model = build_model(arch, "none", CLASSES).to(precision.device)
    return Learner(model, adamw(model), nn.functional.cross_entropy, Data(data), precision)


def bare(learner: Learner, batches: Batches) -> Iterator[None]:
    """A training loop with nothing in it but what must be; each step yields once."""
    model, optimizer, precision = learner.model.train(), learner.optimizer, learner.precision
    for epoch in count():
        for x, y, _ in batches.epoch(epoch):
            with precision.autocast():
                predictions = model(x)
            loss = nn.functional.cross_entropy(predictions.float(), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            yield


def in_turns(
    learners: list[Learner], batches: Batches, steps: int, fastai: Callable[[], float] | None
) -> dict[str, list[float]]:
    """Seconds per batch of all loops, stepped in turn."""
    loop = bare(learners[0], batches)

    def step() -> float:
        began = time.perf_counter()
        next(loop)
        return time.perf_counter() - began

    turns = TakingTurns({"bare": step} | ({"fastai": fastai} if fastai else {}))
    learners[1].callbacks.append(turns)
    learners[1].fit_plan([Stage(steps=steps + WARM_UP, lr=1e-3)], NoJob(), resume=False)
    return {name: seconds[WARM_UP:] for name, seconds in turns.seconds.items()}


def in_rounds(learners: list[Learner], batches: Batches, steps: int, rounds: int) -> dict[str, list[float]]:
    """Seconds per batch of both loops on a GPU, the mean of each round, from an idle device to an idle device."""
    loop, seconds = bare(learners[0], batches), {"unfreeze": [], "bare": []}
    for _ in range(rounds + 1):
        for name in seconds:
            torch.cuda.synchronize()
            began = time.perf_counter()
            if name == "bare":
                for _ in range(steps):
                    next(loop)
            else:
                learners[1].fit_plan([Stage(steps=steps, lr=1e-3)], NoJob(), resume=False)
            torch.cuda.synchronize()
            seconds[name].append((time.perf_counter() - began) / steps)
    return {name: values[1:] for name, values in seconds.items()}


@contextmanager
def as_folder(images: np.ndarray, labels: np.ndarray) -> Iterator[str]:
    """The pictures as PNG files in a folder per class, as fastai reads them."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = Path(folder, str(label), f"{number}.png")
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(path)
        yield folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--arch",
        default="resnet18",
        help="a timm name; fastai takes torchvision's net of that name, or timm's where timm is installed beside it",
    )
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=12, help="batches per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16", "fp16"])
    parser.add_argument("--fastai-python", default="", help="an interpreter that has fastai 2.8; left out if empty")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    device = precisions.resolve_device(args.device)
    precision = precisions.resolve(args.precision, device)
    images, labels = pictures(args.batch_size * args.steps, args.size)
    batches = Batches(images, labels, batch_size=args.batch_size, device=device, training=True)
    learners = [make_learner(args.arch, batches, precision) for _ in range(2)]
    with as_folder(images, labels) if args.fastai_python else nullcontext() as folder:
        fastai = Fastai(args, precision.name != "fp32", folder) if folder else None
        if device.type == "cuda":
            seconds = in_rounds(learners, batches, args.steps, args.rounds)
            if fastai:
                seconds["fastai"] = [fastai() for _ in range(WARM_UP + args.steps)][WARM_UP:]
        else:
            seconds = in_turns(learners, batches, args.steps * args.rounds, fastai)
        if fastai:
            fastai.close()
    speed = {name: args.batch_size / statistics.median(values) for name, values in seconds.items()}
    place = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {args.threads} threads"
    print(f"{args.arch} {args.size} px, batch {args.batch_size}, {precision.name}, {place}, torch {torch.__version__}")
    for name, value in speed.items():
        print(f"  {name:10s} {value:8.1f} images/s")
    paired = statistics.median(b / o for b, o in zip(seconds["bare"], seconds["unfreeze"], strict=True))
    print(f"ratio to the bare loop: {paired:.3f} (wanted >= 0.95)")
    if "fastai" in speed:
        gain = statistics.median(f / o for f, o in zip(seconds["fastai"], seconds["unfreeze"], strict=False))
        print(f"ratio to fastai: {gain:.2f} (wanted >= 1.2)")


if __name__ == "__main__":
    main()
