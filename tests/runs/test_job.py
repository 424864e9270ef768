"""What an experiment is handed: buffered points, stops, checkpoints, turns."""

import threading
import time

import numpy as np
import pytest

from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job, Stopped, Turnstile
from labcore.runs.process import alive, identity
from labcore.runs.store import open_store


@pytest.fixture
def started(home):
    store = open_store()
    store.add(key="k", experiment="lr_finder", spec={})
    return store, store.claim("w")[0]


def test_points_are_written_in_few_chunks_and_none_is_lost(started):
    store, row = started
    with Job(store, Artifacts(), row) as job:
        for step in range(5000):
            job.log("loss", step, step / 10)
        job.log_many("lr", range(3), [0.1, 0.2, 0.3])
    curves = store.series(row.id)
    np.testing.assert_array_equal(curves["loss"].steps, np.arange(5000))
    np.testing.assert_array_equal(curves["lr"].values, [0.1, 0.2, 0.3])
    assert len(store.chunks(row.id)) < 50


def test_a_stop_is_seen_at_the_next_batch(started):
    store, row = started
    with Job(store, Artifacts(), row) as job:
        job.stop_here()
        store.update(row.id, stop_requested=True)
        time.sleep(0.02)
        with pytest.raises(Stopped):
            job.stop_here()


def test_a_checkpoint_comes_back_with_every_point_before_it(started):
    store, row = started
    with Job(store, Artifacts(), row) as job:
        assert job.restore() is None
        job.log("loss", 0, 1.0)
        job.checkpoint(b"state", 1)
        assert list(store.series(row.id)) == ["loss"], "points up to a checkpoint are stored before it counts"
    again = store.get(row.id)
    assert again.checkpoint_step == 1
    with Job(store, Artifacts(), again) as job:
        assert job.restore() == b"state"
    assert store.series(row.id)["loss"].steps.tolist() == [0]


def test_an_attempt_without_checkpoint_begins_anew(started):
    store, row = started
    with Job(store, Artifacts(), row) as job:
        job.log("loss", 0, 1.0)
    with Job(store, Artifacts(), store.get(row.id)):
        pass
    assert store.series(row.id) == {}


def test_trouble_with_the_store_reaches_the_experiment(started, monkeypatch):
    store, row = started
    with Job(store, Artifacts(), row) as job:

        def full(*_, **__):
            raise UserError("The disk is full.")

        monkeypatch.setattr(store, "write_points", full)
        job.log("loss", 0, 1.0)
        deadline = time.monotonic() + 10
        with pytest.raises(UserError, match="full"):
            while time.monotonic() < deadline:
                job.stop_here()
                time.sleep(0.01)


def test_lanes_take_turns_batch_by_batch():
    seen: list[tuple[int, int]] = []
    turnstile = Turnstile(3)

    def lane(number: int, batches: int) -> None:
        turnstile.enter(number)
        for batch in range(batches):
            seen.append((batch, number))
            turnstile.turn(number)
        turnstile.leave(number)

    lanes = [threading.Thread(target=lane, args=(number, count)) for number, count in enumerate((4, 2, 3))]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 2), (3, 0)]


def test_identity_tells_the_living_from_the_dead():
    me = identity()
    assert alive(me)
    host, pid, started = me.rsplit(":", 2)
    assert not alive(f"{host}:{pid}:{float(started) - 100:.2f}"), "a pid used again is another process"
    assert not alive(f"{host}:{2**22 - 3}:{started}")
    assert not alive("")
