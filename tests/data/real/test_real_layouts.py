"""Each real set's own layout, small and made here; the true folders where they lie beside the repository."""

import numpy as np
import pandas as pd
import pytest
from data_samples import photo, picture
from PIL import Image

from labcore.data import block
from labcore.data.real import biwi, camvid, movielens_100k, movielens_latest_small, pets, planet, points_csv, voc2007
from labcore.errors import UserError
from labcore.specs import DatasetSpec


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def grey(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


def load(name, root, size=16, **options):
    return block.load(DatasetSpec(name=name, root=str(root)), size, **options)


# pets


@pytest.mark.parametrize("under", ["images/", ""])
def test_pets_by_file_name(tmp_path, home, under):
    for name in ("great_pyrenees_173", "great_pyrenees_2", "Bombay_11", "Bombay_3"):
        picture(tmp_path / f"{under}{name}.jpg")
    picture(tmp_path / f"{under}nonumber.jpg")
    (tmp_path / f"{under}Abyssinian_100.mat").write_bytes(b"x")
    items = load("pets", tmp_path)
    assert items.classes == ("Bombay", "great_pyrenees") and len(items) == 4
    assert "nonumber.jpg is not named like" in items.left_out[0]


def test_trimaps_and_two_code_masks_agree(tmp_path, home):
    picture(tmp_path / "images" / "Bombay_1.jpg", size=(4, 2))
    picture(tmp_path / "images" / "Pug_1.jpg", size=(4, 2))
    for name in ("Bombay_1", "Pug_1"):
        grey(tmp_path / "annotations" / "trimaps" / f"{name}.png", [[2, 3, 1, 1], [2, 2, 3, 1]])
    items = load("pets", tmp_path, (16, 32), task="masks")
    assert items.classes == ("background", "pet", "border") and items.void == 2
    assert items.masks[0, ::8, ::8].tolist() == [[0, 2, 1, 1], [0, 0, 2, 1]]
    assert pets.TWO_CODES[[0, 1]].tolist() == [0, 1]
    with pytest.raises(UserError, match="only single label"):
        load("pets", tmp_path, task="points")


def test_pets_that_are_none(tmp_path):
    with pytest.raises(UserError, match="no pictures"):
        pets.load_index(tmp_path)
    picture(tmp_path / "images" / "x.jpg")
    with pytest.raises(UserError, match="no breed can be read"):
        pets.load_index(tmp_path)


def test_the_true_pets(shared, home):
    items = load("pets", shared / "pets", 32)
    assert len(items) == 370 and len(items.classes) == 37 and not items.left_out
    made = block.split(items, DatasetSpec(name="pets", root=str(shared / "pets")))
    assert np.bincount(items.table["label"].iloc[made.valid]).tolist() == [2] * 37
    masks = load("pets", shared / "pets", 32, task="masks")
    middle = masks.masks[:, 12:20, 12:20]
    assert (middle == 1).mean() > 0.6 > (masks.masks[:, 0] == 1).mean()


# camvid


def camvid_folder(root, codes):
    for number in range(4):
        photo(root / "images" / f"0001TP_{number:06d}.png", number)
        grey(root / "labels" / f"0001TP_{number:06d}_P.png", np.full((30, 40), number % codes))
    write(root / "codes.txt", "\n".join(["Sky", *(f"c{code}" for code in range(1, codes - 1)), "Void"]))
    write(root / "valid.txt", "0001TP_000001.png\n0001TP_999999.png\n")
    return root


@pytest.mark.parametrize("codes", [12, 32])
def test_camvid_with_12_and_32_codes(tmp_path, home, codes):
    root = camvid_folder(tmp_path, codes)
    write(root / "test.txt", "0001TP_000003.png\n")
    items = load("camvid", root, (15, 20))
    assert len(items.classes) == codes and items.void == codes - 1
    assert [int(mask.max()) for mask in items.masks] == [0, 1, 2, 3]
    made = block.split(items, DatasetSpec(name="camvid", root=str(root)))
    assert (made.train.tolist(), made.valid.tolist(), made.test.tolist()) == ([0, 2], [1], [3])
    assert "names 1 pictures that are not there" in camvid.load_index(root).notes[0]


def test_camvid_with_faults(tmp_path, home):
    root = camvid_folder(tmp_path, 12)
    grey(root / "labels" / "0001TP_000000_P.png", np.full((30, 40), 12))
    grey(root / "labels" / "0001TP_000002_P.png", np.zeros((15, 20)))
    (root / "labels" / "0001TP_000003_P.png").unlink()
    picture(root / "images" / "0001TP_000004.png")
    grey(root / "labels" / "0001TP_000004_P.png", np.zeros((30, 40)))
    items = load("camvid", root)
    assert items.table["item"].tolist() == ["0001TP_000001.png", "0001TP_000004.png"]
    for part in ("unknown code 12", "its mask 20 x 15", "has no mask in labels"):
        assert any(part in sentence for sentence in items.left_out)
    (root / "codes.txt").unlink()
    with pytest.raises(UserError, match=r"codes\.txt is missing"):
        load("camvid", root)


def test_the_true_camvid(shared, home):
    items = load("camvid", shared / "camvid", (90, 120))
    assert items.masks.shape == (196, 90, 120) and items.classes[items.void] == "Void"
    made = block.split(items, DatasetSpec(name="camvid", root=str(shared / "camvid")))
    assert (len(made.train), len(made.valid), len(made.test)) == (123, 34, 39)
    road = items.masks[:, -20:] == items.classes.index("Road")
    assert road.mean() > 0.4 and (items.masks[:, :10] == items.classes.index("Road")).mean() < 0.01


# VOC


def annotation(objects):
    things = "".join(f"<object><name>{name}</name><difficult>{hard}</difficult></object>" for name, hard in objects)
    return f"<annotation><size><width>40</width></size>{things}</annotation>"


def test_vocdevkit(tmp_path, home):
    base = tmp_path / "VOCdevkit" / "VOC2007"
    things = [[("dog", 0), ("person", 0), ("dog", 0)], [("cat", 1)], [("cat", 0)], [("ufo", 0)]]
    for number, objects in enumerate(things):
        photo(base / "JPEGImages" / f"00000{number}.jpg", number)
        write(base / "Annotations" / f"00000{number}.xml", annotation(objects))
    photo(base / "JPEGImages" / "000009.jpg", 9)
    write(base / "Annotations" / "000009.xml", '<!DOCTYPE x [<!ENTITY a "b">]><annotation/>')
    write(base / "ImageSets" / "Main" / "val.txt", "000002\n")
    items = load("voc2007", tmp_path)
    named = [tuple(items.classes[code] for code in codes) for codes in items.table["labels"]]
    assert named == [("dog", "person"), (), ("cat",)] and len(items.classes) == 20
    assert items.table["is_valid"].tolist() == [False, False, True]
    assert any("'ufo' is none" in sentence for sentence in items.left_out)
    assert any("entities" in sentence for sentence in items.left_out)
    with pytest.raises(UserError, match="no masks"):
        load("voc2007", tmp_path, task="masks")
    values = np.zeros((30, 40))
    values[:15], values[15:20] = 12, 255
    for number in range(2):
        grey(base / "SegmentationClass" / f"00000{number}.png", values)
    masks = load("voc2007", tmp_path, (30, 40), task="masks")
    assert [masks.classes[code] for code in np.unique(masks.masks)] == ["background", "dog", "void"]
    assert masks.void == 21


def test_voc_as_fastai_packs_it(tmp_path, home):
    for name in ("train/a.jpg", "train/b.jpg", "test/c.jpg"):
        photo(tmp_path / name, len(name))
    write(tmp_path / "train.csv", "fname,labels,is_valid\na.jpg,chair sofa,True\nb.jpg,dog,False\n")
    write(tmp_path / "test.csv", "fname,labels\nc.jpg,cat\n")
    index = voc2007.load_index(tmp_path)
    assert [[index.classes[c] for c in codes] for codes in index.table["labels"]] == [
        ["chair", "sofa"],
        ["dog"],
        ["cat"],
    ]
    assert index.table["is_valid"].tolist() == [True, False, False]
    assert index.table["is_test"].tolist() == [False, False, True]
    write(tmp_path / "train.csv", "name,labels\na.jpg,chair\n")
    (tmp_path / "test.csv").unlink()
    with pytest.raises(UserError, match="no column fname"):
        voc2007.load_index(tmp_path)


# planet


@pytest.mark.parametrize(("table", "folder"), [("labels.csv", "train"), ("train_v2.csv", "train-jpg")])
def test_planet(tmp_path, home, table, folder):
    for number in range(3):
        photo(tmp_path / folder / f"train_{number}.jpg", number)
    rows = ["image_name,tags", "train_0,haze primary", "train_1,clear primary water", "train_2,clear", "train_9,clear"]
    write(tmp_path / table, "\n".join(rows))
    items = load("planet", tmp_path)
    assert items.classes == ("clear", "haze", "primary", "water") and items.task == "multi_label"
    assert items.table["labels"].tolist() == [(1, 2), (0, 2, 3), (0,)]
    assert "train_9 is in" in items.left_out[0]
    write(tmp_path / table, "image_name,labels\ntrain_0,x")
    with pytest.raises(UserError, match="no column tags"):
        planet.load_index(tmp_path)


# points


def pose(path, rotation, place):
    lines = [" ".join(f"{value:.6f}" for value in row) for row in rotation]
    write(path, "\n".join([*lines, "", " ".join(f"{value:.4f}" for value in place)]) + "\n")


def test_biwi_points_are_projected(tmp_path, home):
    camera = "517.679 0 320\n0 517.679 240.5\n0 0 1\n\n0 0 0\n\n1 0 0\n0 1 0\n0 0 1\n\n0 0 0\n\n640 480\n"
    turn = np.radians(30)
    yawed = np.asarray([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    for person in ("01", "13"):
        write(tmp_path / person / "rgb.cal", camera)
        for frame in (3, 4):
            photo(tmp_path / person / f"frame_{frame:05d}_rgb.jpg", frame, (640, 480))
            pose(tmp_path / person / f"frame_{frame:05d}_pose.txt", yawed, (100.0, -50.0, 1000.0))
    write(tmp_path / "01" / "frame_00004_pose.txt", "1 2 3")
    items = load("biwi", tmp_path, (48, 64))
    assert items.table["item"].tolist() == [
        "01/frame_00003_rgb.jpg",
        "13/frame_00003_rgb.jpg",
        "13/frame_00004_rgb.jpg",
    ]
    # 517.679 * 100 / 1000 + 320 = 371.7679 and 517.679 * -50 / 1000 + 240.5 = 214.61605, then a tenth of the size.
    assert np.allclose(items.points[0, 0], [37.17679, 21.461605], atol=1e-4)
    assert np.isclose(items.table["yaw"].iloc[0], 30, atol=1e-3)
    assert np.allclose(items.table[["pitch", "roll"]], 0, atol=1e-3)
    made = block.split(items, DatasetSpec(name="biwi", root=str(tmp_path)))
    assert made.valid.tolist() == [1, 2] and "Person 13" in made.how
    assert "has no readable pose" in items.left_out[0]
    (tmp_path / "13" / "rgb.cal").write_text("1 2\n")
    with pytest.raises(UserError, match="3 x 3"):
        biwi.load_index(tmp_path)


def test_the_true_drivface(shared, home):
    for name in ("biwi", "own"):
        items = load(name, shared / "drivface", (60, 80))
        assert items.points.shape == (606, 5, 2) and sorted(items.table["group"].unique()) == ["1", "2", "3", "4"]
    # First row of the table: the nose at 176.5, 127 in 320 x 240.
    assert np.allclose(items.points[0, items.classes.index("N")], [176.5 / 4, 127 / 4], atol=1e-3)
    spec = DatasetSpec(name="own", root=str(shared / "drivface"), hold_out="4")
    made = block.split(items, spec)
    assert len(made.valid) == 90 and set(items.table["group"].iloc[made.valid]) == {"4"}


def test_point_columns_of_many_spellings():
    found = points_csv.point_columns(["name", "x_eye", "y_eye", "mouth_x", "mouth_y", "x", "y", "xmin", "ymax", "year"])
    assert [(x, y) for _, x, y in found] == [("x_eye", "y_eye"), ("mouth_x", "mouth_y"), ("x", "y")]


# ratings


def test_movielens_100k(tmp_path, home):
    write(tmp_path / "u.data", "196\t242\t3\t881250949\n186\t302\t4\t891717742\n196\t302\t5\t881250950\n")
    flags = "|".join("1" if number in (5, 8) else "0" for number in range(19))
    films = (
        f"242|Kolya (1996)|24-Jan-1997||http://x|{flags}\n302|Misérables, Les (1995)|01-Jan-1995||http://y|{flags}\n"
    )
    write(tmp_path / "u.item", films, "latin-1")
    items = load("movielens_100k", tmp_path)
    assert items.task == "ratings" and items.classes == ("Kolya (1996)", "Misérables, Les (1995)")
    assert items.table["user"].tolist() == [1, 0, 1] and items.table["movie"].tolist() == [0, 1, 1]
    assert items.extra["genres"].tolist() == ["Comedy|Drama"] * 2 and items.extra["years"].tolist() == [1996, 1995]
    assert items.images.shape == (3, 0, 0, 3)
    write(tmp_path / "u.item", "242|Kolya\n", "latin-1")
    with pytest.raises(UserError, match="Line 1"):
        movielens_100k.load_index(tmp_path)
    (tmp_path / "u.data").unlink()
    with pytest.raises(UserError, match=r"no u\.data"):
        movielens_100k.load_index(tmp_path)


def test_movielens_latest_with_faults(tmp_path):
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,5\n1,20,,6\n2,10,abc,7\n2,30,0.5,8\n")
    write(tmp_path / "movies.csv", "movieId,title,genres\n10,Heat (1995),Action|Crime\n")
    index = movielens_latest_small.load_index(tmp_path)
    assert index.table["rating"].tolist() == [4.0, 0.5] and index.classes == ("Heat (1995)", "30")
    assert "2 rows of ratings.csv lack" in index.left_out[0] and "no title" in index.notes[0]
    write(tmp_path / "ratings.csv", "userId,rating\n1,2\n")
    with pytest.raises(UserError, match="no column for movie"):
        movielens_latest_small.load_index(tmp_path)


def test_the_true_movielens(shared, home):
    items = load("movielens_latest_small", shared / "ml-latest-small")
    raw = pd.read_csv(shared / "ml-latest-small" / "ratings.csv")
    assert len(items) == len(raw) and np.isclose(items.table["rating"].mean(), raw["rating"].mean())
    row = items.table.iloc[4321]
    assert items.extra["movies"][int(row["movie"])] == raw["movieId"].iloc[4321]
    assert items.extra["users"][int(row["user"])] == raw["userId"].iloc[4321]
    assert "Toy Story (1995)" in items.classes
