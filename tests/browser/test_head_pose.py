"""Head pose in a real browser: arrows over epochs, the range while it is dragged, and a small run from a click."""

import re

import pose_samples
import pytest

from labcore.runs.store import open_store

SECONDS = 40_000
FIRST_POINT = 240_000
"""The first run of a lab also draws its data and imports torch, perhaps beside other tests."""
SMALL = (
    "arch=mobilenetv3_small_050&weights=none&dataset.limit=200&pose.size=48x64&pose.head_epochs=1&pose.all_epochs=1"
    "&batch_size=16"
)


@pytest.fixture(scope="module")
def run(lab):
    return pose_samples.record_run()


def errors(page) -> list[float]:
    page.locator(".pf-shelf figcaption").nth(pose_samples.KEPT - 1).wait_for(timeout=SECONDS)
    return [float(text.split(": ")[1].split()[0]) for text in page.locator(".pf-shelf figcaption").all_inner_texts()]


def lengths(page) -> list[float]:
    """How long each arrow is, in pixels of its picture."""
    return page.locator(".pf-shelf svg").evaluate_all(
        """all => all.map(svg => {
            const at = name => Number(svg.querySelector('.pf-line').getAttribute(name));
            return Math.hypot(at('x1') - at('x2'), at('y1') - at('y2'));
        })"""
    )


def test_arrows_follow_the_epoch_without_the_server(run, visit):
    page = visit("/head_pose?tab=Pictures")
    last = errors(page)
    slider = page.get_by_role("slider", name="Epoch")
    assert slider.input_value() == str(pose_samples.EPOCHS - 1)
    page.context.set_offline(True)
    slider.focus()
    page.keyboard.press("Home")
    first = errors(page)
    assert sum(first) > 3 * sum(last) and "after epoch 1 of" in page.locator(".pf-said").inner_text()
    assert lengths(page) == pytest.approx(first, abs=0.1)  # these pictures are as large as the originals


def test_play_runs_through_all_epochs(run, visit):
    page = visit("/head_pose?tab=Pictures")
    errors(page)
    page.get_by_role("button", name="Play the epochs").click()
    page.get_by_text(re.compile(r"after epoch 1 of")).wait_for(timeout=SECONDS)
    page.get_by_text(re.compile(rf"after epoch {pose_samples.EPOCHS} of")).wait_for(timeout=SECONDS)
    page.get_by_role("button", name="Play the epochs").wait_for(timeout=SECONDS)


def test_the_range_clips_predictions_while_it_is_dragged(run, visit):
    page = visit("/head_pose?tab=Why+MSE&why+view=y_range")
    said = page.locator(".pr-said")
    said.wait_for(timeout=SECONDS)
    page.get_by_text(re.compile(r"0 of \d+ targets are out of reach, 0 predictions moved")).wait_for(timeout=SECONDS)
    handle = page.locator(".pr-high")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.87, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.1, middle, steps=6)
    held = said.inner_text()
    lost, moved = (int(found) for found in re.search(r"(\d+) of \d+ targets.*, (\d+) predictions moved", held).groups())
    assert lost > 0 and moved > 0  # the mouse is still down: nothing was sent
    before, after = map(float, re.search(r"error ([\d.]+) → ([\d.]+) px", held).groups())
    assert after > before
    page.mouse.up()
    page.get_by_role("button", name="Back to the run's range").click()
    assert "0 predictions moved" in said.inner_text()


def test_a_narrow_screen_is_not_wider_than_itself(run, visit):
    page = visit("/head_pose?tab=Pictures")
    errors(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_from_a_click_to_both_errors_and_a_point_on_a_picture(lab, visit, tmp_path):
    from PIL import Image

    page = visit(f"/head_pose?{SMALL}")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("The random split says").first.wait_for(timeout=FIRST_POINT)
    (row,) = (one for one in open_store().find(experiment="head_pose") if one.spec["arch"] == "mobilenetv3_small_050")
    assert row.status == "done" and {"pixel_error_median", "random_pixel_error_median"} <= row.metrics.keys()
    Image.fromarray(pose_samples.drawing(pose_samples.truths(1, 0)[0, 0], 1)).save(tmp_path / "head.png")
    page.get_by_role("tab", name="Use it").click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "head.png")
    page.get_by_alt_text("head.png with the prediction marked").wait_for(timeout=SECONDS)
    assert page.get_by_role("button", name="Points as CSV").is_visible()
    page.get_by_text("Camera", exact=True).click()
    page.get_by_text(re.compile(r"Upload a picture instead")).wait_for(timeout=SECONDS)
