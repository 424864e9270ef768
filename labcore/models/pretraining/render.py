"""Ray casting of scenes: parallel rays, quadrics and boxes in closed form, one light, textures that follow surfaces."""

import math

import numpy as np
import torch

from labcore.models.pretraining import materials as m
from labcore.models.pretraining.materials import NOISE_SIDE, noise_tiles
from labcore.models.pretraining.scenes import Scene

FAR = 1e4
_TILES: list[torch.Tensor] = []


def render(scene: Scene, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture and regions of one scene.

    Args:
        scene: what to draw.
        side: pixels along each side.
        rng: for the sensor's noise.

    Returns:
        uint8 [side, side, 3] RGB, and uint8 [side, side] indices into ``REGIONS``.
    """
    keep = np.flatnonzero(scene.used)
    solid, inverse, centre = (_tensor(a[keep]) for a in (scene.solid, scene.inverse, scene.centre))
    axis = (torch.arange(side, dtype=torch.float32) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    x, y = x.reshape(-1), y.reshape(-1)

    # A ray enters at z = 0 of the part's own plane and runs towards -z, in the solid's unit frame start + t * step.
    rays = torch.stack([x, y, torch.zeros_like(x)])
    start = inverse @ (rays[None] - centre[:, :, None])
    step = -inverse[:, :, 2]
    depth = torch.where(solid[:, :1] > 0, _hit_box(start, step), _hit_quadric(solid, start, step))
    nearest, part = depth.min(0)
    hit = nearest < FAR
    picked = part.clamp_min(0)

    point = start.permute(0, 2, 1)[picked, torch.arange(len(x))] + nearest.clamp(max=10)[:, None] * step[picked]
    normal = _normal(solid[picked], point)
    normal = torch.einsum("pji,pj->pi", inverse[picked], normal)
    normal = normal / normal.norm(dim=1, keepdim=True).clamp_min(1e-6)
    normal = torch.where((normal[:, 2:] < 0), -normal, normal)

    material = _tensor(scene.material)
    extent = _tensor(scene.extent[keep])[picked]
    around = torch.atan2(point[:, 1], point[:, 0]) * extent[:, 0] * 2
    flat = (point[:, 0] + point[:, 1]) * extent[:, 0] * 1.5
    u = torch.where(solid[picked, 0] > 0, flat, around)
    v = point[:, 2] * extent[:, 1] * 2

    floor = y < scene.horizon
    scale, turn, offset = (float(g) for g in scene.ground)
    depth_of_floor = 0.6 / (scene.horizon - y + 0.25).clamp_min(0.05)
    wall_u, wall_v = (
        scale * (x * math.cos(turn) + y * math.sin(turn)),
        scale * (y * math.cos(turn) - x * math.sin(turn)),
    )
    back_u = torch.where(floor, scale * x * depth_of_floor, wall_u) + offset
    back_v = torch.where(floor, scale * 2 * depth_of_floor, wall_v) + offset
    u, v = torch.where(hit, u, back_u), torch.where(hit, v, back_v)
    row = torch.where(hit, torch.from_numpy(keep)[picked], len(material) - 2 + floor.long())
    tip = torch.where(hit, point[:, 2].clamp(-1, 1), y)
    skin = material[row]
    colour = paint(skin, u, v, tip)

    region = _tensor(scene.region[keep]).long()[picked]
    region = torch.where(hit, region, floor.long())
    shadow = _shadow((hit & (region > 2)).view(side, side), scene.light).reshape(-1)
    ground_normal = torch.where(floor[:, None], torch.tensor([0.0, 0.8, 0.6]), torch.tensor([0.0, 0.0, 1.0]))
    normal = torch.where(hit[:, None], normal, ground_normal)
    light = _tensor(scene.light)
    facing = (normal @ light).clamp_min(0)
    facing = torch.where(hit, facing, facing * (1 - 0.7 * shadow))
    sky = 0.75 + 0.25 * normal[:, 1]
    halfway = light + torch.tensor([0.0, 0.0, 1.0])
    shine = (normal @ (halfway / halfway.norm())).clamp_min(0) ** skin[:, m.GLOSS_EXPONENT] * skin[:, m.GLOSS] * hit
    colour = colour * (facing[:, None] * _tensor(scene.lamp) + sky[:, None] * _tensor(scene.ambient))
    colour = colour + (shine * facing.sqrt())[:, None] * _tensor(scene.lamp)

    exposure, haze, grain = (float(c) for c in scene.camera)
    colour = colour * exposure * (1 - haze) + haze * 0.6
    colour = colour + grain * _tensor(rng.standard_normal((side * side, 3)))
    picture = (colour.clamp(0, 1) * 255).to(torch.uint8).view(side, side, 3).numpy()
    return picture, region.to(torch.uint8).view(side, side).numpy()


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(np.asarray(array, np.float32))


def _hit_box(start: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Where rays enter |x|, |y|, |z| <= 1 (slab method), [S, N]; ``FAR`` where they miss."""
    step = torch.where(step.abs() < 1e-6, 1e-6, step)[:, :, None]
    enter = ((-step.sign() - start) / step).amax(1)
    leave = ((step.sign() - start) / step).amin(1)
    return torch.where(enter < leave, enter, FAR)


def _hit_quadric(solid: torch.Tensor, start: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Where rays first touch a quadric of revolution cut off at |z| = 1, sides or caps, [S, N]; ``FAR`` on a miss."""
    a0, a1, a2 = (solid[:, i, None] for i in (1, 2, 3))
    sx, sy, sz = start.unbind(1)
    dx, dy, dz = (step[:, i, None] for i in range(3))
    square = dx * dx + dy * dy - a2 * dz * dz
    square = torch.where(square.abs() < 1e-6, 1e-6, square)
    linear = sx * dx + sy * dy - dz * (a1 / 2 + a2 * sz)
    constant = sx * sx + sy * sy - a0 - sz * (a1 + a2 * sz)
    root = (linear * linear - square * constant).clamp_min(-1)
    real = root >= 0
    root = root.clamp_min(0).sqrt()
    best = torch.full_like(sx, FAR)
    for sign in (-1, 1):
        t = (sign * root - linear) / square
        best = torch.minimum(best, torch.where(real & ((sz + t * dz).abs() <= 1), t, FAR))
        t = (sign - sz) / torch.where(dz.abs() < 1e-6, 1e-6, dz)
        inside = (sx + t * dx) ** 2 + (sy + t * dy) ** 2 <= a0 + sign * a1 + a2
        best = torch.minimum(best, torch.where(inside, t, FAR))
    return best


def _normal(solid: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
    """Outward normals in the unit frame, [N, 3]."""
    x, y, z = point.unbind(1)
    side = torch.stack([x, y, -(solid[:, 2] / 2 + solid[:, 3] * z)], 1)
    cap = torch.stack([torch.zeros_like(x), torch.zeros_like(x), z.sign()], 1)
    reach = point.abs()
    face = point.sign() * (reach >= reach.amax(1, keepdim=True))
    round_ = torch.where((z.abs() > 0.999)[:, None], cap, side)
    return torch.where(solid[:, :1] > 0, face, round_)


def paint(skin: torch.Tensor, u: torch.Tensor, v: torch.Tensor, tip: torch.Tensor) -> torch.Tensor:
    """Colours [N, 3] of materials ``skin`` [N, F] at surface (u, v); ``tip`` runs from -1 to 1 along a solid."""
    if not _TILES:
        _TILES.append(torch.from_numpy(noise_tiles()))
    tiles = _TILES[0]
    phase, soft = skin[:, m.PHASE], skin[:, m.SOFTNESS]
    cloud = _look_up(tiles, skin[:, m.CLOUD_LAYER], u * 0.25 + phase, v * 0.25)
    fu = u * skin[:, m.FREQUENCY_U] + skin[:, m.WARP] * (cloud - 0.5) * 4 + phase
    fv = v * skin[:, m.FREQUENCY_V] + skin[:, m.WARP] * (cloud - 0.5) * 4 + phase
    band, flute = torch.sin(2 * math.pi * fv), torch.sin(2 * math.pi * fu)
    cell_u, cell_v = (fu - fu.floor()) - 0.5, (fv - fv.floor()) - 0.5
    dot = 0.32 - (cell_u * cell_u + cell_v * cell_v).sqrt()
    fields = (
        torch.full_like(u, -9),
        band,
        flute,
        torch.sin(2 * math.pi * (fu + fv)),
        band.sign() * flute.sign() * torch.minimum(band.abs(), flute.abs()) * 2,
        dot * 4,
        (cloud - skin[:, m.THRESHOLD]) * 5,
        torch.sin(2 * math.pi * (fv * 0.5 + 2 * cloud)),
        tip + (cloud - 0.5),
        torch.sin(2 * math.pi * (fu * fu + fv * fv).sqrt()),
        torch.maximum(band - 0.6, flute - 0.6),
        (tip - 0.4) * 4,
    )
    kind = skin[:, m.PATTERN].long()
    field = torch.stack(fields).gather(0, kind[None])[0]
    soft = torch.where(kind == 8, 1.0, soft)
    mix = torch.sigmoid(field / (soft + 0.02))[:, None]
    colour = skin[:, m.COLOUR_0] * (1 - mix) + skin[:, m.COLOUR_1] * mix
    grain = _look_up(tiles, skin[:, m.GRAIN_LAYER], u * skin[:, m.GRAIN_U] + phase, v * skin[:, m.GRAIN_V])
    return colour * (1 + skin[:, m.GRAIN, None] * (grain[:, None] - 0.5) * 2)


def _look_up(tiles: torch.Tensor, layer: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Nearest noise value at (u, v), one tile per unit, wrapping around."""
    column = (u * NOISE_SIDE).long() % NOISE_SIDE
    line = (v * NOISE_SIDE).long() % NOISE_SIDE
    return tiles.view(-1)[(layer.long() * NOISE_SIDE + line) * NOISE_SIDE + column]


def _shadow(thing: torch.Tensor, light: np.ndarray) -> torch.Tensor:
    """A soft shadow of the thing on what is behind it, shifted away from the light, [side, side] in 0..1."""
    side = thing.shape[0]
    reach = side // 8
    shift = (round(float(light[1]) * reach), round(-float(light[0]) * reach))
    cast = torch.roll(thing.float(), shift, (0, 1))[None, None]
    width = 2 * (side // 24) + 1
    for _ in range(2):
        cast = torch.nn.functional.avg_pool2d(cast, width, 1, width // 2, count_include_pad=False)
    return cast[0, 0]
