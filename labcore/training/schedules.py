"""How rate and momentum move within a stage, in numpy alone so that a page can draw a plan without torch.

A schedule is a function of ``pct``, the share of the stage that is done: step ``i`` of ``n`` has ``pct = i / n``, so
the last step stands just short of 1 and the end value itself is never used (as in fastai 2.8).

References: Smith, "Cyclical learning rates for training neural networks" (arXiv:1506.01186) for the triangles; Smith
and Topin, "Super-convergence" (arXiv:1708.07120) for one-cycle; Howard and Gugger, "fastai: a layered API"
(arXiv:2002.04688) for the cosine form of one-cycle, ``slice`` and ``fine_tune``.
"""

import numpy as np
import numpy.typing as npt

from labcore.errors import UserError
from labcore.specs import Stage

MOMENTUMS = (0.95, 0.85, 0.95)
"""Momentum at the start, at the top rate and at the end of one-cycle: it falls while the rate climbs."""
MOMENTUM = 0.9
"""Momentum where no cycle moves it (fastai's and PyTorch's default for Adam)."""
CLR_CYCLES = 4
"""Triangles in one stage: the CLR paper trains at least 3 cycles and finds 4 or more better (section 3.2)."""
SLICE_DIVISOR = 10.0
"""``slice(lr)`` gives every group but the last a tenth."""
FINE_TUNE_SPREAD = 100.0
"""``fine_tune`` ends with ``slice(base_lr / 100, base_lr)``."""

Numbers = npt.ArrayLike
Array = npt.NDArray[np.float64]


def constant(start: Numbers, end: Numbers, pct: Numbers) -> Array:
    """``start``, all the way; ``end`` is there so that all shapes are called alike."""
    return np.asarray(start, float) + 0.0 * np.asarray(pct, float)


def linear(start: Numbers, end: Numbers, pct: Numbers) -> Array:
    """A straight line from ``start`` to ``end``."""
    start, end, pct = np.asarray(start, float), np.asarray(end, float), np.asarray(pct, float)
    return start + (end - start) * pct


def cosine(start: Numbers, end: Numbers, pct: Numbers) -> Array:
    """Half a cosine from ``start`` to ``end``: flat at both ends."""
    start, end, pct = np.asarray(start, float), np.asarray(end, float), np.asarray(pct, float)
    return start + (1 - np.cos(np.pi * pct)) * (end - start) / 2


def exponential(start: Numbers, end: Numbers, pct: Numbers) -> Array:
    """A straight line on a logarithmic axis; ``start`` and ``end`` above 0."""
    start, end, pct = np.asarray(start, float), np.asarray(end, float), np.asarray(pct, float)
    return start * (end / start) ** pct


def one_cycle(start: Numbers, top: Numbers, end: Numbers, pct: Numbers, pct_start: float = 0.25) -> Array:
    """Cosine up from ``start`` to ``top`` during ``pct_start`` of the way, cosine down to ``end`` in the rest.

    fastai computes the position within each half in single precision; so does this, and agrees to the last digits
    also near the end, where the rate is the small difference of large numbers.
    """
    pct, turn = np.asarray(pct, np.float32), np.float32(pct_start)
    climb = cosine(start, top, pct / turn if turn > 0 else pct)
    descent = cosine(top, end, (pct - turn) / (1 - turn) if turn < 1 else pct)
    return np.where(pct < turn, climb, descent)


def triangular(low: Numbers, top: Numbers, pct: Numbers, cycles: int = CLR_CYCLES, halve: bool = False) -> Array:
    """Straight up from ``low`` to ``top`` and back, ``cycles`` times; ``halve`` is the paper's triangular2.

    With ``halve`` each triangle is half as high as the one before it.
    """
    low, top, at = np.asarray(low, float), np.asarray(top, float), np.asarray(pct, float) * cycles
    height = 1 - np.abs(2 * (at % 1) - 1)
    return low + (top - low) * height / (2 ** np.floor(at) if halve else 1)


def expand_slice(lo: float | None, hi: float, groups: int) -> Array:
    """The top rate of each parameter group, earliest first, as fastai expands ``slice(lo, hi)``.

    Args:
        lo: rate of the earliest group; None or 0 is fastai's ``slice(hi)``: a tenth for all groups but the last.
        hi: rate of the last group, the head.
        groups: how many parameter groups, at least 1.

    Returns:
        [groups] rates. With ``lo`` they grow by one factor from group to group.

    >>> [f"{rate:.0e}" for rate in expand_slice(1e-6, 1e-4, 3)]
    ['1e-06', '1e-05', '1e-04']
    >>> [f"{rate:.0e}" for rate in expand_slice(None, 1e-3, 3)]
    ['1e-04', '1e-04', '1e-03']
    """
    if groups == 1:
        return np.array([hi], float)
    if not lo:
        return np.array([hi / SLICE_DIVISOR] * (groups - 1) + [hi], float)
    return exponential(lo, hi, np.arange(groups) / (groups - 1))


def group_rates(stage: Stage, groups: int) -> Array:
    """[groups] top rates of a stage: a slice, fastai's tenth, or the same rate for all."""
    if stage.tenth or stage.lr_lo is not None:
        return expand_slice(None if stage.tenth else stage.lr_lo, stage.lr, groups)
    return np.full(groups, stage.lr, float)


def stage_rates(stage: Stage, total_steps: int, groups: int) -> tuple[Array, Array]:
    """Rate and momentum at every step of a stage.

    Args:
        stage: what is asked for.
        total_steps: batches in the stage, at least 1.
        groups: parameter groups of the model, earliest layers first.

    Returns:
        ``lr`` [total_steps, groups] and ``momentum`` [total_steps].
    """
    if total_steps < 1:
        raise UserError("A stage without a single batch trains nothing. Use a smaller batch size or more pictures.")
    pct = np.arange(total_steps) / total_steps
    top, column = group_rates(stage, groups)[None, :], pct[:, None]
    low, end = top / stage.div, top / stage.div_final
    momentum = np.full(total_steps, MOMENTUM)
    match stage.schedule:
        case "one_cycle":
            lr = one_cycle(low, top, end, column, stage.pct_start)
            momentum = one_cycle(*MOMENTUMS, pct, stage.pct_start)
        case "constant":
            lr = constant(top, top, column)
        case "cosine":
            lr = cosine(top, end, column)
        case "exponential":
            lr = exponential(top, end, column)
        case "triangular" | "triangular2":
            lr = triangular(low, top, column, halve=stage.schedule == "triangular2")
    return lr, momentum


def fine_tune_plan(epochs: int, base_lr: float = 2e-3, freeze_epochs: int = 1) -> tuple[Stage, ...]:
    """fastai's ``fine_tune`` as a plan: train the head, then everything at half the rate, early layers at 1/100.

    Args:
        epochs: epochs after unfreezing; 0 leaves the head alone trained.
        base_lr: top rate of the frozen stage.
        freeze_epochs: epochs of the frozen stage; 0 starts unfrozen.

    Raises:
        UserError: neither stage has an epoch.
    """
    if epochs + freeze_epochs == 0:
        raise UserError("fine_tune with no epochs trains nothing. Give it at least one epoch, frozen or unfrozen.")
    half = base_lr / 2
    head = Stage(name="frozen", freeze_to=-1, epochs=max(freeze_epochs, 1), lr=base_lr, tenth=True, pct_start=0.99)
    body = Stage(name="unfrozen", epochs=max(epochs, 1), lr=half, lr_lo=half / FINE_TUNE_SPREAD, pct_start=0.3, div=5)
    return (head,) * (freeze_epochs > 0) + (body,) * (epochs > 0)


def stage_steps(stage: Stage, steps_per_epoch: int) -> int:
    """Batches of a stage: its own count, or its epochs' worth."""
    return stage.steps or stage.epochs * steps_per_epoch
