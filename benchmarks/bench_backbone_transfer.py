"""What the backbones in the box are worth: frozen features, random weights against embedded ones, on every lesson set.

``python benchmarks/bench_backbone_transfer.py [--arch NAME ...] [--pets FOLDER] [--readme]``

Two readers of the same frozen features: a *linear probe* (standardised means, L2-regularised, fitted by L-BFGS) and
the *head* of the lessons (fastai's, or a small decoder for masks) trained for a few epochs. Random weights are drawn
anew for each seed and their BatchNorm is set to the training pictures, which is kinder than leaving it at 0 and 1.
"""

import argparse
import csv
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from transfer_tasks import SETS, Task, open_pets, open_task

from labcore.models.heads import fastai_head

WEIGHTS = Path(__file__).resolve().parents[1] / "assets" / "weights"
PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""L2 penalties of the probe; the best on a fifth of the training items (or people, or videos) is taken."""
HEAD_EPOCHS, HEAD_RATE, BATCH = 15, 3e-3, 64
LEVELS = (8, 16, 32)
"""Strides of the maps that the mask readers see."""
COARSE = 4
"""Mask readers learn from every fourth pixel and are judged on all."""


# --- features ---------------------------------------------------------------------------------------------------------


def make_body(arch: str, embedded: bool, seed: int, images: torch.Tensor) -> nn.Module:
    """A frozen body: the embedded weights, or random ones whose BatchNorm has seen ``images``."""
    torch.manual_seed(seed)
    body = timm.create_model(arch, num_classes=0)
    if embedded:
        body.load_state_dict(load_file(WEIGHTS / f"{arch}.safetensors"))
        return body.eval().requires_grad_(False)
    for module in body.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        for start in range(0, min(len(images), 512), BATCH):
            body.train()(images[start : start + BATCH])
    return body.eval().requires_grad_(False)


@torch.no_grad()
def see(body: nn.Module, images: torch.Tensor, pyramid: bool) -> torch.Tensor:
    """Last maps [N, C, h, w], or the maps of all ``LEVELS`` side by side at stride 8, in half precision."""
    outs, levels = [], None
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH].contiguous(memory_format=torch.channels_last)
        if pyramid:
            if levels is None:
                strides = [
                    batch.shape[-1] // f.shape[-1]
                    for f in body.forward_intermediates(batch[:1], intermediates_only=True)
                ]
                levels = [len(strides) - 1 - strides[::-1].index(stride) for stride in LEVELS]
            maps = body.forward_intermediates(batch, indices=levels, intermediates_only=True)
            out = torch.cat([F.interpolate(f, maps[0].shape[-2:], mode="bilinear") for f in maps], 1)
        else:
            out = body.forward_features(batch)
        outs.append(out.half() if pyramid else out)
    return torch.cat(outs)


# --- readers ----------------------------------------------------------------------------------------------------------


def fit_linear(x: torch.Tensor, target: torch.Tensor, n_out: int, loss: Callable, penalty: float) -> Callable:
    """A regularised linear reader of [N, D]; solved in the span of the rows, which is exact and quicker."""
    mean, std = x.mean(0), x.std(0) + 1e-5
    left, scale, right = torch.linalg.svd((x - mean) / std, full_matrices=False)
    rows = left * scale
    weight, bias = torch.zeros(rows.shape[1], n_out, requires_grad=True), torch.zeros(n_out, requires_grad=True)
    search = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        search.zero_grad()
        value = loss(rows @ weight + bias, target) + penalty * weight.square().sum() / 2
        value.backward()
        return value

    search.step(closure)
    return lambda new: ((new - mean) / std) @ (right.T @ weight.detach()) + bias.detach()


def probe(
    x: torch.Tensor, target: torch.Tensor, train: np.ndarray, groups: np.ndarray, loss: Callable, n_out: int
) -> Callable:
    """The linear reader with the best of ``PENALTIES``."""
    there = np.random.default_rng(0).permutation(np.unique(groups[train]))
    aside = np.isin(groups[train], there[: max(1, len(there) // 5)])
    inner, held = train[~aside], train[aside]
    losses = []
    for penalty in PENALTIES:
        read = fit_linear(x[inner], target[inner], n_out, loss, penalty)
        losses.append(float(loss(read(x[held]), target[held])))
    return fit_linear(x[train], target[train], n_out, loss, PENALTIES[int(np.argmin(losses))])


def train_head(
    head: nn.Module, x: torch.Tensor, target: torch.Tensor, train: np.ndarray, loss: Callable, seed: int
) -> nn.Module:
    """AdamW with one cycle over cached features."""
    order = np.random.default_rng(seed)
    steps = len(train) // BATCH
    optimiser = torch.optim.AdamW(head.parameters(), lr=HEAD_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, HEAD_RATE, total_steps=HEAD_EPOCHS * steps, pct_start=0.25
    )
    head.train()
    for _ in range(HEAD_EPOCHS):
        mixed = order.permutation(train)
        for step in range(steps):
            some = mixed[step * BATCH : (step + 1) * BATCH]
            optimiser.zero_grad()
            loss(head(x[some].float()), target[some]).backward()
            optimiser.step()
            schedule.step()
    return head.eval()


class MaskReader(nn.Module):
    """Maps at stride 8 to class scores, at ``COARSE`` stride in training; with ``width`` 0 linear at each place."""

    def __init__(self, channels: int, n_out: int, size: tuple[int, int], width: int) -> None:
        super().__init__()
        self.size = size
        layers = [nn.BatchNorm2d(channels)]
        if width:
            for before, kernel in ((channels, 1), (width, 3)):
                layers += [nn.Conv2d(before, width, kernel, padding=kernel // 2, bias=False)]
                layers += [nn.BatchNorm2d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width or channels, n_out, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = tuple(side // COARSE for side in self.size) if self.training else self.size
        return F.interpolate(self.layers(x), size, mode="bilinear")


@torch.no_grad()
def apply(head: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Outputs of a head for many items."""
    return torch.cat([head(x[start : start + BATCH].float()) for start in range(0, len(x), BATCH)])


def measure(task: Task, arch: str, embedded: bool, seed: int) -> dict[tuple[str, str], float]:
    """Scores of both readers on one body, by (reader, score)."""
    masks = task.target.dim() == 3
    x = see(make_body(arch, embedded, seed, task.images[task.train]), task.images, masks)
    torch.manual_seed(seed)
    target = task.target[:, COARSE // 2 :: COARSE, COARSE // 2 :: COARSE] if masks else task.target
    if masks:
        size = tuple(task.target.shape[-2:])
        readers = {
            "probe": MaskReader(x.shape[1], task.n_out, size, 0),
            "head": MaskReader(x.shape[1], task.n_out, size, 64),
        }
    else:
        pooled = x.mean((2, 3))
        linear = probe(pooled, task.target, task.train, task.groups, task.loss, task.n_out)
        readers = {"head": fastai_head(x.shape[1], task.n_out)}
    outs = {
        name: apply(train_head(head, x, target, task.train, task.loss, seed), x[task.valid])
        for name, head in readers.items()
    }
    if not masks:
        outs["probe"] = linear(pooled[task.valid])
    truth = task.target[task.valid]
    return {(reader, score): value(out, truth) for reader, out in outs.items() for score, value in task.scores.items()}


def measure_pets(
    images: torch.Tensor, breeds: torch.Tensor, arch: str, embedded: bool, seed: int
) -> dict[tuple[str, str], float]:
    """Five-fold linear probe, stratified by breed."""
    x = see(make_body(arch, embedded, seed, images), images, pyramid=False).mean((2, 3))
    rng, fold = np.random.default_rng(seed), np.zeros(len(breeds), int)
    for breed in range(int(breeds.max()) + 1):
        own = rng.permutation(np.flatnonzero(breeds.numpy() == breed))
        fold[own] = np.arange(len(own)) % 5
    right = 0.0
    for held in range(5):
        train, valid = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
        read = probe(x, breeds, train, np.arange(len(breeds)), F.cross_entropy, int(breeds.max()) + 1)
        right += float((read(x[valid]).argmax(1) == breeds[valid]).sum())
    return {("probe", "accuracy %"): 100 * right / len(breeds)}


# --- report -----------------------------------------------------------------------------------------------------------


def table(rows: list[dict]) -> str:
    """The measurements as a Markdown table, seeds gathered to mean ± standard deviation."""
    lines = [
        "| set | reader | score | no picture seen | net | random weights | embedded |",
        "|---|---|---|---|---|---|---|",
    ]
    gathered: dict[tuple, dict[bool, list[float]]] = {}
    baselines = {(row["set"], row["score"]): row["baseline"] for row in rows}
    for row in rows:
        key = (row["set"], row["reader"], row["score"], row["arch"])
        gathered.setdefault(key, {}).setdefault(row["embedded"], []).append(row["value"])
    for (name, reader, score, arch), values in sorted(gathered.items()):
        cells = [
            f"{np.mean(values[kind]):.1f} ± {np.std(values[kind]):.1f}" if kind in values else "not measured"
            for kind in (False, True)
        ]
        what = {"probe": "linear probe", "head": "frozen + head"}[reader]
        lines.append(
            f"| {name} | {what} | {score} | {baselines[name, score]:.1f} | {arch} | {cells[0]} | **{cells[1]}** |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure everything asked for, print the table, and say for each set how many times the error shrank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    in_the_box = [file.stem for file in sorted(WEIGHTS.glob("*.safetensors"))]
    parser.add_argument("--arch", nargs="+", default=in_the_box)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--home", type=Path, default=Path(".lab/data"), help="where the built-in sets are or shall be")
    parser.add_argument("--pets", type=Path, help="folder of Oxford-IIIT Pets with images/; left out if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", nargs="+", default=["random", "embedded"], choices=["random", "embedded"])
    parser.add_argument("--keep", action="store_true", help="take what is not measured now from transfer.csv")
    parser.add_argument("--readme", action="store_true", help="write the table into assets/weights/README.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)

    rows: list[dict] = []
    started = time.perf_counter()

    def note(name: str, arch: str, baseline: dict[str, float], run: Callable[[bool, int], dict]) -> None:
        for seed in range(asked.seeds):
            for embedded in (kind == "embedded" for kind in asked.weights):
                for (reader, score), value in run(embedded, seed).items():
                    rows.append(
                        {"set": name, "reader": reader, "score": score, "arch": arch, "embedded": embedded,
                         "seed": seed, "value": value, "baseline": baseline[score]}
                    )  # fmt: skip
                print(f"{time.perf_counter() - started:6.0f} s  {rows[-1]}", flush=True)

    for name in asked.sets:
        task = open_task(name, asked.home)
        truth = task.target[task.valid]
        said = task.baseline.expand(len(truth), *task.baseline.shape)
        if truth.dim() == 3:
            said = said.expand(-1, -1, *truth.shape[1:])
        baseline = {score: value(said, truth) for score, value in task.scores.items()}
        for arch in asked.arch:
            note(name, arch, baseline, partial(measure, task, arch))
    if asked.pets:
        images, breeds = open_pets(asked.pets)
        most = 100 * float(breeds.bincount().max()) / len(breeds)
        for arch in asked.arch:
            note("pets (real)", arch, {"accuracy %": most}, partial(measure_pets, images, breeds, arch))
    if asked.keep:
        rows += kept(rows)
    print(table(rows))
    if asked.readme:
        write_readme(rows)


def kept(rows: list[dict]) -> list[dict]:
    """Rows of an earlier table whose set, net and weights were not measured now."""
    now = {(row["set"], row["arch"], row["embedded"]) for row in rows}
    with (WEIGHTS / "transfer.csv").open(newline="") as file:
        earlier = [
            row
            | {"embedded": row["embedded"] == "True", "value": float(row["value"]), "baseline": float(row["baseline"])}
            for row in csv.DictReader(file)
        ]
    return [row for row in earlier if (row["set"], row["arch"], row["embedded"]) not in now]


def write_readme(rows: list[dict]) -> None:
    """Cards and table in words, beside the weights."""
    with (WEIGHTS / "transfer.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        rows = sorted(
            rows, key=lambda row: [str(row[name]) for name in ("set", "reader", "score", "arch", "embedded", "seed")]
        )
        writer.writerows(row | {"value": f"{row['value']:.3f}", "baseline": f"{row['baseline']:.3f}"} for row in rows)
    page = WEIGHTS / "README.md"
    before, mark, _ = page.read_text(encoding="utf-8").partition("<!-- measured -->\n")
    cards = [json.loads(file.with_suffix(".json").read_text()) for file in sorted(WEIGHTS.glob("*.safetensors"))]
    lines = ["| net | parameters | file | pictures seen | steps | training | date |", "|---|---|---|---|---|---|---|"]
    for card in cards:
        size = (WEIGHTS / f"{card['arch']}.safetensors").stat().st_size / 2**20
        lines.append(
            f"| {card['arch']} | {card['parameters'] / 1e6:.1f} M | {size:.1f} MB | {card['pictures_seen']:,} "
            f"({card['world']['count']:,} different) | {card['steps']:,} | {card['training_seconds'] / 60:.0f} minutes "
            f"on {card['device']} | {card['date']} |"
        )
    page.write_text(before + mark + "\n" + "\n".join(lines) + "\n\n" + table(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
