"""U-Net on any body: the way down is the body's own, the way up is segmentation-models-pytorch's decoder.

Ronneberger, Fischer and Brox, "U-Net" (MICCAI 2015, arXiv:1505.04597); decoder of segmentation-models-pytorch.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from labcore.errors import UserError
from labcore.models.backbones import Body, build_body, initialisation, units
from labcore.models.pyramid import Pyramid

STRIDES = (2, 4, 8, 16, 32)
"""Levels of the U below the picture itself."""
WIDTHS: dict[str, tuple[int, ...]] = {"light": (64, 48, 32, 24, 16), "full": (256, 128, 64, 32, 16)}
"""Channels on the way up, deepest first. The full ones are smp's. The light ones take 205 instead of 499 million
multiplications per 96 x 128 picture on mobilenetv3_small_100, of which the body itself takes 14; half of them at the
finest level lost two points of accuracy on streets and half of the pedestrians."""


@dataclass(frozen=True)
class Level:
    """One level of the U.

    Attributes:
        stride: pixels of the picture's side for one of its own.
        channels: what the body gives here; 0 where it gives nothing at this stride.
        skip_channels: how many of them go straight across; 0 at the bottom and where the connection is cut.
        decoder_channels: what the way up gives here; 0 at the bottom.
    """

    stride: int
    channels: int
    skip_channels: int
    decoder_channels: int


class UNet(nn.Module):
    """Pictures [B, C, H, W] to one score per class and pixel [B, classes, H, W]; any H and W.

    Three parameter groups: early body (down to an eighth of the side), late body, decoder with its last layer.

    Args:
        arch: the body's name.
        body: with its weights; it is changed in place.
        classes: scores per pixel.
        widths: channels on the way up, deepest first, one per level.
        skip_off: skip connections that are cut, 0 the widest.

    Raises:
        UserError: the body has too few levels for a U.
    """

    def __init__(
        self, arch: str, body: Body, classes: int, widths: tuple[int, ...], skip_off: Collection[int] = ()
    ) -> None:
        super().__init__()
        self.arch = arch
        self.body = Pyramid(body, strides_of(body, arch))
        given = dict(zip(self.body.strides, self.body.channels, strict=True))
        bottom = self.body.strides[-1]
        self.strides = tuple(stride for stride in STRIDES if stride <= bottom)
        widths = widths[: len(self.strides)]
        channels = [given.get(stride, 0) for stride in self.strides]
        crossing = [0 if number in skip_off else count for number, count in enumerate(channels[:-1])]
        # smp counts from the picture itself, whose channels take no skip connection.
        self.decoder = UnetDecoder(
            (0, *crossing, channels[-1]), widths, n_blocks=len(widths), interpolation_mode="nearest"
        )
        self.head = SegmentationHead(widths[-1], classes)
        initialize_decoder(self.decoder)
        initialize_head(self.head)
        picture = Level(1, 0, 0, widths[-1])
        ups = (*reversed(widths[:-1]), 0)
        self.levels = (
            picture,
            *(Level(*row) for row in zip(self.strides, channels, (*crossing, 0), ups, strict=True)),
        )

    def forward(self, x: Tensor) -> Tensor:
        maps = dict(zip(self.body.strides, self.body(x), strict=True))
        height, width = x.shape[-2:]
        up = maps[self.strides[-1]]
        for block, level in zip(self.decoder.blocks, reversed(self.levels[:-1]), strict=True):
            found = maps.get(level.stride)
            size = found.shape[-2:] if found is not None else (-(-height // level.stride), -(-width // level.stride))
            up = block(up, *size, skip_connection=found if level.skip_channels else None)
        return self.head(up)

    def groups(self) -> list[list[nn.Parameter]]:
        """Parameters by group, earliest layers first, the decoder last."""
        early, late = self.body.early_and_late()
        return [early, late, [*self.decoder.parameters(), *self.head.parameters()]]


def build_unet(
    arch: str,
    weights: str,
    classes: int,
    *,
    decoder: Literal["light", "full"] = "light",
    skip_off: Collection[int] = (),
    seed: int = 0,
) -> UNet:
    """A U-Net on the CPU, channels last; ``arch`` and ``weights`` as in ``labcore.models.backbones.build_model``.

    Args:
        classes: scores per pixel, at least 2.
        decoder: widths of the way up.
        skip_off: skip connections that are cut, 0 the widest (half the picture's side).
        seed: seed of the initialisation; body and decoder draw from streams of their own.

    Raises:
        UserError: as ``build_model``, or the body has too few levels for a U.
    """
    if classes < 2:
        raise UserError("A single class leaves nothing to tell apart. Give masks with at least two classes.")
    body = build_body(arch, weights, seed=seed)
    with initialisation(seed, "head"):
        net = UNet(arch, body, classes, WIDTHS[decoder], skip_off)
    return net.to(memory_format=torch.channels_last)


def strides_of(body: Body, arch: str) -> tuple[int, ...]:
    """The levels at which a body gives a map: some of ``STRIDES``, ascending.

    Raises:
        UserError: there are fewer than two.
    """
    if isinstance(body.net, nn.Sequential):
        found = {body.strides.get(unit) for unit in units(body.net)}
    else:
        found = {stage["reduction"] for stage in getattr(body.net, "feature_info", [])}
    strides = tuple(stride for stride in STRIDES if stride in found)
    if len(strides) < 2:
        raise UserError(
            f"{arch} has too few levels for a U. Choose a ResNet, RegNet, MobileNet, EfficientNet or ConvNeXt."
        )
    return strides
