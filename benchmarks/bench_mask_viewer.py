"""How long the mask viewer takes to change its layer and to answer a hover, in Chromium, at CamVid's full size.

python benchmarks/bench_mask_viewer.py [--height 720] [--width 960] [--classes 32] [--rounds 10]
"""

import argparse
import shutil
import statistics
import time

import numpy as np
from lab import CHROMIUM, running
from playwright.sync_api import Page, sync_playwright

from labcore.evaluation.segmentation_files import colours
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.specs import SegmentationSpec

WAIT_MS = 180_000
LAYERS = ("Truth", "Errors", "Entropy", "Probability", "Prediction", "Picture")
MOVES = 120
BLOB = 24
"""Pixels of the side of a made class region."""
UNTIL_FRAME = """(button) => new Promise((done) => {
  const from = performance.now();
  button.click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - from)));
})"""


def scene(height: int, width: int, classes: int, pictures: int = 2) -> dict[str, np.ndarray]:
    """Made pictures: blobs of classes, a net that is right three times in four, every probability of it."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, classes, (pictures, -(-height // BLOB), -(-width // BLOB)), dtype=np.uint8)
    truth = coarse.repeat(BLOB, axis=1).repeat(BLOB, axis=2)[:, :height, :width]
    probs = rng.integers(0, 40, (pictures, classes, height, width), dtype=np.uint8)
    sure = np.where(rng.random(truth.shape) < 0.75, truth, rng.integers(0, classes, truth.shape)).astype(np.int64)
    np.put_along_axis(probs, sure[:, None], 200, axis=1)
    return {
        "pictures": rng.integers(0, 255, (pictures, height, width, 3), dtype=np.uint8),
        "truth": truth,
        "prediction": sure.astype(np.uint8),
        "probs": probs,
    }


def record(height: int, width: int, classes: int) -> None:
    """A finished run of the page's default with these pictures, in the store of this LAB_HOME."""
    spec, store = SegmentationSpec(), open_store()
    made = scene(height, width, classes)
    names = [f"class {number}" for number in range(classes)]
    palette, count = colours(names, None), len(made["truth"])
    rows, items = np.arange(count), np.array([f"scene_{number}" for number in range(count)])
    pairs = made["truth"].astype(np.int64) * classes + made["prediction"]
    counts = np.stack([np.bincount(one.ravel(), minlength=classes**2).reshape(classes, classes) for one in pairs])
    run, _ = store.add(key=key_of(spec), experiment="segmentation", spec=spec.model_dump(mode="json"))
    store.claim("a benchmark")
    with Job(store, Artifacts(), store.get(run)) as job:
        codes = [
            {"index": code, "name": name, "color": list(palette[code]), "void": False}
            for code, name in enumerate(names)
        ]
        job.save("plan.json", {"codes": codes, "image_size": [height, width], "shares": [1 / classes] * classes,
                               "stages": [], "levels": [], "split": ""})  # fmt: skip
        job.save("confusion", {"counts": counts, "items": items, "rows": rows, "part": np.array(["valid"] * count),
                               "border": np.ones((2, 2), np.int64)})  # fmt: skip
        job.save("viewer", {"rows": rows, "items": items} | made)
        job.save("masks", {"rows": rows, "prediction": made["prediction"], "truth": made["truth"]})
    store.update(run, status="done", metrics={"pixel_accuracy": 0.75}, finished=time.time(), device="cpu")


def toggles(page: Page, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of work, and until the next frame stands, for each change of the layer."""
    work, frames = [], []
    for _ in range(rounds):
        for name in LAYERS:
            button = page.locator(".mv-layers").get_by_role("button", name=name, exact=True)
            frames.append(button.evaluate(UNTIL_FRAME))
            work.append(float(page.locator(".mask-viewer").get_attribute("data-milliseconds")))
    return work, frames


def hovers(page: Page) -> list[float]:
    """Milliseconds of work for each pixel that is pointed at."""
    box = page.locator(".mv-pane canvas").first.bounding_box()
    found = []
    for place in np.linspace(0.05, 0.95, MOVES):
        page.mouse.move(box["x"] + place * box["width"], box["y"] + place * box["height"])
        found.append(float(page.locator(".mask-viewer").get_attribute("data-hover")))
    return found


def told(what: str, values: list[float], budget: float) -> None:
    """One line: median, 95 %, and the ratio to the budget."""
    median, most = statistics.median(values), float(np.percentile(values, 95))
    print(
        f"{what}: median {median:.2f} ms, 95 % below {most:.2f} ms, "
        f"ratio to {budget:g} ms {budget / max(median, 1e-3):.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--classes", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--toggle-budget", type=float, default=50.0, help="milliseconds that a change may take")
    parser.add_argument("--hover-budget", type=float, default=16.0, help="milliseconds that a hover may take")
    options = parser.parse_args()
    with running(warm=False) as lab, sync_playwright() as play:
        record(options.height, options.width, options.classes)
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        began = time.perf_counter()
        page.goto(f"{lab.url}/segmentation")
        page.locator(".mask-viewer[data-ready]").wait_for(timeout=WAIT_MS)
        seconds = time.perf_counter() - began
        prepared = float(page.locator(".mask-viewer").get_attribute("data-prepared"))
        # The other things of the page settle.
        page.wait_for_timeout(3000)
        work, frames = toggles(page, options.rounds)
        hovered = hovers(page)
        browser.close()
    print(f"{options.height} x {options.width}, {options.classes} classes; from the address to all layers painted "
          f"{seconds:.1f} s, of which unpacked until seen {prepared:.0f} ms")  # fmt: skip
    told(f"change of the layer, {len(work)} times", work, options.toggle_budget)
    told("the same, until the next frame", frames, options.toggle_budget)
    told(f"hover, {len(hovered)} pixels", hovered, options.hover_budget)


if __name__ == "__main__":
    main()
