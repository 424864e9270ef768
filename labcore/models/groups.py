"""Parameter groups and freezing, for any model that can list its groups."""

from collections.abc import Iterator
from typing import Protocol

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)
"""Layers whose scale and shift are never decayed."""


class Grouped(Protocol):
    """A model whose parameters come in groups, earliest layers first, the head last."""

    def groups(self) -> list[list[nn.Parameter]]: ...


def batchnorms(model: nn.Module) -> Iterator[_BatchNorm]:
    """The BatchNorm layers of a model: the ones with running statistics."""
    return (module for module in model.modules() if isinstance(module, _BatchNorm))


def undecayed(model: nn.Module) -> set[int]:
    """Ids of the parameters that weight decay leaves alone: normalisation layers and biases (fastai's wd_bn_bias)."""
    norms = {id(p) for module in model.modules() if isinstance(module, NORMS) for p in module.parameters(recurse=False)}
    return norms | {id(p) for name, p in model.named_parameters() if name.rpartition(".")[2] == "bias"}


def first_trained(freeze_to: int, groups: int) -> int:
    """Index of the first group that trains; ``freeze_to`` counts as in fastai, negative from the end."""
    return min(max(freeze_to + groups if freeze_to < 0 else freeze_to, 0), groups)


def freeze_to(model: nn.Module, k: int, train_bn: bool = True) -> None:
    """Let parameter groups from ``k`` on train, and freeze those before.

    Args:
        model: a ``Grouped`` model.
        k: first group that trains: 0 for all, -1 for the head alone, the number of groups for none.
        train_bn: BatchNorm layers of frozen groups still learn their scale and shift and follow the batches'
            statistics, as in fastai. With False they stay as they are (see ``set_training``).
    """
    groups = model.groups()
    first = first_trained(k, len(groups))
    norms = {id(p) for module in batchnorms(model) for p in module.parameters(recurse=False)}
    for index, group in enumerate(groups):
        for parameter in group:
            parameter.requires_grad_(index >= first or (train_bn and id(parameter) in norms))


def set_training(model: nn.Module) -> None:
    """Training mode for a model that may be partly frozen.

    A BatchNorm layer whose scale and shift are frozen stays in evaluation mode: its statistics are part of the frozen
    body too.
    """
    model.train()
    for module in batchnorms(model):
        if module.weight is not None and not module.weight.requires_grad:
            module.eval()


def parameter_counts(model: nn.Module) -> list[tuple[int, int]]:
    """(trainable, frozen) number of parameters of each group."""
    return [
        (sum(p.numel() for p in group if p.requires_grad), sum(p.numel() for p in group if not p.requires_grad))
        for group in model.groups()
    ]
