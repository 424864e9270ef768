"""What happens around the training loop, one small class for each concern.

A callback has methods named after the loop's events (``before_fit``, ``before_leg``, ``before_step``, ``after_step``,
``before_validate``, ``after_valid_batch``, ``after_epoch``, ``after_leg``, ``before_checkpoint``, ``after_fit``), each
called with the learner. One with ``state`` and ``load_state`` has its memory in the checkpoint.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import safetensors.torch
import torch
from torch import Tensor

from labcore.errors import UserError
from labcore.settings import settings
from labcore.training.optimizer import set_rates

if TYPE_CHECKING:
    from labcore.training.learner import Learner

FLUSH_SECONDS = 0.1
"""Losses leave the device at most this often: nobody sees more, and every copy costs the loop a little."""
SMOOTHING = 0.98
"""Weight of the past in the smoothed loss (fastai's ``AvgSmoothLoss``)."""
CHECKPOINT_SHARE = 0.02
"""Checkpoints come every ``LAB_CHECKPOINT_SECONDS``, but so seldom that writing them takes at most this share."""


class JobLike(Protocol):
    """What training needs of a job (``labcore.runs.job.Job`` is one)."""

    @property
    def stop_requested(self) -> bool: ...
    def stop_here(self) -> None: ...
    def log_many(self, series: str, steps: Sequence[int], values: Sequence[float]) -> None: ...
    def log(self, series: str, step: int, value: float) -> None: ...
    def save(self, name: str, value: Any) -> Any: ...
    def progress(self, done: int, total: int, message: str = "") -> None: ...
    def note(self, text: str) -> None: ...
    def checkpoint(self, data: bytes, step: int) -> None: ...
    def restore(self) -> bytes | None: ...
    def turn(self) -> None: ...


class EndOfFit(Exception):
    """Raised by a callback that has seen enough: training ends here, and that is no error."""


class Diverged(UserError):
    """The loss is no number any more."""


class Schedule:
    """Sets each group's rate and the momentum before each step."""

    def before_leg(self, learner: Learner) -> None:
        self.rates, self.momentum = learner.leg.rates.tolist(), learner.leg.momentum.tolist()

    def before_step(self, learner: Learner) -> None:
        set_rates(learner.optimizer, self.rates[learner.leg_step], self.momentum[learner.leg_step])


class Smoother:
    """Exponentially weighted mean, corrected for its start at 0 (fastai's ``AvgSmoothLoss``)."""

    def __init__(self, beta: float = SMOOTHING) -> None:
        self.beta, self.sum, self.count = beta, 0.0, 0

    def __call__(self, value: float) -> float:
        self.count += 1
        self.sum = value + self.beta * (self.sum - value)
        return self.sum / (1 - self.beta**self.count)


class Recorder:
    """Writes down the loss of every step, raw and smoothed, with its rates, without making the device wait.

    Losses stay where they are made. Ten times a second those at hand are copied off in one piece; on a GPU the copy
    runs beside the training and is picked up the next time.

    Args:
        name: series of the raw loss.
        beta: smoothing.
        until: asked for each point with its smoothed loss; the first True ends training with this point.
        nan_ends: a loss that is no number ends training quietly instead of failing it.

    Attributes:
        history: (step, rate of the last group, loss, smoothed loss) of every point written down since the last
            checkpoint was loaded.
    """

    def __init__(
        self,
        name: str = "train_loss",
        beta: float = SMOOTHING,
        until: Callable[[float], bool] | None = None,
        nan_ends: bool = False,
    ) -> None:
        self.name, self.until, self.nan_ends = name, until, nan_ends
        self.smooth = Smoother(beta)
        self.waiting: list[tuple[int, list[float], int, Tensor]] = []
        self.leaving: tuple[list[tuple[int, list[float], int, Tensor]], Tensor, Any] | None = None
        self.history: list[tuple[int, float, float, float]] = []
        self.clock = self.flushed = time.perf_counter()

    def before_leg(self, learner: Learner) -> None:
        self.rates = learner.leg.rates.tolist()
        self.clock = time.perf_counter()

    def after_step(self, learner: Learner) -> None:
        rates = self.rates[learner.leg_step - 1]
        self.waiting.append((learner.steps_done, rates, len(learner.batch.x), learner.train_loss))
        if time.perf_counter() - self.flushed >= FLUSH_SECONDS:
            self.flush(learner)

    def before_validate(self, learner: Learner) -> None:
        self.flush(learner, wait=True)

    before_checkpoint = before_validate
    after_leg = before_validate

    def after_epoch(self, learner: Learner) -> None:
        for name, value in learner.measured.items():
            learner.job.log(name, learner.steps_done, value)
        self.clock = time.perf_counter()  # images per second speak of training, not of validation

    def flush(self, learner: Learner, wait: bool = False) -> None:
        """Start the copy of new losses, and write down those that have arrived (all of them with ``wait``)."""
        self.flushed = time.perf_counter()
        self._arrive(learner, wait)
        if self.waiting and self.leaving is None:
            rows, self.waiting = self.waiting, []
            losses = torch.stack([loss for *_, loss in rows])
            event = None
            if losses.is_cuda:
                there = torch.empty(losses.shape, dtype=losses.dtype, pin_memory=True)
                losses, event = there.copy_(losses, non_blocking=True), torch.cuda.Event()
                event.record()
            self.leaving = rows, losses, event
            self._arrive(learner, wait)

    def _arrive(self, learner: Learner, wait: bool) -> None:
        if self.leaving is None:
            return
        rows, losses, event = self.leaving
        if event is not None:
            if wait:
                event.synchronize()
            elif not event.query():
                return
        self.leaving = None
        self._write(learner, rows, losses.tolist())

    def _write(self, learner: Learner, rows: list[tuple[int, list[float], int, Tensor]], losses: list[float]) -> None:
        good, smoothed, ended = 0, [], False
        for loss in losses:
            if not math.isfinite(loss) or ended:
                break
            smoothed.append(self.smooth(loss))
            ended = self.until is not None and self.until(smoothed[-1])
            good += 1
        steps = [step for step, *_ in rows[:good]]
        self._log(learner, steps, rows[:good], losses[:good], smoothed)
        if ended or (good < len(rows) and self.nan_ends):
            raise EndOfFit
        if good < len(rows):
            step, rates, *_ = rows[good]
            raise Diverged(
                f"The loss became {losses[good]} at step {step}, in stage {learner.leg.name}, at rate {rates[-1]:.2g}. "
                "Choose a lower rate, or go on from the last good checkpoint with one."
            )

    def _log(self, learner: Learner, steps: list[int], rows: list, losses: list[float], smoothed: list[float]) -> None:
        if not steps:
            return
        job = learner.job
        job.log_many(self.name, steps, losses)
        job.log_many("smooth_loss", steps, smoothed)
        rates = [rates for _, rates, *_ in rows]
        last = [groups[-1] for groups in rates]
        job.log_many("lr", steps, last)
        if any(rate != rates[0][-1] for rate in rates[0]):
            for group in range(len(rates[0])):
                job.log_many(f"lr_group_{group}", steps, [groups[group] for groups in rates])
        self.history += zip(steps, last, losses, smoothed, strict=True)
        now = time.perf_counter()
        job.log("images_per_second", steps[-1], sum(items for _, _, items, _ in rows) / max(now - self.clock, 1e-9))
        self.clock = now
        job.progress(steps[-1], learner.steps_planned, learner.leg.name)

    def state(self) -> list[float]:
        return [self.smooth.sum, self.smooth.count]

    def load_state(self, state: list[float]) -> None:
        self.smooth.sum, self.smooth.count = state


class Checkpoints:
    """Keeps a checkpoint every few seconds, and one after each epoch if that is not too often."""

    def before_fit(self, learner: Learner) -> None:
        self.every = settings().checkpoint_seconds
        self.next = time.perf_counter() + self.every

    def after_step(self, learner: Learner) -> None:
        began = time.perf_counter()
        if began >= self.next:
            learner.checkpoint()
            now = time.perf_counter()
            self.next = now + max(self.every, (now - began) / CHECKPOINT_SHARE)


class Stages:
    """Keeps the weights of each finished stage under its name."""

    def after_leg(self, learner: Learner) -> None:
        name = re.sub(r"[^\w.-]+", "_", learner.leg.name)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in learner.model.state_dict().items()}
        learner.job.save(f"stage-{name}.safetensors", safetensors.torch.save(tensors))


class Stop:
    """Ends training within one batch of being asked to, leaving a checkpoint to go on from if it is ``resumable``."""

    def __init__(self, resumable: bool = True) -> None:
        self.resumable = resumable

    def after_step(self, learner: Learner) -> None:
        if learner.job.stop_requested:
            if self.resumable:
                learner.checkpoint()
            learner.job.stop_here()

    after_valid_batch = after_step


class Turn:
    """Lets the other lanes of a race go once after every batch."""

    def after_step(self, learner: Learner) -> None:
        learner.job.turn()

    after_valid_batch = after_step


def default_callbacks() -> list[Any]:
    """The callbacks of an ordinary fit, in the order in which they act."""
    return [Schedule(), Recorder(), Stages(), Checkpoints(), Stop(), Turn()]
