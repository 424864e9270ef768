"""The room behind each person: painted once per video, for the camera stands still as BIWI's Kinect did."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WALLS = (
    (198, 188, 170), (164, 182, 190), (206, 196, 178), (150, 160, 142), (188, 162, 150), (172, 168, 186),
    (214, 208, 198), (122, 138, 152), (196, 176, 134), (140, 152, 160),
)  # fmt: skip
SPINES = ((146, 52, 48), (48, 78, 116), (196, 164, 96), (70, 102, 74), (214, 206, 188), (92, 64, 92), (186, 108, 60))

BLUR = 3.0
"""Radius in sub-pixels: the camera is focused on the person."""
CONTRAST = 0.62
"""What the air of a room and a wide aperture leave of the furniture's contrast."""


def _window(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    day = rng.random() < 0.75
    for step in range(12):
        share = step / 11
        sky = (150 + 70 * share, 190 + 34 * share, 232) if day else (30 + 26 * share, 36 + 26 * share, 66 + 22 * share)
        pen.rectangle(
            (left, top + (bottom - top) * step / 12, right, top + (bottom - top) * (step + 1) / 12), _rgb(sky)
        )
    frame = (232, 230, 224)
    pen.rectangle(box, outline=frame, width=6)
    middle = (left + right) / 2
    pen.line([(middle, top), (middle, bottom)], frame, 5)
    pen.line([(left, top + (bottom - top) * 0.4), (right, top + (bottom - top) * 0.4)], frame, 4)
    pen.rectangle((left - 8, bottom, right + 8, bottom + 7), _rgb((214, 210, 202)))
    cloth = _rgb(np.array(SPINES[rng.integers(len(SPINES))]) * 0.9 + 22)
    for start in (left - 16, right - 10):
        pen.rectangle((start, top - 8, start + 26, bottom + 26), cloth)
        for fold in range(3):
            pen.line(
                [(start + 5 + 8 * fold, top - 8), (start + 5 + 8 * fold, bottom + 26)], _rgb(np.array(cloth) * 0.84), 2
            )


def _shelf(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    wood = np.array(((112, 80, 54), (178, 148, 110), (226, 222, 214))[rng.integers(3)], float)
    pen.rectangle(box, _rgb(wood * 0.62))
    boards = int(rng.integers(3, 5))
    for board in range(boards):
        floor = top + (bottom - top) * (board + 1) / boards
        x = left + 4
        while x < right - 8:
            wide, high = rng.uniform(4, 10), rng.uniform(0.5, 0.86) * (bottom - top) / boards
            if rng.random() < 0.85:
                spine = np.array(SPINES[rng.integers(len(SPINES))]) * rng.uniform(0.8, 1.1)
                pen.rectangle((x, floor - high, x + wide - 1, floor), _rgb(spine))
            x += wide
        pen.rectangle((left, floor - 2, right, floor + 3), _rgb(wood))
    pen.rectangle(box, outline=_rgb(wood), width=4)


def _picture(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    pen.rectangle(box, _rgb((236, 232, 222)), outline=_rgb(rng.uniform(30, 120, 3)), width=4)
    pen.rectangle((left + 9, top + 9, right - 9, bottom - 9), _rgb(rng.uniform(110, 210, 3)))
    horizon = top + (bottom - top) * rng.uniform(0.45, 0.7)
    pen.rectangle((left + 9, horizon, right - 9, bottom - 9), _rgb(rng.uniform(60, 160, 3)))
    x, y, r = rng.uniform(left + 18, right - 18), horizon - 8, rng.uniform(5, 10)
    pen.ellipse((x - r, y - r, x + r, y + r), _rgb(rng.uniform(120, 250, 3)))


def _door(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, _ = box
    wood = np.array(((222, 216, 204), (140, 100, 68), (120, 132, 140))[rng.integers(3)], float)
    pen.rectangle((left, top, right, 400), _rgb(wood), outline=_rgb(wood * 0.7), width=5)
    pen.rectangle((left + 12, top + 14, right - 12, top + 90), outline=_rgb(wood * 0.82), width=3)
    pen.ellipse((right - 18, top + 118, right - 10, top + 126), _rgb((206, 180, 110)))


def _plant(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    x = (left + right) / 2
    for _ in range(26):
        angle, long = rng.uniform(-1.5, 1.5), rng.uniform(0.4, 1.0) * (bottom - top) * 0.7
        tip = (x + np.sin(angle) * long * 0.6, bottom - 24 - np.cos(angle) * long)
        leaf = _rgb(np.array((58, 112, 60)) * rng.uniform(0.65, 1.3))
        pen.line([(x, bottom - 24), tip], leaf, 3)
        pen.ellipse((tip[0] - 8, tip[1] - 5, tip[0] + 8, tip[1] + 5), leaf)
    pen.polygon(
        [(x - 18, bottom - 28), (x + 18, bottom - 28), (x + 13, bottom + 10), (x - 13, bottom + 10)],
        _rgb((176, 104, 74)),
    )


def _board(pen: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    pen.rectangle(box, (242, 244, 244), outline=(150, 152, 156), width=4)
    for line in range(5):
        y = top + 16 + line * 14
        if y < bottom - 10:
            ink = ((40, 70, 150), (180, 50, 50), (50, 52, 56))[rng.integers(3)]
            pen.line([(left + 12, y), (left + 12 + rng.uniform(0.3, 0.85) * (right - left - 24), y)], ink, 2)


def _rgb(colour) -> tuple[int, int, int]:
    return tuple(int(np.clip(value, 0, 255)) for value in colour)


FURNITURE = (_window, _shelf, _picture, _door, _plant, _board)


def paint(rng: np.random.Generator, number: int, height: int, width: int) -> np.ndarray:
    """A room's back wall out of focus, uint8 [height, width, 3]; ``number`` deals the wall colours in turn."""
    wall = np.array(WALLS[number % len(WALLS)], float) + rng.normal(0, 7, 3)
    room = Image.new("RGB", (width, height), _rgb(wall))
    pen = ImageDraw.Draw(room)
    if rng.random() < 0.35:
        stripe = wall * rng.uniform(0.90, 1.08)
        for x in range(0, width, 24):
            pen.rectangle((x, 0, x + 11, height), _rgb(stripe))
    floor = int(height * min(rng.uniform(0.84, 1.1), 1.0))
    order = rng.permutation(len(FURNITURE))[: int(rng.integers(3, 5))]
    places = np.linspace(0, width, len(order) + 1)
    for which, left, right in zip(order, places[:-1], places[1:], strict=True):
        room_for = right - left
        start = left + rng.uniform(0.05, 0.25) * room_for
        end = right - rng.uniform(0.05, 0.25) * room_for
        top = rng.uniform(0.02, 0.22) * height
        FURNITURE[which](pen, rng, (start, top, end, top + rng.uniform(0.36, 0.6) * height))
    pen.rectangle((0, floor, width, height), _rgb(wall * 0.55))
    pen.rectangle((0, floor - 7, width, floor), _rgb(wall * 0.5 + 118))
    pixels = np.asarray(room.filter(ImageFilter.GaussianBlur(BLUR)), np.float32)
    pixels = wall + CONTRAST * (pixels - wall)
    bright = (
        np.linspace(*rng.permutation([0.80, 1.06]), width)[None, :, None]
        * np.linspace(1.04, 0.88, height)[:, None, None]
    )
    return np.clip(pixels * bright, 0, 255).astype(np.uint8)
