"""The segmentation run as fastai code and as plain PyTorch: the same U, groups, rates and void."""

from labcore.specs import SegmentationSpec
from labcore.training.plans import names_of
from pages.parts.code_data import MEAN_AND_STD, VARIED, arrays, kind_of, size_of
from pages.parts.code_stages import GROUPING, custom_rates, fit_line, torch_loop, weights_line

WIDTHS = {"light": (64, 48, 32, 24, 16), "full": (256, 128, 64, 32, 16)}
"""The decoder's channels, deepest first, as in labcore.models.unet, which a page cannot import."""
# smp asks timm for the maps of every level, and such a body is called as it is.
_EARLY_AND_LATE = GROUPING.replace("body.eval().forward_features(", "body.eval()(")
_DICE = """def dice_loss(scores, y):
    known = (y != void).unsqueeze(1)
    p = scores.softmax(1) * known
    hot = F.one_hot(torch.where(y == void, 0, y), scores.shape[1]).permute(0, 3, 1, 2) * known
    both, either = (p * hot).sum((0, 2, 3)), (p + hot).sum((0, 2, 3))
    there = hot.sum((0, 2, 3)) > 0
    return 1 - ((2 * both + 1) / (either + 1))[there].mean()


"""


def _data(spec: SegmentationSpec) -> str:
    """Lines that give ``picture(i)`` and ``mask(i)`` as arrays, ``classes``, ``void`` and ``held`` (bool [n])."""
    if kind_of(spec) == "embedded":
        return (
            f'{arrays(spec)}masks = np.load(path / "masks.npy", mmap_mode="r")\n'
            "held = table.is_valid.to_numpy()  # whole videos: neighbouring frames look alike\n\n\n"
            "def picture(i):\n    return images[i]\n\n\ndef mask(i):\n    return masks[i]\n\n\n" + _void()
        )
    root = spec.dataset.root or f".lab/data/{spec.dataset.name}"
    tail = "_P" if spec.dataset.name == "camvid" else ""
    return (
        f'path = Path({root!r})\nfiles = sorted((path / "images").iterdir())\n'
        'classes = (path / "codes.txt").read_text().split()\n'
        'listed = path / "valid.txt"\n'
        "if listed.exists():\n    held = np.isin([file.name for file in files], listed.read_text().split())\n"
        f"else:\n    held = np.random.default_rng({spec.dataset.split_seed}).random(len(files)) < "
        f"{spec.dataset.valid_pct:g}\n\n\n"
        'def picture(i):\n    return np.asarray(Image.open(files[i]).convert("RGB"))\n\n\n'
        f'def mask(i):\n    return np.asarray(Image.open(path / "labels" / f"{{files[i].stem}}{tail}.png"))\n\n\n'
        + _void()
    )


def _void() -> str:
    return 'void = next((k for k, name in enumerate(classes) if name.lower() == "void"), -100)\n'


def _model(spec: SegmentationSpec) -> str:
    loads = weights_line(spec, "model.encoder.model")
    head = "from safetensors.torch import load_file\n\n" if "load_file" in loads else ""
    cut = tuple(number + 1 for number in spec.skip_off)
    hook = (
        f"CUT = {cut}  # of the maps of the way down, 0 the picture itself\n"
        "model.encoder.register_forward_hook(\n"
        "    lambda module, given, maps: [map * 0 if k in CUT else map for k, map in enumerate(maps)])\n"
        if cut
        else ""
    )
    pretrained = "imagenet" if spec.weights == "pretrained" else None
    return (
        f"{head}model = smp.Unet(\n    {'tu-' + spec.arch!r}, encoder_weights={pretrained!r},\n"
        f"    classes=len(classes), decoder_channels={WIDTHS[spec.decoder]},\n)\n{loads}{hook}"
    )


def _weights(spec: SegmentationSpec) -> str:
    """Lines that give ``weights``, one per class; median frequency balancing where it is asked for."""
    if spec.class_weights == "none":
        return "weights = None\n"
    return (
        "counts = np.zeros(len(classes))\n"
        "for i in np.flatnonzero(~held):\n    counts += np.bincount(mask(i).ravel(), minlength=len(classes))\n"
        "if void >= 0:\n    counts[void] = 0\n"
        "there = counts > 0\nweights = torch.zeros(len(classes))\n"
        "weights[there] = torch.tensor(np.minimum(np.median(counts[there]) / counts[there], 10)).float()\n"
    )


def _loss(spec: SegmentationSpec) -> str:
    entropy = "F.cross_entropy(scores, y, weights, ignore_index=void)"
    told = {"cross_entropy": entropy, "dice": "dice_loss(scores, y)", "both": f"{entropy} + dice_loss(scores, y)"}
    return (
        f"{_weights(spec)}\n\n{_DICE if spec.loss != 'cross_entropy' else ''}"
        f"def loss_of(scores, y):\n    return {told[spec.loss]}\n"
    )


def fastai_code(spec: SegmentationSpec) -> str:
    """The plan in fastai, on the same U-Net from segmentation-models-pytorch."""
    sizes = [size_of(spec.but(image_size=stage.image_size or spec.image_size)) for stage in spec.plan]
    lines = [
        "import json\n\nimport segmentation_models_pytorch as smp\nfrom fastai.vision.all import *\n"
        "from PIL import Image\n",
        _data(spec),
        "\n\ndef loaders(size):\n    return DataBlock(\n        blocks=(ImageBlock, MaskBlock(classes)),\n"
        "        get_x=lambda i: PILImage.create(picture(i)),\n        get_y=lambda i: PILMask.create(mask(i)),\n"
        "        splitter=IndexSplitter(np.flatnonzero(held)),\n"
        "        item_tfms=Resize(size, method=ResizeMethod.Squish),\n"
        # fastai moves a mask with its picture, and fills what comes in by mirroring.
        f"        batch_tfms=[{VARIED[spec.augment]}Normalize.from_stats({MEAN_AND_STD})],\n"
        f"    ).dataloaders(range(len(held)), bs={spec.batch_size})\n\n",
        f"{_EARLY_AND_LATE}\n\n{_model(spec)}\n{_loss(spec)}\n",
        "def groups(model):\n"
        "    up = params(model.decoder) + params(model.segmentation_head)\n"
        "    return [*early_and_late(model.encoder.model), up]\n\n",
        "def pixel_accuracy(scores, y):\n    known = y != void\n"
        "    return (scores.argmax(1)[known] == y[known]).float().mean()\n\n",
        f"dls = loaders({sizes[0]})\nlearn = Learner(\n    dls, model, loss_func=loss_of, splitter=groups, "
        f"metrics=pixel_accuracy, wd={spec.weight_decay:g},\n    train_bn={spec.frozen_body == 'batchnorm_trains'},\n)",
        *custom_rates(spec.plan),
    ]
    for index, (stage, name) in enumerate(zip(spec.plan, names_of(spec.plan), strict=True)):
        if index and sizes[index] != sizes[index - 1]:
            lines.append(f"learn.dls = loaders({sizes[index]})")
        lines.append("learn.unfreeze()" if stage.freeze_to == 0 else f"learn.freeze_to({stage.freeze_to})")
        lines.append(f"{fit_line(stage)}  # {name}")
    return "\n".join(lines) + "\n"


def torch_code(spec: SegmentationSpec) -> str:
    """The plan in plain PyTorch, from the files to the last batch; pictures are not varied here."""
    return (
        "import json\nimport math\nfrom pathlib import Path\n\nimport numpy as np\nimport pandas as pd\n"
        "import segmentation_models_pytorch as smp\nimport torch\nfrom PIL import Image\nfrom torch import nn\n"
        f"from torch.nn import functional as F\n\n{_data(spec)}"
        f"mean, std = torch.tensor([{MEAN_AND_STD}]).view(2, 3, 1, 1)\n\n\n"
        "class Scenes(torch.utils.data.Dataset):\n"
        "    def __init__(self, size):\n        self.size, self.rows = size, np.flatnonzero(~held)\n\n"
        "    def __len__(self):\n        return len(self.rows)\n\n"
        "    def __getitem__(self, k):\n"
        "        x = torch.from_numpy(np.array(picture(self.rows[k]))).permute(2, 0, 1).float() / 255\n"
        "        y = torch.from_numpy(np.array(mask(self.rows[k])))\n"
        '        x = F.interpolate(x[None], self.size, mode="bilinear", antialias=True)[0]\n'
        "        # Codes are never mixed: between class 3 and class 5 there is no class 4.\n"
        '        y = F.interpolate(y[None, None].float(), self.size, mode="nearest-exact")[0, 0].long()\n'
        "        return (x - mean) / std, y\n\n\n"
        "def loader_at(size):\n"
        f"    return torch.utils.data.DataLoader(Scenes(size), {spec.batch_size}, shuffle=True, drop_last=True)\n\n\n"
        f"{_EARLY_AND_LATE}\n\n{_model(spec)}"
        "groups = [*early_and_late(model.encoder.model), [*model.decoder.parameters(), "
        "*model.segmentation_head.parameters()]]\n"
        f"{_loss(spec)}\n\n{torch_loop(spec, 'loss_of')}"
    )
