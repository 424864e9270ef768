import numpy as np
import pytest
import torch
from small import BATCH, TRAIN, MemoryJob, Stopped, same, small_learner
from torch import nn

from labcore.models.groups import freeze_to
from labcore.specs import Stage
from labcore.training import callbacks
from labcore.training.optimizer import adamw
from labcore.training.range_test import range_test, sweep_rates
from labcore.training.streams import seed_step


def everything(learner):
    return {
        "state": {k: v for k, v in learner.state().items() if k in ("model", "optimizer", "scaler")},
        "modes": [module.training for module in learner.model.modules()],
        "trains": [p.requires_grad for p in learner.model.parameters()],
        "gradients": [p.grad for p in learner.model.parameters()],
        "random": torch.get_rng_state(),
        "callbacks": [type(c).__name__ for c in learner.callbacks],
        "draws": learner.data.train.order(3),
    }


def copied(tree):
    if isinstance(tree, torch.Tensor):
        return tree.clone()
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    return [copied(value) for value in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("trained", [False, True])
def test_everything_is_put_back_bit_for_bit(trained):
    learner = small_learner()
    if trained:
        learner.fit_plan([Stage(epochs=1)], MemoryJob())
    freeze_to(learner.model, 1)
    before = copied(everything(learner))
    found = range_test(learner, MemoryJob(), num_it=20, valid=learner.data.valid, accuracy=True)
    assert len(found.lrs) == 20
    assert same(before, everything(learner))


def test_it_is_put_back_after_a_stop_too():
    learner = small_learner()
    before = copied(everything(learner))
    job = MemoryJob(when=lambda job: job.asked == 5)
    with pytest.raises(Stopped):
        range_test(learner, job, num_it=20)
    assert job.last_checkpoint is None
    assert same(before, everything(learner))


def test_a_fit_after_it_is_the_fit_without_it():
    with_test, without = small_learner(), small_learner()
    range_test(with_test, MemoryJob(), num_it=10)
    for learner in (with_test, without):
        learner.fit_plan([Stage(epochs=2)], MemoryJob())
    assert same(with_test.state(), without.state())


def test_it_equals_a_plain_loop_with_one_batch_per_rate():
    found = range_test(small_learner(), MemoryJob(), num_it=15, end=0.1)
    learner = small_learner()
    net, optimizer = learner.model.train(), adamw(learner.model)
    batches = [batch for epoch in range(3) for batch in learner.data.train.epoch(epoch)]
    for step, lr in enumerate(1e-7 * (0.1 / 1e-7) ** (np.arange(15) / 15)):
        for group in optimizer.param_groups:
            group["lr"] = lr
        seed_step(0, step)
        loss = nn.functional.cross_entropy(net(batches[step].x), batches[step].y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        assert found.lrs[step] == pytest.approx(lr)
        assert found.losses[step] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("interval", [0.0, 1e9])
def test_it_ends_at_four_times_the_best_loss_however_seldom_one_looks(monkeypatch, interval):
    monkeypatch.setattr(callbacks, "FLUSH_SECONDS", interval)
    job = MemoryJob()
    found = range_test(small_learner(), job, num_it=60, end=1e4, smoothing=0.5, accuracy=True)
    best = np.minimum.accumulate(found.smooth_losses)
    assert found.smooth_losses[-1] > 4 * best[-1]
    assert (found.smooth_losses[:-1] <= 4 * best[:-1]).all()
    assert len(found.lrs) < 60
    assert list(job.series["loss"]) == list(job.series["accuracy"]) == list(range(1, len(found.lrs) + 1))
    assert len(found.beside["accuracy"]) == len(found.lrs)


def test_a_loss_that_is_no_number_ends_it_quietly():
    learner = small_learner()
    loss = learner.loss
    learner.loss = lambda p, y: loss(p, y) / (0.0 if learner.steps_done == 7 else 1.0)
    found = range_test(learner, MemoryJob(), num_it=20)
    assert len(found.lrs) == 7 and np.isfinite(found.losses).all()


def test_linear_sweep_with_accuracy_as_in_the_clr_paper():
    job = MemoryJob()
    linear = {"start": 0.001, "end": 0.02, "sweep": "linear", "smoothing": 0}
    found = range_test(small_learner(), job, num_it=40, stop_early=False, accuracy=True, **linear)
    np.testing.assert_allclose(np.diff(found.lrs), (0.02 - 0.001) / 40)
    assert (found.smooth_losses == found.losses).all()
    accuracy = found.beside["accuracy"]
    assert ((accuracy * BATCH) % 1 == 0).all() and accuracy[-8:].mean() > accuracy[:8].mean()


def test_valid_loss_is_measured_after_each_step_on_the_same_pictures():
    learner = small_learner()
    first = learner.evaluate(learner.data.valid)["valid_loss"]
    job = MemoryJob()
    found = range_test(learner, job, num_it=12, end=1.0, valid=learner.data.valid)
    assert list(job.series["valid_loss"]) == list(range(1, 13))
    assert found.beside["valid_loss"][0] == pytest.approx(first, rel=0.2)
    assert len(learner.data.train) * 2 < 12, f"the test passes the end of an epoch of {TRAIN // BATCH} batches"


def test_sweeps_are_fastais():
    assert sweep_rates(1e-7, 10, 100, "exponential")[:2] == pytest.approx([1e-7, 1.2022644346174131e-07])
    assert sweep_rates(0, 1, 4, "linear").tolist() == [0, 0.25, 0.5, 0.75]
