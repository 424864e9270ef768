"""Ratings as (user, film, rating) rows, whatever their columns are called: what all rating sets have in common."""

from pathlib import Path

import numpy as np
import pandas as pd

from labcore.data.labels import Index
from labcore.errors import UserError

USER_NAMES = ("user", "userid", "user_id", "uid", "reader", "customer", "customer_id")
MOVIE_NAMES = (
    "movie",
    "movieid",
    "movie_id",
    "item",
    "itemid",
    "item_id",
    "film",
    "title",
    "product",
    "product_id",
    "book",
)
RATING_NAMES = ("rating", "stars", "score")


def columns(table: pd.DataFrame) -> tuple[str, str, str] | None:
    """The (user, item, rating) columns of a table by their names, or None."""
    known = {str(column).lower().replace(" ", "_"): column for column in table.columns}
    found = [
        next((known[name] for name in names if name in known), None)
        for names in (USER_NAMES, MOVIE_NAMES, RATING_NAMES)
    ]
    return tuple(found) if None not in found else None


def make_index(
    name: str,
    root: Path,
    source: str,
    table: pd.DataFrame,
    films: pd.DataFrame | None = None,
) -> Index:
    """The index of a rating table.

    Args:
        name: the set's name.
        root: its folder.
        source: file name, for sentences.
        table: ``user``, ``movie``, ``rating`` and perhaps ``timestamp``.
        films: ``movie``, ``title`` and perhaps ``genres``, ``year``.

    Returns:
        An index whose table has ``item`` (the row's number), ``user`` and ``movie`` (int codes), ``rating`` (float32)
        and ``timestamp`` (int64, where known); ``extra`` has ``users``, ``movies`` (the original ids), ``titles``,
        ``genres`` (parted by ``|``) and ``years`` (0 where unknown), in code order; ``classes`` are the titles.

    Raises:
        UserError: no usable rating is left.
    """
    left_out, notes = [], []
    values = pd.to_numeric(table["rating"], errors="coerce")
    bad = ~np.isfinite(values.to_numpy(float)) | table["user"].isna().to_numpy() | table["movie"].isna().to_numpy()
    if bad.any():
        first = int(np.argmax(bad))
        left_out.append(
            f"{bad.sum():,} rows of {source} lack a user, an item or a number as rating (first: row {first + 1}); "
            "they were left out."
        )
    table = table.assign(rating=values)[~bad]
    twice = table.duplicated(["user", "movie"], keep="last").to_numpy()
    if twice.any():
        left_out.append(f"{twice.sum():,} ratings of {source} were given anew by the same user; the last one counts.")
        table = table[~twice]
    if table.empty:
        raise UserError(f"{source} holds no usable rating. It needs one row per user, item and number.")
    users, user_codes = np.unique(table["user"].to_numpy(), return_inverse=True)
    movies, movie_codes = np.unique(table["movie"].to_numpy(), return_inverse=True)
    made = pd.DataFrame(
        {
            "item": np.arange(len(table)),
            "user": user_codes.astype(np.int32),
            "movie": movie_codes.astype(np.int32),
            "rating": table["rating"].to_numpy(np.float32),
        }
    )
    if "timestamp" in table:
        made["timestamp"] = pd.to_numeric(table["timestamp"], errors="coerce").fillna(0).to_numpy(np.int64)
    titles = np.asarray([str(movie) for movie in movies])
    genres, years = np.full(len(movies), "", dtype="U1"), np.zeros(len(movies), np.int32)
    if films is not None:
        known = films.drop_duplicates("movie").set_index("movie").reindex(movies)
        unnamed = known["title"].isna().to_numpy()
        if unnamed.any():
            notes.append(f"{unnamed.sum():,} rated items have no title; they go by their number.")
        titles = np.where(unnamed, titles, known["title"].fillna("").to_numpy(str))
        if "genres" in known:
            genres = known["genres"].fillna("").to_numpy(str)
        years = pd.Series(titles).str.extract(r"\((\d{4})\)\s*$")[0].fillna("0").to_numpy(str).astype(np.int32)
    extra = {"users": _plain(users), "movies": _plain(movies), "titles": titles, "genres": genres, "years": years}
    return Index(
        name, "ratings", root, tuple(titles.tolist()), made, left_out=tuple(left_out), notes=tuple(notes), extra=extra
    )


def _plain(ids: np.ndarray) -> np.ndarray:
    """Ids as a plain array, never of objects, which only pickle could save."""
    return ids.astype(str) if ids.dtype == object else ids
