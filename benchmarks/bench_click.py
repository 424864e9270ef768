"""From a click in a real Chromium to the first point on the screen, and from a point on disk to a point on the screen.

Starts the app on a fresh LAB_HOME with a warm engine, presses the button of the LR finder for one new seed after the
other, and lets the page itself note when its curve first has points. Needs chromium and playwright.

    python benchmarks/bench_click.py [--clicks 8]
"""

import argparse
import shutil
import statistics
import time

from lab import CHROMIUM, running
from playwright.sync_api import sync_playwright

from labcore.runs.keys import key_of
from labcore.runs.process import identity
from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec

CLICK_BUDGET = 1.0
SCREEN_BUDGET = 1.0
POINTS = 30
WATCH = """() => {
  window.seen = [];
  const within = root => {  // components draw in shadow roots, which a document's own search does not enter
    const found = root.querySelector('canvas');
    if (found) return found;
    for (const element of root.querySelectorAll('*')) {
      const inner = element.shadowRoot && within(element.shadowRoot);
      if (inner) return inner;
    }
  };
  let canvas;
  const note = () => {
    canvas = canvas?.isConnected ? canvas : within(document);
    const label = canvas?.getAttribute('aria-label') || '';
    const found = /lowest [0-9.]+/.exec(label);
    if (found && found[0] !== window.last) { window.last = found[0]; window.seen.push([Date.now() / 1000, label]); }
    requestAnimationFrame(note);
  };
  window.last = '';
  note();
}"""


def click(page, url: str, seed: int) -> float:
    """Seconds from the click to the first frame whose curve has points."""
    page.goto(f"{url}/lr_finder?seed={seed}&num_it=40")
    button = page.get_by_role("button", name="Find the rate")
    button.wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    page.evaluate(WATCH)
    page.evaluate("""() => document.addEventListener('click', () => { window.clicked = Date.now() / 1000; },
                  {capture: true, once: true})""")
    button.click()
    page.wait_for_function("() => window.seen.length > 0", timeout=15_000)
    first = page.evaluate("() => window.seen[0][0] - window.clicked")
    page.get_by_role("tab", name="Rules").wait_for(timeout=180_000)
    return first


def delays_to_screen(page, url: str) -> list[float]:
    """Seconds from each stored chunk, written here as a worker would, to the frame that shows it."""
    spec, store = LRFinderSpec(seed=999), open_store()
    run, _ = store.add(
        key=key_of(spec), experiment="lr_finder", spec=spec.model_dump(mode="json"), status="running", worker=identity()
    )
    page.goto(f"{url}/lr_finder?seed=999")
    page.get_by_role("button", name="Stop", exact=True).wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    page.evaluate(WATCH)
    written = []
    for step in range(1, POINTS + 1):
        loss = 3.0 - 0.05 * step  # every point is a new lowest, so that the curve's description changes
        store.write_points(
            run, {"loss": ([step], [loss]), "smooth_loss": ([step], [loss]), "lr": ([step], [1e-5 * step])}
        )
        written.append(time.time())
        page.wait_for_timeout(300)
    seen = [moment for moment, _ in page.evaluate("() => window.seen")]
    store.update(run, status="stopped", finished=time.time())
    return [min(moment for moment in seen if moment >= at) - at for at in written if any(m >= at for m in seen)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=8)
    options = parser.parse_args()
    with running(data=["critters"]) as lab, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        click(page, lab.url, 0)  # the first run also opens the pictures
        taken = [click(page, lab.url, seed) for seed in range(1, options.clicks + 1)]
        late = delays_to_screen(page, lab.url)
        browser.close()
    median = statistics.median(taken)
    print(f"click to first point, warm: median {median:.2f} s, worst {max(taken):.2f} s over {len(taken)} clicks;"
          f" ratio to {CLICK_BUDGET} s: {median / CLICK_BUDGET:.2f}")  # fmt: skip
    print(f"point on disk to point on screen: median {statistics.median(late):.3f} s, worst {max(late):.3f} s over"
          f" {len(late)} points; ratio to {SCREEN_BUDGET} s: {max(late) / SCREEN_BUDGET:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
