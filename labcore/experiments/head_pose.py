"""Head pose: a net trained to classify is taught to point, under a split by person and under the one that flatters."""

import copy
from functools import lru_cache
from typing import Any

import numpy as np

from labcore.data.splits import Split
from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.experiments import staged, telling
from labcore.experiments.head_pose_data import Poses, Trial, neighbours
from labcore.experiments.head_pose_words import baselines, judged, plan_facts
from labcore.experiments.phases import PhaseJob, Phases, plain
from labcore.models.backbones import normalisation
from labcore.models.export import FromPixels, trace
from labcore.models.points import PointModel, build_point_model
from labcore.runs.job import Job
from labcore.specs import HeadPoseSpec, Size, Stage
from labcore.training.callbacks import Diverged
from labcore.training.learner import Data, Learner
from labcore.training.many_labels import LastGoodLoss
from labcore.training.optimizer import adamw
from labcore.training.pointing import PointAnswers, Timelapse, known_only
from labcore.training.precision import Precision, resolve, resolve_device
from labcore.training.watch import Memory, Pace

GROUPS = 3
"""Early body, late body, head."""
FIXED = 8
"""Pictures whose arrows are drawn epoch by epoch: what a screen shows at a glance."""
CARD_FORMAT = "unfreeze-points-1"
OUTPUT = "points"
"""Name of the ONNX graph's output."""


def run(spec: HeadPoseSpec, job: Job) -> dict[str, Any]:
    """Train under each split of the protocol, the honest one first, and measure all of them in the same way.

    Returns:
        ``valid_loss``, ``mse`` (targets scaled to -1..1), ``pixel_error_median``, ``pixel_error_p90`` (pixels of the
        original pictures; degrees where angles are learnt), ``pixel_error_relative`` (median share of the picture's
        width), ``mean_point_error_median`` and, where persons are known, ``person_mean_error_median`` (baselines);
        the same under the random split as ``random_...`` and ``leak_ratio``, how many times the error by person is
        larger; with every group held out once also ``worst_group_error_median`` and ``best_group_error_median``;
        ``images_per_second``, ``seconds``, ``memory`` (MB, peak), ``epochs``, ``parameters``.

    Raises:
        UserError: data, plan, weights or device do not make sense together, or the loss became no number.
    """
    pace, memory = Pace(job), Memory()
    device = resolve_device(spec.device)
    precision = resolve(spec.precision, device)
    telling.describe(job, precision)
    stages = staged.stages_of(spec.plan, spec.image_size, GROUPS)
    poses = Poses(spec, stages[0].image_size, device, pace.job)

    def learner_of(trial: Trial) -> Learner:
        return _learner(spec, poses, trial, precision, [pace, memory])

    phases = Phases(pace.job, [poses.steps(trial.split, stages) for trial in poses.trials])
    if not phases.finished:
        job.save("plan.json", plan_facts(spec, poses, stages, learner_of(poses.trials[0])))
        for trial in poses.trials:
            if trial.part == "random" and (beside := neighbours(poses.items, trial.split)):
                job.save("neighbours", beside)
    while phases.now < len(poses.trials):
        number = phases.now
        trial = poses.trials[number]
        part = phases.part(trial.prefix, trial.words, keeps_files=number == 0)
        learner, result = _train(learner_of(trial), stages, poses, trial, part)
        if number == 0:
            _export(job, spec, stages, learner.model, poses, judged(poses, [trial], [result]))
        phases.end(plain(result))

    results = [{name: np.asarray(value) for name, value in result.items()} for result in phases.finished]
    job.save("predictions", _predictions(poses, results))
    model = build_point_model(spec.arch, "none", len(poses.names), spec.target)  # to be counted
    return _metrics(poses, results) | staged.of_this_run(stages, pace, memory, model)


def _learner(spec: HeadPoseSpec, poses: Poses, trial: Trial, precision: Precision, watchers: list[Any]) -> Learner:
    """A fresh net under one split; every trial starts from the same weights and sees its pictures at the same rates."""
    model = build_point_model(spec.arch, spec.weights, len(poses.names), spec.target, spec.y_range, spec.seed)
    staged.start(model, spec.start_from)
    model.to(precision.device)

    @lru_cache(maxsize=1)
    def data_at(size: Size) -> Data:
        return poses.data_of(trial.split, size)

    answers = PointAnswers(lambda unit: poses.in_words(trial.split.valid, unit))
    learner = Learner(
        model,
        adamw(model, spec.weight_decay),
        known_only(spec.loss),
        data_at(spec.plan[0].image_size or spec.image_size),
        precision,
        metrics={"mse": answers.hear},
        seed=spec.seed,
        train_bn=spec.frozen_body == "batchnorm_trains",
        data_at=data_at,
    )
    # Before the default ones, so that a checkpoint has what these have to say of its step.
    learner.callbacks[:0] = [*watchers, answers]
    return learner


def _train(
    learner: Learner, stages: list[Stage], poses: Poses, trial: Trial, job: PhaseJob
) -> tuple[Learner, dict[str, np.ndarray]]:
    answers = next(callback for callback in learner.callbacks if isinstance(callback, PointAnswers))
    last_good = LastGoodLoss()
    learner.callbacks.insert(0, last_good)
    if trial is poses.trials[0] and poses.unit == "pixels":
        lapse = _timelapse(poses, trial.split, stages, answers, job)
        learner.callbacks.insert(learner.callbacks.index(answers) + 1, lapse)
    try:
        learner.fit(learner.plan(stages), job, resume=True)
    except Diverged as error:
        if trial.prefix:
            raise UserError(str(error)) from None
        raise UserError(staged.way_back(job, last_good, error, learner.leg.name)) from None
    if not answers.outputs:  # a run that was resumed after its last validation has not heard it
        learner.measured = learner.evaluate(learner.data_at(stages[-1].image_size).valid)
    prediction, _ = answers.gathered()
    return learner, {"prediction": prediction, "valid_loss": np.asarray(learner.measured["valid_loss"])}


def _timelapse(poses: Poses, split: Split, stages: list[Stage], answers: PointAnswers, job: PhaseJob) -> Timelapse:
    places = fixed_places(poses.groups[split.valid])
    rows = split.valid[places]
    # Pictures of the last stage's size: the sharpest that the net has seen.
    pictures = np.asarray(poses.images(stages[-1].image_size)[rows])
    size = np.asarray([pictures.shape[2], pictures.shape[1]])
    truth = judge.to_pixels(poses.targets[rows], size).astype(np.float32)

    def save(epochs: np.ndarray, unit: np.ndarray) -> None:
        points = (unit + 1) / 2 * size.astype(np.float32)
        job.save("timelapse", {"rows": rows, "pictures": pictures, "truth": truth, "epochs": epochs, "points": points})

    return Timelapse(answers, places, save)


def fixed_places(groups: np.ndarray, most: int = FIXED) -> np.ndarray:
    """Places of up to ``most`` items, persons taking turns and each person's evenly spread over the video.

    >>> fixed_places(np.asarray(["a", "a", "a", "a", "b", "b", "b", "b"]), 4).tolist()
    [0, 3, 4, 7]
    """
    names = np.unique(groups)
    each, over = divmod(min(most, len(groups)), len(names))
    if each == 0:
        names, each, over = names[np.linspace(0, len(names) - 1, most).round().astype(int)], 1, 0
    places = []
    for number, name in enumerate(names):
        own = np.flatnonzero(groups == name)
        count = min(each + (number < over), len(own))
        spread = [len(own) // 2] if count == 1 else np.linspace(0, len(own) - 1, count).round().astype(int)
        places.extend(own[spread])
    return np.asarray(places)


def _predictions(poses: Poses, results: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    rows = np.concatenate([trial.split.valid for trial in poses.trials])
    predicted = [
        poses.in_words(trial.split.valid, result["prediction"])
        for trial, result in zip(poses.trials, results, strict=True)
    ]
    return {
        "items": np.asarray(poses.items.table["item"].astype(str).tolist(), str)[rows],
        "rows": rows,
        "group": poses.groups[rows],
        "truth": poses.in_words(rows, poses.targets[rows]).astype(np.float32),
        "prediction": np.concatenate(predicted).astype(np.float32),
        "angles": poses.angles[rows],
        "part": np.repeat([trial.part for trial in poses.trials], [len(trial.split.valid) for trial in poses.trials]),
    }


def _metrics(poses: Poses, results: list[dict[str, np.ndarray]]) -> dict[str, float]:
    honest = [(t, r) for t, r in zip(poses.trials, results, strict=True) if t.part != "random"]
    found = judged(poses, *zip(*honest, strict=True)) | baselines(poses, [trial for trial, _ in honest])
    if len(honest) > 1:
        medians = [judged(poses, [trial], [result])["pixel_error_median"] for trial, result in honest]
        found |= {"worst_group_error_median": max(medians), "best_group_error_median": min(medians)}
    for trial, result in zip(poses.trials, results, strict=True):
        if trial.part == "random":
            beside = judged(poses, [trial], [result]) | baselines(poses, [trial])
            found |= {f"random_{name}": value for name, value in beside.items()}
            found["leak_ratio"] = judge.leak_ratio(found["pixel_error_median"], beside["pixel_error_median"])
    return found


def _export(
    job: Job, spec: HeadPoseSpec, stages: list[Stage], model: PointModel, poses: Poses, found: dict[str, float]
) -> None:
    """The model of the honest split as ONNX, with its card."""
    mean, std = normalisation(spec.arch, spec.weights)
    card = staged.card(
        spec,
        stages,
        format=CARD_FORMAT,
        task="points" if spec.target == "points" else "angles",
        fitted="squish",
        points=list(poses.names),
        unit=poses.unit,
        scale=judge.ANGLE_SCALE,
        data_fingerprint=poses.items.fingerprint,
        held_out=poses.trials[0].split.how,
        **found,
        **baselines(poses, poses.trials[:1]),
    )
    job.save("card.json", card)
    plain_model = copy.deepcopy(model).cpu().float()
    job.save("model.onnx", trace(FromPixels(plain_model, mean, std), (*card["image_size"], len(mean)), (OUTPUT,)))
