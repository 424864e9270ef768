"""Where a body's weights come from: files on disk and the backbones in the box, checked before they are used."""

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from labcore.errors import UserError
from labcore.settings import REPOSITORY

EMBEDDED = REPOSITORY / "assets" / "weights"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
NESTED = ("state_dict", "model", "model_state", "model_state_dict")
"""Names under which training scripts put the weights when they save more than the weights."""
KINDS = ("embedded", "pretrained", "none")
"""Values of ``weights`` that are no file."""


@dataclass(frozen=True)
class WeightsFile:
    """A local weights file.

    Attributes:
        path: the file.
        tensors: its tensors by name, on the CPU.
        mean, std: the normalisation that the weights want, per channel of pictures scaled to 0..1.
        words: what the file says of itself; may be empty.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    words: str = ""


def embedded_file(arch: str) -> Path:
    """The file of a backbone in the box.

    Raises:
        UserError: there is none for ``arch``; the sentence lists those there are.
    """
    path = EMBEDDED / f"{arch}.safetensors"
    if "/" in arch or not path.is_file():
        there = sorted(file.stem for file in EMBEDDED.glob("*.safetensors"))
        choice = f"Choose arch among {', '.join(there)}" if there else "None is in this copy of the lab"
        raise UserError(f"There are no embedded weights for {arch}. {choice}, or set weights to pretrained or none.")
    return path


def weights_path(arch: str, weights: str) -> Path | None:
    """The local file that ``weights`` names; None for ``pretrained`` and ``none``.

    Raises:
        UserError: no such file.
    """
    if weights == "embedded":
        return embedded_file(arch)
    if weights in KINDS:
        return None
    path = Path(weights).expanduser()
    if not path.is_file():
        raise UserError(f"There is no weights file {weights}. Give a .safetensors or .pth file, or {', '.join(KINDS)}.")
    return path


def read_weights(path: Path) -> WeightsFile:
    """Read a .safetensors or .pth file; nothing in it is ever executed.

    A safetensors file may say in its metadata ``mean`` and ``std`` (JSON lists) and ``description``. Files that do not
    are taken to want ImageNet's normalisation, which torchvision, timm and converted Keras bodies were measured to
    want: Keras' MobileNetV2-0.35 gives 5 to 7 points more with it than with (x - 0.5) / 0.5 in a linear probe on
    Oxford pets.

    Raises:
        UserError: the file is no weights file, or holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        return WeightsFile(path, _tensors(torch.load(path, map_location="cpu", weights_only=True), path))
    except (OSError, EOFError, RuntimeError, SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile, ValueError):
        raise UserError(
            f"{path.name} cannot be read as weights: it is damaged, or holds more than plain tensors. "
            "Save the model's state_dict() anew, best as .safetensors."
        ) from None


def read_normalisation(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation that a weights file wants, without reading its tensors."""
    if path.suffix != ".safetensors":
        return IMAGENET_MEAN, IMAGENET_STD
    try:
        with safe_open(path, framework="pt") as file:
            return _normalisation(file.metadata() or {})
    except (OSError, SafetensorError, ValueError):
        raise UserError(f"{path.name} is damaged: its header cannot be read. Save it anew as .safetensors.") from None


def load_body(net: nn.Module, file: WeightsFile, arch: str) -> None:
    """Copy a file's tensors into ``net``, a body without head, wherever they carry a prefix ("module.", "body.").

    Heads in the file are left out.

    Raises:
        UserError: the file is of another architecture; the sentence says how many tensors fit.
    """
    wanted = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    prefix = max(_prefixes(file.tensors, wanted), key=lambda prefix: _fitting(file.tensors, wanted, prefix), default="")
    fits = _fitting(file.tensors, wanted, prefix)
    known = net.state_dict()
    parts = {name.partition(".")[0] for name in known}
    names = {name.removeprefix(prefix) for name in file.tensors if name.startswith(prefix)}
    left_over = [name for name in names - known.keys() if name.partition(".")[0] in parts]
    if fits < len(wanted) or left_over:
        surplus = f" and {len(left_over)} of its tensors have no place in it" if left_over else ""
        raise UserError(
            f"{file.path.name} is not of {arch}: {fits} of the body's {len(wanted)} tensors fit{surplus}. "
            "Set arch to the architecture that the file was saved from."
        )
    # copy_ casts fp16 files up; the counter of batches seen steers nothing and may be missing.
    for name, tensor in wanted.items():
        tensor.copy_(file.tensors[prefix + name])


def _prefixes(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """Prefixes under which the file could hold the body, judged by where the body's first tensor may stand."""
    first = next(iter(wanted))
    return sorted({name.removesuffix(first) for name in tensors if name == first or name.endswith("." + first)})


def _fitting(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], prefix: str) -> int:
    return sum(
        1
        for name, tensor in wanted.items()
        if prefix + name in tensors and tensors[prefix + name].shape == tensor.shape
    )


def _read_safetensors(path: Path) -> WeightsFile:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    mean, std = _normalisation(metadata)
    return WeightsFile(path, tensors, mean, std, metadata.get("description", ""))


def _normalisation(metadata: Mapping[str, str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    mean = json.loads(metadata["mean"]) if "mean" in metadata else IMAGENET_MEAN
    std = json.loads(metadata["std"]) if "std" in metadata else IMAGENET_STD
    return tuple(float(value) for value in mean), tuple(float(value) for value in std)


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    for name in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, Mapping) else {}
    if not tensors:
        raise UserError(f"{path.name} holds no named tensors. Save the model's state_dict() into it.")
    return tensors
