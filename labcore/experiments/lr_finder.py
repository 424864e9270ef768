"""The learning-rate finder: sweep the rate once over a few batches, read the curve by every rule."""

import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from labcore.data import block
from labcore.data.items import Items
from labcore.errors import UserError
from labcore.evaluation.lr_finder import elbow_tenth, suggest
from labcore.experiments import pictures, staged
from labcore.experiments.head_pose_data import unit_points
from labcore.models.backbones import Model, build_model
from labcore.models.groups import freeze_to
from labcore.models.points import PointModel, build_point_model
from labcore.runs.job import Job
from labcore.specs import HeadPoseSpec, LRFinderSpec
from labcore.training.features import on_features
from labcore.training.learner import Learner
from labcore.training.optimizer import adamw
from labcore.training.pointing import VariedPoints, known_only
from labcore.training.precision import resolve, resolve_device
from labcore.training.range_test import range_test

HEAD_ALONE = -1
"""fastai's ``freeze()``: ``freeze_to(-1)``."""


def run(spec: LRFinderSpec, job: Job) -> dict[str, float]:
    """Carry out a range test.

    Logs ``loss``, ``smooth_loss`` and ``lr`` per rate, and ``valid_loss`` and ``accuracy`` where asked for.

    Returns:
        ``lr_valley``, ``lr_slide``, ``lr_steep``, ``lr_minimum`` (a tenth of the rate at the minimum, as fastai
        reports it) for the rules that have an answer; ``lr_elbow`` of an unfrozen curve; ``lr_lowest``, the rate with
        the lowest smoothed loss, and ``lowest_loss``; ``images_per_second``; ``seconds`` of the sweep alone.

    Raises:
        UserError: data, network or device do not make sense together.
    """
    device = resolve_device(spec.device)
    precision = resolve(spec.precision, device)
    pictures.describe(job, precision)

    items = pictures.load(spec, spec.image_size, job)
    if items.task not in ("single_label", "multi_label", "points"):
        raise UserError(
            f"{items.name} has {items.task.replace('_', ' ')} targets; the finder takes labels of whole pictures or "
            "points in them. Choose critters, pets, tiles, heads or your own folders."
        )
    if items.task != "single_label" and spec.accuracy:
        raise UserError("Accuracy means one label per picture. Leave accuracy out for several labels and for points.")
    split = block.split(items, spec.dataset)
    pictures.say(items, split, job)
    vary = None
    if items.task == "multi_label":
        targets, loss = torch.from_numpy(pictures.one_hot(items).astype(np.float32)), F.binary_cross_entropy_with_logits
    elif items.task == "points":
        targets, loss, vary = unit_points(items), known_only("mse"), partial(VariedPoints, points=items.classes)
    else:
        targets, loss = torch.tensor(items.table["label"].to_numpy(np.int64)), F.cross_entropy
    data = pictures.batches(spec, items, targets, split, device, vary)

    job.progress(0, spec.num_it, "building the net")
    model = _pointing(spec, items) if items.task == "points" else _classifying(spec, items)
    staged.start(model, spec.start_from)
    model.to(device)
    if spec.frozen:
        freeze_to(model, HEAD_ALONE, train_bn=spec.frozen_body == "batchnorm_trains")
    optimizer = partial(adamw, weight_decay=spec.weight_decay)
    learner = Learner(model, optimizer(model), loss, data, precision, seed=spec.seed)
    began = time.perf_counter()
    if spec.frozen_body == "computed_once":
        learner = on_features(learner, optimizer, job, steps=spec.num_it)

    found = range_test(
        learner,
        job,
        start=spec.start,
        end=spec.end,
        num_it=spec.num_it,
        sweep=spec.sweep,
        stop_early=spec.stop_early,
        smoothing=spec.smoothing,
        valid=learner.data.valid.subset(spec.valid_items) if spec.valid_items else None,
        accuracy=spec.accuracy,
    )
    seconds = time.perf_counter() - began

    metrics = suggest(found.lrs, found.smooth_losses, spec.num_it).metrics()
    if not spec.frozen:
        elbow = elbow_tenth(found.lrs, found.smooth_losses, spec.num_it)
        metrics |= {"lr_elbow": elbow.lr} if elbow.lr is not None else {}
    if len(found.lrs):
        lowest = int(np.argmin(found.smooth_losses))
        metrics |= {"lr_lowest": float(found.lrs[lowest]), "lowest_loss": float(found.smooth_losses[lowest])}
    shown = len(found.lrs) * data.train.batch_size
    return metrics | {"images_per_second": shown / seconds, "seconds": seconds}


def _classifying(spec: LRFinderSpec, items: Items) -> Model:
    return build_model(spec.arch, spec.weights, len(items.classes), seed=spec.seed, head=spec.head)


def _pointing(spec: LRFinderSpec, items: Items) -> PointModel:
    """The head-pose lesson's own net, so that its rate is found on what will be trained."""
    if spec.frozen_body == "computed_once":
        raise UserError("Points are read from maps at three strides, not computed once. Let BatchNorm train.")
    y_range = HeadPoseSpec().y_range
    return build_point_model(spec.arch, spec.weights, len(items.classes), y_range=y_range, seed=spec.seed)
