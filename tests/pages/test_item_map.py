"""What the map's component is given: every point once, in the order it is drawn, with its colour and its words."""

import base64
import zlib

import numpy as np
import pandas as pd
import pytest

from pages.parts import item_map
from pages.parts.theme import palette

SHOWN = pd.DataFrame(
    {
        "x": [0.5, -1.0, 2.0, 0.0],
        "y": [1.0, 0.0, -2.0, 0.25],
        "code": [7, 3, 9, 4],
        "ratings": [50, 10, 99, 20],
        "name": list("abcd"),
        "title": ["a\tComedy", "b", "c\nd", "é"],
        "colour": ["Comedy", "other", "other", "War"],
    }
)
GROUPS = ("Comedy", "War", "other")


def unpacked(text: str, kind=None):
    data = zlib.decompress(base64.b64decode(text))
    return data.decode() if kind is None else np.frombuffer(data, kind).tolist()


def test_grey_points_come_first_and_the_most_rated_last():
    packed, order = item_map._packed.__wrapped__("k", "genre", GROUPS, tuple(palette()), SHOWN)
    assert unpacked(packed["codes"], np.int32) == SHOWN["code"].to_numpy()[order].tolist() == [3, 9, 4, 7]
    assert unpacked(packed["x"], np.float32) == SHOWN["x"].to_numpy()[order].tolist()
    assert unpacked(packed["level"], np.uint8) == [2, 2, 1, 0]
    assert unpacked(packed["titles"]).split("\n") == ["b", "c d", "é", "a\tComedy"]
    assert packed["colors"][2] == palette()[item_map.GREY] and packed["scale"] is None


@pytest.mark.parametrize(("colour", "middle"), [("bias", 31.5), ("ratings", None)])
def test_numbers_get_a_scale_and_a_bias_of_zero_its_middle(colour, middle):
    shown = SHOWN.assign(colour=[-2.0, 0.0, 1.0, 0.5])
    packed, order = item_map._packed.__wrapped__("k", colour, (), tuple(palette()), shown)
    level = dict(zip(order.tolist(), unpacked(packed["level"], np.uint8), strict=True))
    assert len(packed["colors"]) == item_map.SHADES and packed["scale"]["title"] == colour
    assert level[0] == 0
    if middle:
        assert abs(level[1] - middle) <= 0.5 and packed["scale"]["high"] == "2"
    else:
        assert level[2] == item_map.SHADES - 1


def test_equal_values_are_one_colour_and_no_division_by_zero():
    packed, _ = item_map._packed.__wrapped__("k", "ratings", (), tuple(palette()), SHOWN.assign(colour=5.0))
    assert set(unpacked(packed["level"], np.uint8)) == {0}
