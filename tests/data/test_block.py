import numpy as np
import pandas as pd
import pytest
from data_samples import photo

from labcore.data import block
from labcore.data.items import Items
from labcore.data.steps import BLOCK_TYPES, DataBlock
from labcore.errors import UserError
from labcore.specs import DatasetSpec


def own(root, **options):
    return DatasetSpec(name="own", root=str(root), **options)


def hollow(task="single_label", **columns):
    table = pd.DataFrame({"item": range(len(next(iter(columns.values())))), **columns})
    return Items("x", task, ("a", "b", "c"), table, np.zeros((len(table), 0, 0, 3), np.uint8))


def test_a_folder_of_classes_becomes_items(classes, home):
    items = block.load(own(classes), (12, 20))
    assert (len(items), items.classes, items.task) == (10, ("cat", "dog"), "single_label")
    assert items.images.shape == (10, 12, 20, 3) and items.images.dtype == np.uint8
    assert items.table["item"].is_unique and items.table["label"].tolist() == [0] * 6 + [1] * 4
    made = block.split(items, own(classes, valid_pct=0.25))
    assert len(made.valid) == 3 and set(items.table["label"].iloc[made.valid]) == {0, 1}


def test_a_limit_is_the_same_every_time_and_follows_the_seed(classes, home):
    first = block.load(own(classes, limit=5), 16).table["item"].tolist()
    assert first == block.load(own(classes, limit=5), 16).table["item"].tolist() and len(first) == 5
    assert first != block.load(own(classes, limit=5, split_seed=3), 16).table["item"].tolist()
    assert len(block.load(own(classes, limit=99), 16)) == 10


def test_one_class_one_item_and_none_are_said(tmp_path, home):
    photo(tmp_path / "one" / "cat" / "1.png", 0)
    with pytest.raises(UserError, match="single usable item"):
        block.load(own(tmp_path / "one"), 16)
    photo(tmp_path / "one" / "cat" / "2.png", 1)
    with pytest.raises(UserError, match="of one class, cat"):
        block.load(own(tmp_path / "one"), 16)
    (tmp_path / "bad" / "cat").mkdir(parents=True)
    (tmp_path / "bad" / "cat" / "1.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"can be used.*1\.png is empty"):
        block.load(own(tmp_path / "bad"), 16)
    with pytest.raises(UserError, match=r"has no masks targets"):
        block.load(DatasetSpec(name="movielens_100k", root=str(tmp_path)), 16, task="masks")


def test_a_damaged_picture_is_left_out_and_its_label_with_it(classes, home):
    (classes / "cat" / "c0.png").write_text("oops")
    items = block.load(own(classes), 16)
    assert len(items) == 9 and items.table["label"].tolist() == [0] * 5 + [1] * 4
    assert items.left_out[0].startswith("c0.png is no picture")


def test_auto_takes_what_the_set_was_made_for():
    spec = DatasetSpec(name="own", root="x")
    marked = hollow(label=[0, 1, 0, 1], is_valid=[True, False, False, False], group=list("aabb"))
    assert block.split(marked, spec).valid.tolist() == [0]
    held = block.split(marked, spec.but(hold_out="b"))
    assert held.valid.tolist() == [2, 3]
    grouped = hollow(task="points", group=list("aabbcc"))
    made = block.split(grouped, spec)
    assert not set(grouped.table["group"].iloc[made.valid]) & set(grouped.table["group"].iloc[made.train])
    labelled = hollow(label=[0] * 10 + [1] * 5)
    assert np.bincount(labelled.table["label"].iloc[block.split(labelled, spec).valid]).tolist() == [2, 1]
    assert "random" in block.split(hollow(task="points", x=range(10)), spec).how


def test_test_items_are_in_neither_part():
    items = hollow(label=[0, 1] * 5, is_test=[True] * 4 + [False] * 6)
    made = block.split(items, DatasetSpec(name="own", root="x"))
    assert made.test.tolist() == [0, 1, 2, 3]
    assert sorted([*made.train, *made.valid]) == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("how", ["group", "frames", "column", "file", "folder", "stratified"])
def test_a_split_that_the_set_cannot_give_is_said(how):
    with pytest.raises(UserError, match="random split instead"):
        block.split(hollow(task="points", x=range(10)), DatasetSpec(name="own", root="x", split=how))


def test_a_class_only_in_valid_is_warned_of():
    items = hollow(label=[0, 0, 1, 2], is_valid=[False, False, False, True])
    made = block.split(items, DatasetSpec(name="own", root="x"))
    assert "c is in valid but never in train" in made.warnings[0]


def test_points_move_with_their_picture_and_strays_are_left_out(tmp_path, home):
    for number in range(4):
        photo(tmp_path / "set" / f"{number}.png", number, (80, 40))
    rows = ["name,x_eye,y_eye", "0.png,20,10", "1.png,80,40", "2.png,95,10", "3.png,,3"]
    (tmp_path / "set" / "points.csv").write_text("\n".join(rows))
    items = block.load(own(tmp_path / "set"), (20, 20))
    assert items.task == "points" and items.classes == ("eye",) and items.points.dtype == np.float32
    assert np.allclose(items.points[:, 0], [[5, 5], [20, 20]])
    assert len(items.images) == 2 and items.table["item"].tolist() == ["0.png", "1.png"]
    assert any("3.png has no number for the point eye" in sentence for sentence in items.left_out)
    assert any("2.png: the point eye (95, 10) lies outside its 80 x 40" in sentence for sentence in items.left_out)
    cropped = block.load(own(tmp_path / "set"), (20, 20), method="crop")
    assert np.allclose(cropped.points[0, 0], [0, 5])


def test_the_block_follows_one_item(classes, home):
    made = DataBlock(own(classes), size=(12, 20), batch_size=4)
    steps = {step.question: step for step in made.summary(7)}
    assert list(steps) == ["items", "split", "label", "item transforms", "batch transforms", "test set", "loaders"]
    assert "d1.png" in steps["items"].did and "dog is class number 1" in steps["label"].did
    files = [step for step in made.summary(7) if step.question == "item transforms"]
    assert [step.shape for step in files] == [(30, 40, 3), (12, 20, 3)]
    assert steps["batch transforms"].shape == (3, 12, 20) and steps["batch transforms"].dtype == "float32"
    x, y = made.one_batch()
    assert x.shape == (4, 3, 12, 20) and len(x.reasons) == 4 and x.bytes == 4 * 3 * 12 * 20 * 4
    assert (y.shape, y.dtype) == ((4,), "int64")
    assert made.batches() == len(made.split.train) // 4
    for row in (-1, 10):
        with pytest.raises(UserError, match="There is no item"):
            made.summary(row)


def test_the_loaders_give_what_one_batch_promises(classes, home):
    made = DataBlock(own(classes), size=16, batch_size=4)
    train, valid = made.loaders()
    batch = next(train.epoch(0))
    x, y = made.one_batch()
    assert tuple(batch.x.shape) == x.shape and tuple(batch.y.shape) == y.shape
    assert str(batch.x.dtype) == f"torch.{x.dtype}" and str(batch.y.dtype) == f"torch.{y.dtype}"
    assert len(train) == made.batches() and valid.items == len(made.split.valid)
    labels = made.items.table["label"].to_numpy()
    assert batch.y.tolist() == labels[batch.index].tolist()


def test_one_hot_targets_are_floats(tmp_path, home):
    for number in range(6):
        photo(tmp_path / "set" / f"{number}.png", number)
    rows = ["image_name,tags"] + [f"{number},{'haze water' if number % 2 else 'clear'}" for number in range(6)]
    (tmp_path / "set" / "t.csv").write_text("\n".join(rows))
    made = DataBlock(own(tmp_path / "set"), size=16, batch_size=2)
    target, words = made.target(1)
    assert target.dtype == np.float32 and target.tolist() == [0, 1, 1] and "haze, water" in words
    assert made.one_batch()[1].shape == (2, 3)
    assert "binary cross-entropy" in made.types.loss and set(BLOCK_TYPES) >= {made.items.task}
