"""How long the first use of each embedded set takes: children against this process alone, start of processes included.

Claims: every set is made in less than 15 s on 2 cores; two children are faster than one process by 1.6 or more where
two cores are free; a set that is made opens in milliseconds.

    python benchmarks/bench_embedded_sets.py [--sets critters tiles] [--workers 2] [--repeats 3]
"""

import argparse
import importlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from labcore.data.embedded import build

SETS = ("critters", "tiles", "streets", "heads", "ratings")
LIMIT = 15.0
"""Seconds; what a person waits at first use."""


def timed_make(module, folder: Path, workers: int) -> tuple[float, float]:
    """(wall seconds, CPU seconds of this process and its children) of making the set."""
    before, start = os.times(), time.perf_counter()
    build.make(module, folder, workers=workers)
    wall, after = time.perf_counter() - start, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def timed_load(folder: Path) -> float:
    start = time.perf_counter()
    items = build.load(folder)
    if len(items.images):
        items.images[len(items) // 2].sum()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-alone", action="store_true", help="leave out the single process, which takes longest")
    options = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.workers} children, {options.repeats} rounds"
    )
    for name in options.sets:
        module = importlib.import_module(f"labcore.data.embedded.{name}")
        walls, alone, work, opened, size = [], [], [], [], 0
        for _ in range(options.repeats):
            with tempfile.TemporaryDirectory() as scratch:
                wall, cpu = timed_make(module, Path(scratch) / "children", options.workers)
                walls.append(wall)
                work.append(cpu)
                opened.append(timed_load(Path(scratch) / "children"))
                if not options.no_alone:
                    alone.append(timed_make(module, Path(scratch) / "alone", 0)[0])
                count = len(build.load(Path(scratch) / "children"))
                size = sum(path.stat().st_size for path in (Path(scratch) / "children").iterdir())
        wall = statistics.median(walls)
        line = (
            f"{name:9s} {count:6d} items {size / 1e6:6.1f} MB: made in {wall:6.2f} s "
            f"({statistics.median(work) / count * 1e3:5.2f} ms CPU an item), "
            f"opened in {statistics.median(opened) * 1e3:5.1f} ms"
        )
        if alone:
            line += f"; alone {statistics.median(alone):6.2f} s, ratio {statistics.median(alone) / wall:4.2f} x"
        print(f"{line}; {LIMIT / wall:4.1f} x inside the {LIMIT:.0f} s allowed", flush=True)


if __name__ == "__main__":
    main()
