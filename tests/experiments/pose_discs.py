"""A set of points so small that a net is trained on it in a second: discs before coloured walls."""

import csv

import numpy as np
from PIL import Image

from labcore.specs import HeadPoseSpec, Stage

PEOPLE, FRAMES, SIZE = 4, 10, (48, 64)
HEAD = Stage(name="head", freeze_to=-1, epochs=1, lr=1e-2, tenth=True)
ALL = Stage(name="all", epochs=2, lr=1e-2, lr_lo=1e-3)


def make(root):
    """Four persons, each before a wall of an own colour, and a bright disc with a name for its centre and its top."""
    (root / "images").mkdir()
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :64] + 0.5
    table = [("image_name", "person", "yaw", "x_mid", "y_mid", "x_top", "y_top")]
    for person in range(PEOPLE):
        wall = rng.integers(0, 120, 3)
        for frame in range(FRAMES):
            x, y = rng.uniform(14, 50), rng.uniform(14, 36)
            picture = np.full((48, 64, 3), wall, float) + rng.normal(0, 6, (48, 64, 3))
            picture[np.hypot(columns - x, rows - y) < 9] = (235, 215, 190)
            name = f"p{person}_{frame:02d}.png"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).resize((128, 96)).save(root / "images" / name)
            table.append((name, f"p{person}", round(2 * x - 64, 2), 2 * x, 2 * y, 2 * x, 2 * y - 18))
    with (root / "points.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)
    return root


def spec(root, **changes) -> HeadPoseSpec:
    values = {
        "dataset.name": "own",
        "dataset.root": str(root),
        "dataset.hold_out": "p3",
        "arch": "test_resnet",
        "weights": "none",
        "image_size": SIZE,
        "batch_size": 8,
        "plan": (HEAD, ALL),
        "device": "cpu",
        "precision": "fp32",
    }
    return HeadPoseSpec.of(values | changes)
