"""Eight places where a critter may be photographed, each a little different every time."""

import numpy as np

from labcore.data.embedded import paint
from labcore.data.embedded.paint import mix, noise, srgb, step

BACKDROPS = ("meadow", "room", "studio", "woods", "snow", "sofa", "beach", "terrace")


def backdrop(
    kind: str, size: tuple[int, int], horizon: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A scene without the animal, float32 [H, W, 3] linear, and the colour its shadows keep (share of light)."""
    height, width = size
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
