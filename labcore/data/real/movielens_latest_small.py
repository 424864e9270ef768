"""MovieLens latest, small: 610 users, 9,700 films, half stars. Harper and Konstan, The MovieLens Datasets, 2015."""

from pathlib import Path

from labcore.data.items import Task
from labcore.data.labels import Index, read_table
from labcore.data.real import ratings_table
from labcore.errors import UserError


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index ``ratings.csv`` with titles and genres from ``movies.csv``.

    Raises:
        UserError: a file or a column is missing.
    """
    table = read_table(root / "ratings.csv").rename(columns={"userId": "user", "movieId": "movie"})
    _need(table, ("user", "movie", "rating"), "ratings.csv", "userId, movieId and rating")
    films = None
    if (root / "movies.csv").exists():
        films = read_table(root / "movies.csv").rename(columns={"movieId": "movie"})
        _need(films, ("movie", "title"), "movies.csv", "movieId and title")
    return ratings_table.make_index("movielens_latest_small", root, "ratings.csv", table, films)


def _need(table, wanted: tuple[str, ...], file: str, names: str) -> None:
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise UserError(f"{file} has no column for {missing[0]}. It needs {names}.")
