"""Does the lesson hold? Discriminative rates against one rate for all, and against the head alone, over several seeds.

    python benchmarks/bench_discriminative.py [--seeds 5] [--set NAME=VALUE ...]

Every plan has the same epochs, the same starting weights and the same batches per seed; plans take turns, seed by seed.
Beside the plan's own top rate, the uniform plans take its slice's ends and its middle, so that uniform is not beaten by
a badly chosen rate. Prints a Markdown table and, as the last line, by how much the slice wins in standard errors.
"""

import argparse
import json
import os
import time
from dataclasses import dataclass, field

import numpy as np

from labcore.experiments import threads
from labcore.experiments.fine_tune import run
from labcore.specs import FineTuneSpec


class Quiet:
    """A job that keeps nothing."""

    stop_requested = False

    def restore(self) -> None:
        return None

    def __getattr__(self, name: str):
        return lambda *_, **__: None


@dataclass
class Lane:
    """One plan and what it reached, seed by seed."""

    spec: FineTuneSpec
    errors: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def lanes(spec: FineTuneSpec) -> dict[str, Lane]:
    """The plan in hand; the same at one rate, three rates tried; the head alone for as many epochs."""
    *before, last = spec.plan
    if last.lr_lo is None:
        raise SystemExit("The plan's last stage has no slice to compare.")
    epochs = sum(stage.epochs for stage in spec.plan)
    found = {f"slice({last.lr_lo:g}, {last.lr:g})": spec}
    for rate in (last.lr, float(np.sqrt(last.lr * last.lr_lo)), last.lr_lo):
        found[f"uniform {rate:.2g}"] = spec.but(plan=(*before, last.but(lr=rate, lr_lo=None)))
    found["head alone"] = spec.but(plan=(spec.plan[0].but(epochs=epochs),))
    return {name: Lane(one) for name, one in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(threads())
    values = {}
    for text in given.set:
        name, _, value = text.partition("=")
        try:
            values[name] = json.loads(value)
        except json.JSONDecodeError:
            values[name] = value
    spec = FineTuneSpec.of(values)
    race = lanes(spec)
    for seed in range(given.seeds):
        for name, lane in race.items():
            wall, cpu = time.perf_counter(), time.process_time()
            metrics = run(lane.spec.but(seed=seed), Quiet())
            lane.errors.append(metrics["error_rate"])
            lane.wall.append(time.perf_counter() - wall)
            lane.cpu.append(time.process_time() - cpu)
            print(f"  seed {seed} {name:<28} {metrics['error_rate']:.1%}  {lane.wall[-1]:.0f} s", flush=True)
    print(
        f"\n{spec.dataset.name}, {spec.arch}, {spec.weights}, {spec.image_size} px, {torch.get_num_threads()} threads"
    )
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores, torch {torch.__version__}\n")
    print(
        "| plan | error, mean | lowest | highest | seconds, median | CPU seconds, median |\n|---|---|---|---|---|---|"
    )
    for name, lane in race.items():
        errors = np.asarray(lane.errors)
        print(
            f"| {name} | {errors.mean():.1%} | {errors.min():.1%} | {errors.max():.1%} "
            f"| {np.median(lane.wall):.0f} | {np.median(lane.cpu):.0f} |"
        )
    (mine, ours), *others = race.items()
    rival, theirs = min(others, key=lambda pair: np.mean(pair[1].errors))
    gaps = np.asarray(theirs.errors) - np.asarray(ours.errors)
    noise = gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else float("nan")
    print(
        f"\n{mine} against the best other ({rival}): {gaps.mean():+.1%} error, ratio "
        f"{np.mean(theirs.errors) / np.mean(ours.errors):.2f}, {gaps.mean() / noise:.1f} standard errors over seeds"
    )


if __name__ == "__main__":
    main()
