"""Predictions of a million items through the reader and the sweep on the command line: time and peak memory.

    python benchmarks/bench_thresholds_large.py [--rows 1000000] [--labels 100] [--kinds parquet npz csv]

Each file is read and tuned by a process of its own, whose peak is measured; the bound on memory is what the sandbox of
a lab has left beside its other work.
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

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from labcore.evaluation.thresholds import sigmoid

BOUND_GB = 4.0
REPOSITORY = Path(__file__).resolve().parent.parent


def predictions(rows: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities float32 [N, C] of middling skill and truths [N, C]; labels from rare to frequent."""
    generator = np.random.default_rng(0)
    p, y = np.empty((rows, labels), np.float32), np.empty((rows, labels), np.bool_)
    for column, share in enumerate(np.geomspace(0.002, 0.5, labels)):
        y[:, column] = generator.random(rows) < share
        logit = np.log(share / (1 - share)) + generator.normal(size=rows) + 2.5 * (y[:, column] - share)
        p[:, column] = sigmoid(logit)
    return p, y


def write(folder: Path, kind: str, p: np.ndarray, y: np.ndarray) -> Path:
    """The predictions as a file; a CSV has six decimals."""
    file = folder / f"predictions.{kind}"
    if kind == "npz":
        np.savez(file, probs=p, targets=y)
        return file
    columns = {}
    for k in range(p.shape[1]):
        said = p[:, k] if kind == "parquet" else np.round(p[:, k].astype(np.float64), 6)
        columns |= {f"label{k}_prob": said, f"label{k}_true": y[:, k].astype(np.int8)}
    table = pa.table(columns)
    if kind == "parquet":
        pa.parquet.write_table(table, file)
    else:
        pa.csv.write_csv(table, file)
    return file


def measure(kind: str, rows: int, labels: int) -> None:
    """Print what one file costs."""
    with tempfile.TemporaryDirectory() as scratch:
        file = write(Path(scratch), kind, *predictions(rows, labels))
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "labcore", "thresholds", "tune", str(file), "--per-class", "--json"],
            cwd=REPOSITORY, env=os.environ | {"LAB_HOME": scratch}, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        card = json.loads(done.stdout)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(
            f"{kind}, {rows:,} x {labels} ({file.stat().st_size / 1e6:.0f} MB): {seconds:.0f} s, peak {peak:.2f} GB; "
            f"F2 expected {card['score_expected']:.4f}, global threshold {card['global_threshold']:.3f}"
        )
        print(f"ratio of the bound of {BOUND_GB:g} GB to the peak: {BOUND_GB / peak:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--kinds", nargs="+", default=["parquet", "npz", "csv"], choices=["parquet", "npz", "csv"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(args.one, args.rows, args.labels)
        return
    for kind in args.kinds:  # each in a process of its own: the peak of children is the highest of all
        command = [sys.executable, __file__, "--one", kind, "--rows", str(args.rows)]
        subprocess.run([*command, "--labels", str(args.labels)], check=True)


if __name__ == "__main__":
    main()
