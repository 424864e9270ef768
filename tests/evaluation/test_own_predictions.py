"""Files of one's own: layouts that are recognised, and each kind of bad input in one sentence."""

import io

import numpy as np
import pandas as pd
import pytest

from labcore.errors import UserError
from labcore.evaluation import own_predictions as own
from labcore.evaluation import prediction_files
from labcore.evaluation.prediction_columns import ColumnMap

P = np.array([[0.9, 0.2], [0.4, 0.7], [0.1, 0.1]], np.float32)
Y = np.array([[1, 0], [0, 1], [0, 0]])


def table(said: str = "{}_prob", true: str = "{}_true", **more) -> pd.DataFrame:
    columns = {}
    for column, name in enumerate(("road", "river")):
        columns[said.format(name)] = P[:, column]
        columns[true.format(name)] = Y[:, column]
    return pd.DataFrame({"id": ["x", "y", "z"]} | columns | more)


def csv(frame: pd.DataFrame, **options) -> bytes:
    return frame.to_csv(index=False, **options).encode()


@pytest.mark.parametrize(
    ("said", "true"),
    [
        ("{}_prob", "{}_true"),
        ("p_{}", "{}"),
        ("prob.{}", "target.{}"),
        ("{}", "{}_label"),
        ("{} score", "gt {}"),
        ("{}_PROB", "{}_True"),
    ],
)
def test_layouts_are_recognised_and_said(said, true):
    found = own.read(csv(table(said, true)), "p.csv")
    assert found.classes == ("road", "river")
    np.testing.assert_allclose(found.p, P)
    np.testing.assert_array_equal(found.y, Y == 1)
    assert found.items.tolist() == ["x", "y", "z"]
    assert said.format("road") in " ".join(found.notes)


def test_other_separators_and_words_for_yes():
    frame = table().replace({"road_true": {1: "yes", 0: "no"}, "river_true": {1: "yes", 0: "no"}})
    np.testing.assert_array_equal(own.read(csv(frame, sep=";"), "p.csv").y, Y == 1)


def test_truths_in_words():
    frame = table().drop(columns=["road_true", "river_true"]).assign(tags=["road", "river", ""])
    np.testing.assert_array_equal(own.read(csv(frame), "p.csv").y, Y == 1)


def test_pictures_are_found_by_what_the_column_holds():
    frame = table().assign(path=["a.jpg", "b.jpg", "c.png"])
    assert own.read(csv(frame), "p.csv").pictures.tolist() == ["a.jpg", "b.jpg", "c.png"]


def test_parquet_and_npz_give_the_same():
    buffer = io.BytesIO()
    table().to_parquet(buffer)
    np.testing.assert_allclose(own.read(buffer.getvalue(), "p.parquet").p, P)
    buffer = io.BytesIO()
    np.savez(buffer, probs=P, targets=Y, classes=["road", "river"])
    found = own.read(buffer.getvalue(), "p.npz")
    assert found.classes == ("road", "river")
    np.testing.assert_allclose(found.p, P)


def test_logits_are_recognised_by_range_and_by_name():
    logits = np.log(P / (1 - P))
    frame = table().assign(road_prob=logits[:, 0], river_prob=logits[:, 1])
    found = own.read(csv(frame), "p.csv")
    np.testing.assert_allclose(found.p, P, atol=1e-6)
    assert "logits" in " ".join(found.notes)
    named = table("{}_logit")
    np.testing.assert_allclose(own.read(csv(named), "p.csv").p, 1 / (1 + np.exp(-P)), atol=1e-6)
    with pytest.raises(UserError, match="not 0 to 1"):
        own.read(csv(frame), "p.csv", logits=False)


def test_a_mapping_goes_over_the_guess():
    found = own.read(csv(table()), "p.csv", mapping=ColumnMap({"street": ("road_prob", "river_true")}))
    assert found.classes == ("street",)
    np.testing.assert_array_equal(found.y[:, 0], Y[:, 1] == 1)


BAD = {
    "no number": (table().assign(road_prob=["a", "b", "c"]), "not a number|cannot be read"),
    "missing": (table().assign(road_prob=[0.5, None, 0.1]), "missing or not finite.*row 2"),
    "truth of 2": (table().assign(road_true=[0, 2, 1]), "0 or 1"),
    "missing truth": (table().assign(road_true=[0, None, 1]), "truths in road_true are missing"),
    "twice the same id": (table().assign(id=["x", "x", "z"]), "more than once.*'x'"),
    "no pair": (table().drop(columns=["road_true", "river_true"]), "No label with both"),
    "no row": (table().iloc[:0], "no row"),
    "two columns alike": (table().rename(columns={"river_prob": "road_prob"}), "two columns named"),
    "unknown tags": (
        table().drop(columns=["road_true", "river_true"]).assign(tags=["lake", "hill", "sea"]),
        "the same names",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_one_sentence(name):
    frame, said = BAD[name]
    with pytest.raises(UserError, match=said):
        own.read(csv(frame), "p.csv")


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "p.csv", "empty"),
        (b"\x00\x01\x02", "p.csv", "no text table"),
        (b"PK", "p.npz", "no NPZ"),
        (b"nonsense", "p.parquet", "cannot be read"),
        (b"x", "p.pkl", "neither CSV, Parquet nor NPZ"),
        (npz(a=P), "p.npz", "needs an array probs"),
        (npz(probs=P, targets=Y[:2]), "p.npz", "alike"),
        (npz(probs=P, targets=Y, classes=["a"]), "p.npz", "1 classes for 2 columns"),
        (npz(probs=P, targets=Y + 1), "p.npz", "must be 0 or 1"),
        (npz(probs=P, targets=np.array([[object()] * 2] * 3)), "p.npz", "never read"),
        (npz(probs=np.zeros((3, 101)), targets=np.zeros((3, 101))), "p.npz", "101 labels"),
        (npz(probs=np.full((2, 1), np.inf), targets=np.ones((2, 1))), "p.npz", "not finite"),
    ],
)
def test_bad_files_are_one_sentence(content, name, said):
    with pytest.raises(UserError, match=said):
        own.read(content, name)


def test_a_file_of_2_gb_is_refused_before_it_is_read(tmp_path):
    file = tmp_path / "large.csv"
    with file.open("wb") as opened:
        opened.truncate(2_000_000_000)  # a hole: no disk is filled
    with pytest.raises(UserError, match=r"2\.0 GB"):
        own.read(file)


def test_a_bomb_is_counted_unpacked(monkeypatch):
    monkeypatch.setitem(prediction_files.MAX_BYTES, "npz", 1000)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, probs=np.zeros((500, 2)), targets=np.zeros((500, 2)))
    with pytest.raises(UserError, match="at most"):
        own.read(buffer.getvalue(), "p.npz")


def test_one_row_is_read_and_said():
    assert "single item" in " ".join(own.read(csv(table().iloc[:1]), "p.csv").notes)


def test_a_single_tag_of_two_words_is_one_tag():
    frame = pd.DataFrame({"blue sky_prob": P[:, 0], "river_prob": P[:, 1], "tags": ["blue sky", "blue sky|river", ""]})
    found = own.read(csv(frame), "p.csv")
    np.testing.assert_array_equal(found.y, [[1, 0], [1, 1], [0, 0]])
