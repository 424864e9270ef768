"""A frozen range test that computes the body once per picture, against one that runs the frozen body every time.

    python benchmarks/bench_range_test.py [--arch mobilenetv3_small_100] [--fastai-python PATH]

Equal work: the same number of rates on the same pictures, all of them tried. With ``--fastai-python`` an interpreter
that has fastai runs ``lr_find`` on the unfrozen net, against ours on the unfrozen net.
"""

import argparse
import statistics
import subprocess
import time

import numpy as np
import torch
from bench_training_loop import AS_STARTED, as_folder, make_learner, pictures
from no_job import NoJob

from labcore.data.batches import Batches
from labcore.models.groups import freeze_to
from labcore.training.features import on_features
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve, resolve_device
from labcore.training.range_test import range_test

FASTAI = """
import sys, time, torch
from fastai.vision.all import *
folder, arch, size, batch, steps, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
torch.set_num_threads(threads)
dls = ImageDataLoaders.from_folder(folder, valid_pct=0.01, seed=0, bs=batch, num_workers=0, item_tfms=Resize(size))
learn = vision_learner(dls, globals().get(arch, arch), pretrained=False, metrics=[]); learn.unfreeze()
with learn.no_bar(), learn.no_logging():
    began = time.perf_counter()
    learn.lr_find(num_it=steps, stop_div=False, show_plot=False)
print("SECONDS", time.perf_counter() - began)
"""


def fastai_seconds(args: argparse.Namespace, images: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of fastai's ``lr_find`` on the pictures as PNG files."""
    with as_folder(images, labels) as folder:
        options = map(str, [args.size, args.batch_size, args.steps, args.threads])
        command = [args.fastai_python, "-c", FASTAI, folder, args.arch, *options]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=AS_STARTED).stdout
    return float(printed.rpartition("SECONDS")[2])


def timed(run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="mobilenetv3_small_100")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--items", type=int, default=1600, help="training pictures, as in critters")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--fastai-python", default="")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    device = resolve_device(args.device)
    images, labels = pictures(args.items, args.size)
    batches = Batches(images, labels, batch_size=args.batch_size, device=device, training=True)
    learner = make_learner(args.arch, batches, resolve("auto", device))
    job, options = NoJob(), {"num_it": args.steps, "stop_early": False, "end": 1e-2}

    def every_time() -> None:
        freeze_to(learner.model, -1)
        range_test(learner, job, **options)

    def once() -> None:
        range_test(on_features(learner, adamw, job, args.steps), job, **options)

    def unfrozen() -> None:
        freeze_to(learner.model, 0)
        range_test(learner, job, **options)

    contenders = {"frozen, body every time": every_time, "frozen, body once": once, "unfrozen": unfrozen}
    seconds: dict[str, list[float]] = {name: [] for name in (*contenders, "fastai, unfrozen")}
    for number in range(args.rounds):
        for name, run in contenders.items():
            seconds[name].append(timed(run))
        if args.fastai_python and number < 2:
            seconds["fastai, unfrozen"].append(fastai_seconds(args, images, labels))
    median = {name: statistics.median(values) for name, values in seconds.items() if values}
    print(
        f"{args.arch} {args.size} px, batch {args.batch_size}, {args.steps} rates, {args.items} pictures, {device.type}"
    )
    for name, value in median.items():
        print(f"  {name:24s} {value:7.2f} s")
    gain = median["frozen, body every time"] / median["frozen, body once"]
    print(f"ratio of every time to once: {gain:.1f} (wanted >= 5)")
    if "fastai, unfrozen" in median:
        print(f"ratio to fastai's lr_find: {median['fastai, unfrozen'] / median['unfrozen']:.2f} (wanted >= 1.2)")


if __name__ == "__main__":
    main()
