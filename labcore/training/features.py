"""Frozen training at a fraction of its price: the body runs once per picture, the head trains on what it gave.

This asks that the body give the same features every time: its BatchNorm in evaluation mode and no augmentation. It is
not what fastai does while frozen (there BatchNorm trains), so pages say which of the two they show.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from labcore.data.batches import Batch, Batches
from labcore.errors import UserError
from labcore.models.backbones import Model
from labcore.training.callbacks import JobLike
from labcore.training.learner import Data, Learner
from labcore.training.precision import Precision


class Head(nn.Module):
    """The trainable part of a head, sharing its weights; groups are numbered as in the whole model."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        _, self.layers = split_head(model)
        self._groups_before = len(model.groups()) - 1

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)

    def groups(self) -> list[list[nn.Parameter]]:
        """Nothing for the frozen groups, then the head's parameters."""
        return [[] for _ in range(self._groups_before)] + [list(self.parameters())]


class FeatureBatches(Batches):
    """The batches of a split with features in the place of pictures."""

    def __init__(self, source: Batches, features: Tensor, rows: Tensor) -> None:
        self.__dict__.update(source.__dict__)
        self.features, self.rows = features, rows

    def make(self, index: Tensor, draw: tuple[int, int] = (0, 0)) -> Batch:
        there = index.to(self.device, non_blocking=True)
        rows = self.rows[index].to(self.features.device, non_blocking=True)
        return Batch(self.features.index_select(0, rows), self.targets.index_select(0, there), index)


def split_head(model: Model) -> tuple[nn.Sequential, nn.Sequential]:
    """A head as (pooling, rest): what has nothing to learn nor to draw can be computed once with the body."""
    layers = list(model.head)
    lives = [isinstance(layer, nn.Dropout) or next(layer.parameters(), None) is not None for layer in layers]
    fixed = lives.index(True)
    return nn.Sequential(*layers[:fixed]), nn.Sequential(*layers[fixed:])


@torch.no_grad()
def compute_features(
    model: Model, batches: Batches, precision: Precision, job: JobLike, steps: int | None = None
) -> FeatureBatches:
    """Run the body once over each picture that the first ``steps`` training batches show (all, if None).

    The job may stop it after any batch. Modes of the model are put back.
    """
    if batches.transform is not None and batches.training:
        raise UserError("Features computed once cannot be augmented anew. Set augment to none, or let the body run.")
    needed = _items_of(batches, steps)
    pool, _ = split_head(model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    parts = []
    try:
        for done, index in enumerate(needed.split(batches.batch_size)):
            x, *_ = batches.make(index)
            with precision.autocast():
                parts.append(pool(model.body(x)))
            job.progress(min((done + 1) * batches.batch_size, len(needed)), len(needed), "features")
            if job.stop_requested:
                job.stop_here()
            job.turn()
    finally:
        for module, training in modes:
            module.training = training
    rows = torch.zeros(int(batches.indices.max()) + 1, dtype=torch.long)
    rows[needed] = torch.arange(len(needed))
    return FeatureBatches(batches, torch.cat(parts), rows)


def on_features(
    learner: Learner, make_optimizer: Callable[[nn.Module], Optimizer], job: JobLike, steps: int | None = None
) -> Learner:
    """A learner that trains the head of ``learner``'s model on features computed once.

    Args:
        learner: over a ``Model`` whose body is to stay as it is.
        make_optimizer: called with the head, for instance ``adamw``.
        job: may stop the computation of features.
        steps: how many batches will be trained, where not all pictures are needed.
    """
    model, precision = learner.model, learner.precision
    train = compute_features(model, learner.data.train, precision, job, steps)
    valid = None if learner.data.valid is None else compute_features(model, learner.data.valid, precision, job)
    head = Head(model)
    for parameter in head.parameters():
        parameter.requires_grad_(True)
    return Learner(
        head,
        make_optimizer(head),
        learner.loss,
        Data(train, valid),
        precision,
        metrics=learner.metrics,
        seed=learner.seed,
    )


def _items_of(batches: Batches, steps: int | None) -> Tensor:
    """The items that the first ``steps`` batches show, sorted."""
    if steps is None or not batches.training:
        return batches.indices.sort().values
    epochs, rest = divmod(steps, len(batches))
    orders = [batches.order(epoch) for epoch in range(epochs)] + [batches.order(epochs)[: rest * batches.batch_size]]
    return torch.cat(orders).unique()
