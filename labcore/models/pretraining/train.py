"""The pretraining run: pictures in, a backbone out, with everything it takes to go on after a break."""

import copy
import csv
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from labcore.models.pretraining.learner import WEIGHTS_OF_LOSSES, Batches, Questions, losses
from labcore.models.pretraining.pictures import Pictures
from labcore.models.pretraining.schedule import rate

LOG_EVERY = 25
LOG_FIELDS = ("step", "pictures", "seconds", "rate", "loss", *WEIGHTS_OF_LOSSES, "kind_accuracy")
EMA_DECAY = 0.998
"""Averages the last 500 steps or so: the average, not the last step, is what is kept."""
AVERAGE_EVERY = 4
"""Steps between two updates of the average: four times less work for the same average."""
WEIGHT_DECAY = 0.05


@dataclass(frozen=True)
class Plan:
    """How to train: ``seen`` pictures in all (with repetition), in batches, at one size."""

    arch: str = "mobilenetv3_small_100"
    seen: int = 900_000
    batch: int = 128
    size: int = 64
    peak_rate: float = 3e-3
    decay: float = 0.3
    seed: int = 0
    precision: str = "fp32"

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.seen // self.batch


class Pretraining:
    """One run that can be saved and gone on with.

    Inside a process group each process learns from its share of every batch and gradients are averaged: on a CPU two
    processes of one thread were measured to see 2 to 8 times as many pictures as one process of two.
    """

    def __init__(self, plan: Plan, pictures: Pictures, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.step, self.seconds = plan, folder, 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        kinds = int(pictures.kind.max()) + 1
        self.net = Questions(plan.arch, kinds).to(memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.net)
        self.rank, self.processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self.batches = Batches(pictures, plan.size, plan.batch // self.processes, plan.seed, self.rank)
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        free = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": free, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.peak_rate, fused=True)

    @property
    def log(self) -> Path:
        """The run's curve, a CSV with ``LOG_FIELDS``."""
        return self.folder / f"{self.plan.arch}.csv"

    @property
    def checkpoint(self) -> Path:
        """Where the run's state is kept."""
        return self.folder / "checkpoint.safetensors"

    def train(self, until: int, save_every: int) -> None:
        """Go on to step ``until``, saving the state every ``save_every`` steps and at the end."""
        sums: dict[str, float] = {}
        while self.step < until:
            started = time.perf_counter()
            parts = self.one_step()
            self.seconds += time.perf_counter() - started
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            if self.step % LOG_EVERY == 0 and self.rank == 0:
                self._write_log({name: value / LOG_EVERY for name, value in sums.items()})
                sums.clear()
            if self.rank == 0 and (self.step % save_every == 0 or self.step == until):
                self.save()

    def one_step(self) -> dict[str, float]:
        """Draw a batch, ask, learn; returns each loss and two accuracies."""
        plan = self.plan
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.step, plan.steps, plan.peak_rate, plan.decay)
        images, truth = self.batches.draw()
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.precision == "bf16"):
            answers = {name: answer.float() for name, answer in self.net(images).items()}
        parts = losses(answers, truth)
        loss = sum(WEIGHTS_OF_LOSSES[name] * part for name, part in parts.items())
        self.optimiser.zero_grad()
        loss.backward()
        if self.processes > 1:
            self._share_gradients()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        if self.step % AVERAGE_EVERY == 0:
            self._average()
        hits = answers["kind"].argmax(1) == truth["kind"]
        values = {"loss": loss, **parts, "kind_accuracy": hits.float().mean()}
        return {name: float(value.detach()) for name, value in values.items()}

    def _share_gradients(self) -> None:
        gradients = [p.grad for p in self.net.parameters()]
        together = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(together)
        for gradient, mean in zip(
            gradients, (together / self.processes).split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view(gradient.shape))

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(EMA_DECAY**AVERAGE_EVERY, (1 + self.step) / (10 * AVERAGE_EVERY + self.step))
        for kept, new in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if new.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)

    def save(self) -> None:
        """Write everything that going on needs, by a rename, so that a cut never leaves half a file."""
        state = {f"net.{name}": value for name, value in self.net.state_dict().items()}
        state |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{number}.{name}": value for name, value in moments.items()}
        state["step"], state["seconds"] = torch.tensor(self.step), torch.tensor(self.seconds, dtype=torch.float64)
        scratch = self.checkpoint.with_suffix(".part")
        save_file({name: value.contiguous() for name, value in state.items()}, scratch)
        scratch.replace(self.checkpoint)

    def resume(self) -> bool:
        """Go back to the saved state, if any; the order of pictures starts afresh from the step's own stream."""
        if not self.checkpoint.exists():
            return False
        state = load_file(self.checkpoint)
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        for module, name in ((self.net, "net."), (self.average, "average.")):
            module.load_state_dict({key.removeprefix(name): v for key, v in state.items() if key.startswith(name)})
        known = self.optimiser.state_dict()
        for key, value in state.items():
            if key.startswith("optimiser."):
                _, number, moment = key.split(".", 2)
                known["state"].setdefault(int(number), {})[moment] = value
        self.optimiser.load_state_dict(known)
        self.batches.restart(self.step)
        if self.rank == 0 and self.log.exists():
            self._cut_log()
        return True

    def _cut_log(self) -> None:
        """Forget what was logged after the state was saved: those steps are taken anew."""
        rows = list(csv.reader(self.log.read_text().splitlines()))
        kept = [row for row in rows if row[0] == "step" or int(row[0]) <= self.step]
        with self.log.open("w", newline="") as file:
            csv.writer(file).writerows(kept)

    def _write_log(self, means: dict[str, float]) -> None:
        new = not self.log.exists()
        now = rate(self.step - 1, self.plan.steps, self.plan.peak_rate, self.plan.decay)
        row = {"step": self.step, "pictures": self.step * self.plan.batch, "seconds": round(self.seconds), "rate": now}
        with self.log.open("a", newline="") as file:
            writer = csv.DictWriter(file, LOG_FIELDS)
            if new:
                writer.writeheader()
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in (row | means).items()})
