"""Redo the README's pictures from the lab itself: one that moves, and one of each lesson.

Opens the app on a fresh LAB_HOME with the recorded runs, in headless Chromium. Needs requirements-dev.txt and Chromium.

    PYTHONPATH=.:benchmarks python docs/pictures.py
"""

import io
import shutil
from pathlib import Path

from lab import CHROMIUM, running
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from pages.parts.lessons import lessons

PICTURES = Path(__file__).resolve().parents[1] / "assets" / "pictures"
EMBEDDED = ("critters", "tiles", "streets", "heads", "ratings")
SCREEN = {"width": 1280, "height": 800}
SHOWN = (960, 600)
FRAME_SECONDS, FASTER = 0.4, 3
"""A frame is taken so often while the range test runs, and shown so many times faster."""
MOST_FRAMES = 100
LAST_SECONDS = 2.5
"""The finished curve stays so long before the picture starts over."""
SETTLED = 5.0
"""Seconds that a page gets to draw everything after Streamlit says that it has run."""


def opened(browser, url: str) -> Page:
    """A page of the lab once it has drawn itself."""
    page = browser.new_page(viewport=SCREEN)
    page.goto(url)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
    page.wait_for_timeout(1e3 * SETTLED)
    return page


def frame(page: Page) -> Image.Image:
    """What the page shows now, at the README's size."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)


def main() -> None:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with running(data=EMBEDDED, LAB_RECORDED="true") as lab, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=CHROMIUM)
        for lesson in lessons():
            page = opened(browser, f"{lab.url}/{lesson.path}")
            frame(page).save(PICTURES / f"{lesson.path}.webp", quality=80, method=6)
            page.close()
        page = opened(browser, f"{lab.url}/lr_finder?num_it=200")
        page.get_by_role("button", name="Find the rate").click()
        frames, again = [], page.get_by_role("button", name="Run again")
        while not again.is_visible() and len(frames) < MOST_FRAMES:
            frames.append(frame(page))
            page.wait_for_timeout(1e3 * FRAME_SECONDS)
        page.wait_for_timeout(1e3 * SETTLED)
        lasting = [int(1e3 * FRAME_SECONDS / FASTER)] * len(frames) + [int(1e3 * LAST_SECONDS)]
        frames.append(frame(page))
        frames[0].save(
            PICTURES / "moving.webp", save_all=True, append_images=frames[1:], duration=lasting, loop=0, quality=70,
            method=6,
        )  # fmt: skip
        browser.close()


if __name__ == "__main__":
    main()
