"""A body that gives its features at several strides, for heads that answer in places: points, masks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from labcore.errors import UserError
from labcore.models.backbones import PROBE_SIDE, Body, units


class Pyramid(nn.Module):
    """Pictures [B, C, H, W] to one map [B, channels, H / stride, W / stride] per stride, finest first.

    Layers behind the last of these strides are cut off: nobody would read what they give.

    Args:
        body: with its weights; it is changed in place.
        strides: ascending, such as (4, 8, 16).

    Attributes:
        strides: as asked.
        channels: of the map at each stride.

    Raises:
        UserError: the body leaves no map at one of the strides.
    """

    def __init__(self, body: Body, strides: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.strides = tuple(strides)
        if isinstance(body.net, nn.Sequential):
            self._steps = [list(units(body.net)).index(unit) for unit in self._ends()]
        else:
            self._steps = self._stages()
        self.channels = self._probe()

    def forward(self, x: Tensor) -> list[Tensor]:
        net = self.body.net
        if not isinstance(net, nn.Sequential):
            return net.forward_intermediates(x, indices=self._steps, intermediates_only=True, stop_early=True)
        maps = []
        for number, unit in zip(range(self._steps[-1] + 1), units(net), strict=False):
            x = unit(x)
            if number in self._steps:
                maps.append(x)
        return maps

    def early_and_late(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of layers down to stride 8, and those of the rest."""
        return self.body.early_and_late()

    def _ends(self) -> list[nn.Module]:
        """The last of the blocks that run one after the other at each stride."""
        blocks = list(units(self.body.net))
        found = [[unit for unit in blocks if self.body.strides.get(unit) == stride] for stride in self.strides]
        if not all(found):
            raise UserError(_unfit(self.strides))
        return [at_stride[-1] for at_stride in found]

    def _stages(self) -> list[int]:
        """Number of timm's feature stage at each stride."""
        net = self.body.net
        reductions = [stage["reduction"] for stage in getattr(net, "feature_info", [])]
        if not hasattr(net, "forward_intermediates") or not set(self.strides) <= set(reductions):
            raise UserError(_unfit(self.strides))
        return [len(reductions) - 1 - reductions[::-1].index(stride) for stride in self.strides]

    def _probe(self) -> tuple[int, ...]:
        """Channels of the maps; layers that an empty picture does not pass on its way to them are cut off."""
        ran: set[nn.Module] = set()
        hooks = [module.register_forward_hook(lambda module, *_: ran.add(module)) for module in self.body.modules()]
        training = self.training
        try:
            with torch.no_grad():
                channels = next(self.body.parameters()).shape[1]
                maps = self.eval()(torch.zeros(1, channels, PROBE_SIDE, PROBE_SIDE))
        finally:
            self.train(training)
            for hook in hooks:
                hook.remove()
        _cut(self.body.net, ran)
        return tuple(found.shape[1] for found in maps)


def _cut(module: nn.Module, ran: set[nn.Module]) -> None:
    """Replace every part with weights of which nothing ran; a part stays in its place, since places are counted."""
    for name, child in module.named_children():
        if not ran.isdisjoint(child.modules()):
            _cut(child, ran)
        elif any(True for _ in child.parameters()):
            setattr(module, name, nn.Identity())


def _unfit(strides: Sequence[int]) -> str:
    wanted = ", ".join(map(str, strides))
    return (
        f"This network gives no maps at the strides {wanted} of the picture. "
        "Choose a ResNet, RegNet, MobileNet, EfficientNet or ConvNeXt."
    )
