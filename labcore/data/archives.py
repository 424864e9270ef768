"""Unpack what strangers packed: nothing leaves the folder, nothing links, and a bomb is stopped while it swells."""

import contextlib
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from labcore.errors import UserError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What an archive may hold.

    Attributes:
        members: files.
        bytes: all files together, unpacked.
        ratio: unpacked to packed bytes of the whole archive. Text labels and flat masks reach 50; deflate's best on
            zeros, which is what bombs are made of, is 1,030.
    """

    members: int
    bytes: int
    ratio: float = 200.0


DOWNLOADED = Limits(members=200_000, bytes=20_000_000_000)
"""VOC 2007, the largest set here, has 30,000 files and unpacks to 1 GB."""
UPLOADED = Limits(members=20_000, bytes=1_000_000_000)
"""One session's share of a small server. Shown beside the upload."""
UPLOAD_BYTES = 200_000_000
"""The largest upload, as the server's upload limit."""
_MIN_RATIO_BYTES = 10_000_000
"""Below this an archive cannot hurt, however well it compresses."""
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    open: Callable[[], BinaryIO]


def unpack(
    archive: Path,
    folder: Path,
    limits: Limits = UPLOADED,
    *,
    strip: int = 0,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Unpack a zip or tar (plain, gz, bz2, xz) into ``folder``; only regular files, all below it.

    Everything goes into a folder beside first, so a refused archive leaves nothing behind.

    Args:
        archive: the file; its kind is read from its content, not its name.
        folder: is made; files of an earlier archive may be there already and are added to.
        limits: what it may hold.
        strip: leading folders of each path to drop.
        progress: called with the bytes unpacked so far.

    Returns:
        The number of files.

    Raises:
        UserError: no archive, damaged, encrypted, too large, or with a path or link that would leave the folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    packed = max(archive.stat().st_size, 1)
    scratch = Path(tempfile.mkdtemp(prefix=".unpack-", dir=folder.parent))
    count = total = 0
    try:
        for member in _members(archive):
            whole = safe_parts(member.name, archive.name)
            parts = whole[strip:]
            if not parts or parts[-1].startswith("._") or whole[0] == "__MACOSX":
                continue
            count += 1
            if count > limits.members:
                raise UserError(
                    f"{archive.name} holds more than {limits.members:,} files. Split it, or pack fewer files."
                )
            target = scratch.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                raise UserError(f"{archive.name} holds {'/'.join(parts)!r} twice. Give each file a name of its own.")
            with member.open() as source, target.open("wb") as sink:
                # Counted as it swells: the size that an archive declares may be a lie.
                while block := source.read(CHUNK_BYTES):
                    total += len(block)
                    _check_swelling(archive.name, total, packed, limits)
                    sink.write(block)
            if progress:
                progress(total)
        if not count:
            raise UserError(f"{archive.name} holds no files.")
        _merge(scratch, folder)
        return count
    except _DAMAGED as error:
        raise UserError(f"{archive.name} is damaged or packed in an unknown way ({error}). Pack it again.") from None
    except RuntimeError as error:  # what zipfile raises for a missing password
        raise UserError(f"{archive.name} cannot be unpacked: {error}. Pack it without a password.") from None
    except OSError as error:
        raise UserError(f"{archive.name} cannot be unpacked to {folder}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def safe_parts(name: str, archive: str) -> tuple[str, ...]:
    """A member's path as its parts.

    Raises:
        UserError: it is absolute, climbs with ``..``, names a drive, or holds a NUL or an overlong part.
    """
    plain = name.replace("\\", "/")
    parts = PurePosixPath(plain).parts
    drive = bool(parts) and len(parts[0]) >= 2 and parts[0][1] == ":"
    if plain.startswith("/") or ".." in parts or drive or "\0" in plain:
        raise UserError(f"{archive} holds the path {name[:100]!r}, which leads out of its folder. It was not unpacked.")
    if any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts):
        raise UserError(f"{archive} holds a name of more than 255 bytes ({name[:40]!r}...). Shorten it.")
    return parts


def is_archive(path: Path) -> bool:
    """Whether the content of ``path`` is a zip or a tar."""
    with contextlib.suppress(OSError):
        return path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))
    return False


def _check_swelling(name: str, total: int, packed: int, limits: Limits) -> None:
    if total > limits.bytes:
        raise UserError(f"{name} unpacks to more than {limits.bytes / 1e9:g} GB. Pack fewer or smaller files.")
    if total > _MIN_RATIO_BYTES and total / packed > limits.ratio:
        raise UserError(
            f"{name} unpacks to more than {limits.ratio:g} times its size: it looks like a bomb. Not unpacked."
        )


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                mode = info.external_attr >> 16
                if stat.S_ISLNK(mode):
                    raise UserError(
                        f"{archive.name} holds the link {info.filename[:100]!r}. Pack the files themselves."
                    )
                if not info.is_dir():
                    yield _Member(info.filename, info.file_size, lambda info=info: packed.open(info))
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed:
            for info in packed:
                if info.isdir():
                    continue
                if not info.isreg():
                    kind = "link" if info.issym() or info.islnk() else "device"
                    raise UserError(f"{archive.name} holds the {kind} {info.name[:100]!r}. Pack the files themselves.")
                yield _Member(info.name, info.size, lambda info=info: packed.extractfile(info))
    else:
        raise UserError(f"{archive.name} is no zip and no tar. Pack the folder as a zip.")


def _merge(source: Path, folder: Path) -> None:
    if not folder.exists():
        source.rename(folder)
        folder.chmod(0o755)
        return
    for path in sorted(source.rglob("*")):
        target = folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            path.replace(target)
