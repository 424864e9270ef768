import pytest
import torch
from small import TRAIN, MemoryJob, Stopped, small_learner
from torch import nn

from labcore.errors import UserError
from labcore.specs import Stage
from labcore.training.features import compute_features, on_features, split_head
from labcore.training.optimizer import adamw
from labcore.training.range_test import range_test


def test_the_head_on_features_trains_as_on_the_frozen_body():
    quick, slow = (small_learner(transform=None, train_bn=False) for _ in range(2))
    plan = [Stage(freeze_to=-1, epochs=2, lr=1e-2)]
    jobs = MemoryJob(), MemoryJob()
    on_features(quick, adamw, jobs[0]).fit_plan(plan, jobs[0])
    slow.fit_plan(plan, jobs[1])
    for name in ("train_loss", "valid_loss", "error_rate"):
        assert list(jobs[0].series[name].values()) == pytest.approx(list(jobs[1].series[name].values()), rel=1e-4), name
    torch.testing.assert_close(dict(quick.model.state_dict()), dict(slow.model.state_dict()), rtol=1e-4, atol=1e-6)


def test_only_pictures_that_are_shown_go_through_the_body():
    learner = small_learner(transform=None)
    train = learner.data.train
    features = compute_features(learner.model, train, learner.precision, MemoryJob(), steps=2)
    assert len(features.features) == 2 * train.batch_size < TRAIN
    for batch, source in zip(features.epoch(0), train.epoch(0), strict=True):
        if len(features.features) == 0 or batch.index[0] not in train.order(0)[: 2 * train.batch_size]:
            break
        pool, _ = split_head(learner.model)
        expected = pool(learner.model.eval().body(source.x))
        assert torch.equal(batch.y, source.y)
        torch.testing.assert_close(batch.x, expected, rtol=1e-5, atol=1e-6)


def test_a_range_test_on_features_leaves_the_head_as_it_was():
    learner = small_learner(transform=None)
    before = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    found = range_test(on_features(learner, adamw, MemoryJob(), steps=12), MemoryJob(), num_it=12)
    assert len(found.lrs) == 12
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.model.state_dict().items())
    assert learner.model.training


def test_what_is_pooled_once_has_neither_weights_nor_chance():
    fixed, rest = split_head(small_learner().model)
    assert [type(layer) for layer in fixed] == [nn.AdaptiveAvgPool2d, nn.Flatten]
    assert isinstance(rest[0], nn.Dropout)


def test_augmented_pictures_have_no_fixed_features_and_a_stop_is_heard():
    learner = small_learner()
    with pytest.raises(UserError, match="augment"):
        compute_features(learner.model, learner.data.train, learner.precision, MemoryJob())
    with pytest.raises(Stopped):
        compute_features(learner.model, learner.data.valid, learner.precision, MemoryJob(when=lambda job: True))
