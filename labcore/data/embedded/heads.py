"""``heads``: people before a camera and the centre of each head, in the manner of BIWI (Fanelli et al. 2013).

Thirty-two people, each in a room of their own, move for fifty frames each. The target is one point: the centre of the
head in three dimensions, projected with the pinhole camera; the table has the pose angles besides. As in real videos
each person keeps a face, clothes, a room, a seat and a personal template for the centre, and neighbouring frames are
alike: a split by frames lets a net remember them and looks better than it is. The set's own split holds out people.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from labcore.data.embedded import head_people, head_room
from labcore.data.embedded.head_view import View, turn

NAME = "heads"
VERSION = 1
SEED = 13
SIZE = (120, 160)
TASK = "points"
CLASSES = ("head centre",)
VOID = None
PEOPLE = 32
FRAMES = 50
HELD_OUT = (5, 13, 22, 30)
"""People held out by the set's own split: four, for one alone makes a noisy number (BIWI's notebook holds out 13)."""
FOCAL = 172.0
"""Focal length in pixels: 50 degrees across, as the Kinect's."""
FINE = 2
"""Sub-pixels per pixel and direction."""
NECK = 18.5
"""From the middle between the shoulders up to the head's centre, in centimetres."""


def _philox(*numbers: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox([SEED, VERSION, *numbers]))


def _smooth(rng: np.random.Generator, reach: float, slowest: float = 75, quickest: float = 24) -> np.ndarray:
    """A smooth path over a video's frames that uses most of -reach to reach."""
    time = np.arange(FRAMES)
    path = np.zeros(FRAMES)
    for weight in (1.0, 0.7, 0.4):
        path += weight * np.sin(2 * np.pi * time / rng.uniform(quickest, slowest) + rng.uniform(0, 2 * np.pi))
    return reach * np.tanh(1.1 * path)


def plan() -> pd.DataFrame:
    """One row per frame.

    Columns: ``item``, ``group`` (person), ``frame``, ``is_valid``, ``yaw``, ``pitch``, ``roll`` in degrees (see
    :func:`labcore.data.embedded.head_view.turn`), ``person`` (index) and ``x``, ``y``, ``z``: the middle of the head
    in centimetres from the camera (right, up, towards the viewer).
    """
    tables = []
    for person in range(PEOPLE):
        rng = _philox(person, 0)
        seat = rng.uniform(-14, 14), rng.uniform(-9, 7)
        column, row = seat[0] + _smooth(rng, 42), seat[1] + _smooth(rng, 17)
        depth = rng.uniform(78, 98) + _smooth(rng, 17)
        name = f"p{person + 1:02d}"
        tables.append(
            pd.DataFrame(
                {
                    "item": [f"{name}_{frame:05d}" for frame in range(FRAMES)],
                    "group": name,
                    "frame": np.arange(FRAMES),
                    "is_valid": person + 1 in HELD_OUT,
                    "yaw": _smooth(rng, 58).round(3),
                    "pitch": (rng.uniform(-5, 5) + _smooth(rng, 30)).round(3),
                    "roll": _smooth(rng, 20).round(3),
                    "person": person,
                    "x": (column * depth / FOCAL).round(4),
                    "y": (-row * depth / FOCAL).round(4),
                    "z": (-depth).round(4),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


@lru_cache(maxsize=3)
def _cast(person: int) -> tuple[head_people.Person, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """A person, their room, the direction of the lamp and the strengths of ambient light and lamp."""
    rng = _philox(person, 1)
    body = head_people.make(rng, person)
    room = head_room.paint(rng, person, SIZE[0] * FINE, SIZE[1] * FINE)
    light = np.array([rng.uniform(0.3, 0.9) * rng.choice([-1, 1]), rng.uniform(0.2, 0.8), rng.uniform(0.5, 0.9)])
    warm = rng.uniform(-0.05, 0.05)
    ambient = np.array([0.50 + warm, 0.50, 0.52 - warm], np.float32)
    lamp = np.array([0.60 + warm, 0.58, 0.54 - warm], np.float32)
    return body, room, light / np.linalg.norm(light), (ambient, lamp)


def draw(row: tuple) -> dict[str, np.ndarray]:
    """Render one row of :func:`plan`: ``image`` uint8 [120, 160, 3] and ``points`` float32 [1, 2]."""
    body, room, light, tone = _cast(int(row.person))
    view = View(room, FOCAL * FINE, light, tone)
    centre = np.array([row.x, row.y, row.z])
    frame = turn(row.yaw, row.pitch, row.roll)
    _person(view, body, centre, frame, turn(row.yaw * 0.22, row.pitch * 0.3, row.roll * 0.45), row.yaw)
    rng = _philox(int(row.person), 2, int(row.frame))
    height, width = SIZE
    image = view.colour.reshape(height, FINE, width, FINE, 3).mean(axis=(1, 3)) * (1 + 0.02 * rng.standard_normal())
    image = np.clip(image + rng.normal(0, 2.0, image.shape) + 0.5, 0, 255).astype(np.uint8)
    point = view.project(centre + frame @ body.template) / FINE
    return {"image": image, "points": point[None].astype(np.float32)}


def _person(
    view: View, body: head_people.Person, centre: np.ndarray, frame: np.ndarray, lean: np.ndarray, yaw: float
) -> None:
    """Draw shoulders, neck, head and all that sits on it; the shoulders follow the head's turn a little."""
    size = body.size
    neck = centre + lean @ np.array([0, -NECK * size, -1.0])
    upright = turn(0.25 * yaw, 0, 0)

    def cloth(point: np.ndarray) -> np.ndarray:
        x, y = point[0], point[1]
        second = {
            "plain": np.zeros(len(x), bool),
            "stripes": (y % 5.0) < 2.0,
            "zip": np.abs(x) < 0.8,
            "check": ((x % 6.0) < 3.0) ^ ((y % 6.0) < 3.0),
        }[body.pattern]
        return np.where(second[:, None], body.second, body.shirt).astype(np.float32)

    wide = 19.5 * body.build
    view.ellipsoid(neck + upright @ np.array([0, -24.0, -1]), (wide, 27.0, 11.5), upright, cloth)
    for side in (-1, 1):
        view.ellipsoid(neck + upright @ np.array([side * wide * 0.82, -22.0, -1]), (7.6, 20.0, 8.6), upright, cloth)
    throat = (centre + neck) / 2 + np.array([0, -2.5, -0.5])

    def skin(point: np.ndarray) -> np.ndarray:
        return body.skin * np.clip(0.80 - 0.035 * point[1], 0.55, 1.0)[:, None]

    view.ellipsoid(throat, (5.6 * size, 12.5 * size, 5.6 * size), lean, skin)
    view.ellipsoid(neck + np.array([0, 0.5, 0]), (8.2 * size, 4.0, 7.6), upright, body.second * 0.9)
    view.head(centre, frame, body)
    half = body.bound[0] * 0.86
    for side in (-1, 1):
        ear = centre + frame @ np.array([side * half, 0.4, -0.8])
        view.ellipsoid(
            ear, (1.2 * size, 3.0 * size, 1.9 * size), frame @ turn(side * -24, 0, 0), body.skin * (0.98, 0.88, 0.86)
        )
    _tresses(view, body, centre, frame)
    if body.hat == "cap":
        brim = centre + frame @ np.array([0, 4.9 * size, 11.0 * size])
        view.ellipsoid(brim, (7.0 * size, 0.9, 6.4 * size), frame @ turn(0, -8, 0), body.hat_colour * 0.8)
    if body.glasses != "none":
        _glasses(view, body, centre, frame)


def _tresses(view: View, body: head_people.Person, centre: np.ndarray, frame: np.ndarray) -> None:
    """Hair that leaves the head: long strands to the shoulders, or a bun."""
    size = body.size
    if body.style == "long":
        for side in (-1, 1):
            strand = centre + frame @ np.array([side * 6.6 * size, -6.0 * size, -3.6 * size])
            view.ellipsoid(strand, (3.0 * size, 11.5 * size, 4.6 * size), frame, body.hair * 0.9, gloss=8.0)
        back = centre + frame @ np.array([0, -7.0 * size, -6.2 * size])
        view.ellipsoid(back, (7.0 * size, 12.0 * size, 3.8 * size), frame, body.hair * 0.8)
    elif body.style == "bun":
        view.ellipsoid(
            centre + frame @ np.array([0, 9.6, -7.6]) * size, np.full(3, 4.0 * size), frame, body.hair, gloss=8.0
        )


def _glasses(view: View, body: head_people.Person, centre: np.ndarray, frame: np.ndarray) -> None:
    """Two rims, a bridge and temples as wires."""
    size, around = body.size, np.linspace(0, 2 * np.pi, 90)
    front = float(body.radius[head_people.ROWS // 2 + 7, head_people.COLUMNS // 2 + 17]) + 0.2
    power = 1.0 if body.glasses == "round" else 0.55
    x = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** power * 2.6 * size
    y = np.sign(np.sin(around)) * np.abs(np.sin(around)) ** power * (2.3 if power == 1 else 1.8) * size
    parts = []
    for side in (-1, 1):
        parts.append(np.stack([x + side * 3.2 * size, y + 1.2 * size, np.full(90, front * 0.96)], axis=1))
        along = np.linspace(0, 1, 60)
        parts.append(
            np.stack([side * (5.8 + 2.0 * along) * size, np.full(60, 1.6 * size), front * 0.94 - along * front], axis=1)
        )
    parts.append(np.stack([np.linspace(-0.7, 0.7, 12) * size, np.full(12, 1.7 * size), np.full(12, front)], axis=1))
    view.wire(centre + np.concatenate(parts) @ frame.T, (26, 24, 26))
