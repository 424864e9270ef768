"""The jury's lanes and verdicts."""

import math

import pytest

from labcore.evaluation.lr_jury import Lane, breaking_rate, lanes, rounded, verdicts


def test_every_rule_the_pick_and_both_extremes_race_from_low_to_high():
    race = lanes({"valley": 2e-3, "steep": 1.5e-2, "slide": None}, breaks=0.9, pick=5e-3)
    assert [lane.names for lane in race] == [("too low",), ("valley",), ("your pick",), ("steep",), ("too high",)]
    assert race[0].lr == pytest.approx(2e-3 / 30, rel=0.3) and race[-1].lr == pytest.approx(0.9)


def test_rates_that_nobody_could_tell_apart_share_a_lane():
    race = lanes({"valley": 2e-3, "slide": 2.1e-3}, pick=2.05e-3)
    assert race[1].label == "your pick = valley = slide"
    assert len(race) == 3


def test_without_any_rate_there_is_no_race():
    assert lanes({"valley": None}) == []


def test_too_high_stays_within_what_a_spec_accepts():
    assert lanes({"valley": 900.0}, breaks=5000.0)[-1].lr <= 1000


def test_the_same_race_asked_twice_has_the_same_rates():
    assert rounded(0.0031622) == rounded(0.0031641) == 0.0032


def test_the_lowest_valid_loss_wins_and_what_diverged_comes_last():
    slow, good, broken = Lane(1e-5, ("too low",)), Lane(1e-3, ("steep",)), Lane(1.0, ("too high",))
    judged = verdicts(
        [
            (broken, [2.5] * 5 + [9.0] * 5, {"valid_loss": 1.0}),
            (slow, [2.5] * 5 + [2.4] * 5, {"valid_loss": 2.4}),
            (good, [2.5] * 5 + [1.5] * 5, {"valid_loss": 1.6}),
        ]
    )
    assert [one.lane.names[0] for one in judged] == ["steep", "too low", "too high"]
    assert judged[0].fall == pytest.approx(1.0) and judged[-1].diverged


def test_a_lane_with_a_loss_that_is_no_number_has_diverged():
    only = verdicts([(Lane(9.0, ("too high",)), [2.0, math.nan], {})])[0]
    assert only.diverged and math.isnan(only.end)


def test_where_one_lane_lacks_the_metric_the_training_loss_decides_for_all():
    judged = verdicts(
        [
            (Lane(1e-3, ("a",)), [2.0] * 10, {"valid_loss": 0.1}),
            (Lane(1e-2, ("b",)), [2.0] * 5 + [1.0] * 5, {}),
        ]
    )
    assert judged[0].lane.names == ("b",)


def test_a_curve_breaks_where_it_climbs_above_its_beginning():
    lrs = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
    assert breaking_rate(lrs, [2.5, 2.4, 1.5, 2.0, 2.6, 9.0]) == 1.0
    assert breaking_rate(lrs, [2.5, 2.4, 1.5, 2.0, math.nan, math.nan]) == 1.0
    assert breaking_rate(lrs, [2.5, 2.4, 2.3, 2.2, 2.1, 2.0]) is None
    assert breaking_rate([], []) is None


def test_a_pick_beyond_the_break_still_has_a_lane_above_it():
    assert lanes({"valley": 1e-3}, breaks=0.5, pick=2.0)[-1].names == ("too high",)
