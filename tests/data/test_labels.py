import numpy as np
import pytest
from data_samples import picture

from labcore.data import labels
from labcore.data.files import files, pictures, walk
from labcore.errors import UserError


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_tables_of_any_separator_and_encoding(tmp_path, mark, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes(f"image_name{mark}label\nä.jpg{mark}Dünkel\n".encode(encoding))
    table = labels.read_table(path)
    assert table.columns.tolist() == ["image_name", "label"]
    assert table.iloc[0].tolist() == ["ä.jpg", "Dünkel"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\x00\x01a,b", "no text table"),
        (b'a,b\n1,2\n"3,4\n', "no proper table"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=words):
        labels.read_table(tmp_path / "t.csv")
    with pytest.raises(UserError, match="missing"):
        labels.read_table(tmp_path / "absent.csv")


def test_file_names_carry_labels():
    assert labels.from_pattern(["a/great_pyrenees_173.jpg", "x.jpg"], r"^(.+)_\d+\.") == ["great_pyrenees", None]
    for pattern, words in (("(", "no regular expression"), ("abc", "no group")):
        with pytest.raises(UserError, match=words):
            labels.from_pattern(["a"], pattern)


def test_several_labels_in_a_cell():
    assert labels.split_tags("haze primary ") == ["haze", "primary"]
    assert labels.split_tags("tv monitor; cat") == ["tv monitor", "cat"]
    assert labels.split_tags(float("nan")) == [] and labels.split_tags("") == []
    codes, classes = labels.encode_many([["b", "a", "b"], []])
    assert codes == [(0, 1), ()] and classes == ("a", "b")
    with pytest.raises(UserError, match="'z'"):
        labels.encode(["z"], ["a"])


def test_equal_names_in_two_folders_stay_apart():
    assert labels.unique_items(["a/1.jpg", "b/1.jpg", "b/2.jpg"]) == ["a/1.jpg", "b/1.jpg", "2.jpg"]


def test_codes(tmp_path):
    (tmp_path / "codes.txt").write_text("Sky\nRoad\n\nVoid\n")
    classes = labels.read_codes(tmp_path / "codes.txt")
    assert classes == ("Sky", "Road", "Void") and labels.void_class(classes) == 2
    assert labels.code_table({3: 1})[[3, 4]].tolist() == [1, labels.UNKNOWN_CODE]
    (tmp_path / "empty.txt").write_text("\n")
    for name in ("empty.txt", "none.txt"):
        with pytest.raises(UserError):
            labels.read_codes(tmp_path / name)


def test_walk_survives_loops_and_odd_names(tmp_path):
    root = tmp_path / "set"
    picture(root / "a.png")
    picture(root / "日本 ü" / ("n" * 200 + ".png"))
    picture(root / ".hidden" / "h.png")
    picture(root / "__MACOSX" / "m.png")
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "self.png").symlink_to(root / "self.png")
    (root / "dead.png").symlink_to(root / "nowhere.png")
    assert pictures(root) == ["a.png", "日本 ü/" + "n" * 200 + ".png"]
    assert [file.path for file in files(root)] == sorted(file.path for file in walk(root))


def test_marks_in_a_table_are_read_in_any_spelling():
    import pandas as pd

    assert labels.flags(pd.Series([True, "1", "yes", 0, np.nan, "False"])).tolist() == [True] * 3 + [False] * 3
