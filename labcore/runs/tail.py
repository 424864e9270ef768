"""What a viewer reads: one tail per run and server process, shared by everybody who looks at it.

A tail looks at the store ten times a second while anybody watches, encodes each frame once, and hands the same bytes
to every viewer: a hundred viewers cost one reader.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from labcore.errors import UserError
from labcore.runs.series import Series, merge
from labcore.runs.store import ENDED, Row, Store, open_store

POLL_SECONDS = 0.1
STATUS_SECONDS = 0.3
"""Progress and time left are sent at most this often; a change of state at once."""
CREEPING = {"done", "eta", "seconds"}
"""What changes all the time while a run trains."""
SILENCE_SECONDS = 15.0
"""Proxies close a silent stream; a comment this often keeps it open."""
BACKLOG_FRAMES = 256
"""A viewer this many frames behind is let go; its EventSource comes back and gets one frame with all it missed."""


def frame(event: str, data: bytes, seq: int | None = None) -> bytes:
    """One Server-Sent Event (WHATWG HTML, section 9.2)."""
    identity = b"id: %d\n" % seq if seq is not None else b""
    return b"%sevent: %s\ndata: %s\n\n" % (identity, event.encode(), data)


def status(store: Store, row: Row, pace: "Pace | None" = None) -> dict[str, Any]:
    """What the panel shows of a run: state, how far, how long still, place in the queue, metrics, notes."""
    return {
        "status": row.status,
        "done": row.done,
        "total": row.total,
        "message": row.message,
        "eta": pace.eta(row) if pace is not None and row.status == "running" else None,
        "queue": store.queue_position(row.id) if row.status == "queued" else None,
        "seconds": round(row.seconds, 1),
        "metrics": row.metrics,
        "notes": row.notes,
        "error": row.error,
        "device": row.device,
        "stopping": row.stop_requested and row.status == "running",
    }


def columns(series: dict[str, Series]) -> dict[str, list[list]]:
    """Curves as JSON columns ``{name: [[step...], [value or null...]]}``."""
    return {
        name: [curve.steps.tolist(), [v if np.isfinite(v) else None for v in curve.values.tolist()]]
        for name, curve in series.items()
    }


@dataclass
class Pace:
    """How fast a run gets on, from the progress seen so far; begins anew when it turns to another kind of work."""

    message: str = ""
    total: int = -1
    began: float = 0.0
    done: int = 0

    def eta(self, row: Row) -> float | None:
        """Seconds still to go, or None while that is anybody's guess."""
        now = time.monotonic()
        # The words before a number name the work: "epoch 2 of 9" goes on from "epoch 1 of 9".
        work = row.message.rstrip("0123456789/ ")
        if (work, row.total) != (self.message, self.total) or row.done < self.done:
            self.message, self.total, self.began, self.done = work, row.total, now, row.done
            return None
        steps, elapsed = row.done - self.done, now - self.began
        if steps < 2 or elapsed < 0.5 or row.total <= row.done:
            return None
        return round((row.total - row.done) * elapsed / steps, 1)


@dataclass
class Tail:
    """One run as its viewers see it; lives as long as it has viewers."""

    run: str
    store: Store
    viewers: set[asyncio.Queue] = field(default_factory=set)
    last: int = 0
    _chunks: list = field(default_factory=list)
    _backlog: tuple[int, bytes] | None = None
    _status: dict[str, Any] = field(default_factory=dict)
    _status_sent: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _pace: Pace = field(default_factory=Pace)
    _task: asyncio.Task | None = None

    def backlog(self, after: int) -> bytes:
        """All points after ``after`` as one frame (encoded once for the common case of none seen yet)."""
        if after == 0 and self._backlog is not None and self._backlog[0] == self.last:
            return self._backlog[1]
        missed = [chunk for chunk in self._chunks if chunk.seq > after]
        encoded = frame("points", orjson.dumps({"series": columns(merge(missed))}), self.last)
        if after == 0:
            self._backlog = (self.last, encoded)
        return encoded

    def read(self) -> tuple[list[bytes], bool]:
        """Look at the store once: new frames, and whether the run is over (points first, so that none is missed)."""
        row = self.store.get(self.run)
        fresh = self.store.chunks(self.run, self.last)
        frames = [frame("points", chunk.payload, chunk.seq) for chunk in fresh]
        self._chunks.extend(fresh)
        self.last = fresh[-1].seq if fresh else self.last
        said = status(self.store, row, self._pace)
        moved = any(said[name] != self._status.get(name) for name in said if name not in CREEPING)
        if moved or (said != self._status and time.monotonic() - self._status_sent >= STATUS_SECONDS):
            self._status, self._status_sent = said, time.monotonic()
            frames.append(frame("status", orjson.dumps(said)))
        return frames, row.status in ENDED

    async def _follow(self) -> None:
        over, quiet_since = False, time.monotonic()
        while self.viewers and not over:
            async with self._lock:
                try:
                    frames, over = await asyncio.to_thread(self.read)
                except UserError:  # deleted while somebody watched
                    frames, over = [], True
                if over:
                    frames.append(frame("end", b"{}"))
                if not frames and time.monotonic() - quiet_since > SILENCE_SECONDS:
                    frames = [b": still here\n\n"]
                if frames:
                    quiet_since = time.monotonic()
                    self._hand_out(b"".join(frames), over)
            if not over:
                await asyncio.sleep(POLL_SECONDS)

    def _hand_out(self, data: bytes, over: bool) -> None:
        if not data:
            return
        for queue in list(self.viewers):
            if queue.full():
                self.viewers.discard(queue)
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
                continue
            queue.put_nowait(data)
            if over:
                queue.put_nowait(None)

    async def watch(self, after: int = 0) -> AsyncIterator[bytes]:
        """Frames for one viewer: what it missed, then what comes, until the run ends or the viewer leaves."""
        queue: asyncio.Queue = asyncio.Queue(maxsize=BACKLOG_FRAMES)
        async with self._lock:  # nothing may be handed out between the backlog and the viewer's place in the row
            frames, over = await asyncio.to_thread(self.read)
            self._hand_out(b"".join(frames), over=False)
            missed = self.backlog(after) + frame("status", orjson.dumps(self._status))
            if not over:
                self.viewers.add(queue)
        try:
            yield b"retry: 1000\n\n" + missed + (frame("end", b"{}") if over else b"")
            if over:
                return
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._follow())
            while (data := await queue.get()) is not None:
                yield data
        finally:
            self.viewers.discard(queue)


async def together(tails: dict[str, Tail]) -> AsyncIterator[bytes]:
    """Frames of several runs for one viewer, their events named ``points:RUN`` and so on.

    Ids are left out: one Last-Event-ID cannot speak for several runs, so a viewer that comes back gets all points
    again (it ignores steps that it has).
    """
    queue: asyncio.Queue = asyncio.Queue(maxsize=BACKLOG_FRAMES)

    async def carry(run: str, one: Tail) -> None:
        over = False
        async for data in one.watch():
            over = over or b"event: end\n" in data
            # JSON holds no line break, so what starts a line is the frame's own.
            data = re.sub(rb"(?m)^id: .*\n", b"", data)
            await queue.put(re.sub(rb"(?m)^event: (\w+)$", rb"event: \1:" + run.encode(), data))
        await queue.put(over)

    carriers = [asyncio.create_task(carry(run, one)) for run, one in tails.items()]
    left = len(carriers)
    try:
        while left:
            data = await queue.get()
            if isinstance(data, bytes):
                yield data
            elif data:
                left -= 1
            else:
                return  # too slow for one of them: let go of all, EventSource comes back
    finally:
        for carrier in carriers:
            carrier.cancel()


class Tails:
    """The tails of one server process, by run."""

    def __init__(self) -> None:
        self._tails: dict[str, Tail] = {}

    def of(self, run: str) -> Tail:
        """The tail of a run; tails without viewers are forgotten. Raises UserError where there is no such run."""
        store = open_store()
        store.get(run)
        self._tails = {name: tail for name, tail in self._tails.items() if tail.viewers or name == run}
        return self._tails.setdefault(run, Tail(run, store))
