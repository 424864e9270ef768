"""What experiments that train in stages share: their stages worked out, what pages draw of them, and the way back."""

import json
from typing import Any

from safetensors.torch import save
from torch import nn

from labcore.models.backbones import normalisation
from labcore.models.export import load_into
from labcore.models.groups import freeze_to, parameter_counts
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.specs import ImageSpec, Size, Stage
from labcore.training.learner import Learner
from labcore.training.plans import first_trained, names_of
from labcore.training.watch import LastGood, Memory, Pace

LAST_GOOD = "last-good"
"""Name of the stage file with the weights before the loss became no number."""


def stages_of(plan: tuple[Stage, ...], size: Size, groups: int) -> list[Stage]:
    """A plan's stages with a name and a picture size each.

    Raises:
        UserError: a stage freezes every group.
    """
    named = zip(plan, names_of(plan), strict=True)
    stages = [stage.but(name=name, image_size=stage.image_size or size) for stage, name in named]
    for stage in stages:
        first_trained(stage, groups)
    return stages


def height_width(size: Size) -> tuple[int, int]:
    """A picture size as (height, width)."""
    return (size, size) if isinstance(size, int) else tuple(size)


def start(model: nn.Module, start_from: str) -> None:
    """Load a stage of an earlier run, named RUN/STAGE; an empty name leaves the model as it is.

    Raises:
        UserError: there is no such stage, or it is of another model.
    """
    if start_from:
        run, _, name = start_from.partition("/")
        load_into(model, Artifacts().read(run, f"stage-{name}.safetensors"), f"Stage {start_from}")


def facts(stages: list[Stage], learner: Learner) -> dict[str, Any]:
    """``steps``, and ``stages`` each with ``first_step``, ``train_steps``, ``parameters`` by group and ``file``."""
    told, first = [], 0
    for stage, leg in zip(stages, learner.plan(stages), strict=True):
        freeze_to(learner.model, stage.freeze_to, learner.train_bn)
        told.append(
            stage.model_dump(mode="json")
            | {
                "first_step": first,
                "train_steps": leg.steps,
                "parameters": [{"trainable": on, "frozen": off} for on, off in parameter_counts(learner.model)],
                "file": f"stage-{stage.name}.safetensors",
            }
        )
        first += leg.steps
    return {"stages": told, "steps": first}


def way_back(job: Job, last_good: LastGood, error: Exception, stage: str, goes_on: bool = True) -> str:
    """Keep the last good weights of a run that diverged; the sentence that says so and what to do.

    ``goes_on`` says whether another run can start from them.
    """
    weights = {name: tensor.contiguous() for name, tensor in last_good.weights.items()}
    job.save(f"stage-{LAST_GOOD}.safetensors", save(weights))
    happened = str(error).partition(". ")[0].rstrip(".")
    kept = f"{happened}. The weights after {last_good.words} are kept as {LAST_GOOD}"
    if not goes_on:
        return f"{kept}: give stage {stage} a lower rate, a tenth for example, and train again."
    return f"{kept}: go on from them with a tenth of the rate, or give stage {stage} a lower one from the start."


def card(spec: ImageSpec, stages: list[Stage], *, format: str, task: str, **more: Any) -> dict[str, Any]:
    """What travels with an exported model: how to feed it, where it comes from, and ``more`` of its own."""
    mean, std = normalisation(spec.arch, spec.weights)
    return {
        "format": format,
        "task": task,
        "arch": spec.arch,
        "image_size": list(height_width(stages[-1].image_size)),
        "mean": list(mean),
        "std": list(std),
        "weights_file": f"stage-{stages[-1].name}.safetensors",
        "dataset": spec.dataset.name,
        **more,
        "spec": json.loads(spec.canonical()),
    }


def of_this_run(stages: list[Stage], pace: Pace, memory: Memory, model: nn.Module) -> dict[str, float]:
    """``epochs``, ``images_per_second`` while training, ``seconds``, ``memory`` (MB, peak) and ``parameters``."""
    return {
        "epochs": sum(stage.epochs for stage in stages if not stage.steps),
        "images_per_second": pace.images_per_second,
        "seconds": pace.seconds,
        "memory": memory.peak,
        "parameters": sum(p.numel() for p in model.parameters()),
    }
