"""Figures of the head pose lesson: what they draw is what they were given."""

import numpy as np
import pandas as pd
import pytest

from labcore.evaluation import channels, pose_views
from labcore.figures import head_pose as figures
from labcore.figures import head_pose_lessons as lessons

ERRORS = {"by person": np.array([4.0, 1.0, 2.0]), "at random": np.array([0.5, 1.5, 1.0, np.nan])}


def groups() -> pd.DataFrame:
    return pd.DataFrame({"group": ["a", "b"], "median": [2.0, 5.0], "p90": [3.0, 9.0], "count": [10, 1]})


def test_shares_end_at_all_and_mark_the_medians():
    drawn = figures.shares_figure(ERRORS, {"mean point": 20.0})
    person, median, random = drawn.data[:3]
    assert person.x.tolist() == [1, 2, 4] and person.y[-1] == 1
    assert median.x == (2.0,) and len(random.x) == 3
    assert drawn.layout.shapes[0].x0 == 20 and drawn.layout.xaxis.type == "log"


def test_shares_without_a_baseline_draw_none():
    assert not figures.shares_figure(ERRORS, {"mean point": np.nan}).layout.shapes


def test_people_are_sorted_with_whiskers_to_the_ninetieth():
    drawn = figures.groups_figure(groups(), {"median": 3.0, "unknown": None})
    assert drawn.data[0].y.tolist() == ["a", "b"] and drawn.data[0].error_x.array.tolist() == [1, 4]
    assert [line.name for line in drawn.data[1:]] == ["median 3.00"]


def test_a_pose_has_a_panel_of_its_own():
    table = pd.DataFrame({"low": [-45, 0], "high": [0, 45], "median": [2.0, 3], "p90": [4.0, 5], "count": [5, 6]})
    drawn = figures.angle_figure({"yaw": table, "roll": table})
    assert len(drawn.data) == 4 and drawn.data[0].x.tolist() == [-22.5, 22.5]
    assert drawn.layout.xaxis.title.text == "yaw, degrees" and drawn.layout.xaxis2.title.text == "roll, degrees"


def test_the_rings_hold_half_and_nine_tenths_and_down_is_down():
    residuals = np.random.default_rng(0).normal((2, 0), 3, (500, 2))
    drawn = figures.residual_figure(residuals)
    away = np.linalg.norm(residuals, axis=1)
    for ring, share in zip(drawn.data[1:3], (0.5, 0.9), strict=True):
        assert (away <= np.hypot(ring.x[0], ring.y[0]) + 1e-9).mean() == pytest.approx(share, abs=0.01)
    assert drawn.data[3].x[0] == pytest.approx(residuals[:, 0].mean())
    low, high = drawn.layout.yaxis.range
    assert low > high


@pytest.mark.parametrize("count", [0, 1])
def test_few_residuals_draw_too(count):
    assert figures.residual_figure(np.zeros((count, 2))).layout.height


def test_many_points_are_thinned_evenly():
    many = np.random.default_rng(0).random((20_000, 2))
    drawn = figures.against_figure(many, many)
    assert len(drawn.data[0].x) == figures.MAX_POINTS
    assert drawn.data[0].x[-1] == many[-1, 0]


def test_the_range_stands_in_the_figure():
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    drawn = figures.against_figure(points, points, limits=[(0, 5), (1, 6)])
    assert sorted(shape.y0 for shape in drawn.layout.shapes) == [0, 1, 5, 6]


def test_cross_entropy_is_flat_but_for_the_true_column_and_squares_are_not():
    places, squared, entropy = pose_views.cost_curves(0.3, 16, 0.9)
    assert len(np.unique(entropy)) == 2 and (entropy == entropy.min()).mean() == pytest.approx(1 / 16, abs=0.01)
    by_distance = squared[np.argsort(np.abs(places - 0.3))]
    assert by_distance[0] < 1e-4 and (np.diff(by_distance) > -1e-9).all()
    drawn = lessons.contrast_figure(places, squared, entropy, 0.3, 0.5)
    assert drawn.data[1].yaxis == "y2" and [shape.x0 for shape in drawn.layout.shapes] == [0.3, 0.5]


def test_stored_results_are_a_band_and_this_run_a_mark():
    drawn = lessons.band_figure({"v3": (3.8e-4, 2.77e-3)}, {"this run": 1e-3})
    assert drawn.data[0].x == (3.8e-4, 2.77e-3) and drawn.data[1].text == ("1.0e-03",)
    assert drawn.layout.xaxis.type == "log"


def test_who_is_held_out_is_drawn_line_by_line():
    groups_ = list("aaabb")
    marks = pose_views.strips(groups_, np.array([1, 3]), ["b", "a"])
    assert marks.tolist() == [[True, False, False], [False, True, False]]
    drawn = lessons.strips_figure({"at random": marks}, ["b", "a"])
    assert drawn.data[0].z.tolist() == [[1, 0, 0], [0, 1, 0]] and list(drawn.data[0].y) == ["b", "a"]


def test_the_gap_is_to_the_nearest_taught_frame_of_the_same_person():
    assert pose_views.gaps(["a"] * 6 + ["b"] * 2, np.array([0, 3, 4, 6, 7])).tolist() == [1, 1, 1, np.inf, np.inf]


def test_adapted_weights_answer_alike_channels_as_before():
    weight = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    grey = np.repeat(np.random.default_rng(1).random((12, 14, 1)), 13, axis=2)
    before = channels.response(grey[..., :3], weight[0])
    for count in (1, 3, 6):
        assert np.allclose(channels.response(grey[..., :count], channels.adapted(weight, count)[0]), before, atol=1e-4)
    assert channels.adapted(weight, 13).shape == (4, 13, 3, 3)
    with pytest.raises(ValueError, match="channels"):
        channels.adapted(weight[:, :2], 4)


def test_the_layer_that_sees_the_picture_is_found():
    tensors = {"deep": np.zeros((8, 16, 3, 3)), "stem": np.zeros((8, 3, 3, 3)), "flat": np.zeros((8, 3, 1, 1))}
    assert channels.first_convolution(tensors)[0] == "stem"
    assert channels.first_convolution({"deep": np.zeros((8, 16, 3, 3))}) is None
