"""``critters``: 2,040 portraits of twelve invented breeds of two species, for single-label lessons.

Each animal is built of some fifty ellipsoids in three dimensions, posed, turned, lit and photographed against one of
eight backdrops. Pose, light and backdrop are drawn without a look at the breed, so only the animal tells it.
"""

import numpy as np
import pandas as pd

from labcore.data.embedded import paint
from labcore.data.embedded.breeds import BREEDS, DYES, Breed
from labcore.data.embedded.paint import Clay, mix, noise, srgb, step

NAME = "critters"
VERSION = 2
SEED = 12
SIZE = (96, 96)
TASK = "single_label"
CLASSES = tuple(breed.name for breed in BREEDS)
VOID = None
PER_BREED = 170
POSES = ("sit", "stand", "lie")
BACKDROPS = ("meadow", "room", "studio", "woods", "snow", "sofa", "beach", "terrace")

RED, GREEN, BLUE, OWN, LIGHT, DARK, PATTERN, GLOSS, HEAD = range(9)


def plan() -> pd.DataFrame:
    """One row per picture: item, label, breed, species and all that was drawn by chance.

    Angles are radians: ``heading`` 0 looks at the viewer, positive to the picture's right; ``turn``, ``nod`` and
    ``tilt`` move the head against the body. ``zoom`` 1 fills the frame; ``close`` marks head-and-shoulders shots.
    """
    rng = paint.stream(SEED, VERSION, 1 << 40)
    count = PER_BREED * len(BREEDS)
    label = rng.permutation(np.repeat(np.arange(len(BREEDS)), PER_BREED))
    number = np.zeros(count, int)
    for one in range(len(BREEDS)):
        number[label == one] = np.arange(1, PER_BREED + 1)
    heading = rng.uniform(-1.5, 1.5, count)
    # Faces look back at the camera, so the head turns against the body when the body stands sideways.
    turn = np.clip(-heading * rng.uniform(0.15, 1.0, count) + rng.normal(0, 0.22, count), -1.25, 1.25)
    return pd.DataFrame(
        {
            "item": [f"{CLASSES[one]}_{k}" for one, k in zip(label, number, strict=True)],
            "label": label,
            "breed": [CLASSES[one] for one in label],
            "species": [BREEDS[one].species for one in label],
            "pose": rng.choice(POSES, count, p=[0.42, 0.36, 0.22]),
            "backdrop": rng.choice(BACKDROPS, count),
            "heading": heading,
            "turn": turn,
            "nod": rng.normal(0.02, 0.13, count),
            "tilt": rng.normal(0, 0.13, count),
            "camera": rng.uniform(0.05, 0.42, count),
            "zoom": rng.uniform(0.72, 1.12, count),
            "close": rng.random(count) < 0.3,
            "shift_x": rng.uniform(-1, 1, count),
            "shift_y": rng.uniform(-1, 1, count),
            "light_side": rng.uniform(-1.3, 1.3, count),
            "light_height": rng.uniform(0.3, 1.25, count),
            "warmth": rng.normal(0, 1, count).clip(-2, 2),
            "exposure": np.exp(rng.normal(0.05, 0.2, count)),
        }
    )


def draw(row) -> dict[str, np.ndarray]:
    """The picture of one row of ``plan().itertuples()``: ``image`` uint8 [96, 96, 3]."""
    rng = paint.stream(SEED, VERSION, row.Index)
    breed = BREEDS[row.label]
    animal = _Animal(row, breed, rng)
    light = _Light(row, rng)
    scene, shade_colour = _backdrop(row.backdrop, animal.horizon, rng)
    scene *= light.on_scene
    shadow = animal.shadow(light.direction)[..., None]
    scene *= 1 - shadow * (1 - shade_colour)
    body = _shade(animal, light, rng)
    cover = animal.clay.cover[..., None]
    picture = scene * (1 - cover) + body * cover
    animal.strokes(picture, light)
    image = paint.develop(
        picture,
        rng,
        exposure=row.exposure,
        grain=rng.uniform(0.5, 4.0),
        coarse=rng.uniform(1.0, 4.0),
        vignette=rng.uniform(0.0, 0.5),
    )
    return {"image": image}


def _at(*coordinates: float) -> np.ndarray:
    return np.array(coordinates)


class _Light:
    """One key light, a sky and a ground that throws light back; colours linear, direction towards the light."""

    def __init__(self, row, rng: np.random.Generator) -> None:
        side, height = row.light_side, row.light_height
        self.direction = np.array([np.sin(side) * np.cos(height), np.sin(height), np.cos(side) * np.cos(height)])
        tint = np.array([1 + 0.09 * row.warmth, 1.0, 1 - 0.11 * row.warmth], np.float32)
        power = rng.uniform(0.75, 1.15)
        self.key = tint * np.float32(power)
        self.sky = np.float32(rng.uniform(0.34, 0.55)) * (2 - tint)
        self.ground = np.float32(rng.uniform(0.14, 0.3)) * (1 + (tint - 1) * 0.5)
        self.rim = np.float32(rng.uniform(0.05, 0.5))
        self.on_scene = (0.35 + 0.65 * np.float32(power)) * (1 + (tint - 1) * 0.7)


class _Animal:
    """The posed animal, pressed into clay. Lengths are in units of about one shoulder height until projected."""

    def __init__(self, row, breed: Breed, rng: np.random.Generator) -> None:
        self.row, self.breed, self.rng = row, breed, rng
        self.felix = breed.species == "felix"

        def about(value: float, spread: float = 0.07) -> float:
            return value * float(np.exp(rng.normal(0, spread)))

        self.length = about(breed.length) * (1.0 if self.felix else 0.98)
        self.girth = about(breed.girth) * 0.27
        self.leg = about(breed.leg) * (0.44 if self.felix else 0.56)
        self.head = about(breed.head, 0.05) * (0.29 if self.felix else 0.275)
        self.snout = about(breed.snout, 0.09)
        self.ear = about(breed.ear_size, 0.08)
        self.fur = breed.fur * rng.uniform(0.7, 1.3)
        tilt_camera = row.camera
        body = paint.rotation(yaw=row.heading - np.pi / 2)
        lens = np.array(
            [
                [1, 0, 0],
                [0, np.cos(tilt_camera), -np.sin(tilt_camera)],
                [0, np.sin(tilt_camera), np.cos(tilt_camera)],
            ]
        )
        self.view = lens @ body
        # A body seen from the side needs its head brought round further for the face to show.
        self.head_turn = paint.rotation(yaw=row.turn, pitch=row.nod + 0.6 * tilt_camera, roll=row.tilt)
        self.parts: list[dict] = []
        self.contacts: list[tuple[np.ndarray, float]] = []
        getattr(self, f"_{row.pose}")()
        self._tail()
        self._face()
        self._frame()

    # Parts -----------------------------------------------------------------------------------------------------

    def _add(self, centre, radii, pitch=0.0, yaw=0.0, roll=0.0, *, place=None, **tags) -> None:
        centre = np.asarray(centre, float)
        self.parts.append(
            {
                "centre": centre,
                "turn": paint.rotation(yaw, pitch, roll),
                "radii": np.asarray(radii, float),
                "place": centre if place is None else np.asarray(place, float),
                "tags": {"pattern": 1.0} | tags,
            }
        )

    def _limb(self, top, foot, radius: float, *, dark: float = 0.55, depth: float = 1.0) -> None:
        """A leg from ``top`` to ``foot``: a limb that narrows, and a paw that points ahead."""
        top, foot = np.asarray(top, float), np.asarray(foot, float)
        span = top - foot
        pitch = np.arctan2(span[1], span[0])
        half = np.linalg.norm(span) / 2
        self._add((top + foot) / 2, (half + radius * 0.7, radius, radius), pitch, dark=0.15, light=0.25)
        low = foot + span * 0.22
        self._add(low, (half * 0.5, radius * 0.8, radius * 0.8), pitch, dark=dark, light=0.75)
        paw = foot + np.array([radius * 0.55, 0, 0])
        self._add(paw, (radius * 1.35, radius * 0.72, radius * 1.05 * depth), dark=dark, light=1.0)
        self.contacts.append((foot, radius * 2.0))

    def _stand(self) -> None:
        length, girth, leg = self.length, self.girth, self.leg
        hip = np.array([-0.42 * length, leg + girth * 0.62, 0])
        chest = np.array([0.40 * length, leg + girth * 0.70, 0])
        self._add(hip, (0.30 * length, girth * 0.94, girth * 0.86))
        self._add((hip + chest) / 2, (0.50 * length, girth * 0.84, girth * 0.80), 0.02)
        self._add(chest, (0.28 * length, girth * 1.08, girth * 0.90), 0.15, light=0.15)
        self._add(chest + _at(0.2 * length, -0.02, 0), (0.13 * length, girth * 0.75, girth * 0.6), 0.3, light=0.9)
        stride = self.rng.uniform(-0.14, 0.14, 4)
        radius = self.girth * 0.33
        for side, swing, back in ((1, stride[0], stride[2]), (-1, stride[1], stride[3])):
            z = side * girth * 0.52
            self._limb(chest + _at(0.04, -girth * 0.35, z), [chest[0] + 0.06 + swing, radius * 0.6, z], radius)
            self._add(hip + _at(0.0, -girth * 0.35, z * 1.1), (0.17 * length, girth * 0.85, girth * 0.42), -0.4)
            self._limb(hip + _at(-0.06, -girth * 0.7, z), [hip[0] - 0.06 + back, radius * 0.6, z], radius)
        self.contacts.append(((hip + chest) / 2, girth * 1.5))
        self._neck(
            chest + _at(0.10 * length, girth * 0.4, 0), chest + _at(0.36 * length, girth * 0.8 + self.head * 1.05, 0)
        )
        self.tail_root = hip + _at(-0.26 * length, girth * 0.35, 0)
        self.tail_angle = self.rng.uniform(1.7, 3.7) if self.breed.curl < 3 else self.rng.uniform(1.5, 2.0)

    def _sit(self) -> None:
        length, girth, leg = self.length, self.girth, self.leg
        rise = leg * 0.75 + 0.34 * length
        back = leg + girth * 0.65
        hip = np.array([-0.22 * length, girth * 0.92, 0])
        chest = np.array([0.10 * length, girth * 0.4 + rise, 0])
        lean = np.arctan2(*(chest - hip)[[1, 0]])
        # The coat keeps the place it has on the standing animal, so stripes stay across the back.
        self._add(hip, (0.32 * length, girth * 0.98, girth * 1.02), 0.35, place=[-0.42 * length, back, 0])
        self._add((hip + chest) / 2, (0.46 * length, girth * 0.90, girth * 0.90), lean, place=[0, back, 0])
        self._add(chest, (0.27 * length, girth * 0.96, girth * 0.88), lean, place=[0.4 * length, back, 0], light=0.2)
        self._add(
            chest + _at(girth * 0.62, -0.1, 0),
            (0.24 * length, girth * 0.45, girth * 0.60),
            1.4,
            place=[0.5 * length, leg - 0.2, 0],
            light=1.0,
        )
        radius = girth * 0.34
        for side in (1, -1):
            z = side * girth * 0.45
            self._limb(
                chest + _at(0.06, -0.1, z), [chest[0] + 0.16 + self.rng.uniform(-0.05, 0.05), radius * 0.6, z], radius
            )
            z = side * girth * 0.86
            self._add(
                [hip[0] + 0.1, girth * 0.78, z], (0.27, girth * 0.82, girth * 0.42), 0.5, place=[-0.4, back - 0.1, z]
            )
            paw = [hip[0] + 0.3, radius * 0.6, z * 1.12]
            self._add(paw, (radius * 1.7, radius * 0.72, radius), dark=0.55, light=1.0)
            self.contacts.append((np.asarray(paw), radius * 2))
        self.contacts.append((hip, girth * 1.7))
        self._neck(chest + _at(0.02, girth * 0.4, 0), chest + _at(0.15, girth * 0.75 + self.head * 0.95, 0))
        self.tail_root = hip + _at(-0.28 * length, -girth * 0.35, 0)
        self.tail_angle = self.rng.uniform(2.2, 3.3) if self.breed.curl < 3 else self.rng.uniform(1.6, 2.1)

    def _lie(self) -> None:
        length, girth = self.length, self.girth
        hip = np.array([-0.40 * length, girth * 0.82, 0])
        chest = np.array([0.36 * length, girth * 0.95, 0])
        self._add(hip, (0.32 * length, girth * 0.95, girth * 1.05))
        self._add((hip + chest) / 2, (0.50 * length, girth * 0.88, girth * 0.98), 0.05)
        self._add(chest, (0.27 * length, girth * 1.0, girth * 0.92), 0.3, light=0.15)
        self._add(chest + _at(0.2 * length, -0.02, 0), (0.13 * length, girth * 0.7, girth * 0.6), 0.3, light=0.9)
        radius = girth * 0.34
        for side in (1, -1):
            z = side * girth * 0.55
            self._limb(chest + _at(-0.02, -0.05, z), [chest[0] + 0.42, radius * 0.6, z * 0.9], radius)
            self._add([hip[0] + 0.08, girth * 0.7, side * girth * 0.9], (0.28, girth * 0.75, girth * 0.4), 0.3)
            paw = [hip[0] + 0.34, radius * 0.6, side * girth * 1.2]
            self._add(paw, (radius * 1.8, radius * 0.72, radius), dark=0.55, light=1.0)
        self.contacts += [(hip, girth * 2.0), ((hip + chest) / 2, girth * 2.0), (chest, girth * 2.0)]
        self._neck(chest + _at(0.06, girth * 0.4, 0), chest + _at(0.24 * length, girth * 0.65 + self.head * 0.9, 0))
        self.tail_root = hip + _at(-0.28 * length, -girth * 0.2, 0)
        self.tail_angle = self.rng.uniform(2.8, 3.4) if self.breed.curl < 3 else self.rng.uniform(1.6, 2.1)

    def _neck(self, low: np.ndarray, head: np.ndarray) -> None:
        self.head_at = head
        span = head - low
        thick = self.girth * (0.68 + 0.12 * self.fur)
        self._add(
            low + span * 0.42,
            (np.linalg.norm(span) * 0.62, thick, thick),
            np.arctan2(span[1], span[0]),
            place=[0.55, self.leg + self.girth, 0],
            light=0.25,
        )

    def _tail(self) -> None:
        """A chain of balls along a curve whose turning is the breed's; rings of the coat run along its length."""
        pieces = 13
        total = 0.72 * self.breed.tail * self.rng.uniform(0.88, 1.12) * (1.0 if self.felix else 0.85)
        angle, at = self.tail_angle, self.tail_root.copy()
        aside, drift = self.rng.uniform(-0.9, 0.9), self.rng.normal(0, 0.25)
        bend = -self.breed.curl * self.rng.uniform(0.75, 1.25) / pieces
        for k in range(pieces):
            share = k / (pieces - 1)
            full = 0.055 + 0.06 * (self.breed.bush - 0.7) * np.sin(np.pi * min(1, 0.15 + 0.85 * share)) ** 0.7
            radius = full * (1 - 0.35 * share)
            at = at + total / pieces * np.array([np.cos(angle), np.sin(angle), aside * 0.5])
            at[1] = max(at[1], radius)
            tip = step(0.55, 0.9, np.float32(share))
            self._add(at, (radius * 1.5, radius, radius), angle, place=[-0.6 - total * share, self.leg + 0.3, 0],
                      dark=0.35 + 0.65 * float(tip), light=float(step(0.8, 1.0, np.float32(share))))  # fmt: skip
            angle += bend
            aside += drift / pieces

    # The head: its own frame, x ahead -----------------------------------------------------------------------------

    def _on_head(self, at, radii, pitch=0.0, yaw=0.0, roll=0.0, *, hard=False, paint_with=None, **tags) -> None:
        at = np.asarray(at, float) * self.head
        self.parts.append(
            {
                "centre": self.head_at + self.head_turn @ at,
                "turn": self.head_turn @ paint.rotation(yaw, pitch, roll),
                "radii": np.asarray(radii, float) * self.head,
                "place": at / self.head,
                "tags": {"pattern": 1.0, "head": 1.0} | tags,
                "hard": hard,
                "paint": paint_with,
                "on_head": True,
            }
        )

    def _face(self) -> None:
        snout, felix = self.snout, self.felix
        self._on_head([0, 0, 0], [0.95, 0.92, 1.02 if felix else 0.92])
        self._on_head(
            [0.1, -0.3, 0], [0.75, 0.62, 1.05 + 0.1 * self.fur if felix else 0.85 + 0.15 * self.fur], light=0.3
        )
        if felix:
            reach = 0.72 + 0.16 * snout
            self._on_head([reach - 0.2, -0.1, 0], [0.30 + 0.15 * snout, 0.34, 0.28], -0.35, dark=0.5, light=0.1)
            for side in (1, -1):
                self._on_head(
                    [reach, -0.38, 0.17 * side], [0.24 + 0.1 * snout, 0.23, 0.27], dark=0.9, light=1.0, pattern=0.2
                )
            self._on_head([reach - 0.08, -0.6, 0], [0.24, 0.17, 0.22], dark=0.8, light=1.0, pattern=0.0)
            nose, nose_size = [reach + 0.2 + 0.1 * snout, -0.22, 0], [0.09, 0.09, 0.13]
        else:
            reach = 0.62 + 0.62 * snout
            wide = 0.40 + 0.08 / snout
            self._on_head([0.5, -0.14, 0], [0.62, 0.45, 0.48], -0.35, dark=0.5, light=0.15)
            self._on_head([reach * 0.68 + 0.1, -0.34, 0], [0.3 + 0.42 * snout, 0.33, wide], -0.06, dark=1.0, light=1.0,
                          pattern=0.2)  # fmt: skip
            self._on_head([reach * 0.62 + 0.05, -0.56, 0], [0.28 + 0.34 * snout, 0.2, wide * 0.78], dark=0.9, light=1.0,
                          pattern=0.0)  # fmt: skip
            nose, nose_size = [reach * 0.68 + 0.1 + 0.26 + 0.4 * snout, -0.2, 0], [0.15, 0.14, 0.19]
        self._ears()
        dark_nose = srgb("#2b2122") if not felix or self.rng.random() < 0.4 else srgb("#a8625c")
        self._on_head(nose, nose_size, hard=True, own=dark_nose, gloss=0.5)
        self.mouth = [np.array([nose[0] + 0.02, nose[1] - 0.08, 0]), np.array([nose[0] - 0.1, nose[1] - 0.3, 0])]
        self.pads = np.array([nose[0] - 0.12, nose[1] - 0.18, 0.3])
        iris = srgb(self.breed.eyes[self.rng.integers(len(self.breed.eyes))])
        size = (0.235 if felix else 0.165) * self.rng.uniform(0.92, 1.08)
        spread = 0.58 if felix else 0.50
        wide_open = self.rng.uniform(0.25, 0.75)
        for side in (1, -1):
            az, el = side * spread, 0.10 if felix else 0.16
            at = np.array([np.cos(el) * np.cos(az), np.sin(el), np.cos(el) * np.sin(az)]) * [0.84, 0.9, 0.92]
            self._on_head(at, [size * 0.8, size, size * 1.02], hard=True,
                          paint_with=_eye(iris, felix, -side * 0.4, wide_open))  # fmt: skip

    def _ears(self) -> None:
        size, kind = self.ear, self.breed.ears
        felix = self.felix
        inner = srgb("#b9857a") * np.float32(self.rng.uniform(0.7, 1.1))
        swing = self.rng.normal(0, 0.08)
        for side in (1, -1):
            if kind in ("upright", "tufted", "round"):
                root = np.array([-0.12, 0.62, 0.62 * side])
                lean = (0.42 if felix else 0.3) + swing
                out = np.array([0.0, np.cos(lean), side * np.sin(lean)])
                tall = (0.78 if felix else 0.80) * size * (0.8 if kind == "round" else 1.0)
                wide = (0.46 if felix else 0.44) * (0.6 + 0.4 * size)
                for k in range(9):
                    share = k / 8
                    taper = np.sqrt(max(0.0, 1 - share**2)) * 0.95 + 0.08 if kind == "round" else 1 - 0.9 * share**1.25
                    at = root + out * tall * share
                    self._on_head(
                        at, [0.13, tall * 0.15, wide * taper], roll=side * lean, dark=0.9, pattern=0.3, rough=0.4
                    )
                for k in range(4):
                    share = 0.08 + 0.17 * k
                    at = root + out * tall * share + _at(0.11, 0, 0)
                    self._on_head(at, [0.06, tall * 0.14, wide * 0.58 * (1 - share)], roll=side * lean, own=inner)
                if kind == "tufted":
                    for k in range(3):
                        at = root + out * tall * (1.04 + 0.1 * k)
                        self._on_head(at, [0.05, 0.1, 0.05], roll=side * lean, dark=1.0)
            elif kind == "folded":
                at = np.array([0.02, 0.76, 0.64 * side])
                self._on_head(at, [0.2, 0.2 * size, 0.3 * size], roll=side * 0.5, dark=0.7, pattern=0.3)
                tip = at + np.array([0.24, -0.07 - 0.1 * size, 0.13 * side])
                self._on_head(tip, [0.12, 0.26 * size, 0.24 * size], pitch=0.5, roll=side * 0.3, dark=1.0, pattern=0.3)
            else:
                at = np.array([-0.08, 0.50, 0.80 * side])
                self._on_head(at, [0.28, 0.3, 0.22], dark=0.7, pattern=0.4)
                for k in range(5):
                    share = k / 4
                    low = at + np.array([0.05 * share, -0.85 * size * share, side * (0.22 + 0.05 * np.sin(3 * share))])
                    self._on_head(low, [0.26 + 0.1 * np.sin(2.6 * share), 0.26, 0.13], dark=0.9, pattern=0.4)

    # Onto the film ------------------------------------------------------------------------------------------------

    def _frame(self) -> None:
        """Choose scale and position so that the animal (or its head) fills the frame by ``zoom``, and press it."""
        row, size = self.row, SIZE[0]
        points = np.array([self.view @ part["centre"] for part in self.parts])
        reach = np.array([part["radii"].max() * 0.8 for part in self.parts])
        if row.close:
            head = self.view @ self.head_at
            low, high = head[:2] - self.head * 2.0, head[:2] + self.head * 1.75
        else:
            low = (points[:, :2] - reach[:, None]).min(0)
            high = (points[:, :2] + reach[:, None]).max(0)
        extent = float((high - low).max())
        self.scale = size * row.zoom * 0.94 / extent
        free = np.abs(size - (high - low) * self.scale) / 2 * 0.8
        middle = (low + high) / 2
        self.origin = np.array(
            [size / 2 - middle[0] * self.scale + row.shift_x * free[0],
             size / 2 + middle[1] * self.scale + row.shift_y * free[1]]
        )  # fmt: skip
        far = self.view @ np.array([0.0, 0.0, 0.0])
        self.horizon = float(self.origin[1] - far[1] * self.scale - size * self.rng.uniform(0.08, 0.45))
        self.clay = Clay(*SIZE, extras=9, melt=max(1.0, 0.055 * self.scale))
        coarse = noise(self.rng, *SIZE, cells=30, octaves=1)
        fine = noise(self.rng, *SIZE, cells=60, octaves=1)
        fluff = (0.35 * coarse + 0.65 * fine) * np.float32(0.012 * self.scale * (0.25 + 1.2 * self.fur))
        for part in self.parts:
            tags, on_head = part["tags"], part.get("on_head", False)
            extras = np.zeros(9)
            extras[[LIGHT, DARK, PATTERN, GLOSS, HEAD]] = [
                tags.get(name, 0.0) for name in ("light", "dark", "pattern", "gloss", "head")
            ]
            if "own" in tags:
                extras[:3], extras[OWN] = tags["own"], 1.0
            hard = part.get("hard", False)
            self.clay.press(
                self.film(part["centre"]),
                self.view @ part["turn"],
                part["radii"] * self.scale,
                extras,
                place=part["place"],
                unit=self.scale * (self.head if on_head else 1.0),
                rough=None if hard else fluff * np.float32(tags.get("rough", 1.0)),
                paint=part.get("paint"),
                hard=hard,
            )

    def film(self, at: np.ndarray) -> np.ndarray:
        """Pixels (x right, y down, z to the viewer) of a point of the animal's space."""
        x, y, z = self.view @ at * self.scale
        return np.array([self.origin[0] + x, self.origin[1] - y, z])

    def shadow(self, light: np.ndarray) -> np.ndarray:
        """Darkness 0..1 on the ground, float32 [H, W]: contact shadows under the paws, a soft one from the body."""
        y, x = self.clay.y, self.clay.x
        dark = np.zeros(SIZE, np.float32)
        flat = max(0.16, np.sin(self.row.camera))
        for at, radius in self.contacts:
            px, py, _ = self.film(np.array([at[0], 0.0, at[2]]))
            px -= light[0] * at[1] * self.scale * 0.5
            wide = radius * self.scale
            away = ((x - np.float32(px)) / np.float32(wide)) ** 2 + (
                (y - np.float32(py)) / np.float32(wide * flat)
            ) ** 2
            dark = np.maximum(dark, np.exp(-1.2 * away))
        return np.clip(dark, 0, 1) * np.float32(0.85)

    def strokes(self, picture: np.ndarray, light: _Light) -> None:
        """Mouth and whiskers, drawn over the finished picture where the face looks towards the viewer."""
        facing = (self.view @ self.head_turn)[2, 0]
        if facing < 0.15:
            return

        def at(point) -> np.ndarray:
            return self.film(self.head_at + self.head_turn @ (np.asarray(point) * self.head))

        width = max(0.5, 0.05 * self.head * self.scale)
        y, x = self.clay.y, self.clay.x
        lines = [(*self.mouth, srgb("#2a1d1c"), 0.75, width)]
        if self.felix:
            for side in (1, -1):
                for k in range(3):
                    start = self.pads * [1, 1, side * 0.7]
                    lift = 0.25 * (k - 1) + self.rng.normal(0, 0.05)
                    end = start + np.array([-0.25, lift - 0.05, side * (0.95 + 0.1 * k)])
                    lines.append((start, end, srgb("#f2eee6") * light.key, 0.34, width * 0.45))
        for start, end, colour, strength, thick in lines:
            distance, _ = paint.segment_distance(y, x, at(start), at(end))
            alpha = np.clip(np.float32(thick) - distance + np.float32(0.5), 0, 1) * np.float32(strength)
            picture += (colour - picture) * alpha[..., None]


def _eye(iris: np.ndarray, felix: bool, gaze: float, wide_open: float):
    """Extras of an eyeball from its unit-sphere coordinates: rim, iris, pupil (a slit in felix)."""
    direction = np.array([np.cos(gaze), 0, np.sin(gaze)], np.float32)

    def colours(unit: np.ndarray) -> np.ndarray:
        values = np.zeros((9, *unit.shape[1:]), np.float32)
        ahead = np.tensordot(direction, unit, 1)
        across = direction[0] * unit[2] - direction[2] * unit[0]
        up = unit[1]
        away = np.hypot(across, up)
        narrow = 0.35 + 0.65 * wide_open if felix else 1.0
        pupil = step(0.52, 0.40, np.hypot(across / np.float32(narrow), up * np.float32(0.9 if felix else 1.0)))
        ring = step(0.80, 0.95, away) if felix else step(0.86, 0.98, away)
        colour = iris[:, None, None] * (np.float32(0.75) + np.float32(0.5) * step(-0.6, 0.5, -up))
        colour = mix(colour, srgb("#0c0a0b")[:, None, None], np.maximum(pupil, 0))
        colour = mix(colour, srgb("#1d1513")[:, None, None], np.maximum(ring, step(0.1, -0.1, ahead)))
        values[:3], values[OWN], values[GLOSS], values[HEAD] = colour, 1, 1, 1
        return values

    return colours


def _coat(animal: _Animal, place: np.ndarray, tags: np.ndarray, normal_y: np.ndarray) -> np.ndarray:
    """Colour of the fur, linear float32 [3, H, W], from the place on the body and the breed's pattern."""
    rng, breed = animal.rng, animal.breed
    dye = srgb(DYES[breed.dyes[rng.integers(len(breed.dyes))]])
    base = dye * np.exp(rng.normal(0, 0.05, 3) + rng.normal(0, 0.15)).astype(np.float32)
    base = np.minimum(base, 0.9)
    deep = (
        base
        * np.float32(rng.uniform(*((0.1, 0.25) if breed.coat in ("tabby", "spots") else (0.03, 0.12))))
        * np.array([1.1, 1.0, 0.9], np.float32)
    )
    pale = mix(base, srgb("#f4eee4"), np.float32(rng.uniform(0.55, 0.9)))
    x, y, z = place
    head, light, dark = tags[HEAD], tags[LIGHT], tags[DARK]
    p = rng.uniform(0, 2 * np.pi, 9).astype(np.float32)
    warp = np.sin(4.1 * y + p[0] + np.sin(5.3 * z + p[1])) + np.float32(0.6) * np.sin(7.9 * z + p[2] + 2 * x)
    weight = np.zeros_like(x)
    white = np.zeros_like(x)
    under = step(animal.leg + 0.12, animal.leg - 0.22, y) * (1 - head)
    strength = np.float32(rng.uniform(0.6, 0.95))
    hold = mix(1, tags[PATTERN], 0.7)
    if breed.coat == "tabby":
        bands = np.sin(np.float32(rng.uniform(15, 20)) * (x + 0.45 * y) + np.float32(0.9) * warp + p[3])
        brow = np.sin(np.float32(11) * z + np.float32(0.5) * np.sin(6 * x)) * step(-0.2, 0.35, y) * step(-0.5, 0.1, x)
        cheek = np.sin(np.float32(10) * y + 3 * np.abs(z)) * step(0.45, 0.75, np.abs(z)) * step(0.15, -0.1, y)
        weight = mix(step(0.05, 0.75, bands), step(0.1, 0.7, np.maximum(np.abs(brow) * np.sign(brow), cheek)), head)
        white = 0.75 * light
    elif breed.coat == "spots":
        k = np.float32(rng.uniform(12, 15)) * mix(np.float32(1), np.float32(0.42), head)
        cells = np.sin(k * x + warp * 0.8 + p[4]) * np.sin(k * y + p[5] + 0.7 * np.sin(4 * x)) + np.float32(
            0.5
        ) * np.sin(k * z + p[6]) * np.sin(k * (x + y) * np.float32(0.7) + p[7])
        weight = step(0.25, 0.6, cells)
        white = 0.6 * light
    elif breed.coat == "points":
        hold = np.float32(1)
        weight = step(0.1, 0.75, dark + np.float32(rng.normal(0, 0.08)))
        face = step(0.45, 0.9, x) * step(0.55, 0.0, y) * head
        weight = np.maximum(weight, np.float32(0.85) * face)
        white = np.float32(0.35) * light * (1 - weight)
    elif breed.coat == "two_tone":
        edge = animal.leg + np.float32(rng.uniform(-0.15, 0.3)) + np.float32(0.10) * warp
        white = step(0.06, -0.06, y - edge) * (1 - head)
        blaze = step(0.30, 0.16, np.abs(z) + np.float32(0.05) * warp) * step(0.0, 0.4, x)
        white = np.maximum(white, head * np.maximum(blaze, step(-0.2, -0.4, y) * step(0.1, 0.4, x)))
        weight = np.float32(0.35) * step(0.3, 0.9, dark) * (1 - white)
    elif breed.coat == "saddle":
        edge = animal.leg + np.float32(rng.uniform(0.02, 0.22)) + np.float32(0.04) * warp
        weight = step(-0.08, 0.08, y - edge) * (1 - head) * step(0.62, 0.45, x)
        weight = np.maximum(weight, head * np.float32(0.7) * step(0.15, 0.6, y) * step(0.7, 0.2, x))
        weight = np.maximum(weight, np.float32(rng.uniform(0.1, 0.7)) * dark * head)
        white = np.float32(rng.uniform(0.1, 0.7)) * light
    elif breed.coat == "hood":
        edge = animal.leg + np.float32(rng.uniform(-0.02, 0.16)) + np.float32(0.05) * warp
        weight = np.float32(0.7) * step(-0.1, 0.12, y - edge) * (1 - head)
        cap = step(0.0, 0.2, y - np.float32(0.28) + np.float32(0.55) * step(0.16, 0.0, np.abs(z)) * 0.6)
        weight = np.maximum(weight, head * np.float32(0.8) * cap)
        white = np.maximum(light, np.maximum(under, head * (1 - cap) * step(-0.1, 0.3, x)))
    else:
        hold = np.float32(1)
        weight = step(0.35, 0.85, dark) * head + np.float32(0.35) * step(0.3, 1, dark) * (1 - head)
        around = step(0.42, 0.20, np.hypot(np.abs(z) - np.float32(0.42), y - np.float32(0.12))) * step(0.3, 0.6, x)
        weight = np.maximum(weight, np.float32(0.75) * around * head)
        white = np.float32(0.3) * light * (1 - head)
    coat = base[:, None, None] * (1 + np.float32(0.10) * warp)
    coat = mix(coat, deep[:, None, None], np.clip(weight, 0, 1) * strength * hold)
    white = np.maximum(white, np.float32(0.25) * under)
    return mix(coat, pale[:, None, None], np.clip(white, 0, 1))


def _shade(animal: _Animal, light: _Light, rng: np.random.Generator) -> np.ndarray:
    """Light the clay: float32 [H, W, 3], linear, not weighted by cover."""
    clay = animal.clay
    data = clay.data / np.maximum(clay.cover, np.float32(1e-3))
    tags = data[7:]
    grain = noise(rng, *SIZE, cells=72, octaves=1)
    strands = noise(rng, *SIZE, cells=60, octaves=1, stretch=0.35)
    skin = 1 - tags[OWN]
    normal = data[:3].copy()
    normal[0] += np.float32(0.26) * strands * skin
    normal[1] += np.float32(0.15) * grain * skin
    normal /= np.sqrt((normal**2).sum(0)) + np.float32(1e-6)
    albedo = _coat(animal, data[3:6], tags, normal[1])
    albedo = albedo * (1 + np.float32(0.16 + 0.1 * animal.fur) * strands + np.float32(0.08) * grain)
    albedo = mix(albedo, tags[:3], np.clip(tags[OWN], 0, 1))
    depth = np.where(clay.cover > 0.5, data[6], data[6].min())
    open_sky = paint.occlusion(depth, 3, 0.5) * paint.occlusion(depth, 9, 0.7)
    direction = light.direction.astype(np.float32)
    facing = np.tensordot(direction, normal, 1)
    key = np.maximum(facing + np.float32(0.25), 0) / np.float32(1.25)
    up = normal[1] * np.float32(0.5) + np.float32(0.5)
    lit = light.key[:, None, None] * (key * (np.float32(0.35) + np.float32(0.65) * open_sky))
    lit += mix(light.ground[:, None, None], light.sky[:, None, None], up) * open_sky
    rim = light.rim * np.maximum(1 - normal[2], 0) ** 3 * np.maximum(up, 0)
    half = direction + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    spark = np.maximum(np.tensordot(half, data[:3], 1), 0) ** 40 * tags[GLOSS] * np.float32(1.6)
    return np.moveaxis(albedo * (lit + rim * skin) + spark, 0, -1)


def _backdrop(kind: str, horizon: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scene without the animal, float32 [96, 96, 3] linear, and the colour its shadows keep (share of light)."""
    height, width = SIZE
    y, x = paint.grid(height, width)

    def hue(*codes: str) -> np.ndarray:
        colour = srgb(codes[rng.integers(len(codes))])
        return colour * np.exp(rng.normal(0, 0.06, 3) + rng.normal(0, 0.15)).astype(np.float32)

    below = step(-1.2, 1.2, y - np.float32(horizon))[..., None] * np.ones((1, width, 1), np.float32)
    near = np.clip((y - np.float32(horizon)) / np.float32(height), 0, 1)[..., None]
    far = np.clip((np.float32(horizon) - y) / np.float32(height), 0, 1)[..., None]

    def texture(cells: float, octaves: int = 3, stretch: float = 1.0) -> np.ndarray:
        return noise(rng, height, width, cells, octaves, stretch)[..., None]

    def bokeh(colours: list[np.ndarray], count: int, top: float, bottom: float) -> np.ndarray:
        small = np.zeros((48, 48, 3), np.float32)
        sy, sx = paint.grid(48, 48)
        for _ in range(count):
            alpha = paint.disc(sy, sx, rng.uniform(top, bottom) / 2, rng.uniform(0, 48), rng.uniform(1.5, 6), 1.5)
            small += (colours[rng.integers(len(colours))] - small) * (alpha * np.float32(rng.uniform(0.15, 0.6)))[
                ..., None
            ]
        return paint.enlarge(paint.blur(small, 1), height, width)

    if kind == "meadow":
        sky = mix(hue("#b9d6ea", "#dfe8ea", "#f1dfc0"), hue("#6fa4d6", "#9fb9cc", "#c9a98f"), np.minimum(far * 1.6, 1))
        hills = step(
            -2, 2, y - (np.float32(horizon) - 7 - 5 * np.sin(x / np.float32(rng.uniform(12, 30)) + rng.uniform(0, 6)))
        )
        sky = mix(sky, hue("#7f9a74", "#8aa390", "#93986a"), hills[..., None] * np.float32(0.8))
        grass = hue("#6f8f3f", "#8b9a48", "#557a3a", "#a3964f") * (0.8 + 0.5 * near + 0.28 * texture(36, 2, 0.35))
        scene = mix(paint.blur(sky, 2, 1), grass, below)
    elif kind == "woods":
        leaves = [hue("#4f6b35", "#6d7f3a", "#b0812f", "#8a4f2a") for _ in range(3)] + [hue("#e8e3b8", "#dfe9d8")]
        scene = bokeh(leaves, 46, 0, max(24.0, horizon)) + hue("#2f3d28", "#4a4030") * 0.5
        floor = hue("#6b4d2e", "#5d5a34", "#8a6233") * (0.75 + 0.6 * near + 0.35 * texture(26, 3))
        scene = mix(scene, floor, below)
    elif kind == "room":
        wall = hue("#cfc3ae", "#a9b7b5", "#c79f86", "#8f97a6", "#d9d2c4", "#7e8f79") * (
            1 - 0.25 * far + 0.05 * texture(5)
        )
        left = rng.uniform(-30, 70)
        frame = ((x > left) & (x < left + 32) & (y < horizon - 22) & (y > horizon - 60))[..., None]
        wall = mix(
            wall, hue("#d8d2c8", "#5b7896", "#a5643f") * (1 + 0.3 * texture(6)), paint.blur(frame.astype(np.float32), 1)
        )
        boards = np.sin((x - 48) / (0.25 + near[..., 0]) / np.float32(rng.uniform(5, 9)) + rng.uniform(0, 6))[..., None]
        floor = hue("#8d623c", "#6f4a2e", "#b08a5e", "#8a8178") * (0.85 + 0.35 * near - 0.35 * step(0.93, 1, boards))
        scene = mix(wall, floor * (1 + 0.12 * texture(20, 2, 0.3)), below)
    elif kind == "studio":
        tone = hue("#8f9aa5", "#b7a892", "#6d7f7a", "#a98793", "#d6d2cb", "#4d5663", "#c7b15f")
        glow = np.exp(-(((x - rng.uniform(20, 76)) / 60) ** 2 + ((y - rng.uniform(10, 60)) / 50) ** 2)).astype(
            np.float32
        )
        scene = tone * (0.55 + 0.7 * glow[..., None] + 0.03 * texture(8)) * np.ones((height, width, 1), np.float32)
    elif kind == "snow":
        sky = mix(hue("#dfe4ea", "#c3cfdd"), hue("#9db1c8", "#b8b5c4"), np.minimum(far * 1.5, 1))
        trees = noise(rng, height, width, 22, 2, 5.0) > (
            np.float32(0.25) + np.abs(y - np.float32(horizon - 9)) / 9 - 0.9
        )
        band = trees & (y > horizon - 18)
        sky = mix(sky, hue("#5b6b66", "#7c8790"), paint.blur(band.astype(np.float32)[..., None], 1))
        scene = mix(sky, hue("#e2e8ef", "#d6dbe6") * (0.85 + 0.1 * near + 0.06 * texture(9)), below)
    elif kind == "sofa":
        cloth = hue("#9b5148", "#5c7285", "#7d8a5d", "#b79a6c", "#6e5a78", "#b5b0a6")
        folds = np.sin(x / np.float32(rng.uniform(9, 16)) + rng.uniform(0, 6) + 0.6 * np.sin(y / 14))[..., None]
        back = cloth * (0.62 + 0.12 * folds + 0.05 * texture(40, 1))
        stripes = step(0.2, 0.5, np.sin((x + y * 0.6) / np.float32(rng.uniform(3, 8))))[..., None]
        seat = mix(cloth, hue("#e3dac6", "#3d4654", "#c48a4a"), stripes * np.float32(rng.choice([0.0, 0.55])))
        scene = mix(back, seat * (0.85 + 0.3 * near + 0.06 * texture(40, 1)), below)
    elif kind == "beach":
        sky = mix(hue("#d9e4e8", "#f0d9bd"), hue("#7fb0d4", "#b99ab0"), np.minimum(far * 1.6, 1))
        sea = step(-1, 1, y - np.float32(horizon - rng.uniform(6, 16)))[..., None]
        sky = mix(sky, hue("#4f8ea8", "#5f8f9a", "#44657f") * (1 + 0.12 * texture(14, 2, 4.0)), sea)
        scene = mix(sky, hue("#d8c199", "#c9b28c", "#b79f7d") * (0.85 + 0.25 * near + 0.14 * texture(40, 2)), below)
    else:
        wall = hue("#b9705a", "#d1c6b5", "#8d8f93", "#c2a35f")
        rows = np.floor(y / 6)
        joints = np.maximum(
            step(0.75, 0.98, np.cos(y / 6 * 2 * np.pi)), step(0.9, 0.99, np.cos((x + 6 * rows) / 13 * 2 * np.pi))
        )
        wall = wall * (0.8 + 0.15 * texture(14, 2) - 0.22 * joints[..., None])
        ny = near[..., 0] + np.float32(0.22)
        checks = np.sign(np.sin((x - 48) / ny / np.float32(rng.uniform(6, 10)))) * np.sign(
            np.sin(np.float32(rng.uniform(7, 11)) / ny)
        )
        slabs = hue("#b5a48c", "#9a9c9e", "#b78d6d") * (
            0.9 + 0.3 * near + 0.09 * checks[..., None] + 0.08 * texture(24, 2)
        )
        scene = mix(paint.blur(wall, 1, 1), slabs, below)
    return scene.astype(np.float32), np.float32(0.25) + np.float32(0.1) * hue("#808080")
