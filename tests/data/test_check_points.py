"""What is doubtful about points: nobody named, one frame of somebody, angles that some pictures lack."""

import numpy as np
import pandas as pd
import pytest
from data_samples import photo

from labcore.data import block, own
from labcore.data.check import check
from labcore.data.check_points import doubts, single_frames
from labcore.data.real import points_csv
from labcore.errors import UserError
from labcore.specs import DatasetSpec


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def points_set(root, lines):
    for number in range(4):
        photo(root / f"{number}.png", number, (40, 30))
    write(root / "points.csv", "\n".join(lines))
    return root


def test_persons_with_one_frame_are_named_and_counted():
    assert single_frames(["a", "a", "b", "b"]) == ""
    assert "One frame only of c:" in single_frames(["a", "a", "c"])
    assert "a, b, c and 2 more" in single_frames(list("abcde"))


def test_sentences_of_a_table():
    assert "Nothing says who" in doubts(pd.DataFrame({"item": ["1", "2"]}))[0]
    table = pd.DataFrame({"group": ["a", "a", "b"], "yaw": [1.0, np.nan, 3.0], "roll": [1.0, 2.0, 3.0]})
    lonely, mixed = doubts(table)
    assert "of b" in lonely and "1 of 3 pictures have points and no yaw" in mixed


def test_the_command_says_so_too(tmp_path):
    found = check(points_set(tmp_path, ["name,x,y", "0.png,3,4", "1.png,5,6", "2.png,7,8", "3.png,99,1"]))
    words = found.text()
    assert found.usable and "Nothing says who" in words and "lies outside its 40 x 30 picture" in words


def test_angles_are_carried_beside_points(tmp_path):
    lines = [
        "name,driver,yaw_deg,Pitch,x,y",
        "0.png,1,-30,2,3,4",
        "1.png,1,15,,5,6",
        "2.png,,0,1,7,8",
        "3.png,2,5,1,9,9",
    ]
    index = points_csv.load_index(points_set(tmp_path, lines))
    assert index.classes == ("point",) and index.table["group"].tolist() == ["1", "1", "2"]
    assert index.table["yaw"].tolist() == [-30, 15, 5] and np.isnan(index.table["pitch"].iloc[1])
    assert index.left_out == ("2.png has no driver in points.csv; it was left out.",)


def test_a_missing_calibration_is_said_with_the_way_out(tmp_path):
    for person in ("01", "02"):
        photo(tmp_path / person / "frame_00003_rgb.jpg", 0, (64, 48))
        write(tmp_path / person / "frame_00003_pose.txt", "1 0 0\n0 1 0\n0 0 1\n\n10 20 900\n")
    for load in (own.load_index, lambda root: block.index_of(DatasetSpec(name="biwi", root=str(root)))):
        with pytest.raises(UserError, match=r"calibration .*rgb.cal is missing.*Copy it") as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)
