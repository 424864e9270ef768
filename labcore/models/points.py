"""Nets that point: a heat map per point whose mean place is the answer, or a few numbers for angles."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labcore.models.backbones import build_body, initialisation
from labcore.models.heads import ConcatPool
from labcore.models.pyramid import Pyramid

STRIDES = (4, 8, 16)
"""Where the head looks: fine enough to point, coarse enough to know a head. Stride 32 adds work and no pixel."""
WIDTH = 48
"""Channels of the maps that are added up."""
HIDDEN = 128
"""Width of the hidden layer for angles."""


class SoftArgmax(nn.Module):
    """Heat maps [B, P, h, w] to the mean place of each, [B, P, 2] as (x, y): softmax, then the expected coordinate.

    -1 and 1 are the picture's edges. Unlike the place of the maximum it has a gradient everywhere, and unlike a flat
    layer it has no weight of its own for each place, so what is learnt on the left holds on the right: DSNT, Nibali et
    al. 2018, arXiv:1801.07372.
    """

    def forward(self, heat: Tensor) -> Tensor:
        height, width = heat.shape[-2:]
        # float32 whatever the precision: half precision knows a place in 160 pixels to a tenth of a pixel only.
        share = heat.float().flatten(2).softmax(dim=2).view(heat.shape)
        x = (share.sum(dim=2) * _centres(width, heat.device)).sum(dim=2)
        y = (share.sum(dim=3) * _centres(height, heat.device)).sum(dim=2)
        return torch.stack([x, y], dim=2)


class PointHead(nn.Module):
    """Maps at several strides to heat maps at the middle one, and from those to places [B, P, 2]."""

    def __init__(self, channels: tuple[int, ...], points: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(count, WIDTH, 1, bias=False) for count in channels)
        self.mix = nn.Sequential(
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.Conv2d(WIDTH, WIDTH, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(WIDTH, points, 1),
        )
        self.place = SoftArgmax()

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.place(self.heat(maps))

    def heat(self, maps: list[Tensor]) -> Tensor:
        """Heat maps [B, P, h, w] before the softmax, at the stride of the middle map."""
        fine, middle, coarse = (lateral(found) for lateral, found in zip(self.laterals, maps, strict=True))
        size = middle.shape[-2:]
        fine = F.avg_pool2d(fine, 2, ceil_mode=True)
        if fine.shape[-2:] != size:
            fine = F.interpolate(fine, size=size, mode="bilinear", align_corners=False)
        return self.mix(middle + fine + F.interpolate(coarse, size=size, mode="bilinear", align_corners=False))


class AngleHead(nn.Module):
    """The coarsest map, pooled, to a number per angle [B, 1, A]: an angle is no place, so no heat map can give it."""

    def __init__(self, channels: tuple[int, ...], angles: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConcatPool(),
            nn.BatchNorm1d(2 * channels[-1]),
            nn.Linear(2 * channels[-1], HIDDEN, bias=False),
            nn.ReLU(inplace=True),
            nn.BatchNorm1d(HIDDEN),
            nn.Linear(HIDDEN, angles),
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.layers(maps[-1])[:, None]


class Range(nn.Module):
    """The last word: a learnt scale and shift per coordinate and, if a range is given, fastai's scaled sigmoid.

    Without a range the start is the identity. With one, ``low + (high - low) * sigmoid(scale * x + shift)`` starts with
    0 at 0 and slope 1 there (where 0 lies within), and nothing outside of the range can be said, however far the
    target lies out.

    Reference: ``SigmoidRange`` of fastai; course-v4 08_collab explains why the range is a little wider than the data.
    """

    def __init__(self, shape: tuple[int, int], y_range: tuple[float, float] | None) -> None:
        super().__init__()
        self.y_range = y_range
        scale, shift = 1.0, 0.0
        if y_range is not None:
            low, high = y_range
            middle = min(max(-low / (high - low), 0.05), 0.95)
            scale, shift = 1 / ((high - low) * middle * (1 - middle)), math.log(middle / (1 - middle))
        self.scale = nn.Parameter(torch.full(shape, scale))
        self.bias = nn.Parameter(torch.full(shape, shift))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float() * self.scale + self.bias
        if self.y_range is None:
            return x
        low, high = self.y_range
        return torch.sigmoid(x) * (high - low) + low


class PointModel(nn.Module):
    """A body seen at several strides, a head and a range; three parameter groups: early body, late body, head."""

    def __init__(self, arch: str, body: Pyramid, head: nn.Module, last: Range) -> None:
        super().__init__()
        self.arch = arch
        self.body = body
        self.head = head
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.head(self.body(x)))

    def groups(self) -> list[list[nn.Parameter]]:
        """Parameters by group, earliest layers first, the head last."""
        early, late = self.body.early_and_late()
        return [early, late, [*self.head.parameters(), *self.last.parameters()]]


def build_point_model(
    arch: str,
    weights: str,
    numbers: int,
    target: Literal["points", "angles"] = "points",
    y_range: tuple[float, float] | None = None,
    seed: int = 0,
) -> PointModel:
    """A net that answers with places [B, numbers, 2] or angles [B, 1, numbers], on the CPU, channels last.

    Args:
        arch: timm or torchvision name of a convolutional network.
        weights: as in ``labcore.models.backbones.build_model``.
        numbers: how many points or angles.
        target: what comes out.
        y_range: bounds of each number, in the scale of the targets; None leaves it open.
        seed: seed of the initialisation, of body and head apart.

    Raises:
        UserError: unknown architecture, one without maps at strides 4, 8 and 16, or weights that do not fit.
    """
    body = Pyramid(build_body(arch, weights, seed=seed), STRIDES)
    with initialisation(seed, "head"):
        head = (PointHead if target == "points" else AngleHead)(body.channels, numbers)
    last = Range((numbers, 2) if target == "points" else (1, numbers), y_range)
    return PointModel(arch, body, head, last).to(memory_format=torch.channels_last)


def _centres(count: int, device: torch.device) -> Tensor:
    """Places of a row's cells, with the row's edges at -1 and 1."""
    return (torch.arange(count, device=device) * 2 + 1) / count - 1
