"""MovieLens 100k: 943 users, 1,682 films, whole stars. Harper and Konstan, The MovieLens Datasets, 2015."""

from pathlib import Path

import pandas as pd

from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.data.real import ratings_table
from labcore.errors import UserError

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""In the order of the flags at the end of each line of ``u.item``."""


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index ``u.data`` (user, film, rating, time, parted by tabs) with titles and genres from ``u.item`` (latin-1).

    Raises:
        UserError: ``u.data`` is missing or damaged.
    """
    try:
        table = pd.read_csv(root / "u.data", sep="\t", names=["user", "movie", "rating", "timestamp"])
    except FileNotFoundError:
        raise UserError(f"{root} has no u.data. Point dataset.root to the folder ml-100k.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{root / 'u.data'} cannot be read: {error}.") from None
    return ratings_table.make_index("movielens_100k", root, "u.data", table, read_films(root / "u.item"))


def read_films(path: Path) -> pd.DataFrame | None:
    """Films of ``u.item``: ``movie``, ``title``, ``genres``; None if the file is absent.

    Raises:
        UserError: a line does not have the five fields and a flag per genre.
    """
    if not path.exists():
        return None
    rows = []
    for number, line in enumerate(path.read_text("latin-1").splitlines(), 1):
        parts = line.split("|")
        if not line.strip():
            continue
        if len(parts) != 5 + len(GENRES) or not parts[0].isdigit():
            raise UserError(f"Line {number} of {path} does not have {5 + len(GENRES)} fields. Download the set again.")
        genres = "|".join(genre for genre, flag in zip(GENRES, parts[5:], strict=True) if flag == "1")
        rows.append((int(parts[0]), parts[1], genres))
    return pd.DataFrame(rows, columns=["movie", "title", "genres"])
