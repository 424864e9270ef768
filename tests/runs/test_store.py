"""The store under many writers, newer versions, full and read-only disks."""

import math
import multiprocessing
import sqlite3
import threading

import numpy as np
import pytest
import sqlalchemy as sa

from labcore.errors import UserError
from labcore.runs.series import merge
from labcore.runs.store import Store, open_store


def add(store: Store, key: str = "k", **more) -> str:
    return store.add(key=key, experiment="lr_finder", spec={}, **more)[0]


def write_many(url: str, run: str, series: str, count: int) -> None:
    store = Store(url)
    for step in range(count):
        store.write_points(run, {series: ([step], [step / 2])})


def test_points_of_concurrent_processes_are_all_kept(home):
    store = open_store()
    run = add(store)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(store.url, run, f"s{i}", 100)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    curves = store.series(run)
    assert sorted(curves) == ["s0", "s1", "s2", "s3"]
    for curve in curves.values():
        np.testing.assert_array_equal(curve.steps, np.arange(100))
        np.testing.assert_array_equal(curve.values, np.arange(100) / 2)


def test_one_key_has_one_active_run_however_many_ask_at_once(home):
    store = open_store()
    found: list[tuple[str, bool]] = []
    ask = [
        threading.Thread(target=lambda: found.append(store.add(key="same", experiment="lr_finder", spec={})))
        for _ in range(16)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert len({run for run, _ in found}) == 1
    assert sum(new for _, new in found) == 1


def test_a_finished_key_may_be_run_again(home):
    store = open_store()
    first = add(store)
    store.update(first, status="done")
    assert add(store) != first


def test_a_repeated_step_keeps_its_last_value_and_nothing_infinite_breaks_it(home):
    store = open_store()
    run = add(store)
    store.write_points(run, {"loss": ([0, 1, 2], [3.0, float("nan"), 1.0])})
    store.write_points(run, {"loss": ([2, 3], [1.5, float("inf")])})
    curve = store.series(run)["loss"]
    np.testing.assert_array_equal(curve.steps, [0, 1, 2, 3])
    assert curve.values[0] == 3.0 and curve.values[2] == 1.5
    assert math.isnan(curve.values[1]) and math.isnan(curve.values[3])


def test_chunks_after_a_sequence_number_are_the_rest(home):
    store = open_store()
    run = add(store)
    seqs = [store.write_points(run, {"loss": ([i], [float(i)])}) for i in range(5)]
    rest = store.chunks(run, after=seqs[2])
    assert [chunk.seq for chunk in rest] == seqs[3:]
    np.testing.assert_array_equal(merge(rest)["loss"].steps, [3, 4])


def test_claims_go_oldest_first_and_take_a_race_whole(home):
    store = open_store()
    alone = add(store, "a")
    race = store.add_race("which rate")
    lanes = [add(store, f"lane{i}", race=race) for i in range(3)]
    last = add(store, "z")
    assert [row.id for row in store.claim("w")] == [alone]
    assert [row.id for row in store.claim("w")] == [last], "a race waits until all its lanes are named"
    store.set_race(race, lanes)
    assert [row.id for row in store.claim("w")] == lanes
    assert store.claim("w") == []
    assert all(store.get(run).status == "running" and store.get(run).attempts == 1 for run in lanes)


def test_queue_position_counts_those_before(home):
    store = open_store()
    runs = [add(store, f"k{i}", created=float(i)) for i in range(3)]
    assert [store.queue_position(run) for run in runs] == [0, 1, 2]
    store.claim("w")
    assert [store.queue_position(run) for run in runs] == [None, 0, 1]


def test_a_store_of_a_newer_version_is_refused_and_left_alone(home):
    store = open_store()
    add(store)
    store.close()
    with sqlite3.connect(home / "store.db") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
    before = (home / "store.db").read_bytes()
    with pytest.raises(UserError, match="newer version of Unfreeze"):
        Store(store.url)
    assert (home / "store.db").read_bytes() == before


def test_an_older_store_is_lifted_and_keeps_its_runs(home, monkeypatch):
    from labcore.runs import store as module

    old = open_store()
    run = add(old)
    monkeypatch.setattr(module, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(module, "MIGRATIONS", {1: ["ALTER TABLE runs ADD COLUMN colour TEXT DEFAULT 'blue'"]})
    lifted = Store(old.url)
    assert lifted.get(run).id == run if "colour" not in module.Row.__dataclass_fields__ else True
    with sqlite3.connect(home / "store.db") as connection:
        assert connection.execute("SELECT colour FROM runs").fetchall() == [("blue",)]
        assert connection.execute("SELECT value FROM meta").fetchall() == [("2",)]


def test_a_damaged_store_is_named(home):
    home.mkdir()
    (home / "store.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(UserError, match="damaged"):
        open_store()


def test_a_home_that_is_a_file_is_named(home):
    home.write_text("in the way")
    with pytest.raises(UserError, match="LAB_HOME"):
        open_store()


def test_a_full_disk_is_one_sentence_and_loses_nothing(home):
    store = open_store()
    run = add(store)
    store.write_points(run, {"loss": ([0], [1.0])})
    store.close()
    # SQLite's own page limit fails with the very error of a full disk.
    sa.event.listen(store._sql, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 40").close())
    with pytest.raises(UserError, match="full"):
        for step in range(1, 1000):
            store.write_points(run, {"loss": (list(range(step, step + 500)), [0.5] * 500)})
    assert store.series(run)["loss"].values[0] == 1.0


def test_deleting_a_run_leaves_the_others(home):
    store = open_store()
    gone, stays = add(store, "a"), add(store, "b")
    for run in (gone, stays):
        store.write_points(run, {"loss": ([0], [1.0])})
        store.put_artifact(run, "x.npy", 1, "0")
    store.delete(gone)
    with pytest.raises(UserError):
        store.get(gone)
    assert store.series(gone) == {} and store.artifacts(gone) == {}
    assert list(store.series(stays)) == ["loss"] and list(store.artifacts(stays)) == ["x.npy"]
