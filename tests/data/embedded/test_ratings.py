"""Ratings: shaped like MovieLens, and the model behind them is the one that is kept."""

import numpy as np
import pandas as pd
import pytest

from labcore.data.embedded import build, ratings
from labcore.data.embedded.rating_films import GENRES


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return ratings.plan()


@pytest.fixture(scope="module")
def truth() -> dict[str, np.ndarray]:
    return ratings.extra()


def expected(table: pd.DataFrame, truth: dict[str, np.ndarray], factors: bool) -> np.ndarray:
    user, movie = table["user"].to_numpy(), table["movie"].to_numpy()
    stars = truth["true_mean"] + truth["true_user_bias"][user] + truth["true_film_bias"][movie]
    if factors:
        stars = stars + (truth["true_user_factors"][user] * truth["true_film_factors"][movie]).sum(1)
    return np.clip(stars, 0.5, 5)


def test_shape_is_movielens_like(table):
    assert 30_000 < len(table) < 40_000
    assert table["user"].nunique() == 600 and table["movie"].nunique() == 400
    assert not table.duplicated(["user", "movie"]).any()
    assert table["user"].value_counts().min() >= 20
    assert set(table["rating"].unique()) == set(np.arange(1, 11) / 2)
    seen = table["movie"].value_counts().to_numpy()
    assert seen[:40].sum() / seen.sum() > 0.25 and np.median(seen) < seen[0] / 4
    assert 3.3 < table["rating"].mean() < 3.7 and 0.95 < table["rating"].std() < 1.15


def test_truth_explains_more_than_biases_and_those_more_than_the_mean(table, truth):
    stars = table["rating"].to_numpy()
    whole = ((expected(table, truth, True) - stars) ** 2).mean()
    biases = ((expected(table, truth, False) - stars) ** 2).mean()
    assert whole < 0.85 * biases and biases < 0.9 * stars.var()
    # What is left is the noise, less what clipping to the scale takes away, plus what rounding adds.
    assert whole == pytest.approx(truth["true_noise_sd"] ** 2, rel=0.2)


def test_people_watch_what_suits_them(table, truth):
    taste = truth["true_user_factors"] @ truth["true_film_factors"].T
    assert taste[table["user"], table["movie"]].mean() > 0.3 * taste.std()
    assert abs(taste.mean()) < 0.01


def test_factors_mean_what_they_are_called(truth):
    genres = pd.Series(truth["genres"]).str.get_dummies("|")
    factors = dict(zip(truth["factor_names"], truth["true_film_factors"].T, strict=True))
    for name, genre in (("laughter", "Comedy"), ("thrill", "Action"), ("heart", "Romance"), ("wonder", "Sci-Fi")):
        has = genres[genre].to_numpy(bool)
        assert factors[name][has].mean() > factors[name][~has].mean() + 0.5 * factors[name].std()
    assert np.corrcoef(factors["classic"], truth["years"])[0, 1] < -0.7


def test_films_are_four_hundred_different_ones(truth):
    assert len(set(truth["titles"])) == len(truth["titles"]) == 400
    assert all(1 <= row.count("|") + 1 <= 3 for row in truth["genres"])
    assert set("|".join(truth["genres"]).split("|")) <= set(GENRES)
    for title, year in zip(truth["titles"], truth["years"], strict=True):
        assert title.endswith(f" ({year})") and "{" not in title and 1930 <= year <= 2022


def test_ratings_are_given_after_the_film_was_made(table, truth):
    given = pd.to_datetime(table["timestamp"], unit="s").dt.year.to_numpy()
    assert (given > truth["years"][table["movie"]]).all() and given.max() <= 2025


def test_kept_as_tables_and_plain_arrays(tmp_path, table):
    build.make(ratings, tmp_path / "ratings")
    items = build.load(tmp_path / "ratings")
    assert items.task == "ratings" and len(items.classes) == 400
    pd.testing.assert_frame_equal(items.table, table)
    assert items.extra["true_user_factors"].shape == (600, 5)
    assert all(array.dtype != object for array in items.extra.values())
