import json
from pathlib import Path

import numpy as np
import pytest

from labcore.evaluation import classification as c

ORACLES = Path(__file__).parents[1] / "oracles"


@pytest.fixture
def recorded():
    return json.loads((ORACLES / "most_confused.json").read_text())


def test_confusion_matrix_and_most_confused_equal_fastai(recorded):
    classes = tuple(recorded["vocab"])
    matrix = c.confusion_matrix(recorded["preds"], recorded["targets"], len(classes))
    assert matrix.tolist() == recorded["confusion_matrix"]
    for name, expected in recorded["out"].items():
        found = c.most_confused(matrix, classes, int(name.removeprefix("min_val=")))
        assert [list(row) for row in found] == expected


def test_error_rate_equals_fastai():
    recorded = json.loads((ORACLES / "metrics.json").read_text())["single_label"]
    found = c.error_rate(c.softmax(recorded["logits"]), recorded["targets"])
    assert found == pytest.approx(recorded["out"]["error_rate"], rel=1e-6)


def test_softmax_keeps_large_logits_finite():
    np.testing.assert_allclose(c.softmax([[1000.0, 1000.0], [-1000.0, 0.0]]), [[0.5, 0.5], [0.0, 1.0]])


def test_baseline_names_the_training_sets_most_frequent_class():
    found = c.baseline([0, 1, 1, 2], [0, 0, 1, 2], 3)
    assert (found.class_index, found.error_rate) == (1, 0.75)
    assert found.guessing == pytest.approx(2 / 3)


def test_per_class_tells_unknown_from_zero():
    #               never predicted, never present
    matrix = np.array([[2, 1, 0, 0], [0, 3, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    table = c.per_class(matrix, ("a", "b", "c", "d")).set_index("class")
    assert table.loc["a", "recall"] == pytest.approx(2 / 3)
    assert table.loc["b", "precision"] == pytest.approx(3 / 5)
    assert np.isnan(table.loc["c", "precision"]) and table.loc["c", "recall"] == 0
    assert np.isnan(table.loc["d", "error_rate"])
    assert table.loc["a", "taken_for"] == "b" and table.loc["b", "taken_for"] == ""
    assert c.per_class(matrix, ("a", "b", "c", "d"))["class"].tolist() == ["c", "a", "b", "d"]


def test_top_losses_put_the_surest_mistake_first_and_keep_equals_in_order():
    probabilities = np.array([[0.9, 0.1], [0.01, 0.99], [0.4, 0.6], [0.4, 0.6]])
    table = c.top_losses(probabilities, [0, 0, 0, 0], ("cat", "dog"))
    assert table["row"].tolist() == [1, 2, 3, 0]
    assert table.loc[0, "said"] == "dog" and table.loc[0, "surely"] == 0.99
    assert table["wrong"].tolist() == [True, True, True, False]
    assert table.loc[0, "loss"] == pytest.approx(-np.log(0.01))


def test_a_probability_of_zero_has_a_finite_loss():
    assert np.isfinite(c.item_losses([[0.0, 1.0]], [0])).all()


def test_cell_rows_are_the_cell_and_the_surest_first():
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert c.cell_rows(probabilities, [0, 0, 0, 1], 0, 1).tolist() == [1, 0]


def test_top_classes_are_best_first_and_no_more_than_there_are():
    assert c.top_classes([0.2, 0.5, 0.3], ("a", "b", "c"), 2) == [("b", 0.5), ("c", 0.3)]
    assert len(c.top_classes([0.2, 0.5, 0.3], ("a", "b", "c"), 5)) == 3


def test_the_epoch_chooser_takes_the_first_epoch_that_noise_cannot_tell_from_the_best():
    choice = c.choose_epochs([0.5, 0.2, 0.101, 0.105, 0.10, 0.102], items=400)
    assert choice.epochs == 3 and choice.stalled and choice.best == 0.10
    assert "epoch 3" in choice.sentence


def test_the_epoch_chooser_says_when_the_error_still_falls():
    choice = c.choose_epochs([0.5, 0.3, 0.1], items=1000)
    assert choice.epochs == 3 and not choice.stalled
    assert "still falling" in choice.sentence


def test_no_error_at_all_still_has_a_noise_of_one_picture():
    assert c.choose_epochs([0.0, 0.0], items=100).within == pytest.approx(0.01)
