"""What a step of the data block page costs on each embedded set: a first look in a fresh tab, and reruns after it.

Starts the app on the given LAB_HOME (sets that it lacks are drawn first) and opens every step of every embedded set in
simulated tabs, sets interleaved. A first look opens pictures that nobody has opened yet: each tab asks for another
shelf, item and draw.

    python benchmarks/bench_data_page.py [--home .lab] [--looks 5] [--reruns 5]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).resolve().parent)]

from bench_pages import start  # noqa: E402
from viewer import Viewer  # noqa: E402

BUDGET = 0.300
SETS = ("critters", "tiles", "streets", "heads", "ratings")
STEPS = ("Inputs", "Split", "Label", "Transforms", "Test set", "Batches")


def main() -> None:
    """Print first looks and reruns per set and step, and the slowest against the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--looks", type=int, default=5)
    parser.add_argument("--reruns", type=int, default=5)
    parser.add_argument("--port", type=int, default=8743)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp())
    os.environ["LAB_HOME"] = str(home.resolve())
    for name in SETS:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "labcore", "data", "get", name], cwd=REPOSITORY, check=True, capture_output=True
        )
        print(f"{name}: at hand after {time.perf_counter() - began:.1f} s")
    from labcore.runs import engine

    app, _ = start(options.port)
    first: dict[tuple[str, str], list[float]] = {(name, step): [] for name in SETS for step in STEPS}
    again: dict[tuple[str, str], list[float]] = {pair: [] for pair in first}
    try:
        for look in range(options.looks + 1):
            for (name, step), taken in first.items():
                query = {"dataset.name": name, "step": step, "shelf": look + 1, "item": 7 * look, "draw": look}
                with Viewer(options.port, "data_block", urlencode(query)) as tab:
                    seconds = tab.rerun()[0]
                    if look:  # before, the set itself was opened
                        taken.append(seconds)
                        again[name, step] += [tab.rerun()[0] for _ in range(options.reruns)]
        for name, step in first:
            one, other = statistics.median(first[name, step]), statistics.median(again[name, step])
            print(f"{name:<9} {step:<11} first look {1e3 * one:6.0f} ms, rerun {1e3 * other:6.0f} ms")
        looks = {pair: statistics.median(taken) for pair, taken in first.items()}
        reruns = [seconds for taken in again.values() for seconds in taken]
        slowest = max(looks, key=looks.get)
        print(f"slowest first look: {' '.join(slowest)} {1e3 * looks[slowest]:.0f} ms; ratio to 300 ms:"
              f" {looks[slowest] / BUDGET:.2f}")  # fmt: skip
        print(f"all first looks: median {1e3 * statistics.median(looks.values()):.0f} ms; ratio to 300 ms:"
              f" {statistics.median(looks.values()) / BUDGET:.2f}")  # fmt: skip
        print(f"all reruns: median {1e3 * statistics.median(reruns):.0f} ms, 95 % below"
              f" {1e3 * statistics.quantiles(reruns, n=20)[-1]:.0f} ms; ratio to 300 ms:"
              f" {statistics.median(reruns) / BUDGET:.2f}")  # fmt: skip
        resident = psutil.Process(app.pid).memory_info().rss / 2**20
        print(f"web process with all five sets open: {resident:.0f} MB resident (memory maps count as far as touched)")
    finally:
        app.terminate()
        app.wait(20)
        engine.end()
        if not options.home:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
