"""``python -m labcore predict RUN --user U --top 10``: recommendations of a collaborative-filtering run."""

import json

import click
import numpy as np

from labcore.errors import UserError


def recommend(run: str, user: str, top: int, as_json: bool) -> None:
    """Print the best items that a user has not rated, or those of the average user for ``average``.

    Args:
        run: the id of a finished collab run.
        user: an id of the ratings file, or ``average`` for somebody of whom nothing is known.
        top: how many.
        as_json: one object per item.

    Raises:
        UserError: the run is of another kind, or the user is not in its training data.
    """
    from labcore.evaluation.collab_model import FactorModel, crowd, fold_in
    from labcore.runs.rated import rated
    from labcore.runs.run import Run
    from labcore.runs.store import open_store

    row = open_store().get(run)
    if row.experiment != "collab" or row.status != "done":
        raise UserError(f"Run {run} is no finished collab run, so it has no users. Give it pictures instead.")
    if top < 1:
        raise UserError(f"--top {top} asks for nothing. Give 1 or more.")
    kept = Run(run).artifact("factors.npz")
    model, users = FactorModel.of(kept), kept["users"].astype(str)
    if user == "average":
        scores = model.scores_of(*fold_in(model, crowd(model, row.metrics["valid_mse"]), np.empty(0, int), np.empty(0)))
    else:
        found = np.flatnonzero(users == user)
        if not len(found):
            shown = ", ".join(users[:5])
            raise UserError(
                f"User {user} is not in the training data (it has {len(users):,}, such as {shown}). "
                "Give one of them, or average."
            )
        scores = model.scores(found)[0].astype(float)
        known = rated(run, len(users))
        if known is not None:
            scores[known.of(int(found[0]))[0]] = -np.inf
    # An item that training never saw has no factors of its own: its place in a list would be an accident.
    scores = np.where(kept["item_counts"] > 0, scores, -np.inf)
    best = np.argsort(-scores, kind="stable")[:top]
    for code in best[np.isfinite(scores[best])]:
        title, said = str(kept["titles"][code]), float(scores[code])
        if as_json:
            click.echo(json.dumps({"item": str(kept["movies"][code]), "title": title, "predicted": round(said, 4)}))
        else:
            click.echo(f"{said:5.2f}  {title}")
