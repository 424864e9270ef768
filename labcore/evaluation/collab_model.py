"""A trained model of ratings in numpy: what it predicts, and where a new person stands in it by a closed form."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labcore.errors import UserError

Floats = npt.NDArray[np.floating]
EDGE = 0.02
"""A rating at the very end of the range has no finite raw value; it is taken this share of the range inside it."""


@dataclass(frozen=True)
class FactorModel:
    """Factors and biases as a run keeps them (``factors.npz``).

    Attributes:
        user_factors: float32 [U, F].
        item_factors: float32 [I, F].
        user_bias: float32 [U], or None.
        item_bias: float32 [I], or None.
        y_range: (low, high) of the scaled sigmoid, or None.
        layers: weight [out, in] and bias [out] of a neural net's layers; empty for a dot product.
    """

    user_factors: Floats
    item_factors: Floats
    user_bias: Floats | None = None
    item_bias: Floats | None = None
    y_range: tuple[float, float] | None = None
    layers: tuple[tuple[Floats, Floats], ...] = ()

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray]) -> "FactorModel":
        """From the arrays of ``factors.npz``."""
        count = sum(name.startswith("weight_") for name in arrays)
        ends = np.asarray(arrays["y_range"], float) if "y_range" in arrays else np.empty(0)
        return cls(
            arrays["user_factors"],
            arrays["item_factors"],
            arrays.get("user_bias"),
            arrays.get("item_bias"),
            (float(ends[0]), float(ends[1])) if len(ends) else None,
            tuple((arrays[f"weight_{n}"], arrays[f"bias_{n}"]) for n in range(count)),
        )

    @property
    def bilinear(self) -> bool:
        """Whether it is a dot product, so that a new person's factors have a closed form."""
        return not self.layers

    def predict(self, users: npt.NDArray, items: npt.NDArray) -> Floats:
        """Ratings of [N] user and [N] item codes: [N]."""
        u, v = self.user_factors[users], self.item_factors[items]
        if self.layers:
            return self.squash(self._net(np.concatenate((u, v), axis=1)))
        raw = np.einsum("nf,nf->n", u, v)
        if self.user_bias is not None:
            raw = raw + self.user_bias[users] + self.item_bias[items]
        return self.squash(raw)

    def scores(self, users: npt.NDArray) -> Floats:
        """Ratings of [N] users for every item: [N, I]."""
        if not self.layers:
            raw = self.user_factors[users] @ self.item_factors.T
            if self.user_bias is not None:
                raw = raw + self.user_bias[users, None] + self.item_bias
            return self.squash(raw)
        # The first layer is linear in both halves: each half is multiplied once, not once per pair.
        (weight, bias), *_ = self.layers
        width = self.user_factors.shape[1]
        mine = self.user_factors[users] @ weight[:, :width].T
        theirs = self.item_factors @ weight[:, width:].T + bias
        rows = [self._rest(np.maximum(one + theirs, 0)) for one in mine]
        return self.squash(np.stack(rows)) if rows else np.zeros((0, len(self.item_factors)))

    def scores_of(self, factors: Floats, bias: float = 0.0) -> Floats:
        """Ratings of one person for every item, [I], from their factors [F] and bias."""
        raw = self.item_factors @ factors.astype(self.item_factors.dtype)
        if self.item_bias is not None:
            raw = raw + self.item_bias + bias
        return self.squash(raw)

    def _net(self, joined: Floats) -> Floats:
        (weight, bias), *_ = self.layers
        return self._rest(np.maximum(joined @ weight.T + bias, 0))

    def _rest(self, x: Floats) -> Floats:
        for weight, bias in self.layers[1:-1]:
            x = np.maximum(x @ weight.T + bias, 0)
        weight, bias = self.layers[-1]
        return (x @ weight.T + bias)[:, 0]

    def squash(self, raw: Floats) -> Floats:
        """Raw sums to ratings: a scaled sigmoid, or nothing without a range."""
        if self.y_range is None:
            return raw
        low, high = self.y_range
        return low + (high - low) / (1 + np.exp(-raw))

    def unsquash(self, ratings: Floats) -> tuple[Floats, Floats]:
        """The raw sums that give these ratings, and how steep the range is there (1 without a range)."""
        if self.y_range is None:
            return np.asarray(ratings, float), np.ones(len(ratings))
        low, high = self.y_range
        share = np.clip((np.asarray(ratings, float) - low) / (high - low), EDGE, 1 - EDGE)
        return np.log(share / (1 - share)), (high - low) * share * (1 - share)


@dataclass(frozen=True)
class Crowd:
    """What is known of people before they have said a word: the spread of those in the training set.

    Attributes:
        mean: float64 [F + 1], factors and bias of the average user.
        precision: float64 [F + 1, F + 1], the inverse of their covariance.
        noise: variance of a rating around its prediction, in stars squared.
    """

    mean: Floats
    precision: Floats
    noise: float


def crowd(model: FactorModel, noise: float) -> Crowd:
    """The crowd of a model; ``noise`` is its valid MSE.

    Raises:
        UserError: the model is a neural net.
    """
    if not model.bilinear:
        raise UserError("A neural net has no closed form for a new person. Choose a dot-product model for this.")
    bias = model.user_bias if model.user_bias is not None else np.zeros(len(model.user_factors))
    people = np.column_stack([model.user_factors, bias]).astype(float)
    covariance = np.cov(people, rowvar=False) if len(people) > 1 else np.zeros((people.shape[1],) * 2)
    # Weight decay leaves directions that nobody uses; without a floor their inverse would be infinite.
    floor = max(1e-3 * float(np.trace(covariance)) / len(covariance), 1e-8)
    if model.user_bias is None:
        covariance[-1], covariance[:, -1] = 0, 0
    return Crowd(people.mean(0), np.linalg.inv(covariance + floor * np.eye(len(covariance))), max(noise, 1e-6))


def fold_in(model: FactorModel, known: Crowd, items: npt.NDArray, ratings: Floats) -> tuple[Floats, float]:
    """Factors and bias of somebody new from a handful of ratings, in closed form.

    The items stay as they are, so the new person is a linear regression on their factors. Each rating is taken back
    through the range and weighted by its slope there (one Gauss-Newton step), and the crowd is the prior: with no
    rating at all the answer is the average user, with many it is what the ratings say.

    Args:
        model: a dot-product model.
        known: its crowd.
        items: [N] item codes.
        ratings: [N] stars.

    Returns:
        factors [F] and bias.
    """
    raw, slope = model.unsquash(np.asarray(ratings, float))
    rows = np.asarray(items, int)
    design = np.column_stack([model.item_factors[rows], np.full(len(rows), float(model.user_bias is not None))])
    offset = model.item_bias[rows] if model.item_bias is not None else np.zeros(len(rows))
    weighted = design * (slope**2 / known.noise)[:, None]
    left = design.T @ weighted + known.precision
    right = weighted.T @ (raw - offset) + known.precision @ known.mean
    found = np.linalg.solve(left, right)
    return found[:-1], float(found[-1])


def because(
    model: FactorModel, known: Crowd, items: npt.NDArray, ratings: Floats, recommended: int
) -> tuple[int, float] | None:
    """Which of somebody's ratings speaks most for a recommendation.

    Returns:
        (place in ``items``, by how many stars the prediction falls without that rating), or None where none helps.
    """
    items, ratings = np.asarray(items, int), np.asarray(ratings, float)
    whole = model.scores_of(*fold_in(model, known, items, ratings))[recommended]
    falls = []
    for left_out in range(len(items)):
        kept = np.arange(len(items)) != left_out
        without = fold_in(model, known, items[kept], ratings[kept])
        falls.append(whole - model.scores_of(*without)[recommended])
    if not falls or max(falls) <= 0:
        return None
    best = int(np.argmax(falls))
    return best, float(falls[best])
