import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from data_samples import photo
from PIL import Image

from labcore.data.check import check
from labcore.errors import UserError


def words(report):
    return " ".join(problem.what for problem in report.problems)


def test_a_sound_folder(classes):
    report = check(classes)
    assert report.usable and report.task == "single_label" and report.fits == ("lr_finder", "fine_tune")
    assert report.classes == {"cat": 6, "dog": 4} and report.items == 10 and not report.problems
    assert "10 pictures of 2 classes" in report.text() and report.text().endswith("It can be used as it is.")


def test_what_is_wrong_is_named(classes):
    (classes / "cat" / "c0.png").write_bytes(b"")
    shutil.copy(classes / "cat" / "c1.png", classes / "dog" / "copy.png")
    shutil.copy(classes / "cat" / "c2.png", classes / "cat" / "copy2.png")
    photo(classes / "fox" / "f.png", 7)
    report = check(classes)
    assert report.usable
    for part in ("c0.png is empty", "stand under two labels", "there twice", "1 classes have a single picture (fox)"):
        assert part in words(report)


def test_what_stops_is_told_apart(tmp_path, classes):
    shutil.rmtree(classes / "dog")
    report = check(classes)
    assert not report.usable and "one class, cat" in words(report)
    (tmp_path / "empty").mkdir()
    report = check(tmp_path / "empty")
    assert not report.usable and report.task is None and "is empty" in words(report)
    assert "cannot be used" in report.text()
    for path in (classes / "cat").iterdir():
        path.write_bytes(b"x")
    assert "No picture can be used" in words(check(classes))
    for wrong in ("nowhere", "odd.bin"):
        (tmp_path / "odd.bin").write_bytes(b"\1")
        with pytest.raises(UserError):
            check(tmp_path / wrong)


def test_masks_are_opened(tmp_path):
    for number in range(4):
        photo(tmp_path / "images" / f"a{number}.png", number)
        values = np.zeros((30, 40), np.uint8)
        values[:15] = 1 if number != 3 else 9
        (tmp_path / "labels").mkdir(exist_ok=True)
        size = (40, 30) if number != 2 else (20, 15)
        Image.fromarray(values).resize(size).save(tmp_path / "labels" / f"a{number}_P.png")
    (tmp_path / "codes.txt").write_text("back\nthing\nnever\n")
    report = check(tmp_path)
    assert report.task == "masks" and report.classes == {"back": 1200, "thing": 1200, "never": 0}
    for part in ("its mask 20 x 15", "unknown code 9", "no mask shows: never"):
        assert part in words(report)


def test_points_outside_and_a_zip(tmp_path):
    for number in range(3):
        photo(tmp_path / "s" / f"{number}.png", number)
    (tmp_path / "s" / "p.csv").write_text("image,x,y\n0.png,1,1\n1.png,39,29\n2.png,50,1\n")
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as packed:
        for path in (tmp_path / "s").iterdir():
            packed.write(path, path.name)
    for path in (tmp_path / "s", tmp_path / "s.zip", tmp_path / "s" / "p.csv"):
        report = check(path)
        assert report.task == "points" and report.fits == ("head_pose",) and "2.png: the point" in words(report)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as packed:
        packed.writestr("../evil.png", b"x")
    with pytest.raises(UserError, match="leads out"):
        check(tmp_path / "evil.zip")


def test_ratings_that_teach_nothing(tmp_path):
    (tmp_path / "r.csv").write_text("user,item,rating\n" + "\n".join(f"{n},{n % 3},4" for n in range(9)))
    report = check(tmp_path / "r.csv")
    assert not report.usable and "All ratings are equal" in words(report) and "rated a single item" in words(report)


def test_a_split_that_leaks_is_minded(tmp_path):
    for number in range(6):
        photo(tmp_path / f"{number}.png", number)
    rows = [f"{n}.png,{'ab'[n % 2]},p{n % 3},{int(n > 3)}" for n in range(6)]
    (tmp_path / "t.csv").write_text("image,label,person,is_valid\n" + "\n".join(rows))
    assert "100% of the valid items come from a group" in words(check(tmp_path))


@pytest.mark.parametrize(
    ("name", "task", "fits", "items"),
    [
        ("camvid", "masks", ("segmentation",), 196),
        ("drivface", "points", ("head_pose",), 606),
        ("ml-latest-small", "ratings", ("collab",), 100_836),
        ("pets", "single_label", ("lr_finder", "fine_tune", "segmentation"), 370),
    ],
)
def test_the_shared_folders_are_recognised(shared, name, task, fits, items):
    report = check(shared / name)
    assert (report.task, report.fits, report.items) == (task, fits, items) and report.usable


def test_weights_and_a_folder_of_sets_are_told_apart(shared):
    assert "weights=" in words(check(shared / "weights"))
    report = check(shared)
    assert "4 data sets" in report.found and not report.usable


def test_checking_costs_no_torch(classes):
    code = f"import sys; from labcore.data.check import check; check({str(classes)!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
