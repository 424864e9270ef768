"""What a fine-tuning run watches beside its losses: its answers, its pace, its memory, and a way back."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import torch
import torch.nn.functional as F
from torch import Tensor

from labcore.training.callbacks import JobLike
from labcore.training.learner import Learner

SHOWN = 12
"""Wrong pictures kept after each epoch: what a screen shows at a glance."""
MEMORY_SECONDS = 1.0


class Answers:
    """Keeps the last validation's outputs, and after each epoch the pictures that the net is most wrong about.

    ``measure`` is given to the Learner as the metric ``error_rate``, so that no picture is sent through twice.

    Args:
        picture_of: item index to its uint8 picture [H, W, 3].
        save: whether to keep pictures; short races leave them out.
    """

    def __init__(self, picture_of: Callable[[np.ndarray], np.ndarray], save: bool) -> None:
        self.picture_of, self.save = picture_of, save
        self.outputs: list[tuple[Tensor, Tensor]] = []

    def measure(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Error rate of one batch."""
        self.outputs.append((predictions.detach(), targets))
        return (predictions.argmax(dim=1) != targets).float().mean()

    def before_validate(self, learner: Learner) -> None:
        self.outputs = []

    def after_epoch(self, learner: Learner) -> None:
        if not self.outputs or not self.save:
            return
        logits, targets = (torch.cat(part).float().cpu() for part in zip(*self.outputs, strict=True))
        targets, probabilities = targets.long(), logits.softmax(dim=1)
        said, losses = probabilities.argmax(dim=1), F.cross_entropy(logits, targets, reduction="none")
        wrong = torch.nonzero(said != targets).flatten()
        worst = wrong[losses[wrong].argsort(descending=True, stable=True)][:SHOWN]
        items = learner.valid.indices[worst].numpy()
        learner.job.save(
            "wrong_now",
            {
                "pictures": self.picture_of(items),
                "items": items,
                "actual": targets[worst].numpy(),
                "said": said[worst].numpy(),
                "surely": probabilities[worst, said[worst]].numpy(),
                "step": np.asarray(learner.steps_done),
                "wrong": np.asarray(len(wrong)),
                "of": np.asarray(len(targets)),
            },
        )


class Pace:
    """Seconds that belong to this run alone: while it trains, and in all, without the turns of a race's other lanes.

    Args:
        job: the run's job; train with ``pace.job`` in its place, which times the turns.
    """

    def __init__(self, job: JobLike) -> None:
        self.job: JobLike = _TimedTurns(job, self)
        self.began = time.perf_counter()
        self.away = self.training = 0.0
        self.items = 0
        self.mark = (self.began, 0.0)

    def before_leg(self, learner: Learner) -> None:
        self.mark = (time.perf_counter(), self.away)

    after_epoch = before_leg

    def after_step(self, learner: Learner) -> None:
        self.items += len(learner.batch.x)

    def before_validate(self, learner: Learner) -> None:
        if learner.precision.device.type == "cuda":
            torch.cuda.synchronize()
        began, away = self.mark
        self.training += time.perf_counter() - began - (self.away - away)

    @property
    def images_per_second(self) -> float:
        """Pictures trained per second of training, validation left out."""
        return self.items / max(self.training, 1e-9)

    @property
    def seconds(self) -> float:
        """Seconds since this object was made, other lanes' turns left out."""
        return time.perf_counter() - self.began - self.away


class _TimedTurns:
    """A job whose turns are timed; all else is the job's own."""

    def __init__(self, job: JobLike, pace: Pace) -> None:
        self._job, self._pace = job, pace

    def turn(self) -> None:
        left = time.perf_counter()
        self._job.turn()
        self._pace.away += time.perf_counter() - left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)


class Memory:
    """Logs the memory in use, in MB, about once a second: the device's on a GPU, else this process's."""

    def __init__(self) -> None:
        self.process, self.next, self.peak = psutil.Process(), 0.0, 0.0

    def after_step(self, learner: Learner) -> None:
        now = time.perf_counter()
        if now >= self.next:
            self.next = now + MEMORY_SECONDS
            used = self.now(learner.precision.device)
            self.peak = max(self.peak, used)
            learner.job.log("memory", learner.steps_done, used)

    before_validate = after_step

    def now(self, device: torch.device) -> float:
        """MB in use."""
        if device.type == "cuda":
            return torch.cuda.max_memory_allocated(device) / 1e6
        return self.process.memory_info().rss / 1e6


class LastGood:
    """Remembers the weights after the last epoch whose valid loss was a number, to go back to after a divergence."""

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}
        self.words = ""

    def _keep(self, learner: Learner, words: str) -> None:
        self.weights = {name: t.detach().to("cpu", copy=True) for name, t in learner.model.state_dict().items()}
        self.words = words

    def before_fit(self, learner: Learner) -> None:
        self._keep(learner, f"step {learner.steps_done}" if learner.steps_done else "the start")

    def after_epoch(self, learner: Learner) -> None:
        measured: dict[str, Any] = learner.measured
        if measured and np.isfinite(measured["valid_loss"]):
            self._keep(learner, f"step {learner.steps_done}, with an error of {measured['error_rate']:.1%}")
