"""Decode once: presized pictures and masks as uint8 memory maps, so that no epoch after the first touches a JPEG."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labcore.data import decode
from labcore.data.decode import Method
from labcore.data.labels import Index
from labcore.errors import UserError
from labcore.settings import settings

VERSION = 1
"""Raised whenever the same files would give other pixels."""
CHUNK = 16
"""Pictures per task: a few milliseconds of work, so that handing out costs nothing and a stop is quick."""
SPARE_BYTES = 256 << 20
"""Left free on the disk: a full disk takes the store down with it."""
_STALE_SECONDS = 24 * 3600

Progress = Callable[[int, int, str], None]
"""Called as ``progress(done, total, what)`` in the caller's thread; what it raises ends the work cleanly."""


@dataclass(frozen=True)
class Decoded:
    """Presized pictures of the usable items of an index.

    Attributes:
        rows: int64 [n], which rows of the index could be used.
        images: uint8 [n, H, W, 3], read-only memory map.
        masks: uint8 [n, H, W] or None.
        geometry: float32 [n, 6]: scale x, scale y, shift x, shift y, source width, source height.
        left_out: one sentence per item that could not be used.
    """

    rows: np.ndarray
    images: np.ndarray
    masks: np.ndarray | None
    geometry: np.ndarray
    left_out: tuple[str, ...]


def decoded(
    index: Index,
    size: tuple[int, int],
    method: Method,
    fingerprint: str,
    *,
    home: Path | None = None,
    progress: Progress | None = None,
) -> Decoded:
    """The pictures of ``index`` at ``size`` (height, width), from the cache or decoded into it.

    Args:
        index: what to decode; ``index.table.path`` is relative to ``index.root``.
        size: (height, width) in pixels.
        method: how pictures that have another shape are fitted.
        fingerprint: changes whenever a file does.
        home: the lab's folder; None takes the setting.
        progress: see ``Progress``.

    Raises:
        UserError: too little space on the disk or in the cache, or the cache cannot be written.
    """
    folder = (home or settings().home) / "cache" / "pictures"
    names = "\n".join(index.table["path"]) + "\0" + "\n".join(index.table.get("mask", ()))
    codes = index.codes.tobytes() if index.codes is not None else b""
    asked = f"{VERSION}|{fingerprint}|{size[0]}x{size[1]}|{method}|{index.task == 'masks'}|{index.void}|{names}"
    place = folder / hashlib.sha256(asked.encode(errors="surrogateescape") + codes).hexdigest()[:32]
    if (place / "meta.json").exists():
        with contextlib.suppress(OSError, ValueError, KeyError):
            found = _open(place)
            with contextlib.suppress(OSError):
                os.utime(place)
            return found
        shutil.rmtree(place, ignore_errors=True)
    total = estimate(len(index), size, index.task == "masks")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, total)
        with _scratch(folder) as scratch:
            _decode_all(index, size, method, scratch, progress or (lambda *_: None))
            try:
                scratch.rename(place)
            except OSError:
                if not (place / "meta.json").exists():
                    raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(_no_space(total, folder)) from None
        raise UserError(
            f"Pictures cannot be kept in {folder}: {error.strerror or error}. "
            "Set LAB_HOME to a folder that can be written."
        ) from error
    return _open(place)


def estimate(count: int, size: tuple[int, int], masks: bool = False) -> int:
    """Bytes that ``count`` presized pictures (and masks) take: what a page shows before it starts."""
    return count * size[0] * size[1] * (4 if masks else 3)


def cache_use(home: Path | None = None) -> list[tuple[Path, int, float]]:
    """Every cached set as (folder, bytes, last use in seconds since 1970), the least recently used first."""
    folder = (home or settings().home) / "cache" / "pictures"
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


def workers() -> int:
    """Threads that decode: one per core that this process may use (Pillow releases the GIL while it decodes)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings().threads or cores


def in_threads(count: int, work: Callable[[int, int], None], progress: Callable[[int], None]) -> None:
    """Call ``work(start, stop)`` over ``range(count)`` in threads; ``progress(done)`` is called in this one."""
    done = 0
    with ThreadPoolExecutor(workers(), thread_name_prefix="decode") as pool:
        pending = {pool.submit(work, start, min(start + CHUNK, count)): start for start in range(0, count, CHUNK)}
        try:
            while pending:
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    start = pending.pop(future)
                    done += min(start + CHUNK, count) - start
                progress(done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _decode_all(index: Index, size: tuple[int, int], method: Method, scratch: Path, progress: Progress) -> None:
    count = len(index)
    with_masks = index.task == "masks"
    images = _allocate(scratch / "images.npy", (count, *size, 3))
    masks = _allocate(scratch / "masks.npy", (count, *size)) if with_masks else None
    geometry = np.zeros((count, 6), np.float32)
    reasons: list[str | None] = [None] * count
    paths = index.table["path"].tolist()
    items = index.table["item"].tolist()
    mask_paths = index.table["mask"].tolist() if with_masks else None
    fill = index.void or 0

    def work(start: int, stop: int) -> None:
        for row in range(start, stop):
            try:
                picture, where = decode.read_picture(index.root / paths[row], size, method)
                if with_masks:
                    source = (where.width, where.height)
                    masks[row] = decode.read_mask(index.root / mask_paths[row], size, method, index.codes, source, fill)
                images[row] = picture
                geometry[row] = (
                    where.scale_x,
                    where.scale_y,
                    where.shift_x,
                    where.shift_y,
                    where.width,
                    where.height,
                )
            except decode.Unusable as problem:
                reasons[row] = f"{items[row]} {problem}; it was left out."

    progress(0, count, "decoding pictures")
    in_threads(count, work, lambda done: progress(done, count, "decoding pictures"))
    rows = np.asarray([row for row in range(count) if reasons[row] is None], np.int64)
    for to, row in enumerate(rows):
        if to != row:
            # Usable rows move up in place; the few rows at the end stay behind unread.
            images[to] = images[row]
            if with_masks:
                masks[to] = masks[row]
    images.flush()
    if with_masks:
        masks.flush()
    np.save(scratch / "rows.npy", rows)
    np.save(scratch / "geometry.npy", geometry[rows])
    left_out = [reason for reason in reasons if reason]
    meta = {"version": VERSION, "set": index.name, "size": size, "method": method, "left_out": left_out}
    (scratch / "meta.json").write_text(json.dumps(meta), "utf-8")


def _allocate(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    made = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # A write into the hole of a sparse map on a full disk kills the process (SIGBUS); here it is an OSError.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return made


def _open(place: Path) -> Decoded:
    meta = json.loads((place / "meta.json").read_text("utf-8"))
    rows = np.load(place / "rows.npy", allow_pickle=False)
    images = np.load(place / "images.npy", mmap_mode="r", allow_pickle=False)[: len(rows)]
    masks = None
    if (place / "masks.npy").exists():
        masks = np.load(place / "masks.npy", mmap_mode="r", allow_pickle=False)[: len(rows)]
    geometry = np.load(place / "geometry.npy", allow_pickle=False)
    return Decoded(rows, images, masks, geometry, tuple(meta["left_out"]))


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
