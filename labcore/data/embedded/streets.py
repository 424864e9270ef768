"""``streets``: driving scenes with exact masks, in the manner of CamVid (Brostow, Fauqueur and Cipolla 2009).

Forty short videos of a car that drives along an invented street, so that neighbouring frames are alike and a split by
frames would leak; whole videos are held out instead. Classes are the eleven that SegNet took from CamVid, plus void.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from labcore.data.embedded import street_things, street_traffic, street_view, street_world
from labcore.data.embedded.street_canvas import Canvas
from labcore.data.embedded.street_world import Code

NAME = "streets"
VERSION = 1
SEED = 31
SIZE = (96, 128)
TASK = "masks"
CLASSES = (
    "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist",
    "Void",
)  # fmt: skip
VOID = int(Code.VOID)
VIDEOS = 40
FRAMES = 16
HELD_OUT = 5
"""Every fifth video is valid; moods turn with another step, so that each mood is in both parts."""
FINE = 3
"""Sub-pixels per pixel and direction: the picture is their mean, the mask their majority."""
MAJORITY = 7
"""A pixel belongs to a class that holds this many of its nine sub-pixels; else it is a border, hence void."""
THIN = (Code.POLE, Code.SIGN, Code.PEDESTRIAN, Code.BICYCLIST)
"""Classes that keep a pixel with five of nine: seams on both sides would leave nothing of a pole."""
SEEN = 90.0
"""Things farther than this are too small to draw, in metres."""
SEEN_SLIM = {"lamp": 40.0, "sign": 40.0, "board": 40.0, "lights": 40.0, "walker": 26.0, "cyclist": 30.0}
"""The same for posts and people, of whom a pixel or two would be left beyond."""


def plan() -> pd.DataFrame:
    """One row per frame: ``item``, ``group`` (video), ``frame``, ``is_valid`` and the ``mood`` of the day."""
    rows = []
    for video in range(VIDEOS):
        mood = street_world.MOODS[(video + video // HELD_OUT) % len(street_world.MOODS)].name
        for frame in range(FRAMES):
            group = f"v{video + 1:02d}"
            rows.append((f"{group}_{frame:03d}", group, frame, video % HELD_OUT == 2, mood, video))
    return pd.DataFrame(rows, columns=["item", "group", "frame", "is_valid", "mood", "video"])


@lru_cache(maxsize=4)
def _world(video: int, mood: str) -> street_world.World:
    rng = np.random.Generator(np.random.Philox([SEED, VERSION, video]))
    weather = next(known for known in street_world.MOODS if known.name == mood)
    return street_world.make(rng, weather, FRAMES)


def draw(row: tuple) -> dict[str, np.ndarray]:
    """Render one row of :func:`plan`: ``image`` uint8 [96, 128, 3] and ``mask`` uint8 [96, 128]."""
    world = _world(int(row.video), str(row.mood))
    frame = int(row.frame)
    height, width = SIZE[0] * FINE, SIZE[1] * FINE
    camera = street_view.Camera(
        world=world,
        s=frame * world.speed,
        x=world.lane + 0.12 * float(np.sin(frame * 0.5 + world.sway[0])),
        yaw=world.yaw + 0.012 * float(np.sin(frame * 0.4 + world.sway[1])),
        width=width,
        height=height,
    )
    image, codes = np.empty((height, width, 3), np.float32), np.empty((height, width), np.uint8)
    rays = street_view.Rays(camera)
    near = [(thing, thing.s + thing.step * frame - camera.s) for thing in world.things]
    near = [(thing, s) for thing, s in near if -thing.length - 6 < s < SEEN_SLIM.get(thing.kind, SEEN)]
    cars = [(thing.x, s) for thing, s in near if thing.kind in ("car", "van")]
    near = [(thing, s) for thing, s in near if thing.kind != "cyclist" or not _inside_a_car(thing.x, s, cars)]
    street_view.sky(rays, image, codes)
    street_view.ground(rays, image, codes, street_traffic.shadows(near, camera))
    street_view.walls(rays, image, codes)
    canvas = Canvas(np.clip(image, 0, 255).astype(np.uint8), codes, camera)
    for thing, s in sorted(near, key=lambda pair: -(pair[1] + pair[0].length)):
        if not _in_view(thing, s, camera):
            continue
        column, _ = camera.project(thing.x, 0.0, max(s, street_view.NEAR))
        if thing.kind != "fence" and rays.hidden(column, s, thing.size):
            continue
        street_things.draw(canvas, thing, s, frame)
    rng = np.random.Generator(np.random.Philox([SEED, VERSION, int(row.video), frame]))
    return {"image": _develop(canvas, rng), "mask": _majority(np.asarray(canvas.codes))}


def _inside_a_car(x: float, s: float, cars: list[tuple[float, float]]) -> bool:
    """Whether a cyclist at (x, s) would ride through one of the cars, whose paths know nothing of cyclists."""
    return any(abs(x - other) < 1.3 and -1.0 < s - start < 5.6 for other, start in cars)


def _in_view(thing: street_world.Thing, s: float, camera: street_view.Camera) -> bool:
    """Whether a thing lies ahead of the driver; what would touch the driver's own car is left out."""
    if thing.kind in ("car", "van"):
        beside = abs(thing.x - camera.x) > 1.5
        return s > street_view.NEAR - 4.0 if beside else s > 3.5
    if thing.kind == "fence":
        return s + thing.length > street_view.NEAR + 0.4
    return s > 1.6


def _develop(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """The mean over sub-pixels, with a trace of sensor noise."""
    mean = np.asarray(canvas.image.reduce(FINE), np.float32)
    return np.clip(mean + rng.normal(0, 2.0, mean.shape) + 0.5, 0, 255).astype(np.uint8)


def _majority(codes: np.ndarray) -> np.ndarray:
    """One code per pixel from uint8 [H * FINE, W * FINE]; void where no class holds a clear majority."""
    height, width = codes.shape[0] // FINE, codes.shape[1] // FINE
    blocks = codes.reshape(height, FINE, width, FINE).transpose(0, 2, 1, 3).reshape(height, width, FINE * FINE)
    # The middle of the sorted nine is the majority wherever there is one.
    middle = np.sort(blocks, axis=2)[:, :, FINE * FINE // 2]
    share = (blocks == middle[..., None]).sum(axis=2)
    needed = np.where(np.isin(middle, THIN), FINE * FINE // 2 + 1, MAJORITY)
    return np.where(share >= needed, middle, VOID).astype(np.uint8)
