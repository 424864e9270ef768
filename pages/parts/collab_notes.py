"""The notes of the lesson: the idea with the run's own numbers, and the questions of the course notes."""

import io

import numpy as np
import pandas as pd
import streamlit as st

from labcore.data import registry
from labcore.runs.artifacts import Artifacts
from labcore.runs.store import Row
from labcore.specs import CollabSpec
from pages.parts import words
from pages.parts.collab_run import Learnt


def notes_tab(spec: CollabSpec, row: Row, found: Learnt) -> None:
    """The idea, with this run's numbers."""
    told = row.metrics
    model = found.model
    users, width = model.user_factors.shape
    items = len(model.item_factors)
    st.markdown(
        f"""
**The idea.** Nobody says what a film is like. Each of the {users:,} users and {items:,} items gets {width} numbers that
start at random; a rating is predicted by their dot product, compared with the real one, and both sides move a little.
What the numbers come to mean is found out afterwards, which is why they are called *latent*.

**Embedding.** A one-hot row times a table of factors picks one line of it. Looking the line up gives the same, without
{users:,} × {width} multiplications. That is all an embedding is; its gradient, too, touches that one line alone.

**Bias.** Some people rate high, some films are liked by all. A dot product has no place for that, so each side gets one
more number. Averages alone reach a valid MSE of {words.number(told["baseline_means_mse"])}, this model
{words.number(told["valid_mse"])}.

**Weight decay** pulls every factor towards zero at each step, by the rate times {spec.weight_decay:g}. It penalises
large weights, not fast learning: with fewer epochs the model would have learnt less of everything; with decay it learns
what many ratings agree on. Here the training MSE is {words.number(told["train_mse"])}; the lowest valid MSE was
{words.number(told["best_valid_mse"])} after {told["best_epoch"]:.2g} epochs.

**Side effects of too much?** Yes: see the sweep. At a decay of 1 the factors stay so small that averages remain.

**Does it work better than SVD?** {_svd(told)}

**Sparse data.** A table of {users:,} × {items:,} has {users * items:,} cells, and {int(found.items["ratings"].sum()):,}
of them are taught. Only those are stored and only those train; an empty cell is unknown, not zero. (Truncated SVD has
to fill it: here with the average, which is part of why it does worse.)

**Why can't a net index?** It can: an embedding layer is indexing. What has no gradient is the *number* of the line, but
nothing ever needs to learn that.

**Beyond recommendation.** Words and their neighbours (word2vec), genes and patients, pupils and exercises: wherever two
kinds of things meet and most pairs were never tried.

**Ranking is another question.** The ten highest predictions hold {words.percent(told.get("recall_at_10"))} of what
people liked among the held-out ratings (NDCG@10 {words.number(told.get("ndcg_at_10"))}); naming the ten most rated
items to everybody holds {words.percent(told.get("popular_recall_at_10"))}. A model of ratings knows *how much* somebody
would like a film, not whether they would have chosen to see it.
"""
    )
    card = registry.CARDS.get(spec.dataset.name)
    if card is not None:
        st.caption(f"{card.title}: {card.teaches}")
    st.caption(
        "Koren, Bell, Volinsky: Matrix factorization techniques for recommender systems, 2009. Howard and Gugger: "
        "fastai course-v4, 08_collab. Zhou et al.: Large-scale parallel collaborative filtering, 2008 (ALS)."
    )


def _svd(told: dict) -> str:
    if "baseline_svd_mse" not in told:
        return "This run was measured against averages alone; choose all baselines under More."
    svd, mine = told["baseline_svd_mse"], told["valid_mse"]
    verdict = "Here it does" if mine < svd - 0.002 else "Here the two are level" if mine < svd + 0.002 else "Not here"
    return (
        f"{verdict}: {words.number(mine)} against {words.number(svd)} (the best of five widths, "
        f"{told['baseline_svd_factors']:.0f} factors, on top of user and item means). Alternating least squares, which "
        f"solves for one side at a time in closed form, reaches {words.number(told['baseline_als_mse'])}."
    )


def use_tab(row: Row, found: Learnt) -> None:
    """Take the factors away, or ask the model from a terminal."""
    st.markdown("Factors and biases as files for your own programs:")
    with st.container(horizontal=True):
        for label, side in (("Items as Parquet", "item"), ("Users as Parquet", "user")):
            st.download_button(
                label, lambda side=side: _parquet(found, side), f"{side}_factors.parquet", key=f"take {side}",
                icon=":material/download:", help="One row each: name, bias, and a column per factor.",
            )  # fmt: skip
        st.download_button(
            "All as NPZ", lambda: Artifacts().read(row.id, "factors.npz"), "factors.npz", key="take npz",
            icon=":material/download:", help="Plain arrays: numpy.load(file, allow_pickle=False).",
        )  # fmt: skip
    st.markdown("Ten recommendations for a user of the table, in a terminal:")
    st.code(f"python -m labcore predict {row.id} --user {found.users[0]} --top 10", language="bash")


def _parquet(found: Learnt, side: str) -> bytes:
    factors = found.model.item_factors if side == "item" else found.model.user_factors
    bias = found.model.item_bias if side == "item" else found.model.user_bias
    names = found.items["title"] if side == "item" else pd.Series(found.users)
    table = pd.DataFrame(factors.astype(np.float32), columns=[f"factor_{k}" for k in range(factors.shape[1])])
    if bias is not None:
        table.insert(0, "bias", bias)
    table.insert(0, side, names.to_numpy())
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
