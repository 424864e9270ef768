"""A ratings file of one's own of MovieLens 25M's shape through the whole command line: time and peak memory.

    python benchmarks/bench_collab_large.py [--millions 25] [--kinds parquet csv] [--epochs 2]

A process of its own reads the file, holds out a random fifth, trains, measures against the averages, keeps factors and
who rated what, and names ten items for one user. The bound on memory is what a laptop with 8 GB can spare.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from bench_collab import planted

from labcore.training.collab_presets import PRESETS

USERS, ITEMS = 162_000, 59_000
BOUND_GB = 6.0
REPOSITORY = Path(__file__).resolve().parent.parent


def write(folder: Path, kind: str, ratings: int) -> Path:
    """The planted table as a file."""
    path = folder / f"ratings.{kind}"
    table = planted(USERS, ITEMS, ratings).astype({"user": "int32", "item": "int32"})
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    if kind == "parquet":
        pa.parquet.write_table(arrow, path)
    else:
        pa.csv.write_csv(arrow, path)
    return path


def lab(*arguments: str, home: Path) -> tuple[str, float]:
    """Standard output of a command line, and its wall time in seconds."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "labcore", *arguments], cwd=REPOSITORY, env=os.environ | {"LAB_HOME": str(home)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout, time.perf_counter() - began


def measure(kind: str, ratings: int, epochs: int) -> None:
    """Print what one file costs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch) / "data", Path(scratch) / "lab"
        folder.mkdir()
        file = write(folder, kind, ratings)
        asked = {"dataset.name": "own", "dataset.root": str(folder)} | PRESETS["large"] | {"epochs": epochs}
        settings = [part for name, value in asked.items() for part in ("--set", f"{name}={value}")]
        printed, seconds = lab("run", "collab", "--json", *settings, home=home)
        run = json.loads(printed.splitlines()[-1])
        told = run["metrics"]
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        listed, taken = lab("predict", run["run"], "--user", "7", "--top", "10", home=home)
        kept = sum(path.stat().st_size for path in (home / "runs").rglob("*") if path.is_file())
        print(
            f"{kind}, {ratings / 1e6:g} million ratings ({file.stat().st_size / 1e6:.0f} MB), {epochs} epochs: "
            f"{seconds:.0f} s in all, of which {told['train_seconds']:.0f} s training; peak {peak:.1f} GB "
            f"(bound {BOUND_GB:g}); valid MSE {told['valid_mse']:.3f} (means {told['baseline_means_mse']:.3f}); "
            f"kept {kept / 1e6:.0f} MB; ten items for a user in {taken:.1f} s ({len(listed.splitlines())} named)"
        )
        print(f"ratio of the bound to the peak: {BOUND_GB / peak:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, default=25)
    parser.add_argument("--kinds", nargs="+", default=["parquet", "csv"], choices=["parquet", "csv"])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(args.one, int(args.millions * 1e6), args.epochs)
        return
    for kind in args.kinds:  # each in a process of its own: the peak of children is the highest of all
        command = [sys.executable, __file__, "--one", kind, "--millions", f"{args.millions}", "--epochs"]
        subprocess.run([*command, str(args.epochs)], check=True)


if __name__ == "__main__":
    main()
