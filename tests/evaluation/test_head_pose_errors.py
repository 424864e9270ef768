"""Errors in pixels, per person and per angle, baselines, and what the loss and the range do, worked by hand."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labcore.evaluation import head_pose as judge

coordinate = st.floats(-3, 3, allow_nan=False)


def test_unit_coordinates_run_from_edge_to_edge():
    sizes = np.asarray([[160, 120], [320, 100]])
    points = np.asarray([[[0.0, 120.0], [80.0, 60.0]], [[320.0, 0.0], [160.0, 25.0]]])
    unit = judge.to_unit(points, sizes)
    assert unit.tolist() == [[[-1, 1], [0, 0]], [[1, -1], [0, -0.5]]]
    assert np.allclose(judge.to_pixels(unit, sizes), points)
    assert judge.to_pixels(np.zeros((3, 1, 2)), np.asarray([160, 120])).tolist() == [[[80, 60]]] * 3


def test_an_error_is_a_distance_in_pixels_or_degrees():
    truth = np.asarray([[[0.0, 0.0], [10.0, 10.0]]])
    assert judge.errors(truth, truth + np.asarray([3.0, 4.0])).tolist() == [[5.0, 5.0]]
    assert judge.errors(np.asarray([[10.0, -5.0]]), np.asarray([[12.0, -9.0]])).tolist() == [[2.0, 4.0]]


def test_a_summary_leaves_out_what_is_no_number():
    found = judge.summary(np.asarray([[1.0, 2.0, 3.0], [4.0, np.nan, 5.0]]))
    assert (found.median, found.mean, found.count) == (3.0, 3.0, 5)
    assert found.p90 == pytest.approx(4.6)
    assert np.isnan(judge.summary(np.zeros((0, 2))).median) and judge.summary(np.zeros(0)).count == 0


def test_groups_come_worst_first_and_every_picture_counts_once():
    errors = np.asarray([[1.0], [3.0], [10.0], [2.0]])
    table = judge.by_group(errors, ["b", "b", "a", "b"])
    assert table["group"].tolist() == ["a", "b"] and table["median"].tolist() == [10.0, 2.0]
    assert table["count"].tolist() == [1, 3]
    points = judge.by_point(np.asarray([[1.0, 5.0], [3.0, 7.0]]), ["nose", "chin"])
    assert points["median"].tolist() == [2.0, 6.0]


def test_bins_of_the_pose_hold_every_known_angle():
    errors = np.arange(6.0)[:, None]
    table = judge.by_angle(errors, np.asarray([-90.0, -10, 5, 95, np.nan, 90]))
    assert table["count"].sum() == 5
    assert table["low"].tolist() == [-90, -15, 0, 45] and table["median"].tolist() == [0, 1, 2, 4]
    assert judge.by_angle(errors, np.full(6, np.nan)).empty


def test_the_mean_point_is_no_worse_than_any_other_constant_by_squares():
    rng = np.random.default_rng(0)
    train = rng.normal(0.2, 0.3, (200, 1, 2))
    best = judge.mse(train, np.repeat(judge.mean_point(train)[None], 200, axis=0))
    for constant in rng.uniform(-1, 1, (20, 1, 2)):
        assert best <= judge.mse(train, np.repeat(constant[None], 200, axis=0))


def test_a_persons_mean_exists_only_for_those_who_taught():
    train = np.asarray([[[0.0, 0.0]], [[1.0, 1.0]], [[5.0, 5.0]]])
    said = judge.person_means(train, ["a", "a", "b"], ["b", "a", "c"])
    assert said[0].tolist() == [[5, 5]] and said[1].tolist() == [[0.5, 0.5]] and np.isnan(said[2]).all()
    assert judge.person_means(train, ["a", "a", "b"], ["c", "d"]) is None


def test_one_picture_taken_apart_adds_up_to_its_loss():
    truth, said = np.asarray([[0.5, -0.25], [0.0, 1.0]]), np.asarray([[0.25, 0.25], [0.0, 0.5]])
    table = judge.taken_apart(truth, said, ["nose", "chin"])
    assert table["squared"].mean() == pytest.approx(judge.mse(truth, said))
    assert table["axis"].tolist() == ["x", "y", "x", "y"] and table["difference"].iloc[0] == -0.25


@example(x=-0.4, said=-0.375)
@given(x=st.floats(-0.99, 0.99), said=coordinate)
def test_cross_entropy_cannot_tell_near_from_far(x, said):
    found = judge.contrast(np.asarray([[x, 0.1]]), np.asarray([[said, 0.2]]))
    assert found.cross_entropy[0] == found.cross_entropy[1] > 0
    assert all(guess != found.true_class for guess in found.guessed_classes)
    assert sum(found.shares) == pytest.approx(1) and min(found.shares) > 0


def test_squares_tell_near_from_far():
    found = judge.contrast(np.asarray([[0.3, 0.0]]), np.asarray([[0.31, 0.0]]))
    assert found.squared[0] < found.squared[1] / 50


@given(prediction=st.floats(-0.9, 0.9), low=st.floats(-2, -1), high=st.floats(1, 2))
def test_the_scaled_sigmoid_and_its_activation_undo_each_other(prediction, low, high):
    y_range = (low, high)
    back = judge.scaled_sigmoid(judge.activation(prediction, y_range), y_range)
    assert back == pytest.approx(prediction, abs=1e-9)
    assert low - 1e-9 <= judge.scaled_sigmoid(1e3, y_range) <= high + 1e-9


def test_another_range_clips_what_lies_outside_of_it():
    said = np.asarray([[[-0.8, 0.1]], [[0.2, 0.9]]])
    assert judge.under_range(said, (-0.5, 0.5)).tolist() == [[[-0.5, 0.1]], [[0.2, 0.5]]]
    assert judge.out_of_reach(said, (-0.5, 0.5)).tolist() == [[True], [True]]
    assert not judge.out_of_reach(said, (-1.1, 1.1)).any()


def test_the_leak_is_a_ratio():
    assert judge.leak_ratio(4.0, 2.0) == 2.0
    assert np.isnan(judge.leak_ratio(4.0, 0.0))
