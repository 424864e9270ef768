"""How good predicted ratings are, and what simple methods reach on the same table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
TOP = 10
LIKED = 0.75
"""A rating from this share of the scale upwards counts as liked: 4 of 1 to 5."""
MEAN_SHRINK = 5.0
"""A mean of few ratings is drawn towards the overall mean as if by this many average ones."""
SVD_FACTORS = (2, 5, 10, 20, 50)
"""Widths tried for truncated SVD; the best on valid is named, which flatters it."""
ALS_FACTORS, ALS_SWEEPS, ALS_PULL = 10, 8, 15.0
"""Alternating least squares: ten factors and a firm pull are best on tables of 36,000 and 100,000 ratings."""


@dataclass(frozen=True)
class Table:
    """Ratings by codes: [N] ``users``, ``items`` and ``ratings``, and how many of either there are."""

    users: Ints
    items: Ints
    ratings: Floats
    n_users: int
    n_items: int

    def __len__(self) -> int:
        return len(self.ratings)


Predict = Callable[[Ints, Ints], Floats]


def errors(predicted: Floats, ratings: Floats) -> dict[str, float]:
    """``mse``, ``rmse`` and ``mae`` in stars."""
    off = np.asarray(predicted, float) - ratings
    mse = float(np.mean(off**2)) if len(off) else float("nan")
    return {"mse": mse, "rmse": mse**0.5, "mae": float(np.mean(np.abs(off))) if len(off) else float("nan")}


@dataclass(frozen=True)
class Means:
    """Overall mean and the effect of each user and item, shrunk where ratings are few."""

    overall: float
    user: Floats
    item: Floats

    def __call__(self, users: Ints, items: Ints) -> Floats:
        return self.overall + self.user[users] + self.item[items]


def means(train: Table) -> Means:
    """User and item means: items first, then what is left by user (Koren 2008, section 2.1)."""
    overall = float(train.ratings.mean(dtype=np.float64))
    left = train.ratings - overall
    item = np.bincount(train.items, left, train.n_items) / (
        np.bincount(train.items, minlength=train.n_items) + MEAN_SHRINK
    )
    left = left - item[train.items]
    user = np.bincount(train.users, left, train.n_users) / (
        np.bincount(train.users, minlength=train.n_users) + MEAN_SHRINK
    )
    return Means(overall, user, item)


def svd(train: Table, base: Means, widths: Sequence[int] = SVD_FACTORS, seed: int = 0) -> dict[int, Predict]:
    """Truncated SVD (ARPACK by way of scipy) of what the means leave over; a film not rated counts as average.

    The best approximation of width k holds that of every smaller width, so one factorisation answers for all of them.

    Args:
        widths: how many factors to keep; what the table is too small for is cut.

    Returns:
        A prediction by width.
    """
    left = train.ratings - base(train.users, train.items)
    matrix = scipy.sparse.csr_matrix((left.astype(float), (train.users, train.items)), (train.n_users, train.n_items))
    most = min(max(widths), min(matrix.shape) - 1)
    if most < 1 or not matrix.count_nonzero():
        return dict.fromkeys(widths, base)
    start = np.random.default_rng(seed).normal(size=min(matrix.shape))
    u, strengths, v = scipy.sparse.linalg.svds(matrix, most, v0=start)
    order = np.argsort(-strengths)
    user_factors, item_factors = u[:, order] * strengths[order], v[order].T

    def of_width(width: int) -> Predict:
        def predict(users: Ints, items: Ints) -> Floats:
            dots = np.einsum("nf,nf->n", user_factors[users, :width], item_factors[items, :width])
            return base(users, items) + dots

        return predict

    return {width: of_width(width) for width in widths}


def als(
    train: Table,
    base: Means,
    factors: int = ALS_FACTORS,
    sweeps: int = ALS_SWEEPS,
    pull: float = ALS_PULL,
    seed: int = 0,
    between: Callable[[], None] | None = None,
) -> Predict:
    """Alternating least squares on what the means leave over (Zhou et al. 2008, with a constant pull).

    Each half sweep solves one small ridge regression per user, or per item: the same closed form as a fold-in.

    Args:
        between: called after every half sweep; what it raises ends the work.
    """
    left = (train.ratings - base(train.users, train.items)).astype(float)
    rng = np.random.default_rng(seed)
    users, items = np.zeros((train.n_users, factors)), rng.normal(0, 0.1, (train.n_items, factors))
    by_user, by_item = _grouped(train.users, train.n_users), _grouped(train.items, train.n_items)
    for _ in range(sweeps):
        for mine, theirs, (order, starts), other in (
            (users, items, by_user, train.items),
            (items, users, by_item, train.users),
        ):
            _solve_all(mine, theirs, order, starts, other, left, pull)
            if between is not None:
                between()

    def predict(asked_users: Ints, asked_items: Ints) -> Floats:
        return base(asked_users, asked_items) + np.einsum("nf,nf->n", users[asked_users], items[asked_items])

    return predict


def _grouped(codes: Ints, count: int) -> tuple[Ints, Ints]:
    return np.argsort(codes, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=count))])


def _solve_all(mine: Floats, theirs: Floats, order: Ints, starts: Ints, other: Ints, left: Floats, pull: float) -> None:
    rows = theirs[other[order]]
    targets = left[order]
    width = rows.shape[1]
    owner = np.repeat(np.arange(len(mine)), np.diff(starts))
    grams = np.zeros((len(mine), width, width))
    rights = np.zeros((len(mine), width))
    some = np.flatnonzero(np.diff(starts))
    # Sums over each owner's rows, one factor at a time: no loop over people, and no [N, F, F] in memory.
    for f in range(width):
        grams[some, f] = np.add.reduceat(rows * rows[:, f : f + 1], starts[some], axis=0)
    rights[some] = np.add.reduceat(rows * targets[:, None], starts[some], axis=0)
    grams += pull * np.eye(width)
    mine[:] = np.linalg.solve(grams, rights[:, :, None])[:, :, 0]
    mine[np.bincount(owner, minlength=len(mine)) == 0] = 0


@dataclass(frozen=True)
class Ranking:
    """How well the best ten of a list hold what people liked.

    Attributes:
        ndcg: mean NDCG@10 over the users judged.
        recall: mean share of a user's liked valid items that is among the ten (of at most ten).
        users: how many were judged: those with a liked valid item.
    """

    ndcg: float
    recall: float
    users: int


def judged_users(valid: Table, liked_from: float, most: int) -> Ints:
    """The users to judge a ranking by: those with a liked valid item, evenly picked where there are more."""
    found = np.unique(valid.users[valid.ratings >= liked_from])
    if len(found) <= most:
        return found
    return found[np.linspace(0, len(found) - 1, most).astype(int)]


def ranking(
    scores: Callable[[Ints], Floats], train: Table, valid: Table, liked_from: float, users: Ints, top: int = TOP
) -> Ranking:
    """Rank every item a user has not rated in training; the liked valid ones should stand first.

    Args:
        scores: [N] user codes to [N, n_items] scores.
        liked_from: valid ratings from here upwards are what should be found.
        users: whom to judge.
    """
    order, starts = _grouped(train.users, train.n_users)
    good = valid.ratings >= liked_from
    liked = Table(valid.users[good], valid.items[good], valid.ratings[good], valid.n_users, valid.n_items)
    liked_order, liked_starts = _grouped(liked.users, liked.n_users)
    discounts = 1 / np.log2(np.arange(2, top + 2))
    gains, recalls = [], []
    for first in range(0, len(users), 256):
        some = users[first : first + 256]
        for user, row in zip(some, np.array(scores(some), float), strict=True):
            row[train.items[order[starts[user] : starts[user + 1]]]] = -np.inf
            wanted = liked.items[liked_order[liked_starts[user] : liked_starts[user + 1]]]
            width = min(top, len(row))
            best = np.argpartition(-row, width - 1)[:width]
            best = best[np.argsort(-row[best], kind="stable")]
            hits = np.isin(best, wanted)
            most = min(width, len(wanted))
            gains.append(float((hits * discounts[:width]).sum() / discounts[:most].sum()))
            recalls.append(hits.sum() / most)
    if not gains:
        return Ranking(float("nan"), float("nan"), 0)
    return Ranking(float(np.mean(gains)), float(np.mean(recalls)), len(gains))
