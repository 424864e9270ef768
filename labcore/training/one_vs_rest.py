"""The sigmoid alternative: one yes or no per class on finished features, so that a picture may be none of them.

Softmax shares out 100 % whatever it is shown. The notes' answer to the bear classifier that is given a dog is the
multi-label reading: a sigmoid and binary cross-entropy per class.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DECAY = 1e-3
"""L2 pull, so that separable classes do not make it infinitely sure."""
ROUNDS = 60
"""Iterations of L-BFGS; the loss has settled to three digits after about 40."""


def fit_one_vs_rest(features: Tensor, targets: Tensor, classes: int) -> nn.Linear:
    """Logistic regression of each class against the rest, on the CPU, deterministic.

    Args:
        features: float32 [n, d], what the head's last layer sees in evaluation mode.
        targets: int64 [n].
        classes: how many; a class without a picture learns to say no.

    Returns:
        A layer from [n, d] to [n, classes] logits.
    """
    features, wanted = features.float().cpu(), F.one_hot(targets.cpu(), classes).float()
    mean, spread = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
    scaled = (features - mean) / spread
    weight = torch.zeros(classes, features.shape[1], requires_grad=True)
    # Begins at the share of each class, so that the first steps need not learn that most answers are no.
    share = wanted.mean(dim=0).clamp(1e-4, 1 - 1e-4)
    bias = torch.logit(share).requires_grad_()
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        entropy = F.binary_cross_entropy_with_logits(scaled @ weight.T + bias, wanted, reduction="sum") / len(wanted)
        total = entropy + DECAY * weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    layer = nn.Linear(features.shape[1], classes)
    with torch.no_grad():
        layer.weight.copy_(weight / spread)
        layer.bias.copy_(bias - (weight / spread) @ mean)
    return layer.requires_grad_(False)
