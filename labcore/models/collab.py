"""Collaborative-filtering models, from scratch as in the notes (course-v4 08_collab), with their gradients written out.

A table of users x items is factored: rating(u, i) ≈ dot(user factors, item factors) + user bias + item bias. The
gradient of the dot product touches only the rows of the batch, so writing it out (four lines) and keeping all factors
in one flat parameter lets a step cost two look-ups, two scatter-adds and one fused optimiser call.
"""

import itertools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from labcore.training.streams import generator

INIT_STD = 0.01
"""fastai's ``Embedding`` starts as a truncated normal of this width."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a rating table and of the factors."""

    users: int
    items: int
    factors: int


class Trainable(Protocol):
    """What the loop asks of a model of ratings."""

    parameters: list[Tensor]

    def predict(self, users: Tensor, items: Tensor) -> Tensor:
        """Ratings of [B] user and [B] item codes: [B]."""

    def loss_and_gradient(self, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """Mean squared error of a batch; the gradients are left in ``parameters``."""

    def weights(self) -> list[Tensor]:
        """All parameters, for a checkpoint."""

    def load(self, weights: list[Tensor]) -> None:
        """Take the parameters of a checkpoint."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All parameters by name, float32, as ``labcore.evaluation.collab_model`` reads them."""


class DotProduct:
    """Factors, with or without biases and y_range, as views into one flat float32 vector.

    Attributes:
        flat: [n] all parameters; ``user_factors`` [U, F], ``item_factors`` [I, F], ``user_bias`` [U], ``item_bias`` [I]
            are views into it (biases are None without ``bias``).
        y_range: (low, high) of a scaled sigmoid around the prediction, or None.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        bias: bool = True,
        y_range: tuple[float, float] | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        sizes = [shape.users * shape.factors, shape.items * shape.factors]
        sizes += [shape.users, shape.items] if bias else []
        self.shape, self.y_range, self.bias = shape, y_range, bias
        start = torch.empty(sum(sizes))
        nn.init.trunc_normal_(start, std=INIT_STD, a=-2, b=2, generator=generator(seed, "init", "factors"))
        self.flat = start.to(device).requires_grad_(True)
        self.flat.grad = torch.zeros_like(self.flat)
        self.parameters = [self.flat]
        self.user_factors, self.item_factors, self.user_bias, self.item_bias = self._views(self.flat.detach())
        self._gradients = self._views(self.flat.grad)

    def _views(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        users, items, factors = self.shape.users, self.shape.items, self.shape.factors
        split = users * factors
        end = split + items * factors
        biases = (flat[end : end + users], flat[end + users :]) if self.bias else (None, None)
        return flat[:split].view(users, factors), flat[split:end].view(items, factors), *biases

    def predict(self, users: Tensor, items: Tensor) -> Tensor:
        """Ratings of [B] user and [B] item codes: [B]."""
        return self._squash(self._raw(self.user_factors[users], self.item_factors[items], users, items))

    def loss_and_gradient(self, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """Mean squared error of a batch; its gradient is left in ``flat.grad``.

        With s the raw sum, p the prediction and r the rating: dL/ds = 2 (p - r) / B · dp/ds, where dp/ds is
        (p - low)(high - p) / (high - low) with y_range and 1 without; then dL/du = dL/ds · v and dL/dv = dL/ds · u.
        """
        u, v = self.user_factors[users], self.item_factors[items]
        prediction = self._squash(self._raw(u, v, users, items))
        error = prediction - ratings
        slope = error * (2.0 / len(ratings))
        if self.y_range is not None:
            low, high = self.y_range
            slope *= (prediction - low) * (high - prediction) / (high - low)
        self.flat.grad.zero_()
        to_users, to_items, to_user_bias, to_item_bias = self._gradients
        column = slope.unsqueeze(1)
        to_users.index_add_(0, users, column * v)
        to_items.index_add_(0, items, column * u)
        if to_user_bias is not None:
            to_user_bias.index_add_(0, users, slope)
            to_item_bias.index_add_(0, items, slope)
        return torch.dot(error, error) / len(ratings)

    def weights(self) -> list[Tensor]:
        """The flat vector."""
        return [self.flat.detach()]

    def load(self, weights: list[Tensor]) -> None:
        """Take a flat vector of the same shape, in place, so that the views stay views."""
        with torch.no_grad():
            self.flat.copy_(weights[0])

    def arrays(self) -> dict[str, np.ndarray]:
        """``user_factors``, ``item_factors`` and, with biases, ``user_bias`` and ``item_bias``."""
        names = ("user_factors", "item_factors", "user_bias", "item_bias")
        views = self._views(self.flat.detach())
        return {n: v.cpu().numpy().copy() for n, v in zip(names, views, strict=True) if v is not None}

    def _raw(self, u: Tensor, v: Tensor, users: Tensor, items: Tensor) -> Tensor:
        raw = torch.linalg.vecdot(u, v)
        if self.user_bias is not None:
            raw = raw + self.user_bias[users] + self.item_bias[items]
        return raw

    def _squash(self, raw: Tensor) -> Tensor:
        if self.y_range is None:
            return raw
        low, high = self.y_range
        return torch.sigmoid(raw) * (high - low) + low


class CollabNN:
    """The notes' neural net: both embeddings side by side through hidden layers (course-v4 08_collab [56-60])."""

    def __init__(
        self,
        shape: Shape,
        hidden: tuple[int, ...] = (100,),
        y_range: tuple[float, float] = (0.0, 5.5),
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.shape, self.y_range = shape, y_range
        self.user_factors = nn.Embedding(shape.users, shape.factors)
        self.item_factors = nn.Embedding(shape.items, shape.factors)
        widths = [2 * shape.factors, *hidden]
        layers: list[nn.Module] = []
        for wide, narrow in itertools.pairwise(widths):
            layers += [nn.Linear(wide, narrow), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        stream = generator(seed, "init", "collab_nn")
        for embedding in (self.user_factors, self.item_factors):
            nn.init.trunc_normal_(embedding.weight, std=INIT_STD, a=-2, b=2, generator=stream)
        for layer in self._linear():
            nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=stream)
            nn.init.zeros_(layer.bias)
        self._all = nn.ModuleList([self.user_factors, self.item_factors, self.layers]).to(device)
        self.parameters = list(self._all.parameters())

    def _linear(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def predict(self, users: Tensor, items: Tensor) -> Tensor:
        """Ratings of [B] user and [B] item codes: [B]."""
        joined = torch.cat((self.user_factors(users), self.item_factors(items)), dim=1)
        low, high = self.y_range
        return torch.sigmoid(self.layers(joined).squeeze(1)) * (high - low) + low

    def loss_and_gradient(self, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """Mean squared error of a batch; autograd leaves the gradients."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()
        loss = nn.functional.mse_loss(self.predict(users, items), ratings)
        loss.backward()
        return loss.detach()

    def weights(self) -> list[Tensor]:
        """Embeddings and layers, in order."""
        return [parameter.detach() for parameter in self.parameters]

    def load(self, weights: list[Tensor]) -> None:
        """Take weights of the same shapes."""
        with torch.no_grad():
            for mine, theirs in zip(self.parameters, weights, strict=True):
                mine.copy_(theirs)

    def arrays(self) -> dict[str, np.ndarray]:
        """``user_factors``, ``item_factors``, and ``weight_0``, ``bias_0``, ... of the layers."""
        found = {"user_factors": self.user_factors.weight, "item_factors": self.item_factors.weight}
        for number, layer in enumerate(self._linear()):
            found |= {f"weight_{number}": layer.weight, f"bias_{number}": layer.bias}
        return {name: value.detach().cpu().numpy().copy() for name, value in found.items()}
