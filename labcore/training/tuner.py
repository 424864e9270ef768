"""A Learner for plans: stages that train only the head may read features that the resting body computed once."""

from typing import Any

import torch
from torch import Tensor

from labcore.models.backbones import Model
from labcore.models.groups import batchnorms, first_trained, set_training
from labcore.training.features import compute_features, split_head
from labcore.training.learner import Learner

HEAD_LAYER = -1
"""Place of the layer, in a head, whose inputs are called features of a picture (``neck``)."""


def rest_batchnorm(model: Model) -> None:
    """Freeze scale and shift of the body's BatchNorm layers; ``set_training`` then leaves them in evaluation mode."""
    for norm in batchnorms(model.body):
        for parameter in norm.parameters(recurse=False):
            parameter.requires_grad_(False)


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
