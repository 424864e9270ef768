"""The engine: one process per lab that hands queued runs to warm workers and outlives the web server.

``python -m labcore engine`` starts it; pages and scripts call :func:`ensure` and talk to it only through the store.
"""

import contextlib
import importlib
import logging
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import Any

import psutil
from filelock import FileLock, Timeout

from labcore.errors import UserError
from labcore.runs.limits import MAX_SECONDS
from labcore.runs.process import alive, identity
from labcore.runs.store import Row, Store, open_store
from labcore.settings import REPOSITORY, settings

TICK_SECONDS = 0.05
"""How long a queued run waits for an idle engine to see it, at most."""
BEAT_SECONDS = 1.0
STALE_SECONDS = 5.0
"""An engine that has not beaten for so long is taken for dead once its process is gone as well."""
BOOT_SECONDS = 3.0
"""An engine that was asked for needs about a second to its first beat; until then it is not asked for again."""
END_SECONDS = 2.0
"""A worker that is to make place for another and does not end by itself within this time is killed."""
PUBLIC_WORKER_MB = 550
"""A fresh worker holds about 450 MB; the free cloud box has 1.5 GB for it, its run, the engine and the web process."""
STOP_GRACE_SECONDS = 20.0
"""A run that ignores a stop for so long loses its worker."""

log = logging.getLogger(__name__)
_asked = -BOOT_SECONDS
_started: subprocess.Popen | None = None


def call(module: str, function: str, *arguments: Any) -> Any:
    """Call a function by name in the worker: the engine itself never imports torch."""
    return getattr(importlib.import_module(module), function)(*arguments)


def own_memory(process: psutil.Process) -> int:
    """Bytes that a process holds for itself: resident, without files that it has mapped; 0 once it has ended."""
    try:
        known = process.memory_info()
    except psutil.Error:
        return 0
    return known.rss - getattr(known, "shared", 0)


def worker_limit() -> int:
    """Bytes above which a worker is not kept for the next run: ``LAB_WORKER_MB``, or what suits the lab's mode."""
    asked = settings().worker_mb or (PUBLIC_WORKER_MB if settings().mode == "public" else 0)
    return asked * 2**20 or psutil.virtual_memory().total // 4


def make_executor() -> Executor:
    """Where runs are carried out: one warm spawned process. A cluster would be another Executor, returned here."""
    return ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=call,
        initargs=("labcore.worker", "begin_worker", identity()),
    )


def after_death(store: Store, row: Row, reason: str) -> None:
    """Give a run whose process died its next state.

    It goes on from its last checkpoint, once per checkpoint: a run that dies twice at the same place would die a
    third time, one that gets further each time is worth another try. ``crash_step`` remembers the place.
    """
    if row.stop_requested:
        store.update(row.id, only_if=["running"], status="stopped", finished=time.time())
    elif row.checkpoint_step > row.crash_step:
        again = "from the beginning" if row.checkpoint_step < 0 else f"from step {row.checkpoint_step}"
        store.note(row.id, f"{reason} The run went on {again}.")
        store.update(row.id, only_if=["running"], status="queued", crash_step=row.checkpoint_step)
    else:
        way_out = "Free memory or make the batch smaller, then resume the run."
        store.update(
            row.id, only_if=["running"], status="failed", error=f"{reason} Twice, at the same step. {way_out}",
            finished=time.time(),
        )  # fmt: skip


class Engine:
    """The loop: claim, hand over, watch, recover."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.me = identity()
        self.started = time.time()
        self.state: dict[str, Any] = {"warm": False}
        self.current: list[str] = []
        self._executor = make_executor()
        self._task: Future | None = None
        self._warming: Future | None = self._executor.submit(call, "labcore.worker", "warm")
        self._last_beat = 0.0
        self._last_busy = time.monotonic()
        self._stop_seen: float | None = None

    def recover(self) -> None:
        """Deal with runs that a dead process left behind."""
        for row in self.store.find(status=["running"]):
            if row.id not in self.current and not alive(row.worker):
                after_death(self.store, row, "The process that trained this run ended without a word.")

    def tick(self) -> None:
        """One look at everything."""
        self._see_to_warmth()
        self._see_to_task()
        if self._task is None and self._warming is None and self.store.find(status=["queued"], limit=1):
            rows = self.store.claim(self.me)
            if rows:
                self.current = [row.id for row in rows]
                self._stop_seen = None
                self._task = self._executor.submit(call, "labcore.worker", "execute", self.current)
        if self.current:
            self._last_busy = time.monotonic()

    def _see_to_warmth(self) -> None:
        if self._warming is None or not self._warming.done():
            return
        try:
            self.state |= {"warm": True, "failed": ""} | self._warming.result()
        except BrokenExecutor:
            self._new_executor()
            return
        except Exception as error:  # a broken installation: say so to every page, and let runs report it too
            log.exception("the worker could not warm up")
            self.state |= {"warm": True, "failed": f"{type(error).__name__}: {error}"}
        self._warming = None
        self._last_beat = 0.0

    def _see_to_task(self) -> None:
        if self._task is None:
            return
        if not self._task.done():
            self._enforce_stop()
            return
        task, self._task = self._task, None
        ids, self.current = self.current, []
        try:
            task.result()
        except BrokenExecutor:
            self._new_executor()
            reason = "The worker process died (killed, or the machine was out of memory)."
        except Exception as error:
            log.exception("a worker task failed")
            reason = f"The worker could not carry out the run ({type(error).__name__}: {error})."
        else:
            reason = "The worker left the run unfinished."
        for run in ids:
            row = self.store.get(run)
            if row.status == "running":
                after_death(self.store, row, reason)
        if self._warming is None:
            self._recycle()

    def _enforce_stop(self) -> None:
        rows = [self.store.get(run) for run in self.current] if self._due() else []
        stopping = [row for row in rows if row.status == "running"]
        if settings().mode == "public":
            for row in stopping:
                if row.seconds > MAX_SECONDS and not row.stop_requested:
                    self.store.note(row.id, f"Stopped after {MAX_SECONDS:.0f} s, a visitor's share of this public lab.")
                    self.store.update(row.id, stop_requested=True)
        if not stopping or not all(row.stop_requested for row in stopping):
            self._stop_seen = self._stop_seen if not rows else None
            return
        self._stop_seen = self._stop_seen or time.monotonic()
        if time.monotonic() - self._stop_seen > STOP_GRACE_SECONDS:
            for row in stopping:
                if row.worker != self.me and alive(row.worker):
                    psutil.Process(int(row.worker.rsplit(":", 2)[1])).kill()

    def _due(self) -> bool:
        return time.monotonic() - self._last_beat >= BEAT_SECONDS

    def _recycle(self) -> None:
        """A worker that a run has left too large ends, and the next one warms up while nobody waits for it."""
        held = {one: own_memory(one) for one in psutil.Process().children(recursive=True)}
        large = [one for one, memory in held.items() if memory > worker_limit()]
        if not large:
            return
        most = max(held.values()) / 2**20
        log.info("the worker holds %.0f MB after its run and makes place for a fresh one", most)
        self._executor.shutdown(wait=False, cancel_futures=True)
        # One after the other: both at once would need twice the memory.
        _, left = psutil.wait_procs(large, timeout=END_SECONDS)
        for worker in left:
            with contextlib.suppress(psutil.Error):
                worker.kill()
        self._new_executor()

    def _new_executor(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = make_executor()
        self._warming = self._executor.submit(call, "labcore.worker", "warm")
        self.state["warm"] = False

    def run(self) -> None:
        """Work until told to end, or until nobody has needed the lab for ``idle_minutes``."""
        self.recover()
        while True:
            self.tick()
            if self._due():
                ending = self.store.beat(self.me, self.started, self.state | {"running": self.current})
                self._last_beat = time.monotonic()
                self.recover()
                idle = time.monotonic() - self._last_busy > settings().idle_minutes * 60
                if ending or idle or not (settings().home / "store.db").exists():  # a lab thrown away needs no engine
                    break
            time.sleep(TICK_SECONDS)
        self._executor.shutdown(wait=False, cancel_futures=True)
        for child in psutil.Process().children(recursive=True):
            child.terminate()


def main() -> int:
    """Be the engine of this LAB_HOME, unless another process is."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    store = open_store()
    lock = FileLock(settings().home / "engine.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("another engine serves %s", settings().home)
        return 0
    with lock:
        log.info("engine of %s", settings().home)
        Engine(store).run()
    return 0


def state(store: Store | None = None) -> dict[str, Any] | None:
    """What the engine last said of itself (device, precision, versions, warm, running), or None if none is alive."""
    row = (store or open_store()).engine()
    if row is None:
        return None
    if time.time() - row["heartbeat"] > STALE_SECONDS and not alive(row["process"]):
        return None
    if time.time() - row["heartbeat"] > 60:
        return None
    return row["state"] | {"process": row["process"], "started": row["started"], "heartbeat": row["heartbeat"]}


def ensure() -> None:
    """Start an engine if none is alive. Returns at once; :func:`state` tells when it is warm.

    Raises:
        UserError: LAB_HOME cannot be written.
    """
    global _asked, _started
    if state() is not None or time.monotonic() - _asked < BOOT_SECONDS:
        return
    _asked = time.monotonic()
    home = settings().home
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    try:
        with (home / "engine.log").open("ab") as out:
            _started = subprocess.Popen(
                [sys.executable, "-m", "labcore", "engine"],
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"The engine could not start ({reason}). Check that {home} can be written.") from error


def end(timeout: float = 10.0) -> None:
    """Ask the engine to end and wait for it (tests, `labcore engine --stop`)."""
    global _started
    store, deadline = open_store(), time.monotonic() + timeout
    row = store.engine()
    if row is not None and alive(row["process"]):
        store.ask_engine_to_end()
        while alive(row["process"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        if alive(row["process"]):
            psutil.Process(int(row["process"].rsplit(":", 2)[1])).kill()
    if _started is not None:  # asked for a moment ago, and perhaps not in the store yet
        _started.kill()
        _started.wait()
        _started = None
