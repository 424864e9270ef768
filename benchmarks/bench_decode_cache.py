"""Decode once: how close the cache's decoder comes to the machine's bare parallel JPEG decode rate.

Contenders, interleaved, each over the same JPEG files with the same number of threads:
  bare          Pillow decodes every file into an RGB array in threads, nothing else (the machine's rate)
  bare, procs   the same in a pool of processes (started beforehand), to see whether threads leave anything behind
  cache         labcore: decode at the smallest DCT scale that covers the size, presize, write the memory map, and
                everything around it (plan, allocation, disk check, meta, rename)
  reopen        the finished cache opened again and every byte read: what an epoch after the first costs

Run: python benchmarks/bench_decode_cache.py [--folder FOLDER_OF_JPEGS] [--size 64] [--threads 2]
"""

import argparse
import io
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
from PIL import Image

from labcore.data import cache
from labcore.data.files import pictures
from labcore.data.labels import Index

GENERATED = 400
CHUNK = 16


def generate(folder: Path, count: int, side: tuple[int, int] = (500, 375)) -> None:
    """Photograph-like JPEGs: smooth clouds with grain, which cost about what photographs of their size cost."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
            side, Image.Resampling.BICUBIC
        )
        grain = rng.normal(0, 8, (side[1], side[0], 1))
        picture = Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=90)
        (folder / f"generated_{number}.jpg").write_bytes(buffer.getvalue())


def decode_chunk(paths: list[Path]) -> int:
    """Decode files in full, in this thread or process."""
    for path in paths:
        with Image.open(path) as picture:
            np.asarray(picture)
    return len(paths)


def rate(count: int, work) -> float:
    """Pictures per second of one call of ``work``."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="folder of JPEGs; without it some are generated")
    parser.add_argument("--size", type=int, default=64, help="side of the cached pictures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--least", type=int, default=1500, help="files are repeated until there are so many")
    arguments = parser.parse_args()
    os.environ["LAB_THREADS"] = str(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder
        if folder is None:
            folder = Path(scratch) / "jpegs"
            folder.mkdir()
            generate(folder, GENERATED)
        names = [name for name in pictures(folder) if name.lower().endswith((".jpg", ".jpeg"))]
        names = (names * -(-arguments.least // len(names)))[: max(arguments.least, len(names))]
        files = [folder / name for name in names]
        chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
        table = pd.DataFrame({"item": names, "path": names, "label": 0})
        index = Index("bench", "single_label", folder, ("all",), table)
        size = (arguments.size, arguments.size)
        rates: dict[str, list[float]] = {"bare": [], "bare, procs": [], "cache": [], "reopen": []}
        with (
            ThreadPoolExecutor(arguments.threads) as threads,
            ProcessPoolExecutor(arguments.threads, mp_context=get_context("spawn")) as processes,
        ):
            list(processes.map(decode_chunk, chunks[: arguments.threads * 2]))  # imports and page cache are warm
            for number in range(arguments.rounds):
                home = Path(scratch) / f"home-{number}"

                def make(home: Path = home) -> cache.Decoded:
                    return cache.decoded(index, size, "crop", "bench", home=home)

                rates["bare"].append(rate(len(files), lambda: list(threads.map(decode_chunk, chunks))))
                rates["bare, procs"].append(rate(len(files), lambda: list(processes.map(decode_chunk, chunks))))
                rates["cache"].append(rate(len(files), make))
                rates["reopen"].append(rate(len(files), lambda make=make: make().images.sum(dtype=np.int64)))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Pillow {PIL.__version__}")
    print(
        f"{len(files)} JPEGs, {arguments.threads} threads, cached at {arguments.size} px, median of {arguments.rounds}:"
    )
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in medians.items():
        print(f"  {name:12s} {value:10,.0f} pictures/s")
    bare = max(medians["bare"], medians["bare, procs"])
    print(f"ratio cache / best bare decode: {medians['cache'] / bare:.2f} (wanted: 0.90 or more)")


if __name__ == "__main__":
    main()
