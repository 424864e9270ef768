"""Downloads from a server on loopback that can be told to misbehave."""

import dataclasses
import hashlib
import http.server
import io
import shutil
import tarfile
import threading
import zipfile

import pytest
from PIL import Image

from labcore.data import block, registry
from labcore.data.real import fetch
from labcore.data.registry import Source
from labcore.errors import UserError
from labcore.specs import DatasetSpec


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files``; ``break_after`` cuts that many transfers after so many bytes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.breaks: list[int] = []
        self.ranges = True
        self.version = '"v1"'
        self.asked: list[str | None] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, content = self.server, self.server.files.get(self.path[1:])
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if content is None:
            self.send_error(404)
            return
        start = 0
        if asked and server.ranges and self.headers.get("If-Range") == server.version:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", server.version)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        self.wfile.write(body[: server.breaks.pop(0)] if server.breaks else body)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE_SECONDS", 0.0)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def pets_archive(evil: bool = False) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for number in range(8):
            picture = io.BytesIO()
            Image.effect_noise((400, 300), 80 + number).convert("RGB").save(picture, "JPEG", quality=95)
            info = tarfile.TarInfo(f"images/{'Pug' if number % 2 else 'Bombay'}_{number}.jpg")
            info.size = picture.tell()
            packed.addfile(info, io.BytesIO(picture.getvalue()))
        if evil:
            info = tarfile.TarInfo("../../evil.txt")
            info.size = 4
            packed.addfile(info, io.BytesIO(b"evil"))
    return buffer.getvalue()


@pytest.fixture
def pets(server):
    """A card of pets whose only archive lies on the loopback server."""
    server.files["images.tar.gz"] = pets_archive()

    def card(checksum=None, size=0, strip=0):
        content = server.files["images.tar.gz"]
        digest = "md5:" + hashlib.md5(content).hexdigest() if checksum is None else checksum
        source = Source(server.url("images.tar.gz"), size, digest, strip)
        return dataclasses.replace(registry.card("pets"), sources=(source,), bytes=len(content))

    return card


def test_a_set_is_fetched_unpacked_and_loaded(server, pets, home):
    steps = []
    folder = fetch.get("pets", home=home, known=pets(), progress=lambda *step: steps.append(step))
    assert folder == home / "data" / "pets"
    items = block.load(DatasetSpec(name="pets"), 16, home=home)
    assert len(items) == 8 and items.classes == ("Bombay", "Pug")
    total = len(server.files["images.tar.gz"])
    assert any(step[:2] == (total, total) and "downloading" in step[2] for step in steps)
    assert fetch.get("pets", home=home, known=pets()) == folder and len(server.asked) == 1
    assert not list((home / "downloads").glob("*.tar.gz*"))


def test_a_broken_transfer_goes_on_where_it_stopped(server, pets, home):
    server.breaks = [100_000, 50_000]
    fetch.get("pets", home=home, known=pets())
    first, *later = server.asked
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in later]
    assert first is None and len(starts) == 2
    # All but the block that broke is kept.
    assert 100_000 - fetch.BLOCK_BYTES <= starts[0] <= 100_000 < starts[1] <= 150_000


def test_a_later_call_goes_on_too(server, pets, home, monkeypatch):
    monkeypatch.setattr(fetch, "TRIES", 1)
    server.breaks = [60_000]
    with pytest.raises(UserError, match=r"connection broke.*goes on where it stopped"):
        fetch.get("pets", home=home, known=pets())
    assert not (home / "data" / "pets").exists()
    fetch.get("pets", home=home, known=pets())
    assert server.asked[-1].startswith("bytes=") and len(server.asked) == 2


def test_a_stop_keeps_what_has_come(server, pets, home):
    def stop(done, total, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.get("pets", home=home, known=pets(), progress=stop)
    fetch.get("pets", home=home, known=pets())
    assert server.asked[-1].startswith("bytes=")


def test_a_whole_file_that_was_only_not_yet_in_place_is_not_fetched_again(server, pets, home):
    def stop_at_the_end(done, total, what):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.get("pets", home=home, known=pets(), progress=stop_at_the_end)
    fetch.get("pets", home=home, known=pets())
    assert server.asked == [None, f"bytes={len(server.files['images.tar.gz'])}-"]


def test_a_server_without_ranges_starts_anew(server, pets, home):
    server.ranges = False
    server.breaks = [50_000]
    fetch.get("pets", home=home, known=pets())
    assert len(server.asked) == 2 and len(list((home / "data" / "pets" / "images").iterdir())) == 8


def test_a_file_that_changed_between_two_tries_starts_anew(server, pets, home, monkeypatch):
    monkeypatch.setattr(fetch, "TRIES", 1)
    server.breaks = [50_000]
    with pytest.raises(UserError):
        fetch.get("pets", home=home, known=pets())
    server.files["images.tar.gz"] = pets_archive()
    server.version = '"v2"'
    fetch.get("pets", home=home, known=pets())
    assert len(list((home / "data" / "pets" / "images").iterdir())) == 8


@pytest.mark.parametrize("checksum", ["md5:" + "0" * 32, "sha256:" + "0" * 64, "md5-first-mib:" + "0" * 32])
def test_a_wrong_checksum_is_refused_and_nothing_unpacked(server, pets, home, checksum):
    with pytest.raises(UserError, match="checksum does not agree"):
        fetch.get("pets", home=home, known=pets(checksum))
    assert not (home / "data" / "pets").exists()
    assert not [path for path in (home / "downloads").iterdir() if path.name.endswith(".gz")]
    # The bad file is not gone on from: a second call asks for the whole again.
    with pytest.raises(UserError):
        fetch.get("pets", home=home, known=pets(checksum))
    assert server.asked == [None, None]


def test_the_first_mib_and_the_size_are_checked(server, pets, home):
    content = server.files["images.tar.gz"]
    first = "md5-first-mib:" + hashlib.md5(content[: 1 << 20]).hexdigest()
    with pytest.raises(UserError, match="bytes, not"):
        fetch.get("pets", home=home, known=pets(first, size=len(content) + 1))
    assert fetch.get("pets", home=home, known=pets(first, size=len(content)))


def test_without_a_checksum_the_first_download_is_trusted_and_remembered(server, pets, home):
    fetch.get("pets", home=home, known=pets(""))
    shutil.rmtree(home / "data" / "pets")
    fetch.get("pets", home=home, known=pets(""))
    shutil.rmtree(home / "data" / "pets")
    server.files["images.tar.gz"] = pets_archive() + b"\0"
    with pytest.raises(UserError, match="has changed since"):
        fetch.get("pets", home=home, known=pets(""))


def test_an_archive_that_escapes_is_refused(server, pets, home, tmp_path):
    server.files["images.tar.gz"] = pets_archive(evil=True)
    with pytest.raises(UserError, match="leads out of its folder"):
        fetch.get("pets", home=home, known=pets())
    assert not list(tmp_path.rglob("evil.txt")) and not (home / "data" / "pets").exists()
    assert not [path for path in (home / "data").iterdir() if path.name.startswith(".")]


def test_an_absent_file_a_dead_server_and_a_small_disk_are_said(server, pets, home, monkeypatch):
    del server.files["images.tar.gz"]
    source = Source(server.url("images.tar.gz"), checksum="md5:" + "0" * 32)
    card = dataclasses.replace(registry.card("pets"), sources=(source,), bytes=10)
    with pytest.raises(UserError, match="answers 404"):
        fetch.get("pets", home=home, known=card)
    assert len(server.asked) == 1
    dead = dataclasses.replace(card, sources=(Source("http://127.0.0.1:9/x.zip", checksum="md5:0"),))
    with pytest.raises(UserError, match="could not be made"):
        fetch.get("pets", home=home, known=dead)
    huge = dataclasses.replace(card, bytes=1 << 60)
    with pytest.raises(UserError, match="MB are free at"):
        fetch.get("pets", home=home, known=huge)


def test_what_needs_no_download(home):
    for name in ("critters", "own"):
        with pytest.raises(UserError, match="needs no download"):
            fetch.get(name, home=home)
    with pytest.raises(UserError, match="no data set"):
        fetch.get("nonsense", home=home)


def test_two_archives_make_one_set_and_a_leading_folder_goes(server, home):
    for name in ("a", "b"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as packed:
            packed.writestr(f"ml/{name}.csv", "x")
        server.files[f"{name}.zip"] = buffer.getvalue()
    sources = tuple(Source(server.url(f"{name}.zip"), strip=1) for name in ("a", "b"))
    card = dataclasses.replace(registry.card("movielens_latest_small"), sources=sources, bytes=10)
    folder = fetch.get("movielens_latest_small", home=home, known=card)
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "b.csv"]
