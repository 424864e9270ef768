"""Kinds of things: each is an assembly of solids that nobody has ever seen, drawn from a seed.

A *plan* says how solids are put together (a core of one to three, and groups set on it singly, in mirrored pairs or in
rings); several *kinds* share a plan and differ in proportions, in one group and in materials, so that telling
kinds apart takes shape, parts and surface together, never one of them alone.
"""

from dataclasses import dataclass

import numpy as np

from labcore.models.pretraining.materials import draw_material

PARTS = 12
"""Most solids in one thing: more are slower to render and seldom seen."""

KINDS_PER_PLAN = 8
"""Kinds that share a plan, hence have to be told apart by proportion and surface."""

SOLIDS = {
    "ball": (0.0, 1.0, 0.0, -1.0),
    "tube": (0.0, 1.0, 0.0, 0.0),
    "cone": (0.0, 0.3, -0.3, 0.0),
    "bowl": (0.0, 0.5, 0.5, 0.0),
    "spindle": (0.0, 0.62, -0.3, -0.3),
    "waist": (0.0, 0.3, 0.0, 0.7),
    "box": (1.0, 1.0, 0.0, 0.0),
}
"""(is a box, a, b, c): x^2 + y^2 <= a + b z + c z^2 with |z| <= 1, or the cube |x|, |y|, |z| <= 1."""

_NAMES = tuple(SOLIDS)
_SHARES = np.array([0.34, 0.12, 0.1, 0.14, 0.12, 0.1, 0.08])
"""How often each solid is used: most things are rounded."""


@dataclass(frozen=True)
class Kind:
    """One kind of thing. All arrays have ``PARTS`` rows; unused rows have ``used`` False.

    Attributes:
        plan: index of the plan.
        solid: float [P, 4], rows of ``SOLIDS``.
        size: float [P, 3], half extents along the solid's own axes.
        place: float [P, 3], centre in the thing's frame (z up, x to its right, y away from the viewer).
        turn: float [P, 3, 3], the solid's axes as columns.
        group: int [P], 0 core, 1.. attached groups.
        used: bool [P].
        materials: float [4, F], one for each group.
    """

    plan: int
    solid: np.ndarray
    size: np.ndarray
    place: np.ndarray
    turn: np.ndarray
    group: np.ndarray
    used: np.ndarray
    materials: np.ndarray


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """[3, 3]: roll about y after pitch about x after yaw about z, angles in radians."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    return about_y @ about_x @ about_z


def draw_kind(number: int, seed: int) -> Kind:
    """Kind ``number`` of the world ``seed``; the same on any machine."""
    plan = number // KINDS_PER_PLAN
    shared = np.random.default_rng([seed, 1, plan])
    own = np.random.default_rng([seed, 2, number])
    parts: list[tuple[str, np.ndarray, np.ndarray, np.ndarray, int]] = []
    height = _draw_core(parts, shared, own)
    odd = own.integers(1, 4)  # the group that this kind shapes in a way of its own
    for group in range(1, 1 + shared.integers(1, 4)):
        _draw_group(parts, group, height, shared, own, own_shape=group == odd)
    parts = parts[:PARTS]
    used = len(parts)
    extent = max(np.abs(place).max() + size.max() for _, size, place, _, _ in parts)

    def rows(column: int, empty: np.ndarray) -> np.ndarray:
        return np.stack([np.asarray(part[column], float) for part in parts] + [empty] * (PARTS - used))

    solids = np.array([SOLIDS[part[0]] for part in parts] + [SOLIDS["ball"]] * (PARTS - used))
    return Kind(
        plan=plan,
        solid=solids,
        size=rows(1, np.ones(3)) / extent,
        place=rows(2, np.zeros(3)) / extent,
        turn=rows(3, np.eye(3)),
        group=np.array([part[4] for part in parts] + [0] * (PARTS - used)),
        used=np.arange(PARTS) < used,
        materials=_draw_coat(own),
    )


def _draw_core(parts: list, shared: np.random.Generator, own: np.random.Generator) -> float:
    """One to three solids stacked along z; returns their half height."""
    heights = []
    bottom = 0.0
    for _ in range(shared.integers(1, 4)):
        solid = _NAMES[shared.choice(len(_NAMES), p=_SHARES)]
        size = shared.uniform(0.35, 1.0, 3)
        size[1] = size[0] * shared.choice([1.0, shared.uniform(0.5, 1.0)])
        size *= np.exp(own.normal(0, 0.15, 3))
        offset = np.array([0, shared.choice([0.0, shared.uniform(-0.4, 0.4)]), bottom + size[2] * 0.8])
        bottom += size[2] * 1.6
        tilt = rotation(0, shared.choice([0.0, shared.uniform(-0.5, 0.5)]), 0)
        if shared.random() < 0.3:
            tilt = tilt @ rotation(0, np.pi, 0)
        parts.append((solid, size, offset, tilt, 0))
        heights.append(bottom)
    for index, (solid, size, offset, tilt, group) in enumerate(parts):
        parts[index] = (solid, size, offset - [0, 0, bottom / 2], tilt, group)
    return bottom / 2


def _draw_group(parts: list, group: int, height: float, shared, own, *, own_shape: bool) -> None:
    """A group set on the core: one solid, a mirrored pair, or a ring of three to six."""
    how = shared.choice(["single", "pair", "pair", "ring"])
    source = own if own_shape else shared
    solid = _NAMES[source.choice(len(_NAMES), p=_SHARES)]
    size = source.uniform(0.08, 0.4, 3) * np.array([1, 1, source.choice([1.0, 2.2])])
    lean = source.uniform(-1.2, 1.2)
    size *= np.exp(own.normal(0, 0.12, 3))
    level, reach = shared.uniform(-1, 1.1) * height, shared.uniform(0.3, 0.9)
    if how == "single":
        front = shared.choice([-1.0, 1.0]) * reach
        parts.append((solid, size, np.array([0, front * shared.choice([0, 1]), level]), rotation(0, lean, 0), group))
    elif how == "pair":
        depth = shared.uniform(-0.5, 0.5)
        for side in (-1, 1):
            parts.append((solid, size, np.array([side * reach, depth, level]), rotation(0, 0, side * lean), group))
    else:
        count = shared.integers(3, 7)
        for angle in np.arange(count) * 2 * np.pi / count:
            outward = np.array([np.sin(angle) * reach, np.cos(angle) * reach, level])
            parts.append((solid, size, outward, rotation(-angle, 0, 0).T @ rotation(0, -lean, 0), group))


def _draw_coat(own: np.random.Generator) -> np.ndarray:
    """Materials of the four groups; some groups share the core's."""
    coat = [draw_material(own) for _ in range(4)]
    for group in range(1, 4):
        if own.random() < 0.45:
            coat[group] = coat[0]
    return np.stack(coat)
