"""A difference counts only beyond the noise of the seeds."""

import numpy as np
import pytest

from labcore.evaluation.seeds import gap


def test_pairs_of_seeds_are_compared_not_their_crowds():
    # Seeds differ by far more than plans, yet the second is worse by 1 to 1.2 points with every seed.
    ours = np.array([0.05, 0.15, 0.25, 0.10, 0.20])
    found = gap(ours, ours + np.array([0.010, 0.012, 0.011, 0.010, 0.012]))
    assert found.mean == pytest.approx(0.011) and found.wins and not found.loses
    assert gap(ours + np.array([0.02, 0.021, 0.02, 0.019, 0.02]), ours).loses


@pytest.mark.parametrize("theirs", [[0.10, 0.12, 0.08], [0.09, 0.13, 0.09]])
def test_within_noise_nobody_wins(theirs):
    found = gap([0.10, 0.11, 0.09], theirs)
    assert not found.wins and not found.loses


def test_one_seed_proves_nothing():
    found = gap([0.05], [0.5])
    assert found.mean == pytest.approx(0.45) and np.isnan(found.noise)
    assert not found.wins and not found.loses
