"""``critters``: 1,440 portraits of twelve invented breeds of two species, for single-label lessons.

Each animal is built of some fifty ellipsoids in three dimensions, posed, turned, lit and photographed against one of
eight backdrops. Pose, light and backdrop are drawn without a look at the breed, so only the animal tells it.
"""

import numpy as np
import pandas as pd

from labcore.data.embedded import paint
from labcore.data.embedded.critter_body import POSES, Animal
from labcore.data.embedded.critter_breeds import BREEDS
from labcore.data.embedded.critter_coat import GLOSS, OWN, coat
from labcore.data.embedded.critter_scenes import BACKDROPS, backdrop
from labcore.data.embedded.paint import mix, noise

NAME = "critters"
VERSION = 4
SEED = 12
SIZE = (96, 96)
TASK = "single_label"
CLASSES = tuple(breed.name for breed in BREEDS)
VOID = None
PER_BREED = 120


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
    heading = rng.uniform(-1.1, 1.1, count)
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
            "zoom": rng.uniform(0.95, 1.15, count),
            "close": rng.random(count) < 0.95,
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
    animal = Animal(row, SIZE, rng)
    light = _Light(row, rng)
    scene, shade_colour = backdrop(row.backdrop, SIZE, animal.horizon, rng)
    scene *= light.on_scene
    shadow = animal.shadow(light.direction)[..., None]
    scene *= 1 - shadow * (1 - shade_colour)
    body = _shade(animal, light, rng)
    cover = animal.clay.cover[..., None]
    picture = scene * (1 - cover) + body * cover
    animal.strokes(picture, light.key)
    image = paint.develop(
        picture,
        rng,
        exposure=row.exposure,
        grain=rng.uniform(0.5, 4.0),
        coarse=rng.uniform(1.0, 2.5),
        vignette=rng.uniform(0.0, 0.5),
    )
    return {"image": image}


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


def _shade(animal: Animal, light: _Light, rng: np.random.Generator) -> np.ndarray:
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
    albedo = coat(animal.breed, animal.leg, data[3:6], tags, rng)
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
