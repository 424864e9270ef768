"""The mask viewer in a real browser: layers, hover, swipe, keys; only the next picture asks the server."""

import re

import numpy as np
import pytest
import segmentation_samples as samples

from labcore.evaluation import segmentation as judging
from labcore.specs import SegmentationSpec

SECONDS = 40_000


@pytest.fixture(scope="module")
def runs(lab):
    return samples.record_run(), samples.record_run(SegmentationSpec(skip_off=(0, 1, 2, 3)), skill=2.0)


def opened(visit, query: str = "", **options):
    page = visit(f"/segmentation{query}", **options)
    page.locator(".mask-viewer[data-ready]").wait_for(timeout=SECONDS)
    return page


def worst() -> np.ndarray:
    made = samples.arrays()
    counts = judging.confusions(made["truth"], made["prediction"], len(samples.CODES))
    return judging.worst_first(counts, samples.VOID)


def pixel(page, x: int, y: int, pane: int = 0) -> str:
    """Point at a pixel; what is said of it."""
    box = page.locator(".mv-pane canvas").nth(pane).bounding_box()
    height, width = samples.SIZE
    page.mouse.move(box["x"] + (x + 0.5) * box["width"] / width, box["y"] + (y + 0.5) * box["height"] / height)
    return page.locator(".mv-read").inner_text()


def shown(page, x: int, y: int) -> tuple[int, int, int]:
    """The colour in the middle of a pixel of the picture, on the screen."""
    return tuple(
        page.locator(".mv-pane canvas").first.evaluate(
            """(canvas, [x, y, width, height]) => [...canvas.getContext("2d").getImageData(
                Math.floor((x + 0.5) * canvas.width / width), Math.floor((y + 0.5) * canvas.height / height), 1, 1
            ).data].slice(0, 3)""",
            [int(x), int(y), samples.SIZE[1], samples.SIZE[0]],
        )
    )


def layer(page, name: str) -> None:
    page.locator(".mv-layers").get_by_role("button", name=name, exact=True).click()


def test_layers_show_the_runs_own_arrays_without_the_server(runs, visit):
    made, place = samples.arrays(), worst()[0]
    page = opened(visit, "?opacity=1")
    page.context.set_offline(True)
    for name, mask in (("Truth", made["truth"][place]), ("Prediction", made["prediction"][place])):
        layer(page, name)
        for x, y in ((3, 3), (20, 20), (15, 12)):
            assert shown(page, x, y) == samples.CODES[mask[y, x]][1]
    wrong = (made["truth"][place] != made["prediction"][place]) & (made["truth"][place] != samples.VOID)
    right = np.argwhere(made["truth"][place] == made["prediction"][place])[0]
    layer(page, "Errors")
    y, x = np.argwhere(wrong)[0]
    assert shown(page, x, y) in (samples.CODES[made["prediction"][place][y, x]][1], (0, 0, 0))
    before = shown(page, right[1], right[0])
    layer(page, "Picture")
    assert sum(shown(page, right[1], right[0])) > sum(before)  # what is right is dimmed


def test_hover_says_class_probability_and_truth_of_the_pixel(runs, visit):
    made, place = samples.arrays(), worst()[0]
    page = opened(visit)
    truth, said, probs = (made[name][place] for name in ("truth", "prediction", "probs"))
    for y, x in ((2, 5), *np.argwhere((truth != said) & (truth != samples.VOID))[:2]):
        text = pixel(page, x, y)
        assert text.startswith(f"({x}, {y})")
        assert f"is {samples.CODES[truth[y, x]][0]} {'✓' if truth[y, x] == said[y, x] else '✗'}" in text
        assert f"says {samples.CODES[said[y, x]][0]} {100 * (probs[said[y, x], y, x] / 255):.0f} %" in text
    y, x = np.argwhere(truth == samples.VOID)[0]
    assert "Void (does not count)" in pixel(page, x, y)


def test_classes_are_switched_off_in_the_legend(runs, visit):
    place = worst()[0]
    page = opened(visit, "?layer=truth&opacity=1")
    y, x = np.argwhere(samples.arrays()["truth"][place] == samples.SKY)[0]
    assert shown(page, x, y) == samples.CODES[samples.SKY][1]
    page.locator(f".mv-chip[data-code='{samples.SKY}']").click()
    assert shown(page, x, y) != samples.CODES[samples.SKY][1]
    page.wait_for_url(re.compile("hide=0"), timeout=SECONDS)
    again = opened(visit, "?" + page.url.partition("?")[2])
    assert again.locator(f".mv-chip[data-code='{samples.SKY}']").get_attribute("aria-pressed") == "false"
    assert again.locator(".mv-layers [aria-pressed=true]").inner_text() == "Truth"


def test_a_threshold_counts_what_it_finds(runs, visit):
    made, place = samples.arrays(), worst()[0]
    page = opened(visit, f"?layer=probability&class={samples.CAR}")
    page.locator(".mv-threshold").fill("0.3")
    counted = made["truth"][place] != samples.VOID
    there = made["truth"][place] == samples.CAR
    yes = (made["probs"][place][samples.CAR] >= np.ceil(0.3 * 255)) & counted
    text = page.locator(".mv-counts").inner_text()
    assert f"{100 * yes.sum() / counted.sum():.1f} % of the pixels" in text
    assert f"{100 * (yes & there).sum() / yes.sum():.0f} % of them right" in text
    assert f"{100 * (yes & there).sum() / there.sum():.0f} % of the class found" in text


def test_the_swipe_shows_two_layers_side_by_side(runs, visit):
    made, place = samples.arrays(), worst()[0]
    page = opened(visit, "?layer=truth&swipe=prediction&opacity=1")
    wrong = np.argwhere((made["truth"][place] != made["prediction"][place]) & (made["truth"][place] != samples.VOID))
    y, x = next((y, x) for y, x in wrong if 18 < x < 29)
    assert shown(page, x, y) == samples.CODES[made["prediction"][place][y, x]][1]
    box = page.locator(".mv-pane canvas").first.bounding_box()
    middle = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.97 * box["width"], middle, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)
    assert shown(page, x, y) == samples.CODES[made["truth"][place][y, x]][1]


def test_keys_choose_layers_walk_over_pixels_and_turn_to_the_next_picture(runs, visit):
    page = opened(visit)
    stage = page.locator(".mv-stage")
    stage.focus()
    page.keyboard.press("2")
    assert page.locator(".mv-layers [aria-pressed=true]").inner_text() == "Truth"
    page.keyboard.press("ArrowRight")
    assert page.locator(".mv-read").inner_text().startswith("(16, 12)")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    assert page.locator(".mv-read").inner_text().startswith("(26, 11)")
    page.keyboard.press("o")
    assert page.locator(".mv-outline").get_attribute("aria-pressed") == "true"
    order = worst()
    assert page.locator(".mv-item").inner_text() == f"v03_{order[0]:03d}"
    page.keyboard.press("n")
    page.locator(".mv-item", has_text=f"v03_{order[1]:03d}").wait_for(timeout=SECONDS)
    page.wait_for_url(re.compile("picture=2"), timeout=SECONDS)
    assert page.locator(".mv-layers [aria-pressed=true]").inner_text() == "Truth"  # what was set stays


def test_zoom_is_the_same_in_both_panes_and_hover_answers_in_both(runs, visit):
    page = opened(visit, f"?beside={runs[1]}")
    assert page.locator(".mv-pane").count() == 2
    text = pixel(page, 10, 4, pane=1)
    assert text.count("says") == 2 and "this run" in text
    page.locator(".mv-stage").focus()
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_timeout(100)
    at = [pixel(page, 2, 12, pane).partition(")")[0] for pane in (0, 1)]
    assert at[0] == at[1] and not at[0].startswith("(2, 12")


def test_a_row_of_the_table_opens_its_worst_pictures(runs, visit):
    made = samples.arrays()
    counts = judging.confusions(made["truth"], made["prediction"], len(samples.CODES))
    first = judging.worst_first(counts, samples.VOID, samples.CAR)[0]
    page = opened(visit, "?by=Car")
    assert page.locator(".mv-item").inner_text() == f"v03_{first:03d}"
    assert "IoU of Car" in page.locator(".mv-words").inner_text()


def test_the_time_lapse_is_scrubbed_and_played(runs, visit):
    page = visit("/segmentation?tab=Time-lapse")
    lapse = page.locator(".mask-timelapse")
    page.locator(f".mask-timelapse[data-frames='{samples.EPOCHS}']").wait_for(timeout=SECONDS)
    assert lapse.get_attribute("data-frame") == str(samples.EPOCHS - 1)
    last = page.locator(".mt-epoch").inner_text()
    page.locator(".mt-scrub").fill("0")
    assert "epoch 0" in page.locator(".mt-epoch").inner_text() != last
    page.get_by_role("button", name="Play").click()
    page.locator(".mask-timelapse[data-frame='2']").wait_for(timeout=SECONDS)
    page.get_by_role("button", name="Pause").click()
    held = lapse.get_attribute("data-frame")
    page.wait_for_timeout(700)
    assert lapse.get_attribute("data-frame") == held


def test_a_narrow_screen_is_not_wider_than_itself(runs, visit):
    page = opened(visit)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".mv-pane").first.bounding_box()["width"] > 300
