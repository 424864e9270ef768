"""The exact sweep against scikit-learn's functions in a loop, on the same predictions, in one run.

python benchmarks/bench_thresholds.py [--rows 10000] [--classes 20] [--large]
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn import metrics

from labcore.evaluation import honest_threshold as honest
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.tune import tune

THRESHOLDS = np.linspace(0, 1, 1001)
LOOPED = 29
"""scikit-learn is timed on the notes' 29 thresholds and scaled: 1,001 would take minutes."""


def five(counts: sweep.Counts) -> list[np.ndarray]:
    """Precision, recall, F1, F2 and accuracy of every class at every threshold."""
    return [
        sweep.precision(counts),
        sweep.recall(counts),
        sweep.f_beta(counts, 1.0),
        sweep.f_beta(counts, 2.0),
        sweep.accuracy(counts),
    ]


def looped(p: np.ndarray, y: np.ndarray, grid: np.ndarray) -> None:
    """The same five metrics, one threshold and one class at a time."""
    for threshold in grid:
        said = p > threshold
        metrics.precision_recall_fscore_support(y, said, average=None, zero_division=0, beta=1.0)
        metrics.fbeta_score(y, said, average=None, zero_division=0, beta=2.0)
        for column in range(p.shape[1]):
            metrics.accuracy_score(y[:, column], said[:, column])


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--large", action="store_true", help="also sweep 1,000,000 x 20")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    generator = np.random.default_rng(0)
    y = generator.random((options.rows, options.classes)) < generator.uniform(0.01, 0.5, options.classes)
    p = sweep.sigmoid(generator.normal(size=y.shape) + 2.0 * y - 1.5).astype(np.float32)
    grid = seconds(lambda: five(sweep.counts_at(p, y, THRESHOLDS)), 15)
    exact = seconds(lambda: [five(sweep.counts_at(p[:, [c]], y[:, [c]], sweep.every_threshold(p[:, c])))
                             for c in range(options.classes)], 7)  # fmt: skip
    samples = seconds(lambda: sweep.samples_f_beta(p, y, THRESHOLDS), 7)
    loop = seconds(lambda: looped(p, y, np.linspace(0.05, 0.95, LOOPED)), 3) * THRESHOLDS.size / LOOPED
    print(f"{options.rows:,} x {options.classes}, {THRESHOLDS.size} thresholds, 5 metrics: {1e3 * grid:.1f} ms")
    print(f"every distinct threshold of every class, 5 metrics: {1e3 * exact:.1f} ms")
    print(f"F2 per item at {THRESHOLDS.size} thresholds: {1e3 * samples:.1f} ms")
    print(f"scikit-learn in a loop: {loop:.1f} s; ratio {loop / grid:,.0f}")
    width = min(17, options.classes)
    rows = min(5_000, options.rows)
    drawn = seconds(lambda: honest.bootstrap(p[:rows, :width], y[:rows, :width], resamples=1000), 1)
    print(f"1,000 bootstraps of {rows:,} x {width}, best F2 threshold per class: {drawn:.2f} s")
    whole = seconds(lambda: tune(p[:rows], y[:rows], [str(k) for k in range(options.classes)]), 1)
    print(f"choosing thresholds of {rows:,} x {options.classes} with an honest score: {whole:.2f} s")
    if options.large:
        y = generator.random((1_000_000, 20)) < 0.1
        p = generator.random(y.shape, dtype=np.float32)
        large = seconds(lambda: sweep.counts_at(p, y, THRESHOLDS), 3)
        print(f"1,000,000 x 20, {THRESHOLDS.size} thresholds: {large:.2f} s")


if __name__ == "__main__":
    main()
