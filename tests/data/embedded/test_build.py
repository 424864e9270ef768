"""Sets are made whole or not at all, whoever makes them and whatever dies on the way."""

import importlib
import json
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from labcore.data.embedded import build
from labcore.errors import UserError

SOURCE = """
import os, sys
import numpy as np, pandas as pd
NAME, VERSION, SEED, SIZE, TASK, CLASSES, VOID = "dots", 1, 3, (8, 12), "masks", ("a", "b"), 1

def plan():
    return pd.DataFrame({"item": [f"d{k}" for k in range(150)], "labels": [(k % 2, k) for k in range(150)]})

def draw(row):
    PLACEHOLDER
    rng = np.random.Generator(np.random.Philox(key=[SEED, row.Index]))
    return {
        "image": rng.integers(0, 256, (8, 12, 3), dtype=np.uint8),
        "mask": np.full((8, 12), row.Index, np.uint8),
        "points": np.array([[row.Index, 0.5]], np.float32),
    }
"""
IN_CHILD = 'getattr(sys.modules["__main__"].__spec__, "name", "") == "labcore.data.embedded.build"'


@pytest.fixture
def make_set(tmp_path, monkeypatch):
    """Write an embedded set as a module that child processes can import too."""
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    (tmp_path / "modules").mkdir()

    def write(name: str, in_draw: str = "pass", **names):
        text = SOURCE.replace("PLACEHOLDER", in_draw)
        text += "".join(f"\n{key} = {value!r}" for key, value in names.items())
        (tmp_path / "modules" / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield write
    for path in (tmp_path / "modules").glob("*.py"):
        sys.modules.pop(path.stem, None)


def left_beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir() if path.name != folder.name)


def test_children_draw_what_this_process_would_draw(make_set, tmp_path):
    module = make_set("dots_children")
    seen = []
    build.make(module, tmp_path / "sets" / "dots", workers=2, progress=lambda *at: seen.append(at))
    items = build.load(tmp_path / "sets" / "dots")
    assert len(items) == 150
    for row in module.plan().itertuples():
        assert np.array_equal(items.images[row.Index], module.draw(row)["image"])
    assert (items.masks[:, 3, 3] == np.arange(150)).all()
    assert (items.points[:, 0, 0] == np.arange(150)).all()
    assert seen[0] == (0, 150) and seen[-1] == (150, 150)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert left_beside(tmp_path / "sets" / "dots") == []


def test_loaded_set_is_read_only_and_says_what_it_is(make_set, tmp_path):
    module = make_set("dots_load")
    build.make(module, tmp_path / "dots", workers=0)
    items = build.load(tmp_path / "dots")
    assert (items.name, items.task, items.classes, items.void) == ("dots", "masks", ("a", "b"), 1)
    assert items.table["labels"].iloc[3] == (1, 3)
    assert items.images.dtype == np.uint8 and items.points.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        items.images[0] = 0
    meta = json.loads((tmp_path / "dots" / "meta.json").read_text())
    assert meta["count"] == 150 and len(meta["sha256"]) == 64


def test_a_made_set_is_not_made_again_but_a_new_version_is(make_set, tmp_path):
    module = make_set("dots_version")
    build.make(module, tmp_path / "dots", workers=0)
    stamp = (tmp_path / "dots" / "images.npy").stat().st_mtime_ns
    first = build.load(tmp_path / "dots").fingerprint
    build.make(module, tmp_path / "dots", workers=0)
    assert (tmp_path / "dots" / "images.npy").stat().st_mtime_ns == stamp
    module.VERSION = 2
    assert not build.is_made(module, tmp_path / "dots")
    build.make(module, tmp_path / "dots", workers=0)
    assert build.load(tmp_path / "dots").fingerprint != first
    assert not list(tmp_path.glob(".dots*"))


@pytest.mark.parametrize("rows", ["True", "row.Index > 60"])
def test_children_that_die_are_replaced_by_this_process(make_set, tmp_path, rows):
    module = make_set(f"dots_dead_{len(rows)}", f"if {IN_CHILD} and {rows}: os._exit(9)")
    build.make(module, tmp_path / "dots", workers=2)
    items = build.load(tmp_path / "dots")
    assert (items.masks[:, 0, 0] == np.arange(150)).all()


def test_works_where_no_process_can_start(make_set, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    build.make(make_set("dots_alone"), tmp_path / "dots", workers=2)
    assert len(build.load(tmp_path / "dots")) == 150


def test_works_inside_a_worker_of_an_executor(make_set, tmp_path):
    module = make_set("dots_nested")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert (
            pool.submit(_make_in_worker, module.__name__, sys.path, str(tmp_path / "dots")).result(timeout=120) == 150
        )


def _make_in_worker(name: str, path: list[str], folder: str) -> int:
    sys.path[:] = path
    build.make(importlib.import_module(name), Path(folder), workers=2)
    return len(build.load(Path(folder)))


def test_two_processes_at_once_do_no_harm(make_set, tmp_path):
    make_set("dots_twice", "import time; time.sleep(0.002)")
    script = "import sys, pathlib, dots_twice; from labcore.data.embedded import build; "
    script += "build.make(dots_twice, pathlib.Path(sys.argv[1]), workers=1)"
    command = [sys.executable, "-c", script, str(tmp_path / "dots")]
    environment = {"PYTHONPATH": ":".join(path or "." for path in sys.path), "PATH": "/usr/bin:/bin"}
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    assert (build.load(tmp_path / "dots").masks[:, 0, 0] == np.arange(150)).all()
    assert not list(tmp_path.glob(".dots*"))


def test_a_stop_leaves_nothing_behind(make_set, tmp_path):
    def stop(done: int, total: int) -> None:
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.make(make_set("dots_stop"), tmp_path / "sets" / "dots", workers=2, progress=stop)
    assert list((tmp_path / "sets").iterdir()) == []


def test_remains_of_something_else_give_way(make_set, tmp_path):
    (tmp_path / "dots").mkdir()
    (tmp_path / "dots" / "images.npy").write_bytes(b"half a file")
    build.make(make_set("dots_remains"), tmp_path / "dots", workers=0)
    assert len(build.load(tmp_path / "dots")) == 150


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(make_set, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="LAB_HOME"):
        build.make(make_set("dots_nowhere"), tmp_path / "file" / "dots", workers=0)


def test_a_full_disk_is_said_in_a_sentence(make_set, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UserError, match="No space left"):
        build.make(make_set("dots_full"), tmp_path / "sets" / "dots", workers=0)
    assert list((tmp_path / "sets").iterdir()) == []


@pytest.mark.parametrize("harm", ["meta.json", "items.parquet", "images.npy"])
def test_a_damaged_set_is_said_in_a_sentence(make_set, tmp_path, harm):
    build.make(make_set("dots_harm_" + harm.split(".")[0]), tmp_path / "dots", workers=0)
    path = tmp_path / "dots" / harm
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match="Delete the folder"):
        build.load(tmp_path / "dots")


def test_a_set_without_pictures(make_set, tmp_path):
    module = make_set("dots_tables", SIZE=None, TASK="ratings")
    module.extra = lambda: {"titles": np.array(["One", "Two"])}
    build.make(module, tmp_path / "dots")
    items = build.load(tmp_path / "dots")
    assert len(items) == 150 and items.images.shape == (150, 0, 0, 3) and items.masks is None
    assert items.extra["titles"].tolist() == ["One", "Two"]
