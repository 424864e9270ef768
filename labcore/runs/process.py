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


def end_with_parent() -> None:
    """End this process within a second of its parent's death: no orphan trains on, and the next engine resumes."""
    parent = psutil.Process(os.getppid())

    def watch() -> None:
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE and os.getppid() == parent.pid:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def memory_bytes(pid: int | None = None) -> int:
    """Resident memory of a process and its children."""
    try:
        process = psutil.Process(pid or os.getpid())
        return sum(member.memory_info().rss for member in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0
