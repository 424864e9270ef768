"""The generated pictures, the questions asked of them, and the weights in the box."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from labcore.models.pretraining.export import publish
from labcore.models.pretraining.kinds import KINDS_PER_PLAN, PARTS, draw_kind
from labcore.models.pretraining.learner import Batches
from labcore.models.pretraining.materials import MATERIAL_FIELDS, noise_tiles
from labcore.models.pretraining.pictures import Pictures, World, draw_picture, make
from labcore.models.pretraining.render import render
from labcore.models.pretraining.scenes import POSE_FIELDS, REGIONS, draw_scene
from labcore.models.pretraining.schedule import WARM_UP, rate
from labcore.models.pretraining.train import LOG_FIELDS, Plan, Pretraining

WEIGHTS = Path(__file__).parents[2] / "assets" / "weights"
BUDGET = 12 * 2**20
"""Bytes that all weights in the box may take together."""
SMALL = World(kinds=8, count=40, side=48, seed=3)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Pictures:
    return make(SMALL, tmp_path_factory.mktemp("world"), workers=1)


def test_a_kind_is_the_same_every_time_and_differs_from_its_siblings():
    first, again, sibling = draw_kind(5, 0), draw_kind(5, 0), draw_kind(6, 0)
    assert np.array_equal(first.size, again.size) and np.array_equal(first.materials, again.materials)
    assert first.plan == sibling.plan == 0 and draw_kind(KINDS_PER_PLAN, 0).plan == 1
    assert not np.array_equal(first.materials, sibling.materials)


@pytest.mark.parametrize("number", range(0, 400, 37))
def test_a_kind_fits_into_the_unit_ball_of_its_frame_and_has_parts(number):
    kind = draw_kind(number, 0)
    assert 1 <= kind.used.sum() <= PARTS
    assert kind.materials.shape == (4, MATERIAL_FIELDS) and np.isfinite(kind.materials).all()
    assert (np.abs(kind.place).max(1) + kind.size.max(1))[kind.used].max() <= 1 + 1e-9
    assert (kind.size[kind.used] > 0).all()


def test_noise_tiles_have_a_flat_histogram():
    tiles = noise_tiles()
    assert tiles.dtype == np.float32 and tiles.min() >= 0 and tiles.max() < 1
    assert np.abs(np.quantile(tiles, [0.25, 0.5, 0.75], axis=(1, 2)) - [[0.25], [0.5], [0.75]]).max() < 0.01


def test_a_picture_depends_on_its_index_alone():
    picture, regions, pose = draw_picture(SMALL, 11)
    again, _, _ = draw_picture(World(kinds=8, count=99, side=48, seed=3), 11)
    other, _, _ = draw_picture(SMALL, 19)
    assert np.array_equal(picture, again) and not np.array_equal(picture, other)
    assert picture.shape == (48, 48, 3) and picture.dtype == np.uint8 and picture.std() > 5
    assert regions.max() < len(REGIONS) and pose.shape == (len(POSE_FIELDS),)


def test_regions_and_pose_speak_of_the_thing_in_the_picture():
    inside, apart = 0, []
    for index in range(30):
        rng = np.random.default_rng([1, index])
        _, regions = render(scene := draw_scene(draw_kind(index, 0), rng), 48, rng)
        thing = regions > REGIONS.index("clutter")
        if thing.sum() < 20:
            continue
        inside += 1
        rows, columns = np.nonzero(thing)
        middle = np.array([(columns.mean() + 0.5) / 24 - 1, 1 - (rows.mean() + 0.5) / 24])
        apart.append(np.abs(middle - scene.pose[:2]).max())
    assert inside >= 25
    assert np.median(apart) < 0.2


def test_turning_the_light_moves_the_bright_side():
    rng = np.random.default_rng(0)
    scene = draw_scene(draw_kind(0, 0), rng)
    lit = {}
    for side in (-1.0, 1.0):
        scene.light = np.array([side * 0.9, 0.0, np.sqrt(1 - 0.81)])
        picture, regions = render(scene, 64, np.random.default_rng(0))
        brightness = np.where(regions > 2, picture.mean(2), np.nan)
        lit[side] = np.nanmean(brightness[:, 32:]) - np.nanmean(brightness[:, :32])
    assert lit[1.0] > lit[-1.0]


def test_a_cut_drawing_goes_on_where_it_stopped(tmp_path, pictures):
    folder = tmp_path / "world"
    make(SMALL, folder, workers=1)
    done = np.load(folder / "done.npy", mmap_mode="r+")
    done[:] = False
    done.flush()
    again = make(SMALL, folder, workers=1)
    assert np.array_equal(again.images, pictures.images)
    assert np.array_equal(again.kind, np.arange(SMALL.count) % SMALL.kinds)


def test_crops_and_flips_move_pictures_regions_and_pose_together():
    side = 48
    images = np.zeros((6, side, side, 3), np.uint8)
    regions = np.zeros((6, side // 4, side // 4), np.uint8)
    pose = np.zeros((6, len(POSE_FIELDS)), np.float32)
    for row, (x, y) in enumerate([(20, 20), (24, 28), (28, 20), (20, 28), (24, 24), (28, 28)]):
        images[row, y : y + 4, x : x + 4] = 255
        regions[row, y // 4, x // 4] = 3
        pose[row, :2] = (x + 2) / (side / 2) - 1, 1 - (y + 2) / (side / 2)
    nothing = np.zeros(6, int)
    batches = Batches(Pictures(images, regions, pose, nothing, nothing, nothing), 48, 6, seed=0)
    for _ in range(5):
        varied, truth = batches.draw()
        bright = varied.mean(1).flatten(1).argmax(1)
        x, y = (bright % 48 + 0.5) / 24 - 1, 1 - (bright // 48 + 0.5) / 24
        spread = truth["regions"].shape[-1]
        assert torch.allclose(truth["pose"][:, 0], x.float(), atol=0.16)
        assert torch.allclose(truth["pose"][:, 1], y.float(), atol=0.16)
        cell = truth["regions"].flatten(1).argmax(1)
        assert torch.allclose((cell % spread + 0.5) * 2 / spread - 1, truth["pose"][:, 0].double().float(), atol=0.05)


def test_the_rate_warms_up_holds_and_falls_to_nothing():
    steps = 4 * WARM_UP
    rates = [rate(step, steps, 1.0, 0.25) for step in range(steps)]
    assert rates[0] == pytest.approx(1 / WARM_UP) and rates[WARM_UP] == 1 and rates[steps * 3 // 4 - 1] == 1
    assert rates[-1] == pytest.approx(0) and all(
        a >= b for a, b in zip(rates[WARM_UP:], rates[WARM_UP + 1 :], strict=False)
    )


def test_a_run_learns_publishes_and_goes_on(tmp_path, pictures):
    plan = Plan(arch="test_resnet", seen=8 * 50, batch=8, size=32, peak_rate=2e-2)
    run = Pretraining(plan, pictures, tmp_path / "run")
    run.train(30, save_every=30)
    with run.log.open("a") as log:
        log.write("50,400" + ",0" * (len(LOG_FIELDS) - 2) + "\n")  # of steps that were not saved before the cut
    other = Pretraining(plan, pictures, tmp_path / "run")
    assert other.resume() and other.step == 30
    for name, value in run.net.state_dict().items():
        assert torch.equal(other.net.state_dict()[name], value), name
    other.train(50, save_every=50)
    rows = list(csv.DictReader(other.log.open()))
    assert [row["step"] for row in rows] == ["25", "50"] and float(rows[1]["loss"]) > 0
    assert tuple(rows[0]) == LOG_FIELDS and float(rows[-1]["loss"]) < float(rows[0]["loss"])
    publish(other, SMALL, tmp_path / "out")
    body = timm.create_model("test_resnet", num_classes=0)
    body.load_state_dict(load_file(tmp_path / "out" / "test_resnet.safetensors"))
    assert json.loads((tmp_path / "out" / "test_resnet.json").read_text())["pictures_seen"] == 400


def published() -> list[Path]:
    return sorted(WEIGHTS.glob("*.safetensors"))


def test_the_box_is_not_empty_and_keeps_its_budget():
    assert published() and sum(file.stat().st_size for file in published()) <= BUDGET


@pytest.mark.parametrize("file", published(), ids=lambda file: file.stem)
def test_weights_in_the_box_load_and_see(file):
    card = json.loads(file.with_suffix(".json").read_text())
    assert card["arch"] == file.stem and card["licence"] == "Apache-2.0"
    assert len(list(csv.reader(file.with_suffix(".csv").open()))) > 10
    state = load_file(file)
    assert {value.dtype for value in state.values()} <= {torch.float16, torch.int64}
    body = timm.create_model(file.stem, num_classes=0)
    body.load_state_dict(state)
    fresh = timm.create_model(file.stem, num_classes=0)
    encoder = timm.create_model(file.stem, features_only=True)
    encoder.load_state_dict(state, strict=False)
    images = _kinds_apart()
    assert _separation(body.eval(), images) > 1.5 * _separation(fresh.eval(), images)


def _kinds_apart() -> torch.Tensor:
    """[8 kinds, 12 pictures, 3, 64, 64] of a world that no backbone was trained on, normalised as the card says."""
    world = World(kinds=8 * KINDS_PER_PLAN, count=0, side=64, seed=977)
    shown = [[draw_picture(world, KINDS_PER_PLAN * k + world.kinds * n)[0] for n in range(12)] for k in range(8)]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((torch.tensor(np.array(shown)) / 255 - mean) / std).permute(0, 1, 4, 2, 3)


@torch.no_grad()
def _separation(body: torch.nn.Module, images: torch.Tensor) -> float:
    """Variance between kinds over variance within, of standardised pooled features."""
    features = body.forward_features(images.flatten(0, 1)).mean((2, 3))
    features = ((features - features.mean(0)) / (features.std(0) + 1e-6)).view(*images.shape[:2], -1)
    return float(features.mean(1).var(0).mean() / features.var(1).mean())
