"""A host that serves the pages alone, without the routes beside them: a run starts, and its curve comes by polling."""

import re
import urllib.request
from urllib.parse import urlencode

from playwright.sync_api import expect

from labcore.runs.store import open_store

SERVED = {"script": "pages/shell.py"}
SMALL = {
    "arch": "mobilenetv3_small_050",
    "batch_size": "16",
    "dataset.name": "pets",
    "image_size": "32",
    "num_it": "200",
    "weights": "none",
}
SECONDS = 180_000
"""The first run of a lab also imports torch, perhaps beside other tests."""


def test_a_run_is_started_watched_and_finished_by_polling(lab, visit, pictures):
    answer = urllib.request.urlopen(f"{lab.url}/api/streams?run=none")
    assert "event-stream" not in answer.headers["Content-Type"] and "json" not in answer.headers["Content-Type"]
    page = visit(f"/lr_finder?{urlencode(SMALL | {'dataset.root': str(pictures)})}")
    page.get_by_role("button", name="Find the rate").click()
    # Polling draws the chart anew where streaming has failed: look for it each time.
    canvas = page.locator("canvas").first
    expect(canvas).to_have_attribute("aria-label", re.compile("lowest"), timeout=SECONDS)
    (row,) = open_store().find()
    assert row.status == "running", "the curve was there before the end"
    before = canvas.get_attribute("aria-label")
    expect(canvas).not_to_have_attribute("aria-label", before, timeout=SECONDS)
    page.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)
    (row,) = open_store().find()
    assert row.status == "done" and row.metrics["lr_valley"] > 0
    page.reload()
    page.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)
    expect(canvas).to_have_attribute("aria-label", re.compile("lowest"), timeout=SECONDS)
