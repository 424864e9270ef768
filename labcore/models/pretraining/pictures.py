"""The generated pictures at rest: plain .npy files, written once by several processes, read as memory maps."""

import json
import multiprocessing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from labcore.models.pretraining.kinds import KINDS_PER_PLAN, draw_kind
from labcore.models.pretraining.materials import PATTERN
from labcore.models.pretraining.scenes import POSE_FIELDS, draw_scene

CHUNK = 250
"""Pictures per unit of work."""

REGION_STEP = 4
"""Regions are kept at every fourth pixel: the net's finest feature map is no finer."""


@dataclass(frozen=True)
class World:
    """Which pictures: ``count`` pictures of ``kinds`` kinds in turn, ``side`` pixels wide, all drawn from ``seed``."""

    kinds: int = 1000
    count: int = 60_000
    side: int = 96
    seed: int = 0


@dataclass(frozen=True)
class Pictures:
    """Pictures and what is known of them.

    Attributes:
        images: uint8 [N, side, side, 3].
        regions: uint8 [N, side / 4, side / 4] indices into ``REGIONS``.
        pose: float32 [N, 9], see ``POSE_FIELDS``.
        kind: int64 [N]; plan: int64 [N]; pattern: int64 [N], the core's pattern.
    """

    images: np.ndarray
    regions: np.ndarray
    pose: np.ndarray
    kind: np.ndarray
    plan: np.ndarray
    pattern: np.ndarray

    def __len__(self) -> int:
        return len(self.kind)


def make(world: World, folder: Path, workers: int = 2) -> Pictures:
    """Draw the world's pictures into ``folder`` and return them memory-mapped.

    Chunks that are there already are kept, so a drawing that was cut off goes on where it stopped.
    """
    shapes = {
        "images": (np.uint8, (world.count, world.side, world.side, 3)),
        "regions": (np.uint8, (world.count, world.side // REGION_STEP, world.side // REGION_STEP)),
        "pose": (np.float32, (world.count, len(POSE_FIELDS))),
    }
    shapes["done"] = (np.bool_, (-(-world.count // CHUNK),))
    stamp = folder / "world.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != asdict(world):
        folder.mkdir(parents=True, exist_ok=True)
        for name, (dtype, shape) in shapes.items():
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape).flush()
        stamp.write_text(json.dumps(asdict(world)))
    missing = np.flatnonzero(~np.load(folder / "done.npy")) * CHUNK
    if len(missing):
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for count, _ in enumerate(pool.imap_unordered(partial(_draw_chunk, world, folder), missing), 1):
                print(f"\rdrawn {count:,} of {len(missing):,} chunks of {CHUNK} pictures", end="", flush=True)
        print()
    del shapes["done"]
    kind = np.arange(world.count) % world.kinds
    patterns = np.array([draw_kind(number, world.seed).materials[0, PATTERN] for number in range(world.kinds)], int)
    opened = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in shapes}
    return Pictures(**opened, kind=kind, plan=kind // KINDS_PER_PLAN, pattern=patterns[kind])


def draw_picture(world: World, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture ``index`` of the world: uint8 [side, side, 3], regions uint8 [side, side], pose float [9]."""
    from labcore.models.pretraining.render import render  # torch is needed only where pictures are drawn

    rng = np.random.default_rng([world.seed, 3, index])
    scene = draw_scene(draw_kind(index % world.kinds, world.seed), rng)
    return *render(scene, world.side, rng), scene.pose


def _draw_chunk(world: World, folder: Path, first: int) -> None:
    import torch

    torch.set_num_threads(1)
    opened = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in ("images", "regions", "pose", "done")}
    last = min(first + CHUNK, world.count)
    for index in range(first, last):
        picture, regions, pose = draw_picture(world, index)
        opened["images"][index] = picture
        opened["regions"][index] = regions[REGION_STEP // 2 :: REGION_STEP, REGION_STEP // 2 :: REGION_STEP]
        opened["pose"][index] = pose
    for array in opened.values():
        array.flush()
    opened["done"][first // CHUNK] = True
    opened["done"].flush()
