"""The segmentation lesson's numbers: both sets against what is wanted of them, and time to quality against fastai.

    python benchmarks/bench_segmentation.py [--camvid FOLDER --weights FILE] [--fastai-python PATH] [--threads 2]

The sets are run as a person runs them, by the command line, on the defaults. Against fastai's
``unet_learner(resnet18)`` both nets start from random weights, see the same pictures (``streets``, a part of it) at the
same size in batches of 8, take the rate that their own LR finder names (``valley``, 100 batches, not counted) and train
one-cycle. fastai trains two epochs; the lab's net trains before and after it, and what counts is the wall-clock time,
validation included, after which its valid loss is at or below the one that fastai ended with. fastai runs in an
interpreter of its own, with its usual data loader on PNG files written for it, as a user of fastai trains.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AS_STARTED = dict(os.environ)
"""fastai runs in the environment that its user has, the lab's loop in the process that the lab prepares."""

import labcore.experiments  # noqa: E402, F401, I001  before torch: OpenMP reads its settings when it is loaded
import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from no_job import NoJob  # noqa: E402

from labcore.data import block  # noqa: E402
from labcore.data.batches import Batches  # noqa: E402
from labcore.data.items import Items  # noqa: E402
from labcore.evaluation.lr_finder import suggest  # noqa: E402
from labcore.models.unet import build_unet  # noqa: E402
from labcore.specs import DatasetSpec, Stage  # noqa: E402
from labcore.training import precision as precisions  # noqa: E402
from labcore.training.learner import Data, Learner  # noqa: E402
from labcore.training.masks import mask_loss  # noqa: E402
from labcore.training.optimizer import adamw  # noqa: E402
from labcore.training.range_test import range_test  # noqa: E402

BATCH = 8
WANTED = {
    "streets": {"seconds": 90, "pixel_accuracy": 0.90, "iou_min_frequent": 0.3},
    "camvid": {"seconds": 360, "pixel_accuracy": 0.85},
}
FASTAI_EPOCHS = 2
WANTED_RATIO = 3.0

FASTAI = """
import json, sys, time, torch
from fastai.vision.all import *
folder, classes, void, epochs, batch, threads, finder = Path(sys.argv[1]), *map(int, sys.argv[2:])
torch.set_num_threads(threads)
set_seed(0)
dls = DataBlock(
    blocks=(ImageBlock, MaskBlock([str(code) for code in range(classes)])),
    get_items=lambda folder: get_image_files(folder/'images'),
    get_y=lambda file: folder/'labels'/file.name,
    splitter=FuncSplitter(lambda file: file.name.startswith('valid')),
).dataloaders(folder, bs=batch, num_workers=0)
learn = unet_learner(dls, resnet18, pretrained=False, n_out=classes,
    loss_func=CrossEntropyLossFlat(axis=1, ignore_index=void))
with learn.no_bar(), learn.no_logging():
    lr = learn.lr_find(num_it=finder, show_plot=False, suggest_funcs=valley).valley
    class Told(Callback):
        order = 60
        def before_fit(self): self.began = time.perf_counter()
        def after_epoch(self):
            seconds = time.perf_counter() - self.began
            print('EPOCH', json.dumps([seconds, self.learn.recorder.values[-1][1], lr]), flush=True)
    learn.fit_one_cycle(epochs, lr, cbs=Told())
"""


class Clock:
    """(seconds since the start, valid loss) after each epoch, validation included."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []

    def before_fit(self, _: Learner) -> None:
        self.began = time.perf_counter()

    def after_epoch(self, learner: Learner) -> None:
        self.points.append((time.perf_counter() - self.began, learner.measured["valid_loss"]))


def run_set(name: str, more: list[str], threads: int) -> bool:
    """One default run by the command line, beside what is wanted of it."""
    command = [sys.executable, "-m", "labcore", "run", "segmentation", "--json", "--fresh"]
    command += ["--set", f"dataset.name={name}", *more]
    environment = AS_STARTED | {"LAB_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}")
        return False
    result = json.loads(done.stdout.strip().splitlines()[-1])
    metrics, good = result["metrics"] | {"seconds": result["seconds"]}, True
    print(f"{name} on {result['device']}: {metrics['images_per_second']:.0f} images/s, {metrics['memory']:.0f} MB")
    for metric, wanted in WANTED[name].items():
        met = metrics[metric] <= wanted if metric == "seconds" else metrics[metric] >= wanted
        good &= met
        sign = "<=" if metric == "seconds" else ">="
        print(f"  {metric:28s} {metrics[metric]:8.3f}  (wanted {sign} {wanted:g}){'' if met else '  MISSED'}")
    for metric in (
        "mean_iou", "test_pixel_accuracy", "test_mean_iou", "baseline_pixel_accuracy", "baseline_position_accuracy",
    ):  # fmt: skip
        if metric in metrics:
            print(f"  {metric:28s} {metrics[metric]:8.3f}")
    return good


def ours(args: argparse.Namespace, items: Items, train: np.ndarray, valid: np.ndarray) -> tuple[float, list]:
    """The rate that the finder names, and (seconds, valid loss) after each epoch."""
    data = Data(
        Batches(items.images, items.masks, train, batch_size=BATCH, training=True),
        Batches(items.images, items.masks, valid, batch_size=BATCH),
    )
    net = build_unet(args.arch, "none", len(items.classes))
    precision = precisions.resolve("auto", torch.device("cpu"))
    learner = Learner(net, adamw(net), mask_loss("cross_entropy", items.void), data, precision)
    found = range_test(learner, NoJob(), num_it=args.finder)
    rate = suggest(found.lrs, found.smooth_losses, args.finder).valley.lr
    clock = Clock()
    learner.callbacks.append(clock)
    learner.fit_plan([Stage(epochs=args.epochs, lr=rate)], NoJob(), resume=False)
    return rate, clock.points


def fastai(args: argparse.Namespace, items: Items, train: np.ndarray, valid: np.ndarray) -> tuple[float, list]:
    """The same of fastai, in its own interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        for part, rows in (("train", train), ("valid", valid)):
            for row in rows:
                for kind, pixels in (("images", items.images[row]), ("labels", items.masks[row])):
                    path = Path(folder, kind, f"{part}_{row}.png")
                    path.parent.mkdir(exist_ok=True)
                    Image.fromarray(np.asarray(pixels)).save(path)
        numbers = (len(items.classes), items.void, FASTAI_EPOCHS, BATCH, args.threads, args.finder)
        command = [args.fastai_python, "-c", FASTAI, folder, *map(str, numbers)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=AS_STARTED, check=True)
    rows = [json.loads(line.removeprefix("EPOCH ")) for line in done.stdout.splitlines() if line.startswith("EPOCH ")]
    return rows[-1][2], [(seconds, loss) for seconds, loss, _ in rows]


def race(args: argparse.Namespace) -> bool:
    """Time to the valid loss that fastai has after two epochs."""
    torch.set_num_threads(args.threads)
    items = block.load(DatasetSpec(name="streets"), args.size)
    split = block.split(items, DatasetSpec(name="streets"))
    # Every k-th frame keeps all videos in, and the held-out videos out.
    train = split.train[:: max(1, len(split.train) // args.pictures)][: args.pictures]
    valid = split.valid[:: max(1, len(split.valid) // (args.pictures // 4))][: args.pictures // 4]
    before = ours(args, items, train, valid)
    theirs = fastai(args, items, train, valid)
    after = ours(args, items, train, valid)
    seconds, target = theirs[1][-1]
    size = f"{args.size[0]} x {args.size[1]}"
    print(f"streets {size}, {len(train)} pictures, batch {BATCH}, {args.threads} threads, random weights")
    print(f"  fastai unet_learner(resnet18), lr {theirs[0]:.1e}: {_curve(theirs[1])}")
    reached = []
    for rate, points in (before, after):
        print(f"  unfreeze U-Net({args.arch}), lr {rate:.1e}: {_curve(points)}")
        reached.append(next((at for at, loss in points if loss <= target), float("inf")))
    ratio = seconds / statistics.mean(reached)
    print(f"valid loss {target:.3f}: fastai {seconds:.1f} s, unfreeze {reached[0]:.1f} and {reached[1]:.1f} s")
    print(f"ratio to fastai: {ratio:.2f} (wanted >= {WANTED_RATIO:g})")
    return ratio >= WANTED_RATIO


def _curve(points: list[tuple[float, float]]) -> str:
    return ", ".join(f"{loss:.3f} at {seconds:.1f} s" for seconds, loss in points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=["streets", "camvid"], choices=list(WANTED))
    parser.add_argument("--camvid", default="", help="CamVid's folder; left out if empty")
    parser.add_argument("--weights", default="", help="weights of mobilenet_v2_035 for camvid")
    parser.add_argument("--fastai-python", default="", help="an interpreter that has fastai 2.8; left out if empty")
    parser.add_argument("--arch", default="mobilenetv3_small_100", help="of the race against fastai")
    parser.add_argument("--pictures", type=int, default=128, help="training pictures of the race")
    parser.add_argument("--epochs", type=int, default=6, help="of the lab's net in the race")
    parser.add_argument("--size", type=int, nargs=2, default=(96, 128), help="height and width in the race")
    parser.add_argument("--finder", type=int, default=100, help="batches of both finders")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    good = True
    if "streets" in args.sets:
        good &= run_set("streets", [], args.threads)
    if "camvid" in args.sets and args.camvid:
        more = ["--set", f"dataset.root={args.camvid}"]
        more += ["--set", f"weights={args.weights}"] if args.weights else []
        good &= run_set("camvid", more, args.threads)
    if args.fastai_python:
        good &= race(args)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
