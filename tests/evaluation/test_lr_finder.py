import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcore.evaluation import lr_finder

CURVES = json.loads((Path(__file__).parents[1] / "oracles" / "lr_find_suggestions.json").read_text())["curves"]


def arrays(curve):
    losses = [float("nan") if loss is None else loss for loss in curve["losses"]]
    return np.array(curve["lrs"]), np.array(losses)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve["name"])
def test_rules_equal_fastai(curve):
    lrs, losses = arrays(curve)
    found = {suggestion.rule: suggestion for suggestion in lr_finder.suggest(lrs, losses, curve["num_it"])}
    for rule, recorded in curve["out"].items():
        if "error" in recorded:
            assert found[rule].lr is None and found[rule].reason.startswith("Too short to tell")
        else:
            assert found[rule].lr == pytest.approx(recorded["lr"], rel=1e-6), rule
            assert found[rule].point == pytest.approx(recorded["point"], rel=1e-6), rule


def test_a_curve_that_is_all_gone_gives_no_suggestion_and_no_error():
    for losses in ([], [float("nan")] * 30, [1.0] * 5):
        found = lr_finder.suggest(np.geomspace(1e-7, 10, len(losses)) if losses else [], losses, 100)
        assert found.metrics() == {}
        assert all(suggestion.reason for suggestion in found)


def slow_valley(losses):
    """fastai's own way, all pairs: the reference for the quicker one."""
    length, start, end = [1] * len(losses), 0, 0
    for i in range(1, len(losses)):
        for j in range(i):
            if losses[i] < losses[j] and length[i] < length[j] + 1:
                length[i] = length[j] + 1
            if length[end] < length[i]:
                end = i
                start = end - length[end]
    third = (end - start) / 3
    return start + int(third) + int(third / 2)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60))
def test_valley_by_patience_sorting_equals_the_comparison_of_all_pairs(losses):
    losses = np.array(losses, np.float32)
    _, at = lr_finder.valley(np.arange(len(losses)) + 1.0, losses)
    assert at == slow_valley(losses)


def flat_then_up(elbow=1e-3, noise=0.0, num_it=100):
    lrs = np.geomspace(1e-7, 10, num_it)
    noise = noise * np.random.default_rng(0).standard_normal(num_it)
    return lrs, 0.3 + noise + 0.2 * np.maximum(np.log10(lrs / elbow), 0) ** 2


@pytest.mark.parametrize("noise", [0, 0.003])
def test_elbow_of_an_unfrozen_curve_lies_just_before_it_shoots_up(noise):
    lrs, losses = flat_then_up(noise=noise)
    found = lr_finder.elbow_tenth(lrs, losses)
    assert found.lr == pytest.approx(found.point[0] / 10)
    assert 1e-3 <= found.point[0] <= 3e-2
    assert found.point[1] < 0.3 + 0.35 * (losses.max() - 0.3)


def test_elbow_needs_a_climb():
    lrs = np.geomspace(1e-7, 10, 100)
    found = lr_finder.elbow_tenth(lrs, np.linspace(2, 1, 100))
    assert found.lr is None and "never shoots up" in found.reason


def test_slice_advice_has_the_four_variants_of_the_notes():
    lrs, losses = flat_then_up(noise=0.001)
    rise, lowest, elbow, fixed = lr_finder.slice_advice(lrs, losses, frozen_lr=1e-2)
    assert rise.hi == elbow.hi == (2e-3, 1e-3)
    assert lowest.hi == fixed.hi == (2e-3,)
    assert fixed.lo == 1e-5
    assert lowest.lo == lr_finder.suggest(lrs, losses).minimum.lr
    assert elbow.lo == lr_finder.elbow_tenth(lrs, losses).lr
    assert lowest.lo <= rise.lo
    assert 1e-4 <= rise.lo <= 1e-3
    assert all(advice.words and advice.source for advice in (rise, lowest, elbow, fixed))


def test_slice_advice_without_a_frozen_rate_gives_the_left_end_alone():
    lrs, losses = flat_then_up()
    assert all(advice.hi == () for advice in lr_finder.slice_advice(lrs, losses))
    falling = lr_finder.slice_advice(lrs, np.linspace(2, 1, 100))
    assert falling[0].lo is None and falling[0].reason


def falling_curve(n: int = 100) -> tuple[np.ndarray, np.ndarray]:
    lrs = np.geomspace(1e-7, 10, n)
    return lrs, 3.0 - 1.0 / (1 + np.exp(-1.5 * (np.log10(lrs) + 2.5)))


def test_a_steepest_place_among_the_first_batches_is_doubted():
    lrs, losses = falling_curve()
    assert not any(one.doubt for one in lr_finder.suggest(lrs, losses))
    # One unlucky batch among the first few: a step down that is steeper than the slide.
    noisy = losses + np.where(np.arange(100) <= 10, 0.09, 0.0)
    found = lr_finder.suggest(lrs, noisy)
    assert found.steep.lr == pytest.approx(lrs[10], rel=1e-5), "the rule itself stays fastai's"
    assert "Do not train with it" in found.steep.doubt
    assert not found.valley.doubt and not found.minimum.doubt
