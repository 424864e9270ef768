"""Training in one or several processes of one thread each."""

import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from labcore.models.pretraining.export import publish
from labcore.models.pretraining.pictures import Pictures, World, make
from labcore.models.pretraining.train import Plan, Pretraining

PUBLISH_EVERY = 200
"""Steps between two saved states."""


@dataclass(frozen=True)
class Job:
    """What to train, on which pictures, with pictures and state in ``scratch``; the weights go to ``out``."""

    plan: Plan
    world: World
    scratch: Path
    out: Path

    def pictures(self, workers: int) -> Pictures:
        """The world's pictures, drawn where they are missing."""
        return make(self.world, self.scratch / "world", workers)


def train_together(job: Job, processes: int) -> None:
    """Draw what is missing and train to the end in ``processes`` processes."""
    job.pictures(processes)
    if processes == 1:
        train(job)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit ends daemons too: none may train on unseen
    with tempfile.TemporaryDirectory() as meeting:
        torch.multiprocessing.spawn(_join, (job, processes, f"file://{meeting}/point"), nprocs=processes, daemon=True)


def _join(rank: int, job: Job, processes: int, meeting: str) -> None:
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    train(job)
    dist.destroy_process_group()


def train(job: Job) -> None:
    """Train to the end, from the last saved state if there is one; the first process publishes."""
    torch.set_num_threads(1)  # threads inside one small net wait for each other more than they help
    plan = job.plan
    run = Pretraining(plan, job.pictures(1), job.scratch / plan.arch)
    if run.resume() and run.rank == 0:
        print(f"going on at step {run.step:,} of {plan.steps:,}")
    while run.step < plan.steps:
        run.train(min(plan.steps, run.step + PUBLISH_EVERY - run.step % PUBLISH_EVERY), PUBLISH_EVERY)
        if run.rank == 0:
            publish(run, job.world, job.out)
            print(f"step {run.step:,} of {plan.steps:,}, {run.seconds / 60:.0f} minutes; see {run.log}", flush=True)
