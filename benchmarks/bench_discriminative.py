"""Does the lesson hold? Discriminative rates against one rate for all, and against the head alone, over several seeds.

    python benchmarks/bench_discriminative.py [--seeds 0 1 2 3 4] [--set NAME=VALUE ...] [--state FOLDER] [--publish]

Every plan has the same epochs, the same starting weights and the same batches per seed; plans take turns, seed by seed.
Uniform plans take the slice's ends and its middle, so that the slice does not win against a badly chosen rate; the best
of them is chosen by the same pictures that judge, which favours uniform. The notes' own rate, 1e-5, is told too.
The head alone has the whole plan's epochs.

Prints a Markdown table and, as the last lines, by how much the slice wins against each in standard errors over seeds.
``--state`` keeps every finished run, so that a measurement that was cut off goes on, in several processes if need be;
``--publish`` writes what the fine-tuner's page shows.
"""

import argparse
import datetime
import json
import os
import time
from pathlib import Path

import numpy as np

from labcore.data import registry
from labcore.evaluation.seeds import gap
from labcore.experiments import threads, warm
from labcore.experiments.fine_tune import run
from labcore.specs import FineTuneSpec, run_key
from labcore.training.plans import to_text

PUBLISHED = Path(__file__).resolve().parents[1] / "assets" / "measured" / "discriminative.json"
NOTES_RATE = 1e-5
"""What the notes give every layer after unfreezing a ResNet (course-v4, 05_pet_breeds, cell 57)."""


class Errors:
    """A job that keeps nothing but the error rate after each epoch."""

    stop_requested = False

    def __init__(self) -> None:
        self.epochs: list[float] = []

    def log(self, series: str, _step: int, value: float) -> None:
        if series == "error_rate":
            self.epochs.append(value)

    def restore(self) -> None:
        return None

    def __getattr__(self, name: str):
        return lambda *_, **__: None


def lanes(spec: FineTuneSpec) -> dict[str, FineTuneSpec]:
    """The plan in hand; the same at one rate, four rates tried; the head alone for as many epochs."""
    *before, last = spec.plan
    if last.lr_lo is None:
        raise SystemExit("The plan's last stage has no slice to compare.")
    epochs = sum(stage.epochs for stage in spec.plan)
    found = {f"slice({last.lr_lo:g}, {last.lr:g})": spec}
    for rate in (last.lr, float(np.sqrt(last.lr * last.lr_lo)), last.lr_lo, NOTES_RATE):
        rounded = float(f"{rate:.1g}")
        found[f"uniform {rounded:g}"] = spec.but(plan=(*before, last.but(lr=rounded, lr_lo=None)))
    found["head alone"] = spec.but(plan=(spec.plan[0].but(epochs=epochs),))
    return found


def measure(spec: FineTuneSpec) -> dict:
    """One run: error after each epoch, wall and CPU seconds."""
    job, wall, cpu = Errors(), time.perf_counter(), time.process_time()
    metrics = run(spec, job)
    epochs = [round(value, 5) for value in job.epochs]
    return {
        "error": metrics["error_rate"],
        "epochs": epochs,
        "baseline": metrics["baseline_error_rate"],
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def kept(folder: Path | None, spec: FineTuneSpec) -> dict:
    """What an earlier call has measured, else measured now."""
    if folder is None:
        return measure(spec)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run_key(spec, registry.fingerprint(spec.dataset))}.json"
    if not file.exists():
        file.write_text(json.dumps(measure(spec)))
    return json.loads(file.read_text())


def table(found: dict[str, list[dict]]) -> str:
    """What each plan reached, as Markdown."""
    rows = [
        "| plan | error, mean | lowest | highest | seconds, median | CPU seconds, median |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        errors = np.array([one["error"] for one in runs])
        rows.append(
            f"| {name} | {errors.mean():.1%} | {errors.min():.1%} | {errors.max():.1%} "
            f"| {np.median([one['seconds'] for one in runs]):.0f} "
            f"| {np.median([one['cpu_seconds'] for one in runs]):.0f} |"
        )
    return "\n".join(rows)


def publish(spec: FineTuneSpec, race: dict[str, FineTuneSpec], found: dict[str, list[dict]]) -> None:
    """Write what the page shows."""
    import torch

    machine = warm()
    told = {
        "made_by": "benchmarks/bench_discriminative.py",
        "date": datetime.date.today().isoformat(),
        "device": f"{machine['device_name']}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "dataset": spec.dataset.name,
        "fingerprint": registry.fingerprint(spec.dataset),
        "arch": spec.arch,
        "weights": spec.weights,
        "image_size": spec.image_size,
        "seeds": len(next(iter(found.values()))),
        "baseline": found[next(iter(found))][0]["baseline"],
        "plans": [
            {"name": name, "plan": to_text(race[name].plan), **{k: [one[k] for one in runs] for k in runs[0]}}
            for name, runs in found.items()
        ],
    }
    PUBLISHED.parent.mkdir(exist_ok=True)
    PUBLISHED.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--state", type=Path, help="keep finished runs here and go on from them")
    parser.add_argument("--publish", action="store_true", help=f"write {PUBLISHED.name} for the page")
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
    found: dict[str, list[dict]] = {name: [] for name in race}
    for seed in given.seeds:
        for name, lane in race.items():
            one = kept(given.state, lane.but(seed=seed))
            found[name].append(one)
            print(f"  seed {seed} {name:<28} {one['error']:.1%}  {one['seconds']:.0f} s", flush=True)
    place = f"{spec.dataset.name}, {spec.arch}, {spec.weights}, {spec.image_size} px, {torch.get_num_threads()} threads"
    print(f"\n{place}\nload {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores, torch {torch.__version__}\n")
    print(f"{table(found)}\n")
    errors = {name: np.array([one["error"] for one in runs]) for name, runs in found.items()}
    mine = next(iter(errors))
    for name in list(errors)[1:]:
        told = gap(errors[mine], errors[name])
        print(f"{mine} against {name}: {told.mean:+.1%} error, {told.mean / told.noise:.1f} standard errors over seeds")
    rival = min(list(errors)[1:], key=lambda name: errors[name].mean())
    print(
        f"against the best other ({rival}): error ratio {errors[rival].mean() / errors[mine].mean():.2f} (wanted > 1)"
    )
    if given.publish:
        publish(spec, race, found)


if __name__ == "__main__":
    main()
