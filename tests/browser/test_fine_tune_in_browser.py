"""The fine-tuner's main way in a real browser: train, race, ask a cell of the confusion matrix, use the export."""

import io
import re
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from labcore.runs.store import open_store
from labcore.specs import Stage
from labcore.training.plans import to_text

COLORS = {"Abyssinian": (200, 90, 60), "Bombay": (60, 160, 90), "beagle": (70, 90, 200)}
PLAN = (
    Stage(name="head", freeze_to=-1, epochs=1, lr=1e-2, tenth=True),
    Stage(name="all", epochs=2, lr=1e-2, lr_lo=1e-3),
)
FIRST_RUN = 240_000
"""The first run of a lab also imports torch, perhaps beside other tests."""
SECONDS = 60_000


def picture(color: tuple[int, int, int], draw: np.random.Generator) -> Image.Image:
    noise = draw.integers(-40, 40, (64, 64, 3))
    return Image.fromarray(np.clip(np.array(color) + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def link(tmp_path_factory) -> str:
    """A plan of three epochs on 60 coloured pictures of three breeds."""
    folder = tmp_path_factory.mktemp("pets") / "images"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for breed, color in COLORS.items():
        for number in range(20):
            picture(color, draw).save(folder / f"{breed}_{number}.jpg")
    asked = {
        "arch": "mobilenetv3_small_050", "augment": "none", "batch_size": "8", "dataset.name": "pets",
        "dataset.root": str(folder.parent), "head": "linear", "image_size": "64", "plan": to_text(PLAN),
        "weights": "none",
    }  # fmt: skip
    return f"/fine_tune?{urlencode(asked)}"


def open_tab(page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")


def test_train_race_ask_the_matrix_and_use_the_export(lab, visit, link):
    page = visit(link)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("button", name="Run again")).to_be_visible(timeout=FIRST_RUN)
    (row,) = open_store().find()
    assert row.status == "done" and row.metrics["error_rate"] <= 1
    expect(page.get_by_text("baseline 66.7 %")).to_be_visible()

    open_tab(page, "Race")
    page.get_by_role("button", name="Race 1 of 2 lanes").click()
    expect(page.get_by_text(re.compile("ahead by|A tie"))).to_be_visible(timeout=FIRST_RUN)
    lanes = open_store().find(experiment="fine_tune")
    assert [lane.status for lane in lanes] == ["done", "done"]
    assert {lane.spec["plan"][1]["lr_lo"] for lane in lanes} == {1e-3, None}, "they differ in the slice alone"

    open_tab(page, "Reading")
    page.get_by_text("Confusion", exact=True).click()
    cell = page.locator(".js-plotly-plot").last.locator(".scatterlayer path.point").first
    cell.scroll_into_view_if_needed(timeout=SECONDS)
    box = cell.bounding_box()
    # Not the element's own click: what drags and selects lies above it.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text(re.compile(r"answered \w+: \d+ of \d+"))).to_be_visible(timeout=SECONDS)

    open_tab(page, "Use it")
    file = io.BytesIO()
    picture(COLORS["beagle"], np.random.default_rng(1)).save(file, "png")
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    expect(page.get_by_text(re.compile(rf"({'|'.join(COLORS)}), says softmax: \d+%"))).to_be_visible(timeout=SECONDS)
