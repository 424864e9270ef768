"""The head pose run as fastai code and as plain PyTorch."""

from labcore.specs import HeadPoseSpec
from labcore.training.plans import names_of
from labcore.training.schedules import SLICE_DIVISOR
from pages.parts.code_data import MEAN_AND_STD, VARIED, arrays, kind_of, size_of
from pages.parts.code_stages import custom_rates, fit_line, weights_line

FASTAI_GROUPS = 2
"""fastai cuts a timm net once: body and head."""
LOSSES = {"mse": "MSELossFlat()", "l1": "L1LossFlat()", "huber": "BaseLoss(nn.HuberLoss, delta=0.05)"}
TORCH_LOSSES = {"mse": "F.mse_loss(said, y)", "l1": "F.l1_loss(said, y)", "huber": "F.huber_loss(said, y, delta=0.05)"}


def _held(spec: HeadPoseSpec) -> str:
    """The rows that are held out, as source."""
    data = spec.dataset
    if data.hold_out:
        names = [name.strip() for name in data.hold_out.split(",") if name.strip()]
        return f"table.group.isin({names!r}).to_numpy()"
    if data.split == "random":
        return f"np.random.default_rng({data.split_seed}).random(len(table)) < {data.valid_pct:g}"
    if kind_of(spec) == "embedded":
        return "table.is_valid.to_numpy()"
    return f"table.group.isin(table.group.drop_duplicates().sample(frac={data.valid_pct:g}, random_state=0)).to_numpy()"


def _data(spec: HeadPoseSpec) -> str:
    """Lines that give ``picture(i)``, ``points`` [n, P, 2] in pixels, and ``held``."""
    if kind_of(spec) == "embedded":
        return (
            f'{arrays(spec)}points = np.load(path / "points.npy")  # [n, P, 2], (x, y) in pixels\n'
            f"held = {_held(spec)}  # by person: neighbouring frames tell on one another\n\n\n"
            "def picture(i):\n    return PILImage.create(images[i])\n"
        )
    root = spec.dataset.root or f".lab/data/{spec.dataset.name}"
    if spec.dataset.name == "biwi":
        return (
            f"path = Path({root!r})\n"
            'files = get_image_files(path)\ntable = pd.DataFrame({"group": [file.parent.name for file in files]})\n'
            'cal = np.genfromtxt(path / "01" / "rgb.cal", skip_footer=6)\n\n\n'
            "def centre(file):\n"
            '    pose = np.genfromtxt(str(file)[:-7] + "pose.txt", skip_header=3)\n'
            "    return pose[:2] * np.diag(cal)[:2] / pose[2] + cal[:2, 2]\n\n\n"
            "points = np.stack([centre(file) for file in files])[:, None]\n"
            f"held = {_held(spec)}\n\n\ndef picture(i):\n    return PILImage.create(files[i])\n"
        )
    return (
        f"path = Path({root!r})\ntable = pd.read_csv(next(path.glob(\"*.csv\")))  # a file name, x and y "
        "columns, a group\n"
        'points = table.filter(regex="^[xy]").to_numpy(float).reshape(len(table), -1, 2)  # x and y in turn\n'
        f"held = {_held(spec)}\n\n\ndef picture(i):\n    return PILImage.create(path / table.iloc[i, 0])\n"
    )  # fmt: skip


def fastai_code(spec: HeadPoseSpec) -> str:
    """The same plan in fastai: another block, another loss, the same verbs."""
    size, arch = size_of(spec), spec.arch
    bounds = "None" if spec.y_range is None else f"({spec.y_range[0]:g}, {spec.y_range[1]:g})"
    lines = [
        "import json\n",
        "from fastai.vision.all import *",
        "from safetensors.torch import load_file\n" if "load_file" in weights_line(spec, "") else "",
        _data(spec),
        "",
        "def target(i):\n    return TensorPoint.create(points[i])\n\n",
        "dls = DataBlock(",
        "    blocks=(ImageBlock, PointBlock),\n    get_x=picture,\n    get_y=target,",
        "    splitter=IndexSplitter(np.flatnonzero(held)),",
        f'    item_tfms=Resize({size}, ResizeMethod.Squish),',
        f"    batch_tfms=[{VARIED[spec.augment]}Normalize.from_stats({MEAN_AND_STD})],  # points move along",
        f").dataloaders(range(len(table)), bs={spec.batch_size})",
        "# fastai scales points to -1..1 by itself; its head is pooled and flat, the lab's keeps the place (see below)",
        f"learn = vision_learner(dls, {arch!r}, n_out=2 * points.shape[1], y_range={bounds},",
        f"    loss_func={LOSSES[spec.loss]}, wd={spec.weight_decay:g}, pretrained={spec.weights == 'pretrained'})",
    ]  # fmt: skip
    loaded = weights_line(spec, "learn.model[0].model").rstrip()
    lines += [loaded] if loaded else []
    lines += custom_rates(spec.plan)
    frozen = None
    for stage, name in zip(spec.plan, names_of(spec.plan), strict=True):
        if stage.freeze_to != frozen:
            lines.append("learn.unfreeze()" if stage.freeze_to == 0 else f"learn.freeze_to({stage.freeze_to})")
            frozen = stage.freeze_to
        lines.append(f"{fit_line(stage, FASTAI_GROUPS)}  # {name}")
    lines.append("learn.show_results()  # target left, prediction right")
    return "\n".join(line for line in lines if line) + "\n"


_TORCH = '''import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
import torch.nn.functional as F
from PIL import Image as PILImage
from torch import nn
{loads}
{data}

size = {size}
mean, std = torch.tensor([{stats}]).view(2, 3, 1, 1)


def batch(rows):
    """Normalised pictures [B, 3, h, w] and points [B, P, 2] from -1 to 1."""
    shown = [picture(int(i)) for i in rows]
    x = torch.stack([torch.from_numpy(np.array(one.resize(size[::-1]))).permute(2, 0, 1) / 255 for one in shown])
    sides = torch.tensor([one.size for one in shown])[:, None]  # width, height of each original
    return (x - mean) / std, (torch.from_numpy(points[rows]) / sides * 2 - 1).float()


class Pointer(nn.Module):
    """Features to one heat map per point; its mean place is the answer (DSNT, arXiv:1801.07372)."""

    def __init__(self, points):
        super().__init__()
        self.body = timm.create_model({arch!r}, features_only=True, out_indices=(2,), pretrained={pretrained})
        self.heat = nn.LazyConv2d(points, 1)

    def forward(self, x):
        heat = self.heat(self.body(x)[0])
        share = heat.flatten(2).softmax(2).view(heat.shape)
        height, width = heat.shape[-2:]
        across, down = ((torch.arange(n) * 2 + 1) / n - 1 for n in (width, height))
        place = torch.stack([(share.sum(2) * across).sum(2), (share.sum(3) * down).sum(2)], dim=2)
        return {last}


model = Pointer(points.shape[1])
train = np.flatnonzero(~held)
model(batch(train[:2])[0])  # the lazy layer learns its width
groups = [[*model.body.parameters()], [*model.heat.parameters()]]
optimizer = torch.optim.AdamW([{{"params": group}} for group in groups], eps=1e-5, weight_decay={decay})


def cosine(a, b, t):
    return a + (b - a) * (1 - math.cos(math.pi * t)) / 2


# (body frozen, epochs, the body's rate, the head's, share of the climb, start divisor)
for frozen, epochs, lo, hi, climb, div in {stages}:
    for p in groups[0]:
        p.requires_grad_(not frozen)
    steps, done = epochs * (len(train) // {bs}), 0
    for epoch in range(epochs):
        order = np.random.permutation(train)
        for start in range(0, len(order) - {bs} + 1, {bs}):
            t = done / steps
            for group, top in zip(optimizer.param_groups, (lo, hi)):
                up = t < climb
                group["lr"] = cosine(top / div, top, t / climb) if up else cosine(top, 0, (t - climb) / (1 - climb))
            x, y = batch(order[start : start + {bs}])
            said = model(x)  # [B, P, 2], as the targets
            loss = {loss}
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            done += 1
'''


def torch_code(spec: HeadPoseSpec) -> str:
    """The same idea in plain PyTorch: features, a heat map per point, its mean place, a squared difference."""
    data = _data(spec).replace("PILImage.create(images[i])", "PILImage.fromarray(images[i])")
    data = data.replace("PILImage.create(", "PILImage.open(").replace(
        "get_image_files(path)", 'sorted(path.glob("*/*_rgb.jpg"))'
    )
    last = "place"
    if spec.y_range is not None:
        low, high = spec.y_range
        steep = 4 / (high - low)
        last = f"{low:g} + {high - low:g} * torch.sigmoid({steep:.4g} * place)  # y_range: nothing outside is ever said"
    stages = tuple(
        (
            stage.freeze_to == -1,
            stage.epochs or 1,
            stage.lr / SLICE_DIVISOR if stage.tenth else stage.lr_lo or stage.lr,
            stage.lr,
            stage.pct_start,
            stage.div,
        )
        for stage in spec.plan
    )
    listed = "(\n" + "".join(f"    {one!r},\n" for one in stages) + ")"
    loading = weights_line(spec, "model.body").rstrip()
    text = _TORCH.format(
        loads="from safetensors.torch import load_file\n" if "load_file" in loading else "",
        data=data, size=size_of(spec), stats=MEAN_AND_STD, arch=spec.arch, pretrained=spec.weights == "pretrained",
        last=last, decay=f"{spec.weight_decay:g}", stages=listed, bs=spec.batch_size, loss=TORCH_LOSSES[spec.loss],
    )  # fmt: skip
    if loading:
        text = text.replace("train = np.flatnonzero(~held)\n", f"{loading}\ntrain = np.flatnonzero(~held)\n")
    return text
