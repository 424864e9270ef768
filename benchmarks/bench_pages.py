"""What the web process costs: seconds to a usable home page, time and bytes of a rerun per page, resident memory.

Starts the app on the given LAB_HOME (or a fresh one, in which the default range test is run first), opens each page in
a simulated tab and reruns it with a finished run shown.

    python benchmarks/bench_pages.py [--home .lab] [--reruns 30]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).resolve().parent)]

from viewer import Viewer  # noqa: E402

RERUN_BUDGET = 0.100
MEMORY_BUDGET = 350.0
START_BUDGET = 3.0


def start(port: int) -> tuple[subprocess.Popen, float]:
    """``streamlit run app.py``, and the seconds until a first tab has its home page."""
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.headless",
        "true",
        "--server.port",
        str(port),
    ]
    began = time.perf_counter()
    with Path(os.devnull).open("wb") as nothing:
        app = subprocess.Popen(command, cwd=REPOSITORY, stdout=nothing, stderr=nothing)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read()
            break
        except OSError:
            time.sleep(0.02)
    with Viewer(port) as tab:
        tab.rerun()
    return app, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--reruns", type=int, default=30)
    parser.add_argument("--port", type=int, default=8741)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp())
    os.environ["LAB_HOME"] = str(home)
    from labcore.runs import engine
    from pages.parts.lessons import lessons

    if not options.home:
        subprocess.run([sys.executable, "-m", "labcore", "run", "lr_finder"], cwd=REPOSITORY, check=True)
    starts = []
    for _ in range(3):
        app, seconds = start(options.port)
        starts.append(seconds)
        if len(starts) < 3:
            app.terminate()
            app.wait(20)
    try:
        print(f"home page usable: median {statistics.median(starts):.2f} s; ratio to {START_BUDGET} s:"
              f" {statistics.median(starts) / START_BUDGET:.2f}")  # fmt: skip
        for page in ("", *(lesson.path for lesson in lessons()), "runs"):
            with Viewer(options.port, page) as tab:
                first, size = tab.rerun()
                taken = [tab.rerun()[0] for _ in range(options.reruns)]
            median = statistics.median(taken)
            opening = f"first {1e3 * first:6.0f} ms, {size / 1e3:7.0f} kB"
            again = f"rerun median {1e3 * median:6.1f} ms; ratio to 100 ms: {median / RERUN_BUDGET:.2f}"
            print(f"{page or 'home':<12} {opening}; {again}")
        web = psutil.Process(app.pid)
        resident = web.memory_info().rss / 2**20
        torch = any("libtorch" in area.path for area in web.memory_maps())
        print(f"web process: {resident:.0f} MB resident, torch loaded: {torch}; ratio to {MEMORY_BUDGET:.0f} MB:"
              f" {resident / MEMORY_BUDGET:.2f}")  # fmt: skip
    finally:
        app.terminate()
        app.wait(20)
        engine.end()
        if not options.home:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
