"""Figures of the data block say what the split says."""

import numpy as np

from labcore.figures import data_block as figures


def cells(figure) -> np.ndarray:
    return np.asarray(figure.data[0].z, float)


def test_every_frame_has_its_cell_and_its_part():
    groups = ["a", "a", "a", "b", "b"]
    parts = figures.parts_of(5, np.array([0, 1, 3]), np.array([2]), np.array([4]))
    grid = cells(figures.videos_figure(groups, parts))
    assert grid[0].tolist() == [0, 0, 1]
    assert grid[1, :2].tolist() == [0, 2] and np.isnan(grid[1, 2])


def test_shares_stand_in_order_and_keep_every_item():
    classes = [f"c{number}" for number in range(60)]
    train, valid = np.arange(60), np.arange(60)[::-1].copy()
    train[7] = 500
    figure = figures.shares_figure(classes, train, valid)
    assert figure.data[0].y[0] == "c7" and figure.data[0].x[0] == 500
    assert len(figure.data[0].y) == figures.MOST_CLASSES
    assert sum(figure.data[0].x) + sum(figure.data[1].x) == train.sum() + valid.sum()


def test_the_busiest_corner_of_a_table_of_ratings():
    users, films = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 2])
    parts = figures.parts_of(5, np.array([0, 1, 2, 3]), np.array([4]))
    grid = cells(figures.ratings_figure(users, films, parts, most=(2, 3)))
    assert grid[0].tolist() == [0, 0, 1], "user 1 is the busiest"
    assert np.isnan(grid[1, 2])


def test_points_are_drawn_in_picture_coordinates():
    points = np.array([[[1.0, 2.0]], [[3.0, 4.0]]])
    figure = figures.places_figure(points, np.array([0, 1]), (10, 20))
    assert list(figure.data[0].x) == [1] and list(figure.data[1].y) == [4]
    assert figure.layout.yaxis.range == (10, 0), "y grows downwards"
