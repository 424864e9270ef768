"""Cars, vans, walkers and cyclists, painted part by part in perspective."""

import math

import numpy as np
from PIL import Image, ImageDraw

from labcore.data.embedded.street_canvas import Canvas, Colour, scaled
from labcore.data.embedded.street_view import NEAR, Camera
from labcore.data.embedded.street_world import Code, Thing

GLASS = (48, 58, 72)
RUBBER = (24, 24, 26)
DETAIL = 38.0
"""Beyond so many metres number plates and hub caps are smaller than a sub-pixel."""
SPOKES = [(math.sin(2 * math.pi * k / 10), math.cos(2 * math.pi * k / 10)) for k in range(10)]


def car(canvas: Canvas, thing: Thing, s: float, length: float = 4.3, high: float = 1.48, waist: float = 0.62) -> None:
    """A car whose near end is ``s`` metres ahead: cabin, far to near, then flank, wheels and near end."""
    scale, camera = thing.size, canvas.camera
    half, length, high = 0.9 * scale, length * scale, high * scale
    near, far, x = max(s, NEAR), s + length, thing.x
    if far < near + 0.4:
        return
    waist *= high
    side = 1 if camera.x > x else -1
    edge = x + side * half
    beside = abs(camera.x - x) > half
    ahead = s > NEAR - 0.2
    sun = camera.world.sun
    flank_light, end_light = max(sun[0] * side, 0.0), max(-sun[2], 0.0) + 0.15
    rear, front = (0.5, 1.26) if length < 4.8 else (0.06, 0.7)
    if thing.step < 0:
        rear, front = front, rear
    roof = max(s + rear * scale, near), far - front * scale
    if roof[1] > roof[0]:
        _cabin(canvas, thing, (half, waist, high), (near, far), roof, beside, ahead, (flank_light, end_light))
    if beside:
        canvas.flank(edge, (0.22, waist), (near, far), thing.colour, Code.CAR, flank_light)
        canvas.flank(edge, (0.22, 0.4), (near, far), scaled(thing.colour, 0.6), Code.CAR, flank_light)
        for axle in (far - 0.8 * scale, s + 0.8 * scale):
            if axle > NEAR + 0.2:
                _wheel(canvas, edge, axle)
    if ahead:
        _end(canvas, thing, half, waist, near, end_light)


def van(canvas: Canvas, thing: Thing, s: float) -> None:
    """A delivery van: a taller and longer car."""
    car(canvas, thing, s, length=5.0, high=2.05, waist=0.5)


def _cabin(
    canvas: Canvas, thing: Thing, size: tuple[float, float, float], span: tuple[float, float],
    roof: tuple[float, float], beside: bool, ahead: bool, light: tuple[float, float],
) -> None:  # fmt: skip
    """What is above the waist: pillars, glass, and the roof if the driver looks down on it."""
    (half, waist, high), (near, far), x = size, span, thing.x
    inset, camera = 0.12 * thing.size, canvas.camera
    side = 1 if camera.x > x else -1
    edge, shoulder = x + side * half, x + side * (half - inset)
    if beside:
        start = max(near + 0.1, NEAR)
        foot = waist - 0.03  # a hair's breadth into the body, lest a line of background stay between them
        pillars = [(edge, foot, start), (shoulder, high, roof[0]), (shoulder, high, roof[1]), (edge, foot, far - 0.5)]
        canvas.solid(pillars, thing.colour, Code.CAR, light[0])
        glass = [(px, py - 0.08 if py > waist else py + 0.06, ps) for px, py, ps in pillars]
        canvas.solid(glass, GLASS, Code.CAR, light[0] * 0.4)
    if ahead:
        for margin, colour, drop in ((0.0, thing.colour, 0.0), (0.13, GLASS, 0.09)):
            low, top = half - margin, half - inset - margin * 0.8
            pane = [(x - low, waist + drop * 0.6 - 0.03, near), (x - top, high - drop, roof[0]),
                    (x + top, high - drop, roof[0]), (x + low, waist + drop * 0.6 - 0.03, near)]  # fmt: skip
            canvas.solid(pane, colour, Code.CAR, light[1])
    if camera.world.eye > high:
        low = half - inset
        plate = [(x - low, high, roof[0]), (x + low, high, roof[0]), (x + low, high, roof[1]), (x - low, high, roof[1])]
        canvas.solid(plate, thing.colour, Code.CAR, max(camera.world.sun[1], 0.4))


def _wheel(canvas: Canvas, x: float, s: float) -> None:
    for radius, colour in ((0.33, RUBBER), (0.17, (150, 152, 156))):
        if radius > 0.2 or s < DETAIL:
            canvas.solid([(x, 0.33 + radius * a, s + radius * b) for a, b in SPOKES], colour, Code.CAR)


def _end(canvas: Canvas, thing: Thing, half: float, waist: float, s: float, light: float) -> None:
    """The near end: bumper, lamps (red unless it comes towards us), tyres and number plate."""
    x, oncoming = thing.x, thing.step < 0
    for side in (-1, 1):
        canvas.board((x + side * half * 0.95, x + side * half * 0.7), (0.0, 0.3), s, RUBBER, Code.CAR, 0.3)
    canvas.board((x - half, x + half), (0.26, waist), s, thing.colour, Code.CAR, light)
    canvas.board((x - half, x + half), (0.24, 0.45), s, scaled(thing.colour, 0.55), Code.CAR, light)
    lamp = (255, 246, 214) if oncoming else (255, 52, 40) if canvas.lamps else (214, 30, 26)
    for side in (-1, 1):
        across = (x + side * half * 0.96, x + side * half * 0.62)
        canvas.board(across, (waist - 0.3, waist - 0.12), s, lamp, Code.CAR, 0.7, glow=canvas.lamps)
    if s < DETAIL:
        canvas.board((x - 0.26, x + 0.26), (0.5, 0.62), s, (232, 226, 190), Code.CAR, 0.4)


TROUSERS = ((44, 48, 66), (58, 52, 48), (92, 86, 78))
SKINS = ((232, 190, 160), (190, 138, 104), (122, 84, 62))
HAIRS = ((40, 32, 28), (110, 78, 48), (168, 150, 120))


def person(canvas: Canvas, foot: tuple[float, float], tall: float, thing: Thing, stride: float, code: Code) -> None:
    """Legs, arms, coat and head of someone ``tall`` sub-pixels high whose feet are at ``foot``; stride -1 to 1."""
    column, row = foot
    trousers, skin, hair = TROUSERS[thing.seed % 3], SKINS[thing.seed // 3 % 3], HAIRS[thing.seed // 9 % 3]
    hip, neck, wide = row - 0.48 * tall, row - 0.84 * tall, 0.15 * tall
    sleeve = scaled(thing.colour, 0.85)
    for side in (-1, 1):
        toe = column + side * (wide * 0.35 + stride * 0.12 * tall), row - max(side * stride, 0) * 0.05 * tall
        canvas.line([(column + side * wide * 0.3, hip), toe], 0.11 * tall, trousers, code)
        hand = column + side * (wide * 1.35 - stride * 0.06 * tall), hip + 0.02 * tall
        canvas.line([(column + side * wide * 0.95, neck + 0.06 * tall), hand], 0.07 * tall, sleeve, code)
    hem = hip + 0.06 * tall
    coat = [(column - wide, neck), (column + wide, neck), (column + wide * 0.9, hem), (column - wide * 0.9, hem)]
    canvas.polygon(coat, thing.colour, code)
    radius, middle = 0.078 * tall, row - 0.92 * tall
    canvas.disc((column, middle), radius, radius * 1.15, skin, code)
    canvas.disc((column, middle - radius * 0.55), radius, radius * 0.65, hair, code)


def walker(canvas: Canvas, thing: Thing, s: float, frame: int) -> None:
    """Someone on foot, walking or waiting."""
    column, row = canvas.camera.project(thing.x, 0.0, s)
    tall = row - canvas.camera.project(thing.x, thing.size, s)[1]
    stride = math.sin(frame * 1.7 + thing.seed % 7) if thing.step else 0.2
    person(canvas, (column, row), tall, thing, stride, Code.PEDESTRIAN)


def cyclist(canvas: Canvas, thing: Thing, s: float, frame: int) -> None:
    """A rider whose bicycle stands slightly across, so that both wheels show."""
    column, row = canvas.camera.project(thing.x, 0.0, s)
    metre = row - canvas.camera.project(thing.x, 1.0, s)[1]
    code, radius = Code.BICYCLIST, 0.36 * metre
    slant = 0.42 * metre * (1 if thing.seed % 2 else -1)
    paint: Colour = ((196, 52, 44), (48, 112, 186), (224, 176, 40))[thing.seed % 3]
    hubs = [(column - slant, row - radius), (column + slant, row - radius * 1.06)]
    for hub in hubs:
        canvas.disc(hub, radius * 0.62, radius, RUBBER, code)
        canvas.disc(hub, radius * 0.45, radius * 0.72, (112, 112, 116), code)
    saddle, bar = (column - 0.3 * slant, row - 0.92 * metre), (column + 0.75 * slant, row - 1.0 * metre)
    pedal, thick = (column, row - 0.34 * metre), max(0.075 * metre, 1.5)
    canvas.line([hubs[0], saddle, pedal, hubs[0]], thick, paint, code)
    canvas.line([pedal, bar, hubs[1]], thick, paint, code)
    tall = thing.size * metre * 0.98
    person(canvas, (column, row - 0.26 * metre), tall, thing, 0.6 * math.sin(frame * 2.3), code)
    helmet = 0.17 * metre
    canvas.disc((column, row - 0.26 * metre - 0.97 * tall), helmet, helmet * 0.6, paint, code)


SHADOW = {
    "car": (1.9, 4.4, 1.3), "van": (2.0, 5.1, 1.9), "walker": (0.45, 0.45, 1.7), "cyclist": (0.5, 0.8, 1.8),
    "lamp": (0.22, 0.22, 6.0), "tree": (2.4, 2.4, 6.0), "bin": (0.6, 0.6, 1.1),
}  # fmt: skip
"""Width, length and height in metres of what casts a shadow."""


def shadows(things: list[tuple[Thing, float]], camera: Camera) -> np.ndarray:
    """How far the things darken the ground, float32 [H, W] from 0 to 1: cast along the sun, or just underneath."""
    sheet = Image.new("L", (camera.width, camera.height), 0)
    pen = ImageDraw.Draw(sheet)
    east, up, ahead = camera.world.sun
    sunny = camera.world.mood.sun[0] > 0.1
    for thing, s in things:
        if thing.kind not in SHADOW or s > 60:
            continue
        wide, long, tall = SHADOW[thing.kind]
        reach = min(tall / max(up, 0.12), 12.0) if sunny else 0.0
        spots = []
        for dx, ds in ((0.0, 0.0), (-east * reach, -ahead * reach))[: 2 if sunny else 1]:
            near, far = max(s + ds, NEAR), max(s + long + ds, NEAR)
            for x in (thing.x + dx - wide / 2, thing.x + dx + wide / 2):
                spots += [camera.project(x, 0.0, near), camera.project(x, 0.0, far)]
        pen.polygon(hull(spots), fill=235 if long > 3 else 200)
    return np.asarray(sheet, np.float32) / 255


def hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Convex hull (Andrew's monotone chain); at least three points, repeated if need be."""
    points = sorted(set(points))
    if len(points) < 3:
        return [*points, *points, *points][:3]
    chains = []
    for ordered in (points, points[::-1]):
        chain: list[tuple[float, float]] = []
        for x, y in ordered:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        chains.append(chain[:-1])
    return chains[0] + chains[1]
