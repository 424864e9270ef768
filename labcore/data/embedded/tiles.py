"""``tiles``: 1,800 satellite tiles of a rain forest with 17 labels, for multi-label lessons.

Frequencies and company follow the Planet "Understanding the Amazon from Space" set (Kaggle 2017, 40,479 tiles): each
tile has exactly one weather, an overcast tile shows and carries nothing else, roads come with farms and villages, gold
diggings with water. Its six rarest labels (0.24 to 0.84 % there) are set to 0.5 to 1 %, so that 1,800 tiles hold at
least nine of each. The labels say what was drawn; clouds, haze and size make some of it hard to see, as there.
"""

import numpy as np
import pandas as pd

from labcore.data.embedded import paint, tile_weather
from labcore.data.embedded import tile_land as land
from labcore.data.embedded.tile_land import Ground

NAME = "tiles"
VERSION = 1
SEED = 17
SIZE = (128, 128)
TASK = "multi_label"
VOID = None
COUNT = 1800
WEATHER = {"clear": 0.702, "partly_cloudy": 0.180, "hazy": 0.067, "overcast": 0.051}
"""Share of the tiles; exactly one each."""
GROUND = ("forest", "farmland", "road", "water", "smallholding", "settlement", "bare_soil")
RARE = {
    "burn_scar": (0.007, "farmland"),
    "selective_cutting": (0.010, "forest"),
    "open_pit": (0.006, "forest"),
    "gold_diggings": (0.010, "water"),
    "windthrow": (0.005, "forest"),
    "flowering_canopy": (0.010, "forest"),
}
"""Share of the tiles, and the label that must be there too."""
CLASSES = (*WEATHER, *GROUND, *RARE)


def plan() -> pd.DataFrame:
    """One row per tile: item, labels (tuple of ints), tags (the same in words), weather and one column per label."""
    rng = paint.stream(SEED, VERSION, 1 << 40)
    edges = np.cumsum(list(WEATHER.values()))[:-1] * COUNT
    weather = rng.permutation(np.array(list(WEATHER))[np.searchsorted(edges, np.arange(COUNT), side="right")])
    seen = weather != "overcast"

    def chance(share: np.ndarray | float) -> np.ndarray:
        return seen & (rng.random(COUNT) < share)

    # People settle in some places, and where they do, fields, roads and houses come together.
    people = rng.random(COUNT) < 0.37
    has = {"forest": chance(0.978)}
    has["farmland"] = chance(np.where(people, 0.84, 0.02)) | (seen & ~has["forest"])
    has["road"] = chance(np.where(people, np.where(has["farmland"], 0.52, 0.40), 0.015))
    has["water"] = chance(np.where(has["road"], 0.23, 0.185))
    has["smallholding"] = chance(np.where(people, 0.29, 0.012))
    has["settlement"] = chance(np.where(people & has["road"], 0.42, np.where(people, 0.05, 0.002)))
    has["bare_soil"] = chance(np.where(people, 0.040, 0.012))
    for name, (share, company) in RARE.items():
        # An exact number, so that no draw of the dice leaves a class without examples.
        untaken = seen & has[company] & ~np.any([has[other] for other in RARE if other in has] or [~seen], axis=0)
        if name in ("windthrow", "flowering_canopy"):
            untaken &= ~people
        has[name] = np.isin(np.arange(COUNT), rng.choice(np.flatnonzero(untaken), round(share * COUNT), replace=False))
    has = {name: weather == name for name in WEATHER} | has
    table = np.array([has[name] for name in CLASSES])
    labels = [tuple(int(k) for k in np.flatnonzero(column)) for column in table.T]
    frame = pd.DataFrame(
        {
            "item": [f"tile_{k:04d}" for k in range(COUNT)],
            "labels": labels,
            "tags": [" ".join(CLASSES[k] for k in one) for one in labels],
            "weather": weather,
        }
    )
    return frame.assign(**{name: has[name] for name in CLASSES})


def draw(row) -> dict[str, np.ndarray]:
    """The picture of one row of ``plan().itertuples()``: ``image`` uint8 [128, 128, 3]."""
    rng = paint.stream(SEED, VERSION, row.Index)
    ground = Ground(rng, *SIZE)
    if row.weather != "overcast":
        _paint_ground(ground, row, rng)
    picture = ground.lit()
    if row.weather == "partly_cloudy":
        picture = tile_weather.clouds(picture, ground.sun, rng)
    elif row.weather == "hazy":
        picture = tile_weather.haze(picture, rng, rng.uniform(0.30, 0.68))
    elif row.weather == "overcast":
        picture = tile_weather.overcast(picture, rng)
    else:
        picture = tile_weather.haze(picture, rng, rng.uniform(0.0, 0.07))
    image = paint.develop(
        picture,
        rng,
        exposure=np.exp(rng.normal(0.5, 0.12)),
        grain=rng.uniform(1.0, 3.5),
        coarse=rng.uniform(0.8, 2.0),
        vignette=0.0,
    )
    return {"image": image}


def _paint_ground(ground: Ground, row, rng: np.random.Generator) -> None:
    """From what lies lowest to what stands on top; roads last but houses, so that nothing cuts them off."""
    if row.farmland:
        land.farmland(ground, rng, whole=not row.forest)
    if row.bare_soil:
        land.bare_soil(ground, rng)
    if row.burn_scar:
        land.burn_scar(ground, rng)
    if row.selective_cutting:
        land.selective_cutting(ground, rng)
    if row.windthrow:
        land.windthrow(ground, rng)
    if row.flowering_canopy:
        land.flowering_canopy(ground, rng)
    if row.smallholding:
        land.smallholding(ground, rng)
    if row.water:
        land.water(ground, rng)
    if row.gold_diggings:
        land.gold_diggings(ground, rng)
    if row.open_pit:
        land.open_pit(ground, rng)
    if row.road:
        land.roads(ground, rng)
    if row.settlement:
        land.settlement(ground, rng)
