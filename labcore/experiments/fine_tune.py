"""The discriminative fine-tuner: train the head, unfreeze, small rates for early layers and large ones for late."""

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labcore.data.splits import order
from labcore.errors import UserError
from labcore.evaluation.classification import baseline
from labcore.experiments import pictures, staged
from labcore.experiments.fine_tune_data import Lessons, lessons
from labcore.models.backbones import build_model, normalisation
from labcore.models.export import to_onnx
from labcore.models.groups import freeze_to, parameter_counts
from labcore.runs.job import Job
from labcore.specs import FineTuneSpec, Stage
from labcore.training.callbacks import Diverged
from labcore.training.one_vs_rest import fit_one_vs_rest
from labcore.training.optimizer import adamw
from labcore.training.precision import resolve, resolve_device
from labcore.training.tuner import Tuner, rest_batchnorm
from labcore.training.watch import Answers, LastGood, Memory, Pace
from labcore.training.xray import XRay

GROUPS = ("early body", "late body", "head")
"""Names of the parameter groups: layers down to an eighth of the picture's side, the other layers, the head."""
PLAIN_ITEMS = 2_000
"""Training pictures measured once more at the end, without dropout and augmentation; enough for two digits."""
CARD_FORMAT = "unfreeze-classifier-1"


def run(spec: FineTuneSpec, job: Job) -> dict[str, Any]:
    """Carry out a plan.

    Returns:
        ``valid_loss``, ``error_rate``, ``baseline_error_rate`` (always the most frequent class), ``train_loss_plain``
        (measured like the valid loss), ``images_per_second`` while training, ``seconds`` of this run alone (without
        the turns of a race's other lanes), ``memory`` (MB, peak), ``epochs``, ``parameters``; with gathered pictures
        also the error on old, taught and held-back ones, before and after.

    Raises:
        UserError: data, plan, weights or device do not make sense together, or the loss became no number.
    """
    pace, memory, last_good = Pace(job), Memory(), LastGood()
    job = pace.job

    device = resolve_device(spec.device)
    precision = resolve(spec.precision, device)
    stages = staged.stages_of(spec.plan, spec.image_size, len(GROUPS))
    # A plan of single steps is a sprint (the LR finder's jury): it is judged by its curves and leaves no model behind.
    sprint = all(stage.steps for stage in stages)

    taught = lessons(spec, device, job)
    model = build_model(spec.arch, spec.weights, len(taught.classes), seed=spec.seed, head=spec.head)
    staged.start(model, spec.start_from)
    model.to(device)
    pictures.describe(job, precision)

    answers = Answers(taught.picture_of, save=not sprint)
    learner = Tuner(
        model,
        adamw(model, spec.weight_decay),
        F.cross_entropy,
        taught.at(stages[-1].image_size),
        precision,
        metrics={"error_rate": answers.measure},
        seed=spec.seed,
        train_bn=spec.frozen_body == "batchnorm_trains",
        data_at=taught.at,
    )
    # Before the default ones, so that a checkpoint has what these have to say of its step.
    learner.callbacks[:0] = [pace, answers, memory, *([] if sprint else [last_good, XRay(model)])]
    learner.computed_once = spec.frozen_body == "computed_once"
    legs = learner.plan(stages)
    job.save("plan.json", _plan_facts(spec, stages, learner, taught))
    before = _judge_gathered(learner, taught)

    try:
        learner.fit(legs, job, resume=True)
    except Diverged as error:
        if not sprint:
            raise UserError(staged.way_back(job, last_good, error, learner.leg.name)) from None
        job.note(str(error))
        return staged.of_this_run(stages, pace, memory, model) | {"diverged": True}

    logits, targets = _outputs(answers) or learner.predictions(learner.data.valid)
    metrics = _judged(logits, targets) | {
        "baseline_error_rate": baseline(taught.train_labels, targets.numpy(), len(taught.classes)).error_rate,
    }
    job.save("predictions", _predictions(logits, targets, taught))
    if not sprint:
        plain, alone = _plain_look(learner, taught)
        metrics["train_loss_plain"] = plain
        metrics |= _compared(before, _judge_gathered(learner, taught))
        _export(job, spec, stages, learner, taught, alone, metrics)
    return metrics | staged.of_this_run(stages, pace, memory, model)


def _plan_facts(spec: FineTuneSpec, stages: list[Stage], learner: Tuner, taught: Lessons) -> dict[str, Any]:
    """What pages need to draw the plan as it runs: steps, groups, and what each stage trains."""
    model, facts, first = learner.model, [], 0
    for stage, leg in zip(stages, learner.plan(stages), strict=True):
        freeze_to(model, stage.freeze_to, learner.train_bn)
        if learner.computed_once:
            rest_batchnorm(model)
        facts.append(
            stage.model_dump(mode="json")
            | {
                "first_step": first,
                "train_steps": leg.steps,
                "steps_per_epoch": len(taught.at(stage.image_size).train),
                "parameters": [{"trainable": on, "frozen": off} for on, off in parameter_counts(model)],
                "file": f"stage-{stage.name}.safetensors",
            }
        )
        first += leg.steps
    return {
        "stages": facts,
        "groups": list(GROUPS),
        "classes": list(taught.classes),
        "train_items": len(taught.train_labels),
        "valid_items": len(learner.data.valid.indices),
        "split": taught.split_words,
        "steps": first,
        "frozen_body": spec.frozen_body,
    }


def _outputs(answers: Answers) -> tuple[Tensor, Tensor] | None:
    """What the last validation saw; None for a run that was resumed after it."""
    if not answers.outputs:
        return None
    logits, targets = zip(*answers.outputs, strict=True)
    return torch.cat(logits).float().cpu(), torch.cat(targets).cpu()


def _judged(logits: Tensor, targets: Tensor) -> dict[str, float]:
    return {
        "valid_loss": F.cross_entropy(logits.double(), targets.long()).item(),
        "error_rate": (logits.argmax(dim=1) != targets).double().mean().item(),
    }


def _predictions(logits: Tensor, targets: Tensor, taught: Lessons) -> dict[str, np.ndarray]:
    rows = taught.valid_rows
    return {
        "probs": logits.softmax(dim=1).numpy(),
        "logits": logits.numpy(),
        "targets": targets.numpy().astype(np.int64),
        "items": taught.names[rows],
        "rows": rows,
        "classes": np.asarray(taught.classes),
    }


def _plain_look(learner: Tuner, taught: Lessons) -> tuple[float, torch.nn.Linear]:
    """Loss on training pictures measured like the valid loss, and the sigmoid layer fitted on the same pass."""
    rows = taught.train_rows[order(len(taught.train_rows), 0)[:PLAIN_ITEMS]]
    features, logits, targets = learner.necks(taught.plain(rows))
    loss = F.cross_entropy(logits.double(), targets.long()).item()
    return loss, fit_one_vs_rest(features, targets.long(), len(taught.classes))


def _judge_gathered(learner: Tuner, taught: Lessons) -> dict[str, float]:
    """Error on old valid pictures, and on the gathered ones that are taught and that are held back."""
    found = {}
    for name, rows in taught.gathered_parts().items():
        _, logits, targets = learner.necks(taught.plain(rows))
        found[name] = _judged(logits, targets)["error_rate"]
    return found


def _compared(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {f"error_{part}_before": before[part] for part in before} | {
        f"error_{part}_after": after[part] for part in after
    }


def _export(
    job: Job,
    spec: FineTuneSpec,
    stages: list[Stage],
    learner: Tuner,
    taught: Lessons,
    alone: torch.nn.Linear,
    metrics: dict[str, float],
) -> None:
    """The model as ONNX and its card; the safetensors of the last stage are there already."""
    card = staged.card(
        spec,
        stages,
        format=CARD_FORMAT,
        task="single_label",
        head=spec.head,
        classes=list(taught.classes),
        fitted="crop",
        data_fingerprint=taught.fingerprint,
        train_items=len(taught.train_labels),
        error_rate=metrics["error_rate"],
        baseline_error_rate=metrics["baseline_error_rate"],
    )
    job.save("card.json", card)
    job.progress(learner.steps_planned, learner.steps_planned, "export")
    model = copy.deepcopy(learner.model).cpu().float().eval()
    size, (mean, std) = staged.height_width(stages[-1].image_size), normalisation(spec.arch, spec.weights)
    job.save("model.onnx", to_onnx(model.body, model.head, alone, size, mean, std))
