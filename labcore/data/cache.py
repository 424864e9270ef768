"""Decode once: presized pictures and masks as uint8 memory maps, so that no epoch after the first touches a JPEG."""

import hashlib
import importlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labcore.data import decode, keep
from labcore.data.decode import Method
from labcore.data.items import Items
from labcore.data.labels import Index
from labcore.data.masks import read_mask
from labcore.settings import settings

VERSION = 2
"""Raised whenever the same files would give other pixels."""
CHUNK = 16
"""Pictures per task: a few milliseconds of work, so that handing out costs nothing and a stop is quick."""
HOT_BYTES = 1 << 18
"""Pictures are handed to the file while they are still in a core's own cache."""
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
    with_masks = index.task == "masks"
    names = "\n".join(index.table["path"]) + "\0" + "\n".join(index.table.get("mask", ()))
    codes = index.codes.tobytes().hex() if index.codes is not None else ""
    codes += index.colours.tobytes().hex() if index.colours is not None else ""
    asked = f"files|{fingerprint}|{size[0]}x{size[1]}|{method}|{with_masks}|{index.void}|{codes}|{names}"

    def make(scratch: Path) -> None:
        _decode_all(index, size, method, scratch, progress or (lambda *_: None))

    return _opened(asked, estimate(len(index), size, with_masks), make, home)


def resized(
    items: Items,
    size: tuple[int, int],
    method: Method,
    *,
    home: Path | None = None,
    progress: Progress | None = None,
) -> Decoded:
    """The pictures of a set that is decoded already (an embedded one), at another size (height, width), kept likewise.

    Raises:
        UserError: see ``decoded``.
    """
    rows = hashlib.sha256("\n".join(map(str, items.table["item"])).encode()).hexdigest()
    asked = f"array|{items.fingerprint}|{rows}|{size[0]}x{size[1]}|{method}|{items.void}"

    def make(scratch: Path) -> None:
        _resize_all(items, size, method, scratch, progress or (lambda *_: None))

    return _opened(asked, estimate(len(items), size, items.masks is not None), make, home)


def estimate(count: int, size: tuple[int, int], masks: bool = False) -> int:
    """Bytes that ``count`` presized pictures (and masks) take: what a page shows before it starts."""
    return count * size[0] * size[1] * (4 if masks else 3)


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
            for future in as_completed(pending):
                future.result()
                done += min(pending[future] + CHUNK, count) - pending[future]
                progress(done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _decode_all(index: Index, size: tuple[int, int], method: Method, scratch: Path, progress: Progress) -> None:
    count = len(index)
    with_masks = index.task == "masks"
    files = _files(scratch, count, size, with_masks)
    geometry = np.zeros((count, 6), np.float32)
    reasons: list[str | None] = [None] * count
    # Plain strings: joining Paths costs a tenth of decoding a small JPEG, and holds the GIL.
    paths = [f"{index.root}/{path}" for path in index.table["path"]]
    # By name: pages open blocks too, and must not reach torch by any import.
    resize = importlib.import_module("labcore.data.fit_fast").by_torch
    items = index.table["item"].tolist()
    mask_paths = [f"{index.root}/{path}" for path in index.table["mask"]] if with_masks else None
    fill = index.void or 0
    own = threading.local()

    def work(start: int, stop: int) -> None:
        blocks, first = _blocks(own, files), start
        for row in range(start, stop):
            place = row - first
            try:
                _, where = decode.read_picture(paths[row], size, method, resize=resize, to=blocks[0][place])
                if with_masks:
                    blocks[1][place] = read_mask(mask_paths[row], size, index.codes, where, fill, index.colours)
                geometry[row] = _row(where)
            except decode.Unusable as problem:
                reasons[row] = f"{items[row]} {problem}; it was left out."
            if place + 1 == len(blocks[0]) or row + 1 == stop:
                for file, block in zip(files, blocks, strict=True):
                    file.put(first, block[: place + 1])
                first = row + 1

    what = f"decoding pictures into {estimate(count, size, with_masks) / 1e6:,.1f} MB"
    progress(0, count, what)
    in_threads(count, work, lambda done: progress(done, count, what))
    rows = np.asarray([row for row in range(count) if reasons[row] is None], np.int64)
    for to, row in enumerate(rows):
        if to != row:
            # Usable rows move up in place; the few rows at the end stay behind unread.
            for file in files:
                file.array[to] = file.array[row]
    left_out = [reason for reason in reasons if reason]
    _finish(scratch, files, rows, geometry[rows], left_out)


def _resize_all(items: Items, size: tuple[int, int], method: Method, scratch: Path, progress: Progress) -> None:
    count = len(items)
    files = _files(scratch, count, size, items.masks is not None)

    def work(start: int, stop: int) -> None:
        rows = range(start, stop)
        files[0].put(start, np.stack([decode.resize_array(items.images[row], size, method)[0] for row in rows]))
        if items.masks is not None:
            fill = items.void or 0
            files[1].put(start, np.stack([decode.resize_codes(items.masks[row], size, method, fill) for row in rows]))

    in_threads(count, work, lambda done: progress(done, count, "resizing pictures"))
    height, width = items.images.shape[1:3]
    where = np.asarray([_row(decode.presize(width, height, size, method))], np.float32).repeat(count, axis=0)
    _finish(scratch, files, np.arange(count), where, [])


def _files(scratch: Path, count: int, size: tuple[int, int], with_masks: bool) -> list[keep.RowFile]:
    files = [keep.RowFile(scratch / "images.npy", (count, *size, 3))]
    if with_masks:
        files.append(keep.RowFile(scratch / "masks.npy", (count, *size)))
    return files


def _blocks(own: threading.local, files: list[keep.RowFile]) -> list[np.ndarray]:
    """Rows of each file on their way to it, in memory that a thread uses again and again."""
    if not hasattr(own, "blocks"):
        rows = max(1, min(CHUNK, HOT_BYTES // max(1, files[0].array[0].nbytes)))
        own.blocks = [np.zeros((rows, *file.array.shape[1:]), np.uint8) for file in files]
    return own.blocks


def _row(where: decode.Geometry) -> tuple[float, ...]:
    return where.scale_x, where.scale_y, where.shift_x, where.shift_y, where.width, where.height


def _finish(
    scratch: Path, files: list[keep.RowFile], rows: np.ndarray, geometry: np.ndarray, left_out: list[str]
) -> None:
    np.save(scratch / "rows.npy", rows)
    np.save(scratch / "geometry.npy", geometry)
    keep.finish(scratch, {"left_out": left_out}, tuple(file.array for file in files))


def _opened(asked: str, need: int, make: Callable[[Path], None], home: Path | None) -> Decoded:
    asked = f"{VERSION}|{asked}"
    place = keep.kept(asked, need, make, home)
    try:
        return _open(place)
    except (OSError, ValueError, KeyError):
        # Somebody has tampered with it, or a file of it is gone: it is only a cache.
        keep.forget(place)
        return _open(keep.kept(asked, need, make, home))


def _open(place: Path) -> Decoded:
    meta = keep.read_meta(place)
    rows = np.load(place / "rows.npy", allow_pickle=False)
    images = np.load(place / "images.npy", mmap_mode="r", allow_pickle=False)[: len(rows)]
    masks = None
    if (place / "masks.npy").exists():
        masks = np.load(place / "masks.npy", mmap_mode="r", allow_pickle=False)[: len(rows)]
    geometry = np.load(place / "geometry.npy", allow_pickle=False)
    return Decoded(rows, images, masks, geometry, tuple(meta["left_out"]))
