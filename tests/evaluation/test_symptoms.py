import numpy as np
import pytest

from labcore.evaluation import symptoms
from labcore.evaluation.symptoms import Stretch

GUESSING = np.log(10)


def stretch(train, valid, *, errors=None, lr=None, epoch_losses=None, name="head"):
    train, valid = np.asarray(train, float), np.asarray(valid, float)
    per_epoch = [part.mean() for part in np.array_split(train, max(1, len(valid)))]
    return Stretch(
        name=name,
        train_loss=train,
        lr=np.full(len(train), 1e-3) if lr is None else np.asarray(lr, float),
        valid_loss=valid,
        error_rate=np.linspace(0.5, 0.1, len(valid)) if errors is None else np.asarray(errors, float),
        train_loss_epoch=np.asarray(per_epoch if epoch_losses is None else epoch_losses, float),
    )


def healthy():
    steps = np.arange(90)
    noise = 0.05 * np.sin(7 * steps)
    return stretch(0.4 + 1.9 * np.exp(-steps / 12) + noise, [1.0, 0.6, 0.5])


def signs(stretches, **more):
    return {finding.sign: finding for finding in symptoms.read(stretches, 10, **more)}


def test_a_healthy_run_shows_no_bad_sign():
    found = signs([healthy()])
    bad = ("rate_too_high", "rate_too_low", "underfitting", "overfitting")
    assert [name for name in bad if found[name].present] == []
    assert all(finding.evidence for finding in found.values())


def test_a_loss_that_is_no_number_names_batch_rate_and_stage():
    losses = np.full(30, 2.0)
    losses[12:] = np.nan
    found = signs([stretch(losses, [np.nan], lr=np.linspace(0.01, 0.3, 30), name="wild")])["rate_too_high"]
    assert found.present and found.stage == "wild"
    assert "batch 13" in found.evidence and "0.13" in found.evidence


def test_divergence_is_seen_in_the_training_loss():
    steps = np.arange(100)
    losses = np.where(steps < 40, 2.3 - 0.03 * steps, 3.5)
    found = signs([stretch(losses, [3.0])])["rate_too_high"]
    assert found.present and "diverged" in found.evidence


def test_a_valid_loss_above_guessing_and_far_above_train_is_a_rate_too_high():
    found = signs([stretch(np.linspace(2.3, 1.0, 60), [2.0, 4.0], epoch_losses=[1.8, 1.1])])["rate_too_high"]
    assert found.present and "above guessing" in found.evidence


def test_a_climb_that_is_made_good_is_the_notes_good_sign():
    steps = np.arange(120)
    losses = 1.8 * np.exp(-steps / 40) + 0.9 * np.exp(-(((steps - 25) / 8) ** 2)) + 0.2
    lr = 1e-3 * np.exp(-(((steps - 30) / 30) ** 2))
    found = signs([stretch(losses, [0.9, 0.5], lr=lr)])
    assert found["good_rate"].present and not found["rate_too_high"].present


def test_noise_near_the_bottom_is_no_divergence():
    rng = np.random.default_rng(0)
    losses = 0.02 + 0.05 * rng.random(200) ** 4
    assert not signs([stretch(losses, [0.02, 0.02])])["rate_too_high"].present


def test_a_loss_that_hardly_moves_is_a_rate_too_low():
    found = signs([stretch(np.linspace(2.3, 2.1, 90), [2.2, 2.15, 2.1])])["rate_too_low"]
    assert found.present and "of the way from guessing" in found.evidence and found.remedies


def test_a_curve_that_bends_is_not_slow_even_if_it_ends_high():
    steps = np.arange(90)
    assert not signs([stretch(1.3 + np.exp(-steps / 8), [1.4, 1.3])])["rate_too_low"].present


def test_a_schedule_that_climbs_late_does_not_look_slow():
    pct = np.arange(200) / 200
    lr = 1e-3 * (1 - np.cos(np.pi * pct)) / 2 + 1e-5
    spent = np.cumsum(lr) / lr.sum()
    # The loss follows what has been spent: it falls late in batches, but bends as it should.
    assert not signs([stretch(0.5 + 1.8 * np.exp(-6 * spent), [0.9, 0.6], lr=lr)])["rate_too_low"].present


def test_training_above_valid_is_underfitting_unless_measured_otherwise_it_is_not():
    run = stretch(np.linspace(2.3, 0.7, 60), [0.9, 0.6], epoch_losses=[1.5, 0.8])
    assert signs([run])["underfitting"].present
    assert signs([run], plain_train_loss=0.75)["underfitting"].present
    dropout = signs([run], plain_train_loss=0.4)["underfitting"]
    assert not dropout.present and "how it was measured" in dropout.evidence


def test_overfitting_is_a_valid_loss_that_turned_and_says_whether_the_error_did():
    train = np.linspace(2.0, 0.05, 100)
    valid = [0.8, 0.5, 0.55, 0.6, 0.7]
    worse = signs([stretch(train, valid, errors=[0.3, 0.1, 0.11, 0.12, 0.13])])["overfitting"]
    assert worse.present and "error rose too" in worse.evidence
    surer = signs([stretch(train, valid, errors=[0.3, 0.1, 0.1, 0.09, 0.08])])["overfitting"]
    assert surer.present and "too sure" in surer.evidence


def test_stages_are_read_as_one_run_for_overfitting():
    head = stretch(np.linspace(2, 1, 40), [1.0, 0.9])
    body = stretch(np.linspace(0.9, 0.2, 40), [0.8, 0.95], name="all")
    assert signs([head, body])["overfitting"].present


def test_present_signs_come_first_and_an_empty_run_has_none():
    found = symptoms.read([stretch(np.linspace(2.3, 2.1, 90), [2.2, 2.15, 2.1])], 10)
    present = [finding.present for finding in found]
    assert present == sorted(present, reverse=True)
    assert symptoms.read([], 10) == []


def test_smoothing_equals_the_bias_corrected_mean():
    np.testing.assert_allclose(symptoms.smoothed([2.0, 2.0, 2.0]), 2.0)
    assert symptoms.smoothed([1.0, 0.0], beta=0.5)[1] == pytest.approx(0.25 / 0.75)
