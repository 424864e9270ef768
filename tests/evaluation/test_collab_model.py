"""A model of ratings in numpy: predictions, fold-in, and why a film is recommended."""

import numpy as np
import pytest

from labcore.errors import UserError
from labcore.evaluation.collab_model import FactorModel, because, crowd, fold_in

USERS, ITEMS, FACTORS = 400, 60, 4


@pytest.fixture
def model() -> FactorModel:
    rng = np.random.default_rng(0)
    return FactorModel(
        rng.normal(0, 0.7, (USERS, FACTORS)).astype(np.float32),
        rng.normal(0, 0.7, (ITEMS, FACTORS)).astype(np.float32),
        rng.normal(0, 0.3, USERS).astype(np.float32),
        rng.normal(0.3, 0.3, ITEMS).astype(np.float32),
        (0.0, 5.5),
    )


def test_scores_are_the_predictions_of_every_pair(model):
    users = np.array([3, 77])
    rows = model.scores(users)
    for row, user in zip(rows, users, strict=True):
        np.testing.assert_allclose(row, model.predict(np.full(ITEMS, user), np.arange(ITEMS)), rtol=1e-5)
        np.testing.assert_allclose(row, model.scores_of(model.user_factors[user], model.user_bias[user]), rtol=1e-5)


def test_scores_of_a_net_are_its_predictions():
    rng = np.random.default_rng(1)
    layers = tuple((rng.normal(size=shape), rng.normal(size=shape[0])) for shape in ((7, 8), (5, 7), (1, 5)))
    net = FactorModel(rng.normal(size=(6, 4)), rng.normal(size=(9, 4)), None, None, (1.0, 5.0), layers)
    row = net.scores(np.array([2]))[0]
    np.testing.assert_allclose(row, net.predict(np.full(9, 2), np.arange(9)), rtol=1e-9)
    with pytest.raises(UserError, match="neural net"):
        crowd(net, 0.5)


def test_nobody_is_the_average_user(model):
    known = crowd(model, 0.5)
    factors, bias = fold_in(model, known, np.array([], int), np.array([]))
    np.testing.assert_allclose(factors, model.user_factors.mean(0), atol=1e-6)
    assert bias == pytest.approx(model.user_bias.mean(), abs=1e-6)


def test_many_ratings_bring_a_known_user_back(model):
    known, user = crowd(model, 0.01), 12
    factors, bias = fold_in(model, known, np.arange(ITEMS), model.scores(np.array([user]))[0])
    np.testing.assert_allclose(factors, model.user_factors[user], atol=0.08)
    assert bias == pytest.approx(model.user_bias[user], abs=0.08)


def test_a_rating_moves_the_prediction_towards_itself(model):
    known, nothing = crowd(model, 0.5), (np.array([], int), np.array([]))
    before = model.scores_of(*fold_in(model, known, *nothing))[7]
    after = [model.scores_of(*fold_in(model, known, np.array([7]), np.array([stars])))[7] for stars in (1.0, 5.0)]
    assert after[0] < before < after[1]
    assert np.isfinite(model.scores_of(*fold_in(model, known, np.array([7]), np.array([5.5])))).all()


def test_the_reason_is_the_rating_whose_absence_costs_most(model):
    known = crowd(model, 0.3)
    items, stars = np.array([1, 2, 3]), np.array([5.0, 1.0, 3.0])
    scores = model.scores_of(*fold_in(model, known, items, stars))
    best = int(np.argmax(scores))
    reason, fall = because(model, known, items, stars, best)
    kept = np.arange(3) != reason
    without = model.scores_of(*fold_in(model, known, items[kept], stars[kept]))
    assert scores[best] - without[best] == pytest.approx(fall) and fall > 0
    assert because(model, known, items[:0], stars[:0], best) is None
