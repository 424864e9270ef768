"""Baselines, ranking and what factors mean, on tables whose answer is known."""

import numpy as np
import pytest

from labcore.evaluation import collab
from labcore.evaluation.collab import Table
from labcore.evaluation.collab_map import (
    canonical_correlations,
    genre_table,
    loved,
    meaning,
    neighbours,
    onto_truth,
    principal_axes,
)
from labcore.evaluation.collab_model import FactorModel


def planted(seed: int = 0, users: int = 150, items: int = 80, noise: float = 0.2) -> tuple[Table, Table]:
    """Ratings with effects of users and items and one taste, 60 % of all cells, a fifth of them held out."""
    rng = np.random.default_rng(seed)
    full = 3 + rng.normal(0, 0.4, (users, 1)) + rng.normal(0, 0.4, (1, items))
    full = full + np.outer(rng.normal(0, 1, users), rng.normal(0, 1, items)) + rng.normal(0, noise, (users, items))
    u, i = np.nonzero(rng.random((users, items)) < 0.6)
    valid = rng.random(len(u)) < 0.2
    return tuple(Table(u[part], i[part], full[u[part], i[part]], users, items) for part in (~valid, valid))


def test_errors_are_those_of_the_definition():
    found = collab.errors(np.array([1.0, 4.0]), np.array([2.0, 2.0]))
    assert found == pytest.approx({"mse": 2.5, "rmse": 2.5**0.5, "mae": 1.5})


def test_each_baseline_beats_the_simpler_one_where_there_is_something_to_find():
    train, valid = planted()
    simple = collab.means(train)

    def mse(predict):
        return collab.errors(predict(valid.users, valid.items), valid.ratings)["mse"]

    alone = collab.errors(np.full(len(valid), simple.overall), valid.ratings)["mse"]
    assert mse(simple) < alone
    assert mse(collab.svd(train, simple)[2]) < mse(simple)
    assert mse(collab.als(train, simple, factors=2, pull=1.0)) < 0.25 * mse(simple)


def test_svd_is_that_of_scikit_learn_at_every_width():
    from sklearn.decomposition import TruncatedSVD

    train, valid = planted()
    simple = collab.means(train)
    matrix = np.zeros((train.n_users, train.n_items))
    matrix[train.users, train.items] = train.ratings - simple(train.users, train.items)
    found = collab.svd(train, simple, (1, 3))
    for width in (1, 3):
        theirs = TruncatedSVD(width, algorithm="arpack", random_state=0).fit(matrix)
        whole = theirs.transform(matrix) @ theirs.components_
        expected = simple(valid.users, valid.items) + whole[valid.users, valid.items]
        np.testing.assert_allclose(found[width](valid.users, valid.items), expected, atol=1e-5)


def test_svd_of_a_table_too_small_for_factors_is_the_means():
    tiny = collab.Table(np.array([0, 1]), np.array([0, 0]), np.array([3.0, 4.0]), 2, 1)
    simple = collab.means(tiny)
    assert collab.svd(tiny, simple, (2,))[2](tiny.users, tiny.items).tolist() == simple(tiny.users, tiny.items).tolist()


def test_als_leaves_those_without_ratings_at_their_mean():
    train, _ = planted()
    kept = (train.users != 4) & (train.items != 9)
    part = Table(train.users[kept], train.items[kept], train.ratings[kept], train.n_users, train.n_items)
    simple = collab.means(part)
    predict = collab.als(part, simple, factors=3, sweeps=2)
    asked = np.array([4, 4, 7]), np.array([9, 3, 9])
    np.testing.assert_allclose(predict(*asked), simple(*asked))


def test_a_perfect_ranking_scores_one_and_training_items_do_not_count():
    train = Table(np.array([0, 0]), np.array([0, 1]), np.array([5.0, 5.0]), 1, 15)
    valid = Table(np.array([0, 0, 0]), np.array([4, 7, 2]), np.array([5.0, 4.0, 1.0]), 1, 15)
    users = collab.judged_users(valid, 4.0, 10)
    assert users.tolist() == [0]
    best = np.zeros(15)
    best[[0, 1, 4, 7]] = [9, 9, 3, 2]  # what was rated in training stands highest and must be left out
    found = collab.ranking(lambda some: np.tile(best, (len(some), 1)), train, valid, 4.0, users)
    assert (found.ndcg, found.recall, found.users) == (1.0, 1.0, 1)
    worst = -best
    found = collab.ranking(lambda some: np.tile(worst, (len(some), 1)), train, valid, 4.0, users)
    assert found.ndcg == 0 and found.recall == 0


def test_principal_axes_keep_every_dot_product_and_fall_in_share():
    rng = np.random.default_rng(2)
    items, users = rng.normal(size=(50, 6)) * [3, 2, 1, 1, 1, 1], rng.normal(size=(7, 6))
    axes = principal_axes(items, rng.integers(0, 40, 50))
    np.testing.assert_allclose((users @ axes.basis) @ (items @ axes.basis).T, users @ items.T, atol=1e-9)
    assert (np.diff(axes.share) <= 0).all() and axes.share.sum() == pytest.approx(1)


def test_neighbours_point_the_same_way():
    factors = np.array([[1.0, 0], [2.0, 0.1], [0, 1.0], [-1.0, 0]])
    found = neighbours(factors, 0, 3)
    assert found["item"].tolist() == [1, 2, 3]
    assert found["cosine"].iloc[-1] == pytest.approx(-1) and found["distance"].iloc[1] == pytest.approx(2**0.5)
    assert neighbours(factors, 0, 3, np.array([True, False, True, True]))["item"].tolist() == [2, 3]


def test_what_a_bias_says_beyond_the_mean_is_what_a_line_leaves_over():
    effect = np.array([-0.5, 0.0, 0.5, 0.2])
    bias = np.array([-0.5, 0.0, 0.5, 0.9], np.float32)
    model = FactorModel(np.zeros((1, 2)), np.zeros((4, 2)), np.zeros(1), bias)
    found = loved(model, np.array([9, 9, 9, 9]), effect, 5)
    assert found["item"].iloc[0] == 3 and found.sort_values("beyond")["item"].iloc[-1] == 3
    assert found["beyond"].sum() == pytest.approx(0, abs=1e-9)
    assert loved(model, np.array([9, 1, 9, 9]), effect, 5)["item"].tolist() == [3, 2, 0]


def test_an_axis_means_its_ends_and_the_genres_there():
    places = np.arange(20.0)
    genres = np.array(["Drama"] * 10 + ["Drama|War"] * 10)
    found = meaning(places, genres, np.full(20, 9), 5, ends=2)
    assert found.low.tolist() == [0, 1] and found.high.tolist() == [19, 18]
    assert found.genres["genre"].tolist()[-1] == "War" and found.genres["pull"].iloc[-1] > 0.5
    assert genre_table(genres).sum().to_dict() == {"Drama": 20, "War": 10}


def test_a_rotated_truth_is_found_and_noise_is_not():
    rng = np.random.default_rng(4)
    truth = rng.normal(size=(300, 3))
    rotated = truth @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    learnt = np.column_stack([rotated, rng.normal(0, 0.2, (300, 5))])
    assert canonical_correlations(learnt, truth) == pytest.approx([1, 1, 1], abs=0.05)
    assert canonical_correlations(rng.normal(size=(300, 8)), truth).mean() < 0.3
    np.testing.assert_allclose(onto_truth(learnt, truth), truth, atol=0.2)
