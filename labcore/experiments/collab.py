"""Collaborative filtering: learn factors and biases from a table of ratings, beside what simple methods reach."""

import time
from typing import Any

import numpy as np
import torch

from labcore.data import block, splits
from labcore.data.items import Items
from labcore.data.splits import Split
from labcore.errors import UserError
from labcore.evaluation import collab as judge
from labcore.evaluation.collab_map import canonical_correlations
from labcore.evaluation.collab_model import FactorModel
from labcore.experiments import telling
from labcore.models.collab import CollabNN, DotProduct, Shape, Trainable
from labcore.runs.job import Job
from labcore.runs.rated import sorted_by_user
from labcore.specs import CollabSpec
from labcore.training.precision import resolve, resolve_device
from labcore.training.ratings_loop import CHUNK, Ratings, fit, mse

KEPT_RATINGS = 2_000_000
"""Tables up to this size are kept as they are, with what was held out; larger ones sorted by user, so that a list can
leave out what a person has rated without reading everybody's ratings."""
PATIENT_STEPS = 200_000
"""From so many steps on, batches are too small for the table: a step of a large model takes some ten milliseconds."""
SLOW_BASELINES = 3_000_000
"""Above so many ratings SVD and ALS would take longer than the model itself; the averages stay."""
RANKED_USERS, RANKED_USERS_NN = 1_000, 150
"""Users whose ranking is judged; a neural net has to look at every pair of user and item."""
TRUE_CORRELATIONS = 5


def run(spec: CollabSpec, job: Job) -> dict[str, Any]:
    """Train one model of ratings.

    Returns:
        ``valid_mse``, ``valid_rmse``, ``valid_mae``, ``train_mse``; ``best_valid_mse`` and ``best_epoch`` on the way;
        ``baseline_global_mse``, ``baseline_means_mse`` and, where asked for, ``baseline_svd_mse`` and
        ``baseline_als_mse``; ``ndcg_at_10``, ``recall_at_10`` and the same of ``popular_``; ``train_seconds``,
        ``ratings_per_second``; for ``ratings`` also ``truth_mse`` (no model can go below) and
        ``truth_correlation`` (mean canonical correlation with the true factors).

    Raises:
        UserError: the data hold no ratings, or do not fit the range or the split.
    """
    device = resolve_device(spec.device)
    telling.describe(job, resolve("fp32", device))
    items = block.load(spec.dataset, 1, progress=job.progress)
    if items.task != "ratings":
        raise UserError(
            f"{items.name} has {items.task.replace('_', ' ')} targets, not ratings. "
            "Choose ratings, movielens_100k, movielens_latest_small, or your own table of user, item and rating."
        )
    if spec.dataset.name == "own":
        for note in block.index_of(spec.dataset).notes:  # which columns were taken for what
            job.note(note)
    split = hold_out(items, spec)
    telling.say(items, split, job)
    table = items.table
    columns = [table[name].to_numpy() for name in ("user", "movie", "rating")]
    sizes = len(items.extra["users"]), len(items.extra["movies"])
    train, valid = (judge.Table(*(column[rows] for column in columns), *sizes) for rows in (split.train, split.valid))
    y_range = range_of(spec, columns[2])
    unseen = tell_of_strangers(train, valid, job)
    steps = spec.epochs * -(-len(train) // spec.batch_size)
    if steps > PATIENT_STEPS:
        job.note(f"{steps:,} steps will take long: larger batches (the preset for millions) see as much in fewer.")

    model = build(spec, Shape(*sizes, spec.factors), y_range, device)
    on_device = [Ratings.of(one.users, one.items, one.ratings, device) for one in (train, valid)]
    found = fit(
        model, *on_device, job, epochs=spec.epochs, lr=spec.lr, batch_size=spec.batch_size,
        weight_decay=spec.weight_decay, seed=spec.seed,
    )  # fmt: skip

    job.progress(1, 1, "measuring")
    arrays = model.arrays() | ({"y_range": np.asarray(y_range)} if y_range else {})
    learnt = FactorModel.of(arrays)
    predicted = predict(learnt, valid)
    measured = judge.errors(predicted, valid.ratings)
    began = time.perf_counter()
    baselines, simple = _baselines(spec, train, valid, job)
    metrics = {f"valid_{name}": value for name, value in measured.items()} | {
        "train_mse": mse(model, on_device[0]),
        "best_valid_mse": found.best_mse,
        "best_epoch": found.best_epoch,
        "epochs": spec.epochs,
        "unseen_share": unseen,
        "train_seconds": found.seconds,
        "ratings_per_second": spec.epochs * len(train) / found.seconds,
    }
    metrics |= baselines | {"baseline_seconds": time.perf_counter() - began}
    metrics |= _ranking(spec, learnt, train, valid)
    metrics |= _truth(items, learnt, split)

    about = {name: items.extra[name] for name in ("users", "movies", "titles", "genres", "years")}
    truth = {name: items.extra[name] for name in ("true_film_factors", "factor_names") if name in items.extra}
    counts = {"item_counts": np.bincount(train.items, minlength=sizes[1]).astype(np.int32)}
    effects = {"item_means": simple.item.astype(np.float32), "overall": np.asarray([simple.overall])}
    job.save("factors", arrays | about | truth | counts | effects)
    if len(table) <= KEPT_RATINGS:
        taught = np.zeros(len(table), bool)
        taught[split.train] = True
        job.save("ratings", dict(zip(("user", "movie", "rating"), columns, strict=True)) | {"taught": taught})
    else:
        for name, part in sorted_by_user(*columns, sizes[0]).items():
            job.save(name, part)
    return metrics


def hold_out(items: Items, spec: CollabSpec) -> Split:
    """The split that ``held_out`` names.

    Raises:
        UserError: a split by time without times, or nobody with two ratings.
    """
    if spec.held_out == "random":
        return block.split(items, spec.dataset)
    if "timestamp" not in items.table:
        raise UserError(f"{items.name} has no column timestamp to split by. Hold out a random share instead.")
    n = len(items)
    # Equal times stand in the order of the split's seed: files are sorted by user, and that must not decide.
    newest = np.lexsort((splits.order(n, spec.dataset.split_seed), items.table["timestamp"].to_numpy()))
    if spec.held_out == "by_time":
        held = newest[n - max(1, int(n * spec.dataset.valid_pct)) :]
        how = f"The newest {len(held) / n:.0%} of {n:,} ratings are held out."
    else:
        users = items.table["user"].to_numpy()
        ordered = users[newest]
        _, from_behind = np.unique(ordered[::-1], return_index=True)
        held = newest[n - 1 - from_behind]
        held = held[np.bincount(users)[users[held]] > 1]
        how = "The last rating of every user with at least two is held out."
    if not 0 < len(held) < n:
        raise UserError("Nobody has two ratings, so no last one can be held out. Hold out a random share instead.")
    flags = np.zeros(n, bool)
    flags[held] = True
    return Split(np.flatnonzero(~flags), np.flatnonzero(flags), how)


def range_of(spec: CollabSpec, ratings: np.ndarray) -> tuple[float, float] | None:
    """The range of the sigmoid; None for the plain dot product.

    Raises:
        UserError: ratings lie outside the range that was asked for.
    """
    if spec.model == "dot":
        return None
    low, high = float(ratings.min()), float(ratings.max())
    if spec.y_range is None:
        # A sigmoid never reaches its ends: fastai's (0, 5.5) for 1 to 5 is wider for the same reason.
        edge = (high - low) / 8 or 0.5
        return low - edge, high + edge
    if low < spec.y_range[0] or high > spec.y_range[1]:
        outside = int(((ratings < spec.y_range[0]) | (ratings > spec.y_range[1])).sum())
        raise UserError(
            f"{outside:,} ratings lie outside y_range ({spec.y_range[0]:g}, {spec.y_range[1]:g}); they go from {low:g} "
            f"to {high:g}. Widen y_range."
        )
    return spec.y_range


def tell_of_strangers(train: judge.Table, valid: judge.Table, job: Job) -> float:
    """Note how many valid ratings are of users or items never taught; return their share."""
    users = np.bincount(train.users, minlength=train.n_users)[valid.users] == 0
    items = np.bincount(train.items, minlength=train.n_items)[valid.items] == 0
    strange = int((users | items).sum())
    if strange:
        job.note(
            f"{strange:,} of {len(valid):,} valid ratings are of an item or a user that training never saw: "
            "for those the model knows the other side alone."
        )
    return strange / max(1, len(valid))


def build(spec: CollabSpec, shape: Shape, y_range: tuple[float, float] | None, device: torch.device) -> Trainable:
    """The model that ``spec.model`` names."""
    if spec.model == "nn":
        return CollabNN(shape, spec.hidden, y_range, seed=spec.seed, device=device)
    return DotProduct(shape, bias=spec.model == "dot_bias", y_range=y_range, seed=spec.seed, device=device)


def predict(model: FactorModel, table: judge.Table) -> np.ndarray:
    """Predictions for a whole table, in parts that fit into memory."""
    parts = [
        model.predict(table.users[start : start + CHUNK], table.items[start : start + CHUNK])
        for start in range(0, len(table), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _baselines(
    spec: CollabSpec, train: judge.Table, valid: judge.Table, job: Job
) -> tuple[dict[str, float], judge.Means]:
    simple = judge.means(train)

    def of(predicted: np.ndarray) -> float:
        return judge.errors(predicted, valid.ratings)["mse"]

    found = {
        "baseline_global_mse": of(np.full(len(valid), simple.overall)),
        "baseline_means_mse": of(simple(valid.users, valid.items)),
    }
    if spec.baselines == "means":
        return found, simple
    if len(train) > SLOW_BASELINES:
        job.note(f"SVD and ALS are left out above {SLOW_BASELINES:,} ratings: they would take longer than the model.")
        return found, simple
    job.progress(1, 1, "truncated SVD")
    job.stop_here()
    tried = {width: of(one(valid.users, valid.items)) for width, one in judge.svd(train, simple).items()}
    width = min(tried, key=tried.get)
    job.progress(1, 1, "alternating least squares")
    other = judge.als(train, simple, between=job.stop_here)
    return found | {
        "baseline_svd_mse": tried[width],
        "baseline_svd_factors": width,
        "baseline_als_mse": of(other(valid.users, valid.items)),
    }, simple


def _ranking(spec: CollabSpec, model: FactorModel, train: judge.Table, valid: judge.Table) -> dict[str, float]:
    low, high = float(train.ratings.min()), float(train.ratings.max())
    liked_from = low + judge.LIKED * (high - low)
    users = judge.judged_users(valid, liked_from, RANKED_USERS if model.bilinear else RANKED_USERS_NN)
    fame = np.bincount(train.items, minlength=train.n_items)
    mine = judge.ranking(model.scores, train, valid, liked_from, users)
    popular = judge.ranking(lambda some: np.tile(fame, (len(some), 1)), train, valid, liked_from, users)
    if not mine.users:
        return {}
    return {
        "ndcg_at_10": mine.ndcg,
        "recall_at_10": mine.recall,
        "popular_ndcg_at_10": popular.ndcg,
        "popular_recall_at_10": popular.recall,
        "ranked_users": mine.users,
    }


def _truth(items: Items, model: FactorModel, split: Split) -> dict[str, float]:
    if "true_film_factors" not in items.extra:
        return {}
    extra, part = items.extra, items.table.iloc[split.valid]
    user, movie = part["user"].to_numpy(), part["movie"].to_numpy()
    stars = extra["true_mean"] + extra["true_user_bias"][user] + extra["true_film_bias"][movie]
    stars = stars + np.einsum("nf,nf->n", extra["true_user_factors"][user], extra["true_film_factors"][movie])
    ratings = part["rating"].to_numpy()
    found = canonical_correlations(model.item_factors, extra["true_film_factors"])
    return {
        "truth_mse": judge.errors(np.clip(stars, ratings.min(), ratings.max()), ratings)["mse"],
        "truth_correlation": float(np.mean(found[:TRUE_CORRELATIONS])),
    }
