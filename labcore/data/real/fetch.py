"""Get a real set: download with resume, check, unpack, and put it under LAB_HOME/data in one move."""

import hashlib
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from labcore.data import archives
from labcore.data.registry import MB, Card, Source, card
from labcore.errors import UserError
from labcore.settings import settings

TRIES = 6
"""Broken transfers in a row before giving up; each goes on where the last one ended."""
PAUSE_SECONDS = 1.0
"""Before the second try; doubled with each further one."""
TIMEOUT_SECONDS = 30.0
"""Without a byte for so long the transfer counts as broken."""
BLOCK_BYTES = 1 << 14
"""Read at a time; of a block that breaks nothing is kept."""
TOLD_BYTES = 1 << 18
"""Between two reports of progress."""
UNPACKED = 2.2
"""Disk needed per byte to download: the archive and its files lie side by side for a while (JPEGs do not shrink)."""
_FIRST_MIB = "md5-first-mib"

Progress = Callable[[int, int, str], None]


def get(name: str, *, home: Path | None = None, progress: Progress | None = None, known: Card | None = None) -> Path:
    """Download a real set unless it is there, and give its folder.

    Args:
        name: the set's fixed name.
        home: the lab's folder; None takes the setting.
        progress: called as ``progress(done, total, what)`` in bytes; what it raises stops it; a later
            call goes on.
        known: a card to take instead of the registry's (mirrors, tests).

    Raises:
        UserError: no such real set, no connection, too little space, a checksum that does not agree, a bad archive.
    """
    known = known or card(name)
    home = home or settings().home
    if known.kind != "real":
        whose = "drawn by the lab at first use" if known.kind == "embedded" else "yours"
        raise UserError(f"{name} needs no download: it is {whose}.")
    folder = home / "data" / name
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    downloads = home / "downloads"
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    except OSError as error:
        raise UserError(
            f"Nothing can be kept in {home}: {error.strerror}. Set LAB_HOME to a folder that can be written."
        ) from None
    try:
        _check_space(known, home)
        for source in known.sources:
            archive = download(source, downloads, progress)
            what = f"unpacking {archive.name}"
            report = (lambda done, what=what: progress(done, 0, what)) if progress else None
            archives.unpack(archive, scratch / "set", archives.DOWNLOADED, strip=source.strip, progress=report)
        if folder.exists():
            shutil.rmtree(folder)
        (scratch / "set").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for source in known.sources:
        (downloads / file_name(source)).unlink(missing_ok=True)
    return folder


def download(source: Source, folder: Path, progress: Progress | None = None) -> Path:
    """The archive of ``source`` in ``folder``, checked; what a broken transfer left behind is gone on from.

    Raises:
        UserError: it cannot be had, or is not what it should be.
    """
    import pooch  # brings requests, which only a download needs

    pooch.get_logger().setLevel(logging.WARNING)
    digest = source.checksum if source.checksum and not source.checksum.startswith(_FIRST_MIB) else None
    name = file_name(source)
    try:
        path = Path(
            pooch.retrieve(
                source.url, known_hash=digest, fname=name, path=folder, downloader=Resuming(source, progress)
            )
        )
    except ValueError as error:
        if "hash" not in str(error):
            raise
        raise UserError(
            f"{source.url} is not the file it should be: its checksum does not agree with {source.checksum[:20]}... "
            "It may have been damaged on the way or changed at its source. Try again later; nothing was unpacked."
        ) from None
    try:
        _check(source, path, folder)
    except UserError:
        path.unlink(missing_ok=True)
        raise
    return path


def file_name(source: Source) -> str:
    """The archive's name on this disk; a hash of its address keeps equal names of two servers apart."""
    return hashlib.sha256(source.url.encode()).hexdigest()[:8] + "-" + urlsplit(source.url).path.rpartition("/")[2]


class Resuming:
    """A downloader for pooch that goes on where a broken transfer ended, with ranges where the server knows them.

    The unfinished file lies beside the finished one as ``.part``, with the server's mark of the version (ETag or date)
    in ``.part.json``; if the file at the server has changed since, it starts anew (``If-Range``, RFC 9110 13.1.5).
    """

    def __init__(self, source: Source, progress: Progress | None = None) -> None:
        self.source = source
        self.progress = progress or (lambda *_: None)

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """Bring ``url`` whole into ``output_file``."""
        import requests
        import urllib3

        part = Path(output_file).parent / (file_name(self.source) + ".part")
        broken = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError)
        for attempt in range(TRIES):
            try:
                self._fetch(url, part)
                break
            except broken as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                # 4xx will not mend itself, but for "too many requests" and "request timeout".
                final = status is not None and 400 <= status < 500 and status not in (408, 429)
                if final or attempt == TRIES - 1:
                    reason = f"the server answers {status}" if status else "the connection broke or could not be made"
                    raise UserError(
                        f"{url} cannot be downloaded: {reason}. Check the connection and try again; it goes on where "
                        "it stopped. Or get the set elsewhere and point dataset.root to it."
                    ) from None
                time.sleep(PAUSE_SECONDS * 2**attempt)
        part.replace(output_file)
        part.with_name(part.name + ".json").unlink(missing_ok=True)

    def _fetch(self, url: str, part: Path) -> None:
        import requests

        mark = part.with_name(part.name + ".json")
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        version = _read_mark(mark)
        if have and version:
            headers |= {"Range": f"bytes={have}-", "If-Range": version}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            if answer.status_code == 416:
                if answer.headers.get("Content-Range", "") == f"bytes */{have}":
                    return  # it had come whole, and only the last step was missing
                part.unlink()
                raise requests.ConnectionError("the server has no such range")
            answer.raise_for_status()
            resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            start = have if resumed else 0
            length = answer.headers.get("Content-Length")
            total = start + int(length) if length else self.source.size
            _write_mark(mark, answer.headers)
            _check_free(part.parent, max(0, total - start))
            with part.open("ab" if resumed else "wb") as sink:
                done = told = start
                for block in answer.iter_content(BLOCK_BYTES):
                    sink.write(block)
                    done += len(block)
                    if done - told >= TOLD_BYTES or done == total:
                        told = done
                        self.progress(done, total, f"downloading {urlsplit(url).path.rpartition('/')[2]}")
            if total and done < total:
                raise requests.ConnectionError("the transfer ended early")


def _read_mark(path: Path) -> str:
    try:
        return str(json.loads(path.read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return ""


def _write_mark(path: Path, headers) -> None:
    etag = headers.get("ETag", "")
    # A weak ETag may not be used with If-Range.
    version = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    path.write_text(json.dumps({"version": version}), "utf-8")


def _check(source: Source, path: Path, folder: Path) -> None:
    size = path.stat().st_size
    if source.size and size != source.size:
        raise UserError(f"{source.url} has {size:,} bytes, not {source.size:,}. Try again later; nothing was unpacked.")
    if source.checksum.startswith(_FIRST_MIB):
        with path.open("rb") as file:
            found = hashlib.md5(file.read(1 << 20), usedforsecurity=False).hexdigest()
        if found != source.checksum.partition(":")[2]:
            raise UserError(
                f"{source.url} is not what it should be: its checksum does not agree. Nothing was unpacked."
            )
    if not source.checksum or source.checksum.startswith(_FIRST_MIB):
        _trust_on_first_use(source, path, folder)


def _trust_on_first_use(source: Source, path: Path, folder: Path) -> None:
    """Where nobody publishes a checksum of the whole file, later downloads must agree with the first."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    record = folder / "seen.json"
    try:
        seen = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError):
        seen = {}
    if seen.get(source.url, found) != found:
        raise UserError(
            f"{source.url} has changed since it was first downloaded here. "
            f"If that is meant, delete its line in {record}."
        )
    seen[source.url] = found
    record.write_text(json.dumps(seen, indent=1) + "\n", "utf-8")


def _check_space(known: Card, home: Path) -> None:
    need = int(known.bytes * UNPACKED)
    free = shutil.disk_usage(home).free
    if free < need:
        raise UserError(
            f"{known.title} needs {need / MB:,.0f} MB for download and files, and {free / MB:,.0f} MB are free "
            f"at {home}. Free some space or set LAB_HOME to a larger disk."
        )


def _check_free(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need:
        raise UserError(
            f"{need / MB:,.0f} MB are still to come and {free / MB:,.0f} MB are free at {folder}. Free some space."
        )
