"""The learning-rate range test: train a little with a growing rate, watch the loss, then put everything back.

References: Smith, arXiv:1506.01186, section 3.3 (linear growth, accuracy); fastai 2.8's ``lr_find`` (exponential
growth, smoothed training loss, one mini-batch per rate, stop at four times the best loss).
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from labcore.data.batches import Batches
from labcore.evaluation.lr_finder import DIVERGED
from labcore.training.callbacks import JobLike, Recorder, Schedule, Stop, Turn
from labcore.training.learner import Learner, Leg
from labcore.training.optimizer import load_optimizer
from labcore.training.schedules import MOMENTUM, exponential, linear


@dataclass(frozen=True)
class RangeTest:
    """What a range test saw. All arrays have one value per rate tried, up to where it ended.

    Attributes:
        lrs: rates, growing.
        losses: training loss of the one batch at each rate, before its step.
        smooth_losses: the same, smoothed; what fastai's rules read.
        beside: further series by name: ``valid_loss`` after each step, ``accuracy`` of each batch.
    """

    lrs: np.ndarray
    losses: np.ndarray
    smooth_losses: np.ndarray
    beside: dict[str, np.ndarray]


def sweep_rates(start: float, end: float, num_it: int, sweep: Literal["exponential", "linear"]) -> np.ndarray:
    """[num_it] rates from ``start`` towards ``end``, which itself is not reached (as in fastai)."""
    return (exponential if sweep == "exponential" else linear)(start, end, np.arange(num_it) / num_it)


def range_test(
    learner: Learner,
    job: JobLike,
    *,
    start: float = 1e-7,
    end: float = 10.0,
    num_it: int = 100,
    sweep: Literal["exponential", "linear"] = "exponential",
    stop_early: bool = True,
    smoothing: float = 0.98,
    valid: Batches | None = None,
    accuracy: bool = False,
) -> RangeTest:
    """Try growing rates, one mini-batch each, and leave the learner as it was, bit for bit.

    Points go to the job as series ``loss``, ``smooth_loss``, ``lr`` and, where asked for, ``valid_loss`` and
    ``accuracy``. The model keeps the freezing it comes with; all groups get the same rate.

    Args:
        learner: a learner ready to train.
        job: where points go, and who may ask to stop.
        start, end, num_it, sweep: which rates.
        stop_early: end once the smoothed loss exceeds four times its best. A loss that is no number always ends it.
        smoothing: weight of the past in the smoothed loss.
        valid: also measure the loss on these, after each step.
        accuracy: also record the accuracy of each batch.
    """
    rates = np.repeat(sweep_rates(start, end, num_it, sweep)[:, None], len(learner.model.groups()), axis=1)
    recorder = Recorder("loss", smoothing, _diverging() if stop_early else None, nan_ends=True)
    beside = [ValidLoss(recorder, valid)] * (valid is not None) + [BatchAccuracy(recorder)] * accuracy
    with restored(learner):
        learner.callbacks = [Schedule(), *beside, recorder, Stop(resumable=False), Turn()]
        learner.fit([Leg("range test", rates, np.full(num_it, MOMENTUM))], job, validate=False)
        for series in beside:
            series.write(job)
    _, lrs, losses, smoothed = np.array(recorder.history, float).reshape(-1, 4).T
    return RangeTest(lrs, losses, smoothed, {series.name: np.array(series.values) for series in beside})


class Beside:
    """A series beside the loss, written as far as the recorder has decided that the test goes."""

    name: str

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.waiting: list[tuple[int, Tensor | float]] = []
        self.values: list[float] = []

    def write(self, job: JobLike) -> None:
        """Log the points up to the last one that the recorder has logged."""
        last = self.recorder.history[-1][0] if self.recorder.history else 0
        ready = [(step, float(value)) for step, value in self.waiting if step <= last]
        self.waiting = self.waiting[len(ready) :]
        if ready:
            job.log_many(self.name, [step for step, _ in ready], [value for _, value in ready])
            self.values += [value for _, value in ready]


class ValidLoss(Beside):
    """The loss on fixed pictures after each step."""

    name = "valid_loss"

    def __init__(self, recorder: Recorder, valid: Batches) -> None:
        super().__init__(recorder)
        self.valid = valid

    def after_step(self, learner: Learner) -> None:
        self.waiting.append((learner.steps_done, learner.evaluate(self.valid)["valid_loss"]))
        self.write(learner.job)


class BatchAccuracy(Beside):
    """The share of each training batch that is classified rightly before its step, overheard where the loss is."""

    name = "accuracy"

    def before_fit(self, learner: Learner) -> None:
        self.hits: list[Tensor] = []
        loss = learner.loss

        def overheard(predictions: Tensor, y: Tensor) -> Tensor:
            if learner.model.training:
                self.hits.append((predictions.detach().argmax(1) == y).sum())
            return loss(predictions, y)

        learner.loss = overheard

    def after_step(self, learner: Learner) -> None:
        self.waiting.append((learner.steps_done, torch.stack(self.hits).sum() / len(learner.batch.x)))
        self.hits.clear()
        self.write(learner.job)


@contextmanager
def restored(learner: Learner) -> Iterator[None]:
    """Whatever happens inside, model, optimiser, BatchNorm statistics, scaler and random streams are put back."""
    model = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    optimizer = copy.deepcopy(learner.optimizer.state_dict())
    scaler = copy.deepcopy(learner.precision.scaler.state_dict())
    modes = [(module, module.training) for module in learner.model.modules()]
    attributes = learner.loss, learner.callbacks, learner.pieces
    device = learner.precision.device
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        learner.zero_grad()
        learner.model.load_state_dict(model)
        load_optimizer(learner.optimizer, optimizer)
        learner.precision.scaler.load_state_dict(scaler)
        for module, training in modes:
            module.training = training
        learner.loss, learner.callbacks, learner.pieces = attributes


def _diverging() -> Callable[[float], bool]:
    best = float("inf")

    def diverged(smoothed: float) -> bool:
        nonlocal best
        best = min(best, smoothed)
        return smoothed > DIVERGED * best

    return diverged
