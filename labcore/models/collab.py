"""Collaborative-filtering models, from scratch as in the notes (course-v4 08_collab), with their gradients written out.

A table of users x items is factored: rating(u, i) ≈ dot(user factors, item factors) + user bias + item bias. The
gradient of the dot product touches only the rows of the batch, so writing it out (a few lines) and keeping all factors
in one table lets a step cost one look-up, one scatter-add and one fused optimiser call.
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

    shape: Shape
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
    """Factors, with or without biases and y_range, in one table: users first, then items; the bias is the last column.

    One table means one look-up, one scatter-add and one fused optimiser call per step, whatever the model has.

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
        self.shape, self.y_range, self.bias = shape, y_range, bias
        self._width = shape.factors + bias
        start = torch.empty((shape.users + shape.items) * self._width)
        nn.init.trunc_normal_(start, std=INIT_STD, a=-2, b=2, generator=generator(seed, "init", "factors"))
        self.flat = start.to(device).requires_grad_(True)
        self.flat.grad = torch.zeros_like(self.flat)
        self.parameters = [self.flat]
        self._table = self.flat.detach().view(-1, self._width)
        self._slopes = self.flat.grad.view(-1, self._width)
        self.user_factors, self.item_factors, self.user_bias, self.item_bias = self.views(self.flat.detach())

    def views(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """User factors, item factors, user bias and item bias within a vector laid out like ``flat``."""
        table, users, factors = flat.view(-1, self._width), self.shape.users, self.shape.factors
        biases = (table[:users, factors], table[users:, factors]) if self.bias else (None, None)
        return table[:users, :factors], table[users:, :factors], *biases

    def predict(self, users: Tensor, items: Tensor) -> Tensor:
        """Ratings of [B] user and [B] item codes: [B]."""
        raw = self._raw(self._rows(users, items)[0], len(users))
        if self.y_range is None:
            return raw
        low, high = self.y_range
        return torch.sigmoid(raw) * (high - low) + low

    def loss_and_gradient(self, users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
        """Mean squared error of a batch; its gradient is left in ``flat.grad``.

        With s the raw sum, p = low + span · sigmoid(s) the prediction and r the rating, dL/ds is
        2 (p - r) / B · span · sigmoid'(s), or 2 (s - r) / B without y_range; then dL/du = dL/ds · v,
        dL/dv = dL/ds · u, and dL/ds itself goes to both biases.
        """
        count, factors = len(users), self.shape.factors
        rows, places = self._rows(users, items)
        raw = self._raw(rows, count)
        if self.y_range is None:
            error = raw - ratings
            slope = error * (2.0 / count)
        else:
            low, high = self.y_range
            share = torch.sigmoid(raw)
            error = torch.add(low - ratings, share, alpha=high - low)
            slope = torch.ops.aten.sigmoid_backward(error, share).mul_(2.0 * (high - low) / count)
        column = slope.unsqueeze(1)
        gradient = torch.empty_like(rows)
        torch.mul(rows[count:, :factors], column, out=gradient[:count, :factors])
        torch.mul(rows[:count, :factors], column, out=gradient[count:, :factors])
        if self.bias:
            gradient.view(2, count, -1)[:, :, factors] = slope
        self._slopes.zero_().index_add_(0, places, gradient)
        return torch.dot(error, error) / count

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
        views = self.views(self.flat.detach())
        return {n: v.cpu().numpy().copy() for n, v in zip(names, views, strict=True) if v is not None}

    def _rows(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """The lines of both sides, [2 B, width], and their places in the table."""
        places = torch.cat((users, items + self.shape.users))
        return self._table.index_select(0, places), places

    def _raw(self, rows: Tensor, count: int) -> Tensor:
        factors = self.shape.factors
        raw = torch.linalg.vecdot(rows[:count, :factors], rows[count:, :factors])
        if self.bias:
            raw = raw.add_(rows[:count, factors]).add_(rows[count:, factors])
        return raw


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
