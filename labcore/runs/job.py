"""What an experiment is handed: log points, keep artifacts, save checkpoints, ask whether to stop."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Self

from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts, digest, encode
from labcore.runs.process import identity
from labcore.runs.store import Row, Store

FLUSH_SECONDS = 0.1
"""Points reach the store at most ten times a second: an eye sees no more, and a flush costs about a millisecond."""
HEARTBEAT_SECONDS = 1.0
"""A sign of life at least this often while nothing is logged (data being drawn, a long evaluation)."""
STOP_CHECK_SECONDS = 0.01
"""A stop is looked up at most this often, by one primary-key read; batches take longer."""
CHECKPOINT = "checkpoint.safetensors"

log = logging.getLogger(__name__)


class Stopped(Exception):
    """Somebody asked this run to stop; raised where it is safe to end."""


class Turnstile:
    """Lets the lanes of a race through one at a time, in order: each trains one batch, then waits its turn."""

    def __init__(self, lanes: int) -> None:
        self._waiting = list(range(lanes))
        self._now = threading.Condition()

    def enter(self, lane: int) -> None:
        """Wait until it is this lane's turn."""
        with self._now:
            self._now.wait_for(lambda: self._waiting[0] == lane)

    def turn(self, lane: int) -> None:
        """Let every other lane go once, then go on."""
        with self._now:
            self._waiting.append(self._waiting.pop(0))
            self._now.notify_all()
            self._now.wait_for(lambda: self._waiting[0] == lane)

    def leave(self, lane: int) -> None:
        """This lane is at its end."""
        with self._now:
            self._waiting.remove(lane)
            self._now.notify_all()


class Job:
    """One run while it runs. A writer thread carries points to the store; nothing here waits for the disk but
    :meth:`save` and :meth:`checkpoint`.

    Use as a context manager: leaving it flushes what is left.
    """

    def __init__(
        self, store: Store, artifacts: Artifacts, row: Row, turnstile: Turnstile | None = None, lane: int = 0
    ) -> None:
        self.id = row.id
        self._store, self._artifacts = store, artifacts
        self._turnstile, self._lane = turnstile, lane
        self._buffer: dict[str, tuple[list[int], list[float]]] = {}
        self._progress: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._closing = False
        self._trouble: UserError | None = None
        self._seconds_before = row.seconds
        self._began = time.monotonic()
        self._stop_checked, self._stop = 0.0, row.stop_requested
        self._resumable = row.checkpoint_step >= 0
        self._writer = threading.Thread(target=self._write_until_closed, name=f"writer-{row.id}", daemon=True)

    def __enter__(self) -> Self:
        self._store.update(self.id, worker=identity(), heartbeat=time.time())
        if not self._resumable:
            self._store.clear_points(self.id)  # a crash before the first checkpoint: this attempt begins anew
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._something.set()
        self._writer.join()
        if self._trouble is None:
            self._flush()

    @property
    def seconds(self) -> float:
        """Time spent on this run so far, over all attempts."""
        return self._seconds_before + time.monotonic() - self._began

    # Points

    def log(self, series: str, step: int, value: float) -> None:
        """Add one point to a curve."""
        with self._lock:
            steps, values = self._buffer.setdefault(series, ([], []))
            steps.append(int(step))
            values.append(float(value))
        self._something.set()

    def log_many(self, series: str, steps: Sequence[int], values: Sequence[float]) -> None:
        """Add points to a curve."""
        with self._lock:
            known_steps, known_values = self._buffer.setdefault(series, ([], []))
            known_steps.extend(int(step) for step in steps)
            known_values.extend(float(value) for value in values)
        self._something.set()

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Say how far the run is: ``done`` of ``total`` of what ``message`` names."""
        with self._lock:
            self._progress = {"done": int(done), "total": int(total), "message": message}
        self._something.set()

    def describe(self, *, device: str, environment: dict[str, Any]) -> None:
        """Record where the run trains (device, precision, versions)."""
        self._store.update(self.id, device=device, environment=environment)

    def note(self, text: str) -> None:
        """Leave a sentence on the run for whoever looks at it later."""
        self._store.note(self.id, text)

    # Files

    def save(self, name: str, value: Any) -> str:
        """Keep an array, dict of arrays, table, picture, bytes or JSON value; return the file's name."""
        file, data = encode(name, value)
        self._store.put_artifact(self.id, file, len(data), self._artifacts.write(self.id, file, data))
        return file

    def checkpoint(self, data: bytes, step: int) -> None:
        """Keep the state after ``step``; the latest wins. Every point logged so far is stored first."""
        self._flush()
        self._artifacts.write(self.id, CHECKPOINT, data)
        self._store.put_artifact(self.id, CHECKPOINT, len(data), digest(data))
        self._store.update(self.id, checkpoint_step=int(step))

    def restore(self) -> bytes | None:
        """The last checkpoint, or None when the run starts from nothing."""
        return self._artifacts.read(self.id, CHECKPOINT) if self._resumable else None

    # Control

    @property
    def stop_requested(self) -> bool:
        """Whether to end now. Ask after every batch.

        Raises:
            UserError: points can no longer be stored (a full disk).
        """
        if self._trouble is not None:
            raise self._trouble
        now = time.monotonic()
        if not self._stop and now - self._stop_checked >= STOP_CHECK_SECONDS:
            self._stop_checked = now
            self._stop = self._store.stop_requested(self.id)
        return self._stop

    def stop_here(self) -> None:
        """End now if somebody asked to. Raises Stopped."""
        if self.stop_requested:
            raise Stopped

    def turn(self) -> None:
        """Let the other lanes of a race go once."""
        if self._turnstile is not None:
            self._turnstile.turn(self._lane)

    # The writer

    def _write_until_closed(self) -> None:
        last = 0.0
        while not self._closing:
            self._something.wait(HEARTBEAT_SECONDS)
            wait = FLUSH_SECONDS - (time.monotonic() - last)
            if wait > 0 and not self._closing:
                time.sleep(wait)
            self._something.clear()
            last = time.monotonic()
            try:
                self._flush()
            except UserError as trouble:
                self._trouble = trouble
                return
            except Exception as error:
                log.exception("points of %s could not be stored", self.id)
                self._trouble = UserError(f"Points could not be stored ({error}). See the log; then resume the run.")
                return

    def _flush(self) -> None:
        with self._lock:
            series, self._buffer = self._buffer, {}
            progress = dict(self._progress)
        self._store.write_points(self.id, series, seconds=self.seconds, **progress)
