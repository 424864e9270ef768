"""Segmentation: a U-Net that gives every pixel a class, in stages, watched while it learns."""

import copy
from functools import partial
from typing import Any

import numpy as np
import torch

from labcore.errors import UserError
from labcore.evaluation import segmentation as judge
from labcore.evaluation.segmentation_files import colours
from labcore.experiments import segmentation_looks as looks
from labcore.experiments import staged, telling
from labcore.experiments.segmentation_data import Scenes
from labcore.models.backbones import normalisation
from labcore.models.export_masks import masks_to_onnx
from labcore.models.unet import UNet, build_unet
from labcore.runs.job import Job
from labcore.specs import SegmentationSpec, Size, Stage
from labcore.training.callbacks import Diverged
from labcore.training.learner import Learner
from labcore.training.many_labels import LastGoodLoss
from labcore.training.masks import Film, MaskAnswers, mask_loss
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve, resolve_device
from labcore.training.watch import Memory, Pace

GROUPS = ("early body", "late body", "decoder")
"""Parameter groups: layers down to an eighth of the picture's side, the other layers, the way up."""
CARD_FORMAT = "unfreeze-segmenter-1"


def run(spec: SegmentationSpec, job: Job) -> dict[str, Any]:
    """Train in stages, then count every valid pixel (and every test pixel, where there are any).

    Returns:
        ``valid_loss``, ``pixel_accuracy`` (void left out), ``pixel_accuracy_with_void``, ``mean_iou``, ``mean_dice``,
        ``iou_min_frequent`` (the smallest IoU of classes above 1 % of the pixels), the same of a test split as
        ``test_...``; ``baseline_pixel_accuracy`` (the most frequent class everywhere) and
        ``baseline_position_accuracy`` (the most frequent class at each place); ``epochs``, ``images_per_second``,
        ``seconds``, ``memory`` (MB, peak), ``parameters``.

    Raises:
        UserError: data, plan, weights or device do not make sense together, or the loss became no number.
    """
    pace, memory, last_good = Pace(job), Memory(), LastGoodLoss()
    job = pace.job
    device = resolve_device(spec.device)
    precision = resolve(spec.precision, device)
    stages = staged.stages_of(spec.plan, spec.image_size, len(GROUPS))
    telling.describe(job, precision)

    scenes = Scenes(spec, [stage.image_size for stage in stages], device, job)
    last = stages[-1].image_size
    net = build_unet(
        spec.arch, spec.weights, len(scenes.classes), decoder=spec.decoder, skip_off=spec.skip_off, seed=spec.seed
    )
    staged.start(net, spec.start_from)
    net.to(device)
    weights = None
    if spec.class_weights == "balanced":
        weights = torch.tensor(judge.balanced_weights(scenes.shares), dtype=torch.float32, device=device)
    answers = MaskAnswers(len(scenes.classes), scenes.void)
    learner = Learner(
        net,
        adamw(net, spec.weight_decay),
        mask_loss(spec.loss, scenes.ignored, weights),
        scenes.at(last),
        precision,
        metrics={"pixel_accuracy": answers.hear},
        seed=spec.seed,
        train_bn=spec.frozen_body == "batchnorm_trains",
        data_at=scenes.at,
    )
    film = Film(*looks.film_of(scenes, last), spec.every)
    # Before the default ones, so that a checkpoint has what these have to say of its step.
    learner.callbacks[:0] = [pace, answers, memory, last_good, film]
    job.save("plan.json", _facts(spec, stages, learner, scenes))

    try:
        learner.fit(learner.plan(stages), job, resume=True)
    except Diverged as error:
        raise UserError(staged.way_back(job, last_good, error, learner.leg.name)) from None

    judged = partial(_judged, learner, answers, scenes, last)
    job.progress(learner.steps_planned, learner.steps_planned, "counting every pixel")
    valid = judged(scenes.valid, heard=bool(answers.said) and bool(learner.measured))
    metrics = valid.metrics | _baselines(scenes, valid, last)
    parts = {"valid": valid}
    if len(scenes.test):
        parts["test"] = judged(scenes.test)
        metrics |= {"test_" + name.removeprefix("valid_"): value for name, value in parts["test"].metrics.items()}
    looks.keep(job, learner, scenes, last, parts)
    _export(job, spec, stages, net, scenes, metrics)
    finite = {name: value for name, value in metrics.items() if np.isfinite(value)}
    return finite | staged.of_this_run(stages, pace, memory, net)


def _judged(
    learner: Learner, answers: MaskAnswers, scenes: Scenes, size: Size, rows: np.ndarray, heard: bool = False
) -> looks.Part:
    """One part of the split, counted; ``heard`` takes what the last validation heard already."""
    measured = learner.measured
    if not heard:
        answers.before_validate(learner)
        measured = learner.evaluate(scenes.batches(size, rows))
    counts, said = answers.counts(), answers.masks()
    found = judge.scores(counts, scenes.void)
    metrics = {
        "valid_loss": measured["valid_loss"],
        "pixel_accuracy": found.pixel_accuracy,
        "pixel_accuracy_with_void": found.pixel_accuracy_with_void,
        "mean_iou": found.mean_iou,
        "mean_dice": found.mean_dice,
        "iou_min_frequent": found.iou_min_frequent,
    }
    return looks.Part(rows, counts, said, metrics)


def _baselines(scenes: Scenes, valid: looks.Part, size: Size) -> dict[str, float]:
    prior = scenes.position_prior(size)
    return {
        "baseline_pixel_accuracy": judge.most_frequent(scenes.shares, valid.counts, scenes.void),
        "baseline_position_accuracy": prior.accuracy(scenes.masks(size, valid.rows)),
    }


def _facts(spec: SegmentationSpec, stages: list[Stage], learner: Learner, scenes: Scenes) -> dict[str, Any]:
    """What pages need to draw the run while it runs: steps, codes, baselines, the U's real shapes."""
    net: UNet = learner.model
    palette = colours(scenes.classes, scenes.void)
    height, width = staged.height_width(stages[-1].image_size)
    valid_pixels = scenes.pixels[scenes.valid]
    known = np.delete(valid_pixels, scenes.void, axis=1) if scenes.void is not None else valid_pixels
    often = int(np.argmax(scenes.shares))
    return staged.facts(stages, learner) | {
        "groups": list(GROUPS),
        "codes": [
            {"index": code, "name": name, "color": list(palette[code]), "void": code == scenes.void}
            for code, name in enumerate(scenes.classes)
        ],
        "shares": scenes.shares,
        "train_items": len(scenes.train),
        "valid_items": len(scenes.valid),
        "test_items": len(scenes.test),
        "split": scenes.split_words,
        "image_size": [height, width],
        "baselines": {
            "class": scenes.classes[often],
            "pixel_accuracy": float(valid_pixels[:, often].sum() / max(known.sum(), 1)),
        },
        "levels": [
            {
                "stride": level.stride,
                "channels": level.channels,
                "h": -(-height // level.stride),
                "w": -(-width // level.stride),
                "skip_channels": level.skip_channels,
                "decoder_channels": level.decoder_channels,
            }
            for level in net.levels
        ],
        "skip_off": list(spec.skip_off),
    }


def _export(
    job: Job, spec: SegmentationSpec, stages: list[Stage], net: UNet, scenes: Scenes, metrics: dict[str, float]
) -> None:
    """The model as ONNX and its card; the safetensors of the stages are there already."""
    palette = colours(scenes.classes, scenes.void)
    card = staged.card(
        spec,
        stages,
        format=CARD_FORMAT,
        task="masks",
        classes=list(scenes.classes),
        colors=[list(colour) for colour in palette],
        void=scenes.void,
        fitted="squish",
        decoder=spec.decoder,
        skip_off=list(spec.skip_off),
        data_fingerprint=scenes.fingerprint,
        train_items=len(scenes.train),
        pixel_accuracy=metrics["pixel_accuracy"],
        mean_iou=metrics["mean_iou"],
        baseline_pixel_accuracy=metrics["baseline_pixel_accuracy"],
    )
    job.save("card.json", card)
    plain = copy.deepcopy(net).cpu().float().eval()
    size = staged.height_width(stages[-1].image_size)
    job.save("model.onnx", masks_to_onnx(plain, size, *normalisation(spec.arch, spec.weights)))
