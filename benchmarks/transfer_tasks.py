"""The lesson sets that frozen features are read on, split and scored; real pets beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from labcore.data.embedded import build, critters, heads, streets, tiles

SETS = {
    "critters": (critters, (64, 64)),
    "tiles": (tiles, (64, 64)),
    "streets": (streets, (96, 128)),
    "heads": (heads, (96, 128)),
}
PETS_SIZE = (96, 96)


@dataclass
class Task:
    """One set, split: pictures float [N, 3, H, W] normalised, targets, and how to fit and score."""

    name: str
    images: torch.Tensor
    target: torch.Tensor
    train: np.ndarray
    valid: np.ndarray
    n_out: int
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    scores: dict[str, Callable[[torch.Tensor, torch.Tensor], float]]
    groups: np.ndarray
    """Items of one person or video share a number, and are never on both sides of a split."""
    baseline: torch.Tensor
    """What a reader that has never seen the picture says, broadcast against the target's scores."""


# --- scores -----------------------------------------------------------------------------------------------------------


def accuracy(out: torch.Tensor, target: torch.Tensor) -> float:
    """Per cent of items, or of pixels that are not void (-1), whose best class is right."""
    known = target >= 0
    return 100 * float((out.argmax(1) == target)[known].float().mean())


def mean_average_precision(out: torch.Tensor, target: torch.Tensor) -> float:
    """Per cent, over the labels that occur."""
    found = []
    for score, truth in zip(out.T, target.T, strict=True):
        if truth.sum() > 0:
            ranked = truth[score.argsort(descending=True, stable=True)]
            precision = ranked.cumsum(0) / torch.arange(1, len(ranked) + 1)
            found.append(float((precision * ranked).sum() / ranked.sum()))
    return 100 * float(np.mean(found))


def f2_samples(out: torch.Tensor, target: torch.Tensor, threshold: float = 0.2) -> float:
    """Per cent: F2 of each picture's labels at one threshold, averaged over pictures."""
    said = (out.sigmoid() > threshold).float()
    hit = (said * target).sum(1)
    return 100 * float((5 * hit / (said.sum(1) + 4 * target.sum(1)).clamp_min(1)).mean())


def mean_iou(out: torch.Tensor, target: torch.Tensor) -> float:
    """Per cent, over the classes that occur; void pixels left out."""
    said, known, shares = out.argmax(1), target >= 0, []
    for code in target[known].unique():
        either = ((said == code) | (target == code)) & known
        shares.append(float(((said == code) & (target == code)).sum() / either.sum()))
    return 100 * float(np.mean(shares))


def pixel_error(side: tuple[int, int], out: torch.Tensor, target: torch.Tensor) -> float:
    """Median distance in pixels of the set's own pictures; coordinates run from -1 to 1."""
    scale = torch.tensor([side[1] / 2, side[0] / 2])
    return float(((out - target).view(len(target), -1, 2) * scale).norm(dim=2).median())


# --- data -------------------------------------------------------------------------------------------------------------


def normalised(images: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """uint8 [N, H, W, 3] to float [N, 3, *size] as the cards say."""
    mean, std = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    chunks = []
    for start in range(0, len(images), 256):
        x = torch.from_numpy(np.array(images[start : start + 256])).permute(0, 3, 1, 2).float() / 255
        if x.shape[-2:] != size:
            x = F.interpolate(x, size, mode="bilinear", antialias=True)
        chunks.append((x - mean) / std)
    return torch.cat(chunks)


def open_task(name: str, home: Path) -> Task:
    """A built-in set, made if it is not there."""
    module, size = SETS[name]
    build.make(module, home / name)
    items = build.load(home / name)
    images = normalised(items.images, size)
    if "is_valid" in items.table:
        held_out = items.table["is_valid"].to_numpy(bool)
    else:
        held_out = np.random.default_rng(42).permutation(len(items)) < len(items) // 5
    train, valid = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    count = len(items.classes)
    if items.task == "single_label":
        target = torch.tensor(items.table["label"].to_numpy())
        rest = (F.cross_entropy, {"accuracy %": accuracy}, F.one_hot(target[train].mode().values, count).float())
    elif items.task == "multi_label":
        target = torch.zeros(len(items), count)
        for row, labels in enumerate(items.table["labels"]):
            target[row, list(labels)] = 1
        usual = torch.logit(target[train].mean(0).clamp(1e-4, 1 - 1e-4))
        rest = (F.binary_cross_entropy_with_logits, {"mAP %": mean_average_precision, "F2 %": f2_samples}, usual)
    elif items.task == "masks":
        target = torch.from_numpy(np.array(items.masks)).long()
        target[target == items.void] = -1
        usual = target[train][target[train] >= 0].mode().values
        scores = {"mean IoU %": mean_iou, "pixel accuracy %": accuracy}
        rest = (partial(F.cross_entropy, ignore_index=-1), scores, F.one_hot(usual, count).float()[:, None, None])
    else:
        height, width = items.images.shape[1:3]
        points = torch.from_numpy(np.array(items.points)).float()
        target = (points / torch.tensor([width / 2, height / 2]) - 1).flatten(1)
        count = target.shape[1]
        rest = (F.mse_loss, {"median error px": partial(pixel_error, (height, width))}, target[train].mean(0))
    groups = items.table["group"].factorize()[0] if "group" in items.table else np.arange(len(items))
    loss, scores, baseline = rest
    return Task(name, images, target, train, valid, count, loss, scores, groups, baseline)


def open_pets(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre squares of all pictures and their breed, told by the file name as in the original set."""
    files = sorted((folder / "images").glob("*.jpg"))
    breeds = [file.stem.rpartition("_")[0] for file in files]
    names, pictures = sorted(set(breeds)), []
    for file in files:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize(PETS_SIZE, Image.Resampling.BICUBIC)
        pictures.append(np.asarray(square))
    return normalised(np.stack(pictures), PETS_SIZE), torch.tensor([names.index(breed) for breed in breeds])
