"""What a multi-label run watches beside its losses: all its answers, from which the metrics of a whole epoch come."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from labcore.evaluation.multilabel import judged
from labcore.evaluation.thresholds import sigmoid
from labcore.training.learner import Learner
from labcore.training.watch import LastGood

LOGGED = ("accuracy_multi", "f2_samples", "f2_macro", "mean_average_precision")


class ManyAnswers:
    """Keeps the last validation's outputs and logs the metrics of the whole valid set after each epoch.

    ``hear`` stands in as a metric of the Learner, so that no picture is sent through twice. Macro averages and average
    precision are no means over batches, so they cannot be metrics of a batch.

    Args:
        threshold: a label is said above this probability.
        beside: metrics of baselines by name, drawn as flat lines beside the run's own.
    """

    def __init__(self, threshold: float, beside: Mapping[str, float]) -> None:
        self.threshold, self.beside = threshold, beside
        self.outputs: list[tuple[Tensor, Tensor]] = []
        self.metrics: dict[str, float] = {}

    def hear(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """``accuracy_multi`` of one batch."""
        self.outputs.append((predictions.detach(), targets))
        return ((predictions.sigmoid() > self.threshold) == (targets > 0.5)).float().mean()

    def before_fit(self, learner: Learner) -> None:
        if learner.steps_done == 0:
            self._beside(learner)

    def _beside(self, learner: Learner) -> None:
        for name, value in self.beside.items():
            if np.isfinite(value):
                learner.job.log(name, learner.steps_done, value)

    def before_validate(self, learner: Learner) -> None:
        self.outputs = []

    def after_epoch(self, learner: Learner) -> None:
        if not self.outputs:
            return
        logits, truths = self.gathered()
        self.metrics = judged(sigmoid(logits), truths, self.threshold)
        for name in LOGGED:
            if np.isfinite(self.metrics[name]) and name not in learner.measured:
                learner.job.log(name, learner.steps_done, self.metrics[name])
        self._beside(learner)

    def gathered(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [N, C] and truths bool [N, C] of the last validation."""
        logits, targets = (torch.cat(part).float().cpu().numpy() for part in zip(*self.outputs, strict=True))
        return logits, targets > 0.5


class LastGoodLoss(LastGood):
    """Remembers the weights after the last epoch whose valid loss was a number."""

    def after_epoch(self, learner: Learner) -> None:
        if learner.measured and np.isfinite(learner.measured["valid_loss"]):
            self._keep(learner, f"step {learner.steps_done}, with a valid loss of {learner.measured['valid_loss']:.3f}")
