"""What nets that point train with: losses over known points, points that move with their picture, and answers."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from labcore.data.augment import Augment, preset
from labcore.data.geometry import DIHEDRAL, inside
from labcore.evaluation import head_pose as judge
from labcore.training.learner import Learner

HUBER_DELTA = 0.05
"""Huber's loss turns from squared to absolute at this distance: a fortieth of the picture, 4 of 160 pixels."""
SIDES = (("left", "right"), ("l", "r"))
"""Words and letters by which two points are each other's mirror image."""

LOSSES: dict[str, Callable[..., Tensor]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": lambda found, wanted, reduction: F.huber_loss(found, wanted, reduction=reduction, delta=HUBER_DELTA),
}


def known_only(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss over the numbers of a batch that are known: a point that augmentation moved out of its picture is NaN."""
    loss = LOSSES[name]

    def of_known(found: Tensor, wanted: Tensor) -> Tensor:
        known = wanted.isfinite()
        each = loss(found, torch.where(known, wanted, found.detach()), reduction="none")
        return each.sum() / known.sum().clamp(min=1)

    return of_known


def mirror_pairs(names: tuple[str, ...]) -> list[int]:
    """For each point the one that takes its name in a mirrored picture: a mirrored left eye is a right eye.

    >>> mirror_pairs(("RE", "LE", "N"))
    [1, 0, 2]
    >>> mirror_pairs(("left_eye", "nose", "right_eye"))
    [2, 1, 0]
    """
    known = {name.lower(): number for number, name in enumerate(names)}
    found = list(range(len(names)))
    for name, number in known.items():
        for one, other in (pair for left, right in SIDES for pair in ((left, right), (right, left))):
            if name.startswith(one) and other + name[len(one) :] in known:
                found[number] = known[other + name[len(one) :]]
                break
            if name.endswith(one) and name[: -len(one)] + other in known:
                found[number] = known[name[: -len(one)] + other]
                break
    return found


class VariedPoints:
    """Augmentation as ``Batches`` calls it, for pictures with unit targets [B, P, 2] that move with them.

    Points that leave the picture become NaN, and paired points change names where the picture is mirrored.
    """

    def __init__(self, name: str, points: tuple[str, ...]) -> None:
        self.augment = Augment(preset(name))
        self.mirrored_names = mirror_pairs(points)

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        height, width = images.shape[-2:]
        drawing = torch.Generator().manual_seed(generator.initial_seed())
        draw = self.augment.draw(len(images), (height, width), drawing)
        size = targets.new_tensor([width, height])
        varied, _, points = self.augment.apply(draw, images, None, (targets + 1) / 2 * size)
        mirrored = (torch.linalg.det(DIHEDRAL)[draw.setting] < 0).to(points.device)
        points = torch.where(mirrored[:, None, None], points[:, self.mirrored_names], points)
        points = points.masked_fill(~inside(points, (height, width))[..., None], torch.nan)
        return varied, points / size * 2 - 1


class PointAnswers:
    """Keeps the last validation's answers and logs their error after each epoch.

    ``hear`` stands in as a metric of the Learner, so that no picture is sent through twice: medians are no means over
    batches.

    Args:
        in_words: unit targets or predictions [N, ...] of the valid items, in their order, to pixels or degrees.
        series: name of the logged median.
    """

    def __init__(self, in_words: Callable[[np.ndarray], np.ndarray], series: str = "pixel_error") -> None:
        self.in_words, self.series = in_words, series
        self.outputs: list[tuple[Tensor, Tensor]] = []

    def hear(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """``mse`` of one batch."""
        self.outputs.append((predictions.detach(), targets))
        return F.mse_loss(predictions, targets)

    def before_validate(self, learner: Learner) -> None:
        self.outputs = []

    def after_epoch(self, learner: Learner) -> None:
        if self.outputs:
            prediction, truth = map(self.in_words, self.gathered())
            error = judge.summary(judge.errors(truth, prediction)).median
            learner.job.log(self.series, learner.steps_done, error)

    def gathered(self) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and truths, unit, float32 [N, ...], of the last validation."""
        found, wanted = (torch.cat(part).float().cpu().numpy() for part in zip(*self.outputs, strict=True))
        return found, wanted


class Timelapse:
    """Keeps what is said of a few fixed pictures after every epoch, and before the first.

    Args:
        answers: of the whole valid set.
        places: int [K], which of the valid items these are.
        save: called with (epochs float32 [E], unit points float32 [E, K, P, 2]) after every epoch.
    """

    def __init__(
        self, answers: PointAnswers, places: np.ndarray, save: Callable[[np.ndarray, np.ndarray], None]
    ) -> None:
        self.answers, self.places, self.save = answers, places, save
        self.epochs: list[float] = []
        self.points: list[Tensor] = []

    def before_fit(self, learner: Learner) -> None:
        if not self.points:
            self.answers.outputs = []
            self.epochs.append(0.0)
            batches = learner.data.valid
            chosen = batches.make(batches.indices[torch.as_tensor(self.places)])
            learner.model.eval()
            with torch.no_grad():
                self.points.append(learner.predict(chosen.x).float().cpu())

    def after_epoch(self, learner: Learner) -> None:
        if not self.answers.outputs:
            return
        leg, done = learner.leg, learner.leg_step
        self.epochs.append(leg.first_epoch + done / len(learner.train))
        self.points.append(torch.from_numpy(self.answers.gathered()[0][self.places]))
        self.save(np.asarray(self.epochs, np.float32), torch.stack(self.points).numpy())

    def state(self) -> dict[str, object]:
        return {"epochs": self.epochs, "points": list(self.points)}

    def load_state(self, state: dict[str, object]) -> None:
        self.epochs, self.points = list(state["epochs"]), list(state["points"])
