"""The streets set: pure drawing, exact masks, videos that stay whole, and the imbalance that its lesson needs."""

import numpy as np
import pytest

from labcore.data.embedded import streets

PLAN = streets.plan()
ROWS = list(PLAN.itertuples())


@pytest.fixture(scope="module")
def sample() -> list[dict[str, np.ndarray]]:
    """One frame of every video."""
    return [streets.draw(ROWS[number]) for number in range(5, len(ROWS), streets.FRAMES)]


def test_plan_names_every_frame_once_and_keeps_videos_whole():
    assert PLAN["item"].is_unique
    assert PLAN.groupby("group")["is_valid"].nunique().eq(1).all()
    held_out = PLAN.groupby("group")["is_valid"].first().mean()
    assert 0.15 <= held_out <= 0.25
    assert set(PLAN.loc[PLAN["is_valid"], "mood"]) == set(PLAN["mood"])


def test_draw_is_pure_in_any_order():
    first = streets.draw(ROWS[40])
    streets.draw(ROWS[401])
    again = streets.draw(ROWS[40])
    assert np.array_equal(first["image"], again["image"])
    assert np.array_equal(first["mask"], again["mask"])


def test_shapes_and_codes(sample):
    for drawn in sample:
        assert drawn["image"].shape == (*streets.SIZE, 3) and drawn["image"].dtype == np.uint8
        assert drawn["mask"].shape == streets.SIZE and drawn["mask"].dtype == np.uint8
        assert drawn["mask"].max() < len(streets.CLASSES)
    assert streets.CLASSES[streets.VOID] == "Void"


def test_every_class_occurs_and_big_ones_outweigh_small_ones(sample):
    masks = np.stack([drawn["mask"] for drawn in sample])
    share = {name: float((masks == code).mean()) for code, name in enumerate(streets.CLASSES)}
    assert min(share.values()) > 0.003
    assert 0.02 < share["Void"] < 0.08
    large = min(share[name] for name in ("Road", "Sky", "Building", "Tree"))
    small = max(share[name] for name in ("Pole", "SignSymbol", "Pedestrian", "Bicyclist"))
    assert large > 3 * small


def test_void_seams_stand_between_road_and_pavement(sample):
    """No clean step from one to the other: a seam of void is what the mask's own borders are made of."""
    road, pavement = streets.CLASSES.index("Road"), streets.CLASSES.index("Pavement")
    steps = seams = 0
    for drawn in sample:
        mask = drawn["mask"]
        left, right = mask[:, :-2], mask[:, 2:]
        across = ((left == road) & (right == pavement)) | ((left == pavement) & (right == road))
        seams += int((across & (mask[:, 1:-1] == streets.VOID)).sum())
        steps += int(across.sum())
    assert seams > 0.3 * steps


def test_perspective_puts_sky_above_road(sample):
    row = np.arange(streets.SIZE[0])[:, None] * np.ones(streets.SIZE[1])
    for drawn in sample:
        sky, road = drawn["mask"] == streets.CLASSES.index("Sky"), drawn["mask"] == streets.CLASSES.index("Road")
        assert row[road].mean() > streets.SIZE[0] * 0.55
        if sky.any():
            assert row[sky].max() < row[road].max()
            assert row[sky].mean() < streets.SIZE[0] * 0.45


def test_neighbouring_frames_are_more_alike_than_other_videos():
    def change(a: int, b: int) -> float:
        return float((streets.draw(ROWS[a])["mask"] != streets.draw(ROWS[b])["mask"]).mean())

    starts = range(0, len(ROWS), 9 * streets.FRAMES)
    near = np.mean([change(at + 6, at + 7) for at in starts])
    far = np.mean([change(at + 6, (at + 2 * streets.FRAMES + 6) % len(ROWS)) for at in starts])
    assert near < 0.6 * far


def test_mask_belongs_to_its_image():
    """The road's pixels are more alike in colour than the whole picture's: the mask lies where the picture says."""
    inside, whole = [], []
    for number in range(5, len(ROWS), 96):
        drawn = streets.draw(ROWS[number])
        pixels = drawn["image"].astype(float)
        road = drawn["mask"] == streets.CLASSES.index("Road")
        inside.append(pixels[road].std(axis=0).mean())
        whole.append(pixels.reshape(-1, 3).std(axis=0).mean())
    assert np.mean(inside) < 0.8 * np.mean(whole)
