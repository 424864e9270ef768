"""The thresholds page in each of its states; the board itself is walked in a browser."""

import json

import numpy as np
import pytest
from page_helpers import labels, texts
from threshold_samples import CLASSES, predictions, record_run

from labcore.evaluation import threshold_files
from labcore.evaluation.tune import tune
from labcore.runs.cards import read_card, write_thresholds
from labcore.specs import ThresholdsSpec
from pages.parts.threshold_board import Chosen, from_link, levels

TABS = ("Honest", "Curves", "Tables", "Calibration", "Mistakes", "One picture", "Take away", "Notes", "Code")


def test_without_any_run_there_is_one_button_to_press(visit):
    app = visit("thresholds")
    assert "Train" in labels(app) and "Stop" not in labels(app)


def test_the_page_asks_for_the_very_default_of_the_command_line(visit):
    app = visit("thresholds")
    assert app.session_state["thresholds spec"] == ThresholdsSpec()


@pytest.mark.parametrize("tab", TABS)
def test_every_view_is_drawn_on_a_finished_run(visit, home, tab):
    record_run()
    app = visit("thresholds", tab=tab)
    assert not app.exception and not app.error
    assert "embedded (synthetic) data" in texts(app)


def test_honest_numbers_are_those_of_the_command_line(visit, home):
    record_run()
    app = visit("thresholds", tab="Honest")
    _, p, y = predictions()
    found = tune(p, y, CLASSES)
    table = app.table[0].value
    assert table.loc["one for all", "on the other half: report this"] == f"{found.expected_of('global'):.4f}"
    assert table.loc["one per label", "optimism"] == f"{found.trust['per_class'].optimism:+.4f}"


def test_rare_labels_are_called_uncertain(visit, home):
    record_run()
    assert "windthrow" in texts(visit("thresholds")) and "guesses" in texts(visit("thresholds"))


def test_own_predictions_from_a_file_on_this_machine(visit, home, tmp_path):
    _, p, y = predictions(60)
    file = tmp_path / "mine.npz"
    np.savez(file, probs=p, targets=y, classes=CLASSES)
    app = visit("thresholds", **{"from": "your own file", "file": str(file)})
    assert "mine.npz: 60 items, 5 labels" in texts(app)


def test_a_bad_file_is_one_sentence(visit, home, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("a,b\n1,2\n")
    app = visit("thresholds", **{"from": "your own file", "file": str(file)})
    assert "No label with both a probability and a truth" in texts(app)


def test_a_metric_that_is_none_says_so(visit, home):
    record_run()
    assert "metric" in texts(visit("thresholds", metric="nonsense"))


def test_links_carry_thresholds_exactly_and_drop_nonsense():
    chosen = Chosen(0.213, {3: 0.7, 0: 0.001})
    assert from_link(chosen.link(), 0.5, 5) == chosen
    assert from_link({"t": "7", "own": "99:0.5,x:1,1:nan,2:0.25"}, 0.5, 5) == Chosen(0.5, {2: 0.25})


def test_a_level_says_exactly_when_a_label_is_said():
    from labcore.evaluation.thresholds import GRID

    generator = np.random.default_rng(0)
    p = np.concatenate([generator.random(200), GRID[::37], [0, 1]]).astype(np.float32)
    np.testing.assert_array_equal(levels(p)[:, None] > np.arange(GRID.size), p[:, None] > GRID)


def test_thresholds_written_into_the_model_are_those_that_predict_reads(home):
    run = record_run()
    _, p, y = predictions()
    card = tune(p, y, CLASSES, per_class=True, resamples=20).card()
    write_thresholds(run, card)
    assert read_card(run)["thresholds"]["thresholds"] == card["thresholds"]
    assert json.loads(threshold_files.to_json(card))["thresholds"] == card["thresholds"]
