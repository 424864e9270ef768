"""Tiles: Planet's frequencies and company, and labels that can be seen."""

import numpy as np
import pandas as pd
import pytest

from labcore.data.embedded import tiles

PLANET = {
    "clear": 0.702,
    "partly_cloudy": 0.179,
    "hazy": 0.067,
    "overcast": 0.052,
    "forest": 0.927,
    "farmland": 0.304,
    "road": 0.199,
    "water": 0.183,
    "smallholding": 0.111,
    "settlement": 0.090,
    "bare_soil": 0.021,
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return tiles.plan()


def picture(table: pd.DataFrame, index: int) -> np.ndarray:
    return tiles.draw(next(table.iloc[index : index + 1].itertuples()))["image"]


def pictures(table: pd.DataFrame, wanted: pd.Series, count: int = 12) -> np.ndarray:
    return np.stack([picture(table, index) for index in np.flatnonzero(wanted)[:count]]).astype(float)


def test_seventeen_labels_and_columns_that_agree_with_them(table):
    assert len(tiles.CLASSES) == len(set(tiles.CLASSES)) == 17
    for row in table.head(200).itertuples():
        assert row.tags.split() == [tiles.CLASSES[k] for k in row.labels]
        assert [getattr(row, name) for name in tiles.CLASSES] == [k in row.labels for k in range(17)]
    assert table["item"].is_unique


def test_frequencies_are_planets(table):
    for name, share in PLANET.items():
        assert table[name].mean() == pytest.approx(share, abs=0.02), name
    for name, (share, company) in tiles.RARE.items():
        assert table[name].sum() == round(share * 1800) >= 9
        assert table.loc[table[name], company].all()


def test_exactly_one_weather_and_overcast_hides_all(table):
    assert (table[list(tiles.WEATHER)].sum(axis=1) == 1).all()
    assert table.loc[table["overcast"], "labels"].map(len).eq(1).all()


def test_people_bring_fields_roads_and_houses_together(table):
    seen = table[~table["overcast"]]
    assert seen.loc[seen["road"], "farmland"].mean() > 2 * seen["farmland"].mean()
    assert seen.loc[seen["settlement"], "road"].mean() > 0.75
    assert seen.loc[~seen["farmland"], "settlement"].mean() < 0.05


def test_every_tile_has_its_own_stream(table):
    later = picture(table, 7)
    picture(table, 3)
    assert np.array_equal(picture(table, 7), later)
    assert later.shape == (128, 128, 3) and later.dtype == np.uint8


def test_weather_can_be_seen(table):
    clear = pictures(table, table["clear"] & ~table["farmland"])
    hazy = pictures(table, table["hazy"] & ~table["farmland"])
    overcast = pictures(table, table["overcast"])
    green = clear[..., 1] - clear[..., [0, 2]].max(-1)
    assert green.mean() > 3
    assert hazy.mean() > clear.mean() + 15
    assert overcast.mean() > hazy.mean() + 15 and overcast.std((1, 2)).mean() < 20


@pytest.mark.parametrize("name", ["farmland", "water", "open_pit", "windthrow", "flowering_canopy", "burn_scar"])
def test_each_label_changes_the_tile(table, name):
    row = next(table[table[name] & table["clear"]].itertuples())
    with_it = tiles.draw(row)["image"].astype(int)
    without = tiles.draw(row._replace(**{name: False}))["image"].astype(int)
    assert (np.abs(with_it - without).max(-1) > 25).mean() > 0.005


def test_tiles_change_only_with_the_version(table):
    # A change of more than a shade here needs a new VERSION, or sets already made would differ from new ones.
    assert tiles.VERSION == 1
    found = [picture(table, index).mean((0, 1)).round().astype(int).tolist() for index in (0, 500, 1500)]
    expected = [[145, 147, 100], [94, 108, 76], [102, 121, 75]]
    assert np.abs(np.array(found) - expected).max() <= 1
