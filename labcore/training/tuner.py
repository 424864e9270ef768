"""A Learner for plans: stages that train only the head may read features that the resting body computed once."""

from typing import Any

import torch
from torch import Tensor

from labcore.data.batches import Batch, Batches
from labcore.models.backbones import Model
from labcore.models.groups import batchnorms, first_trained, set_training
from labcore.training.callbacks import JobLike
from labcore.training.features import compute_features, split_head
from labcore.training.learner import Learner
from labcore.training.precision import Precision

VIEWS = 4
"""Views kept per picture where it is augmented: memory and the body's work grow with them, variety soon does not."""
HEAD_LAYER = -1
"""Place of the layer, in a head, whose inputs are called features of a picture (``neck``)."""


def rest_batchnorm(model: Model) -> None:
    """Freeze scale and shift of the body's BatchNorm layers; ``set_training`` then leaves them in evaluation mode."""
    for norm in batchnorms(model.body):
        for parameter in norm.parameters(recurse=False):
            parameter.requires_grad_(False)


class ViewBatches(Batches):
    """The training batches of a split with features of several augmented views; each epoch shows the next view."""

    def __init__(self, source: Batches, views: Tensor, rows: Tensor) -> None:
        self.__dict__.update(source.__dict__)
        self.views, self.rows = views, rows

    def make(self, index: Tensor, draw: tuple[int, int] = (0, 0)) -> Batch:
        there = index.to(self.device, non_blocking=True)
        rows = self.rows[index].to(self.views.device, non_blocking=True)
        features = self.views[draw[0] % len(self.views)].index_select(0, rows)
        return Batch(features, self.targets.index_select(0, there), index)


@torch.no_grad()
def compute_views(model: Model, batches: Batches, precision: Precision, job: JobLike, views: int) -> ViewBatches:
    """Run the body over ``views`` augmented views of each training picture, its layers in evaluation mode.

    The job may stop it after any batch. Modes of the model are put back.
    """
    pool, _ = split_head(model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    needed = batches.indices.sort().values
    found, done = [], 0
    try:
        for view in range(views):
            parts = []
            for number, index in enumerate(needed.split(batches.batch_size)):
                x, *_ = batches.make(index, (view, number))
                with precision.autocast():
                    parts.append(pool(model.body(x)))
                done += len(index)
                job.progress(done, views * len(needed), "features of views")
                if job.stop_requested:
                    job.stop_here()
                job.turn()
            found.append(torch.cat(parts))
    finally:
        for module, training in modes:
            module.training = training
    rows = torch.zeros(int(batches.indices.max()) + 1, dtype=torch.long)
    rows[needed] = torch.arange(len(needed))
    return ViewBatches(batches, torch.stack(found), rows)


class Tuner(Learner):
    """Trains a plan; with ``train_bn`` off, head-only stages run the body once per picture instead of each time.

    Both ways train the same head on the same batches. With BatchNorm at rest they also give the same losses, up to
    rounding, since a resting body gives the same features every time.
    """

    computed_once = False
    """Whether head-only stages compute the body once. BatchNorm of the body then rests in all stages: if it woke up at
    unfreezing, the head would meet other features than it has learned on (on 296 pets the error rose from 26 to 34 %
    within an epoch, and ended at 39 instead of 26 %)."""

    model: Model

    def predict(self, x: Tensor) -> Tensor:
        if x.dim() > 2:
            return super().predict(x)
        with self.precision.autocast():
            return self._rest(x)

    def _begin_leg(self) -> None:
        super()._begin_leg()
        if self.computed_once:
            rest_batchnorm(self.model)
            set_training(self.model)
        leg = self.leg
        groups = len(self.model.groups())
        if not self.computed_once or leg.freeze_to is None or first_trained(leg.freeze_to, groups) != groups - 1:
            return
        _, self._rest = split_head(self.model)
        if self.train.transform is not None:
            epochs = -(-leg.steps // len(self.train))
            self.train = compute_views(self.model, self.train, self.precision, self.job, min(VIEWS, epochs))
        else:
            steps = leg.steps if leg.first_epoch == 0 and leg.steps < len(self.train) else None
            self.train = compute_features(self.model, self.train, self.precision, self.job, steps)
        if self.valid is not None:
            self.valid = compute_features(self.model, self.valid, self.precision, self.job)

    @torch.no_grad()
    def necks(self, batches: Any) -> tuple[Tensor, Tensor, Tensor]:
        """What the head's last layer sees of each item, its outputs, and the targets; in evaluation mode, on the CPU.

        Returns:
            float32 [n, d], float32 [n, classes], int64 [n].
        """
        self.model.eval()
        neck, last = self.model.head[:HEAD_LAYER], self.model.head[HEAD_LAYER]
        features, outputs, targets = [], [], []
        for x, y, _ in batches.epoch():
            with self.precision.autocast():
                feature = neck(self.model.body(x))
                output = last(feature)
            features.append(feature.float().cpu())
            outputs.append(output.float().cpu())
            targets.append(y.cpu())
        return torch.cat(features), torch.cat(outputs), torch.cat(targets)
