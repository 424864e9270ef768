"""Losses over known points, points that move with their picture, and answers that are kept."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labcore.training.pointing import HUBER_DELTA, PointAnswers, Timelapse, VariedPoints, known_only, mirror_pairs


@pytest.mark.parametrize(("name", "plain"), [("mse", F.mse_loss), ("l1", F.l1_loss)])
def test_a_loss_counts_known_points_alone(name, plain):
    found, wanted = torch.randn(4, 3, 2, requires_grad=True), torch.randn(4, 3, 2)
    assert torch.allclose(known_only(name)(found, wanted), plain(found, wanted))
    gone = wanted.clone()
    gone[1, 2], gone[3] = torch.nan, torch.nan
    known = gone.isfinite()
    loss = known_only(name)(found, gone)
    assert torch.allclose(loss, plain(found[known], gone[known]))
    loss.backward()
    assert found.grad.isfinite().all() and (found.grad[3] == 0).all()


def test_a_batch_without_any_known_point_costs_nothing():
    found = torch.randn(2, 1, 2, requires_grad=True)
    loss = known_only("mse")(found, torch.full((2, 1, 2), torch.nan))
    loss.backward()
    assert loss.item() == 0 and (found.grad == 0).all()


def test_huber_is_squared_near_and_absolute_far():
    huber, zero = known_only("huber"), torch.zeros(1, 1, 2)
    near, far = zero + HUBER_DELTA / 2, zero + 1.0
    assert huber(near, zero).item() == pytest.approx((HUBER_DELTA / 2) ** 2 / 2)
    assert huber(far, zero).item() == pytest.approx(HUBER_DELTA * (1 - HUBER_DELTA / 2))


def test_mirrored_points_are_paired_by_their_names():
    assert mirror_pairs(("RE", "LE", "N", "RM", "LM")) == [1, 0, 2, 4, 3]
    assert mirror_pairs(("left_eye", "chin", "right_eye")) == [2, 1, 0]
    assert mirror_pairs(("eye_l", "eye_r")) == [1, 0]
    assert mirror_pairs(("head centre", "lip", "rim")) == [0, 1, 2]


def dots(count: int, size: tuple[int, int] = (40, 60)) -> tuple[torch.Tensor, torch.Tensor]:
    """Black pictures with one bright disc each, and its place as a unit target [count, 1, 2]."""
    generator = np.random.default_rng(0)
    height, width = size
    rows, columns = np.mgrid[:height, :width] + 0.5
    places = np.stack([generator.uniform(12, width - 12, count), generator.uniform(12, height - 12, count)], axis=1)
    pictures = np.zeros((count, height, width, 3), np.uint8)
    for picture, (x, y) in zip(pictures, places, strict=True):
        picture[np.hypot(columns - x, rows - y) < 3] = 255
    unit = places / [width, height] * 2 - 1
    return torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.from_numpy(unit[:, None].astype(np.float32))


def test_points_stay_on_what_they_mark():
    pictures, targets = dots(64)
    varied, moved = VariedPoints("photos", ("dot",))(pictures, targets, torch.Generator().manual_seed(1))
    assert not torch.allclose(moved.nan_to_num(), targets, atol=0.1)
    for picture, unit in zip(varied, moved[:, 0], strict=True):
        if not unit.isfinite().all():
            continue
        light = picture.mean(0)
        weight = (light > 0.5).float() * light
        rows, columns = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(60) + 0.5, indexing="ij")
        seen = torch.stack([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
        place = (unit + 1) / 2 * torch.tensor([60.0, 40.0])
        # A disc that reaches over the border is mirrored there, so only whole ones can be weighed.
        if (place > 5).all() and (place < torch.tensor([55.0, 35.0])).all():
            assert (seen - place).norm() < 1.0


def test_points_that_leave_the_picture_are_unknown():
    pictures, _ = dots(128)
    corner = torch.full((128, 1, 2), 0.97)
    _, moved = VariedPoints("photos", ("dot",))(pictures, corner, torch.Generator().manual_seed(0))
    gone = moved.isnan()
    assert gone.any() and not gone.all()
    assert (gone.all(dim=-1) == gone.any(dim=-1)).all()
    assert (moved[~gone].abs() <= 1).all()


def test_a_mirrored_left_eye_is_a_right_eye():
    pictures = torch.zeros(64, 3, 32, 32, dtype=torch.uint8)
    targets = torch.tensor([[[-0.5, 0.0], [0.5, 0.0], [0.0, 0.4]]]).repeat(64, 1, 1)
    paired, plain = (VariedPoints("photos", names) for names in (("RE", "LE", "N"), ("A", "B", "N")))
    swapped = paired(pictures, targets, torch.Generator().manual_seed(3))[1]
    kept = plain(pictures, targets, torch.Generator().manual_seed(3))[1]
    assert (swapped[:, 0, 0] < swapped[:, 1, 0]).all(), "the right eye stays on the left of the picture"
    crossed = kept[:, 0, 0] > kept[:, 1, 0]
    assert crossed.any() and not crossed.all()
    assert torch.equal(swapped[crossed][:, [1, 0, 2]].nan_to_num(), kept[crossed].nan_to_num())
    assert torch.equal(swapped[:, 2].nan_to_num(), kept[:, 2].nan_to_num())


def test_the_same_seed_varies_the_same_way():
    pictures, targets = dots(8)
    vary = VariedPoints("photos", ("dot",))
    first, again, other = (vary(pictures, targets, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1].nan_to_num(), again[1].nan_to_num())
    assert not torch.equal(first[0], other[0])


def test_answers_are_gathered_in_the_order_of_the_items():
    answers = PointAnswers(lambda unit: unit * 100)
    for start in (0, 2):
        found = torch.arange(start, start + 2).float().view(2, 1, 1).expand(2, 1, 2)
        assert answers.hear(found, found + 1).item() == pytest.approx(1)
    found, wanted = answers.gathered()
    assert found[:, 0, 0].tolist() == [0, 1, 2, 3] and wanted[:, 0, 0].tolist() == [1, 2, 3, 4]


def test_a_timelapse_goes_on_where_it_was():
    answers = PointAnswers(lambda unit: unit)
    kept = Timelapse(answers, np.asarray([0, 2]), lambda *_: None)
    kept.epochs, kept.points = [0.0, 1.0], [torch.zeros(2, 1, 2), torch.ones(2, 1, 2)]
    other = Timelapse(answers, np.asarray([0, 2]), lambda *_: None)
    other.load_state(kept.state())
    assert other.epochs == [0.0, 1.0] and torch.equal(other.points[1], torch.ones(2, 1, 2))
