"""Augmentation on the CPU: this lab's against kornia's and torchvision's v2, and the ways not taken.

    python benchmarks/bench_augment.py [--size 64 128] [--batch 64] [--threads 2] [--repeats 15]

Contenders take turns within one run and medians are compared, so that a busy machine slows all of them alike. The
others have no brightness and contrast in logit space, no mirrored border (kornia: affine only; v2: none) and no single
resampling for affine and perspective together; they do the nearest that they offer. torchvision's v2 draws once per
batch, so a draw per sample takes a loop: both are shown, and only the loop does the same work. "Share of a step" sets
a batch's augmentation against one training step of the lab's default net.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable

import kornia.augmentation as kornia
import timm
import torch
import torch.nn.functional as F
from torchvision.transforms import v2

from labcore.data.augment import Augment, preset, relight
from labcore.data.augment_spec import AugmentSpec
from labcore.data.geometry import sample_images, sample_masks, sampling_grid

FLIP_AND_LIGHT = AugmentSpec(max_rotate=0, max_zoom=1, max_warp=0)
GOAL = 14_000
"""Images/s at 64 px on 2 threads that flips and lighting are asked to reach."""

Step = Callable[[], object]


def medians(steps: dict[str, Step], repeats: int) -> dict[str, float]:
    """Median seconds of each step; the steps take turns, after two rounds to warm up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(repeats + 2):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if turn >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def kornia_like(spec: AugmentSpec) -> torch.nn.Module:
    """The same parts from kornia; it takes floats and draws once per sample."""
    parts: list[torch.nn.Module] = [kornia.RandomHorizontalFlip(p=0.5)]
    if spec.resamples:
        zoom = (spec.min_zoom, spec.max_zoom)
        parts.append(kornia.RandomAffine(spec.max_rotate, scale=zoom, padding_mode="reflection", p=spec.p_affine))
        parts.append(kornia.RandomPerspective(spec.max_warp, p=spec.p_affine))
    light = (1 - spec.max_lighting, 1 + spec.max_lighting)
    parts += [kornia.RandomBrightness(light, p=spec.p_lighting), kornia.RandomContrast(light, p=spec.p_lighting)]
    return kornia.AugmentationSequential(*parts, data_keys=["input"])


def v2_like(spec: AugmentSpec) -> torch.nn.Module:
    """The same parts from torchvision.transforms.v2, on uint8 as its guide advises."""
    parts: list[torch.nn.Module] = [v2.RandomHorizontalFlip(p=0.5)]
    if spec.resamples:
        affine = v2.RandomAffine(
            spec.max_rotate, scale=(spec.min_zoom, spec.max_zoom), interpolation=v2.InterpolationMode.BILINEAR
        )
        parts.append(v2.RandomApply([affine], p=spec.p_affine))
        parts.append(v2.RandomPerspective(spec.max_warp, p=spec.p_affine))
    jitter = v2.ColorJitter(brightness=spec.max_lighting, contrast=spec.max_lighting)
    return v2.Compose([*parts, v2.RandomApply([jitter], p=spec.p_lighting), v2.ToDtype(torch.float32, scale=True)])


def against_others(size: int, batch: int, repeats: int) -> dict[str, float]:
    """Print images/s of every contender; return this lab's seconds per batch."""
    images = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8)
    masks = images[:, 0].contiguous()
    generator = torch.Generator().manual_seed(0)
    ours: dict[str, float] = {}
    for name, spec in {"flip + lighting": FLIP_AND_LIGHT, "photos (all parts)": preset("photos")}.items():
        augment, other, torchvision = Augment(spec, void=255), kornia_like(spec), v2_like(spec)
        steps: dict[str, Step] = {
            "Unfreeze": lambda augment=augment: augment(images, generator=generator),
            "Unfreeze, with masks": lambda augment=augment: augment(images, masks, generator=generator),
            "kornia": lambda other=other: other(images.float().div_(255)),
            "v2, a draw per sample": lambda tv=torchvision: torch.stack([tv(image) for image in images]),
            "v2, one draw per batch": lambda tv=torchvision: tv(images),
        }
        taken = medians(steps, repeats)
        print(f"\n{name}, {size} px, batch {batch}")
        for contender, seconds in taken.items():
            ratio = seconds / taken["Unfreeze"]
            print(f"  {contender:24s} {seconds * 1e3:8.2f} ms {batch / seconds:10,.0f} images/s   time x {ratio:.2f}")
        best = min(taken["kornia"], taken["v2, a draw per sample"])
        print(f"  ratio: {best / taken['Unfreeze']:.1f} x the faster of kornia and v2 with a draw per sample")
        ours[name] = taken["Unfreeze"]
    return ours


def ways_not_taken(size: int, batch: int, repeats: int) -> None:
    """Print each part of the work beside the other ways to do it."""
    images = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8)
    masks = images[:, 0].contiguous()
    augment = Augment(preset("photos"), void=255)
    draw = augment.draw(batch, (size, size), torch.Generator().manual_seed(0))
    light = torch.stack([draw.brightness, draw.contrast])
    matrix = draw.matrix.float()
    grid = sampling_grid(matrix, (size, size))
    lit = relight(images, light)
    last = lit.contiguous(memory_format=torch.channels_last)
    half = (lit.bfloat16(), grid.permute(0, 2, 3, 1).bfloat16())
    centres = (torch.arange(size) * 2 + 1) / size - 1
    places = torch.stack([*torch.meshgrid(centres, centres, indexing="xy"), torch.ones(size, size)], dim=-1).view(-1, 3)
    codes = masks.flatten(1)

    def by_float_math() -> torch.Tensor:
        x = torch.logit(images.float().div_(255), 1e-7)
        return x.add_(light[0, :, None, None, None]).mul_(light[1, :, None, None, None]).sigmoid_()

    def by_product() -> torch.Tensor:
        moved = torch.matmul(places, matrix.transpose(1, 2))
        return moved[..., :2] / moved[..., 2:]

    def by_gather() -> torch.Tensor:
        place = ((grid + 1) * (size / 2)).floor().long()
        outside = ((place < 0) | (place >= size)).any(dim=1)
        place = place.clamp_(0, size - 1)
        index = place[:, 1].mul(size).add_(place[:, 0]).flatten(1)
        return codes.gather(1, index).view_as(masks).masked_fill_(outside, 255)

    def whole_batch() -> torch.Tensor:
        return sample_images(relight(images, light), sampling_grid(matrix, (size, size)))

    groups: dict[str, dict[str, Step]] = {
        "brightness and contrast": {
            "table per sample (taken)": lambda: relight(images, light),
            "float math per pixel": by_float_math,
        },
        "grid of places": {
            "column + row (taken)": lambda: sampling_grid(matrix, (size, size)),
            "product with all places": by_product,
            "F.affine_grid (no warp)": lambda: F.affine_grid(
                matrix[:, :2], (batch, 3, size, size), align_corners=False
            ),
        },
        "resampling": {
            "float32 NCHW (taken)": lambda: sample_images(lit, grid),
            "float32 channels_last": lambda: sample_images(last, grid),
            "bfloat16": lambda: F.grid_sample(*half, padding_mode="reflection", align_corners=False),
        },
        "masks": {
            "grid_sample nearest (taken)": lambda: sample_masks(masks, grid, 255),
            "integer lookup": by_gather,
        },
        "whole batch or slices (includes allocation)": {
            "slices (taken)": lambda: augment.apply(draw, images),
            "whole batch": whole_batch,
        },
    }
    print(f"\nways not taken, {size} px, batch {batch}")
    for group, steps in groups.items():
        taken = medians(steps, repeats)
        first = next(iter(taken.values()))
        for name, seconds in taken.items():
            print(f"  {group:44s} {name:28s} {seconds * 1e3:8.2f} ms   time x {seconds / first:.2f}")


def training_step(size: int, batch: int) -> Step:
    """One step of the lab's default net on a batch already in float."""
    torch.manual_seed(0)
    net = timm.create_model("mobilenetv3_small_100", pretrained=False, num_classes=10)
    net = net.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    pictures = torch.rand(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))

    def step() -> None:
        F.cross_entropy(net(pictures), labels).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()}), {options.threads} threads")
    reached = math.inf
    for size in options.size:
        ours = against_others(size, options.batch, options.repeats)
        steps: dict[str, Step] = {"step": training_step(size, options.batch)}
        step = medians(steps, max(3, options.repeats // 5))["step"]
        shares = ", ".join(f"{name} {seconds / (step + seconds):.1%}" for name, seconds in ours.items())
        print(f"\nshare of a step with mobilenetv3_small_100 at {size} px ({step * 1e3:.0f} ms without): {shares}")
        ways_not_taken(size, options.batch, options.repeats)
        if size == 64:
            reached = options.batch / ours["flip + lighting"]
    if reached < math.inf:
        print(f"\nratio: {reached / GOAL:.2f} x the goal of {GOAL:,} images/s for flip + lighting at 64 px")


if __name__ == "__main__":
    main()
