import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from labcore.errors import UserError
from labcore.evaluation.predict import Classifier
from labcore.models.export import halved, load_into, to_onnx, to_safetensors
from labcore.training.one_vs_rest import fit_one_vs_rest

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
CARD = {"classes": ["ash", "birch", "cedar"], "image_size": [16, 24]}


class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, classes)
        )

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 16, 24, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def exported():
    net, alone = Net().eval(), nn.Linear(4, 3)
    return net, alone, to_onnx(net.body, net.head, alone, (16, 24), MEAN, STD)


def test_the_export_answers_as_the_model_does_for_any_number_of_pictures(exported, pictures):
    net, alone, onnx = exported
    classifier = Classifier(onnx, CARD)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255
    x = (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    with torch.no_grad():
        expected, by_itself = net(x), alone(net.head[:-1](net.body(x)))
    for count in (1, 5):
        logits, single = classifier.logits(pictures[:count])
        np.testing.assert_allclose(logits, expected[:count], atol=1e-4)
        np.testing.assert_allclose(single, by_itself[:count], atol=1e-4)
    assert [part.shape for part in classifier.logits(pictures[:0])] == [(0, 3), (0, 3)]


def test_an_answer_has_shares_of_one_hundred_percent_and_each_class_by_itself(exported, pictures):
    answer = Classifier(exported[2], CARD).answer(pictures[0])
    shares = [share for _, share in answer.top]
    assert sum(shares) == pytest.approx(1) and shares == sorted(shares, reverse=True)
    assert answer.surest == pytest.approx(max(answer.alone))
    assert answer.none_of_these == (answer.surest < 0.5)


def test_pictures_of_another_size_are_refused(exported):
    with pytest.raises(ValueError, match="16, 24"):
        Classifier(exported[2], CARD).logits(np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.parametrize("card", [{}, {"classes": ["one"], "image_size": [16, 24]}])
def test_a_card_that_does_not_belong_is_refused(exported, card):
    with pytest.raises(UserError):
        Classifier(exported[2], card)


def test_a_damaged_export_is_refused(exported):
    with pytest.raises(UserError, match="damaged"):
        Classifier(exported[2][:200], CARD)


def test_weights_come_back_bit_for_bit_and_carry_their_card(tmp_path):
    net, other = Net(), Net()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    data = to_safetensors(net, CARD)
    load_into(other, data, "stage head")
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))
    (tmp_path / "m.safetensors").write_bytes(data)
    with safe_open(tmp_path / "m.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["card"]) == CARD


def test_weights_of_another_number_of_classes_are_refused_with_the_way_out():
    with pytest.raises(UserError, match=r"stage head does not fit.*head\.4"):
        load_into(Net(classes=5), to_safetensors(Net(), CARD), "stage head")


def test_one_vs_rest_says_yes_to_its_own_and_no_to_strangers():
    generator = torch.Generator().manual_seed(0)
    centres = torch.eye(3).repeat_interleave(2, dim=1) * 4
    targets = torch.arange(3).repeat(40)
    features = centres[targets] + 0.3 * torch.randn(120, 6, generator=generator)
    layer = fit_one_vs_rest(features, targets, 3)
    own = layer(features).sigmoid()
    assert (own.argmax(1) == targets).all() and own.max(1).values.min() > 0.5
    assert layer(torch.zeros(1, 6)).sigmoid().max() < 0.5
    assert torch.equal(layer.weight, fit_one_vs_rest(features, targets, 3).weight)


def test_a_class_without_a_picture_says_no():
    targets = torch.tensor([0, 1] * 10)
    features = torch.nn.functional.one_hot(targets, 2).float()
    assert (fit_one_vs_rest(features, targets, 3)(features).sigmoid()[:, 2] < 0.1).all()


def test_half_the_bytes_give_the_same_answers(pictures):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 64, 3, stride=2), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 3))
    whole = to_onnx(body.eval(), head.eval(), nn.Linear(64, 3), (16, 24), MEAN, STD)
    small = halved(whole)
    assert len(small) < 0.6 * len(whole)
    for one, other in zip(
        Classifier(whole, CARD).logits(pictures), Classifier(small, CARD).logits(pictures), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=5e-3)
