"""An epoch of data alone, no net: the lab's cache through augmentation against fastai's DataLoader on the same JPEGs.

    python benchmarks/bench_cached_epoch.py --fastai-python PATH [--size 64] [--threads 2] [--folder FOLDER_OF_JPEGS]

Both give the same: shuffled batches of 64, float32, every picture varied anew (flips, rotation, zoom, warp, lighting:
fastai's ``aug_transforms()`` and the lab's preset "photos", whose defaults are the same), normalised. fastai runs in
an interpreter of its own that has it installed, as its user would: ``Resize`` per item, augmentation per batch, with 0
and with 2 workers. Epochs take turns, fastai's first one is left out (caches, workers). The lab's first epoch, which
decodes every file into the cache, is shown for itself: it is paid once.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import labcore.experiments  # noqa: E402, F401, I001  before torch: OpenMP reads its settings when it is loaded
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from bench_decode_cache import GENERATED, generate  # noqa: E402

from labcore.data import cache  # noqa: E402
from labcore.data.batches import Batches  # noqa: E402
from labcore.data.files import pictures  # noqa: E402
from labcore.data.labels import Index  # noqa: E402
from labcore.experiments.pictures import Varied  # noqa: E402

BATCH = 64
GOAL = 10.0
"""Times the images/s of fastai's loader that an epoch over the cache is asked to reach."""

FASTAI = """
import sys, time, torch
from fastai.vision.all import *
folder, size, workers, threads, batch = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
files = get_image_files(folder)
dls = ImageDataLoaders.from_lists(
    folder, files, [number % 2 for number in range(len(files))], valid_pct=0.0001, bs=batch, num_workers=workers,
    item_tfms=Resize(size), batch_tfms=[*aug_transforms(), Normalize.from_stats(*imagenet_stats)])
print("READY", flush=True)
while sys.stdin.readline():
    seen, began, busy = 0, time.perf_counter(), time.process_time()
    for x, y in dls.train: seen += len(x)
    print("RATE", seen / (time.perf_counter() - began), (time.process_time() - busy) / seen * 1e6, flush=True)
"""


class Fastai:
    """fastai's loader in its own interpreter, one epoch at a time."""

    def __init__(self, python: str, folder: Path, size: int, workers: int, threads: int) -> None:
        command = [python, "-c", FASTAI, str(folder), str(size), str(workers), str(threads), str(BATCH)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._said("READY")

    def epoch(self) -> tuple[float, float]:
        """(images per second, microseconds of its processor time per image, workers apart) of one epoch."""
        self._child.stdin.write("go\n")
        self._child.stdin.flush()
        rate, busy = map(float, self._said("RATE").split())
        return rate, busy

    def _said(self, word: str) -> str:
        for line in self._child.stdout:
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise SystemExit("fastai's process has ended; its words stand above.")

    def end(self) -> None:
        """Let the process go."""
        self._child.stdin.close()
        self._child.wait()


def main() -> None:
    """Print the rates and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fastai-python", required=True, help="an interpreter that has fastai")
    parser.add_argument("--folder", type=Path, help="folder of JPEGs; without it some of 500 x 375 px are generated")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--least", type=int, default=4096, help="the lab's epoch is repeated until it has so many")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder
        if folder is None:
            folder = Path(scratch) / "jpegs"
            folder.mkdir()
            generate(folder, GENERATED)
        names = [name for name in pictures(folder) if name.lower().endswith((".jpg", ".jpeg"))]
        table = pd.DataFrame({"item": names, "path": names, "label": 0})
        index = Index("bench", "single_label", folder, ("all",), table)
        began = time.perf_counter()
        images = cache.decoded(index, (options.size,) * 2, "crop", "bench", home=Path(scratch) / "home").images
        first = len(names) / (time.perf_counter() - began)
        rows = np.arange(max(options.least, len(names))) % len(names)
        batches = Batches(
            images, np.zeros(len(names), np.int64), rows, batch_size=BATCH, training=True, transform=Varied("photos")
        )

        def ours(epoch: int) -> tuple[float, float]:
            began, busy = time.perf_counter(), time.process_time()
            seen = sum(len(batch.x) for batch in batches.epoch(epoch))
            return seen / (time.perf_counter() - began), (time.process_time() - busy) / seen * 1e6

        others = {
            f"fastai, {workers} workers": Fastai(options.fastai_python, folder, options.size, workers, options.threads)
            for workers in (0, 2)
        }
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in (*others, "Unfreeze")}
        for number in range(options.rounds + 1):
            for name, other in others.items():
                rates[name].append(other.epoch())
            rates["Unfreeze"].append(ours(number))
        for other in others.values():
            other.end()
    print(f"torch {torch.__version__}, {options.threads} threads, {len(names)} JPEGs, {options.size} px, batch {BATCH}")
    medians = {name: tuple(map(statistics.median, zip(*values[1:], strict=True))) for name, values in rates.items()}
    for name, (value, busy) in medians.items():
        shown = f"{busy:8,.0f} us of a core" if "2 workers" not in name else ""
        print(f"  {name:20s} {value:10,.0f} images/s {shown}")
    print(f"  {'decoding, once':20s} {first:10,.0f} images/s")
    best = max(value for name, (value, _) in medians.items() if name != "Unfreeze")
    rate, busy = medians["Unfreeze"]
    print(
        f"ratio: {rate / best:.1f} x the better of fastai's (wanted: {GOAL:g} or more); by processor time, which a "
        f"busy machine stretches less, {medians['fastai, 0 workers'][1] / busy:.1f} x"
    )


if __name__ == "__main__":
    main()
