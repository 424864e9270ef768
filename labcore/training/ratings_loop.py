"""Training on a table of ratings: the whole table lies on the device, a batch is a slice of it."""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labcore.errors import UserError
from labcore.models.collab import Trainable
from labcore.runs.job import Job
from labcore.settings import settings
from labcore.specs import Stage
from labcore.training.checkpoints import pack, unpack
from labcore.training.optimizer import EPS, SQUARE_DECAY
from labcore.training.schedules import MOMENTUM, stage_rates
from labcore.training.streams import generator

GROUP = 25
"""Batches between two looks around (stop, the race's turn, points): at 0.2 ms a batch, 5 ms."""
GROUP_RATINGS = 1 << 15
"""Large batches take longer: a group holds no more ratings than this, so that a stop is never slow."""
LOOKS = 4
"""Valid measurements per epoch, so that the turn from learning to overfitting is seen where it happens."""
LATE = 0.4
"""From this share of the run on, the valid MSE is logged as a series of its own: overfitting moves hundredths, which
nobody sees beside the fall of the first epoch."""
LOOKED_AT = 50_000
"""Above so many valid ratings one measurement per epoch has to do."""
SMALL_WEIGHTS, SMALL_BATCH = 1 << 20, 1 << 18
"""Up to so many parameters, and numbers looked up per batch, a step of 0.15 ms is over before a second thread is awake:
one thread was 2 to 6 x faster than two."""
CHUNK = 1 << 18
"""Ratings predicted at once: bounds the memory of a measurement on millions."""


@dataclass(frozen=True)
class Ratings:
    """A table of ratings on a device: [N] user codes, item codes (int64) and ratings (float32)."""

    users: Tensor
    items: Tensor
    ratings: Tensor

    def __len__(self) -> int:
        return len(self.ratings)

    @classmethod
    def of(cls, users: np.ndarray, items: np.ndarray, ratings: np.ndarray, device: torch.device) -> "Ratings":
        """From numpy columns."""
        codes = (torch.from_numpy(np.ascontiguousarray(column, np.int64)).to(device) for column in (users, items))
        return cls(*codes, torch.from_numpy(np.ascontiguousarray(ratings, np.float32)).to(device))

    def shuffled(self, seed: int, epoch: int) -> "Ratings":
        """The rows in the order of an epoch, the same on every device."""
        order = torch.randperm(len(self), generator=generator(seed, "shuffle", epoch)).to(self.users.device)
        return Ratings(self.users[order], self.items[order], self.ratings[order])


@dataclass(frozen=True)
class Fitted:
    """What a training left behind.

    Attributes:
        seconds: of training and measuring, without a race's other lanes.
        best_mse: the lowest valid MSE seen on the way.
        best_epoch: after how many epochs.
        valid_mse: at the end.
    """

    seconds: float
    best_mse: float
    best_epoch: float
    valid_mse: float


def mse(model: Trainable, table: Ratings) -> float:
    """Mean squared error over a whole table, summed in double precision."""
    if not len(table):
        return math.nan
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(table), CHUNK):
            part = slice(start, start + CHUNK)
            error = model.predict(table.users[part], table.items[part]) - table.ratings[part]
            total += float(error.double().square().sum())
    return total / len(table)


def fit(
    model: Trainable,
    train: Ratings,
    valid: Ratings,
    job: Job,
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    weight_decay: float,
    seed: int = 0,
) -> Fitted:
    """Train by one-cycle AdamW on the mean squared error; every row once per epoch.

    Logs ``train_loss`` (mean over a group of batches), ``valid_mse``, ``valid_mse_late`` and ``epoch`` by
    step. Goes on from the job's checkpoint, to the same bits on a CPU.

    Raises:
        UserError: the loss became no number.
        Stopped: somebody asked to end; a checkpoint is kept.
    """
    weights = sum(parameter.numel() for parameter in model.parameters)
    if weights <= SMALL_WEIGHTS and batch_size * model.shape.factors <= SMALL_BATCH:
        with _one_thread():
            return _fit(model, train, valid, job, epochs, lr, batch_size, weight_decay, seed)
    return _fit(model, train, valid, job, epochs, lr, batch_size, weight_decay, seed)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(
    model: Trainable, train: Ratings, valid: Ratings, job: Job, epochs: int, lr: float, batch_size: int,
    weight_decay: float, seed: int,
) -> Fitted:  # fmt: skip
    per_epoch = max(1, math.ceil(len(train) / batch_size))
    total = per_epoch * epochs
    rates, momenta = stage_rates(Stage(epochs=epochs, lr=lr), total, 1)
    rates, momenta = rates[:, 0].tolist(), momenta.tolist()
    optimizer = torch.optim.AdamW(
        model.parameters, lr=lr, betas=(MOMENTUM, SQUARE_DECAY), eps=EPS, weight_decay=weight_decay, fused=True
    )
    looks = LOOKS if len(valid) <= LOOKED_AT else 1
    look_at = {epoch * per_epoch + round(per_epoch * k / looks) for epoch in range(epochs) for k in range(1, looks + 1)}

    look_around = max(1, min(GROUP, GROUP_RATINGS // batch_size))

    step, spent, best, best_step, now = 0, 0.0, math.inf, 0, math.nan
    saved = job.restore()
    if saved is not None:
        state = unpack(saved)
        model.load(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent, best, best_step, now = (state[k] for k in ("step", "spent", "best", "best_step", "now"))

    group = optimizer.param_groups[0]  # only now: loading a state puts new groups in place

    def keep() -> None:
        state = {"step": step, "spent": spent, "best": best, "best_step": best_step, "now": now}
        job.checkpoint(pack(state | {"weights": model.weights(), "optimizer": optimizer.state_dict()}), step)

    every = settings().checkpoint_seconds
    keep_at = time.perf_counter() + every
    epoch, rows = -1, train
    losses: list[Tensor] = []
    began = time.perf_counter()
    while step < total:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            rows = train  # lets go of the last epoch's order first: of 25 million ratings it is half a gigabyte
            rows = rows.shuffled(seed, epoch)
        start = (step - epoch * per_epoch) * batch_size
        batch = slice(start, start + batch_size)
        group["lr"], group["betas"] = rates[step], (momenta[step], SQUARE_DECAY)
        losses.append(model.loss_and_gradient(rows.users[batch], rows.items[batch], rows.ratings[batch]))
        optimizer.step()
        step += 1
        measured = step in look_at
        if not measured and step % look_around:
            continue
        loss = float(torch.stack(losses).mean())
        losses.clear()
        if not math.isfinite(loss):
            raise UserError(
                f"The loss became no number after {step:,} batches at a rate of {rates[step - 1]:.1e}: the steps are "
                "too large. Choose a lower rate."
            )
        job.log("train_loss", step, loss)
        job.log("epoch", step, step / per_epoch)
        if measured:
            now = mse(model, valid)
            job.log("valid_mse", step, now)
            if step >= LATE * total:
                job.log("valid_mse_late", step, now)
            if now < best:
                best, best_step = now, step
        job.progress(step, total, f"epoch {min(epoch + 1, epochs)} of {epochs}")
        spent += time.perf_counter() - began
        if job.stop_requested:
            keep()
            job.stop_here()
        if time.perf_counter() >= keep_at:
            keep()
            keep_at = time.perf_counter() + every
        job.turn()
        began = time.perf_counter()
    return Fitted(spent, best, best_step / per_epoch, now)
