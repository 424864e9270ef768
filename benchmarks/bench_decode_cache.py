"""Decode once: how close the cache's decoder comes to the machine's bare parallel JPEG decode rate.

Contenders, interleaved, each over the same JPEG files with the same number of threads:
  Pillow         decodes every file in full into an RGB array in threads, nothing else
  Pillow, procs  the same in a pool of processes (started beforehand), to see whether threads leave anything behind
  libjpeg-turbo  the same by the decoder that the lab uses (simplejpeg), in threads: the fastest full decode here
  cache N        labcore at N px: decode at the smallest DCT scale that covers the size, presize, write the memory map,
                 and everything around it (plan, allocation, disk check, meta, rename)
  reopen N       the finished cache opened again and every byte read: what an epoch after the first costs

A picture that is at least twice as large as wanted costs less than its full decode, resizing included. Where almost
every pixel is kept (256 to 224 px), resizing and writing come on top of a full decode, and the ratio says so.
Rates are of the clock; on a machine that others use too, the processor time per picture is the steadier measure (what
decides the rate where all cores are busy), so the ratio is given by both. Quality is measured beside it: PSNR of the
cached pictures against a full decode brought to size by Pillow's bilinear filter, with antialias.

Run: python benchmarks/bench_decode_cache.py [--folder FOLDER_OF_JPEGS] [--size 64 128 224] [--threads 2]
"""

import argparse
import importlib
import io
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
import simplejpeg
from PIL import Image

from labcore.data import cache, decode
from labcore.data.files import pictures
from labcore.data.labels import Index

GENERATED = 400
GOAL = 0.9
SEEN = 50
"""Pictures whose quality is measured."""
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


def turbo_chunk(paths: list[Path]) -> int:
    """Decode files in full by libjpeg-turbo, in this thread."""
    for path in paths:
        simplejpeg.decode_jpeg(path.read_bytes())
    return len(paths)


def psnr(images: np.ndarray, files: list[Path], size: tuple[int, int]) -> float:
    """Median PSNR in dB against Pillow's full decode, bilinear and antialiased."""
    found = []
    for image, path in zip(images, files, strict=True):
        with Image.open(path) as picture:
            whole = decode.resize_array(np.asarray(picture.convert("RGB")), size, "crop")[0]
        error = np.mean((image.astype(float) - whole) ** 2)
        found.append(10 * np.log10(255**2 / max(error, 1e-9)))
    return statistics.median(found)


def rate(count: int, work: Callable[[], object]) -> tuple[float, float]:
    """(pictures per second, microseconds of this process's processor time per picture) of one call of ``work``."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - start), (time.process_time() - busy) / count * 1e6


def main() -> None:
    """Print the rates, and a ratio for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="folder of JPEGs; without it some of 500 x 375 px are generated")
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128, 224], help="sides of the cached pictures")
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
        rates: dict[str, list[tuple[float, float]]] = {}
        quality: dict[int, float] = {}

        def note(name: str, work: Callable[[], object]) -> None:
            rates.setdefault(name, []).append(rate(len(files), work))

        with (
            ThreadPoolExecutor(arguments.threads) as threads,
            ProcessPoolExecutor(arguments.threads, mp_context=get_context("spawn")) as processes,
        ):
            list(processes.map(decode_chunk, chunks[: arguments.threads * 2]))  # imports and page cache are warm
            importlib.import_module("labcore.data.fit_fast")
            for number in range(arguments.rounds):
                note("Pillow", lambda: list(threads.map(decode_chunk, chunks)))
                note("Pillow, procs", lambda: list(processes.map(decode_chunk, chunks)))
                note("libjpeg-turbo", lambda: list(threads.map(turbo_chunk, chunks)))
                for side in arguments.size:
                    home = Path(scratch) / f"home-{number}-{side}"

                    def make(home: Path = home, size: tuple[int, int] = (side, side)) -> np.ndarray:
                        return cache.decoded(index, size, "crop", "bench", home=home).images

                    note(f"cache {side}", make)
                    note(f"reopen {side}", lambda make=make: make().sum(dtype=np.int64))
                    if not number:
                        quality[side] = psnr(make()[:SEEN], files[:SEEN], (side, side))
                    shutil.rmtree(home)  # left to lie, it would be written back beside the next contender
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Pillow {PIL.__version__}")
    print(f"{len(files)} JPEGs, {arguments.threads} threads, median of {arguments.rounds}:")
    medians = {name: tuple(map(statistics.median, zip(*values, strict=True))) for name, values in rates.items()}
    for name, (value, busy) in medians.items():
        shown = f"{busy:8,.0f} us of a core" if "procs" not in name else "   in its own processes"
        print(f"  {name:14s} {value:10,.0f} pictures/s {shown}")
    pillow = max(medians["Pillow"][0], medians["Pillow, procs"][0])
    for side in arguments.size:
        (taken, busy), (turbo, turbo_busy) = medians[f"cache {side}"], medians["libjpeg-turbo"]
        print(
            f"ratio at {side} px: {taken / pillow:.2f} x Pillow's bare decode, {taken / turbo:.2f} x libjpeg-turbo's; "
            f"by processor time {medians['Pillow'][1] / busy:.2f} x and {turbo_busy / busy:.2f} x "
            f"(wanted: {GOAL:.2f} or more); PSNR {quality[side]:.1f} dB"
        )


if __name__ == "__main__":
    main()
