"""Scores of masks against scikit-learn and by hand; masks as files; masks of pictures of any size from an export."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score
from torch import nn

from labcore.errors import UserError
from labcore.evaluation import segmentation as judge
from labcore.evaluation import segmentation_files as files
from labcore.evaluation.segmentation_predict import Segmenter, _starts
from labcore.models.export_masks import masks_to_onnx

C, VOID = 5, 4


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, C, (6, 20, 24)).astype(np.uint8)
    truth[truth == 3] = 0  # a class that never occurs
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 4, truth.shape)).astype(np.uint8)
    return truth, prediction


def test_scores_are_scikit_learns_on_the_known_pixels(pair):
    truth, prediction = pair
    known = truth != VOID
    found = judge.scores(judge.confusions(truth, prediction, C), VOID)
    there = [0, 1, 2]
    iou = jaccard_score(truth[known], prediction[known], labels=there, average=None)
    dice = f1_score(truth[known], prediction[known], labels=there, average=None)
    np.testing.assert_allclose(found.iou[there], iou)
    np.testing.assert_allclose(found.dice[there], dice)
    assert np.isnan(found.iou[[3, VOID]]).all() and found.mean_iou == pytest.approx(iou.mean())
    assert found.pixel_accuracy == pytest.approx((truth == prediction)[known].mean())
    assert found.pixel_accuracy_with_void == pytest.approx((truth == prediction).mean())
    assert found.iou_min_frequent == pytest.approx(iou.min()) and found.shares[VOID] == 0


def test_an_all_void_picture_has_no_score_and_spoils_none(pair):
    truth, prediction = pair
    blank = np.full_like(truth[:1], VOID)
    both = judge.confusions(np.concatenate([truth, blank]), np.concatenate([prediction, prediction[:1]]), C)
    assert np.isnan(judge.scores(both[-1], VOID).pixel_accuracy) and np.isnan(judge.scores(both[-1], VOID).mean_iou)
    assert judge.scores(both, VOID).mean_iou == judge.scores(both[:-1], VOID).mean_iou
    assert np.isnan(judge.picture_iou(both, VOID)[-1])
    assert len(both) - 1 not in judge.worst_first(both, VOID)


def test_the_worst_come_first_overall_and_by_class(pair):
    truth, prediction = pair
    prediction[2] = (truth[2] + 1) % 3
    prediction[5] = truth[5]
    counts = judge.confusions(truth, prediction, C)
    order = judge.worst_first(counts, VOID)
    assert order[0] == 2 and order[-1] == 5
    truth[2][truth[2] == 1] = 0
    by_class = judge.worst_first(judge.confusions(truth, prediction, C), VOID, class_=1)
    assert 2 not in by_class and by_class[-1] == 5


def test_accuracy_by_distance_counts_every_known_pixel_once():
    truth = np.zeros((1, 9, 9), np.uint8)
    truth[:, :, 5:] = 1
    said = truth.copy()
    said[:, :, 4] = 1  # wrong at the border only
    counts = judge.accuracy_by_distance(truth, said, most=3)
    assert counts.tolist() == [[9, 18], [18, 18], [18, 18], [27, 27]]
    truth[:, 0] = VOID
    assert judge.accuracy_by_distance(truth, said, VOID, most=3)[:, 1].sum() == 72
    flat = np.zeros((1, 4, 4), np.uint8)
    assert judge.accuracy_by_distance(flat, flat, most=3)[:, 1].tolist() == [0, 0, 0, 16]


def test_baselines_know_no_picture(pair):
    truth, _ = pair
    counts = judge.confusions(truth, truth, C)
    shares = judge.shares(judge.class_pixels(truth, C), VOID)
    assert judge.most_frequent(shares, counts, VOID) == pytest.approx((truth == 0).sum() / (truth != VOID).sum())
    prior = judge.PositionPrior(C, truth.shape[1:], VOID)
    prior.learn(truth[:3])
    prior.learn(truth[3:])
    at = prior.mask()[7, 9]
    votes = np.bincount(truth[:, 7, 9], minlength=C)[:VOID]
    assert votes[at] == votes.max()
    assert shares.argmax() == 0 and prior.accuracy(truth) > judge.most_frequent(shares, counts, VOID)


def test_rare_classes_weigh_more_but_not_without_bound():
    weights = judge.balanced_weights(np.array([0.8, 0.15, 0.0499, 0.0001, 0.0]))
    assert weights[3] == 10 and weights[4] == 0 and weights[0] < weights[1] < weights[2] < weights[3]


def test_masks_come_back_from_indexed_pngs():
    mask = np.arange(20, dtype=np.uint8).reshape(4, 5) % 5
    palette = files.colours(("Sky", "Road", "a", "b", "Void"), void=4)
    assert len(set(palette)) == 5 and palette[1] == (128, 64, 128) and palette[4] == (0, 0, 0)
    codes, colours = files.read_mask(files.write_mask(mask, palette))
    assert (codes == mask).all() and colours[:5] == palette
    with pytest.raises(ValueError, match="palette"):
        files.write_mask(mask, palette[:3])
    for broken in (b"", b"no picture", files.write_mask(mask, palette)[:40]):
        with pytest.raises(UserError):
            files.read_mask(broken)
    assert files.codes_text(("a", "b")) == "a\nb\n"


class Threshold(nn.Module):
    """Class 1 where the red channel is bright, else class 0: a net whose right answer is known at every pixel."""

    def forward(self, x):
        return torch.stack([-8 * x[:, 0], 8 * x[:, 0]], dim=1)


@pytest.fixture(scope="module")
def segmenter():
    onnx = masks_to_onnx(Threshold(), (24, 32), (0.5, 0.5, 0.5), (0.1, 0.1, 0.1))
    card = {"task": "masks", "classes": ["dark", "red"], "colors": [[0, 0, 0], [255, 0, 0]], "image_size": [24, 32]}
    return Segmenter(onnx, card), onnx, card


@pytest.mark.parametrize("size", [(24, 32), (48, 64), (96, 700), (700, 40), (1, 1), (1, 3000), (25, 33)])
@pytest.mark.parametrize("detail", [1, 2.5])
def test_pictures_of_any_size_get_a_mask_of_their_own_size(segmenter, size, detail):
    model, _, _ = segmenter
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 90, (*size, 3)).astype(np.uint8)
    picture[:, size[1] // 2 :, 0] = 230
    found = model.answer(picture, detail)
    expected = picture[..., 0] > 128
    assert found.mask.shape == size and (found.mask == expected).mean() > 0.97
    assert sum(found.shares.values()) == pytest.approx(1) and 0.5 <= found.sure.min() <= found.sure.max() <= 1.001


def test_tiles_cover_and_overlap():
    for length in (24, 25, 41, 400):
        starts = _starts(length, 24)
        assert starts[0] == 0 and starts[-1] == length - 24
        assert all(0 < b - a <= 18 for a, b in itertools.pairwise(starts))


def test_what_does_not_belong_together_is_refused(segmenter):
    model, onnx, card = segmenter
    for content, changes in (
        (onnx, {"task": "single_label"}),
        (onnx, {"classes": ["a", "b", "c"]}),
        (onnx, {"image_size": "?"}),
        (b"broken", {}),
    ):
        with pytest.raises(UserError):
            Segmenter(content, card | changes)
    with pytest.raises(UserError, match="detail of 99"):
        model.answer(np.zeros((4, 4, 3), np.uint8), 99)
    with pytest.raises(ValueError, match="uint8"):
        model.answer(np.zeros((0, 4, 3), np.uint8))
