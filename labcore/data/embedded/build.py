"""Draw an embedded set once, on every core, into a folder of memory maps; open it again in no time.

An embedded set is a module with ``NAME``, ``VERSION``, ``SEED``, ``SIZE`` (height, width; None for a set without
pictures), ``TASK``, ``CLASSES``, ``VOID`` and two pure functions: ``plan()`` gives the table, one row per item, and
``draw(row)`` takes one tuple of ``plan().itertuples()`` (``row.Index`` is the item's number) and gives ``image``
uint8 [H, W, 3] and where it applies ``mask`` uint8 [H, W] and ``points`` float32 [P, 2]. ``extra()``, if there,
gives named arrays about the set as a whole.

The pictures are drawn by plain child processes of this module, not by multiprocessing: spawn would execute the
caller's ``__main__`` again (a Streamlit script, an unguarded notebook cell), and fork is unsafe beside torch's threads.
"""

import contextlib
import hashlib
import importlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from labcore.data.items import Items
from labcore.errors import UserError

CHUNK = 16
"""Rows handed out at a time: 0.1 s of work, so that progress moves and no core waits long for the last one."""
FEW = 64
"""Below so many rows the start of a process costs more than it saves."""
MOST_WORKERS = 16
"""More children than this start slower than they draw."""
ARRAYS = ("images", "masks", "points")
_MEMBER = {"images": "image", "masks": "mask", "points": "points"}


def make(
    module: ModuleType,
    folder: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Make the set of ``module`` in ``folder``; nothing happens if it is there already in this version.

    The set is made beside the folder and renamed into place, so a reader never sees half a set, and of two processes
    that make the same one at once the first wins.

    Args:
        module: an embedded set (see above).
        folder: where the set shall live; its parents are made.
        workers: child processes; None takes every core this process may use, 0 draws in this process.
        progress: called in this thread as ``progress(done, total)``; what it raises ends the making cleanly.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    folder = Path(folder)
    if is_made(module, folder):
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The finished folder is renamed, so it must stand on the same file system: hence beside it.
        with _scratch(folder) as scratch:
            plan = module.plan().reset_index(drop=True)
            if module.SIZE is not None:
                _draw_all(module, plan, scratch, _worker_count(workers, len(plan)), progress or (lambda *_: None))
            _write_tables(module, plan, scratch)
            _move_into_place(module, scratch, folder)
    except OSError as error:
        raise UserError(
            f"The data set {module.NAME} cannot be written to {folder}: {error.strerror or error}. "
            "Free some space or set LAB_HOME to a folder that can be written."
        ) from error


def is_made(module: ModuleType, folder: Path) -> bool:
    """Whether ``folder`` holds this version of the set."""
    try:
        meta = json.loads((Path(folder) / "meta.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return meta.get("name") == module.NAME and meta.get("version") == module.VERSION


def load(folder: Path) -> Items:
    """Open a set that ``make`` has made; the arrays are read-only memory maps, so this costs milliseconds.

    Raises:
        UserError: the folder is missing or damaged.
    """
    folder = Path(folder)
    try:
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        table = pd.read_parquet(folder / "items.parquet")
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ARRAYS
            if (folder / f"{name}.npy").exists()
        }
        extra = {}
        if (folder / "extra.npz").exists():
            with np.load(folder / "extra.npz", allow_pickle=False) as archive:
                extra = dict(archive)
        if any(len(part) != meta["count"] for part in (table, *arrays.values())):
            raise ValueError("the parts differ in length")
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"The data set in {folder} is damaged ({error}). Delete the folder; it is made again."
        ) from error
    for name in table.columns:
        if len(table) and isinstance(table[name].iloc[0], np.ndarray):
            table[name] = [tuple(value.tolist()) for value in table[name]]
    return Items(
        name=meta["name"],
        task=meta["task"],
        classes=tuple(meta["classes"]),
        table=table,
        images=arrays.get("images", np.zeros((meta["count"], 0, 0, 3), np.uint8)),
        masks=arrays.get("masks"),
        points=arrays.get("points"),
        void=meta["void"],
        # Not the hash of the pixels: maths libraries may differ in the last bit between machines, and a run recorded
        # on one machine shall be found on another. The tests hold VERSION to the pictures.
        fingerprint=f"{meta['name']}-v{meta['version']}-{meta['count']}",
        extra=extra,
    )


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    for stale in folder.parent.glob(f".{folder.name}-*"):
        # What a killed process left behind. Nothing takes an hour here, so nobody is still writing to it.
        with contextlib.suppress(OSError):
            if time.time() - stale.stat().st_mtime > 3600:
                shutil.rmtree(stale, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        path.chmod(0o755)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _worker_count(asked: int | None, rows: int) -> int:
    if asked is not None:
        return max(0, asked)
    if rows < FEW:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if cores == 1 else min(cores, MOST_WORKERS)


def _allocate(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # A write into the hole of a sparse map on a full disk is a SIGBUS; here it is an OSError with a name.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _open(scratch: Path) -> dict[str, np.ndarray]:
    return {
        name: np.lib.format.open_memmap(scratch / f"{name}.npy", mode="r+")
        for name in ARRAYS
        if (scratch / f"{name}.npy").exists()
    }


def _draw_rows(module: ModuleType, plan: pd.DataFrame, arrays: dict[str, np.ndarray], start: int, stop: int) -> None:
    for row in plan.iloc[start:stop].itertuples():
        drawn = module.draw(row)
        for name, array in arrays.items():
            array[row.Index] = drawn[_MEMBER[name]]


def _draw_all(
    module: ModuleType, plan: pd.DataFrame, scratch: Path, workers: int, progress: Callable[[int, int], None]
) -> None:
    first = module.draw(next(plan.itertuples()))
    for name in ARRAYS:
        if _MEMBER[name] in first:
            member = np.asarray(first[_MEMBER[name]])
            _allocate(scratch / f"{name}.npy", (len(plan), *member.shape), member.dtype)
    chunks: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    left = {(start, min(start + CHUNK, len(plan))) for start in range(0, len(plan), CHUNK)}
    for chunk in sorted(left):
        chunks.put(chunk)
    progress(0, len(plan))
    if workers:
        with _children(module, scratch, workers, chunks) as replies:
            alive = workers
            while alive and left:
                reply = replies.get()
                if reply is None:
                    alive -= 1
                    continue
                left.discard(reply)
                progress(len(plan) - sum(stop - start for start, stop in left), len(plan))
    # What no child has drawn (none could start, or one was killed) is drawn here.
    arrays = _open(scratch)
    for start, stop in sorted(left):
        _draw_rows(module, plan, arrays, start, stop)
        left.discard((start, stop))
        progress(len(plan) - sum(b - a for a, b in left), len(plan))


@contextlib.contextmanager
def _children(
    module: ModuleType, scratch: Path, workers: int, chunks: queue.SimpleQueue
) -> Iterator[queue.SimpleQueue]:
    """Start the children; yields the queue of finished chunks, in which a None says that one child has ended."""
    replies: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
    # One child is one core's worth: numpy's own threads would only fight over the same cores.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "labcore.data.embedded.build", module.__name__, str(scratch.resolve())]
    running: list[subprocess.Popen] = []

    def serve(child: subprocess.Popen) -> None:
        with contextlib.suppress(OSError, ValueError, queue.Empty):
            while True:
                start, stop = chunks.get_nowait()
                child.stdin.write(f"{start} {stop}\n")
                child.stdin.flush()
                if child.stdout.readline().strip() != f"{start} {stop}":
                    break
                replies.put((start, stop))
        replies.put(None)

    threads = []
    try:
        for _ in range(workers):
            try:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    env=environment,
                )
            except OSError:
                replies.put(None)
                continue
            running.append(child)
            threads.append(threading.Thread(target=serve, args=(child,), daemon=True))
            threads[-1].start()
        yield replies
    finally:
        for child in running:
            child.kill()
        for thread in threads:
            thread.join()
        for child in running:
            child.wait()
            child.stdin.close()
            child.stdout.close()


def _child(name: str, scratch: Path) -> None:
    """Draw what stdin asks for, one ``start stop`` a line, until it closes (also when the parent was killed)."""
    module = importlib.import_module(name)
    plan = module.plan().reset_index(drop=True)
    arrays = _open(scratch)
    for line in sys.stdin:
        start, stop = map(int, line.split())
        _draw_rows(module, plan, arrays, start, stop)
        sys.stdout.write(f"{start} {stop}\n")
        sys.stdout.flush()


def _write_tables(module: ModuleType, plan: pd.DataFrame, scratch: Path) -> None:
    plan.to_parquet(scratch / "items.parquet", index=False)
    if hasattr(module, "extra"):
        np.savez(scratch / "extra.npz", **module.extra())
    images = scratch / "images.npy"
    digest = None
    if images.exists():
        with images.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    meta = {
        "name": module.NAME,
        "version": module.VERSION,
        "task": module.TASK,
        "classes": list(module.CLASSES),
        "void": module.VOID,
        "count": len(plan),
        "sha256": digest,
    }
    (scratch / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", "utf-8")


def _move_into_place(module: ModuleType, scratch: Path, folder: Path) -> None:
    finished = scratch.with_name(scratch.name + "-done")
    scratch.rename(finished)
    try:
        for _ in range(3):
            try:
                finished.rename(folder)
                return
            except OSError:
                if is_made(module, folder):
                    return
                # An older version or the remains of something else: it goes aside first, so nobody sees a mixture.
                with contextlib.suppress(FileNotFoundError):
                    folder.rename(finished / f"old-{folder.name}")
                    shutil.rmtree(finished / f"old-{folder.name}")
        finished.rename(folder)
    finally:
        shutil.rmtree(finished, ignore_errors=True)


if __name__ == "__main__":
    # A parent that has gone away is no error to report.
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        _child(sys.argv[1], Path(sys.argv[2]))
