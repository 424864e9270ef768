"""Draw or download a set in a process of its own, with progress that every page and shell can see, and one at a time.

A page asks with :func:`start`, looks with :func:`look` and may :func:`stop`; the shell's ``data get`` goes through
:func:`get` too, so that a page shows what the shell began.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from labcore.data import registry
from labcore.data.cache import Progress
from labcore.errors import UserError
from labcore.runs.process import alive, identity
from labcore.settings import REPOSITORY, settings

TOLD_SECONDS = 0.2
"""Between two words of progress on the disk."""
BOOT_SECONDS = 5.0
"""A child that was asked for needs this long at most to say its first word; until then it is not asked for again."""

_asked: dict[tuple[str, str], float] = {}
_children: dict[tuple[str, str], subprocess.Popen] = {}


@dataclass(frozen=True)
class State:
    """How far a set is.

    Attributes:
        done: items drawn or bytes fetched.
        total: of so many; 0 where nobody knows.
        what: what is being done.
        began: seconds since 1970.
        process: who does it (see ``labcore.runs.process.identity``).
        error: why it ended without the set, '' otherwise.
    """

    done: int = 0
    total: int = 0
    what: str = "starting"
    began: float = 0.0
    process: str = ""
    error: str = ""

    @property
    def left(self) -> float | None:
        """Seconds that are left, None where that cannot be told yet."""
        share = self.done / self.total if self.total else 0.0
        return (time.time() - self.began) * (1 - share) / share if share > 0.02 else None


def get(name: str, progress: Progress | None = None) -> Path:
    """Draw an embedded set or download a real one unless it is there, and give its folder.

    Raises:
        UserError: no such set, it is made by another process right now, or it cannot be had.
    """
    known = registry.card(name)
    if known.kind == "own":
        raise UserError("Own data is yours already. Look at it with: python -m labcore data check PATH")
    file = _file(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=0):
            return _get(known, file, progress)
    except Timeout:
        raise UserError(f"{known.title} is being made by another process right now. Wait for it.") from None
    except OSError as error:
        raise UserError(
            f"Nothing can be kept in {settings().home}: {error.strerror or error}. "
            "Set LAB_HOME to a folder that can be written."
        ) from None


def start(name: str) -> None:
    """Begin to get a set in a process of its own, unless one is at it. Returns at once.

    The process ends with this one: what it drew is drawn anew, what it downloaded is gone on from.
    """
    key = (str(settings().home), name)
    now, child = look(name), _children.get(key)
    if now is None and child is not None and child.poll() not in (None, 0):
        # It died without a word; to begin again and again would hide that.
        _children.pop(key)
        said = f"The process that makes {name} died. Try it in a shell: python -m labcore data get {name}"
        _write(_file(name), State(error=said))
        return
    busy = now is not None and not now.error
    if busy or time.monotonic() - _asked.get(key, -BOOT_SECONDS) < BOOT_SECONDS:
        return
    _asked[key] = time.monotonic()
    file = _file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    _children[key] = subprocess.Popen(
        [sys.executable, "-m", "labcore", "data", "get", name, "--for", identity()],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def look(name: str) -> State | None:
    """How far a set is that is being made, or why it failed; None while nobody is at it."""
    try:
        state = State(**json.loads(_file(name).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if state.error or alive(state.process) else None


def stop(name: str) -> None:
    """End the process that makes a set."""
    _children.pop((str(settings().home), name), None)
    state = look(name)
    if state is not None and not state.error:
        with contextlib.suppress(psutil.Error):
            psutil.Process(int(state.process.rsplit(":", 2)[1])).terminate()


def _get(known: registry.Card, file: Path, progress: Progress | None) -> Path:
    me, began, told = identity(), time.time(), 0.0

    def tell(done: int, total: int, what: str) -> None:
        nonlocal told
        if time.monotonic() - told >= TOLD_SECONDS:
            told = time.monotonic()
            _write(file, State(done, total, what, began, me))
        if progress:
            progress(done, total, what)

    _write(file, State(began=began, process=me))
    try:
        if known.kind == "real":
            return importlib.import_module("labcore.data.real.fetch").get(known.name, progress=tell)
        build = importlib.import_module("labcore.data.embedded.build")
        folder = settings().home / "data" / known.name
        module = importlib.import_module(f"labcore.data.embedded.{known.name}")
        build.make(module, folder, progress=lambda done, total: tell(done, total, f"drawing {known.name}"))
        return folder
    except UserError as error:
        _write(file, State(began=began, process=me, error=str(error)))
        raise
    finally:
        if not (state := look(known.name)) or not state.error:
            file.unlink(missing_ok=True)


def _write(file: Path, state: State) -> None:
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps(asdict(state)), "utf-8")
    beside.replace(file)  # a reader sees the old word or the new one


def _file(name: str) -> Path:
    return settings().home / "getting" / f"{name}.json"
