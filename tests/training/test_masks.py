"""Losses that leave void out, and the scores of a validation counted exactly."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labcore.evaluation.segmentation import confusions, scores
from labcore.training.masks import FRAMES, Film, MaskAnswers, mask_loss

C, VOID = 4, 3


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(3, C, 8, 10, requires_grad=True), torch.randint(0, C, (3, 8, 10), dtype=torch.uint8)


@pytest.mark.parametrize("kind", ["cross_entropy", "dice", "both"])
@pytest.mark.parametrize("weighted", [False, True])
def test_void_pixels_neither_cost_nor_teach(batch, kind, weighted):
    predictions, targets = batch
    weights = torch.tensor([1.0, 2.0, 0.5, 0.0]) if weighted else None
    mask_loss(kind, VOID, weights)(predictions, targets).backward()
    void = (targets == VOID)[:, None].expand_as(predictions)
    assert (predictions.grad[void] == 0).all() and predictions.grad[~void].abs().sum() > 0


def test_the_loss_is_the_mean_over_known_pixels(batch):
    predictions, targets = batch
    known = targets != VOID
    by_hand = F.cross_entropy(predictions.permute(0, 2, 3, 1)[known], targets[known].long())
    assert mask_loss("cross_entropy", VOID)(predictions, targets).item() == pytest.approx(by_hand.item(), rel=1e-5)
    weights = torch.tensor([1.0, 2.0, 0.5, 0.0])
    expected = F.cross_entropy(predictions, targets.long(), weights, ignore_index=VOID)
    assert mask_loss("cross_entropy", VOID, weights)(predictions, targets).item() == pytest.approx(expected.item())
    assert mask_loss("cross_entropy", -100)(predictions, targets).item() == pytest.approx(
        F.cross_entropy(predictions, targets.long()).item()
    )


@pytest.mark.parametrize("kind", ["cross_entropy", "dice", "both"])
def test_a_batch_of_void_alone_costs_nothing(batch, kind):
    predictions, targets = batch
    loss = mask_loss(kind, VOID)(predictions, torch.full_like(targets, VOID))
    loss.backward()
    assert loss.item() == 0 and (predictions.grad == 0).all()


class Hearing:
    """As much of a Learner as the watchers look at."""

    def __init__(self):
        self.measured = {"valid_loss": 1.0, "pixel_accuracy": 0.5}


def test_scores_are_exact_though_batches_differ_in_size():
    torch.manual_seed(0)
    answers, learner = MaskAnswers(C, VOID), Hearing()
    answers.before_validate(learner)
    said, truths = [], []
    for size in (5, 2):
        predictions, targets = torch.randn(size, C, 6, 7), torch.randint(0, C, (size, 6, 7), dtype=torch.uint8)
        heard = answers.hear(predictions, targets)
        known = targets != VOID
        assert heard.item() == pytest.approx((predictions.argmax(1) == targets)[known].float().mean().item())
        said.append(predictions.argmax(1).numpy().astype(np.uint8))
        truths.append(targets.numpy())
    answers.after_epoch(learner)
    truth, prediction = np.concatenate(truths), np.concatenate(said)
    assert (answers.counts() == confusions(truth, prediction, C)).all() and (answers.masks() == prediction).all()
    expected = scores(confusions(truth, prediction, C), VOID)
    assert learner.measured["pixel_accuracy"] == expected.pixel_accuracy
    assert learner.measured["mean_iou"] == expected.mean_iou and learner.measured["valid_loss"] == 1.0


def test_a_long_film_is_thinned_and_slows_down(monkeypatch):
    film = Film(np.array([0]), np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2, 2), np.uint8), every=1)
    saved = {}

    class Net(torch.nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), C, 2, 2)

    class Learner(Hearing):
        model, train, steps_done, leg_step = Net(), range(10), 0, 0
        leg = type("Leg", (), {"first_epoch": 0})
        valid = type("Valid", (), {"make": staticmethod(lambda index: (torch.zeros(1, 3, 2, 2), None, index))})
        job = type("Job", (), {"save": staticmethod(lambda name, value: saved.update(value))})

        def predict(self, x):
            return self.model(x)

    learner = Learner()
    film.before_leg(learner)
    for step in range(1, 401):
        learner.steps_done = learner.leg_step = step
        film.after_step(learner)
    assert len(saved["at"]) == len(saved["masks"]) <= FRAMES and film.every >= 4
    assert saved["at"][0] == 0 and saved["at"][-1] == pytest.approx(40, abs=film.every / 10)
    again = Film(film.rows, film.pictures, film.truth, 1)
    again.load_state(film.state())
    assert again.at == film.at and again.every == film.every and len(again.frames) == len(film.frames)
