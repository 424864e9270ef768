"""``ratings``: about 36,000 half-star ratings of 400 invented films by 600 people, from a model that is known.

The model, in stars:

    rating = mean + user bias + film bias + user factors . film factors + noise, clipped to 0.5..5, rounded to halves

with five factors that have a meaning: laughter, thrill, wonder, heart and (old) classics. A film's factors come from
its genres and its year, and a part of its own that no genre explains. A user's factors are their tastes.

Which films a person has rated is not chance either, as in MovieLens (Harper and Konstan, 2015): a few films are seen by
most and many by few, better liked films are seen more, people watch what suits their taste, some rate twenty films
and some hundreds. So the mean of what was rated lies above the mean of the model. Not modelled: tastes or popularity
that change over time, and people who influence one another.

The truth is kept in ``extra()``: whoever learns factors can compare them (up to a rotation) with the ones that were
there, and knows the error that no model can go below.
"""

from functools import cache

import numpy as np
import pandas as pd

from labcore.data.embedded import paint, rating_films

NAME = "ratings"
VERSION = 1
SEED = 5
SIZE = None
TASK = "ratings"
VOID = None
USERS, FILMS = 600, 400
MEAN = 3.05
USER_BIAS_SD, FILM_BIAS_SD, TASTE_SD, NOISE_SD = 0.42, 0.44, 0.55, 0.86
"""In stars. Together they give ratings of sd 1.05 and a mean squared error of 0.64 for the truth itself; biases alone
reach 0.85, fifty factors 0.78 (MovieLens 100k: sd 1.13, and 0.82 with fifty factors)."""
FEWEST, MOST = 20, 260
"""Ratings of one person; MovieLens, too, leaves out people with fewer than 20."""
FACTORS = ("laughter", "thrill", "wonder", "heart", "classic")
LOADINGS = {
    "Action": (0.0, 1.0, 0.1, -0.3, 0.0),
    "Adventure": (0.1, 0.6, 0.5, 0.0, 0.0),
    "Animation": (0.5, -0.2, 0.5, 0.4, 0.0),
    "Comedy": (1.0, -0.2, -0.1, 0.2, 0.0),
    "Crime": (-0.4, 0.6, -0.2, -0.2, 0.1),
    "Documentary": (-0.3, -0.7, -0.3, -0.2, -0.2),
    "Drama": (-0.7, -0.4, -0.2, 0.4, 0.1),
    "Fantasy": (0.0, 0.1, 0.9, 0.2, 0.0),
    "Horror": (-0.3, 0.7, 0.4, -0.8, 0.0),
    "Musical": (0.4, -0.5, 0.1, 0.6, 0.5),
    "Mystery": (-0.3, 0.3, 0.3, -0.2, 0.3),
    "Romance": (0.2, -0.5, -0.1, 1.0, 0.1),
    "Sci-Fi": (-0.1, 0.4, 1.0, -0.3, -0.2),
    "War": (-0.8, 0.5, -0.3, 0.1, 0.4),
    "Western": (0.0, 0.4, -0.3, 0.0, 0.9),
}
"""What a genre brings of each factor."""
OPENED, CLOSED = 1_672_531_200, 1_767_139_200
"""The ratings were given from 2023 to 2025 (Unix seconds), after the youngest film."""


@cache
def _world() -> dict[str, np.ndarray]:
    rng = paint.stream(SEED, VERSION, 0)
    titles, genres, years = rating_films.invent(rng, FILMS)
    loadings = np.array([LOADINGS[genre] for genre in rating_films.GENRES])
    film_factors = genres @ loadings / genres.sum(1, keepdims=True)
    film_factors[:, FACTORS.index("classic")] += (1996 - years) / 30
    film_factors += rng.normal(0, 0.30, film_factors.shape)
    user_factors = rng.normal(0, 1, (USERS, len(FACTORS))) * [1.0, 1.0, 1.0, 1.0, 0.6]
    # Centred on both sides, so that nothing of a bias hides in the product; then brought to its share of stars.
    film_factors -= film_factors.mean(0)
    user_factors -= user_factors.mean(0)
    scale = np.sqrt(TASTE_SD / (user_factors @ film_factors.T).std())
    user_factors, film_factors = user_factors * scale, film_factors * scale
    return {
        "titles": np.array(titles),
        "genres": np.array(["|".join(np.array(rating_films.GENRES)[row]) for row in genres]),
        "years": years,
        "user_factors": user_factors,
        "film_factors": film_factors,
        "user_bias": rng.normal(0, USER_BIAS_SD, USERS),
        "film_bias": rng.normal(0, FILM_BIAS_SD, FILMS),
    }


CLASSES: tuple[str, ...] = tuple(_world()["titles"].tolist())


def plan() -> pd.DataFrame:
    """One row per rating: item (its number), user and movie (int codes), rating (0.5 to 5) and timestamp (Unix s)."""
    world = _world()
    rng = paint.stream(SEED, VERSION, 1)
    taste = world["user_factors"] @ world["film_factors"].T
    fame = 1.1 * rng.normal(0, 1, FILMS) + 0.9 * world["film_bias"] / FILM_BIAS_SD + (world["years"] - 1996) / 40
    counts = np.clip(np.exp(rng.normal(np.log(48), 0.75, USERS)), FEWEST, MOST).astype(int)
    # No film so obscure that nobody here has seen it.
    fame = np.maximum(fame, -1.9)
    # The Gumbel trick: the highest of log-weight plus Gumbel noise are a weighted draw without replacement.
    appeal = fame + 0.9 * taste / TASTE_SD + rng.gumbel(0, 1, (USERS, FILMS))
    order = np.argsort(-appeal, axis=1)
    user = np.repeat(np.arange(USERS), counts)
    movie = np.concatenate([np.sort(order[k, : counts[k]]) for k in range(USERS)])
    stars = MEAN + world["user_bias"][user] + world["film_bias"][movie] + taste[user, movie]
    stars = stars + rng.normal(0, NOISE_SD, len(user))
    rating = np.clip(np.rint(stars * 2) / 2, 0.5, 5.0)
    # Most people rate in a few sittings, one film after the other.
    sittings = rng.integers(OPENED, CLOSED - 86_400, (USERS, 4))
    timestamp = sittings[user, rng.integers(0, 4, len(user)) * (rng.random(len(user)) < 0.4)]
    timestamp = timestamp + rng.integers(0, 5_400, len(user))
    return pd.DataFrame(
        {
            "item": np.arange(len(user)),
            "user": user.astype(np.int32),
            "movie": movie.astype(np.int32),
            "rating": rating.astype(np.float32),
            "timestamp": timestamp.astype(np.int64),
        }
    )


def extra() -> dict[str, np.ndarray]:
    """About the films, and the truth.

    ``users`` and ``movies`` (ids), ``titles``, ``genres`` (parted by ``|``), ``years``; ``true_user_factors`` [600, 5],
    ``true_film_factors`` [400, 5], ``true_user_bias``, ``true_film_bias``, ``true_mean``, ``true_noise_sd`` (all in
    stars, before clipping and rounding) and ``factor_names``.
    """
    world = _world()
    return {
        "users": np.arange(1, USERS + 1),
        "movies": np.arange(1, FILMS + 1),
        "titles": world["titles"],
        "genres": world["genres"],
        "years": world["years"],
        "true_user_factors": world["user_factors"].astype(np.float32),
        "true_film_factors": world["film_factors"].astype(np.float32),
        "true_user_bias": world["user_bias"].astype(np.float32),
        "true_film_bias": world["film_bias"].astype(np.float32),
        "true_mean": np.float32(MEAN),
        "true_noise_sd": np.float32(NOISE_SD),
        "factor_names": np.array(FACTORS),
    }
