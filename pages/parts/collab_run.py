"""What a finished run of collaborative filtering holds, read once per server."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation.collab_map import Axes, onto_truth, principal_axes
from labcore.evaluation.collab_model import Crowd, FactorModel, crowd
from labcore.runs.rated import Rated, rated
from labcore.runs.run import Run
from labcore.runs.store import Row, open_store

AXES = 6
"""Principal axes on offer: further ones are noise on every set tried."""


@dataclass(frozen=True)
class Learnt:
    """A run's factors with what is known of its items.

    Attributes:
        model: factors, biases, range.
        items: ``title``, ``genres``, ``year`` (0 unknown), ``ratings`` (in training), ``bias``, ``mean`` (stars above
            the average), one row per item code.
        axes: principal axes of the items.
        places: {axis name: [I] where items stand}.
        rated: the ratings themselves, by user; None for a run that kept none.
        users: the users' own ids.
        noise: valid MSE.
        overall: mean rating.
    """

    model: FactorModel
    items: pd.DataFrame
    axes: Axes
    places: dict[str, np.ndarray]
    rated: Rated | None
    users: np.ndarray
    noise: float
    overall: float
    _crowd: list[Crowd] = field(default_factory=list)

    @property
    def crowd(self) -> Crowd:
        """The spread of the users, for folding in somebody new."""
        if not self._crowd:
            self._crowd.append(crowd(self.model, self.noise))
        return self._crowd[0]

    @cached_property
    def titles(self) -> list[str]:
        """Titles by code: a list answers a widget of 60,000 options a hundred times sooner than a table's column."""
        return self.items["title"].tolist()

    @property
    def least_ratings(self) -> int:
        """From how many ratings an item is worth naming: a tenth of the busiest quarter's, within 3 and 30."""
        return int(np.clip(np.quantile(self.items["ratings"], 0.75) / 2, 3, 30))


@st.cache_resource(max_entries=6, show_spinner=False)
def _learnt(run: str, finished: float, url: str) -> Learnt:
    kept = Run(run).artifact("factors.npz")
    model = FactorModel.of(kept)
    titles = pd.Series(kept["titles"].astype(str))
    twice = titles.duplicated(keep=False)
    titles[twice] = titles[twice] + " #" + pd.Series(kept["movies"].astype(str))[twice]
    items = pd.DataFrame(
        {
            "title": titles,
            "genres": kept["genres"].astype(str),
            "year": kept["years"].astype(int),
            "ratings": kept["item_counts"].astype(int),
            "bias": kept.get("item_bias", np.zeros(len(titles), np.float32)).astype(float),
            "mean": kept["item_means"].astype(float),
        }
    )
    axes = principal_axes(model.item_factors, kept["item_counts"])
    found = axes.places(model.item_factors)
    places = {f"axis {k + 1}": found[:, k] for k in range(min(AXES, found.shape[1]))}
    if "true_film_factors" in kept:
        drawn = onto_truth(model.item_factors, kept["true_film_factors"])
        places |= {f"truth: {name}": drawn[:, k] for k, name in enumerate(kept["factor_names"].astype(str))}
    if "item_bias" in kept:
        places["bias"] = items["bias"].to_numpy()
    known = rated(run, len(kept["users"]))
    noise = float(open_store().get(run).metrics["valid_mse"])
    return Learnt(model, items, axes, places, known, kept["users"].astype(str), noise, float(kept["overall"][0]))


def learnt(row: Row) -> Learnt:
    """A finished run's factors; raises UserError where its files are gone."""
    return _learnt(row.id, row.finished or 0.0, open_store().url)
