"""The sweep against scikit-learn and against counting by hand, on random and on tied inputs."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from labcore.errors import UserError
from labcore.evaluation import thresholds as sweep

TIED = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
SHAPES = st.tuples(st.integers(1, 30), st.integers(1, 5))


@st.composite
def predictions(draw):
    shape = draw(SHAPES)
    values = draw(st.sampled_from([TIED, st.floats(0, 1, width=32)]))
    p = draw(hnp.arrays(draw(st.sampled_from([np.float32, np.float64])), shape, elements=values))
    return p, draw(hnp.arrays(np.bool_, shape))


@settings(max_examples=60, deadline=None)
@given(predictions(), st.sampled_from([0.5, 1.0, 2.0]))
def test_every_metric_equals_scikit_learn(case, beta):
    p, y = case
    grid = np.concatenate((sweep.every_threshold(p), [0.1, 0.5, 0.9]))
    grid.sort()
    counts = sweep.counts_at(p, y, grid)
    pooled = counts.pooled()
    precision, recall = sweep.precision(counts), sweep.recall(counts)
    per_class, micro = sweep.f_beta(counts, beta), sweep.f_beta(pooled, beta)
    samples = sweep.samples_f_beta(p, y, grid, beta)
    subset = sweep.subset_accuracy(p, y, grid)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at, threshold in enumerate(grid):
            said = p > threshold
            known = {"average": None, "zero_division": np.nan}
            np.testing.assert_allclose(
                precision[:, at],
                metrics.precision_score(y, said, **known)
                if y.shape[1] > 1
                else [metrics.precision_score(y[:, 0], said[:, 0], zero_division=np.nan)],
                atol=1e-9,
            )
            expected = [metrics.recall_score(y[:, c], said[:, c], zero_division=np.nan) for c in range(y.shape[1])]
            np.testing.assert_allclose(recall[:, at], expected, atol=1e-9)
            expected = [
                metrics.fbeta_score(y[:, c], said[:, c], beta=beta, zero_division=0) if y[:, c].any() else np.nan
                for c in range(y.shape[1])
            ]
            np.testing.assert_allclose(per_class[:, at], expected, atol=1e-9)
            if y.any():
                np.testing.assert_allclose(
                    micro[at], metrics.fbeta_score(y.ravel(), said.ravel(), beta=beta, zero_division=0), atol=1e-9
                )
            if y.shape[1] > 1:
                expected = metrics.fbeta_score(y, said, beta=beta, average="samples", zero_division=1)
                np.testing.assert_allclose(samples[at], expected, atol=1e-9)
            np.testing.assert_allclose(subset[at], (said == y).all(1).mean(), atol=1e-9)
            np.testing.assert_allclose(sweep.hamming(pooled)[at], metrics.hamming_loss(y, said), atol=1e-9)
            np.testing.assert_allclose(sweep.accuracy(counts)[:, at], (said == y).mean(0), atol=1e-9)


def test_counts_add_up():
    generator = np.random.default_rng(0)
    p, y = generator.random((200, 4)), generator.random((200, 4)) < 0.3
    counts = sweep.counts_at(p, y, [0.2, 0.5])
    np.testing.assert_array_equal(counts.tp + counts.fp + counts.fn + counts.tn, 200)


def test_a_class_without_positives_is_undefined_and_left_out_of_the_mean():
    p = np.array([[0.9, 0.4], [0.2, 0.6]])
    y = np.array([[True, False], [False, False]])
    f = sweep.f_beta(sweep.counts_at(p, y, [0.5]), 2.0)
    assert f[0, 0] == 1.0 and np.isnan(f[1, 0])
    assert sweep.macro(f)[0] == 1.0


def test_costs_move_the_optimum_the_right_way():
    generator = np.random.default_rng(1)
    y = generator.random((2000, 1)) < 0.3
    p = np.clip(0.3 * y + 0.7 * generator.random((2000, 1)), 0, 1)
    grid = sweep.every_threshold(p)
    counts = sweep.counts_at(p, y, grid).pooled()
    missing_is_dear, _ = sweep.best(grid, sweep.cost(counts, false_negative=10), smallest=True)
    alarm_is_dear, _ = sweep.best(grid, sweep.cost(counts, false_positive=10), smallest=True)
    assert missing_is_dear < alarm_is_dear


def test_best_takes_the_middle_of_a_plateau():
    threshold, score = sweep.best(np.array([0.0, 0.2, 0.4, 0.6, 0.8]), np.array([0.1, 0.9, 0.9, 0.9, 0.2]))
    assert (threshold, score) == (0.5, 0.9)


def test_sigmoid_does_not_overflow():
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        np.testing.assert_allclose(sweep.sigmoid([-1000.0, 0.0, 1000.0]), [0.0, 0.5, 1.0], atol=1e-300)


@pytest.mark.parametrize(
    ("p", "y", "said"),
    [
        ([[0.5]], [[0, 1]], "alike"),
        (np.empty((0, 2)), np.empty((0, 2)), "nothing"),
        ([[np.nan]], [[1]], "missing"),
        ([[3.0]], [[1]], "logits"),
        ([[0.5]], [[2]], "neither 0 nor 1"),
        ([["a"]], [[1]], "not numbers"),
    ],
)
def test_what_cannot_be_swept_is_named(p, y, said):
    with pytest.raises(UserError, match=said):
        sweep.checked(p, y)
