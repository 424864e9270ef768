"""The spreadsheet in a real browser: its numbers are the model's, and they follow the hand."""

import numpy as np
import pytest
from playwright.sync_api import expect

import labcore
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


def test_the_map_draws_and_a_rating_changes_the_list(trained, visit):
    page = visit(f"{LINK}&tab=Map")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=WAIT)
    page = visit(f"{LINK}&tab=You&you=3:5")
    expect(page.get_by_text("Nothing was trained")).to_be_visible(timeout=WAIT)
