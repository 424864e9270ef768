"""The kept weights: one safetensors file of fp16 tensors under timm's own names, and a card that says what they are."""

import datetime
import json
import platform
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy
import safetensors
import timm
import torch
from safetensors.torch import save_file

from labcore.models.pretraining.learner import MEAN, STD, WEIGHTS_OF_LOSSES
from labcore.models.pretraining.pictures import World
from labcore.models.pretraining.train import EMA_DECAY, WEIGHT_DECAY, Pretraining

SAW = (
    "Generated still lifes: assemblies of balls, tubes, cones, bowls, boxes and the like, of invented kinds that are "
    "no class of any data set of the lab, with generated surfaces, light, backdrops and clutter. No photograph, no "
    "picture of any lesson set, no weights of another net."
)


def save_weights(run: Pretraining, path: Path) -> None:
    """Write the averaged body as fp16 under the names of ``timm.create_model(arch, num_classes=0)``; counters stay int.

    Raises:
        ValueError: a value does not fit into half precision.
    """
    state = {}
    for name, value in run.average.body.state_dict().items():
        kept = value.half() if value.dtype.is_floating_point else value
        if not torch.isfinite(kept.float()).all():
            raise ValueError(f"{name} does not fit into half precision")
        state[name] = kept.contiguous()
    scratch = path.with_suffix(".part")
    about = {"format": "pt", "mean": json.dumps(MEAN), "std": json.dumps(STD), "description": SAW}
    save_file(state, scratch, metadata=about)
    scratch.replace(path)


def card(run: Pretraining, world: World) -> dict:
    """What a user must know of the weights, JSON-serialisable."""
    return {
        "arch": run.plan.arch,
        "library": f"timm {timm.__version__}",
        "parameters": sum(p.numel() for p in run.net.body.parameters()),
        "weights_precision": "float16",
        "mean": MEAN,
        "std": STD,
        "input": f"RGB, 0..1 before normalisation, trained at {run.plan.size} pixels",
        "saw": SAW,
        "world": asdict(world),
        "plan": asdict(run.plan),
        "questions": WEIGHTS_OF_LOSSES,
        "ema_decay": EMA_DECAY,
        "weight_decay": WEIGHT_DECAY,
        "pictures_seen": run.step * run.plan.batch,
        "epochs": round(run.step * run.plan.batch / world.count, 1),
        "steps": run.step,
        "finished": run.step >= run.plan.steps,
        "training_seconds": round(run.seconds),
        "device": f"CPU {_processor()}, {run.processes} processes of one thread, shared with other work",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
            "timm": timm.__version__,
            "numpy": numpy.__version__,
            "safetensors": safetensors.__version__,
        },
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "licence": "Apache-2.0",
        "made_by": "Unfreeze: python -m labcore.models.pretraining",
    }


def publish(run: Pretraining, world: World, folder: Path) -> None:
    """Put weights, card and log of the run's present state into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(run, folder / f"{run.plan.arch}.safetensors")
    text = json.dumps(card(run, world), indent=2) + "\n"
    (folder / f"{run.plan.arch}.json").write_text(text, encoding="utf-8")
    shutil.copyfile(run.log, folder / f"{run.plan.arch}.csv")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()
