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
    values = pd.to_numeric(table["rating"], errors="coerce").to_numpy(np.float32, na_value=np.nan)
    kept = np.isfinite(values) & table["user"].notna().to_numpy() & table["movie"].notna().to_numpy()
    if not kept.all():
        left_out.append(
            f"{(~kept).sum():,} rows of {source} lack a user, an item or a number as rating (first: row "
            f"{int(np.argmin(kept)) + 1}); they were left out."
        )
        table, values = table[kept], values[kept]
    user_codes, users = _coded(table["user"])
    movie_codes, movies = _coded(table["movie"])
    twice = _given_anew(user_codes, movie_codes, len(movies))
    if twice is not None:
        left_out.append(f"{twice.sum():,} ratings of {source} were given anew by the same user; the last one counts.")
        table, values, user_codes, movie_codes = (part[~twice] for part in (table, values, user_codes, movie_codes))
    if table.empty:
        raise UserError(f"{source} holds no usable rating. It needs one row per user, item and number.")
    made = pd.DataFrame(
        {
            "item": np.arange(len(table), dtype=np.int32),
            "user": user_codes,
            "movie": movie_codes,
            "rating": values,
        },
        copy=False,
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


def _coded(ids: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Ids as int32 codes and the ids in the order of codes. A gap makes pandas read whole numbers as decimals."""
    if ids.dtype.kind == "f" and (ids % 1 == 0).all():
        ids = ids.astype(np.int64)
    codes, known = pd.factorize(ids, sort=True)
    return codes.astype(np.int32), known.to_numpy()


def _given_anew(users: np.ndarray, movies: np.ndarray, n_movies: int) -> np.ndarray | None:
    """[N] whether a later row rates the same item by the same user; None where none does.

    Looked for by sorting numbers, which for 25 million ratings takes a third of the memory of a hash table.
    """
    pairs = users.astype(np.int64) * n_movies + movies
    ordered = np.sort(pairs)
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    return pd.Series(pairs).duplicated(keep="last").to_numpy()


def _plain(ids: np.ndarray) -> np.ndarray:
    """Ids as a plain array, never of objects, which only pickle could save."""
    return ids.astype(str) if ids.dtype == object else ids
