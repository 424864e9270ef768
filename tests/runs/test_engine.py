"""Real runs in the real engine: nothing is lost, whoever dies, and what was interrupted ends bit-identical."""

import os
import random
import signal
import time

import numpy as np
import psutil
import pytest

import labcore
from labcore.errors import UserError
from labcore.runs import engine
from labcore.runs.process import alive
from labcore.runs.run import Run
from labcore.runs.store import open_store
from labcore.specs import FineTuneSpec, LRFinderSpec, Stage

KILLS = 20
SMALL = {
    "dataset.limit": 256,
    "arch": "mobilenetv3_small_050",
    "weights": "none",
    "image_size": 32,
    "batch_size": 32,
}


def plan(seed: int = 0, epochs: int = 4) -> FineTuneSpec:
    stages = (
        Stage(name="head", freeze_to=-1, epochs=epochs // 2, lr=3e-3),
        Stage(name="all", epochs=epochs - epochs // 2, lr=1e-3, lr_lo=1e-4),
    )
    return FineTuneSpec.of({**SMALL, "seed": seed, "plan": stages})


def wait_for(condition, timeout: float = 120.0, what: str = "the condition"):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {timeout} s")


def kill_worker(run: Run) -> bool:
    """kill -9 the process that trains the run; False if it had ended."""
    row = run.row
    who = row.worker
    if row.status != "running" or not alive(who) or who == (engine.state() or {}).get("process"):
        return False
    os.kill(int(who.rsplit(":", 2)[1]), signal.SIGKILL)
    return True


def disturb(run: Run, chance: random.Random, most: int) -> int:
    """Kill the run's worker at random moments until the run has ended; how many kills it took."""
    kills = 0
    while run.status in ("queued", "running") and kills < most:
        wait_for(lambda: run.status != "queued", 120, "the start")
        time.sleep(chance.uniform(0.0, 1.5))
        kills += kill_worker(run)
        wait_for(lambda: run.status != "running" or alive(run.row.worker), 60, "the engine's notice")
    return kills


def test_a_run_is_computed_once_and_then_known(home, drawn):
    spec = LRFinderSpec.of({**SMALL, "num_it": 12})
    first = labcore.submit(spec)
    assert not first.cached
    first.wait(300)
    assert first.status == "done", first.row.error
    assert first.series("loss").steps.tolist() == list(range(1, len(first.series("loss").steps) + 1))
    again = labcore.submit(spec)
    assert (again.id, again.cached) == (first.id, True)
    fresh = labcore.submit(spec, fresh=True).wait(300)
    assert fresh.id != first.id
    np.testing.assert_array_equal(fresh.series("loss").values, first.series("loss").values)


def test_a_worker_that_has_grown_makes_place_and_the_engine_stays_small(home, drawn, monkeypatch):
    monkeypatch.setenv("LAB_WORKER_MB", "1")
    first = labcore.submit(LRFinderSpec.of({**SMALL, "num_it": 10, "stop_early": False})).wait(300)
    second = labcore.submit(LRFinderSpec.of({**SMALL, "num_it": 11, "stop_early": False})).wait(300)
    assert (first.status, second.status) == ("done", "done")
    assert first.row.worker != second.row.worker
    wait_for(lambda: not alive(first.row.worker), 30, "the end of the large worker")
    known = wait_for(lambda: (engine.state() or {}).get("warm") and engine.state(), 120, "the next worker's warmth")
    engine_process = psutil.Process(int(known["process"].rsplit(":", 2)[1]))
    assert not any("libtorch" in area.path for area in engine_process.memory_maps())


def test_a_stop_ends_training_and_a_resume_goes_on(home, drawn):
    run = labcore.submit(plan(epochs=60))
    wait_for(lambda: "train_loss" in open_store().series(run.id), 300, "the first point")
    run.stop()
    run.wait(60)
    row = run.row
    assert row.status == "stopped"
    assert 0 < row.done < row.total
    last = run.series("train_loss").steps[-1]
    run.resume()
    wait_for(lambda: run.series("train_loss").steps[-1] > last or run.status == "done", 120, "a further point")
    run.stop()
    run.wait(60)
    assert run.series("train_loss").steps[0] == 1


def test_a_queued_run_stops_at_once_and_can_be_deleted(home, drawn):
    busy, waiting = labcore.submit(plan(epochs=60)), labcore.submit(plan(seed=1, epochs=60))
    assert open_store().queue_position(waiting.id) in (0, 1)
    waiting.stop()
    assert waiting.status == "stopped"
    waiting.delete()
    with pytest.raises(UserError, match="no run"):
        open_store().get(waiting.id)
    wait_for(lambda: busy.status == "running", 120)
    with pytest.raises(UserError, match="Stop it first"):
        busy.delete()
    busy.stop()
    busy.wait(60)


def test_killing_the_worker_at_random_moments_loses_nothing_and_changes_nothing(home, drawn, monkeypatch):
    """Twenty kill -9 at random moments over several runs; each ends as the same run did that nobody disturbed."""
    monkeypatch.setenv("LAB_CHECKPOINT_SECONDS", "0.2")
    chance = random.Random(0)
    undisturbed = {seed: labcore.run(plan(seed, epochs=6)) for seed in (0, 1)}
    kills = 0
    attempt = 0
    while kills < KILLS:
        seed = attempt % 2
        attempt += 1
        run = labcore.submit(plan(seed, epochs=6), fresh=True)
        kills += disturb(run, chance, KILLS - kills)
        run.wait(300)
        row = run.row
        if row.status == "failed":
            # Killed twice without getting further: said so, and nothing is lost.
            assert "Twice, at the same step" in row.error
            run.resume().wait(300)
        assert run.status == "done", run.row.error
        reference = undisturbed[seed]
        for name in ("train_loss", "smooth_loss", "lr", "valid_loss", "error_rate"):
            np.testing.assert_array_equal(run.series(name).steps, reference.series(name).steps, err_msg=name)
            np.testing.assert_array_equal(run.series(name).values, reference.series(name).values, err_msg=name)
        assert run.artifact("stage-all.safetensors") == reference.artifact("stage-all.safetensors")
        assert run.metrics["valid_loss"] == reference.metrics["valid_loss"]


def test_the_death_of_the_engine_is_noticed_and_the_run_goes_on(home, drawn):
    run = labcore.submit(plan(epochs=8))
    wait_for(lambda: "train_loss" in open_store().series(run.id), 300, "the first point")
    worker = run.row.worker
    os.kill(int(engine.state()["process"].rsplit(":", 2)[1]), signal.SIGKILL)
    wait_for(lambda: not alive(worker), 30, "the end of the orphaned worker")
    run.wait(300)
    assert run.status == "done", run.row.error
    assert any("The run went on" in note for note in run.row.notes)


def test_a_race_trains_its_lanes_in_turn_and_knows_those_already_run(home, drawn):
    rates = (1e-4, 1e-3, 1e-2)

    def lane(lr: float) -> FineTuneSpec:
        return FineTuneSpec.of({**SMALL, "plan": (Stage(name="jury", steps=12, lr=lr, schedule="constant"),)})

    alone = labcore.run(lane(rates[1]))
    _, lanes = labcore.submit_race([lane(lr) for lr in rates], title="which rate")
    assert [run.cached for run in lanes] == [False, True, False]
    for run in lanes:
        run.wait(300)
        assert run.status == "done", run.row.error
    firsts = [run.series("train_loss").values[0] for run in lanes]
    assert firsts[0] == firsts[1] == firsts[2], "the same weights and the same first batch"
    _, fresh = labcore.submit_race([lane(lr) for lr in rates], fresh=True)
    for run in fresh:
        run.wait(300)
    np.testing.assert_array_equal(fresh[1].series("train_loss").values, alone.series("train_loss").values)
    first, third = (run.series("train_loss") for run in (fresh[0], fresh[2]))
    assert first.at[0] < third.at[-1] and third.at[0] < first.at[-1], "neighbours train at the same time"


def test_what_cannot_run_is_one_sentence(home, drawn):
    run = labcore.submit(LRFinderSpec.of({**SMALL, "arch": "resnet_18"})).wait(120)
    assert run.status == "failed"
    assert "resnet18" in run.row.error and "\n" not in run.row.error
