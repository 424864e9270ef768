"""How long the threshold board takes to answer a mouse move, measured in Chromium: counts, numbers, tags and curve.

python benchmarks/bench_threshold_board.py [--items 5000] [--labels 17] [--moves 120] [--budget 16]
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from lab import CHROMIUM, running
from playwright.sync_api import sync_playwright

from labcore.evaluation.thresholds import sigmoid

WAIT_SECONDS = 400
PICTURED = 50_000
"""Larger files come without pictures, as they do in life."""


def predictions(file: Path, items: int, labels: int) -> None:
    """Write predictions of middling skill with a picture each."""
    generator = np.random.default_rng(0)
    y = generator.random((items, labels)) < generator.uniform(0.02, 0.6, labels)
    p = sigmoid(generator.normal(size=y.shape) + 2 * y - 1.2).astype(np.float32)
    drawn = {"pictures": generator.integers(0, 255, (items, 8, 8, 3), dtype=np.uint8)} if items <= PICTURED else {}
    np.savez(file, probs=p, targets=y, **drawn)


def measured(url: str, file: Path, moves: int) -> tuple[list[float], list[float], float]:
    """Milliseconds of each answer, and from a move to the next frame, dragging the global threshold; and the seconds
    from the visit to a board with all its pictures.
    """
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        began = time.perf_counter()
        page.goto(f"{url}/thresholds?from=your+own+file&file={file}")
        page.locator(".tb-picture").nth(23).wait_for(timeout=WAIT_SECONDS * 1000)
        opened = time.perf_counter() - began
        page.wait_for_timeout(3000)
        box = page.locator(".tb-stage canvas").bounding_box()
        height = box["y"] + box["height"] / 3
        page.mouse.move(box["x"] + 0.2 * box["width"], height)
        page.mouse.down()
        answers, frames = [], []
        for place in np.linspace(0.1, 0.9, moves):
            page.mouse.move(box["x"] + place * box["width"], height)
            frames.append(
                page.evaluate(
                    "() => { const from = performance.now(); return new Promise((done) => "
                    "requestAnimationFrame(() => done(performance.now() - from))); }"
                )
            )
            answers.append(float(page.locator(".threshold-board").get_attribute("data-milliseconds")))
        page.mouse.up()
        browser.close()
    return answers, frames, opened


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--labels", type=int, default=17)
    parser.add_argument("--moves", type=int, default=120)
    parser.add_argument("--budget", type=float, default=16.0, help="milliseconds that an answer may take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(warm=False) as lab:
        file = Path(folder) / "predictions.npz"
        predictions(file, options.items, options.labels)
        before = lab.memory()["web"]
        answers, frames, opened = measured(lab.url, file, options.moves)
        after, size = lab.memory()["web"], file.stat().st_size / 1e6
    median, worst = statistics.median(answers), float(np.percentile(answers, 95))
    print(f"{options.items:,} items x {options.labels} labels, {options.moves} moves, 24 pictures")
    print(f"a file of {size:.0f} MB: board after {opened:.1f} s; web process {before:.0f} MB, then {after:.0f} MB")
    print(f"answer to a move: median {median:.2f} ms, 95 % below {worst:.2f} ms")
    print(f"until the next frame: median {statistics.median(frames):.1f} ms")
    print(f"ratio to the budget of {options.budget:g} ms: {options.budget / median:.1f} (median)")


if __name__ == "__main__":
    main()
