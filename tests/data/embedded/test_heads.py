"""The heads set: pure drawing, a point that is the projected centre, people that stay whole, frames that are alike."""

import numpy as np
import pytest

from labcore.data.embedded import head_people, heads
from labcore.data.embedded.head_view import turn

PLAN = heads.plan()
ROWS = list(PLAN.itertuples())


@pytest.fixture(scope="module")
def sample() -> list[dict[str, np.ndarray]]:
    """One frame of every person."""
    return [heads.draw(ROWS[number]) for number in range(7, len(ROWS), heads.FRAMES)]


def test_plan_names_every_frame_once_and_keeps_people_whole():
    assert PLAN["item"].is_unique
    assert PLAN["group"].nunique() >= 16
    assert PLAN.groupby("group")["is_valid"].nunique().eq(1).all()
    assert 0 < PLAN["is_valid"].mean() < 0.2
    assert PLAN[["yaw", "pitch", "roll"]].abs().max().between(15, 75).all()


def test_draw_is_pure_in_any_order():
    first = heads.draw(ROWS[40])
    heads.draw(ROWS[801])
    heads.draw(ROWS[1201])
    heads.draw(ROWS[401])
    again = heads.draw(ROWS[40])
    assert np.array_equal(first["image"], again["image"])
    assert np.array_equal(first["points"], again["points"])


def test_shapes_and_points_inside(sample):
    for drawn in sample:
        assert drawn["image"].shape == (*heads.SIZE, 3) and drawn["image"].dtype == np.uint8
        assert drawn["points"].shape == (len(heads.CLASSES), 2) and drawn["points"].dtype == np.float32
        x, y = drawn["points"][0]
        assert 0 < x < heads.SIZE[1] and 0 < y < heads.SIZE[0]


def test_point_is_near_the_projected_middle_of_the_head():
    """A personal template moves it by centimetres at most: a pinhole camera tells how many pixels that is."""
    for row in ROWS[::197]:
        x, y = heads.draw(row)["points"][0]
        middle = np.array([heads.SIZE[1] / 2, heads.SIZE[0] / 2]) + heads.FOCAL / -row.z * np.array([row.x, -row.y])
        assert np.hypot(x - middle[0], y - middle[1]) < 4 * head_people.TEMPLATE_SPREAD * heads.FOCAL / -row.z


def test_point_moves_with_the_picture():
    """Where the picture changes between two frames is where the two points are, not elsewhere."""
    distances = []
    for person in range(0, heads.PEOPLE, 4):
        before, after = (heads.draw(ROWS[person * heads.FRAMES + frame]) for frame in (5, 20))
        change = np.abs(before["image"].astype(float) - after["image"]).sum(axis=2)
        rows, columns = np.nonzero(change > 90)
        middle = (before["points"][0] + after["points"][0]) / 2
        distances.append(abs(np.median(columns) + 0.5 - middle[0]))
        assert rows.max() > middle[1]
    assert np.median(distances) < 20


def test_positions_vary_widely(sample):
    points = np.stack([drawn["points"][0] for drawn in sample])
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    assert np.median(away) > 0.1 * heads.SIZE[1]


def test_neighbouring_frames_are_alike():
    steps = PLAN.groupby("group")[["x", "y", "yaw", "pitch", "roll"]].diff().abs().median()
    spread = PLAN[["x", "y", "yaw", "pitch", "roll"]].std()
    assert (steps < 0.3 * spread).all()


def test_each_person_keeps_a_room():
    """Corners hold what a person leaves free: alike within a video, unlike between videos."""
    corners = {}
    for person in range(0, heads.PEOPLE, 4):
        pictures = [heads.draw(ROWS[person * heads.FRAMES + frame])["image"][:24, :24] for frame in (0, 25)]
        corners[person] = [picture.astype(float).mean(axis=(0, 1)) for picture in pictures]
    within = np.mean([np.abs(a - b).mean() for a, b in corners.values()])
    firsts = np.stack([first for first, _ in corners.values()])
    between = np.abs(firsts - firsts.mean(axis=0)).mean()
    assert within < 0.5 * between


@pytest.mark.parametrize(
    ("angles", "sees"),
    [((30, 0, 0), (1, 0)), ((-30, 0, 0), (-1, 0)), ((0, 20, 0), (0, 1)), ((0, -20, 0), (0, -1))],
)
def test_yaw_turns_right_and_pitch_lifts(angles, sees):
    face = turn(*angles) @ np.array([0.0, 0.0, 1.0])
    assert np.allclose(np.sign(np.round(face[:2], 6)), sees)


def test_roll_tips_the_top_of_the_head_to_the_left():
    top = turn(0, 0, 15) @ np.array([0.0, 1.0, 0.0])
    assert top[0] < 0 < top[1]


def test_looks_are_diverse():
    people = [head_people.make(heads._philox(number, 1), number) for number in range(heads.PEOPLE)]
    assert {person.hat for person in people} == {"none", "beanie", "cap"}
    assert {person.glasses for person in people} == {"none", "round", "square"}
    assert len({person.style for person in people}) >= 7
    assert len({person.pattern for person in people}) == 4
    assert np.ptp([person.skin.mean() for person in people]) > 100
