import zipfile

import numpy as np
import pandas as pd
import pytest
from data_samples import photo
from PIL import Image

from labcore.data import own, uploads
from labcore.data.archives import UPLOAD_BYTES
from labcore.errors import UserError


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


def test_class_folders_below_train_valid_and_test(tmp_path):
    for part in ("train", "valid", "test"):
        for number, name in enumerate(("cat", "dog")):
            photo(tmp_path / part / name / "1.png", number)
    photo(tmp_path / "train" / "stray.png", 9)
    (tmp_path / "train" / "fox").mkdir()
    index = own.load_index(tmp_path)
    assert index.classes == ("cat", "dog") and index.table["label"].tolist() == [0, 1] * 3
    assert index.table["is_valid"].sum() == 2 and index.table["is_test"].sum() == 2
    assert index.table["item"].is_unique
    assert any("1 pictures lie beside" in note for note in index.notes)


def test_folders_without_pictures_give_no_class(classes):
    (classes / "fox").mkdir()
    index = own.load_index(classes)
    assert index.classes == ("cat", "dog") and any("fox" in note for note in index.notes)


def test_a_wrapped_folder_is_unwrapped(classes, tmp_path):
    outer = tmp_path / "outer" / "inner"
    outer.parent.mkdir()
    classes.rename(outer)
    (outer.parent / "__MACOSX").mkdir()
    assert own.load_index(outer.parent).classes == ("cat", "dog")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_of_labels(tmp_path, mark):
    for number in range(4):
        photo(tmp_path / "pics" / f"{number}.png", number)
    rows = [("Filename", "Class", "is_valid"), ("0.png", "kött", "1"), ("1.png", "fisch", "0"), ("2", "fisch", "0")]
    rows += [("9.png", "fisch", "0"), ("0.png", "fisch", "0"), ("3.png", "", "0")]
    (tmp_path / "t.csv").write_bytes("\n".join(mark.join(row) for row in rows).encode("latin-1"))
    index = own.load_index(tmp_path)
    assert index.task == "single_label" and index.classes == ("fisch", "kött")
    assert index.table["item"].tolist() == ["0.png", "1.png", "2.png"]
    assert index.table["is_valid"].tolist() == [True, False, False]
    text = " ".join(index.left_out)
    assert "9.png is in t.csv and its picture is missing" in text
    assert "0.png stands twice" in text and "3.png has no label" in text


def test_a_name_that_fits_two_pictures_is_said(tmp_path):
    photo(tmp_path / "a" / "1.png", 1)
    photo(tmp_path / "b" / "1.png", 2)
    write(tmp_path / "t.csv", "image_name,label", "1.png,x")
    with pytest.raises(UserError, match=r"fits a/1\.png and b/1\.png"):
        own.load_index(tmp_path)
    write(tmp_path / "t.csv", "image_name,label", "a/1.png,x", "b/1.png,y")
    assert own.load_index(tmp_path).table["path"].tolist() == ["a/1.png", "b/1.png"]


def test_a_mask_of_the_same_name_is_not_the_picture(tmp_path):
    for number in range(2):
        photo(tmp_path / "pics" / f"{number}.jpg", number)
        photo(tmp_path / "annotations" / "masks" / f"{number}.png", number)
    write(tmp_path / "t.csv", "image_name,label", "0,x", "1,y")
    assert own.load_index(tmp_path).table["path"].tolist() == ["pics/0.jpg", "pics/1.jpg"]


def test_ratings_in_parquet(tmp_path):
    pd.DataFrame({"user_id": ["a", "b"], "item_id": [3, 3], "score": [1.0, 2.0]}).to_parquet(tmp_path / "r.parquet")
    index = own.load_index(tmp_path)
    assert index.table["rating"].tolist() == [1, 2] and index.extra["users"].tolist() == ["a", "b"]


def test_pictures_with_masks(tmp_path):
    for number in range(3):
        photo(tmp_path / "images" / f"v1_{number}.png", number)
        (tmp_path / "masks").mkdir(exist_ok=True)
        if number < 2:
            Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "masks" / f"v1_{number}_mask.png")
    with pytest.raises(UserError, match=r"no codes\.txt"):
        own.load_index(tmp_path)
    write(tmp_path / "codes.txt", "back", "thing", "void")
    index = own.load_index(tmp_path)
    assert index.task == "masks" and index.void == 2 and len(index) == 2
    assert "v1_2.png has no mask" in index.left_out[0]


def test_points_with_boxes_and_persons(tmp_path):
    for number in range(4):
        photo(tmp_path / "images" / f"{number}.png", number)
    write(
        tmp_path / "p.csv",
        "img,person,xF,yF,wF,hF,nose_x,nose_y",
        *(f"{n}.png,p{n // 2},1,2,9,9,{n},5" for n in range(4)),
    )
    index = own.load_index(tmp_path)
    assert index.task == "points" and index.classes == ("nose",)
    assert index.points[:, 0].tolist() == [[0, 5], [1, 5], [2, 5], [3, 5]]
    assert index.table["group"].tolist() == ["p0", "p0", "p1", "p1"]


def test_ratings_of_any_column_name(tmp_path):
    write(tmp_path / "r.csv", "User ID;Book;Stars", "7;A;5", "7;B;3", "9;A;1.5", "9;B;", "7;A;4", ";A;2")
    index = own.load_index(tmp_path)
    assert index.task == "ratings" and index.classes == ("A", "B")
    assert index.table[["user", "movie", "rating"]].to_numpy().tolist() == [[0, 1, 3], [1, 0, 1.5], [0, 0, 4]]
    assert "2 rows of r.csv lack" in index.left_out[0] and "1 ratings of r.csv were given anew" in index.left_out[1]
    assert all(array.dtype != object for array in index.extra.values())


def test_labels_in_file_names(tmp_path):
    for name in ("red_fox_1", "red_fox_2", "owl_1", "owl_2"):
        photo(tmp_path / f"{name}.png", len(name))
    assert own.load_index(tmp_path).classes == ("owl", "red_fox")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "is empty"),
        ({"1.png": None, "2.png": None}, "nothing that labels them"),
        ({"net.safetensors": b"x"}, "model weights"),
        ({"t.csv": b"a,b\n1,2\n"}, "no columns that are known"),
        ({"notes.md": b"x"}, "is empty"),
    ],
)
def test_what_is_no_data_set_is_said(tmp_path, files, words):
    for name, content in files.items():
        if content is None:
            photo(tmp_path / name, 0)
        else:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        own.load_index(tmp_path)


def test_a_task_that_is_not_there_is_said(classes):
    with pytest.raises(UserError, match="no points targets"):
        own.load_index(classes, "points")


def test_uploads_are_kept_once_and_checked(classes, tmp_path, home):
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as packed:
        for path in classes.rglob("*.png"):
            packed.write(path, f"mine/{path.relative_to(classes)}")
    content = (tmp_path / "up.zip").read_bytes()
    folder = uploads.receive("up.zip", content, home)
    assert folder.is_relative_to(home / "uploads") and uploads.receive("x.zip", content, home) == folder
    assert own.load_index(folder).classes == ("cat", "dog")
    table = uploads.receive("../../r.csv", b"user,item,rating\n1,2,3\n1,3,4\n", home)
    assert own.load_index(table).task == "ratings" and table.is_relative_to(home / "uploads")
    for name, bad, words in (
        ("a.exe", b"MZ", "no zip and no CSV"),
        ("a.zip", b"", "is empty"),
        ("a.zip", b"0" * (UPLOAD_BYTES + 1), "at most 200 MB"),
    ):
        with pytest.raises(UserError, match=words):
            uploads.receive(name, bad, home)
    assert not [path for path in (home / "uploads").iterdir() if path.name.startswith(".")]
