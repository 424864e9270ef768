"""What the web process costs: seconds to a usable home page, time and bytes of a rerun per page, resident memory.

Starts the app on the given LAB_HOME (or a fresh one, which takes in the recorded runs), opens each page in a simulated
tab and reruns it with a finished run shown.

    python benchmarks/bench_pages.py [--home .lab] [--reruns 30]
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from lab import MEGABYTE, REPOSITORY, running, start_seconds
from viewer import Viewer

from pages.parts.lessons import lessons

RERUN_BUDGET = 0.100
MEMORY_BUDGET = 350.0
START_BUDGET = 3.0
STARTS = 3


def import_seconds(source: str) -> float:
    """Seconds of a fresh Python that runs one line, the median of a few."""
    taken = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", source], cwd=REPOSITORY, check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--reruns", type=int, default=30)
    options = parser.parse_args()
    bare, imported = (
        import_seconds("pass"),
        import_seconds("from labcore.runs.store import open_store; open_store().find()"),
    )
    print(f"import labcore to a store that answers: {imported - bare:.2f} s over bare Python's {bare:.2f} s")
    with running(options.home, warm=False, LAB_RECORDED="true") as lab:
        starts = [lab.seconds] + [start_seconds() for _ in range(STARTS - 1)]
        print(f"home page usable: median {statistics.median(starts):.2f} s; ratio to {START_BUDGET} s:"
              f" {statistics.median(starts) / START_BUDGET:.2f}")  # fmt: skip
        for page in ("", *(lesson.path for lesson in lessons()), "runs"):
            with Viewer(lab.port, page) as tab:
                first, size = tab.rerun()
                taken = [tab.rerun()[0] for _ in range(options.reruns)]
            median = statistics.median(taken)
            opening = f"first {1e3 * first:6.0f} ms, {size / 1e3:7.0f} kB"
            again = f"rerun median {1e3 * median:6.1f} ms; ratio to 100 ms: {median / RERUN_BUDGET:.2f}"
            print(f"{page or 'home':<12} {opening}; {again}")
        resident = lab.app.memory_info().rss / MEGABYTE
        torch = any("libtorch" in area.path for area in lab.app.memory_maps())
        print(f"web process: {resident:.0f} MB resident, torch loaded: {torch}; ratio to {MEMORY_BUDGET:.0f} MB:"
              f" {resident / MEMORY_BUDGET:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
