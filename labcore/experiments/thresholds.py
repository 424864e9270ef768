"""Multi-label learning: one sigmoid and one binary cross-entropy per label, in stages, ready for its thresholds."""

import copy
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from labcore.data import block
from labcore.data.items import Items
from labcore.errors import UserError
from labcore.evaluation import multilabel
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.tune import tune
from labcore.experiments import pictures, staged
from labcore.models.backbones import build_model, normalisation
from labcore.models.export import to_onnx
from labcore.runs.job import Job
from labcore.specs import Size, Stage, ThresholdsSpec
from labcore.training.callbacks import Diverged
from labcore.training.learner import Data
from labcore.training.many_labels import LOGGED, LastGoodLoss, ManyAnswers
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve, resolve_device
from labcore.training.tuner import Tuner
from labcore.training.watch import Memory, Pace

GROUPS = 3
"""Early body, late body, head."""
PICTURE_BYTES = 32_000_000
"""Valid pictures kept with the run, to look at behind every number: this much before compression."""
CARD_FORMAT = "unfreeze-classifier-1"


def run(spec: ThresholdsSpec, job: Job) -> dict[str, Any]:
    """Train, then keep every valid prediction: thresholds are tuned on those, without the net.

    Returns:
        ``valid_loss``, ``accuracy_multi``, ``f2_samples``, ``f2_macro`` (all at ``spec.threshold``),
        ``mean_average_precision``; the same metrics of the baselines as ``nothing_...`` and ``priors_...``;
        ``threshold_best`` and ``f2_samples_best``, the best global threshold and its score on the very items that it
        was chosen on, and ``f2_samples_expected``, the score to expect on fresh ones; ``images_per_second``,
        ``seconds``, ``memory`` (MB, peak), ``epochs``, ``parameters``.

    Raises:
        UserError: data, plan, weights or device do not make sense together, or the loss became no number.
    """
    pace, memory, last_good = Pace(job), Memory(), LastGoodLoss()
    job = pace.job
    device = resolve_device(spec.device)
    precision = resolve(spec.precision, device)
    stages = staged.stages_of(spec.plan, spec.image_size, GROUPS)
    pictures.describe(job, precision)

    items = _load(spec, stages[0].image_size, job)
    split = block.split(items, spec.dataset)
    pictures.say(items, split, job)
    truths = pictures.one_hot(items)
    _say_rare(items, truths[split.valid], job)
    targets = torch.from_numpy(truths.astype(np.float32))  # BCE wants floats: a target is a probability too

    @lru_cache(maxsize=1)
    def data_at(size: Size) -> Data:
        sized = items if size == stages[0].image_size else _load(spec, size, job)
        return pictures.batches(spec, sized, targets, split, device)

    model = build_model(spec.arch, spec.weights, len(items.classes), seed=spec.seed).to(device)
    shares = truths[split.train].mean(0)
    known = multilabel.baselines(shares, truths[split.valid])
    answers = ManyAnswers(spec.threshold, _beside(known))
    learner = Tuner(
        model,
        adamw(model, spec.weight_decay),
        F.binary_cross_entropy_with_logits,
        data_at(stages[0].image_size),
        precision,
        metrics={"accuracy_multi": answers.hear},
        seed=spec.seed,
        train_bn=spec.frozen_body == "batchnorm_trains",
        data_at=data_at,
    )
    learner.callbacks[:0] = [pace, answers, memory, last_good]
    learner.computed_once = spec.frozen_body == "computed_once"
    job.save("plan.json", _facts(spec, stages, learner, items, split, known, shares))

    try:
        learner.fit(learner.plan(stages), job, resume=True)
    except Diverged as error:
        raise UserError(staged.way_back(job, last_good, error, learner.leg.name, goes_on=False)) from None

    # A run that was resumed after its last validation has not heard it.
    if not answers.outputs:
        learner.evaluate(data_at(stages[-1].image_size).valid)
    logits, y = answers.gathered()
    p = sweep.sigmoid(logits).astype(np.float32)
    job.progress(learner.steps_planned, learner.steps_planned, "thresholds and export")
    job.save("predictions", _predictions(logits, p, y, items, split.valid))
    last = items if stages[-1].image_size == stages[0].image_size else _load(spec, stages[-1].image_size, job)
    job.save("pictures", _kept_pictures(last, split.valid))
    tuned = tune(p, y, items.classes, metric="f2")
    metrics = {
        "valid_loss": float(multilabel.binary_cross_entropy(sweep.sigmoid(logits), y).mean()),
        **{name: value for name, value in multilabel.judged(p, y, spec.threshold).items() if np.isfinite(value)},
        **{f"nothing_{name}": value for name, value in known.nothing.items() if np.isfinite(value)},
        **{f"priors_{name}": value for name, value in known.priors.items() if np.isfinite(value)},
        "threshold_best": tuned.global_threshold,
        "f2_samples_best": tuned.seen,
        "f2_samples_expected": tuned.expected,
    }  # fmt: skip
    _export(job, spec, stages, learner, items, tuned.card() | {"chosen": False}, metrics)
    return metrics | staged.of_this_run(stages, pace, memory, model)


def _beside(known: multilabel.Baselines) -> dict[str, float]:
    return {
        f"{who}_{name}": values[name]
        for who, values in (("nothing", known.nothing), ("priors", known.priors))
        for name in LOGGED
    }


def _load(spec: ThresholdsSpec, size: Size, job: Job) -> Items:
    items = pictures.load(spec, size, job)
    if items.task != "multi_label":
        raise UserError(
            f"{items.name} has {items.task.replace('_', ' ')} targets; this lesson needs several labels per picture. "
            "Choose tiles, voc2007, planet or a CSV of your own with a column of labels."
        )
    if not items.classes:
        raise UserError(f"No item of {items.name} has a label. Give at least one label to some of them.")
    return items


def _say_rare(items: Items, valid: np.ndarray, job: Job) -> None:
    """Some labels may have hardly any example to be judged by: say so before anybody believes a number."""
    counts = valid.sum(0)
    absent = [name for name, count in zip(items.classes, counts, strict=True) if count == 0]
    few = [f"{n} {name}" for name, n in zip(items.classes, counts, strict=True) if 0 < n < multilabel.FEW_POSITIVES]
    if absent:
        job.note(f"No valid picture shows {', '.join(absent)}: its metrics are undefined and left out of means.")
    if few:
        job.note(f"Few valid examples ({', '.join(few)}): figures of these labels are uncertain.")


def _facts(spec, stages, learner: Tuner, items: Items, split, known: multilabel.Baselines, shares) -> dict[str, Any]:
    """What pages need to draw the run while it runs: steps, baselines, classes."""
    return staged.facts(stages, learner) | {
        "classes": list(items.classes),
        "shares": shares,
        "train_items": len(split.train),
        "valid_items": len(split.valid),
        "split": split.how,
        "threshold": spec.threshold,
        "nothing": {k: v for k, v in known.nothing.items() if np.isfinite(v)},
        "priors": {k: v for k, v in known.priors.items() if np.isfinite(v)},
        "priors_threshold": known.priors_threshold,
    }


def _predictions(logits: np.ndarray, p: np.ndarray, y: np.ndarray, items: Items, rows: np.ndarray) -> dict:
    names = np.asarray(items.table["item"].tolist(), str)[rows]
    return {
        "probs": p,
        "logits": logits,
        "targets": y,
        "items": names,
        "rows": rows,
        "classes": np.asarray(items.classes),
    }


def _kept_pictures(items: Items, valid: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures of the valid items, evenly thinned where they are too many: ``pictures`` and ``places`` in valid."""
    most = max(24, PICTURE_BYTES // int(np.prod(items.images.shape[1:])))
    step = -(-len(valid) // most)
    places = np.arange(0, len(valid), step)
    return {"pictures": np.asarray(items.images[valid[places]]), "places": places}


def _export(job: Job, spec: ThresholdsSpec, stages: list[Stage], learner: Tuner, items: Items, chosen, metrics) -> None:
    """The model as ONNX with its card, in which the thresholds travel."""
    card = staged.card(
        spec,
        stages,
        format=CARD_FORMAT,
        task="multi_label",
        classes=list(items.classes),
        fitted="crop",
        data_fingerprint=items.fingerprint,
        f2_samples=metrics["f2_samples"],
        priors_f2_samples=metrics["priors_f2_samples"],
        thresholds=chosen,
    )
    job.save("card.json", card)
    model = copy.deepcopy(learner.model).cpu().float().eval()
    size, (mean, std) = staged.height_width(stages[-1].image_size), normalisation(spec.arch, spec.weights)
    # Its own last layer is the sigmoid reading already.
    job.save("model.onnx", to_onnx(model.body, model.head, model.head[-1], size, mean, std))
