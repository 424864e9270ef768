"""What learnt factors mean: axes, neighbours, loved and unloved items, and how near they are to a known truth."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from labcore.evaluation.collab_model import FactorModel

Floats = npt.NDArray[np.floating]
WIDE = 0.1
"""Directions of the learnt factors below this share of the widest are noise that weight decay has left."""


@dataclass(frozen=True)
class Axes:
    """A rotation of the factors that leaves every prediction as it is.

    Attributes:
        basis: [F, F] orthogonal; column k is axis k. Factors times basis are places on the axes.
        share: [F] share of the items' spread along each axis, falling.
        centre: [F] mean item.
    """

    basis: Floats
    share: Floats
    centre: Floats

    def places(self, factors: Floats) -> Floats:
        """Where items stand, [N, F], measured from the mean item."""
        return (factors - self.centre) @ self.basis


def principal_axes(item_factors: Floats, weights: npt.NDArray | None = None) -> Axes:
    """Principal components of the items' factors, widest first, signs fixed so that the longest arm points right.

    Args:
        item_factors: [I, F].
        weights: [I] ratings per item, so that items which nobody rated do not blur the axes; None counts all alike.
    """
    factors = np.asarray(item_factors, float)
    share = np.ones(len(factors)) if weights is None or not np.any(weights) else np.asarray(weights, float)
    share = share / share.sum()
    centre = share @ factors
    moved = factors - centre
    values, vectors = np.linalg.eigh(moved.T @ (moved * share[:, None]))
    order = np.argsort(-values)
    basis = vectors[:, order]
    basis *= np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    spread = np.clip(values[order], 0, None)
    return Axes(basis, spread / spread.sum() if spread.sum() else spread, centre)


def neighbours(item_factors: Floats, item: int, count: int = 10, allowed: npt.NDArray | None = None) -> pd.DataFrame:
    """The items that point the same way: ``item`` (code), ``cosine`` (1 is the same direction) and ``distance``.

    Args:
        allowed: [I] bool, which items may be named (rated often enough); None allows all.
    """
    factors = np.asarray(item_factors, float)
    lengths = np.linalg.norm(factors, axis=1) + 1e-12
    cosine = factors @ factors[item] / (lengths * lengths[item])
    ranked = cosine.copy()
    if allowed is not None:
        ranked[~allowed] = -np.inf
    ranked[item] = -np.inf
    best = np.argsort(-ranked, kind="stable")[:count]
    best = best[np.isfinite(ranked[best])]
    distance = np.linalg.norm(factors[best] - factors[item], axis=1)
    return pd.DataFrame({"item": best, "cosine": cosine[best], "distance": distance})


def loved(model: FactorModel, counts: npt.NDArray, item_means: Floats, least_ratings: int) -> pd.DataFrame:
    """Items by what their bias says beyond their mean, best first.

    A bias holds what factors cannot: how good an item is for everybody. It goes along with the mean rating; an item
    far off that line is liked more, or less, than the tastes of those who chose to rate it explain.

    Returns:
        ``item``, ``bias``, ``mean_effect`` (stars above the average), ``beyond`` (bias after taking the mean effect
        out by a straight line), ``ratings``.
    """
    known = np.flatnonzero(counts >= least_ratings)
    bias = (model.item_bias if model.item_bias is not None else np.zeros(len(counts)))[known].astype(float)
    effect = item_means[known].astype(float)
    line = np.polyfit(effect, bias, 1) if len(known) > 2 and np.ptp(effect) else np.zeros(2)
    made = pd.DataFrame(
        {
            "item": known,
            "bias": bias,
            "mean_effect": effect,
            "beyond": bias - np.polyval(line, effect),
            "ratings": counts[known],
        }
    )
    return made.sort_values("bias", ascending=False, kind="stable").reset_index(drop=True)


def genre_table(genres: npt.NDArray) -> pd.DataFrame:
    """[I, genres] bool from texts parted by ``|``, most frequent genre first."""
    made = pd.Series(np.asarray(genres, str)).str.get_dummies("|").astype(bool)
    return made[made.sum().sort_values(ascending=False, kind="stable").index]


@dataclass(frozen=True)
class Meaning:
    """What stands at the two ends of an axis.

    Attributes:
        low: codes of the items furthest towards the lower end.
        high: the same of the upper end.
        genres: ``genre``, ``pull`` (mean place of its items in standard deviations of the axis), ``items``; sorted
            from the lower to the upper end.
    """

    low: npt.NDArray
    high: npt.NDArray
    genres: pd.DataFrame


def meaning(
    places: Floats, genres: npt.NDArray, counts: npt.NDArray, least_ratings: int, ends: int = 6, least_items: int = 5
) -> Meaning:
    """What an axis means: its extremes among items rated often enough, and which genres lie towards which end.

    Args:
        places: [I] where items stand on the axis.
    """
    known = np.flatnonzero(counts >= least_ratings)
    order = known[np.argsort(places[known], kind="stable")]
    table = genre_table(genres).iloc[known]
    spread = float(np.std(places[known])) or 1.0
    middle = float(np.mean(places[known])) if len(known) else 0.0
    rows = [
        {"genre": name, "pull": (float(places[known][has].mean()) - middle) / spread, "items": int(has.sum())}
        for name, has in ((name, table[name].to_numpy()) for name in table)
        if has.sum() >= least_items
    ]
    found = pd.DataFrame(rows, columns=["genre", "pull", "items"]).sort_values("pull", kind="stable")
    return Meaning(order[:ends], order[::-1][:ends], found.reset_index(drop=True))


def canonical_correlations(learnt: Floats, truth: Floats) -> Floats:
    """How much of the truth the learnt factors hold, whatever their rotation: [min] correlations, falling.

    Each is the correlation of the best-matching pair of directions. The learnt side is first cut to as many
    principal directions as the truth has, so that fifty noisy columns cannot fit five by chance.
    """
    x, y = np.asarray(learnt, float), np.asarray(truth, float)
    x, y = x - x.mean(0), y - y.mean(0)
    left, spread, _ = np.linalg.svd(x, full_matrices=False)
    kept = left[:, : min(y.shape[1], int((spread > WIDE * spread[0]).sum()))]
    right, wide, _ = np.linalg.svd(y, full_matrices=False)
    return np.linalg.svd(kept.T @ right[:, wide > 1e-9 * wide[0]], compute_uv=False)


def onto_truth(learnt: Floats, truth: Floats) -> Floats:
    """The learnt items drawn onto the true axes by least squares: [I, axes], for a map with named axes."""
    x = np.column_stack([np.asarray(learnt, float), np.ones(len(learnt))])
    return x @ np.linalg.lstsq(x, np.asarray(truth, float), rcond=None)[0]
