"""The spreadsheet in a real browser: its numbers are the model's, and they follow the hand."""

import numpy as np
import pytest
from playwright.sync_api import expect

import labcore
from labcore.evaluation.collab_map import principal_axes
from labcore.evaluation.collab_model import FactorModel
from labcore.specs import CollabSpec

QUICK = {"batch_size": 1024, "epochs": 2, "lr": 0.02, "factors": 8, "baselines": "means"}
LINK = "/collab?" + "&".join(f"{name}={value}" for name, value in QUICK.items())
WAIT = 60_000


@pytest.fixture(scope="module")
def trained(lab):
    run = labcore.run(CollabSpec.of(QUICK))
    assert run.status == "done", run.row.error
    return run


@pytest.fixture
def sheet(trained, visit):
    page = visit(f"{LINK}&tab=Spreadsheet")
    expect(page.locator(".sh-cell").first).to_be_visible(timeout=WAIT)
    return page


def cells(page) -> np.ndarray:
    rows = page.locator(".sh-cell").evaluate_all("all => all.map(one => [one.dataset.cell, Number(one.dataset.value)])")
    return np.array([value for _, value in rows])


def number(page, name: str):
    return page.get_by_role("slider", name=name, exact=True)


def test_cells_are_the_models_predictions(sheet, trained):
    kept = trained.artifact("factors.npz")
    model = FactorModel.of(kept)
    titles = sheet.locator(".sh-film").evaluate_all("all => all.map(one => one.title)")
    users = sheet.locator(".sh-grid tr th:first-child").all_inner_texts()
    codes = [int(np.flatnonzero(kept["users"].astype(str) == one.removeprefix("user "))[0]) for one in users if one]
    items = [int(np.flatnonzero(kept["titles"].astype(str) == one)[0]) for one in titles]
    expected = model.scores(np.array(codes))[:, items]
    np.testing.assert_allclose(cells(sheet).reshape(expected.shape), expected, rtol=1e-4)


def test_a_dragged_factor_moves_its_row_alone_and_comes_back(sheet):
    before = cells(sheet)
    width = sheet.locator(".sh-film").count()
    first = sheet.locator(".sh-grid tr").last.locator(".sh-num.sh-bias")
    first.scroll_into_view_if_needed()
    box = first.bounding_box()
    sheet.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    sheet.mouse.down()
    sheet.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2, steps=4)
    sheet.mouse.up()
    after = cells(sheet)
    assert (after[-width:] > before[-width:] + 0.05).all(), "a larger bias raises every prediction of its row"
    np.testing.assert_array_equal(after[:-width], before[:-width])
    sheet.get_by_role("button", name="Back to the model").click()
    np.testing.assert_allclose(cells(sheet), before)


def test_a_step_of_descent_lowers_the_error_and_keys_move_numbers(sheet):
    def error() -> float:
        return float(sheet.locator(".sh-loss").inner_text().split(":")[1].split()[0])

    before = error()
    sheet.get_by_role("button", name="One step of gradient descent").click()
    assert error() < before
    sheet.get_by_label("show gradients").check()
    expect(sheet.locator(".sh-num small").first).to_be_visible()
    moved = sheet.locator(".sh-num").first
    value = moved.get_attribute("aria-valuenow")
    moved.focus()
    sheet.keyboard.press("ArrowUp")
    assert float(moved.get_attribute("aria-valuenow")) == pytest.approx(float(value) + 0.05, abs=2e-3)


def test_a_one_hot_row_is_a_look_up_and_two_ones_are_not(sheet):
    same = sheet.locator(".sh-same")
    expect(same).to_contain_text("The same vector")
    sheet.get_by_label("place 3 of the row").fill("1")
    expect(same).to_contain_text("Not one-hot")
    sheet.get_by_label("place 1 of the row").fill("0")
    expect(same).to_contain_text("The same vector")
    expect(sheet.locator(".sh-hot")).to_contain_text("look-up: line 3")


@pytest.fixture
def item_map(trained, visit):
    page = visit(f"{LINK}&tab=Map")
    page.locator(".collab-map[data-points]").wait_for(timeout=WAIT)
    page.locator(".cm-stage").scroll_into_view_if_needed()
    return page


def places(page, trained) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of the items on the map and where they lie on the screen, computed from the run itself."""
    kept = trained.artifact("factors.npz")
    counts = kept["item_counts"]
    at = principal_axes(kept["item_factors"], counts).places(kept["item_factors"].astype(float))
    codes = np.flatnonzero(counts >= int(np.clip(np.quantile(counts, 0.75) / 2, 3, 30)))
    x0, y0, kx, ky = map(float, page.locator(".collab-map").get_attribute("data-view").split())
    box = page.locator(".cm-stage").bounding_box()
    inner = page.locator(".cm-stage").evaluate("one => [one.clientLeft, one.clientTop, one.clientHeight]")
    x = box["x"] + (at[codes, 0] - x0) * kx
    y = box["y"] + inner[2] - (at[codes, 1] - y0) * ky
    return codes, x, y


def test_a_lasso_lists_what_lies_inside_it(item_map, trained):
    codes, x, y = places(item_map, trained)
    assert item_map.locator(".collab-map").get_attribute("data-points") == str(len(codes))
    box = item_map.locator(".cm-stage").bounding_box()
    left, right = box["x"] + box["width"] / 2, box["x"] + box["width"] - 20
    top, bottom = box["y"] + 30, box["y"] + box["height"] / 2
    item_map.mouse.move(left, top)
    item_map.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom)):
        item_map.mouse.move(*corner, steps=3)
    item_map.mouse.up()
    surely = ((x > left + 2) & (x < right - 2) & (y > top + 2) & (y < bottom - 2)).sum()
    perhaps = ((x > left - 2) & (x < right + 2) & (y > top - 2) & (y < bottom + 2)).sum()
    told = item_map.get_by_text("items inside the lasso")
    expect(told).to_be_visible(timeout=WAIT)
    assert surely <= int(told.inner_text().split()[0]) <= perhaps and surely > 5
    expect(item_map.locator("[data-testid=stDataFrame]").first).to_be_visible()
    item_map.get_by_role("button", name="Whole map").click()
    expect(told).to_have_count(0, timeout=WAIT)


def test_the_map_zooms_moves_and_says_what_is_under_the_pointer(item_map, trained):
    codes, x, y = places(item_map, trained)
    lonely = np.argmax([np.sort(np.hypot(x - a, y - b))[1] for a, b in zip(x, y, strict=True)])
    item_map.mouse.move(x[lonely] + 2, y[lonely] + 2)
    title = str(trained.artifact("factors.npz")["titles"][codes[lonely]])
    expect(item_map.locator(".cm-tip")).to_contain_text(title)
    before = item_map.locator(".collab-map").get_attribute("data-view")
    item_map.locator(".cm-stage").focus()
    item_map.keyboard.press("+")
    item_map.keyboard.press("ArrowLeft")
    expect(item_map.locator(".collab-map")).not_to_have_attribute("data-view", before)
    item_map.keyboard.press("0")
    expect(item_map.locator(".collab-map")).to_have_attribute("data-view", before)


def test_a_rating_changes_the_list(trained, visit):
    page = visit(f"{LINK}&tab=You&you=3:5")
    expect(page.get_by_text("Nothing was trained")).to_be_visible(timeout=WAIT)
    page.locator(".collab-map[data-points]").wait_for(timeout=WAIT)
