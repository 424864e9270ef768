"""Memory of the whole lab as a free cloud box runs it, on a walk over all pages with every page's default run.

Starts the app in public mode on a fresh LAB_HOME, opens each page in a simulated tab as a visitor would, asks for the
default run of each lesson that has one, keeps the page open while it trains and once it is done, and samples the web
process, the engine and its workers together four times a second. Shared pages are counted once (PSS), which is what a
container is charged for. Runs that are too slow for a sitting can be walked in pieces with --pages.

    python benchmarks/bench_cloud_walk.py [--pages home lr_finder ...] [--set fine_tune:plan=1:3e-3 ...] [--trace]
"""

import argparse
import threading
import time

from lab import Lab, running
from viewer import Viewer

from labcore import specs
from labcore.runs.run import submit
from labcore.runs.store import ACTIVE
from pages.parts.lessons import lessons

BUDGET = 1536.0
"""MB: what the whole lab may take on the free cloud box."""
SAMPLE_SECONDS = 0.25
LOOK_SECONDS = 2.0
REST_SECONDS = 2.0
"""What is watched after a run has ended: the worker may be on its way out, its successor on its way in."""


class Watch:
    """Samples the lab's memory from a thread of its own, and keeps the heaviest moment."""

    def __init__(self, lab: Lab, trace: bool) -> None:
        self._lab, self._trace, self._ended = lab, trace, False
        self.peak: dict[str, float] = {}
        self.now: dict[str, float] = {}
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        began = time.monotonic()
        while not self._ended:
            self.now = self._lab.memory()
            if sum(self.now.values()) > sum(self.peak.values()):
                self.peak = self.now
            if self._trace:
                print(f"  {time.monotonic() - began:6.1f} s  {said(self.now)}", flush=True)
            time.sleep(SAMPLE_SECONDS)

    def end(self) -> None:
        """Stop sampling."""
        self._ended = True
        self._thread.join()


def said(megabytes: dict[str, float]) -> str:
    """Parts and their sum."""
    parts = ", ".join(f"{name} {value:.0f}" for name, value in megabytes.items())
    return f"{sum(megabytes.values()):5.0f} MB ({parts})"


def walk(lab: Lab, path: str, settings: dict[str, str], trace: bool) -> dict[str, float]:
    """Open a page, let its default run train before its eyes, look at the result; return the heaviest moment."""
    watch = Watch(lab, trace)
    try:
        with Viewer(lab.port, path) as tab:
            tab.rerun()
            how = "no run"
            if path in specs.EXPERIMENTS:
                run = submit(specs.spec_type(path).of(settings))
                while run.status in ACTIVE:
                    tab.rerun()
                    time.sleep(LOOK_SECONDS)
                how = f"{run.status}, {run.row.seconds:.0f} s{' ' + run.row.error if run.row.error else ''}"
            tab.rerun()
            time.sleep(REST_SECONDS)
    finally:
        watch.end()
    print(f"{path or 'home':<13} {how:<14} peak {said(watch.peak)}, then {said(watch.now)}; "
          f"ratio to {BUDGET:.0f} MB: {sum(watch.peak.values()) / BUDGET:.2f}", flush=True)  # fmt: skip
    return watch.peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", nargs="+", help="home, runs or a lesson's path; all by default")
    parser.add_argument("--set", nargs="+", default=[], metavar="PAGE:NAME=VALUE", help="shorter runs, for a trial")
    parser.add_argument("--trace", action="store_true", help="print every sample")
    options = parser.parse_args()
    pages = options.pages or ["home", *(lesson.path for lesson in lessons()), "runs"]
    settings: dict[str, dict[str, str]] = {}
    for text in options.set:
        name, _, value = text.partition("=")
        page, _, field = name.partition(":")
        settings.setdefault(page, {})[field] = value
    with running(LAB_MODE="public", LAB_RECORDED="false") as lab:  # what is recorded would not train
        peaks = {
            page: walk(lab, "" if page == "home" else page, settings.get(page, {}), options.trace) for page in pages
        }
    heaviest = max(peaks, key=lambda page: sum(peaks[page].values()))
    total = sum(peaks[heaviest].values())
    print(f"heaviest page: {heaviest}, {said(peaks[heaviest])}; ratio to {BUDGET:.0f} MB: {total / BUDGET:.2f}")


if __name__ == "__main__":
    main()
