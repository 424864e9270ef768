"""Files of runs: whole or not at all, and never outside their folder."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts, decode, digest, encode


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        (np.arange(6, dtype=np.float32).reshape(2, 3), "npy"),
        ({"a": np.arange(3), "b": np.ones((2, 2))}, "npz"),
        (pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}), "parquet"),
        ({"words": ["a", "b"], "n": 3}, "json"),
    ],
)
def test_values_come_back_as_they_went(value, suffix):
    name, data = encode("thing", value)
    assert name == f"thing.{suffix}"
    back = decode(name, data)
    if suffix == "npy":
        np.testing.assert_array_equal(back, value)
    elif suffix == "npz":
        assert set(back) == set(value) and all((back[key] == value[key]).all() for key in value)
    elif suffix == "parquet":
        pd.testing.assert_frame_equal(back, value)
    else:
        assert back == value


def test_pictures_become_png():
    name, data = encode("grid", Image.new("RGB", (4, 3), "red"))
    assert name == "grid.png" and data.startswith(b"\x89PNG")


def test_arrays_of_objects_are_refused():
    with pytest.raises(ValueError):
        encode("bad", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError):
        encode("bad", {"words": np.array(["a", None], dtype=object)})


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", ".hidden", "", "a" * 200, "x\0y"])
def test_names_cannot_leave_the_folder(home, name):
    with pytest.raises(UserError):
        Artifacts().write("run00000001", name, b"x")
    with pytest.raises(UserError):
        Artifacts().read("../../etc1", "passwd")


def test_a_failed_write_leaves_the_old_file(home, monkeypatch):
    files = Artifacts()
    files.write("run00000001", "a.bin", b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="no space left"):
        files.write("run00000001", "a.bin", b"new and longer")
    assert files.read("run00000001", "a.bin") == b"old"
    assert [path.name for path in (home / "runs" / "run00000001").iterdir()] == ["a.bin"]


def test_a_store_elsewhere_needs_no_other_code():
    files = Artifacts("memory://lab")
    assert files.write("run00000001", "a.bin", b"data") == digest(b"data")
    assert files.read("run00000001", "a.bin") == b"data"
    files.remove("run00000001")
    assert not files.exists("run00000001", "a.bin")
