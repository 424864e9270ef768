"""Augmentation of whole batches on the device where they lie, each sample with its own draw.

Three steps, of which a spec leaves out what it does not ask for: flips move uint8 pixels; brightness and contrast
become one table of 256 entries per sample, which also turns uint8 into float; rotation, zoom and perspective are one
matrix per sample and one resampling. ``benchmarks/bench_augment.py`` measures the ways not taken.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from labcore.data.augment_spec import PRESETS, AugmentSpec, preset
from labcore.data.draws import DRAWS, LOGIT_EPS, ranges
from labcore.data.geometry import (
    STRAIGHT,
    Size2,
    homographies,
    inside,
    move_points,
    sample_images,
    sample_masks,
    sampling_grid,
    turn_and_flip,
)

__all__ = ["PRESETS", "Augment", "AugmentSpec", "Draw", "inside", "preset", "relight", "resize", "resize_masks"]

SLICE = 2**19
"""Values per slice on the CPU. A batch in one go needs tens of megabytes of passing tensors, which the C library hands
back to the system and fetches anew for each batch: three times slower at 128 px (one thread), and no faster at 64.
Slices of 2 MB are used again and again and stay near the cache."""


@dataclass(frozen=True)
class Draw:
    """What chance chose for a batch of B, on the CPU.

    Attributes:
        setting: int64 [B], one of the 8 flips and quarter turns.
        matrix: float64 [B, 3, 3], all geometric parts together, output to input (see ``labcore.data.geometry``).
        brightness: float32 [B], added in logit space; 0 changes nothing.
        contrast: float32 [B], the factor in logit space; 1 changes nothing.
        in_size: (H, W) that the matrices were made for.
    """

    setting: Tensor
    matrix: Tensor
    brightness: Tensor
    contrast: Tensor
    in_size: Size2

    def __len__(self) -> int:
        return len(self.setting)


class Augment:
    """Vary pictures, masks and points together.

    Args:
        spec: what to vary and how far.
        void: the mask code for what comes from outside the picture; None mirrors masks as pictures are mirrored.
        leave_target_behind: resize masks and points but do not move them with their picture: the bug that ``tfm_y``
            is there to prevent, to be shown and never to be trained with.

    Example:
        >>> augment = Augment(preset("photos"))
        >>> pictures = torch.zeros(4, 3, 32, 48, dtype=torch.uint8)
        >>> points = torch.tensor([[[24.0, 16.0]]]).repeat(4, 1, 1)
        >>> x, masks, y = augment(pictures, None, points, generator=torch.Generator().manual_seed(0))
        >>> x.dtype, tuple(x.shape), masks, tuple(y.shape)
        (torch.float32, (4, 3, 32, 48), None, (4, 1, 2))
    """

    def __init__(self, spec: AugmentSpec, *, void: int | None = None, leave_target_behind: bool = False) -> None:
        self.spec = spec
        self.void = void
        self.leave_target_behind = leave_target_behind
        self._ranges = torch.from_numpy(ranges(spec))

    def __call__(
        self,
        images: Tensor,
        masks: Tensor | None = None,
        points: Tensor | None = None,
        *,
        generator: torch.Generator,
        size: Size2 | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Draw once per sample and apply it to everything that belongs to the sample.

        Args:
            images: uint8 [B, C, H, W], on any device, in either memory layout.
            masks: uint8 or int64 [B, H, W] codes on the same device.
            points: float32 [B, P, 2], (x, y) in pixels of ``images``, pixel centres at +0.5, on the same device.
            generator: on the CPU; nothing else decides the draw, and sample i's draw depends only on its place i.
            size: (h, w) of the result, squished to it; None keeps the size.

        Returns:
            Pictures float32 [B, C, h, w] in 0..1; masks [B, h, w] in their own dtype; points float32 [B, P, 2] in
            pixels of the result, also where they fall outside of it (``inside`` tells which do not).

        Raises:
            ValueError: shapes or dtypes are not as above.
        """
        _check(images, masks, points)
        draw = self.draw(len(images), (images.shape[-2], images.shape[-1]), generator)
        return self.apply(draw, images, masks, points, size=size)

    def draw(self, count: int, in_size: Size2, generator: torch.Generator) -> Draw:
        """Choose how each of ``count`` pictures of (H, W) is varied.

        Oblong pictures take the four settings that keep their shape; squares take all eight.
        """
        spec = self.spec
        u = torch.rand(count, DRAWS, generator=generator, dtype=torch.float64)
        settings = torch.arange(8) if in_size[0] == in_size[1] else STRAIGHT
        settings = (settings if spec.flip_vert else settings[1:2]) if spec.do_flip else settings[:1]
        # As in fastai, half of the samples stay as they are and the others draw among all, "as it is" included.
        setting = torch.where(u[:, 0] < 0.5, settings[(u[:, 1] * len(settings)).long()], 0)
        low, high, neutral, probability = self._ranges
        drawn = torch.where(u[:, 10:] < probability, low + (high - low) * u[:, 2:10], neutral)
        matrix = homographies(
            setting, degrees=drawn[:, 0], zoom=drawn[:, 1], centre=drawn[:, 2:4], warp=drawn[:, 4:6], in_size=in_size
        )
        return Draw(setting, matrix, drawn[:, 6].logit().float(), drawn[:, 7].exp().float(), in_size)

    def apply(
        self,
        draw: Draw,
        images: Tensor,
        masks: Tensor | None = None,
        points: Tensor | None = None,
        *,
        size: Size2 | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Vary a batch as drawn; arguments and result as for a call. One draw can be shown in several ways."""
        _check(images, masks, points)
        if len(draw) != len(images) or draw.in_size != tuple(images.shape[-2:]):
            raise ValueError(f"The draw is for {len(draw)} of {draw.in_size}, the batch is {tuple(images.shape)}.")
        out_size = draw.in_size if size is None else (int(size[0]), int(size[1]))
        lit = torch.stack([draw.brightness, draw.contrast]).to(images.device) if self.spec.lights else None
        matrix = draw.matrix.to(images.device, torch.float32) if self.spec.resamples else None
        pictures = torch.empty(
            (*images.shape[:2], *out_size), device=images.device, memory_format=_memory_format(images)
        )
        codes = None if masks is None else masks.new_empty(len(masks), *out_size)
        for part in _slices(images, out_size):
            grid = None if matrix is None else sampling_grid(matrix[part], out_size)
            light = None if lit is None else lit[:, part]
            if grid is None:
                pictures[part] = relight(resize(turn_and_flip(images[part], draw.setting[part]), out_size), light)
            else:
                pictures[part] = sample_images(relight(_presize(images[part], out_size), light), grid)
            if masks is not None and codes is not None:
                codes[part] = self._masks(masks[part], draw.setting[part], grid, out_size)
        return pictures, codes, self._points(points, draw, out_size)

    def _masks(self, masks: Tensor, setting: Tensor, grid: Tensor | None, out_size: Size2) -> Tensor:
        if self.leave_target_behind:
            return resize_masks(masks, out_size)
        if grid is None:
            return resize_masks(turn_and_flip(masks, setting), out_size)
        return sample_masks(masks, grid, self.void)

    def _points(self, points: Tensor | None, draw: Draw, out_size: Size2) -> Tensor | None:
        if points is None:
            return None
        matrix = torch.eye(3, dtype=torch.float64).expand(len(draw), 3, 3) if self.leave_target_behind else draw.matrix
        return move_points(points, matrix.to(points.device), draw.in_size, out_size)


def relight(images: Tensor, light: Tensor | None) -> Tensor:
    """Turn uint8 [B, C, H, W] into float32 0..1, with brightness and contrast changed in logit space.

    ``sigmoid(contrast * (logit(x) + brightness))``, as fastai's ``LightingTfm`` has it, keeps black black and white
    white. A byte has 256 values, so each sample needs 256 sigmoids and a lookup instead of one per pixel. fastai
    lights after resampling; lighting before it differs only between pixels, where a value is interpolated anyway.

    Args:
        images: the pictures; their memory layout is kept.
        light: float32 [2, B], brightness and contrast; None only converts.
    """
    if light is None:
        return images.float().div_(255)
    brightness, contrast = light[:, :, None]
    level = torch.arange(256, device=images.device, dtype=torch.float32).div_(255).expand(len(images), 256)
    table = torch.sigmoid(contrast * (torch.logit(level, LOGIT_EPS) + brightness))
    # There and back through the logit is off in the last bit: an undrawn sample is to stay exactly as it was.
    table = torch.where((brightness == 0) & (contrast == 1), level, table)
    last = _memory_format(images) == torch.channels_last
    planes = images.permute(0, 2, 3, 1) if last else images.contiguous()
    lit = table.gather(1, planes.flatten(1).long()).view(planes.shape)
    return lit.permute(0, 3, 1, 2) if last else lit


def _memory_format(images: Tensor) -> torch.memory_format:
    last = images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def _slices(images: Tensor, out_size: Size2) -> Iterator[slice]:
    """The batch in parts of about ``SLICE`` values on the CPU, whole elsewhere."""
    per_sample = images.shape[1] * max(math.prod(images.shape[-2:]), math.prod(out_size))
    step = len(images) if images.device.type != "cpu" else max(1, SLICE // max(1, per_sample))
    return (slice(start, start + step) for start in range(0, len(images), max(1, step)))


def _presize(images: Tensor, out_size: Size2) -> Tensor:
    """Shrink to twice the output where a picture is larger than that, so that bilinear sampling skips no pixel.

    fastai does the same within ``_grid_sample``; normalised coordinates do not notice.
    """
    height, width = images.shape[-2:]
    return resize(images, (min(height, 2 * out_size[0]), min(width, 2 * out_size[1])))


def resize(images: Tensor, size: Size2) -> Tensor:
    """Resize uint8 [B, C, H, W] to (h, w), antialiased, on its device; used alone for evaluation.

    The picture is squished, never cropped: nothing that is labelled gets lost, and masks and points follow by the
    same two factors. Bring pictures to one aspect when they are decoded where that matters.
    """
    if tuple(images.shape[-2:]) == tuple(size) or images.numel() == 0:
        return images if tuple(images.shape[-2:]) == tuple(size) else images.new_empty(*images.shape[:2], *size)
    if images.is_cuda:  # the uint8 kernel exists on the CPU alone
        wide = F.interpolate(images.float(), size=size, mode="bilinear", antialias=True)
        return wide.round_().clamp_(0, 255).to(torch.uint8)
    return F.interpolate(images, size=size, mode="bilinear", antialias=True)


def resize_masks(masks: Tensor, size: Size2) -> Tensor:
    """Resize codes [B, H, W] to (h, w): each output pixel takes the code found at its centre."""
    if tuple(masks.shape[-2:]) == tuple(size):
        return masks
    rows, columns = (
        ((torch.arange(new, device=masks.device) + 0.5) * (old / new)).long().clamp_(max=old - 1)
        for old, new in zip(masks.shape[-2:], size, strict=True)
    )
    return masks.index_select(1, rows).index_select(2, columns)


def _check(images: Tensor, masks: Tensor | None, points: Tensor | None) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"Pictures are uint8 [B, C, H, W], not {images.dtype} {tuple(images.shape)}.")
    shape = (len(images), *images.shape[-2:])
    if masks is not None and (masks.dtype not in (torch.uint8, torch.int64) or masks.shape != shape):
        raise ValueError(f"Masks are uint8 or int64 {shape} as their pictures, not {masks.dtype} {tuple(masks.shape)}.")
    if points is not None and (points.ndim != 3 or len(points) != len(images) or points.shape[-1] != 2):
        raise ValueError(f"Points are [B, P, 2] with B as their pictures, not {tuple(points.shape)}.")
