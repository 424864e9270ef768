"""Ratings at MovieLens-100k's shape: our loop against fastai's ``collab_learner``, same model, epochs and batch size.

    python benchmarks/bench_collab.py [--fastai-python PATH] [--repeats 3] [--millions 25] [--ratings ratings.csv]

fastai is given ``dl_type=TabDataLoader``: its default draws rows with replacement, sees 63 % of them per epoch and is
no fair anchor. Both train on the very same split; only the fit is timed, never imports. Without a ratings file the
table is planted: 943 users, 1,682 items, 100,000 ratings from 1 to 5. ``--millions`` also measures one epoch of a
large table and the process's peak memory; fold-in and ranking of 10,000 items are always measured.
"""

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from no_job import NoJob

from labcore.data import splits
from labcore.evaluation.collab_model import FactorModel, crowd, fold_in
from labcore.models.collab import DotProduct, Shape
from labcore.training.collab_presets import PRESETS
from labcore.training.ratings_loop import Ratings, fit

USERS, ITEMS, RATINGS, FACTORS = 943, 1682, 100_000, 50
Y_RANGE = (0.0, 5.5)
WANTED, WANTED_FAST, WITHIN = 20.0, 100.0, 1.02
FASTAI = """
import sys, time, torch, pandas as pd
from fastai.collab import *
from fastai.tabular.all import *
file, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
table = pd.read_csv(file)
held = table.index[table.pop("valid")].tolist()
cats = ["user", "item"]
to = TabularCollab(table, [Categorify], cats, y_names=["rating"], y_block=TransformBlock(),
                   splits=IndexSplitter(held)(range_of(table)))
dls = to.dataloaders(bs=64, dl_type=TabDataLoader)
learn = collab_learner(dls, n_factors=50, y_range=(0, 5.5))
with learn.no_bar(), learn.no_logging():
    learn.model.eval(); learn.model(dls.one_batch()[0]); learn.model.train()
    began = time.perf_counter()
    learn.fit_one_cycle(5, 5e-3, wd=0.1)
    seconds = time.perf_counter() - began
print("RESULT", seconds, float(learn.recorder.values[-1][1]))
"""


def planted(users: int, items: int, ratings: int, seed: int = 0) -> pd.DataFrame:
    """Ratings with effects, ten tastes and noise, of MovieLens 100k's spread; popular items are rated more."""
    rng = np.random.default_rng(seed)
    fame = rng.exponential(1.0, items) ** 1.5
    u = rng.integers(0, users, ratings)
    i = rng.choice(items, ratings, p=fame / fame.sum())
    tastes = rng.normal(0, 0.42, (users, 10)).astype(np.float32), rng.normal(0, 0.42, (items, 10)).astype(np.float32)
    stars = 3.5 + rng.normal(0, 0.42, users)[u] + rng.normal(0, 0.5, items)[i] + rng.normal(0, 0.85, ratings)
    for k in range(10):
        stars += tastes[0][u, k] * tastes[1][i, k]
    return pd.DataFrame({"user": u, "item": i, "rating": np.clip(np.rint(stars), 1, 5).astype(np.float32)})


def ours(table: pd.DataFrame, held: np.ndarray, preset: str) -> tuple[float, float]:
    """Seconds of a fit and its valid MSE."""
    shape = Shape(int(table["user"].max()) + 1, int(table["item"].max()) + 1, FACTORS)
    columns = [table[name].to_numpy() for name in ("user", "item", "rating")]
    cpu = torch.device("cpu")
    train, valid = (Ratings.of(*(column[rows] for column in columns), cpu) for rows in (~held, held))
    model = DotProduct(shape, y_range=Y_RANGE)
    began = time.perf_counter()
    found = fit(model, train, valid, NoJob(), **PRESETS[preset])
    return time.perf_counter() - began, found.valid_mse


def theirs(table: pd.DataFrame, held: np.ndarray, python: str, threads: int) -> tuple[float, float]:
    """Seconds of fastai's fit and its valid MSE."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratings.csv"
        table.assign(valid=held).to_csv(file, index=False)
        command = [python, "-c", FASTAI, str(file), str(threads)]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds, mse = printed.rpartition("RESULT")[2].split()
    return float(seconds), float(mse)


def measure_fold_in(items: int = 10_000, rated: int = 10, repeats: int = 50) -> float:
    """Median milliseconds from a handful of ratings to a score for every item."""
    rng = np.random.default_rng(0)
    shapes = [(600, FACTORS), (items, FACTORS), (600,), (items,)]
    model = FactorModel(*(rng.normal(0, 0.3, shape).astype(np.float32) for shape in shapes), Y_RANGE)
    known = crowd(model, 0.75)
    codes, stars = rng.integers(0, items, rated), rng.integers(1, 6, rated).astype(float)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        model.scores_of(*fold_in(model, known, codes, stars))
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def measure_millions(millions: float) -> None:
    """One epoch of a table of MovieLens 25M's shape in large batches."""
    table = planted(162_000, 59_000, int(millions * 1e6))
    held = np.random.default_rng(1).random(len(table)) < 0.05
    columns = [table.pop(name).to_numpy() for name in ("user", "item", "rating")]
    train, valid = (Ratings.of(*(column[rows] for column in columns), "cpu") for rows in (~held, held))
    del table, columns
    model = DotProduct(Shape(162_000, 59_000, FACTORS), y_range=Y_RANGE)
    found = fit(model, train, valid, NoJob(), **(PRESETS["large"] | {"epochs": 1}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{millions:g} million ratings, 1 epoch: {found.seconds:.0f} s, MSE {found.valid_mse:.3f}, peak {peak:.1f} GB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fastai-python", default="")
    parser.add_argument("--ratings", type=Path, help="a CSV whose first three columns are user, item and rating")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--millions", type=float, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    table = planted(USERS, ITEMS, RATINGS)
    if args.ratings:
        table = pd.read_csv(args.ratings).iloc[:, :3].set_axis(["user", "item", "rating"], axis=1)
        for name in ("user", "item"):
            table[name] = pd.factorize(table[name])[0]
    held = np.zeros(len(table), bool)
    held[splits.random(len(table)).valid] = True
    contenders = {name: lambda name=name: ours(table, held, name) for name in ("notes", "fast")}
    if args.fastai_python:
        contenders["fastai"] = lambda: theirs(table, held, args.fastai_python, args.threads)
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    ours(table[:5000], held[:5000], "fast")  # loads what torch loads on a first step; fastai steps before its fit too
    for _ in range(args.repeats):
        for name, run in contenders.items():
            results[name].append(run())
    median = {name: tuple(map(statistics.median, zip(*found, strict=True))) for name, found in results.items()}
    for name, (seconds, mse) in median.items():
        print(f"{name:<8} {seconds:8.2f} s  valid MSE {mse:.4f}")
    if args.fastai_python:
        anchor, mse = median["fastai"]
        print(f"ratio, same plan: {anchor / median['notes'][0]:.1f} (wanted >= {WANTED:g}); "
              f"MSE {median['notes'][1] / mse:.3f} of fastai's")  # fmt: skip
        print(f"ratio, fast preset: {anchor / median['fast'][0]:.0f} (wanted >= {WANTED_FAST:g}); "
              f"MSE {median['fast'][1] / mse:.3f} of fastai's (wanted <= {WITHIN:g})")  # fmt: skip
    print(f"fold-in and scores of 10,000 items: {measure_fold_in():.2f} ms (wanted <= 5)")
    if args.millions:
        measure_millions(args.millions)


if __name__ == "__main__":
    main()
