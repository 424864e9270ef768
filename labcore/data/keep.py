"""Keep what was computed once: made beside, renamed into place, bounded in size, the least recently used out first."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from labcore.errors import UserError
from labcore.settings import settings

SPARE_BYTES = 256 << 20
"""Left free on the disk: a full disk takes the store down with it."""
_STALE_SECONDS = 24 * 3600
"""After so long an unfinished folder belongs to nobody."""
_WRITE_BACK_SECONDS = 120
"""Linux writes changed pages to the disk after 30 s; by then a sync has next to nothing left to do."""
META = "meta.json"


def kept(asked: str, need: int, make: Callable[[Path], None], home: Path | None = None) -> Path:
    """The folder kept under the hash of ``asked``; if it is not there, ``make(scratch)`` fills one, which is renamed.

    Args:
        asked: whatever the content depends on.
        need: bytes that it takes.
        make: writes files into the folder that it is given, and last ``finish``.
        home: the lab's folder; None takes the setting.

    Raises:
        UserError: too little space on the disk or in the cache, or nothing can be written.
    """
    folder = _folder(home)
    place = folder / hashlib.sha256(asked.encode(errors="surrogateescape")).hexdigest()[:32]
    if _whole(place):
        return place
    shutil.rmtree(place, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, need)
        with _scratch(folder) as scratch:
            make(scratch)
            try:
                scratch.rename(place)
            except OSError:
                # Another process was quicker: what it made is the same.
                if not (place / META).exists():
                    raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(_no_space(need, folder)) from None
        raise UserError(
            f"Pictures cannot be kept in {folder}: {error.strerror or error}. "
            "Set LAB_HOME to a folder that can be written."
        ) from error
    return place


def finish(scratch: Path, meta: dict, maps: tuple[np.ndarray, ...] = ()) -> None:
    """Write the sheet that makes a folder whole."""
    if not _boot():
        for made in maps:
            made.flush()
    (scratch / META).write_text(json.dumps(meta | {"boot": _boot()}), "utf-8")


def read_meta(place: Path) -> dict:
    """What ``finish`` was given."""
    return json.loads((place / META).read_text("utf-8"))


def forget(place: Path) -> None:
    """Remove a folder that turned out damaged; it is made again."""
    shutil.rmtree(place, ignore_errors=True)


def _folder(home: Path | None) -> Path:
    return (home or settings().home) / "cache" / "pictures"


def allocate(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A uint8 array in a file of its own, its space on the disk reserved.

    Raises:
        OSError: the disk is full.
    """
    made = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # A write into the hole of a sparse map on a full disk kills the process (SIGBUS); here it is an OSError.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return made


class RowFile:
    """A uint8 .npy file that is filled block by block, from several threads at once.

    Blocks go through ``pwrite``: a store into a fresh page of a memory map costs a page fault each, together more than
    half of what decoding a small JPEG costs.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.array = allocate(path, shape)
        """The same bytes as a memory map."""
        self._bytes_per_row = int(np.prod(shape[1:]))
        self._path = path

    def put(self, start: int, block: np.ndarray) -> None:
        """Write rows ``start`` and following."""
        if not hasattr(os, "pwrite"):
            self.array[start : start + len(block)] = block
            return
        left = memoryview(np.ascontiguousarray(block)).cast("B")
        place = self.array.offset + start * self._bytes_per_row
        with self._path.open("r+b", buffering=0) as file:
            while left:
                written = os.pwrite(file.fileno(), left, place)
                left, place = left[written:], place + written


def cache_use(home: Path | None = None) -> list[tuple[Path, int, float]]:
    """Every cached set as (folder, bytes, last use in seconds since 1970), the least recently used first."""
    folder = _folder(home)
    found = []
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                found.append((Path(entry.path), folder_bytes(Path(entry.path)), entry.stat().st_mtime))
    return sorted(found, key=lambda row: row[2])


def folder_bytes(folder: Path) -> int:
    """Bytes of the regular files right below and inside ``folder``."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(path) / name).st_size
    return total


def _boot() -> str:
    """What names this run of the machine; '' where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _whole(place: Path) -> bool:
    """Whether a folder is finished and has reached the disk or was written in this run of the machine.

    Forcing pictures to the disk while making them costs more than decoding them. A killed process loses nothing that
    it has written; only a machine that goes down does, and only what is younger than the kernel's write-back.
    """
    try:
        boot = read_meta(place)["boot"]
        age = time.time() - (place / META).stat().st_mtime
        if not (place / "settled").exists() and boot:
            if boot != _boot():
                return False
            if age > _WRITE_BACK_SECONDS:
                for path in place.glob("*.npy"):
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
                with contextlib.suppress(OSError):
                    (place / "settled").touch()
    except (OSError, ValueError, KeyError):
        return False
    with contextlib.suppress(OSError):
        os.utime(place)
    return True


def _make_room(folder: Path, need: int) -> None:
    allowed = int(settings().cache_gb * 1e9)
    if need > allowed:
        raise UserError(
            f"The decoded pictures take {need / 1e9:.2f} GB and the cache may use {allowed / 1e9:.2f} GB. "
            "Choose a smaller image size, set dataset.limit, or raise LAB_CACHE_GB."
        )
    used = cache_use(folder.parent.parent)
    total = sum(size for _, size, _ in used)
    for place, size, last in used:
        stale = place.name.startswith(".") and time.time() - last > _STALE_SECONDS
        full = total + need > allowed or shutil.disk_usage(folder).free < need + SPARE_BYTES
        if stale or (full and not place.name.startswith(".")):
            shutil.rmtree(place, ignore_errors=True)
            total -= size
    if shutil.disk_usage(folder).free < need + SPARE_BYTES:
        raise UserError(_no_space(need, folder))


def _no_space(need: int, folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    return (
        f"The decoded pictures need {need / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free at {folder} "
        f"({SPARE_BYTES / 1e9:.2f} GB are kept free). "
        "Free some space, choose a smaller image size, or set dataset.limit."
    )


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    # Beside its final place: a rename is atomic only within one file system.
    path = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
