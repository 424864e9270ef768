"""What a segmentation run has beside the loop: losses that leave void out, its scores, and a film of its masks."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from segmentation_models_pytorch.losses import MULTICLASS_MODE, DiceLoss
from torch import Tensor

from labcore.evaluation.segmentation import Scores, scores
from labcore.models.groups import set_training
from labcore.training.learner import Learner

FRAMES = 60
"""Frames of a film at most: twice as many are thinned to every second one, and from then on come half as often."""


def mask_loss(
    kind: Literal["cross_entropy", "dice", "both"], ignored: int, weights: Tensor | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss (scores [B, C, H, W], masks uint8 [B, H, W]) to the mean over the pixels that are not ``ignored``.

    Args:
        kind: cross-entropy, smp's Dice loss (over the classes that the batch shows), or their sum.
        ignored: this code counts nowhere.
        weights: [C], how much each class's pixels count in the cross-entropy.
    """
    dice = DiceLoss(MULTICLASS_MODE, ignore_index=ignored) if kind != "cross_entropy" else None

    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        targets = targets.long()
        if dice is None:
            return _cross_entropy(predictions, targets, ignored, weights)
        overlap = dice(predictions, targets)
        return overlap if kind == "dice" else overlap + _cross_entropy(predictions, targets, ignored, weights)

    return loss


def _cross_entropy(predictions: Tensor, targets: Tensor, ignored: int, weights: Tensor | None) -> Tensor:
    # PyTorch's own mean is 0 / 0 for a batch that is void all over.
    total = F.cross_entropy(predictions, targets, weight=weights, ignore_index=ignored, reduction="sum")
    known = targets != ignored
    count = known.sum() if weights is None else (weights[targets.where(known, 0)] * known).sum()
    return total / count.clamp_min(1e-6)


class MaskAnswers:
    """Counts, picture by picture, what each validation says, and puts the exact scores in the place of batch means.

    ``hear`` stands in as the metric ``pixel_accuracy`` of the Learner, so that no picture is sent through twice; mean
    IoU is no mean over batches, so it cannot be a metric of a batch.

    Args:
        classes: C.
        void: the code that no score counts.
    """

    def __init__(self, classes: int, void: int | None) -> None:
        self.classes, self.void = classes, void
        self.said: list[Tensor] = []
        self.counted: list[Tensor] = []
        self.scores: Scores | None = None

    def hear(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """``pixel_accuracy`` of one batch."""
        said, size = predictions.argmax(dim=1), self.classes**2
        places = torch.arange(len(said), device=said.device).view(-1, 1, 1) * size
        pairs = (places + targets.long() * self.classes + said).flatten()
        counts = torch.bincount(pairs, minlength=len(said) * size).view(-1, self.classes, self.classes)
        self.said.append(said.to(torch.uint8))
        self.counted.append(counts)
        known = counts if self.void is None else counts[:, torch.arange(self.classes) != self.void]
        right = counts.diagonal(dim1=1, dim2=2)
        right = right if self.void is None else right[:, torch.arange(self.classes) != self.void]
        return right.sum() / known.sum().clamp_min(1)

    def before_validate(self, learner: Learner) -> None:
        self.said, self.counted = [], []

    def after_epoch(self, learner: Learner) -> None:
        if not self.counted:
            return
        self.scores = scores(self.counts(), self.void)
        learner.measured = learner.measured | {
            "pixel_accuracy": self.scores.pixel_accuracy,
            "mean_iou": self.scores.mean_iou,
        }

    def counts(self) -> np.ndarray:
        """int64 [N, C, C] of what was heard last, truth by row."""
        return torch.cat(self.counted).cpu().numpy().astype(np.int64)

    def masks(self) -> np.ndarray:
        """uint8 [N, h, w], what was said."""
        return torch.cat(self.said).cpu().numpy()


class Film:
    """Keeps what the net says of a few fixed pictures: before training, and after each epoch or every n batches.

    Args:
        rows: of the pictures, in the valid set.
        pictures: uint8 [K, h, w, 3], as the film shows them.
        truth: uint8 [K, h, w].
        every: batches between frames; 0 takes one after each epoch.
    """

    def __init__(self, rows: np.ndarray, pictures: np.ndarray, truth: np.ndarray, every: int) -> None:
        self.rows, self.pictures, self.truth, self.every = rows, pictures, truth, every
        self.at: list[float] = []
        self.frames: list[Tensor] = []

    def before_leg(self, learner: Learner) -> None:
        if learner.steps_done == 0:
            self._expose(learner)

    def after_step(self, learner: Learner) -> None:
        if self.every and learner.steps_done % self.every == 0:
            self._expose(learner)

    def after_epoch(self, learner: Learner) -> None:
        if not self.every:
            self._expose(learner)

    def state(self) -> dict[str, Any]:
        return {"at": self.at, "every": self.every, "frames": torch.stack(self.frames) if self.frames else None}

    def load_state(self, state: dict[str, Any]) -> None:
        self.at, self.every = list(state["at"]), state["every"]
        self.frames = list(state["frames"]) if state["frames"] is not None else []

    @torch.no_grad()
    def _expose(self, learner: Learner) -> None:
        leg = learner.leg
        learner.model.eval()
        x, *_ = learner.valid.make(torch.from_numpy(self.rows))
        said = learner.predict(x).float().argmax(dim=1, keepdim=True).to(torch.uint8)
        set_training(learner.model)
        self.at.append(leg.first_epoch + learner.leg_step / len(learner.train))
        self.frames.append(F.interpolate(said.cpu(), size=self.truth.shape[1:], mode="nearest-exact")[:, 0])
        if len(self.frames) > FRAMES:
            # The first and the newest stay; a film by epochs only loses frames, one by batches also slows down.
            kept = sorted({*range(0, len(self.frames), 2), len(self.frames) - 1})
            self.at, self.frames = [self.at[i] for i in kept], [self.frames[i] for i in kept]
            self.every *= 2
        learner.job.save(
            "timelapse",
            {
                "rows": self.rows,
                "pictures": self.pictures,
                "truth": self.truth,
                "at": np.asarray(self.at, np.float32),
                "masks": torch.stack(self.frames).numpy(),
            },
        )
