"""The animals of ``critters``: a skeleton of ellipsoids, posed, framed and pressed into clay."""

import numpy as np

from labcore.data.embedded import paint
from labcore.data.embedded.critter_breeds import BREEDS
from labcore.data.embedded.critter_coat import DARK, EXTRAS, GLOSS, HEAD, LIGHT, OWN, PATTERN, eye
from labcore.data.embedded.paint import Clay, noise, srgb, step

POSES = ("sit", "stand", "lie")


def _at(*coordinates: float) -> np.ndarray:
    return np.array(coordinates)


class Animal:
    """The posed animal, pressed into clay. Lengths are in units of about one shoulder height until projected."""

    def __init__(self, row, size: tuple[int, int], rng: np.random.Generator) -> None:
        breed = BREEDS[row.label]
        self.row, self.breed, self.size, self.rng = row, breed, size, rng
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
                          paint_with=eye(iris, felix, -side * 0.4, wide_open))  # fmt: skip

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
        row, size = self.row, self.size[0]
        points = np.array([part["centre"] for part in self.parts]) @ self.view.T
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
        self.clay = Clay(*self.size, extras=EXTRAS, melt=max(1.0, 0.055 * self.scale))
        coarse = noise(self.rng, *self.size, cells=30, octaves=1)
        fine = noise(self.rng, *self.size, cells=60, octaves=1)
        fluff = (0.35 * coarse + 0.65 * fine) * np.float32(0.012 * self.scale * (0.25 + 1.2 * self.fur))
        centres = points * self.scale * [1, -1, 1] + [*self.origin, 0]
        turns = self.view @ np.array([part["turn"] for part in self.parts])
        for part, centre, turn in zip(self.parts, centres, turns, strict=True):
            tags, on_head = part["tags"], part.get("on_head", False)
            extras = np.zeros(EXTRAS)
            extras[[LIGHT, DARK, PATTERN, GLOSS, HEAD]] = [
                tags.get(name, 0.0) for name in ("light", "dark", "pattern", "gloss", "head")
            ]
            if "own" in tags:
                extras[:3], extras[OWN] = tags["own"], 1.0
            hard = part.get("hard", False)
            self.clay.press(
                centre,
                turn,
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
        dark = np.zeros(self.size, np.float32)
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

    def strokes(self, picture: np.ndarray, light_colour: np.ndarray) -> None:
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
                    lines.append((start, end, srgb("#f2eee6") * light_colour, 0.34, width * 0.45))
        for start, end, colour, strength, thick in lines:
            ends = np.array([at(start)[:2], at(end)[:2]])
            (x0, y0), (x1, y1) = ends.min(0).astype(int) - 2, ends.max(0).astype(int) + 3
            rows, columns = slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0))
            distance, _ = paint.segment_distance(y[rows], x[:, columns], *ends)
            alpha = np.clip(np.float32(thick) - distance + np.float32(0.5), 0, 1) * np.float32(strength)
            picture[rows, columns] += (colour - picture[rows, columns]) * alpha[..., None]
