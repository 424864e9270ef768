"""Cars, people, trees, signs and the rest, painted from far to near as polygons in perspective."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from labcore.data.embedded.street_view import NEAR, Camera, cloud_noise, noise
from labcore.data.embedded.street_world import Code, Thing

Point = tuple[float, float]
Colour = tuple[float, float, float]


class Canvas:
    """A picture and its codes, drawn upon together; colours are given as in daylight and lit and hazed here."""

    def __init__(self, image: np.ndarray, codes: np.ndarray, camera: Camera) -> None:
        self.image, self.codes = Image.fromarray(image), Image.fromarray(codes)
        self.paint, self.mark = ImageDraw.Draw(self.image), ImageDraw.Draw(self.codes)
        self.camera = camera
        mood = camera.world.mood
        self.ambient, self.sun, self.air, self.haze = mood.ambient, mood.sun, mood.horizon, mood.haze
        self.clear = 1.0

    def at(self, depth: float) -> None:
        """Everything drawn from now on stands this far away."""
        self.clear = float(np.exp(-depth / self.haze))

    def tint(self, colour: Colour, facing: float = 0.5, glow: bool = False) -> tuple[int, int, int]:
        shown = []
        for value, ambient, sun, air in zip(colour, self.ambient, self.sun, self.air, strict=True):
            light = 1.0 if glow else ambient + sun * facing
            shown.append(int(min(value * light * self.clear + air * (1 - self.clear), 255)))
        return tuple(shown)

    def polygon(self, points: list[Point], colour: Colour, code: int, facing: float = 0.5, glow: bool = False) -> None:
        self.paint.polygon(points, fill=self.tint(colour, facing, glow))
        self.mark.polygon(points, fill=int(code))

    def ellipse(self, box: tuple[float, float, float, float], colour: Colour, code: int, facing: float = 0.5) -> None:
        self.paint.ellipse(box, fill=self.tint(colour, facing))
        self.mark.ellipse(box, fill=int(code))

    def line(self, points: list[Point], width: float, colour: Colour, code: int, facing: float = 0.5) -> None:
        thick = max(round(width), 1)
        self.paint.line(points, fill=self.tint(colour, facing), width=thick)
        self.mark.line(points, fill=int(code), width=thick)


@lru_cache(maxsize=8)
def _foliage(variant: int) -> tuple[np.ndarray, np.ndarray]:
    """A ragged clump of leaves: coverage and brightness, float32 [48, 48] each."""
    side = 48
    grid = (np.arange(side) + 0.5) / side * 2 - 1
    distance = np.hypot(grid[:, None], grid[None, :])
    at = 31 * variant
    rough = cloud_noise()[at % 200 : at % 200 + side, (at * 3) % 200 : (at * 3) % 200 + side]
    rough = (rough - rough.mean()) / rough.std()
    grain = noise()[at % 200 : at % 200 + side, (at * 7) % 200 : (at * 7) % 200 + side]
    cover = (distance + 0.09 * rough + 0.08 * grain < 0.88).astype(np.float32)
    bright = 0.92 - 0.34 * grid[:, None] + 0.10 * rough + 0.16 * grain
    return cover, bright.astype(np.float32)


@lru_cache(maxsize=512)
def _clump(variant: int, size: int) -> tuple[Image.Image, Image.Image]:
    """A clump in the wanted size: where it covers, and its brightness from 0 to 255."""
    cover, bright = (
        Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR) for part in _foliage(variant)
    )
    solid = Image.fromarray(((np.asarray(cover) > 0.5) * 255).astype(np.uint8))
    return solid, Image.fromarray(np.clip(np.asarray(bright) * 150, 0, 255).astype(np.uint8))


def _stamp(canvas: Canvas, centre: Point, radius: float, colour: Colour, variant: int) -> None:
    # Sizes in steps of an eighth let neighbouring frames share the resized clump.
    size = int(2 ** (round(np.log2(max(2 * radius, 3)) * 8) / 8))
    corner = (int(centre[0] - size / 2), int(centre[1] - size / 2))
    view = (
        max(-corner[0], 0),
        max(-corner[1], 0),
        min(size, canvas.camera.width - corner[0]),
        min(size, canvas.camera.height - corner[1]),
    )
    if view[0] >= view[2] or view[1] >= view[3]:
        return
    solid, bright = _clump(variant, size)
    if view != (0, 0, size, size):
        solid, bright, corner = solid.crop(view), bright.crop(view), (corner[0] + view[0], corner[1] + view[1])
    low, high = np.array(canvas.tint(colour, 0.05)) * 0.55, np.array(canvas.tint(colour, 0.95))
    ramp = np.arange(256)[:, None] / 150
    palette = np.clip(low + (high - low) * ramp, 0, 255).astype(np.uint8)
    leaf = bright.copy()
    leaf.putpalette(palette.tobytes())
    canvas.image.paste(leaf.convert("RGB"), corner, solid)
    canvas.codes.paste(int(Code.TREE), (*corner, corner[0] + solid.width, corner[1] + solid.height), solid)


class Painter:
    """Draws one thing at a time onto a canvas."""

    def __init__(self, canvas: Canvas, frame: int) -> None:
        self.canvas, self.camera, self.frame = canvas, canvas.camera, frame

    def draw(self, thing: Thing, s: float) -> None:
        """Draw ``thing``, whose near side is ``s`` metres ahead."""
        self.canvas.at(max(s, 0.0))
        getattr(self, f"_{thing.kind}")(thing, s)

    def _upright(self, thing: Thing, s: float) -> tuple[float, float, float]:
        """Foot position in the picture and sub-pixels per metre."""
        column, row = self.camera.project(thing.x, 0.0, s)
        top = self.camera.project(thing.x, 1.0, s)[1]
        return column, row, row - top

    def _lamp(self, thing: Thing, s: float) -> None:
        column, row, metre = self._upright(thing, s)
        width, top = max(0.21 * metre, 2.6), row - thing.size * metre
        grey = (96, 100, 102)
        self.canvas.line([(column, row), (column, top)], width, grey, Code.POLE)
        reach = -np.sign(thing.x) * 1.5 * metre
        self.canvas.line([(column, top), (column + reach, top - 0.25 * metre)], width * 0.75, grey, Code.POLE)
        head = (column + reach * 1.15, top - 0.28 * metre)
        box = [
            (head[0] - 0.4 * metre, head[1]),
            (head[0] + 0.4 * metre, head[1]),
            (head[0] + 0.3 * metre, head[1] + 0.2 * metre),
            (head[0] - 0.3 * metre, head[1] + 0.2 * metre),
        ]
        lamps = self.camera.world.mood.lamps
        self.canvas.polygon(box, (255, 226, 160) if lamps else (190, 192, 188), Code.POLE, glow=lamps)

    def _tree(self, thing: Thing, s: float) -> None:
        column, row, metre = self._upright(thing, s)
        tall, rng = thing.size * metre, np.random.Generator(np.random.Philox(thing.seed))
        bark = (92, 74, 58)
        self.canvas.line([(column, row), (column, row - 0.5 * tall)], max(0.30 * metre, 1.5), bark, Code.TREE)
        for _ in range(6):
            dx, dy, share = rng.uniform(-0.24, 0.24), rng.uniform(0.5, 0.84), rng.uniform(0.2, 0.29)
            centre = (column + dx * tall, row - dy * tall)
            warm = tuple(v + 14 * (dy - 0.65) * 4 for v in thing.colour)
            _stamp(self.canvas, centre, share * tall, warm, int(rng.integers(8)))

    def _fence(self, thing: Thing, s: float) -> None:
        far, panel = s + thing.length, 1.6
        count = int(thing.length / panel)
        for number in reversed(range(count)):
            near = max(s + number * panel, NEAR)
            end = min(s + (number + 1) * panel, far)
            if end <= near + 0.05:
                continue
            self.canvas.at(near)
            shade = 0.94 + 0.06 * (number % 2)
            colour = tuple(v * shade for v in thing.colour)
            corners = [
                (thing.x, 0.0, near),
                (thing.x, thing.size, near),
                (thing.x, thing.size, end),
                (thing.x, 0.0, end),
            ]
            self.canvas.polygon([self.camera.project(*corner) for corner in corners], colour, Code.FENCE)
            dark = tuple(v * 0.62 for v in thing.colour)
            if near < 30:
                for share in (0.05, 0.37, 0.68):
                    at = near + (end - near) * share
                    post = [self.camera.project(thing.x, high, at) for high in (0.0, thing.size)]
                    self.canvas.line(post, 0.05 * (post[0][1] - post[1][1]), dark, Code.FENCE)
            rail = [self.camera.project(thing.x, thing.size * 0.97, at) for at in (near, end)]
            self.canvas.line(rail, 2, tuple(v * 1.15 for v in thing.colour), Code.FENCE)

    def _quad(
        self, corners: list[tuple[float, float, float]], colour: Colour, facing: float, glow: bool = False
    ) -> None:
        self.canvas.polygon([self.camera.project(*corner) for corner in corners], colour, Code.CAR, facing, glow)

    def _car(self, thing: Thing, s: float, length: float = 4.3, high: float = 1.48, van: bool = False) -> None:
        scale = thing.size
        half, length, high = 0.9 * scale, length * scale, high * scale
        near, far = max(s, NEAR), s + length
        if far < near + 0.4:
            return
        x, paint = thing.x, thing.colour
        waist = high * (0.62 if not van else 0.5)
        edge = x + half if self.camera.x > x else x - half
        sun = self.camera.world.sun
        side_light = max(sun[0] * (1 if edge > x else -1), 0.0)
        oncoming = thing.step < 0
        back_light = max(-sun[2], 0.0)
        inset = 0.12 * scale
        rear, front = (0.45, 0.9) if not van else (0.05, 0.5)
        if oncoming:
            rear, front = front, rear
        roof_near, roof_far = max(s + rear * scale * 1.1, near), far - front * scale * 1.4
        side_visible = abs(self.camera.x - x) > half
        # The cabin stands behind the body's edge, so it is painted first, the side before the end.
        if roof_far > roof_near:
            shoulder = edge - inset * np.sign(edge - x)
            side = [
                (edge, waist, max(s + 0.1, near)),
                (shoulder, high, roof_near),
                (shoulder, high, roof_far),
                (edge, waist, far - 0.5),
            ]
            if side_visible:
                self._quad(side, paint, side_light)
                glass = [
                    (a + (b - a) * 0.0, y - 0.07 if y > waist else y + 0.03, c)
                    for (a, y, c), b in zip(side, [x] * 4, strict=True)
                ]
                self._quad(glass, (44, 54, 66), side_light * 0.4)
            if s > NEAR - 0.2:
                end = [
                    (x - half, waist, near),
                    (x - half + inset, high, roof_near),
                    (x + half - inset, high, roof_near),
                    (x + half, waist, near),
                ]
                self._quad(end, paint, back_light + 0.2)
                pane = [
                    (x - half + 0.14, waist + 0.03, near),
                    (x - half + inset + 0.1, high - 0.1, roof_near),
                    (x + half - inset - 0.1, high - 0.1, roof_near),
                    (x + half - 0.14, waist + 0.03, near),
                ]
                self._quad(pane, (52, 62, 76), back_light * 0.6)
            if self.camera.world.eye > high:
                roof = [
                    (x - half + inset, high, roof_near),
                    (x + half - inset, high, roof_near),
                    (x + half - inset, high, roof_far),
                    (x - half + inset, high, roof_far),
                ]
                self._quad(roof, paint, max(sun[1], 0.4))
        if side_visible:
            self._quad(
                [(edge, 0.22, near), (edge, waist, near), (edge, waist, far), (edge, 0.22, far)], paint, side_light
            )
            self._quad(
                [(edge, 0.22, near), (edge, 0.4, near), (edge, 0.4, far), (edge, 0.22, far)],
                tuple(v * 0.6 for v in paint),
                side_light,
            )
            for at in (s + 0.8 * scale, far - 0.8 * scale):
                if at > NEAR + 0.2:
                    self._wheel(edge, at)
        if s > NEAR - 0.2:
            self._end(x, half, waist, near, paint, back_light + 0.15, oncoming)

    def _wheel(self, x: float, s: float) -> None:
        turn = np.linspace(0, 2 * np.pi, 11)[:-1]
        for radius, colour in ((0.33, (24, 24, 26)), (0.17, (150, 152, 156))):
            rim = [self.camera.project(x, 0.33 + radius * np.sin(a), s + radius * np.cos(a)) for a in turn]
            self.canvas.polygon(rim, colour, Code.CAR)

    def _end(self, x: float, half: float, waist: float, s: float, paint: Colour, light: float, oncoming: bool) -> None:
        self._quad([(x - half, 0.3, s), (x - half, waist, s), (x + half, waist, s), (x + half, 0.3, s)], paint, light)
        self._quad(
            [(x - half, 0.24, s), (x - half, 0.45, s), (x + half, 0.45, s), (x + half, 0.24, s)],
            tuple(v * 0.55 for v in paint),
            light,
        )
        lamps = self.camera.world.mood.lamps
        for side in (-1, 1):
            outer, inner = x + side * half * 0.96, x + side * half * 0.62
            lamp = [
                (outer, waist - 0.3, s),
                (outer, waist - 0.12, s),
                (inner, waist - 0.12, s),
                (inner, waist - 0.3, s),
            ]
            if oncoming:
                self._quad(lamp, (255, 246, 214), 0.8, glow=lamps)
            else:
                self._quad(lamp, (214, 30, 26) if not lamps else (255, 52, 40), 0.5, glow=lamps)
            self._quad(
                [
                    (x + side * half * 0.95, 0.0, s),
                    (x + side * half * 0.95, 0.28, s),
                    (x + side * half * 0.7, 0.28, s),
                    (x + side * half * 0.7, 0.0, s),
                ],
                (26, 26, 28),
                0.3,
            )
        self._quad(
            [(x - 0.26, 0.5, s), (x - 0.26, 0.62, s), (x + 0.26, 0.62, s), (x + 0.26, 0.5, s)], (232, 226, 190), 0.4
        )

    def _van(self, thing: Thing, s: float) -> None:
        self._car(thing, s, length=5.0, high=2.05, van=True)

    def _person(self, column: float, row: float, metre: float, thing: Thing, stride: float, code: int) -> None:
        """Legs, coat, arms and head, facing the camera or away from it."""
        tall, rng = thing.size * metre, np.random.Generator(np.random.Philox(thing.seed))
        trousers = ((44, 48, 66), (58, 52, 48), (92, 86, 78))[int(rng.integers(3))]
        skin = ((232, 190, 160), (190, 138, 104), (122, 84, 62))[int(rng.integers(3))]
        hair = ((40, 32, 28), (110, 78, 48), (168, 150, 120))[int(rng.integers(3))]
        hip, neck = row - 0.48 * tall, row - 0.84 * tall
        wide = 0.135 * tall
        for side in (-1, 1):
            foot = (
                column + side * wide * 0.35 + side * stride * 0.12 * tall,
                row - max(side * stride, 0) * 0.05 * tall,
            )
            self.canvas.line([(column + side * wide * 0.3, hip), foot], 0.095 * tall, trousers, code)
        for side in (-1, 1):
            hand = (column + side * wide * 1.35 - side * stride * 0.06 * tall, hip + 0.02 * tall)
            self.canvas.line(
                [(column + side * wide * 0.95, neck + 0.06 * tall), hand],
                0.07 * tall,
                tuple(v * 0.85 for v in thing.colour),
                code,
            )
        coat = [
            (column - wide, neck),
            (column + wide, neck),
            (column + wide * 0.9, hip + 0.06 * tall),
            (column - wide * 0.9, hip + 0.06 * tall),
        ]
        self.canvas.polygon(coat, thing.colour, code)
        radius = 0.072 * tall
        middle = row - 0.92 * tall
        self.canvas.ellipse(
            (column - radius, middle - radius * 1.15, column + radius, middle + radius * 1.15), skin, code
        )
        self.canvas.ellipse(
            (column - radius, middle - radius * 1.2, column + radius, middle + radius * 0.1), hair, code
        )

    def _walker(self, thing: Thing, s: float) -> None:
        column, row, metre = self._upright(thing, s)
        stride = np.sin(self.frame * 1.7 + thing.seed % 7) if thing.step else 0.2
        self._person(column, row, metre, thing, float(stride), Code.PEDESTRIAN)

    def _cyclist(self, thing: Thing, s: float) -> None:
        """A rider whose bicycle stands slightly across, so that both wheels show."""
        column, row, metre = self._upright(thing, s)
        radius, slant = 0.36 * metre, 0.42 * metre * (1 if thing.seed % 3 else -1)
        dark, frame = (30, 30, 34), ((196, 52, 44), (48, 112, 186), (224, 176, 40))[thing.seed % 3]
        thick = max(0.075 * metre, 1.5)
        hubs = [(column - slant, row - radius), (column + slant, row - radius * 1.06)]
        for hub_column, hub_row in hubs:
            box = (hub_column - radius * 0.62, hub_row - radius, hub_column + radius * 0.62, hub_row + radius)
            self.canvas.ellipse(box, dark, Code.BICYCLIST)
            rim = 0.72
            box = (
                hub_column - radius * 0.62 * rim,
                hub_row - radius * rim,
                hub_column + radius * 0.62 * rim,
                hub_row + radius * rim,
            )
            self.canvas.ellipse(box, (112, 112, 116), Code.BICYCLIST)
        saddle, bar = (column - 0.3 * slant, row - 0.92 * metre), (column + 0.75 * slant, row - 1.0 * metre)
        pedal = (column, row - 0.34 * metre)
        self.canvas.line([hubs[0], saddle, pedal, hubs[0]], thick, frame, Code.BICYCLIST)
        self.canvas.line([pedal, bar, hubs[1]], thick, frame, Code.BICYCLIST)
        self._person(
            column, row - 0.26 * metre, metre * 0.98, thing, float(np.sin(self.frame * 2.3)) * 0.6, Code.BICYCLIST
        )
        helmet, wide = row - (0.26 + 0.96 * thing.size * 0.98) * metre, 0.17 * metre
        self.canvas.ellipse(
            (column - wide, helmet - wide * 0.7, column + wide, helmet + wide * 0.5), frame, Code.BICYCLIST
        )

    def _mast(self, thing: Thing, s: float, top: float) -> tuple[float, float, float]:
        column, row, metre = self._upright(thing, s)
        self.canvas.line(
            [(column, row), (column, row - top * metre)], max(0.13 * metre, 2.2), (118, 120, 122), Code.POLE
        )
        return column, row - top * metre, metre

    def _sign(self, thing: Thing, s: float) -> None:
        column, top, metre = self._mast(thing, s, thing.size)
        radius = 0.46 * metre
        if thing.seed % 3 == 0:
            outer = [
                (column, top - radius),
                (column + radius, top + radius * 0.7),
                (column - radius, top + radius * 0.7),
            ]
            self.canvas.polygon(outer, (206, 34, 38), Code.SIGN)
            inner = [
                (column + (px - column) * 0.6, top + 0.12 * radius + (py - top - 0.12 * radius) * 0.6)
                for px, py in outer
            ]
            self.canvas.polygon(inner, (244, 242, 236), Code.SIGN)
            return
        for share, colour in ((1.0, thing.colour), (0.66, (244, 242, 236)), (0.3, thing.colour)):
            r = radius * share
            self.canvas.ellipse((column - r, top - r, column + r, top + r), colour, Code.SIGN)

    def _board(self, thing: Thing, s: float) -> None:
        column, top, metre = self._mast(thing, s, thing.size + 0.5)
        wide, high = 0.8 * metre, 0.42 * metre
        for share, colour in ((1.0, (240, 240, 236)), (0.86, (28, 88, 164) if thing.seed % 2 else (34, 112, 74))):
            box = [
                (column - wide * share, top - high * share),
                (column + wide * share, top - high * share),
                (column + wide * share, top + high * share),
                (column - wide * share, top + high * share),
            ]
            self.canvas.polygon(box, colour, Code.SIGN)
        for line in (-0.35, 0.25):
            self.canvas.line(
                [(column - wide * 0.6, top + high * line), (column + wide * 0.5, top + high * line)],
                0.12 * metre,
                (240, 240, 236),
                Code.SIGN,
            )

    def _lights(self, thing: Thing, s: float) -> None:
        column, top, metre = self._mast(thing, s, thing.size + 0.3)
        wide, high = 0.24 * metre, 0.62 * metre
        self.canvas.polygon(
            [
                (column - wide, top - high),
                (column + wide, top - high),
                (column + wide, top + high),
                (column - wide, top + high),
            ],
            (34, 36, 38),
            Code.SIGN,
        )
        on = thing.seed % 3
        for number, colour in enumerate(((236, 48, 40), (240, 180, 50), (70, 210, 110))):
            at, r = top + (number - 1) * 0.38 * metre, 0.15 * metre
            shown = colour if number == on else tuple(v * 0.28 for v in colour)
            self.canvas.ellipse((column - r, at - r, column + r, at + r), shown, Code.SIGN, facing=0.9)

    def _bin(self, thing: Thing, s: float) -> None:
        column, row, metre = self._upright(thing, s)
        wide, tall = 0.32 * metre, thing.size * metre
        body = [
            (column - wide * 0.85, row),
            (column - wide, row - tall),
            (column + wide, row - tall),
            (column + wide * 0.85, row),
        ]
        self.canvas.polygon(body, tuple(v * 0.8 for v in thing.colour), Code.VOID)
        lid = [
            (column - wide * 1.1, row - tall),
            (column - wide * 0.9, row - tall * 1.12),
            (column + wide * 0.9, row - tall * 1.12),
            (column + wide * 1.1, row - tall),
        ]
        self.canvas.polygon(lid, (58, 60, 60), Code.VOID)


SHADOW_WIDTH = {"car": 1.9, "van": 2.0, "walker": 0.45, "cyclist": 0.5, "lamp": 0.22, "tree": 2.4, "bin": 0.6}


def shadows(things: list[tuple[Thing, float]], camera: Camera) -> np.ndarray:
    """How far the things darken the ground, float32 [H, W] from 0 to 1: cast along the sun, or just underneath."""
    sheet = Image.new("L", (camera.width, camera.height), 0)
    pen = ImageDraw.Draw(sheet)
    east, up, ahead = camera.world.sun
    sunny = camera.world.mood.sun[0] > 0.1
    for thing, s in things:
        if thing.kind not in SHADOW_WIDTH or s > 70:
            continue
        wide = SHADOW_WIDTH[thing.kind] * (thing.size if thing.kind in ("car", "van") else 1.0)
        long = 4.4 if thing.kind == "car" else 5.1 if thing.kind == "van" else wide
        tall = {"car": 1.3, "van": 1.9}.get(thing.kind, thing.size)
        near, far = max(s, NEAR), max(s + long, NEAR)
        foot = [
            (thing.x - wide / 2, near),
            (thing.x + wide / 2, near),
            (thing.x + wide / 2, far),
            (thing.x - wide / 2, far),
        ]
        casts = [(0.0, 0.0)]
        if sunny:
            reach = min(tall / max(up, 0.12), 12.0)
            casts += [(-east * reach, -ahead * reach)]
        spots = []
        for dx, ds in casts:
            spots += [camera.project(x + dx, 0.0, max(at + ds, NEAR)) for x, at in foot]
        pen.polygon(_hull(spots), fill=235 if long > 3 else 200)
    return np.asarray(sheet, np.float32) / 255


def _hull(points: list[Point]) -> list[Point]:
    """Convex hull (Andrew's monotone chain)."""
    points = sorted(set(points))
    if len(points) < 3:
        return [*points, *points][:3]
    chains = []
    for ordered in (points, points[::-1]):
        chain: list[Point] = []
        for point in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains.append(chain[:-1])
    return chains[0] + chains[1]


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
