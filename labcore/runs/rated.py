"""Who rated what, as a collab run keeps it: one user's ratings are found without reading everybody's.

Small tables are one ``ratings.npz``; large ones are sorted by user into three plain files, of which a lookup on the
same machine touches a few pages only.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labcore.runs.artifacts import Artifacts, decode

TABLE = "ratings.npz"
STARTS, ITEMS, STARS = "rated_starts.npy", "rated_items.npy", "rated_stars.npy"
"""int64 [U + 1] where each user's part begins; int32 [N] item codes and float32 [N] ratings, sorted by user."""


def sorted_by_user(users: npt.NDArray, items: npt.NDArray, stars: npt.NDArray, n_users: int) -> dict[str, npt.NDArray]:
    """A large table as the three files, by their names.

    Args:
        users, items, stars: [N] user codes, item codes, ratings.
        n_users: how many users there are, those without a rating included.
    """
    order = np.argsort(users, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))])
    return {
        STARTS: starts.astype(np.int64),
        ITEMS: items[order].astype(np.int32),
        STARS: stars[order].astype(np.float32),
    }


@dataclass(frozen=True)
class Rated:
    """Ratings sorted by user: ``starts`` [U + 1], ``items`` [N] and ``stars`` [N]."""

    starts: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    stars: npt.NDArray[np.float32]

    def of(self, user: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """One user's item codes and ratings."""
        part = slice(int(self.starts[user]), int(self.starts[user + 1]))
        return np.asarray(self.items[part]), np.asarray(self.stars[part])


def rated(run: str, n_users: int) -> Rated | None:
    """The ratings that a run learnt and was judged by; None for a run that kept none."""
    files = Artifacts()
    if files.exists(run, TABLE):
        table = decode(TABLE, files.read(run, TABLE))
        parts = sorted_by_user(table["user"], table["movie"], table["rating"], n_users)
        return Rated(parts[STARTS], parts[ITEMS], parts[STARS])
    if not files.exists(run, STARTS):
        return None
    return Rated(*(_opened(files, run, name) for name in (STARTS, ITEMS, STARS)))


def _opened(files: Artifacts, run: str, name: str) -> npt.NDArray:
    """An array that stays on the disk where it lies on this one."""
    place = Path(files.place(run, name))
    if place.is_file():
        return np.load(place, mmap_mode="r", allow_pickle=False)
    return decode(name, files.read(run, name))
