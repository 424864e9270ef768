"""Does a random split flatter, and by how much? Head pose over several seeds and both splits, drawn and real.

    python benchmarks/bench_head_pose.py [--seeds 0 1 2] [--drivface FOLDER --weights FILE] [--only heads|drivface]
                                         [--set NAME=VALUE ...]

Every row is one run of the lesson as anybody starts it: ``heads`` with the defaults (by person, then the same at
random), DrivFace (Diaz-Chito et al. 2016, four drivers, five points) with MobileNetV2-0.35's weights, each driver held
out once and then a random share. Seeds take turns between the sets, so that a slow minute of the machine hits both.

Prints a Markdown table and, as the last lines, the medians over seeds beside what is wanted of them.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

import numpy as np

from labcore.experiments import threads, warm
from labcore.experiments.head_pose import run
from labcore.specs import HeadPoseSpec

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
WANTED = {
    "heads": {"share of width": 0.03, "better than mean point": 5.0, "leak": 1.5, "seconds": 60.0},
    "drivface": {"better than mean point": 2.0, "seconds": 240.0},
}


class Quiet:
    """A job that keeps nothing."""

    stop_requested = False

    def restore(self) -> None:
        return None

    def __getattr__(self, name: str):
        return lambda *_, **__: None


def measure(spec: HeadPoseSpec) -> dict[str, float]:
    """One run's metrics, with the wall seconds of all of it."""
    began = time.perf_counter()
    found = run(spec, Quiet())
    return found | {"seconds": time.perf_counter() - began}


def row(name: str, seed: int, found: dict[str, float]) -> dict[str, float | str]:
    """What is told of one run."""
    return {
        "set": name,
        "seed": seed,
        "by person, px": found["pixel_error_median"],
        "90 %, px": found["pixel_error_p90"],
        "share of width": found["pixel_error_relative"],
        "random, px": found["random_pixel_error_median"],
        "leak": found["leak_ratio"],
        "mean point, px": found["mean_point_error_median"],
        "better than mean point": found["mean_point_error_median"] / found["pixel_error_median"],
        "seconds": found["seconds"],
    }


def assignment(pair: str) -> tuple[str, object]:
    """``NAME=VALUE`` as the command line of the lab takes it: JSON where it is JSON, else text."""
    name, _, value = pair.partition("=")
    with contextlib.suppress(json.JSONDecodeError):
        return name, json.loads(value)
    return name, value


def specs_of(args: argparse.Namespace) -> dict[str, HeadPoseSpec]:
    """The sets that are asked for and at hand."""
    changes = dict(map(assignment, args.set))
    found = {}
    if args.only in ("", "heads"):
        found["heads"] = HeadPoseSpec.of(changes)
    if args.only in ("", "drivface") and args.drivface.is_dir() and args.weights.is_file():
        real = {
            "dataset.name": "own",
            "dataset.root": str(args.drivface),
            "arch": "mobilenet_v2_035",
            "weights": str(args.weights),
            "protocol": "leave_one_out",
        }
        found["drivface"] = HeadPoseSpec.of(real | changes)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--drivface", type=Path, default=SHARED / "drivface")
    parser.add_argument("--weights", type=Path, default=SHARED / "weights" / "mobilenet_v2_035-imagenet-notop.pth")
    parser.add_argument("--only", choices=["", "heads", "drivface"], default="")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    chosen = specs_of(args)
    if not chosen:
        raise SystemExit("There is no such set here. Give --drivface and --weights, or --only heads.")
    machine = warm()
    print(f"{machine['device_name']}, {threads()} threads, torch {machine['versions']['torch']}", flush=True)

    rows: list[dict[str, float | str]] = []
    for seed in args.seeds:
        for name, spec in chosen.items():
            rows.append(row(name, seed, measure(spec.but(seed=seed))))
            if len(rows) == 1:
                print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
            cells = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in rows[-1].values())
            print("| " + " | ".join(cells) + " |", flush=True)
    for name in chosen:
        for what, limit in WANTED[name].items():
            values = [found[what] for found in rows if found["set"] == name]
            bound = "at most" if what in ("share of width", "seconds") else "at least"
            print(f"{name}, {what}: median {np.median(values):.3g} over {len(values)} seeds (wanted {bound} {limit:g})")


if __name__ == "__main__":
    main()
