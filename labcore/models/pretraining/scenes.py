"""Still lifes: one thing of a known kind, turned and lit at random, in front of a patterned ground or a clutter.

A scene is a table of solids in camera space (x right, y up, z towards the viewer; the picture spans -1..1), drawn
with numpy from a seed; ``render`` turns it into a picture. What the scene knows of itself are the labels.
"""

from dataclasses import dataclass

import numpy as np

from labcore.models.pretraining.kinds import PARTS, SOLIDS, Kind, rotation
from labcore.models.pretraining.materials import draw_material, vary_material

CLUTTER = 5
"""Solids beside and behind the thing: enough to make the outline a matter of looking."""

SOLIDS_IN_SCENE = PARTS + CLUTTER

POSE_FIELDS = ("x", "y", "size", "up_x", "up_y", "yaw_sin", "yaw_cos", "light_x", "light_y")
"""What is told of the pose: centre and scale in half pictures, the up direction, which way it faces, the light."""

REGIONS = ("wall", "floor", "clutter", "core", "group 1", "group 2", "group 3")
"""What a pixel can be."""


@dataclass
class Scene:
    """One scene, ready to be rendered.

    Attributes:
        solid: [S, 4], rows of ``SOLIDS``; for unused solids ``used`` is False.
        inverse: [S, 3, 3] from camera space to the solid's unit frame.
        centre: [S, 3] in camera space.
        extent: [S, 2] half width and half height, for textures of even scale.
        material: [S + 2, F]; the last two are wall and floor.
        region: [S] index into ``REGIONS``.
        used: [S].
        horizon: where wall and floor meet, y in picture units; below -1 there is no floor.
        ground: [3] scale, turn and offset of the ground's texture.
        light: [3] unit vector to the light.
        lamp: [3] colour of the light; ambient: [3] colour of the shade; exposure, haze, sensor noise.
        pose: [9], see ``POSE_FIELDS``.
        noise_seed: seed of the sensor noise.
    """

    solid: np.ndarray
    inverse: np.ndarray
    centre: np.ndarray
    extent: np.ndarray
    material: np.ndarray
    region: np.ndarray
    used: np.ndarray
    horizon: float
    ground: np.ndarray
    light: np.ndarray
    lamp: np.ndarray
    ambient: np.ndarray
    camera: np.ndarray
    pose: np.ndarray


def draw_scene(kind: Kind, rng: np.random.Generator) -> Scene:
    """A thing of this kind, varied, posed, lit and put somewhere."""
    yaw, pitch, roll = rng.vonmises(0, 0.7), rng.normal(-0.25, 0.25), rng.normal(0, 0.25)
    turn = _TO_CAMERA @ rotation(0, pitch, roll) @ rotation(yaw, 0, 0)
    scale = rng.uniform(0.55, 1.1)
    middle = np.array([*(rng.normal(0, 0.16, 2)), 0.0])
    size = kind.size * np.exp(rng.normal(0, 0.07, kind.size.shape)) * np.exp(rng.normal(0, 0.08, 3))
    place = kind.place * np.exp(rng.normal(0, 0.06, 3)) + rng.normal(0, 0.015, kind.place.shape)
    sway = np.stack([rotation(*rng.normal(0, 0.1, 3)) for _ in range(PARTS)])
    axes = turn @ kind.turn @ sway
    coat = np.stack([vary_material(material, rng) for material in kind.materials])

    solid = np.concatenate([kind.solid, np.zeros((CLUTTER, 4))])
    used = np.concatenate([kind.used, np.zeros(CLUTTER, bool)])
    inverse = np.zeros((SOLIDS_IN_SCENE, 3, 3))
    centre = np.zeros((SOLIDS_IN_SCENE, 3))
    half = np.ones((SOLIDS_IN_SCENE, 3))
    half[:PARTS] = size * scale
    inverse[:PARTS] = axes.transpose(0, 2, 1) / half[:PARTS, :, None]
    centre[:PARTS] = middle + scale * place @ turn.T
    material = np.concatenate([coat[kind.group], np.zeros((CLUTTER + 2, coat.shape[1]))])
    region = np.concatenate([3 + kind.group, np.full(CLUTTER, 2)])

    names = tuple(SOLIDS)
    for index in range(PARTS, PARTS + rng.choice([0, 2, CLUTTER])):
        solid[index] = SOLIDS[names[rng.integers(len(names))]]
        half[index] = rng.uniform(0.1, 0.6, 3)
        inverse[index] = rotation(*rng.uniform(-np.pi, np.pi, 3)).T / half[index][:, None]
        centre[index] = [*rng.uniform(-1.1, 1.1, 2), -2.5 if rng.random() < 0.85 else 2.0]
        if centre[index, 2] > 0:  # in front of the thing: only at the rim, so that it hides a part and never the whole
            centre[index, :2] = rng.choice([-1.0, 1.0], 2) * rng.uniform(0.75, 1.1, 2)
        material[index] = draw_material(rng)
        used[index] = True
    material[-2:] = draw_material(rng, rng.uniform(0.1, 0.9)), draw_material(rng, rng.uniform(0.1, 0.9))

    light = np.array([rng.normal(0, 0.8), rng.normal(0.6, 0.5), rng.uniform(0.3, 1.0)])
    light /= np.linalg.norm(light)
    warmth = rng.normal(0, 0.08)
    strength = rng.uniform(0.5, 1.0)
    up = turn[:2, 2] / (np.linalg.norm(turn[:2, 2]) + 1e-6)
    return Scene(
        solid=solid,
        inverse=inverse,
        centre=centre,
        extent=np.stack([(half[:, 0] + half[:, 1]) / 2, half[:, 2]], 1),
        material=material,
        region=region,
        used=used,
        horizon=rng.choice([-2.0, rng.uniform(-0.7, 0.4)]),
        ground=np.array([np.exp(rng.uniform(np.log(0.5), np.log(3.0))), rng.uniform(0, np.pi), rng.uniform(0, 100)]),
        light=light,
        lamp=strength * np.array([1 + warmth, 1, 1 - warmth]),
        ambient=rng.uniform(0.25, 0.6) * np.array([1 - warmth / 2, 1, 1 + warmth / 2]),
        camera=np.array([np.exp(rng.normal(0, 0.15)), rng.uniform(0, 0.15), rng.choice([0.005, 0.02, 0.05])]),
        pose=np.array([*middle[:2], scale, *up, np.sin(yaw), np.cos(yaw), *light[:2]]),
    )


_TO_CAMERA = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
"""A thing's z is up; a picture's y is up and its z comes towards the viewer."""
