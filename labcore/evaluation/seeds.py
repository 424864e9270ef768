"""Is one plan better than another, or only luckier? Runs that share their seeds are compared pair by pair."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BEYOND_NOISE = 2.0
"""A mean difference of more standard errors than this is called beyond seed noise (about 5 % by luck alone with many
seeds, 12 % with five)."""


@dataclass(frozen=True)
class Gap:
    """How much higher the other's error is.

    Attributes:
        mean: over the seeds; positive where the first is better.
        noise: standard error of that mean; NaN with a single seed.
    """

    mean: float
    noise: float

    @property
    def wins(self) -> bool:
        """The first is better, beyond seed noise."""
        return bool(self.mean > BEYOND_NOISE * self.noise)

    @property
    def loses(self) -> bool:
        """The other is better, beyond seed noise."""
        return bool(-self.mean > BEYOND_NOISE * self.noise)


def gap(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> Gap:
    """Compare two plans' errors, [seeds] each, in the same order of seeds.

    >>> gap([0.08, 0.09, 0.08], [0.10, 0.12, 0.11]).wins
    True
    """
    found = np.asarray(theirs, float) - np.asarray(ours, float)
    noise = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else float("nan")
    return Gap(float(found.mean()), float(noise))
