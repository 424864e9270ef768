"""From a click to a curve, with the real engine: the whole path a stranger takes."""

import re
from urllib.parse import urlencode

from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec

SMALL = {
    "arch": "mobilenetv3_small_050",
    "batch_size": "16",
    "dataset.name": "pets",
    "image_size": "32",
    "num_it": "200",
    "weights": "none",
}
"""A sweep that takes long enough to be stopped."""
FIRST_POINT = 180_000
"""The first run of a lab also imports torch, perhaps beside other tests."""
SECONDS = 60_000


def best(page) -> str:
    """The lowest point of the curve, in the words of its description."""
    found = re.search(r"lowest [\d.]+ at [\w.-]+", page.locator("canvas").first.get_attribute("aria-label") or "")
    return found[0] if found else ""


def test_click_curve_stop_reload_start_over_done(lab, visit, pictures):
    asked = SMALL | {"dataset.root": str(pictures)}
    page = visit(f"/lr_finder?{urlencode(asked)}")
    page.get_by_role("button", name="Find the rate").click()
    has_points = "canvas => /lowest/.test(canvas.getAttribute('aria-label') || '')"
    canvas = page.locator("canvas").first
    page.wait_for_function(has_points, arg=canvas.element_handle(), timeout=FIRST_POINT)
    before = best(page)
    moved = "([canvas, before]) => !canvas.getAttribute('aria-label').includes(before)"
    page.wait_for_function(moved, arg=[canvas.element_handle(), before], timeout=SECONDS)

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Stopped after").wait_for(timeout=SECONDS)
    (row,) = open_store().find()
    assert row.status == "stopped" and 0 < row.done < 200
    assert LRFinderSpec.of(row.spec) == LRFinderSpec.of(asked)

    page.reload()
    page.get_by_text("Stopped after").wait_for(timeout=SECONDS)
    kept = page.locator("canvas").first
    page.wait_for_function(has_points, arg=kept.element_handle(), timeout=SECONDS)

    other = visit(page.url.removeprefix(lab.url))
    other.get_by_text("Stopped after").wait_for(timeout=SECONDS)
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("tab", name="Rules").wait_for(timeout=FIRST_POINT * 2)
    other.reload()
    other.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)
    for tab in (page, other):
        tab.wait_for_function(has_points, arg=tab.locator("canvas").first.element_handle(), timeout=SECONDS)
    assert best(page) == best(other) != ""
    (row,) = open_store().find()
    assert row.status == "done" and row.metrics["lr_valley"] > 0
