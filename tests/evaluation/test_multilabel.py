"""Metrics at given thresholds against scikit-learn, baselines, cells, mistakes together, one picture's BCE."""

import numpy as np
import pytest
from sklearn import metrics

from labcore.evaluation import calibration, label_mistakes, multilabel
from labcore.evaluation.thresholds import sigmoid

NAMES = ("a", "b", "c", "d")


def sample(items: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    y = generator.random((items, 4)) < [0.6, 0.3, 0.1, 0.02]
    return np.round(sigmoid(generator.normal(size=y.shape) + 2 * y - 1), 2), y


@pytest.mark.parametrize("threshold", [0.2, 0.5, np.array([0.1, 0.5, 0.3, 0.9])])
def test_fixed_metrics_equal_scikit_learn(threshold):
    p, y = sample()
    said = p > threshold
    found = multilabel.judged(p, y, threshold)
    assert found["accuracy_multi"] == pytest.approx((said == y).mean())
    for average in ("samples", "macro", "micro"):
        expected = metrics.fbeta_score(y, said, beta=2, average=average, zero_division=1 if average == "samples" else 0)
        assert found[f"f2_{average}"] == pytest.approx(expected, abs=1e-12)
    expected = metrics.average_precision_score(y, p, average="macro")
    assert found["mean_average_precision"] == pytest.approx(expected, abs=1e-12)


def test_curves_equal_scikit_learn():
    p, y = sample()
    for column in range(4):
        assert multilabel.roc_auc(p[:, column], y[:, column]) == pytest.approx(
            metrics.roc_auc_score(y[:, column], p[:, column]), abs=1e-12
        )


def test_what_has_no_example_is_undefined_not_zero():
    p, y = sample()
    y[:, 3], y[:, 0] = False, True
    table = multilabel.per_class(p, y, 0.5, NAMES).set_index("label")
    assert np.isnan(table.loc["d", ["recall", "f", "average_precision", "roc_auc"]].astype(float)).all()
    assert np.isnan(table.loc["a", "roc_auc"])
    assert not np.isnan(multilabel.judged(p, y)["f2_macro"])


def test_priors_are_a_stronger_baseline_than_saying_nothing_and_never_look_at_pictures():
    _, y = sample()
    known = multilabel.baselines(y.mean(0), y)
    assert known.nothing["nothing_said"] == 1.0
    assert known.nothing["accuracy_multi"] == pytest.approx(1 - y.mean())
    assert known.priors["f2_samples"] > known.nothing["f2_samples"]


def test_cells_hold_what_they_say_and_the_plainest_first():
    p, y = sample()
    sizes = 0
    for cell in label_mistakes.CELLS:
        rows = label_mistakes.cell_rows(p, y, 0.4, 1, cell)
        sizes += len(rows)
        assert ((p[rows, 1] > 0.4) == (cell in ("tp", "fp"))).all()
        assert (y[rows, 1] == (cell in ("tp", "fn"))).all()
        assert (np.diff(p[rows, 1]) * (1 if cell in ("fn", "tn") else -1) >= 0).all()
    assert sizes == len(p)


def test_mistakes_that_meet_are_counted_together():
    y = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]], bool)
    p = np.array([[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]], float)
    together = label_mistakes.mistakes_together(p, y, 0.5)
    first = label_mistakes.most_together(together, NAMES).iloc[0]
    assert (first["one"], first["other"], first["together"]) == ("a missed", "b said wrongly", 2)


def test_the_bce_of_a_picture_is_the_mean_of_its_labels():
    logits = np.array([2.0, -1.0, 0.0, 5.0])
    y = np.array([True, False, True, False])
    table = multilabel.taken_apart(sigmoid(logits), y, NAMES, logits)
    by_hand = [np.log1p(np.exp(-2)), np.log1p(np.exp(-1)), np.log(2), 5 + np.log1p(np.exp(-5))]
    np.testing.assert_allclose(table["loss"], by_hand, atol=1e-9)
    assert table["target"].dtype == np.float64


def test_argmax_names_one_label_where_there_are_more():
    p, y = sample()
    found = multilabel.argmax_against_threshold(p, y, 0.4)
    assert found["labels_argmax"] == 1.0 and found["f2_threshold"] > 0


def test_a_temperature_mends_what_is_too_sure_and_changes_no_order():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 3)) * 2
    y = generator.random(logits.shape) < sigmoid(logits)
    sure = sigmoid(3 * logits)
    found = calibration.calibrate(sure, y)
    assert found.temperature == pytest.approx(3.0, rel=0.1)
    assert found.after.error < 0.3 * found.before.error and found.loss_after < found.loss_before
    warm = calibration.scaled(sure, found.temperature)
    np.testing.assert_array_equal(np.argsort(warm[:, 0]), np.argsort(sure[:, 0]))


def test_empty_bins_are_undefined():
    found = calibration.reliability([0.05, 0.95], [False, True])
    assert np.isnan(found.said[1:-1]).all() and found.count.sum() == 2
