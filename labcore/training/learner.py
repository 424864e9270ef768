"""The training loop: five verbs, one sentence that uses them, and callbacks for everything else.

After the Learner of fastai's course22p2 (miniai): each concern (rates, records, checkpoints, stops) is a small class in
``callbacks.py`` named after it, and ends training by raising.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from labcore.data.batches import Batch, Batches
from labcore.errors import UserError
from labcore.models.groups import batchnorms, freeze_to, set_training
from labcore.specs import Stage
from labcore.training.callbacks import EndOfFit, JobLike, default_callbacks
from labcore.training.checkpoints import pack, unpack
from labcore.training.optimizer import load_optimizer
from labcore.training.precision import Precision
from labcore.training.schedules import stage_rates, stage_steps
from labcore.training.streams import seed_step

Metric = Callable[[Tensor, Tensor], Tensor]
"""(predictions, targets) of one batch to the mean over its items, a scalar tensor."""


class Data(NamedTuple):
    """What a stage learns from and is judged by."""

    train: Batches
    valid: Batches | None = None


@dataclass(frozen=True)
class Leg:
    """One stretch of training with everything worked out.

    Attributes:
        name: of the stage.
        rates: [steps, groups] learning rates.
        momentum: [steps].
        freeze_to: first parameter group that trains; None leaves the model as it is.
        first_step: steps of the plan before this leg.
        first_epoch: epochs begun before this leg; names the shuffles.
        size: picture size, None for the plan's own.
    """

    name: str
    rates: np.ndarray
    momentum: np.ndarray
    freeze_to: int | None = None
    first_step: int = 0
    first_epoch: int = 0
    size: Any = None

    @property
    def steps(self) -> int:
        return len(self.momentum)


class Learner:
    """Brings a model, its data, a loss and an optimiser together.

    Args:
        model: a module with ``groups()``, already on the device of ``precision``.
        optimizer: from ``labcore.training.optimizer``, over all the model's parameters.
        loss: (predictions, targets) to the mean loss of the batch.
        data: batches to train on and, where there are any, to validate on.
        precision: device and number format.
        metrics: what else to measure on the valid batches, by name.
        seed: seed of dropout; shuffling and augmentation have theirs in the batches.
        train_bn: BatchNorm of frozen groups goes on learning, as in fastai.
        data_at: the data at another picture size, for stages that ask for one.
        callbacks: added to the default ones.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss: Callable[[Tensor, Tensor], Tensor],
        data: Data,
        precision: Precision,
        *,
        metrics: Mapping[str, Metric] | None = None,
        seed: int = 0,
        train_bn: bool = True,
        data_at: Callable[[Any], Data] | None = None,
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.data, self.data_at, self.precision = data, data_at, precision
        self.metrics = dict(metrics or {})
        self.seed, self.train_bn = seed, train_bn
        self.callbacks = [*default_callbacks(), *callbacks]
        self.pieces = 1
        """A batch goes through the model in this many pieces; doubled when memory runs out."""
        self.leg_index, self.leg_step, self.owes_validation = 0, 0, False
        self.measured: dict[str, float] = {}
        """The last validation's results by name."""
        self._statistics = [
            b for norm in batchnorms(model) for b in (norm.running_mean, norm.running_var) if b is not None
        ]
        self._statistics_before = [statistic.clone() for statistic in self._statistics]

    # The five verbs

    def predict(self, x: Tensor) -> Tensor:
        with self.precision.autocast():
            return self.model(x)

    def get_loss(self, predictions: Tensor, y: Tensor) -> Tensor:
        return self.loss(predictions.float(), y)

    def backward(self, loss: Tensor) -> None:
        self.precision.scaler.scale(loss).backward()

    def step(self) -> None:
        self.precision.scaler.step(self.optimizer)
        self.precision.scaler.update()

    def zero_grad(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)

    # The sentence

    def fit(self, legs: Sequence[Leg], job: JobLike, resume: bool = False, validate: bool = True) -> None:
        """Train the legs one after the other: each epoch all batches, then validate.

        Args:
            legs: from ``plan`` or made by hand.
            job: where points go, and who may ask to stop.
            resume: go on from the job's last checkpoint, if it has one.
            validate: measure the valid batches after each epoch.
        """
        self.job, self.legs, self.validates = job, legs, validate
        self.leg_index, self.leg_step, self.owes_validation = 0, 0, False
        with self._listening():
            if resume and (saved := job.restore()) is not None:
                self.load_state(unpack(saved))
            try:
                self.tell("before_fit")
                self._fit_leg()
                while self.leg_index + 1 < len(legs):
                    self.leg_index, self.leg_step = self.leg_index + 1, 0
                    self._fit_leg()
                self.tell("after_fit")
            except EndOfFit:
                pass

    def _fit_leg(self) -> None:
        self._begin_leg()
        if self.owes_validation:
            self._validate()
        while self.leg_step < self.leg.steps:
            for batch in self._rest_of_epoch():
                self.batch = batch
                self.tell("before_step")
                self.train_loss = self.one_step(batch.x, batch.y)
                self.leg_step += 1
                self.owes_validation = self.leg_step % len(self.train) == 0 or self.leg_step == self.leg.steps
                self.tell("after_step")
                if self.leg_step == self.leg.steps:
                    break
            self._validate()
        self.tell("after_leg")

    def one_step(self, x: Tensor, y: Tensor) -> Tensor:
        """Move the weights once by the gradient of a batch; the batch's mean loss, still on the device."""
        seed_step(self.seed, self.steps_done)
        loss = self._gradients_within_memory(x, y)
        self.step()
        self.zero_grad()
        return loss

    def plan(self, stages: Sequence[Stage]) -> list[Leg]:
        """Stages worked out into legs: how many steps, at which rates."""
        legs, step, epoch, groups = [], 0, 0, len(self.model.groups())
        for number, stage in enumerate(stages, 1):
            per_epoch = len(self._data_for(stage.image_size).train)
            steps = stage_steps(stage, per_epoch)
            name = stage.name or str(number)
            legs.append(Leg(name, *stage_rates(stage, steps, groups), stage.freeze_to, step, epoch, stage.image_size))
            step += steps
            epoch += -(-steps // per_epoch)
        return legs

    def fit_plan(self, stages: Sequence[Stage], job: JobLike, resume: bool = True) -> None:
        """Train a plan; each finished stage's weights are kept as ``stage-NAME.safetensors``."""
        self.fit(self.plan(stages), job, resume)

    # Measuring

    @torch.no_grad()
    def evaluate(self, batches: Batches) -> dict[str, float]:
        """Mean ``valid_loss`` and metrics over all items of ``batches``, in evaluation mode."""
        self.model.eval()
        measures = {"valid_loss": self.get_loss, **self.metrics}
        sums = torch.zeros(len(measures), dtype=torch.float64, device=self.precision.device)
        for x, y, _ in batches.epoch():
            predictions = self.predict(x)
            values = [measure(predictions.float(), y).double() for measure in measures.values()]
            sums += torch.stack(values) * len(x)
            self.tell("after_valid_batch")
        set_training(self.model)
        return dict(zip(measures, (sums / len(batches.indices)).tolist(), strict=True))

    @torch.no_grad()
    def predictions(self, batches: Batches) -> tuple[Tensor, Tensor]:
        """Raw outputs and targets of all items of ``batches``, in their order, on the CPU."""
        self.model.eval()
        outputs = [(self.predict(x).float().cpu(), y.cpu()) for x, y, _ in batches.epoch()]
        set_training(self.model)
        return torch.cat([output for output, _ in outputs]), torch.cat([y for _, y in outputs])

    # State

    @property
    def leg(self) -> Leg:
        """Where training is."""
        return self.legs[self.leg_index]

    @property
    def steps_done(self) -> int:
        """Steps of the whole plan that are done."""
        return self.leg.first_step + self.leg_step

    @property
    def steps_planned(self) -> int:
        return self.legs[-1].first_step + self.legs[-1].steps

    def state(self) -> dict[str, Any]:
        """Everything that going on from here needs; random streams are not in it, since they have no memory."""
        told = {type(c).__name__: c.state() for c in self.callbacks if hasattr(c, "state")}
        return {
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.precision.scaler.state_dict(),
            "at": [self.leg_index, self.leg_step, self.owes_validation, self.pieces],
            "callbacks": told,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go back to where ``state`` was taken."""
        self.model.load_state_dict(state["model"])
        load_optimizer(self.optimizer, state["optimizer"])
        self.precision.scaler.load_state_dict(state["scaler"])
        self.leg_index, self.leg_step, self.owes_validation, self.pieces = state["at"]
        for callback in self.callbacks:
            if type(callback).__name__ in state["callbacks"]:
                callback.load_state(state["callbacks"][type(callback).__name__])

    def checkpoint(self) -> None:
        """Hand the job a checkpoint of this moment, unless the weights are broken: then the last good one stays."""
        self.tell("before_checkpoint")
        norms = torch._foreach_norm([parameter.detach() for parameter in self.model.parameters()])
        if torch.stack(norms).isfinite().all():
            self.job.checkpoint(pack(self.state()), self.steps_done)

    def tell(self, event: str) -> None:
        """Let the callbacks that listen to ``event`` act, in order."""
        for listener in self._listeners.get(event, ()):
            listener(self)

    # Within

    _listeners: Mapping[str, list[Callable]] = {}

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Look up once who listens to what, so that an event nobody hears costs one dictionary look-up."""
        listeners: dict[str, list[Callable]] = {}
        for callback in self.callbacks:
            for name in dir(callback):
                if name.startswith(("before_", "after_")):
                    listeners.setdefault(name, []).append(getattr(callback, name))
        self._listeners, before = listeners, self._listeners
        try:
            yield
        finally:
            self._listeners = before

    def _begin_leg(self) -> None:
        self.train, self.valid = self._data_for(self.leg.size)
        if self.leg.freeze_to is not None:
            freeze_to(self.model, self.leg.freeze_to, self.train_bn)
        set_training(self.model)
        self.zero_grad()
        self.tell("before_leg")

    def _rest_of_epoch(self) -> Iterator[Batch]:
        epoch, done = divmod(self.leg_step, len(self.train))
        return self.train.epoch(self.leg.first_epoch + epoch, done)

    def _validate(self) -> None:
        self.tell("before_validate")
        if self.validates and self.valid is not None:
            self.measured = self.evaluate(self.valid)
        self.owes_validation = False
        self.tell("after_epoch")

    def _data_for(self, size: Any) -> Data:
        if size is None:
            return self.data
        if self.data_at is None:
            raise UserError("This plan cannot change the size of its pictures. Leave image_size out of its stages.")
        return self.data_at(size)

    def _gradients_within_memory(self, x: Tensor, y: Tensor) -> Tensor:
        """Gradients of a batch. Where memory runs out, the same batch again in twice as many pieces."""
        _copy(self._statistics_before, self._statistics)
        while True:
            try:
                return self._gradients(x, y)
            except torch.OutOfMemoryError as error:
                reason = str(error).partition(".")[0]
            if len(x) < 4 * self.pieces:
                raise UserError(
                    f"Even 2 pictures at a time do not fit into memory ({reason}). Take smaller ones or a smaller net."
                )
            self.pieces *= 2
            self.zero_grad()
            _copy(self._statistics, self._statistics_before)
            if self.precision.device.type == "cuda":
                torch.cuda.empty_cache()
            self.job.note(
                f"Memory ran out at step {self.steps_done + 1}: each batch of {len(x)} now goes through in "
                f"{self.pieces} pieces whose gradients are added up."
            )

    def _gradients(self, x: Tensor, y: Tensor) -> Tensor:
        if self.pieces == 1:
            loss = self.get_loss(self.predict(x), y)
            self.backward(loss)
            return loss.detach()
        total = torch.zeros((), device=x.device)
        for piece_x, piece_y in zip(x.tensor_split(self.pieces), y.tensor_split(self.pieces), strict=True):
            loss = self.get_loss(self.predict(piece_x), piece_y) * (len(piece_x) / len(x))
            self.backward(loss)
            total += loss.detach()
        return total


def _copy(to: list[Tensor], source: list[Tensor]) -> None:
    """Many small tensors in one go; the foreach operation refuses empty lists, which nets without BatchNorm have."""
    if to:
        torch._foreach_copy_(to, source)
