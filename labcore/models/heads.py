"""What is put on top of a body: fastai's classification head, or a plain linear one for comparison."""

import torch
from torch import nn

HIDDEN = 512
"""Width of the hidden layer of fastai's head."""
DROPOUT = 0.5
"""Dropout before the last layer; half of it before the hidden one, as in fastai."""
NORM_BIAS = 1e-3
"""fastai starts the shift of its BatchNorm layers here."""


class ConcatPool(nn.Module):
    """Maximum and mean over the picture, side by side: [B, C, H, W] to [B, 2 C]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = nn.functional.adaptive_max_pool2d(x, 1)
        mean = nn.functional.adaptive_avg_pool2d(x, 1)
        return torch.cat([largest, mean], dim=1).flatten(1)


def fastai_head(channels: int, n_out: int) -> nn.Sequential:
    """fastai's ``create_head``: pool, BatchNorm, dropout, linear 512, ReLU, BatchNorm, dropout, linear.

    Args:
        channels: channels of the body's features.
        n_out: how many numbers come out per picture.

    Reference: ``fastai/vision/learner.py`` of fastai 2.8; linear layers carry no bias there and neither do they here.
    """
    head = nn.Sequential(
        ConcatPool(),
        nn.BatchNorm1d(2 * channels),
        nn.Dropout(DROPOUT / 2),
        nn.Linear(2 * channels, HIDDEN, bias=False),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(HIDDEN),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, n_out, bias=False),
    )
    for layer in head:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
        elif isinstance(layer, nn.BatchNorm1d):
            nn.init.constant_(layer.bias, NORM_BIAS)
    return head


def linear_head(channels: int, n_out: int) -> nn.Sequential:
    """Mean over the picture and one linear layer: the head of a linear probe."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, n_out))


HEADS = {"fastai": fastai_head, "linear": linear_head}
