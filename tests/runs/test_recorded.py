"""Runs that ship with the lab: taken in once, honestly named, and never stale."""

import pytest

from labcore import specs
from labcore.runs import recorded
from labcore.runs.artifacts import Artifacts
from labcore.runs.bundles import read_manifest
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec

MOST_BYTES = 15_000_000
SPEC = LRFinderSpec(num_it=17)


def finished(key: str = "") -> str:
    store = open_store()
    run, _ = store.add(key=key or key_of(SPEC), experiment="lr_finder", spec=SPEC.model_dump(mode="json"))
    store.write_points(run, {"loss": ([0, 1], [1.0, 0.5])})
    for name in ("model.onnx", "stage-head.safetensors", "plan.json"):
        store.put_artifact(run, name, 4, Artifacts().write(run, name, b"long"))
    store.update(run, status="done", metrics={"lr_valley": 1e-3}, device="CPU, 2 threads")
    return run


@pytest.fixture
def folder(home, tmp_path):
    """A folder with one recorded run; the lab itself knows nothing of it any more."""
    run = finished()
    recorded.record(run, tmp_path / "recorded", lambda data: data[:2])
    open_store().delete(run)
    Artifacts().remove(run)
    return tmp_path / "recorded"


def test_a_recorded_run_is_taken_in_and_called_so(folder):
    (run,) = recorded.take_in(folder)
    row = open_store().get(run)
    assert (row.origin, row.status, row.device, row.key) == ("recorded", "done", "CPU, 2 threads", key_of(SPEC))
    assert set(open_store().artifacts(run)) == {"model.onnx", "plan.json"}
    assert Artifacts().read(run, "model.onnx") == b"lo"


def test_one_that_was_deleted_does_not_come_back(folder):
    (run,) = recorded.take_in(folder)
    open_store().delete(run)
    assert recorded.take_in(folder) == []
    assert open_store().find() == []


def test_a_lab_may_start_without_them(folder, monkeypatch):
    monkeypatch.setenv("LAB_RECORDED", "false")
    assert recorded.take_in(folder) == []


def test_what_another_version_recorded_and_what_is_damaged_are_left_out(home, tmp_path, caplog):
    run = finished(key="0" * 32)
    file = recorded.record(run, tmp_path / "old", bytes)
    open_store().delete(run)
    (file.parent / "broken.zip").write_bytes(b"no zip")
    assert recorded.take_in(file.parent) == []
    assert "another version" in caplog.text and "broken.zip" in caplog.text
    assert open_store().find() == []


@pytest.mark.parametrize("experiment", specs.EXPERIMENTS)
def test_every_lesson_ships_its_default_run_of_this_very_version(experiment):
    """If this fails, record anew: python -m labcore warm --record assets/recorded."""
    manifest = read_manifest((recorded.FOLDER / f"{experiment}.zip").read_bytes())
    assert manifest.status == "done" and manifest.device and manifest.finished
    assert manifest.key == key_of(specs.spec_type(experiment)())


def test_together_they_are_small():
    assert sum(file.stat().st_size for file in recorded.FOLDER.glob("*.zip")) <= MOST_BYTES
