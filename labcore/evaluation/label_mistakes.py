"""Where a multi-label model is wrong: the items of one cell of a 2 x 2 table, and mistakes that come together.

Pure functions of probabilities p [N, C] and truths y [N, C] (bool), as in :mod:`labcore.evaluation.multilabel`.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from labcore.evaluation.multilabel import Bools, said_at

CELLS = ("tp", "fp", "fn", "tn")


def cell_rows(p: np.ndarray, y: Bools, threshold: float, column: int, cell: str) -> npt.NDArray[np.int64]:
    """Items in one cell of a class's 2 x 2 table, those first whose probability speaks loudest for the cell's answer.

    Raises:
        ValueError: the cell is none of ``CELLS``.
    """
    if cell not in CELLS:
        raise ValueError(cell)
    values, truth = p[:, column], y[:, column]
    said = values > threshold
    wanted = {"tp": said & truth, "fp": said & ~truth, "fn": ~said & truth, "tn": ~said & ~truth}[cell]
    rows = np.flatnonzero(wanted)
    return rows[np.argsort(-values[rows] if cell in ("tp", "fp") else values[rows], kind="stable")]


def mistakes_together(p: np.ndarray, y: Bools, thresholds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """[2 C, 2 C] how often two mistakes happen in one picture; the diagonal is how often each happens.

    Rows and columns: each class missed, then each class said wrongly. "Road missed" with "settlement said" is a
    confusion that no 2 x 2 table shows.
    """
    said = said_at(p, thresholds)
    wrong = np.concatenate([~said & y, said & ~y], axis=1).astype(np.float64)
    return (wrong.T @ wrong).astype(np.int64)


def most_together(together: np.ndarray, names: tuple[str, ...], k: int = 10) -> pd.DataFrame:
    """The pairs of mistakes that meet most often: ``one``, ``other``, ``together``, ``one_alone``, ``other_alone``."""
    words = [f"{name} missed" for name in names] + [f"{name} said wrongly" for name in names]
    upper = np.triu(together, 1)
    order = np.argsort(-upper, axis=None, kind="stable")[:k]
    pairs = [divmod(int(place), len(words)) for place in order if upper.flat[place] > 0]
    return pd.DataFrame(
        [
            (words[a], words[b], int(together[a, b]), int(together[a, a]), int(together[b, b])) for a, b in pairs
        ],
        columns=["one", "other", "together", "one_alone", "other_alone"],
    )  # fmt: skip
