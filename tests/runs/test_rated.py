"""Who rated what: the same answer from a small table's file and from a large one's, which stays on the disk."""

import numpy as np
import pytest

from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.rated import rated, sorted_by_user
from labcore.runs.store import open_store

USERS = np.array([3, 0, 3, 1, 0, 3])
ITEMS = np.array([5, 2, 0, 9, 7, 4])
STARS = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.5], np.float32)


def kept(large: bool) -> str:
    store = open_store()
    run, _ = store.add(key=f"large {large}", experiment="collab", spec={})
    with Job(store, Artifacts(), store.get(run)) as job:
        if large:
            for name, part in sorted_by_user(USERS, ITEMS, STARS, 5).items():
                job.save(name, part)
        else:
            job.save("ratings", {"user": USERS, "movie": ITEMS, "rating": STARS})
    return run


@pytest.mark.parametrize("large", [True, False])
def test_each_user_gets_their_own(home, large):
    found = rated(kept(large), 5)
    for user in range(5):
        items, stars = found.of(user)
        assert items.tolist() == ITEMS[user == USERS].tolist()
        assert stars.tolist() == STARS[user == USERS].tolist()
    assert isinstance(found.items, np.memmap) == large


def test_a_run_without_ratings_says_so(home):
    store = open_store()
    run, _ = store.add(key="none", experiment="collab", spec={})
    assert rated(run, 5) is None
