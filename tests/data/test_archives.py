import io
import stat
import tarfile
import zipfile

import pytest

from labcore.data import archives
from labcore.data.archives import Limits
from labcore.errors import UserError

SMALL = Limits(members=10, bytes=50_000_000, ratio=200)


def zipped(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content, **options)
    return path


def tarred(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as packed:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def nothing_left(folder):
    return not folder.exists() and not [path for path in folder.parent.iterdir() if path.name.startswith(".unpack")]


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
def test_regular_files_arrive_and_leading_folders_are_dropped(tmp_path, kind):
    members = [
        ("set/images/a 日本.txt", b"one"),
        ("set/b.csv", b"two"),
        ("set/images/._a.txt", b"x"),
        ("__MACOSX/c", b"x"),
    ]
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        zipped(path, members)
    else:
        tarred(path, members, "w:" + kind.replace("tar", ""))
    seen = []
    assert archives.unpack(path, tmp_path / "out", SMALL, strip=1, progress=seen.append) == 2
    found = {str(file.relative_to(tmp_path / "out")): file.read_bytes() for file in (tmp_path / "out").rglob("*.*")}
    assert found == {"images/a 日本.txt": b"one", "b.csv": b"two"} and seen[-1] == 6


@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/tmp/evil.txt", "..\\evil.txt", "C:/evil.txt", "C:\\x"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_that_lead_out_are_refused_and_nothing_stays(tmp_path, name, kind):
    members = [("fine.txt", b"fine"), (name, b"evil")]
    path = zipped(tmp_path / "a.zip", members) if kind == "zip" else tarred(tmp_path / "a.tar.gz", members)
    with pytest.raises(UserError, match="leads out of its folder"):
        archives.unpack(path, tmp_path / "deep" / "out", SMALL)
    assert nothing_left(tmp_path / "deep" / "out") and not list(tmp_path.rglob("evil.txt"))


def test_links_and_devices_are_refused(tmp_path):
    for member in (link("l", "/etc/passwd"), link("l", "b", tarfile.LNKTYPE), link("pipe", "", tarfile.FIFOTYPE)):
        path = tarred(tmp_path / "a.tar.gz", [("b", b"x"), (member, b"")])
        with pytest.raises(UserError, match=r"holds the (link|device)"):
            archives.unpack(path, tmp_path / "out", SMALL)
        assert nothing_left(tmp_path / "out")
    info = zipfile.ZipInfo("l")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="holds the link"):
        archives.unpack(tmp_path / "a.zip", tmp_path / "out", SMALL)


def test_bombs_are_stopped_while_they_swell(tmp_path):
    bomb = zipped(tmp_path / "bomb.zip", [("zeros", b"\0" * 20_000_000)])
    with pytest.raises(UserError, match="looks like a bomb"):
        archives.unpack(bomb, tmp_path / "out", SMALL)
    with pytest.raises(UserError, match=r"more than 0\.001 GB"):
        archives.unpack(bomb, tmp_path / "out", Limits(members=10, bytes=1_000_000, ratio=1e9))
    many = zipped(tmp_path / "many.zip", [(f"{number}.txt", b"") for number in range(11)])
    with pytest.raises(UserError, match="more than 10 files"):
        archives.unpack(many, tmp_path / "out", SMALL)
    assert nothing_left(tmp_path / "out")


def test_a_declared_size_is_not_believed(tmp_path):
    """The directory says 10 bytes; the data is 20 MB of zeros."""
    path = zipped(tmp_path / "lie.zip", [("zeros", b"\0" * 20_000_000)])
    raw = path.read_bytes()
    true, lie = (20_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    path.write_bytes(raw.replace(true, lie))
    with pytest.raises(UserError):
        archives.unpack(path, tmp_path / "out", SMALL)
    assert nothing_left(tmp_path / "out")


def test_damaged_foreign_and_empty_archives_are_said(tmp_path):
    whole = zipped(tmp_path / "a.zip", [("a.txt", bytes(range(256)) * 50)]).read_bytes()
    (tmp_path / "flipped.zip").write_bytes(whole[:60] + bytes([whole[60] ^ 255]) + whole[61:])
    packed = tarred(tmp_path / "a.tar.gz", [("a.txt", bytes(range(256)) * 500)]).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(packed[: len(packed) - 20])
    (tmp_path / "text.zip").write_text("no archive")
    zipped(tmp_path / "none.zip", [])
    twice = tarred(tmp_path / "twice.tar.gz", [("a", b"1"), ("a", b"2")])
    long = zipped(tmp_path / "long.zip", [("n" * 300, b"x")])
    for path, words in (
        (tmp_path / "flipped.zip", "damaged"),
        (tmp_path / "cut.tar.gz", "damaged"),
        (tmp_path / "text.zip", "no zip and no tar"),
        (tmp_path / "none.zip", "no files"),
        (twice, "twice"),
        (long, "255 bytes"),
    ):
        with pytest.raises(UserError, match=words):
            archives.unpack(path, tmp_path / "out", SMALL)
        assert nothing_left(tmp_path / "out")
    assert archives.is_archive(twice) and not archives.is_archive(tmp_path / "text.zip")


def test_an_encrypted_zip_asks_for_none(tmp_path):
    path = zipped(tmp_path / "a.zip", [("a.txt", b"secret")])
    raw = bytearray(path.read_bytes())
    raw[6] |= 1  # the flag of the local header, and of the directory below
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(UserError, match="without a password"):
        archives.unpack(path, tmp_path / "out", SMALL)


def test_a_second_archive_is_added(tmp_path):
    zipped(tmp_path / "a.zip", [("x/a.txt", b"1")])
    zipped(tmp_path / "b.zip", [("x/b.txt", b"2")])
    for name in ("a.zip", "b.zip"):
        archives.unpack(tmp_path / name, tmp_path / "out", SMALL)
    assert sorted(path.name for path in (tmp_path / "out" / "x").iterdir()) == ["a.txt", "b.txt"]
