"""What the backbone is asked while it learns, and how pictures are varied on the way."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import timm
import torch
from torch import nn
from torch.nn import functional as F

from labcore.models.pretraining.kinds import KINDS_PER_PLAN
from labcore.models.pretraining.materials import PATTERNS
from labcore.models.pretraining.pictures import REGION_STEP, Pictures
from labcore.models.pretraining.scenes import POSE_FIELDS, REGIONS

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Normalisation of the input; timm's default, so that nobody who loads the weights by hand gets it wrong."""

WEIGHTS_OF_LOSSES = {"kind": 1.0, "plan": 0.3, "pattern": 0.3, "pose": 2.0, "regions": 0.5}
"""Kind is the harsh question; the others keep place, parts and surface in the features, where kind would shed them."""


class Questions(nn.Module):
    """A timm body and one small head for each question; only the body is kept afterwards."""

    def __init__(self, arch: str, kinds: int) -> None:
        super().__init__()
        self.body = timm.create_model(arch, num_classes=0)
        last, hidden = self.body.num_features, self.body.head_hidden_size
        probe = self.body.forward_intermediates(torch.zeros(2, 3, 64, 64), intermediates_only=True)
        self.levels = [i for i, f in enumerate(probe) if f.shape[-1] in (8, 4)]
        widths = [probe[i].shape[1] for i in self.levels] + [last]
        self.kind, self.plan = nn.Linear(hidden, kinds), nn.Linear(last, -(-kinds // KINDS_PER_PLAN))
        self.pattern, self.pose = nn.Linear(last, len(PATTERNS)), nn.Linear(hidden, len(POSE_FIELDS))
        self.merge = nn.ModuleList(nn.Conv2d(width, 48, 1, bias=False) for width in widths)
        self.regions = nn.Sequential(nn.BatchNorm2d(48), nn.ReLU(), nn.Conv2d(48, len(REGIONS), 1))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Answers to all questions for float [N, 3, H, W]."""
        final, maps = self.body.forward_intermediates(images, indices=self.levels)
        pooled, hidden = final.mean((2, 3)), self.body.forward_head(final, pre_logits=True)
        fine = maps[0].shape[-2:]
        merged = [F.interpolate(conv(f), fine) for conv, f in zip(self.merge, [*maps, final], strict=True)]
        return {
            "kind": self.kind(hidden),
            "plan": self.plan(pooled),
            "pattern": self.pattern(pooled),
            "pose": self.pose(hidden),
            "regions": self.regions(sum(merged)),
        }


def losses(answers: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """One loss for each question."""
    result = {
        name: F.cross_entropy(answers[name], truth[name], label_smoothing=0.1) for name in ("kind", "plan", "pattern")
    }
    result["pose"] = F.smooth_l1_loss(answers["pose"], truth["pose"], beta=0.2)
    upsampled = F.interpolate(answers["regions"], truth["regions"].shape[-2:], mode="bilinear")
    result["regions"] = F.cross_entropy(upsampled, truth["regions"])
    return result


class Batches:
    """Varied batches of pictures at one size: crops, flips, light and colour, drawn from one seeded stream."""

    def __init__(self, pictures: Pictures, size: int, batch: int, seed: int, rank: int = 0) -> None:
        self.pictures, self.size, self.batch = pictures, size, batch
        self.seed, self.rank, self.ahead = seed, rank, ThreadPoolExecutor(1)
        self.side = pictures.images.shape[1]
        self.mean, self.std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
        self.restart(0)

    def restart(self, step: int) -> None:
        """Begin the stream that belongs to going on at ``step``."""
        self.rng, self.waiting = np.random.default_rng([self.seed, 4, step, self.rank]), np.empty(0, int)
        self.noise = torch.Generator().manual_seed(int(self.rng.integers(2**62)))
        self.next = self.ahead.submit(self._draw)

    def draw(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The next batch: float [N, 3, size, size], and the truth for each question."""
        ready, self.next = self.next.result(), self.ahead.submit(self._draw)
        return ready

    def _draw(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if len(self.waiting) < self.batch:
            self.waiting = self.rng.permutation(len(self.pictures))
        some, self.waiting = np.sort(self.waiting[: self.batch]), self.waiting[self.batch :]
        crop = REGION_STEP * self.rng.integers(self.side * 2 // 3 // REGION_STEP, self.side // REGION_STEP + 1)
        left, top = REGION_STEP * self.rng.integers(0, (self.side - crop) // REGION_STEP + 1, (2, self.batch))
        flipped = self.rng.random(self.batch) < 0.5
        images = np.empty((self.batch, crop, crop, 3), np.uint8)
        regions = np.empty((self.batch, crop // REGION_STEP, crop // REGION_STEP), np.uint8)
        for row, (index, x, y, flip) in enumerate(zip(some, left, top, flipped, strict=True)):
            direction = -1 if flip else 1
            images[row] = self.pictures.images[index, y : y + crop, x : x + crop][:, ::direction]
            x, y, width = x // REGION_STEP, y // REGION_STEP, crop // REGION_STEP
            regions[row] = self.pictures.regions[index, y : y + width, x : x + width][:, ::direction]
        truth = {
            "kind": self.pictures.kind[some],
            "plan": self.pictures.plan[some],
            "pattern": self.pictures.pattern[some],
            "pose": self._pose(some, left, top, crop, flipped),
            "regions": regions.astype(np.int64),
        }
        return self._vary(images), {name: torch.from_numpy(value) for name, value in truth.items()}

    def _pose(self, some, left, top, crop, flipped) -> np.ndarray:
        pose = np.array(self.pictures.pose[some])
        zoom = self.side / crop
        pose[:, 0] = (pose[:, 0] + 1 - 2 * left / self.side) * zoom - 1
        pose[:, 1] = 1 - (1 - pose[:, 1] - 2 * top / self.side) * zoom
        pose[:, 2] *= zoom
        mirrored = [POSE_FIELDS.index(name) for name in ("x", "up_x", "yaw_sin", "light_x")]
        pose[np.ix_(flipped, mirrored)] *= -1
        return pose

    def _vary(self, images: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
        if x.shape[-1] != self.size:
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=x.shape[-1] > self.size)

        def between(low: float, high: float, channels: int = 1) -> torch.Tensor:
            return low + (high - low) * torch.rand(len(x), channels, 1, 1, generator=self.noise)

        grey = x.mean(1, keepdim=True)
        colourless = (torch.rand(len(x), 1, 1, 1, generator=self.noise) < 0.1).float()
        saturation = between(0.5, 1.3) * (1 - colourless)
        x = grey + (x - grey) * saturation
        x = (x * between(0.85, 1.15, 3) - 0.5) * between(0.6, 1.4) + between(0.3, 0.7)
        return ((x.clamp(0, 1) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
