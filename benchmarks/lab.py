"""The whole lab for a benchmark: the app on a free port and its engine, on a LAB_HOME that is thrown away after."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).resolve().parent)]

from viewer import Viewer  # noqa: E402

from labcore.runs import engine  # noqa: E402
from labcore.runs.store import open_store  # noqa: E402

START_SECONDS = 120.0
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
MEGABYTE = 2**20


@dataclass(frozen=True)
class Lab:
    """A running app.

    Attributes:
        port: where it answers.
        home: its LAB_HOME, which this process shares.
        seconds: from the start of the process to a first tab that has its home page.
    """

    port: int
    home: Path
    app: psutil.Process
    seconds: float

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> dict[str, float]:
        """MB (2**20 bytes) of the web process, the engine and its workers; pages that they share are counted once."""
        known, mine, workers = engine.state(), [], []
        with contextlib.suppress(psutil.Error):
            if known is not None:
                mine = [psutil.Process(int(known["process"].rsplit(":", 2)[1]))]
                workers = mine[0].children(recursive=True)
        # The engine is the app's child, and so are processes that draw data for a page.
        web = [self.app, *(one for one in self.app.children(recursive=True) if one not in [*mine, *workers])]
        found = {"web": web, "engine": mine, "worker": workers}
        return {name: sum(proportional(one) for one in members) for name, members in found.items()}


def proportional(process: psutil.Process) -> float:
    """MB of one process, each page divided by those who share it (PSS); what the system does not tell: resident."""
    try:
        full = process.memory_full_info()
    except psutil.Error:  # it has ended meanwhile
        return 0.0
    return getattr(full, "pss", full.rss) / MEGABYTE


@contextlib.contextmanager
def running(
    home: Path | None = None, *, warm: bool = True, data: Sequence[str] = (), **environment: str
) -> Iterator[Lab]:
    """The app and its engine, ended at the end.

    Args:
        home: a LAB_HOME to keep; without one a fresh folder is used and thrown away.
        warm: wait until the engine's worker has imported what runs need.
        data: sets to draw or fetch before.
        environment: further variables, such as ``LAB_MODE="public"``; recorded runs are left out unless they say so,
            since most benchmarks press the buttons that come before a result.

    Raises:
        RuntimeError: the app did not answer within ``START_SECONDS``.
    """
    folder = (home or Path(tempfile.mkdtemp())).resolve()
    os.environ.update({"LAB_HOME": str(folder), "LAB_RECORDED": "false"} | environment)
    for name in data:
        subprocess.run([sys.executable, "-m", "labcore", "data", "get", name], cwd=REPOSITORY, check=True)
    app = None
    try:
        app, port, seconds = _start()
        while warm and not (engine.state() or {}).get("warm"):
            time.sleep(0.1)
        yield Lab(port, folder, psutil.Process(app.pid), seconds)
    finally:
        if app is not None:
            stop(app)
        engine.end()
        open_store().close()
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


def _start() -> tuple[subprocess.Popen, int, float]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless=true", f"--server.port={port}", "--server.fileWatcherType=none"]
    began = time.perf_counter()
    with Path(os.devnull).open("wb") as nothing:
        app = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=REPOSITORY,
            stdout=nothing,
            stderr=nothing,
        )
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read()
            break
        if app.poll() is not None or time.perf_counter() - began > START_SECONDS:
            stop(app)
            raise RuntimeError("The app does not start; run `streamlit run app.py` to see why.")
        time.sleep(0.02)
    with Viewer(port) as tab:
        tab.rerun()
    return app, port, time.perf_counter() - began


def stop(app: subprocess.Popen) -> None:
    """End a web process; its engine lives on."""
    app.terminate()
    app.wait(20)


def start_seconds() -> float:
    """One more start of the app on the present LAB_HOME, ended at once: seconds to a first tab with its home page."""
    app, _, seconds = _start()
    stop(app)
    return seconds
