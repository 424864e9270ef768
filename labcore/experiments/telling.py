"""What every run tells of itself: where it trains, in which number format, and what to mind in its data."""

import torch

from labcore.data.items import Items
from labcore.data.splits import Split
from labcore.runs.job import Job
from labcore.training.precision import Precision


def say(items: Items, split: Split, job: Job) -> None:
    """Leave on the run what its reader should know of the data: files left out, a doubtful split."""
    for warning in split.warnings:
        job.note(warning)
    if items.left_out:
        more = f" and {len(items.left_out) - 1} more" if len(items.left_out) > 1 else ""
        job.note(f"Left out: {items.left_out[0]}{more}")


def describe(job: Job, precision: Precision) -> None:
    """Record on the run where it trains and in which number format."""
    cuda = precision.device.type == "cuda"
    job.describe(
        device=torch.cuda.get_device_name(precision.device) if cuda else f"CPU, {torch.get_num_threads()} threads",
        environment={"precision": precision.name, "torch": torch.__version__, "threads": torch.get_num_threads()},
    )
    if precision.note:
        job.note(precision.note)
