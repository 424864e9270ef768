"""Tuning for every metric: the optimum, honesty, files that agree and can be used."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threshold_samples import CLASSES, predictions

from labcore.errors import UserError
from labcore.evaluation import threshold_files
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.threshold_metrics import parse
from labcore.evaluation.tune import tune
from labcore.figures.threshold_report import html

NAMES = ("f2", "f1", "f0.5", "f2_macro", "f2_micro", "accuracy", "hamming", "subset", "cost:1:5")


@pytest.mark.parametrize("name", NAMES)
def test_curve_score_and_choice_agree(name):
    _, p, y = predictions(200)
    metric = parse(name)
    grid = sweep.GRID[::50]
    scores = [metric.score(p, y, threshold) for threshold in grid]
    np.testing.assert_allclose(metric.curve(p, y, grid), scores, atol=1e-9)
    found = tune(p, y, CLASSES, metric=name, resamples=20)
    best = min(scores) if metric.smallest else max(scores)
    assert (found.scores["global"] <= best + 1e-12) if metric.smallest else (found.scores["global"] >= best - 1e-12)
    assert found.card()["metric"] == name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.sampled_from(["f2", "accuracy", "cost:1:5"]))
def test_no_threshold_on_the_grid_is_better_than_the_chosen_one(seed, items, name):
    generator = np.random.default_rng(seed)
    y = generator.random((items, 3)) < 0.4
    y[0, 0] = True
    p = np.round(generator.random((items, 3)), 2)
    metric = parse(name)
    found = tune(p, y, "abc", metric=metric, resamples=5)
    curve = metric.curve(p, y, sweep.GRID)
    best = np.nanmin(curve) if metric.smallest else np.nanmax(curve)
    assert found.scores["global"] == pytest.approx(best, abs=1e-9)


def test_the_expected_score_was_never_tuned_on():
    _, p, y = predictions(120, seed=3)
    found = tune(p, y, CLASSES, per_class=True, resamples=50)
    assert found.expected < found.trust["per_class"].seen.mean()
    assert found.expected_band()[0] <= found.expected <= found.expected_band()[1]


def test_the_same_input_gives_the_same_card():
    _, p, y = predictions()
    assert tune(p, y, CLASSES).card() == tune(p.copy(), y.copy(), list(CLASSES)).card()


def test_a_label_without_examples_says_undefined():
    _, p, y = predictions()
    y[:, 4] = False
    card = tune(p, y, CLASSES, per_class=True, resamples=20).card()
    row = card["labels"][4]
    assert row["own_score"] is None and row["uncertain"] and "windthrow" in " ".join(card["warnings"])
    assert "NaN" not in threshold_files.to_json(card)


def test_one_row_can_be_swept_but_nothing_is_expected():
    card = tune(np.array([[0.9, 0.2]]), np.array([[True, False]]), "ab").card()
    assert card["score_expected"] is None and card["score_seen"] == 1.0


def test_files_hold_the_same_thresholds_and_the_python_one_runs():
    _, p, y = predictions()
    card = tune(p, y, CLASSES, per_class=True, resamples=20).card()
    assert threshold_files.from_json(threshold_files.to_json(card))["thresholds"] == card["thresholds"]
    module: dict = {}
    exec(threshold_files.to_python(card), module)
    said = module["labels"](p[:5])
    values = np.array(list(card["thresholds"].values()))
    assert said == [[CLASSES[k] for k in np.flatnonzero(row > values)] for row in p[:5]]


def test_exports_are_text_to_a_spreadsheet_and_to_a_browser(tmp_path):
    _, p, y = predictions()
    names = ("=cmd|' /C calc'!A0", "@sum", "<script>alert(1)</script>", "plain", "+1")
    found = tune(p, y, names, resamples=20)
    (tmp_path / "t.csv").write_text(threshold_files.to_csv(found.card()))
    column = pd.read_csv(tmp_path / "t.csv")["label"]
    assert not column.str.startswith(("=", "@", "+", "-")).any() and column[3] == "plain"
    page = html(found.card(), names[2], sweep.GRID, found.metric.curve(p, y, sweep.GRID), {"priors": 0.5})
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_by_hand_claims_no_fresh_score():
    _, p, y = predictions()
    found = tune(p, y, CLASSES, resamples=20)
    card = threshold_files.by_hand(p, y, found, np.full(5, 0.3))
    assert card["chosen"] == "by_hand" and card["score_expected"] is None
    assert card["score_expected_band"][0] < card["score_seen"] < card["score_expected_band"][1]


@pytest.mark.parametrize("name", ["f", "f0", "f1000", "cost:0:1", "cost:1", "roc", ""])
def test_an_unknown_metric_is_named(name):
    with pytest.raises(UserError, match="metric"):
        parse(name)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps({"format": "x", "thresholds": {"a": 0.5}}), '{"thresholds":{"a":"b"}}']
)
def test_what_is_no_file_of_thresholds_is_refused(text):
    with pytest.raises(UserError):
        threshold_files.from_json(text)
