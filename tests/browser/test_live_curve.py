"""The live curve in a real browser. The test itself is the worker: it writes points into the lab that is served."""

import itertools
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from labcore.evaluation.lr_finder import suggest
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.keys import key_of
from labcore.runs.process import identity
from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec
from pages.parts import words
from pages.parts.controls import link

SCRIPTS = Path(__file__).parents[2] / "assets" / "components" / "live_curve"
STEPS = 100
SECONDS = 60_000
SEEDS = itertools.count(1)


class Worker:
    """A range test that goes on as far as the test lets it, written through the job a worker writes through."""

    def __init__(self, seed: int) -> None:
        self.spec = LRFinderSpec(seed=seed)
        store = open_store()
        self.run, _ = store.add(
            key=key_of(self.spec),
            experiment="lr_finder",
            spec=self.spec.model_dump(mode="json"),
            status="running",
            started=time.time(),
            heartbeat=time.time(),
            worker=identity(),
        )
        self.lrs = np.geomspace(self.spec.start, self.spec.end, STEPS)
        place = np.log10(self.lrs)
        self.losses = 2.5 - 1.2 / (1 + np.exp(-2.2 * (place + 2.4))) + 0.05 * np.exp(3.0 * (place + 0.4))
        self.upto = 0
        self.ending = ""
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @property
    def path(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in link(self.spec).items())
        return f"/lr_finder?{query}"

    def _work(self) -> None:
        store = open_store()
        step = 0
        with Job(store, Artifacts(), store.get(self.run)) as job:
            while not self.ending:
                if job.stop_requested:
                    self.ending = "stopped"
                for i in range(step, self.upto):
                    job.log("lr", i, self.lrs[i])
                    job.log("loss", i, self.losses[i])
                    job.log("smooth_loss", i, self.losses[i])
                    job.progress(i + 1, STEPS)
                step = max(step, self.upto)
                time.sleep(0.02)
        metrics = suggest(self.lrs[:step], self.losses[:step], STEPS).metrics() if self.ending == "done" else {}
        store.update(self.run, status=self.ending, metrics=metrics, finished=time.time(), device="cpu")

    def end(self, how: str = "done") -> None:
        self.ending = self.ending or how
        self.thread.join()


@pytest.fixture
def worker(lab):
    made = Worker(next(SEEDS))
    yield made
    made.end("stopped")


def count(page, done: int) -> None:
    """Wait until the panel says so many batches."""
    page.get_by_text(f"{done} / {STEPS}").wait_for(timeout=SECONDS)


def lowest(page) -> float:
    """The lowest loss on the main chart, as its description says it."""
    canvas = page.locator("canvas").first
    drawn = "canvas => /lowest/.test(canvas.getAttribute('aria-label') || '')"
    page.wait_for_function(drawn, arg=canvas.element_handle(), timeout=SECONDS)
    return float(re.search(r"lowest ([\d.]+)", canvas.get_attribute("aria-label"))[1])


def test_points_move_the_curve_and_every_tab_sees_the_same(worker, visit):
    first = visit(worker.path)
    worker.upto = 40
    count(first, 40)
    high = lowest(first)
    second = visit(worker.path)
    count(second, 40)
    worker.upto = 80
    count(first, 80)
    count(second, 80)
    assert lowest(first) == lowest(second) == pytest.approx(worker.losses[:80].min(), rel=0.01)
    assert lowest(first) < high
    first.reload()
    count(first, 80)
    assert lowest(first) == lowest(second)


def test_the_end_brings_the_rules_without_a_click(worker, visit):
    page = visit(worker.path)
    worker.upto = 92
    count(page, 92)
    assert page.get_by_role("tab", name="Rules").count() == 0
    worker.end()
    page.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)
    valley = words.rate(open_store().get(worker.run).metrics["lr_valley"])
    page.get_by_role("cell", name=valley, exact=True).first.wait_for(timeout=SECONDS)
    page.get_by_role("button", name="Run again").wait_for(timeout=SECONDS)


def test_stop_is_told_to_the_run_and_survives_a_reload(worker, visit):
    page = visit(worker.path)
    worker.upto = 30
    count(page, 30)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Stopped after 30 of 100").wait_for(timeout=SECONDS)
    assert open_store().get(worker.run).status == "stopped"
    page.reload()
    page.get_by_text("Stopped after 30 of 100").wait_for(timeout=SECONDS)
    page.get_by_role("button", name="Start over").wait_for(timeout=SECONDS)
    assert lowest(page) == pytest.approx(worker.losses[:30].min(), rel=0.01)


def test_where_streams_are_not_served_the_page_looks_by_itself(worker, visit):
    page = visit(worker.path, without_streams=True)
    worker.upto = 50
    count(page, 50)
    worker.upto = 92
    count(page, 92)
    worker.end()
    page.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)


def test_the_pick_follows_pointer_and_keys_and_lives_in_the_link(worker, visit):
    page = visit(worker.path)
    worker.upto = 92
    count(page, 92)
    worker.end()
    page.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)
    handle = page.get_by_role("slider", name="Your pick of the learning rate")
    assert handle.get_attribute("aria-valuetext") == "not set"
    box = handle.bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle, height)
    page.mouse.down()
    page.mouse.move(middle + 60, height, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"pick="), timeout=SECONDS)
    dragged = float(handle.get_attribute("aria-valuenow"))
    handle.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("before => !location.search.includes(before)", arg=f"pick={dragged:.3g}", timeout=SECONDS)
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(dragged * 10**-0.05, rel=0.01)
    again = visit(page.url.removeprefix(page.url.split("/lr_finder")[0]))
    again.get_by_role("tab", name="Rules").wait_for(timeout=SECONDS)
    kept = again.get_by_role("slider", name="Your pick of the learning rate")
    kept.wait_for(timeout=SECONDS)
    assert float(kept.get_attribute("aria-valuenow")) == pytest.approx(dragged * 10**-0.05, rel=0.01)


def test_a_curve_can_be_hidden_and_zoomed(lab, visit):
    for _ in range(2):
        made = Worker(next(SEEDS))
        made.upto = 92
        time.sleep(0.3)
        made.end()
    page = visit(f"/runs?run={'&run='.join(row.id for row in open_store().find(limit=2))}")
    legend = page.locator(".lc-legend button")
    legend.first.wait_for(timeout=SECONDS)
    assert legend.count() == 2
    canvas = page.locator("canvas[role=img]").first
    both = "canvas => (canvas.getAttribute('aria-label') || '').split('lowest').length === 3"
    page.wait_for_function(both, arg=canvas.element_handle(), timeout=SECONDS)
    legend.first.click()
    page.wait_for_function(
        "c => c.getAttribute('aria-label').split('lowest').length === 2", arg=canvas.element_handle()
    )
    assert legend.first.get_attribute("aria-pressed") == "false"
    canvas.focus()
    page.keyboard.press("+")
    page.get_by_role("button", name="Whole range").click()
    page.get_by_role("button", name="Whole range").wait_for(state="hidden")


def test_a_narrow_screen_is_not_wider_than_itself(worker, visit):
    page = visit(worker.path, screen={"width": 390, "height": 844})
    page.set_viewport_size({"width": 390, "height": 844})
    worker.upto = 60
    count(page, 60)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture
def axes(chromium):
    """A page that has the axes' functions."""
    page = chromium.new_page()
    script = (SCRIPTS / "axes.js").read_text(encoding="utf-8")
    page.evaluate(f"() => {{ {script}; Object.assign(window, {{ sayRate, niceTicks, logTicks, heightOf }}); }}")
    yield page
    page.close()


def test_numbers_in_the_browser_read_like_numbers_on_the_page(axes):
    for rate in (1e-7, 3.16e-5, 2.5e-3, 0.1, 0.5, 1.0, 10.0, 12.0):
        assert axes.evaluate("rate => sayRate(rate)", rate) == words.rate(rate)
    assert axes.evaluate("niceTicks(0.13, 2.6, 5).ticks") == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5])
    assert axes.evaluate("logTicks(-7, 1, 20).major") == list(range(-7, 2))


def test_a_diverging_curve_does_not_press_the_dip_flat(axes):
    values = [2.5] * 20 + [2.0, 1.5, 1.2, 1.5, 5.0, 80.0, 4000.0]
    low, high = axes.evaluate("values => heightOf([{ values }], 1)", values)
    assert low < 1.2 and 2.5 < high < 4.5
