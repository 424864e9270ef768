"""Uploads: unpacked once into a folder of the lab, bounded in size, the least recently used out first."""

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path, PurePosixPath

from labcore.data import archives, keep
from labcore.data.archives import UPLOAD_BYTES, UPLOADED
from labcore.errors import UserError

KEPT_BYTES = 5_000_000_000
"""All uploads together; beyond this the least recently used go."""
YOUNG_SECONDS = 3600.0
"""An upload younger than this is in somebody's hands."""


def limits() -> str:
    """One sentence with the upload's limits, to be shown before it starts."""
    return (
        f"A zip of at most {UPLOAD_BYTES // 1_000_000} MB with at most {UPLOADED.members:,} files that unpack to "
        f"at most {UPLOADED.bytes / 1e9:g} GB, or a CSV."
    )


def receive(name: str, content: bytes, home: Path) -> Path:
    """Keep an upload (zip, tar, or CSV) under ``home/uploads`` and give its folder; the same upload is kept once.

    Raises:
        UserError: too large, of another kind, or an archive that may not be unpacked.
    """
    if len(content) > UPLOAD_BYTES:
        raise UserError(f"{name} has {len(content) / 1e6:.0f} MB. {limits()}")
    if not content:
        raise UserError(f"{name} is empty.")
    folder = home / "uploads" / hashlib.sha256(content).hexdigest()[:32]
    if folder.is_dir():
        with contextlib.suppress(OSError):
            os.utime(folder)  # used again: it goes last
        return folder
    _make_room(folder.parent)
    scratch = folder.with_name(f".{folder.name}")
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        kept = scratch / (PurePosixPath(name.replace("\\", "/")).name[-100:] or "upload")
        kept.write_bytes(content)
        if archives.is_archive(kept):
            archives.unpack(kept, folder, UPLOADED)
        elif kept.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet"):
            folder.mkdir()
            kept.replace(folder / kept.name)
        else:
            raise UserError(f"{name} is no zip and no CSV. {limits()}")
    except OSError as error:
        raise UserError(f"{name} cannot be kept in {folder.parent}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _make_room(uploads: Path) -> None:
    """Forget the uploads that nobody used for longest, so that what visitors bring never fills the disk."""
    there = sorted(
        ((entry.stat().st_mtime, entry) for entry in uploads.glob("[0-9a-f]*") if entry.is_dir()), reverse=True
    )
    total = 0
    for used, entry in there:
        total += keep.folder_bytes(entry)
        if total + UPLOADED.bytes > KEPT_BYTES and time.time() - used > YOUNG_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)
