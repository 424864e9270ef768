"""Who is alive: processes by pid and start time, so that a pid used again is not taken for its dead owner."""

import os
import socket
import threading
import time

import psutil


def identity(pid: int | None = None) -> str:
    """``host:pid:start time`` of a process, this one by default."""
    process = psutil.Process(pid or os.getpid())
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


def alive(who: str) -> bool:
    """Whether the process of an identity still runs; one on another host is taken to."""
    host, pid, started = who.rsplit(":", 2) if who.count(":") >= 2 else ("", "0", "0")
    if not host:
        return False
    if host != socket.gethostname():
        return True
    try:
        process = psutil.Process(int(pid))
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(started)) < 1.0
    except psutil.Error:
        return False


def end_with(who: str) -> None:
    """End this process within half a second of another's death: no orphan trains on, and the next engine resumes."""

    def watch() -> None:
        while alive(who):
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="owner-watch", daemon=True).start()
