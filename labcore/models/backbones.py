"""Bodies by their timm or torchvision name, cut before the pooling, with a head and three parameter groups."""

import difflib
import socket
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import timm
import torch
import torchvision
from huggingface_hub import constants, try_to_load_from_cache
from timm.models import adapt_input_conv
from torch import Tensor, nn

from labcore.errors import UserError
from labcore.models.heads import HEADS
from labcore.models.weights import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    load_body,
    read_normalisation,
    read_weights,
    weights_path,
)
from labcore.training.streams import seed_for

EARLY_STRIDE = 8
"""Layers down to an eighth of the picture's side are early: fastai cuts ResNets after layer2, which is here."""
PROBE_SIDE = 64
"""Side of the empty picture sent through a body once to learn its width, strides and unused layers."""
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {"mobilenet_v2_035": ("mobilenet_v2", {"width_mult": 0.35})}
"""Names of ours for torchvision networks with arguments."""
TORCHVISION_FAMILIES = (
    "alexnet", "convnext", "densenet", "efficientnet", "mnasnet", "mobilenet_v", "regnet", "resnet", "resnext",
    "shufflenet", "squeezenet", "vgg", "wide_resnet",
)  # fmt: skip
"""torchvision networks whose children, up to the pooling, run one after the other."""
TORCHVISION_TAIL = ("avgpool", "classifier", "fc", "head")
"""Children of torchvision networks that come after the body."""


@dataclass(frozen=True)
class Architecture:
    """A network that can be built: its library, the library's name for it, and arguments."""

    name: str
    library: Literal["timm", "torchvision"]
    builder: str
    arguments: dict[str, Any] = field(default_factory=dict)


class Body(nn.Module):
    """A convolutional network without its head: pictures [B, C, H, W] to features [B, channels, h, w].

    Attributes:
        net: the library's own network; its state dict keeps the library's names.
        channels: channels of the features.
        reduction: how many pixels of the picture's side one feature stands for.
        strides: the stride at which each module that runs leaves a picture.
    """

    def __init__(self, net: nn.Module, arch: str) -> None:
        super().__init__()
        self.net = net
        self.strides, features = _explore(net)
        if features.dim() != 4 or features.shape[2] != features.shape[3]:
            raise UserError(
                f"{arch} gives no feature map. Choose a convolutional network, such as mobilenetv3_small_100."
            )
        self.channels = features.shape[1]
        self.reduction = PROBE_SIDE // features.shape[-1]
        for name, child in list(net.named_children()):
            if self.strides.keys().isdisjoint(child.modules()) and any(True for _ in child.parameters()):
                delattr(net, name)  # layers of the library's own head, which would sit in the optimiser untrained

    def forward(self, x: Tensor) -> Tensor:
        return _features(self.net, x)

    def early_and_late(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of layers down to stride 8, and those of the rest."""
        late = {
            id(p) for unit in units(self.net) if self.strides.get(unit, 0) > EARLY_STRIDE for p in unit.parameters()
        }
        parameters = list(self.net.parameters())
        return [p for p in parameters if id(p) not in late], [p for p in parameters if id(p) in late]


class Model(nn.Module):
    """A body and a head; three parameter groups: early body, late body, head.

    Attributes:
        arch: the body's name.
    """

    def __init__(self, arch: str, body: Body, head: nn.Module) -> None:
        super().__init__()
        self.arch = arch
        self.body = body
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def groups(self) -> list[list[nn.Parameter]]:
        """Parameters by group, earliest layers first, the head last."""
        early, late = self.body.early_and_late()
        return [early, late, list(self.head.parameters())]


def build_model(
    arch: str,
    weights: str,
    n_out: int,
    in_chans: int = 3,
    seed: int = 0,
    head: Literal["fastai", "linear"] = "fastai",
) -> Model:
    """A network for ``n_out`` outputs per picture, on the CPU, channels last.

    Args:
        arch: timm or torchvision name.
        weights: ``none``, ``pretrained`` (downloaded), ``embedded`` (in the box), or a .safetensors or .pth file.
        n_out: outputs per picture, at least 1.
        in_chans: channels of a picture, at least 1; trained first layers are repeated and scaled as timm does.
        seed: seed of the initialisation; body and head draw from streams of their own, so two heads on one body
            start from the same body.
        head: fastai's head, or a single linear layer.

    Raises:
        UserError: unknown architecture, weights that are not there, do not fit or cannot be downloaded.
    """
    if n_out < 1 or in_chans < 1:
        raise UserError(f"{n_out} outputs and {in_chans} channels make no network. Both are at least 1.")
    body = build_body(arch, weights, in_chans, seed)
    with initialisation(seed, "head"):
        top = HEADS[head](body.channels, n_out)
    return Model(arch, body, top).to(memory_format=torch.channels_last)


def build_body(arch: str, weights: str, in_chans: int = 3, seed: int = 0) -> Body:
    """A body with its weights, on the CPU, for whoever brings a head of another kind; arguments as ``build_model``'s.

    Raises:
        UserError: unknown architecture, weights that are not there, do not fit or cannot be downloaded.
    """
    known, file = describe(arch), weights_path(arch, weights)
    with initialisation(seed, "body"):
        body = Body(_build(known, pretrained=weights == "pretrained"), arch)
    if file is not None:
        load_body(body.net, read_weights(file), arch)
    _adapt_first_layer(body.net, in_chans, arch)
    return body


def describe(arch: str) -> Architecture:
    """Where a network comes from; timm is asked before torchvision.

    Raises:
        UserError: no such network, with the names nearest to it; or one that takes one picture size only.
    """
    if arch in VARIANTS:
        return Architecture(arch, "torchvision", *VARIANTS[arch])
    if ":" not in arch and timm.is_model(arch):
        config = timm.get_pretrained_cfg(arch, allow_unregistered=True)
        if config is not None and config.fixed_input_size:
            side = config.input_size[-1]
            raise UserError(f"{arch} takes pictures of {side} pixels only. Choose a convolutional network.")
        return Architecture(arch, "timm", arch)
    others = [
        name for name in torchvision.models.list_models(torchvision.models) if name.startswith(TORCHVISION_FAMILIES)
    ]
    if arch in others:
        return Architecture(arch, "torchvision", arch)
    near = difflib.get_close_matches(arch.lower(), [*timm.list_models(), *others, *VARIANTS], n=4, cutoff=0.5)
    hint = f"Did you mean {', '.join(near)}?" if near else "Take a name from timm.list_models()."
    raise UserError(f"There is no architecture {arch!r}. {hint}")


def normalisation(arch: str, weights: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, of pictures scaled to 0..1, that the weights were trained with."""
    file = weights_path(arch, weights)
    if file is not None:
        return read_normalisation(file)
    known = describe(arch)
    config = timm.get_pretrained_cfg(arch) if weights == "pretrained" and known.library == "timm" else None
    return (config.mean, config.std) if config else (IMAGENET_MEAN, IMAGENET_STD)


@contextmanager
def initialisation(seed: int, part: str) -> Iterator[None]:
    """Libraries initialise from torch's global CPU generator: lend it a named stream, then put it back."""
    before = torch.random.get_rng_state()
    torch.random.default_generator.manual_seed(seed_for(seed, "initialisation", part))
    try:
        yield
    finally:
        torch.random.set_rng_state(before)


def _build(arch: Architecture, pretrained: bool) -> nn.Module:
    try:
        if arch.library == "timm":
            if pretrained:
                _find_hub(arch.builder)
            return timm.create_model(arch.builder, pretrained=pretrained, num_classes=0, global_pool="")
        weights = "DEFAULT" if pretrained and not arch.arguments else None
        if pretrained and weights is None:
            raise UserError(f"There are no weights to download for {arch.name}. Give a file, or choose weights none.")
        net = torchvision.models.get_model(arch.builder, weights=weights, **arch.arguments)
    except (OSError, RuntimeError, ValueError) as error:
        if not pretrained:
            raise
        raise UserError(
            f"The pretrained weights of {arch.name} cannot be had ({type(error).__name__}): there are none, or this "
            "machine is offline. Choose weights embedded or none, give a local file, or try again with a connection."
        ) from error
    children = OrderedDict((name, child) for name, child in net.named_children() if name not in TORCHVISION_TAIL)
    if arch.builder.startswith("densenet"):
        children["relu"] = nn.ReLU(inplace=True)  # torchvision applies it in forward, between features and pooling
    return nn.Sequential(children)


def _find_hub(arch: str) -> None:
    """Look the hub's name up first: offline, its client retries for three quarters of a minute before it gives up."""
    config = timm.get_pretrained_cfg(arch)
    repository = config.hf_hub_id if config else None
    if repository and not isinstance(try_to_load_from_cache(repository, "model.safetensors"), str):
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, None)


def _features(net: nn.Module, x: Tensor) -> Tensor:
    return net(x) if isinstance(net, nn.Sequential) else net.forward_features(x)


def _explore(net: nn.Module) -> tuple[dict[nn.Module, int], Tensor]:
    """Send an empty picture through: the stride at which each module that runs leaves it, and the features."""
    strides: dict[nn.Module, int] = {}

    def see(module: nn.Module, _: Any, output: Any) -> None:
        mapped = isinstance(output, Tensor) and output.dim() == 4 and output.shape[-1] > 0
        strides[module] = PROBE_SIDE // output.shape[-1] if mapped else 0

    hooks = [module.register_forward_hook(see) for module in net.modules()]
    training = net.training
    try:
        with torch.no_grad():
            features = _features(net.eval(), torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE))
    finally:
        net.train(training)
        for hook in hooks:
            hook.remove()
    return strides, features


def units(module: nn.Module) -> Iterator[nn.Module]:
    """The blocks that a network is made of, with plain sequences opened up."""
    for child in module.children():
        if isinstance(child, nn.ModuleList) or type(child).forward is nn.Sequential.forward:
            yield from units(child)
        else:
            yield child


def _adapt_first_layer(net: nn.Module, in_chans: int, arch: str) -> None:
    """Let the first convolution take ``in_chans`` channels: its weights repeated and scaled, or summed for one."""
    conv = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    if in_chans == conv.in_channels:
        return
    if conv.groups != 1:
        raise UserError(f"The first layer of {arch} cannot take {in_chans} channels. Choose another network.")
    conv.weight = nn.Parameter(adapt_input_conv(in_chans, conv.weight.detach()).clone())
    conv.in_channels = in_chans
