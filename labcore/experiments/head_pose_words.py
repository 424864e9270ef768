"""What a head-pose run says of itself in numbers: errors, baselines, and the facts that its page draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from labcore.evaluation import head_pose as judge
from labcore.experiments import staged
from labcore.experiments.head_pose_data import Poses, Trial
from labcore.specs import HeadPoseSpec, Stage
from labcore.training.learner import Learner


def judged(poses: Poses, trials: Sequence[Trial], results: Sequence[dict[str, np.ndarray]]) -> dict[str, float]:
    """Errors over all valid items of some trials, each measured by the net that has not seen it."""
    rows = np.concatenate([trial.split.valid for trial in trials])
    unit = np.concatenate([np.asarray(result["prediction"]) for result in results])
    errors = judge.errors(poses.in_words(rows, poses.targets[rows]), poses.in_words(rows, unit))
    whole = judge.summary(errors)
    counts = [len(trial.split.valid) for trial in trials]
    found = {
        "valid_loss": float(np.average([float(result["valid_loss"]) for result in results], weights=counts)),
        "mse": judge.mse(poses.targets[rows], unit),
        "pixel_error_median": whole.median,
        "pixel_error_p90": whole.p90,
    }
    if poses.unit == "pixels":
        found["pixel_error_relative"] = judge.summary(errors / poses.items.source[rows][:, :1]).median
    return found


def baselines(poses: Poses, trials: Sequence[Trial]) -> dict[str, float]:
    """Errors of whoever says the mean training point, and of whoever says each person's own, over some trials."""
    plain, personal, known = [], [], True
    for trial in trials:
        train, valid = trial.split.train, trial.split.valid
        truth = poses.in_words(valid, poses.targets[valid])
        mean = np.repeat(judge.mean_point(poses.targets[train])[None], len(valid), axis=0)
        plain.append(judge.errors(truth, poses.in_words(valid, mean)))
        said = None
        if poses.groups[0]:
            said = judge.person_means(poses.targets[train], poses.groups[train], poses.groups[valid])
        known = known and said is not None
        if said is not None:
            personal.append(judge.errors(truth, poses.in_words(valid, said)))
    found = {"mean_point_error_median": judge.summary(np.concatenate(plain)).median}
    if known:
        found["person_mean_error_median"] = judge.summary(np.concatenate(personal)).median
    return found


def plan_facts(spec: HeadPoseSpec, poses: Poses, stages: list[Stage], learner: Learner) -> dict[str, Any]:
    """What pages need to draw the run while it runs: steps, baselines, splits, shapes of a batch."""
    honest = [trial for trial in poses.trials if trial.part != "random"]
    twin = [trial for trial in poses.trials if trial.part == "random"]
    first = poses.trials[0].split
    known = baselines(poses, honest) | {"mean_point_mse": _mean_point_mse(poses, honest)}
    if twin:
        beside = baselines(poses, twin) | {"mean_point_mse": _mean_point_mse(poses, twin)}
        known |= {f"random_{name}": value for name, value in beside.items()}
    height, width = staged.height_width(stages[0].image_size)
    batch = learner.data.train.batch_size
    sizes = None if poses.items.source is None else np.unique(poses.items.source, axis=0)
    numbers = int(np.prod(poses.targets.shape[1:]))
    return staged.facts(stages, learner) | {
        "unit": poses.unit,
        "points": list(poses.names),
        "groups": {
            "train": sorted(set(poses.groups[first.train]) - {""}),
            "valid": sorted(set(poses.groups[first.valid]) - {""}),
        },
        "original_size": [int(sizes[0, 1]), int(sizes[0, 0])] if sizes is not None and len(sizes) == 1 else None,
        "train_items": len(first.train),
        "valid_items": len(first.valid),
        "baselines": known,
        "splits": {("valid" if trial is honest[0] else trial.part): trial.split.how for trial in [honest[0], *twin]},
        "batch": {
            "pictures": [batch, 3, height, width],
            "targets": [batch, *poses.targets.shape[1:]],
            "activations": [batch, numbers],
        },
        "folds": [trial.part.removeprefix("fold:") for trial in honest] if spec.protocol == "leave_one_out" else [],
        "prefixes": {trial.part: trial.prefix for trial in poses.trials},
    }


def _mean_point_mse(poses: Poses, trials: Sequence[Trial]) -> float:
    parts = []
    for trial in trials:
        mean = judge.mean_point(poses.targets[trial.split.train])
        parts.append((poses.targets[trial.split.valid] - mean) ** 2)
    return float(np.mean(np.concatenate(parts)))
