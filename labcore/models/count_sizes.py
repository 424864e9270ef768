"""Count parameters and activations of the bodies on offer, so that a page knows them without torch.

``python -m labcore.models.count_sizes`` writes ``assets/sizes.json``; run it again when a body is added.
"""

import json
import sys

import torch
from torch import nn

from labcore.models.backbones import build_model
from labcore.models.groups import batchnorms
from labcore.models.sizes import FILE, SIDE

ARCHS = (
    *("mobilenetv3_small_100", "mobilenetv3_small_050", "mobilenet_v2_035", "lcnet_050", "regnetx_002"),
    *("convnext_atto", "resnet10t", "resnet18", "resnet34", "resnet50", "test_resnet"),
)


def count(arch: str) -> dict[str, int | list[int]]:
    """Parameters of the two body groups, those of them that are BatchNorm's, feature channels, activations."""
    model = build_model(arch, "none", 2).eval()
    early, late = ({id(p) for p in group} for group in model.groups()[:2])
    norms = [p for norm in batchnorms(model.body) for p in norm.parameters(recurse=False)]
    floats = 0

    def see(module: nn.Module, _: object, output: object) -> None:
        nonlocal floats
        if isinstance(output, torch.Tensor) and not list(module.children()):
            floats += output.numel()

    hooks = [module.register_forward_hook(see) for module in model.body.modules()]
    with torch.no_grad():
        model.body(torch.zeros(1, 3, SIDE, SIDE))
    for hook in hooks:
        hook.remove()
    body = list(model.body.parameters())
    return {
        "body": [sum(p.numel() for p in body if id(p) in group) for group in (early, late)],
        "batchnorm": [sum(p.numel() for p in norms if id(p) in group) for group in (early, late)],
        "channels": model.body.channels,
        "activations": floats,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps({arch: count(arch) for arch in ARCHS}, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
