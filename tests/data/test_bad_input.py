"""Every bad input that a person may bring, through the command that checks it: one clear sentence each."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from data_samples import photo
from PIL import Image

from labcore import cli
from labcore.errors import UserError

LONG = "ü" * 100


def classes(root: Path, *names: str) -> Path:
    """A folder per class of two pictures each."""
    for number, name in enumerate(names or ("cat", "dog")):
        for part in range(2):
            photo(root / name / f"{part}.png", 10 * number + part)
    return root


def masks(root: Path, sizes=((40, 30),) * 4, top: int = 1) -> Path:
    """Four pictures with masks of two classes."""
    for number, size in enumerate(sizes):
        photo(root / "images" / f"{number}.png", number)
        values = np.zeros((size[1], size[0]), np.uint8)
        values[: size[1] // 2] = top if number == 0 else 1
        (root / "labels").mkdir(exist_ok=True)
        Image.fromarray(values).save(root / "labels" / f"{number}_P.png")
    (root / "codes.txt").write_text("ground\nthing\n")
    return root


def table(root: Path, text: str | bytes, pictures: int = 4) -> Path:
    """A CSV beside some pictures."""
    for number in range(pictures):
        photo(root / f"{number}.png", number)
    (root / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    """A zip of some members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def linked(path: Path) -> Path:
    """A tar with a link to a file of the system."""
    with tarfile.open(path, "w:gz") as packed:
        info = tarfile.TarInfo("a/passwd")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(info)
    return path


def twice_in_masks(root: Path) -> Path:
    """Two folders of pictures with equal names, and one mask that could be either's."""
    for part in "ab":
        photo(root / "images" / part / "1.png", ord(part))
    photo(root / "images" / "2.png", 2)
    (root / "labels").mkdir()
    for name in ("1_P.png", "2_P.png"):
        Image.fromarray(np.zeros((30, 40), np.uint8)).save(root / "labels" / name)
    (root / "codes.txt").write_text("ground\n")
    return root


def looped(root: Path) -> Path:
    """A set with links that lead back into it, to themselves and to nothing."""
    classes(root)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "cat" / "self.png").symlink_to(root / "cat" / "self.png")
    (root / "cat" / "dead.png").symlink_to(root / "nowhere.png")
    return root


def alone(root: Path) -> Path:
    """A single picture."""
    photo(root / "cat" / "1.png", 1)
    return root


def unreadable(root: Path) -> Path:
    """A file that ends too early, one that is none, an empty one."""
    classes(root)
    whole = photo(root / "cat" / "cut.jpg", 5, (200, 200)).read_bytes()
    (root / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "none.png").write_text("no picture")
    (root / "dog" / "zero.png").write_bytes(b"")
    return root


def strange_names(root: Path) -> Path:
    """Names in other scripts, of 200 bytes and more, and with what shells and browsers read into."""
    return classes(root, f"猫 {LONG}", "<b>dog & 'co'; $(ls)")


IN_TABLE = "image_name,label\n0.png,a\n1.png,a\n2.png,b\n3.png,b\n"
POINTS = "image_name,x,y\n0.png,5,5\n1.png,6,6\n2.png,7,7\n3.png,{}\n"
RATINGS = "user,item,rating\n1,a,3\n1,b,4\n2,a,{}\n2,b,2\n"

CASES: dict[str, tuple[Callable[[Path], Path], int, str]] = {
    "equal names in two class folders": (lambda p: classes(p), 0, "4 pictures of 2 classes"),
    "a name in a table that fits two pictures": (
        lambda p: table(classes(p), "image_name,label\n0.png,a\n1.png,b\n", 0), 1, "fits cat/0.png and dog/0.png",
    ),
    "a mask that fits two pictures": (twice_in_masks, 1, "fits images/a/1.png and images/b/1.png"),
    "a row that stands twice": (lambda p: table(p, IN_TABLE + "0.png,b\n"), 0, "0.png stands twice in t.csv"),
    "a mask of another size": (
        lambda p: masks(p, ((40, 30), (20, 15), (40, 30), (40, 30))), 0, "is 40 x 30 pixels and its mask 20 x 15",
    ),
    "a mask with an unknown code": (lambda p: masks(p, top=7), 0, "unknown code 7; add it to the codes"),
    "a point outside its picture": (
        lambda p: table(p, POINTS.format("90,5")), 0, "the point point (90, 5) lies outside its 40 x 30 picture",
    ),
    "a point that is no number": (lambda p: table(p, POINTS.format("5,left")), 0, "3.png has no number for the point"),
    "a label in valid that is never taught": (
        lambda p: table(p, "image_name,label,is_valid\n0.png,a,0\n1.png,b,0\n2.png,a,1\n3.png,c,1\n"), 0,
        "c is in valid but never in train",
    ),
    "semicolons": (lambda p: table(p, IN_TABLE.replace(",", ";")), 0, "4 pictures of 2 classes"),
    "tabs": (lambda p: table(p, IN_TABLE.replace(",", "\t")), 0, "4 pictures of 2 classes"),
    "latin-1": (lambda p: table(p, IN_TABLE.replace(",b", ",Kätzchen").encode("latin-1")), 0, "Kätzchen 2"),
    "a missing column": (
        lambda p: table(p, "image_name\n0.png\n1.png\n"), 1, "t.csv has no columns that are known (image_name)",
    ),
    "columns that nobody asked for": (
        lambda p: table(p, IN_TABLE.replace("\n", ",7,z\n").replace("label,7,z", "label,width,note")), 0,
        "4 pictures of 2 classes",
    ),
    "a line with too many columns": (lambda p: table(p, IN_TABLE + "0.png,a,b,c\n"), 1, "is no proper table"),
    "a table that is no text": (lambda p: table(p, b"\x00\x01\x02,\x00"), 1, "is no text table"),
    "an empty table": (lambda p: table(p, b""), 1, "t.csv is empty"),
    "ratings that are no numbers": (lambda p: table(p, RATINGS.format("NaN"), 0), 0, "1 rows of t.csv lack"),
    "ratings without any number": (
        lambda p: table(p, "user,item,rating\n1,a,x\n2,b,y\n", 0), 1, "holds no usable rating",
    ),
    "unicode and very long names": (strange_names, 0, "4 pictures of 2 classes"),
    "loops of links": (looped, 0, "4 pictures of 2 classes"),
    "damaged files": (unreadable, 0, "cut.jpg is cut off"),
    "nothing at all": (lambda p: p, 1, "is empty: it holds neither pictures nor tables"),
    "one picture": (alone, 1, "a single usable item"),
    "one class": (lambda p: classes(p, "cat"), 1, "All pictures are of one class, cat"),
    "a zip that leads out": (lambda p: zipped(p / "a.zip", {"../../evil.png": b"x"}), 2, "leads out of its folder"),
    "a zip with an absolute path": (lambda p: zipped(p / "a.zip", {"/tmp/e.png": b"x"}), 2, "leads out of its folder"),
    "a bomb": (lambda p: zipped(p / "a.zip", {"zeros.csv": bytes(40_000_000)}), 2, "looks like a bomb"),
    "a link in a tar": (lambda p: linked(p / "a.tgz"), 2, "holds the link"),
    "what is not there": (lambda p: p / "nowhere", 2, "There is nothing at"),
    "a file of another kind": (
        lambda p: (p / "a.bin").write_bytes(b"\1\2") and p / "a.bin", 2, "is neither a folder nor a zip nor a CSV",
    ),
}  # fmt: skip


@pytest.fixture
def asked(tmp_path) -> Path:
    """The folder that a case is made in."""
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


@pytest.mark.parametrize("case", CASES)
def test_the_check_says_it_in_one_sentence(asked, tmp_path, home, case):
    make, code, words = CASES[case]
    path = make(asked)
    answer = CliRunner().invoke(cli.cli, ["data", "check", str(path)])
    said = answer.output
    if code == 2:  # main() writes a UserError to stderr and leaves with 2 (see tests/test_cli.py)
        assert isinstance(answer.exception, UserError), answer.exception
        said = str(answer.exception)
        assert "\n" not in said
    else:
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        assert answer.exit_code == code, said
    line = next((line for line in said.splitlines() if words in line), None)
    assert line is not None, said
    assert "Traceback" not in said and line.rstrip().endswith((".", "!"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"], "nothing is left beside what was checked"
