"""Plans in stages, and range tests, as fastai code and as plain PyTorch: same groups, same rates, same freezing."""

from labcore.specs import FineTuneSpec, ImageSpec, LRFinderSpec, SegmentationSpec, Stage, ThresholdsSpec
from labcore.training.plans import first_trained, names_of
from labcore.training.schedules import CLR_CYCLES, expand_slice, group_rates
from pages.parts.code_data import fastai_loaders, size_of, torch_loader

GROUPS = 3
"""Early body, late body, head."""
Staged = FineTuneSpec | ThresholdsSpec
GROUPING = '''def blocks(net):
    for child in net.children():
        if isinstance(child, nn.ModuleList) or type(child).forward is nn.Sequential.forward:
            yield from blocks(child)
        else:
            yield child


def early_and_late(body):
    """Parameters of layers down to an eighth of the picture's side, and those of the rest."""
    strides = {}

    def see(block, _, output):
        strides[block] = 64 // output.shape[-1] if output.dim() == 4 else 0

    hooks = [block.register_forward_hook(see) for block in blocks(body)]
    with torch.no_grad():
        body.eval().forward_features(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    late = {id(p) for block, stride in strides.items() if stride > 8 for p in block.parameters()}
    used = [p for block in strides for p in block.parameters()]
    return [p for p in used if id(p) not in late], [p for p in used if id(p) in late]
'''
"""Source of ``early_and_late(body)``, the two groups below the head."""
RATES = {
    "one_cycle": """def rate(top, t, climb, div, final):
    if t < climb:
        return cosine(top / div, top, t / climb)
    return cosine(top, top / final, (t - climb) / (1 - climb))
""",
    "constant": "def rate(top, t, climb, div, final):\n    return top\n",
    "cosine": "def rate(top, t, climb, div, final):\n    return cosine(top, top / final, t)\n",
    "exponential": "def rate(top, t, climb, div, final):\n    return top * final**-t\n",
    "triangular": f"""def rate(top, t, climb, div, final):
    height = 1 - abs(2 * (t * {CLR_CYCLES} % 1) - 1)
    return top / div + (top - top / div) * height
""",
    "triangular2": f"""def rate(top, t, climb, div, final):
    height = (1 - abs(2 * (t * {CLR_CYCLES} % 1) - 1)) / 2 ** math.floor(t * {CLR_CYCLES})
    return top / div + (top - top / div) * height
""",
}
"""Source of ``rate(top, t, climb, div, final)`` for each schedule."""


def weights_line(spec: ImageSpec, body: str) -> str:
    """The line that loads a body's weights; empty where the library itself has them or none are wanted."""
    if spec.weights in ("none", "pretrained"):
        return ""
    file = f"assets/weights/{spec.arch}.safetensors" if spec.weights == "embedded" else spec.weights
    read = f"load_file({file!r})" if file.endswith(".safetensors") else f"torch.load({file!r}, weights_only=True)"
    return f"{body}.load_state_dict({read}, strict=False)\n"


def _loads_safetensors(spec: ImageSpec) -> bool:
    return "load_file" in weights_line(spec, "")


def fastai_stages(spec: Staged) -> str:
    """A staged plan in fastai, from the files to the last stage."""
    several = isinstance(spec, ThresholdsSpec)
    lines = [_fastai_learner(spec, several), *custom_rates(spec.plan)]
    sizes = [stage.image_size or spec.image_size for stage in spec.plan]
    for index, (stage, name) in enumerate(zip(spec.plan, names_of(spec.plan), strict=True)):
        if index and sizes[index] != sizes[index - 1]:
            size = sizes[index]
            lines.append(f"learn.dls = loaders({(size, size) if isinstance(size, int) else tuple(size)})")
        lines.append("learn.unfreeze()" if stage.freeze_to == 0 else f"learn.freeze_to({stage.freeze_to})")
        lines.append(f"{fit_line(stage)}  # {name}")
    return "\n".join(lines) + "\n"


def _fastai_learner(spec: ImageSpec, several: bool) -> str:
    loads = "from safetensors.torch import load_file\n" if _loads_safetensors(spec) else ""
    extra = [f"wd={spec.weight_decay:g}", "splitter=groups", f"pretrained={spec.weights == 'pretrained'}"]
    if getattr(spec, "frozen_body", "") == "computed_once":
        extra.append("train_bn=False")
    if getattr(spec, "head", "fastai") == "linear":
        extra.append("custom_head=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, dls.c))")
    if several:
        threshold = getattr(spec, "threshold", 0.5)
        extra.append(f"metrics=partial(accuracy_multi, thresh={threshold:g})")
        extra.append(f"loss_func=BCEWithLogitsLossFlat(thresh={threshold:g})")
    else:
        extra.append("metrics=error_rate")
    width = (
        f"width = timm.create_model({spec.arch!r}, num_classes=0).num_features\n" if "width" in " ".join(extra) else ""
    )
    inner = "".join(f"    {one},\n" for one in extra)
    first = getattr(spec, "plan", (Stage(),))[0].image_size
    size = size_of(spec if first is None else spec.but(image_size=first))
    return (
        f"import json\n\n{'import timm' + chr(10) if width else ''}from fastai.vision.all import *\n{loads}\n"
        f"{fastai_loaders(spec, several=several)}\n\n{GROUPING}\n\n"
        "def groups(model):\n    return [*early_and_late(model[0].model), params(model[1:])]\n\n\n"
        f"dls = loaders({size})\n{width}"
        f"learn = vision_learner(\n    dls,\n    {spec.arch!r},\n{inner})\n"
        f"{weights_line(spec, 'learn.model[0].model')}"
    )


def custom_rates(plan: tuple[Stage, ...]) -> list[str]:
    """Schedules that fastai has no word for, as functions of the share that is done."""
    lines = []
    for schedule in dict.fromkeys(stage.schedule for stage in plan):
        if schedule.startswith("triangular"):
            halve = f" / 2 ** np.floor(pct * {CLR_CYCLES})" if schedule == "triangular2" else ""
            lines.append(
                f"def {schedule}(low, top, pct):\n"
                f"    return low + (top - low) * (1 - abs(2 * (pct * {CLR_CYCLES} % 1) - 1)){halve}\n\n"
            )
    return lines


def fit_line(stage: Stage, groups: int = GROUPS) -> str:
    """The line that trains one stage in fastai."""
    if stage.tenth:
        rate = f"slice({stage.lr:g})"
    elif stage.lr_lo is not None:
        rate = f"slice({stage.lr_lo:g}, {stage.lr:g})" if stage.lr_lo else f"slice({stage.lr:g})"
    else:
        rate = f"{stage.lr:g}"
    epochs = stage.epochs or 1
    tops = [float(f"{top:.6g}") for top in group_rates(stage, groups)]
    match stage.schedule:
        case "constant":
            return f"learn.fit({epochs}, {rate})"
        case "cosine":
            return f"learn.fit_flat_cos({epochs}, {rate}, div_final={stage.div_final:g}, pct_start=0)"
        case "exponential":
            return (
                f'learn.fit({epochs}, cbs=ParamScheduler({{"lr": SchedExp(np.array({tops}), '
                f"np.array({tops}) / {stage.div_final:g})}}))"
            )
        case "triangular" | "triangular2":
            return (
                f'learn.fit({epochs}, cbs=ParamScheduler({{"lr": partial({stage.schedule}, '
                f"np.array({tops}) / {stage.div:g}, np.array({tops}))}}))"
            )
    plain = Stage()
    more = "".join(
        f", {name}={getattr(stage, name):g}"
        for name in ("pct_start", "div", "div_final")
        if getattr(stage, name) != getattr(plain, name)
    )
    return f"learn.fit_one_cycle({epochs}, {rate}{more})"


def torch_stages(spec: Staged) -> str:
    """A staged plan in plain PyTorch, from the files to the last batch."""
    several = isinstance(spec, ThresholdsSpec)
    loss = "F.binary_cross_entropy_with_logits" if several else "F.cross_entropy"
    return f"{_torch_model(spec, several)}\n{torch_loop(spec, loss)}"


def torch_loop(spec: Staged | SegmentationSpec, loss: str) -> str:
    """Source that trains ``model`` stage by stage; ``groups`` and ``loader_at(size)`` stand above it.

    Args:
        spec: what the page's controls say.
        loss: name of a function of outputs and targets.
    """
    listed = ""
    for stage in spec.plan:
        lo, hi = ends_of(stage)
        size = size_of(spec.but(image_size=stage.image_size or spec.image_size))
        first = first_trained(stage, GROUPS)
        listed += f"    {(size, first, stage.epochs or 1, lo, hi, stage.pct_start, stage.div, stage.div_final)!r},\n"
    kinds = dict.fromkeys(stage.schedule for stage in spec.plan)
    rates = "\n\n".join(RATES[kind].replace("def rate", f"def {kind}_rate", 1) for kind in kinds)
    chosen = f"[{', '.join(f'{stage.schedule}_rate' for stage in spec.plan)}][stage]"
    trains = "id(p) in norms" if spec.frozen_body == "batchnorm_trains" else "False"
    return (
        "# (size, first group that trains, epochs, rates of first and last group, share of the climb, divisors)\n"
        f"STAGES = [\n{listed}]\n"
        f"norms = {{id(p) for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}}\n"
        'named = [{"params": group} for group in groups]\n'
        "optimizer = torch.optim.AdamW(\n"
        f"    named, betas=(0.9, 0.99), eps=1e-5, weight_decay={spec.weight_decay:g}\n)  # the lab spares biases\n"
        "\n\ndef cosine(a, b, t):\n    return a + (b - a) * (1 - math.cos(math.pi * t)) / 2\n\n\n"
        f"{rates}\n\n"
        "for stage, (size, first, epochs, lo, hi, climb, div, final) in enumerate(STAGES):\n"
        "    for k, group in enumerate(groups):\n        for p in group:\n"
        f"            p.requires_grad_(k >= first or {trains})\n"
        "    tops = [lo * (hi / lo) ** (k / 2) for k in range(3)] if isinstance(lo, float) else [*lo, hi]\n"
        f"    loader, shape = loader_at(size), {chosen}\n"
        "    steps = epochs * len(loader)\n"
        "    for epoch in range(epochs):\n"
        "        model.train()\n"
        "        for i, (x, y) in enumerate(loader):\n"
        "            t = (epoch * len(loader) + i) / steps\n"
        "            for group, top in zip(optimizer.param_groups, tops):\n"
        "                group['lr'] = shape(top, t, climb, div, final)\n"
        f"            loss = {loss}(model(x), y)\n"
        "            loss.backward()\n            optimizer.step()\n            optimizer.zero_grad()\n"
    )


def ends_of(stage: Stage) -> tuple[float | tuple[float, ...], float]:
    """Rates of the first and of the last group; fastai's tenth as one rate for each group but the last."""
    if stage.tenth or stage.lr_lo == 0:
        return tuple(float(f"{rate:.6g}") for rate in expand_slice(None, stage.lr, GROUPS)[:-1]), stage.lr
    return float(stage.lr if stage.lr_lo is None else stage.lr_lo), float(stage.lr)


def _torch_model(spec: ImageSpec, several: bool) -> str:
    loads = "from safetensors.torch import load_file\n" if _loads_safetensors(spec) else ""
    if getattr(spec, "head", "fastai") == "linear":
        head = "head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, len(classes)))\n"
    else:
        head = (
            "head = nn.Sequential(  # fastai's\n    ConcatPool(), nn.BatchNorm1d(2 * width), nn.Dropout(0.25),\n"
            "    nn.Linear(2 * width, 512, bias=False), nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5),\n"
            "    nn.Linear(512, len(classes), bias=False),\n)\n"
        )
    pool = (
        "class ConcatPool(nn.Module):\n    def forward(self, x):\n"
        "        return torch.cat([x.amax((2, 3)), x.mean((2, 3))], dim=1)\n\n\n"
        if "ConcatPool" in head
        else ""
    )
    return (
        "import json\nimport math\nfrom pathlib import Path\n\nimport numpy as np\nimport pandas as pd\nimport timm\n"
        f"import torch\n{loads}from torch import nn\nfrom torch.nn import functional as F\n\n"
        f"{torch_loader(spec, several=several)}\n\n{GROUPING}\n\n{pool}"
        "class Net(nn.Module):\n    def __init__(self, body, head):\n        super().__init__()\n"
        "        self.body, self.head = body, head\n\n"
        "    def forward(self, x):\n        return self.head(self.body.forward_features(x))\n\n\n"
        f"body = timm.create_model({spec.arch!r}, pretrained={spec.weights == 'pretrained'}, num_classes=0)\n"
        f"{weights_line(spec, 'body')}"
        "with torch.no_grad():\n    width = body.eval().forward_features(torch.zeros(1, 3, 64, 64)).shape[1]\n"
        f"{head}model = Net(body, head)\n"
        "groups = [*early_and_late(body), list(head.parameters())]  # what slices are spread over\n"
    )


def fastai_range_test(spec: LRFinderSpec, several: bool = False) -> str:
    """A range test in fastai."""
    frozen = "learn.freeze()" if spec.frozen else "learn.unfreeze()"
    if spec.sweep == "exponential":
        find = (
            f"learn.lr_find(start_lr={spec.start:g}, end_lr={spec.end:g}, num_it={spec.num_it}, "
            f"stop_div={spec.stop_early}, suggest_funcs=(valley, slide, steep, minimum))"
        )
    else:
        find = (
            f"test = ParamScheduler({{'lr': SchedLin({spec.start:g}, {spec.end:g})}})\n"
            f"learn.fit({spec.num_it} // len(learn.dls.train) + 1, cbs=test)  # fastai's own test grows exponentially"
        )
    return f"{_fastai_learner(spec, several)}{frozen}\n{find}\n"


def torch_range_test(spec: LRFinderSpec, several: bool = False) -> str:
    """A range test in plain PyTorch."""
    loss = "F.binary_cross_entropy_with_logits" if several else "F.cross_entropy"
    growth = (
        f"{spec.start!r} * ({spec.end!r} / {spec.start!r}) ** (i / {spec.num_it})"
        if spec.sweep == "exponential"
        else f"{spec.start!r} + ({spec.end!r} - {spec.start!r}) * i / {spec.num_it}"
    )
    frozen = (
        "for p in body.parameters():\n    p.requires_grad_(False)\n"
        "for m in body.modules():  # fastai lets BatchNorm train also where the body is frozen\n"
        "    if isinstance(m, nn.BatchNorm2d):\n        m.requires_grad_(True)\n"
        if spec.frozen
        else ""
    )
    stop = "    if smooth[-1] > 4 * min(smooth):\n        break\n" if spec.stop_early else ""
    return (
        f"{_torch_model(spec, several)}\n{frozen}"
        f"optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), eps=1e-5, "
        f"weight_decay={spec.weight_decay:g})\n"
        "start = {name: tensor.clone() for name, tensor in model.state_dict().items()}\n"
        f"loader, mean_loss, rates, smooth = loader_at({size_of(spec)}), 0.0, [], []\n\n\n"
        "def forever():\n    while True:\n        yield from loader\n\n\n"
        "model.train()\n"
        f"for i, (x, y) in zip(range({spec.num_it}), forever()):\n"
        f"    optimizer.param_groups[0]['lr'] = {growth}\n"
        f"    loss = {loss}(model(x), y)\n"
        "    rates.append(optimizer.param_groups[0]['lr'])\n"
        f"    mean_loss = {spec.smoothing!r} * mean_loss + {1 - spec.smoothing:.6g} * loss.item()\n"
        f"    smooth.append(mean_loss / (1 - {spec.smoothing!r} ** (i + 1)))\n"
        f"{stop}"
        "    loss.backward()\n    optimizer.step()\n    optimizer.zero_grad()\n"
        "model.load_state_dict(start)  # a test leaves nothing behind\n"
    )
