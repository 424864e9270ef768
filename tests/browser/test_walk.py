"""One walk through the whole lab, as a stranger takes it: home, lessons, own data, export, reload; in three looks."""

import re
import zipfile
from pathlib import Path
from typing import Any

import pose_samples
import pytest
import segmentation_samples
import threshold_samples
from playwright.sync_api import Page, expect

import labcore
from labcore.runs.store import open_store
from labcore.specs import CollabSpec, FineTuneSpec, LRFinderSpec, Stage
from pages.parts.lessons import lessons

SECONDS = 60_000
HERE = Path(__file__).parent
PALE_TEXT = (HERE / "pale_text.js").read_text(encoding="utf-8")
NAMELESS = (HERE / "nameless.js").read_text(encoding="utf-8")
RESTING = '[data-testid="stApp"][data-test-script-state="notRunning"]'
README_PAGES = re.findall(r"\]\(pages/(\w+)\.py\)", (HERE.parents[1] / "README.md").read_text(encoding="utf-8"))
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
SMALL = {"arch": "mobilenetv3_small_050", "weights": "none", "image_size": 32, "batch_size": 16}
ACTIONS = ("Run again", "Train", "Find the rate")
PATIENCE = 100
"""Looks, a tenth of a second apart."""
STOPS = 90
"""Tab stops from the top of a page to its main action, at most: some pages have many controls before it."""


@pytest.fixture(scope="module")
def trained(lab, pictures):
    """A lab with a finished run of every lesson: three really trained on tiny data, three written like a worker's."""
    data = {"dataset.name": "pets", "dataset.root": str(pictures)}
    plan = (Stage(name="head", freeze_to=-1, epochs=1, lr=3e-3), Stage(name="all", epochs=1, lr=2e-3, lr_lo=2e-5))
    fast = {"batch_size": 1024, "epochs": 2, "lr": 0.02, "factors": 8, "baselines": "means"}
    for spec in (
        LRFinderSpec.of(SMALL | data, num_it=40),
        FineTuneSpec.of(SMALL | data, plan=plan),
        CollabSpec.of(fast),
    ):
        run = labcore.run(spec)
        assert run.status == "done", run.row.error
    for samples in (threshold_samples, segmentation_samples, pose_samples):
        samples.record_run()
    return lab


def rest(page: Page) -> None:
    """Wait until the page has drawn all it has to draw."""
    page.locator(RESTING).wait_for(timeout=SECONDS)
    page.wait_for_timeout(150)
    page.locator(RESTING).wait_for(timeout=SECONDS)


def found_after_all(page: Page, script: str) -> Any:
    """What a script finds once the page has had time to finish: tables and charts name their canvas a moment later."""
    for _ in range(PATIENCE):
        if not (found := page.evaluate(script)):
            break
        page.wait_for_timeout(100)
    return found


def holds(page: Page, where: str) -> None:
    """What has to be true of every page in every look."""
    rest(page)
    assert page.get_by_test_id("stException").count() == 0, where
    assert page.get_by_role("alert").filter(has_text="error").count() == 0, where
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], f"{where} scrolls sideways: {wide}"
    assert not found_after_all(page, PALE_TEXT), where
    assert not found_after_all(page, NAMELESS), where


def reach_by_keyboard(page: Page, where: str) -> None:
    """Tab from the top of the page to the button that trains."""
    focused = (
        "() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;"
    )
    focused += " return e?.innerText?.trim() || ''; }"
    page.locator("h1").first.click()
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        if any(action in page.evaluate(focused) for action in ACTIONS):
            return
    raise AssertionError(f"{where}: no key leads to the main action")


@pytest.mark.parametrize("look", LOOKS)
def test_home_lessons_and_runs_in_every_look(trained, visit, look):
    page = visit("/", **LOOKS[look])
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SECONDS)
    holds(page, f"home, {look}")
    for lesson in lessons():
        if look == "narrow":
            page.goto(f"{trained.url}/{lesson.path}")
        else:
            page.get_by_test_id("stSidebarNavLink").filter(has_text=lesson.title).click()
        page.wait_for_url(f"**/{lesson.path}*", timeout=SECONDS)
        if lesson.path != "data_block":  # it opens on data, not on a run
            expect(page.get_by_role("button", name="Run again").first).to_be_visible(timeout=SECONDS)
        holds(page, f"{lesson.path}, {look}")
        if look == "light" and lesson.path != "data_block":
            reach_by_keyboard(page, lesson.path)
    page.goto(f"{trained.url}/runs")
    expect(page.get_by_role("heading", name="All runs")).to_be_visible(timeout=SECONDS)
    holds(page, f"runs, {look}")


def test_from_the_readme_over_every_page_to_own_data_an_export_and_a_reload_in_one_go(trained, visit, packed, tmp_path):
    page = visit("/")
    for path in README_PAGES:
        page.goto(f"{trained.url}/{path}")
        holds(page, path)
    page.goto(f"{trained.url}/data_block?dataset.name=own")
    page.locator("input[type=file]").set_input_files(str(packed), timeout=SECONDS)
    expect(page.get_by_text("16 items").first).to_be_visible(timeout=SECONDS)
    (row,) = open_store().find(experiment="fine_tune")
    page.goto(f"{trained.url}/runs?run={row.id}")
    with page.expect_download(timeout=SECONDS) as leaving:
        page.get_by_role("button", name="Export as zip").click(timeout=SECONDS)
    leaving.value.save_as(tmp_path / "run.zip")
    assert "manifest.json" in zipfile.ZipFile(tmp_path / "run.zip").namelist()
    page.reload()
    expect(page.get_by_role("button", name="Export as zip")).to_be_visible(timeout=SECONDS)


def test_own_upload_is_looked_at_and_kept_in_the_link(trained, visit, packed):
    page = visit("/data_block?dataset.name=own")
    page.locator("input[type=file]").set_input_files(str(packed), timeout=SECONDS)
    expect(page.get_by_text("16 items").first).to_be_visible(timeout=SECONDS)
    holds(page, "own data")
    page.reload()
    expect(page.get_by_text("16 items").first).to_be_visible(timeout=SECONDS)


def test_a_run_leaves_as_a_zip_comes_back_and_survives_a_reload(trained, visit, tmp_path):
    (row,) = open_store().find(experiment="lr_finder")
    page = visit(f"/runs?run={row.id}")
    with page.expect_download(timeout=SECONDS) as leaving:
        page.get_by_role("button", name="Export as zip").click(timeout=SECONDS)
    file = tmp_path / leaving.value.suggested_filename
    leaving.value.save_as(file)
    assert file.name == f"unfreeze-{row.id}.zip" and zipfile.ZipFile(file).testzip() is None
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_function("run => !location.search.includes(run)", arg=row.id, timeout=SECONDS)
    assert not open_store().find(experiment="lr_finder")
    page.locator("input[type=file]").set_input_files(str(file))
    page.wait_for_function("() => /[?&]run=/.test(location.search)", timeout=SECONDS)
    page.reload()
    expect(page.get_by_role("button", name="Export as zip")).to_be_visible(timeout=SECONDS)
    (again,) = open_store().find(experiment="lr_finder")
    assert again.metrics == row.metrics and again.origin == "imported" and again.id in page.url


def test_links_between_lessons_carry_their_settings_and_no_others(trained, visit):
    page = visit("/thresholds?image_size=48&seed=5&weight_decay=0.1")
    page.get_by_role("link", name="Find the rate first").click(timeout=SECONDS)
    page.wait_for_url("**/lr_finder?*image_size=48*", timeout=SECONDS)
    rest(page)
    assert "dataset.name=tiles" in page.url and "seed=5" in page.url
    assert "weight_decay" not in page.url and "with=" not in page.url, "decay is of that plan, not of the test"
    (row,) = open_store().find(experiment="fine_tune")
    page.goto(f"{trained.url}/runs?run={row.id}")
    page.get_by_role("link", name="Open in its lesson").click(timeout=SECONDS)
    expect(page.get_by_role("button", name="Run again").first).to_be_visible(timeout=SECONDS)
    assert "plan=" in page.url and "dataset.name=pets" in page.url


def test_a_class_is_led_through_by_keyboard(trained, visit):
    page = visit("/lr_finder?present=1", color_scheme="dark", viewport={"width": 1920, "height": 1080})
    expect(page.get_by_role("button", name="Reveal the rules")).to_be_visible(timeout=SECONDS)
    assert page.get_by_role("tab", name="Rules").count() == 0
    holds(page, "presenting")
    page.keyboard.press("h")
    expect(page.get_by_role("tab", name="Rules")).to_be_visible(timeout=SECONDS)
    page.keyboard.press("PageDown")
    page.wait_for_url("**/fine_tune?*present=1*", timeout=SECONDS)
    expect(page.get_by_role("button", name="Reveal")).to_be_visible(timeout=SECONDS)
    rest(page)
    size = float(page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)"))
    assert size > 24, "large type on a large screen"
    page.get_by_role("button", name="Share").click()
    code = page.get_by_role("img", name="QR code of the link below")
    expect(code).to_be_visible(timeout=SECONDS)
    link = page.get_by_test_id("stDialog").get_by_test_id("stCode").inner_text()
    assert "/fine_tune" in link and "present" not in link
    page.get_by_role("button", name="Close").click()
    rest(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Present")).to_be_visible(timeout=SECONDS)
    assert "present=1" not in page.url
