"""The threshold board in a real browser: drag, type, read numbers; they are what Python says, without a round trip."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from threshold_samples import CLASSES, predictions, record_run

from labcore.evaluation import multilabel, own_predictions
from labcore.evaluation.threshold_metrics import F2
from labcore.evaluation.tune import tune

SECONDS = 40_000


@pytest.fixture(scope="module")
def run(lab):
    return record_run()


def opened(visit, query: str = ""):
    page = visit(f"/thresholds{query}")
    page.locator(".tb-row[data-label=forest]").wait_for(timeout=SECONDS)
    page.locator(".tb-picture").nth(23).wait_for(timeout=SECONDS)
    return page


def shown(page, name: str = "chosen") -> str:
    return page.locator(f".tb-tile b[data-metric={name}]").inner_text()


def counts(page, label: str) -> list[int]:
    row = page.locator(f".tb-row[data-label={label}] .tb-counts")
    return [int(row.locator(tag).inner_text()) for tag in ("b", "u", "em")]


def expected_counts(p, y, column: int, threshold: float) -> list[int]:
    said = p[:, column] > threshold
    return [int((said & y[:, column]).sum()), int((said & ~y[:, column]).sum()), int((~said & y[:, column]).sum())]


def at(page) -> float:
    return float(page.get_by_role("slider", name="Threshold for all labels").get_attribute("aria-valuenow"))


def test_dragging_changes_numbers_at_once_and_the_link_on_release(run, visit):
    _, p, y = predictions()
    page = opened(visit)
    assert at(page) == tune(p, y, CLASSES).global_threshold
    box = page.locator(".tb-stage canvas").bounding_box()
    height = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + box["width"] * 0.4, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, height, steps=5)
    held = at(page)
    assert held > 0.4 and "t=" not in page.url  # nothing has gone to the server yet
    assert shown(page) == f"{F2.score(p, y, held):.4f}"
    found = multilabel.judged(p, y, held)
    assert shown(page, "accuracy_multi") == f"{found['accuracy_multi']:.4f}"
    assert shown(page, "f2_macro") == f"{found['f2_macro']:.4f}"
    for column, name in enumerate(CLASSES):
        assert counts(page, name) == expected_counts(p, y, column, held)
    page.mouse.up()
    page.wait_for_url(re.compile(rf"t={held:g}"), timeout=SECONDS)
    again = opened(visit, "?" + page.url.partition("?")[2])
    assert at(again) == held and shown(again) == shown(page)


def test_a_label_has_a_threshold_of_its_own_by_mouse_and_by_keys(run, visit):
    _, p, y = predictions()
    page = opened(visit, "?t=0.5")
    strip = page.get_by_role("slider", name="Threshold of road")
    box = strip.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"own=2"), timeout=SECONDS)
    strip.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    own = float(strip.get_attribute("aria-valuenow"))
    thresholds = np.full(5, 0.5)
    thresholds[2] = own
    assert 0.2 < own < 0.35
    assert counts(page, "road") == expected_counts(p, y, 2, own)
    assert counts(page, "water") == expected_counts(p, y, 3, 0.5)
    assert shown(page) == f"{F2.score(p, y, thresholds):.4f}"
    page.keyboard.press("Delete")
    assert float(strip.get_attribute("aria-valuenow")) == 0.5
    page.wait_for_function("!location.search.includes('own=')", timeout=SECONDS)


def test_best_per_label_is_the_machine_s_own_choice(run, visit):
    _, p, y = predictions()
    page = opened(visit, "?t=0.9")
    page.get_by_role("button", name="Best per label").click()
    best = tune(p, y, CLASSES).class_thresholds
    assert shown(page) == f"{F2.score(p, y, best):.4f}"
    page.get_by_role("button", name="0.2, the notes").click()
    assert at(page) == 0.2 and shown(page) == f"{F2.score(p, y, 0.2):.4f}"


def test_tags_of_pictures_turn_right_wrong_and_missed(run, visit):
    _, p, y = predictions()
    page = opened(visit, "?t=0.5")
    handle = page.get_by_role("slider", name="Threshold for all labels")
    for key, threshold in (("Home", 0.0), ("End", 1.0)):
        handle.focus()
        page.keyboard.press(key)
        assert at(page) == threshold
        for number in (0, 7, 23):
            picture = page.locator(".tb-picture").nth(number)
            row = int(picture.get_attribute("title").removeprefix("tile_"))
            for state, wanted in (
                ("right", (p[row] > threshold) & y[row]),
                ("wrong", (p[row] > threshold) & ~y[row]),
                ("missed", (p[row] <= threshold) & y[row]),
            ):
                tags = picture.locator(f".tb-{state}:not([hidden])").all()
                assert {tag.get_attribute("data-label") for tag in tags} == {CLASSES[k] for k in np.flatnonzero(wanted)}
    assert page.locator(".tb-none:not([hidden])").count() == 24


def test_a_move_needs_no_server(run, visit):
    page = opened(visit, "?t=0.5")
    page.context.set_offline(True)
    before = shown(page)
    page.get_by_role("slider", name="Threshold for all labels").focus()
    page.keyboard.press("PageUp")
    assert at(page) == 0.6 and shown(page) != before


def test_a_narrow_screen_is_not_wider_than_itself(run, visit):
    page = opened(visit, "?t=0.5")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture
def mine(tmp_path):
    """Predictions of one's own, as most tools write them."""
    _, p, y = predictions(150, seed=3)
    columns = {"image_name": [f"{row}.jpg" for row in range(150)]}
    for column, name in enumerate(CLASSES):
        columns |= {f"{name}_prob": p[:, column], f"{name}_true": y[:, column].astype(int)}
    pd.DataFrame(columns).to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def test_what_the_page_gives_is_what_the_command_line_writes_to_the_last_byte(run, visit, mine, tmp_path):
    page = opened(visit, f"?from=your+own+file&file={mine}&tab=Take+away&metric=f1")
    page.get_by_text("best per label", exact=True).click()
    page.get_by_text("--per-class").first.wait_for(timeout=SECONDS)
    for button, ending in (("JSON", "json"), ("CSV", "csv"), ("Python", "py")):
        with page.expect_download(timeout=SECONDS) as download:
            page.get_by_role("button", name=button, exact=True).click()
        out = tmp_path / f"thresholds.{ending}"
        arguments = ["thresholds", "tune", str(mine), "--metric", "f1", "--per-class", "--out", str(out)]
        subprocess.run([sys.executable, "-m", "labcore", *arguments], check=True, capture_output=True, timeout=120)
        assert download.value.path().read_bytes() == out.read_bytes()


def test_an_uploaded_file_is_read_dragged_and_scored(run, visit, mine):
    found = own_predictions.read(mine)
    page = visit("/thresholds?from=your+own+file")
    page.locator("input[type=file]").set_input_files(str(mine), timeout=SECONDS)
    page.locator(".tb-picture").nth(23).wait_for(timeout=SECONDS)
    box = page.locator(".tb-stage canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 60, steps=4)
    held = at(page)
    assert held > 0.5 and shown(page) == f"{F2.score(found.p, found.y, held):.4f}"
    for column, name in enumerate(CLASSES):
        assert counts(page, name) == expected_counts(found.p, found.y, column, held)
    page.mouse.up()
