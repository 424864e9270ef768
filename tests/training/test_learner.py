import threading

import numpy as np
import pytest
import safetensors.torch
import torch
from small import BATCH, TRAIN, VALID, MemoryJob, SmallNet, Stopped, same, small_learner
from torch import nn

from labcore.errors import UserError
from labcore.runs.job import Turnstile
from labcore.specs import Stage
from labcore.training import callbacks
from labcore.training.callbacks import Diverged
from labcore.training.checkpoints import unpack
from labcore.training.schedules import stage_rates

STEPS = TRAIN // BATCH
PLAN = (
    Stage(name="head", freeze_to=-1, epochs=1, lr=1e-2, tenth=True),
    Stage(name="all", steps=STEPS + 2, lr=1e-2, lr_lo=1e-4),
)
TOTAL = 2 * STEPS + 2
TIMED = {"images_per_second"}


@pytest.fixture(autouse=True)
def record_every_step(monkeypatch):
    monkeypatch.setattr(callbacks, "FLUSH_SECONDS", 0.0)


def finished(learner, job):
    learner.fit_plan(PLAN, job)
    return learner, job


def test_a_plan_is_trained_recorded_and_kept_stage_by_stage():
    learner, job = finished(small_learner(), MemoryJob())
    assert list(job.series["train_loss"]) == list(range(1, TOTAL + 1))
    assert list(job.series["valid_loss"]) == list(job.series["error_rate"]) == [STEPS, 2 * STEPS, TOTAL]
    assert job.turns >= TOTAL
    rates = np.concatenate(
        [stage_rates(stage, steps, 3)[0] for stage, steps in zip(PLAN, (STEPS, STEPS + 2), strict=True)]
    )
    for group in range(3):
        assert list(job.series[f"lr_group_{group}"].values()) == rates[:, group].tolist()
    last = safetensors.torch.load(job.saved["stage-all.safetensors"])
    assert same(last, dict(learner.model.state_dict()))
    assert not same(safetensors.torch.load(job.saved["stage-head.safetensors"]), last)


def test_training_learns():
    job = MemoryJob()
    small_learner().fit_plan([Stage(epochs=25, lr=3e-2)], job)
    assert job.series["error_rate"][25 * STEPS] < 0.2 < job.series["error_rate"][STEPS]
    assert job.series["valid_loss"][25 * STEPS] < 0.5 * job.series["valid_loss"][STEPS]


def test_smooth_loss_is_fastais():
    _, job = finished(small_learner(), MemoryJob())
    value, expected = 0.0, []
    for count, loss in enumerate(job.series["train_loss"].values(), 1):
        value = 0.98 * value + 0.02 * loss
        expected.append(value / (1 - 0.98**count))
    assert list(job.series["smooth_loss"].values()) == pytest.approx(expected)


ASKS = TOTAL + 3 * -(-VALID // BATCH)


@pytest.mark.parametrize("ask", range(1, ASKS + 1))
def test_a_run_stopped_anywhere_and_resumed_ends_bit_identical(ask):
    whole, whole_job = finished(small_learner(), MemoryJob())
    stopped = MemoryJob(when=lambda job: job.asked == ask)
    with pytest.raises(Stopped):
        small_learner().fit_plan(PLAN, stopped)

    resumed_job = MemoryJob(restores=stopped.last_checkpoint)
    torch.rand(7)  # the global generator stands elsewhere, as in a new process
    resumed, _ = finished(small_learner(SmallNet()), resumed_job)
    assert same(whole.state(), resumed.state())
    for name in whole_job.series.keys() - TIMED:
        assert stopped.series.get(name, {}) | resumed_job.series.get(name, {}) == whole_job.series[name], name
    assert resumed_job.saved["stage-all.safetensors"] == whole_job.saved["stage-all.safetensors"]


def test_a_stop_takes_effect_within_one_batch():
    job = MemoryJob(when=lambda job: job.asked == 3)
    with pytest.raises(Stopped):
        small_learner().fit_plan(PLAN, job)
    assert list(job.series["train_loss"]) == [1, 2, 3]


def test_lanes_stepped_in_turn_train_as_if_alone():
    alone = [finished(small_learner(seed=seed), MemoryJob())[0].state() for seed in (0, 5)]
    turnstile, learners = Turnstile(2), [small_learner(seed=seed) for seed in (0, 5)]

    def lane(number):
        job = MemoryJob()
        job.turn = lambda: turnstile.turn(number)
        turnstile.enter(number)
        try:
            learners[number].fit_plan(PLAN, job)
        finally:
            turnstile.leave(number)

    threads = [threading.Thread(target=lane, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same([learner.state() for learner in learners], alone)


def test_the_interval_of_recording_changes_nothing(monkeypatch):
    _, often = finished(small_learner(), MemoryJob())
    monkeypatch.setattr(callbacks, "FLUSH_SECONDS", 1e9)
    _, seldom = finished(small_learner(), MemoryJob())
    assert all(often.series[name] == seldom.series[name] for name in often.series.keys() - TIMED)


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_good_checkpoint(monkeypatch):
    monkeypatch.setenv("LAB_CHECKPOINT_SECONDS", "1e-9")
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE", 1e9)
    learner = small_learner()
    loss = learner.loss
    learner.loss = lambda p, y: loss(p, y) * (float("nan") if learner.steps_done == 3 else 1.0)
    job = MemoryJob()
    with pytest.raises(Diverged, match="nan at step 4, in stage head, at rate "):
        learner.fit_plan(PLAN, job)
    assert list(job.series["train_loss"]) == [1, 2, 3]
    good = unpack(job.last_checkpoint)
    assert good["at"][:2] == [0, 3]
    assert all(tensor.isfinite().all() for tensor in good["model"].values())


class Cramped(SmallNet):
    """Takes at most ``room`` pictures at a time."""

    def __init__(self, room, dropout=0.0):
        super().__init__(dropout)
        self.room, self.largest = room, 0

    def forward(self, x):
        out = super().forward(x)
        if self.training:
            if len(x) > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
            self.largest = max(self.largest, len(x))
        return out


def test_a_batch_that_does_not_fit_is_redone_in_pieces_with_the_same_gradient():
    def trained(room):
        torch.manual_seed(2)
        net = Cramped(room)
        net.early[1], net.late[1] = nn.GroupNorm(2, 6), nn.GroupNorm(2, 8)  # a batch's pieces do not see each other
        job = MemoryJob()
        learner = small_learner(net)
        learner.fit_plan([Stage(epochs=1, lr=1e-3, schedule="constant")], job)
        return net, job

    whole, whole_job = trained(BATCH)
    pieces, pieces_job = trained(3)
    assert pieces.largest == 2 and whole.largest == BATCH
    assert len(pieces_job.notes) == 2 and "in 4 pieces" in pieces_job.notes[-1] and not whole_job.notes
    losses = [list(job.series["train_loss"].values()) for job in (whole_job, pieces_job)]
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_failed_attempts_leave_no_trace_in_batchnorm():
    def statistics(room, pieces):
        torch.manual_seed(2)
        learner = small_learner(Cramped(room))
        learner.pieces = pieces
        learner.fit_plan([Stage(steps=1)], MemoryJob())
        return learner.model.early[1].running_mean

    assert torch.equal(statistics(4, 1), statistics(4, 2))


def test_a_batch_that_never_fits_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="Even 2 pictures"):
        small_learner(Cramped(0)).fit_plan(PLAN, MemoryJob())


def test_frozen_groups_stay_and_their_batchnorm_trains_unless_switched_off():
    frozen = [Stage(freeze_to=-1, epochs=1, lr=1e-1)]
    for train_bn in (True, False):
        learner = small_learner(train_bn=train_bn)
        before = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
        learner.fit_plan(frozen, MemoryJob())
        moved = {name for name, tensor in learner.model.state_dict().items() if not torch.equal(tensor, before[name])}
        head = {"head.3.weight", "head.3.bias"}
        norms = {name for name in before if ".1." in name}
        assert moved == (head | norms if train_bn else head)


def test_a_stage_may_ask_for_another_picture_size():
    sizes = []
    learner = small_learner()
    learner.data_at = lambda size: sizes.append(size) or learner.data
    learner.fit_plan([Stage(steps=1), Stage(steps=1, image_size=32)], MemoryJob())
    assert set(sizes) == {32}
    learner.data_at = None
    with pytest.raises(UserError, match="cannot change the size"):
        learner.fit_plan([Stage(steps=1, image_size=32)], MemoryJob())


def test_evaluation_weighs_all_items_alike():
    learner = small_learner()
    measured = learner.evaluate(learner.data.valid)
    outputs, targets = learner.predictions(learner.data.valid)
    assert len(outputs) == VALID and VALID % BATCH
    assert measured["valid_loss"] == pytest.approx(float(nn.functional.cross_entropy(outputs, targets)), rel=1e-5)
    assert measured["error_rate"] == pytest.approx(float((outputs.argmax(1) != targets).float().mean()))
