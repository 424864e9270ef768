"""Whether the map of items stays fluid: frame times in Chromium while a pointer hovers, zooms and pans over it.

    python benchmarks/bench_collab_map.py [--items 60000] [--moves 120] [--budget 33]

A run with random factors of that many items is put into a lab of its own and its page opened. A loop of animation
frames records how long each took while the mouse moves as fast as the page answers. Chromium draws without a graphics
card here, so a person's machine is hardly slower.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from lab import CHROMIUM, running
from playwright.sync_api import Page, sync_playwright

USERS, FACTORS, GENRES = 500, 20, ("Comedy", "Crime", "Drama", "Horror", "Romance", "Sci-Fi", "War", "Western")
WAIT_MS = 180_000
RECORD = """() => { window.frames_ = []; window.recording_ = true; let last = performance.now();
const next = (now) => { window.frames_.push(now - last); last = now; if (window.recording_) wait(); };
const wait = () => requestAnimationFrame(next);
requestAnimationFrame((now) => { last = now; wait(); }); }"""
STOP = "() => { window.recording_ = false; return window.frames_; }"


def record_run(items: int) -> str:
    """The default collab run, done, with random factors of ``items`` items."""
    from labcore.runs.artifacts import Artifacts
    from labcore.runs.job import Job
    from labcore.runs.keys import key_of
    from labcore.runs.store import open_store
    from labcore.specs import CollabSpec

    rng, spec, store = np.random.default_rng(0), CollabSpec(), open_store()
    run, _ = store.add(key=key_of(spec), experiment="collab", spec=spec.model_dump(mode="json"))
    store.claim("a benchmark")
    genres = np.array(GENRES)[rng.integers(0, len(GENRES), (items, 2))]
    with Job(store, Artifacts(), store.get(run)) as job:
        job.save(
            "factors",
            {
                "user_factors": rng.normal(0, 0.3, (USERS, FACTORS)).astype(np.float32),
                "item_factors": (rng.normal(0, 0.3, (items, FACTORS)) * np.geomspace(2, 0.2, FACTORS)).astype("f4"),
                "user_bias": rng.normal(0, 0.3, USERS).astype(np.float32),
                "item_bias": rng.normal(0, 0.3, items).astype(np.float32),
                "y_range": np.array([0.0, 5.5]),
                "users": np.arange(USERS),
                "movies": np.arange(items),
                "titles": np.array([f"An invented film, part {k} ({1950 + k % 70})" for k in range(items)]),
                "genres": np.array([f"{a}|{b}" for a, b in genres]),
                "years": 1950 + np.arange(items, dtype=np.int32) % 70,
                "item_counts": (30 + rng.exponential(100, items)).astype(np.int32),
                "item_means": rng.normal(0, 0.3, items).astype(np.float32),
                "overall": np.array([3.5]),
            },
        )
    told = {"valid_mse": 0.7, "best_valid_mse": 0.7, "best_epoch": 5.0, "train_mse": 0.6, "train_seconds": 1.0,
            "valid_rmse": 0.84, "valid_mae": 0.65}  # fmt: skip
    metrics = told | {"baseline_means_mse": 0.8, "baseline_global_mse": 1.0}
    store.update(run, status="done", metrics=metrics, finished=time.time(), device="cpu")
    return run


def recorded(page: Page, act) -> list[float]:
    """Milliseconds of each frame while something is done."""
    page.evaluate(RECORD)
    act()
    return page.evaluate(STOP)


def measured(url: str, moves: int) -> dict[str, list[float]]:
    """Frame times by what is done, and ``opened``: milliseconds from the visit to a drawn map."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        began = time.perf_counter()
        page.goto(f"{url}/collab?tab=Map")
        drawn = page.locator(".cm-stage")
        page.locator(".collab-map[data-points]").wait_for(timeout=WAIT_MS)
        opened = 1000 * (time.perf_counter() - began)
        page.wait_for_timeout(3000)
        drawn.scroll_into_view_if_needed()
        box = drawn.bounding_box()
        turns = np.linspace(0, 2 * np.pi, moves)
        across, down = 0.5 + 0.35 * np.cos(turns), 0.5 + 0.3 * np.sin(turns)
        at = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in zip(across, down, strict=True)]

        def hover() -> None:
            for x, y in at:
                page.mouse.move(x, y)

        def zoom() -> None:
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            for number in range(moves // 2):
                page.mouse.wheel(0, -120 if number % 20 < 10 else 120)

        def pan() -> None:
            page.mouse.move(*at[0])
            page.keyboard.down("Shift")
            lasso()
            page.keyboard.up("Shift")

        def lasso() -> None:
            page.mouse.move(*at[0])
            page.mouse.down()
            hover()
            page.mouse.up()

        done = {"hovering": hover, "zooming": zoom, "panning": pan, "drawing a lasso": lasso}
        frames = {what: recorded(page, act) for what, act in done.items()}
        browser.close()
    return frames | {"opened": [opened]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--moves", type=int, default=120)
    parser.add_argument("--budget", type=float, default=33.0, help="milliseconds of a frame that still looks fluid")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), warm=False) as lab:
        record_run(options.items)
        found = measured(lab.url, options.moves)
    print(f"{options.items:,} points, opened after {found.pop('opened')[0] / 1000:.1f} s")
    for what, frames in found.items():
        median, worst = statistics.median(frames), float(np.percentile(frames, 95))
        print(
            f"{what}: {len(frames)} frames, median {median:.1f} ms, 95 % below {worst:.1f} ms; "
            f"ratio of the budget of {options.budget:g} ms to the 95 %: {options.budget / worst:.1f}"
        )


if __name__ == "__main__":
    main()
