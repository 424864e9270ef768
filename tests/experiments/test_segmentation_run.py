"""A segmentation end to end, small: void never counts, masks move with pictures, the export says what the run said."""

import numpy as np
import pytest
import torch
from fake_job import FakeJob, Killed
from PIL import Image
from safetensors.torch import load as load_tensors

from labcore.data import block
from labcore.errors import UserError
from labcore.evaluation import segmentation as judge
from labcore.evaluation.segmentation_predict import Segmenter
from labcore.experiments import segmentation
from labcore.experiments.segmentation_data import Scenes
from labcore.specs import SegmentationSpec, Stage
from labcore.training import callbacks

SIZE = (32, 48)
CODES = ("sky", "road", "box", "never", "Void")
COLOURS = ((120, 160, 230), (90, 90, 90), (220, 60, 40))
PLAN = (
    Stage(name="decoder", freeze_to=-1, epochs=1, lr=1e-2, tenth=True),
    Stage(name="all", epochs=2, lr=1e-2, lr_lo=2e-3),
)


def scene(rng):
    """Sky above, road below, a box somewhere; a line of void between sky and road."""
    mask = np.zeros(SIZE, np.uint8)
    horizon = int(rng.integers(12, 20))
    mask[horizon:] = 1
    top, left = int(rng.integers(2, 20)), int(rng.integers(2, 36))
    mask[top : top + 10, left : left + 10] = 2
    picture = np.asarray(COLOURS)[mask] + rng.normal(0, 12, (*SIZE, 3))
    mask[horizon : horizon + 2] = 4
    return picture.clip(0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    for name in ("images", "labels"):
        (root / name).mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        picture, mask = scene(rng)
        Image.fromarray(picture).save(root / "images" / f"{number:02d}.png")
        Image.fromarray(np.full_like(mask, 4) if number == 3 else mask).save(root / "labels" / f"{number:02d}_P.png")
    (root / "codes.txt").write_text("\n".join(CODES) + "\n")
    (root / "valid.txt").write_text("".join(f"{number:02d}.png\n" for number in range(0, 40, 4)))
    (root / "test.txt").write_text("".join(f"{number:02d}.png\n" for number in range(1, 40, 8)))
    return root


def make_spec(folder, **changes) -> SegmentationSpec:
    return SegmentationSpec.of(
        {
            "dataset.name": "own",
            "dataset.root": str(folder),
            "arch": "mobilenetv3_small_050",
            "weights": "none",
            "image_size": SIZE,
            "batch_size": 5,
            "plan": PLAN,
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.setenv("LAB_DEVICE", "cpu")


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(tmp_path_factory.getbasetemp() / "home"))
        patch.setenv("LAB_DEVICE", "cpu")
        job = FakeJob()
        return job, segmentation.run(make_spec(folder), job)


def test_every_score_follows_from_the_counts_and_void_is_in_none(done):
    job, metrics = done
    kept = job.read("confusion.npz")
    masks = job.read("masks.npz")
    valid = kept["part"] == "valid"
    assert valid.sum() == len(masks["rows"]) == 10 and (~valid).sum() == 5
    assert (kept["counts"][valid] == judge.confusions(masks["truth"], masks["prediction"], len(CODES))).all()
    known = masks["truth"] != 4
    right = (masks["truth"] == masks["prediction"])[known].mean()
    assert metrics["pixel_accuracy"] == pytest.approx(right)
    assert metrics["pixel_accuracy_with_void"] == pytest.approx((masks["truth"] == masks["prediction"]).mean())
    assert metrics["pixel_accuracy_with_void"] < metrics["pixel_accuracy"]
    assert metrics["pixel_accuracy"] > metrics["baseline_position_accuracy"] > metrics["baseline_pixel_accuracy"]
    assert {"test_pixel_accuracy", "test_mean_iou", "mean_dice", "iou_min_frequent", "seconds"} <= metrics.keys()
    assert job.series["pixel_accuracy"][max(job.series["pixel_accuracy"])] == metrics["pixel_accuracy"]
    assert job.series["mean_iou"][max(job.series["mean_iou"])] == pytest.approx(metrics["mean_iou"])
    assert kept["border"][:, 1].sum() == known.sum()


def test_pages_find_what_they_draw(done):
    job, _ = done
    plan = job.read("plan.json")
    assert [code["name"] for code in plan["codes"]] == list(CODES) and plan["codes"][4]["void"]
    assert plan["shares"][4] == 0 and sum(plan["shares"]) == pytest.approx(1)
    assert plan["steps"] == 3 * plan["stages"][0]["train_steps"]
    assert [level["stride"] for level in plan["levels"]] == [1, 2, 4, 8, 16, 32]
    assert (plan["levels"][1]["h"], plan["levels"][1]["w"]) == (16, 24)
    film = job.read("timelapse.npz")
    assert film["at"].tolist() == [0, 1, 2, 3] and film["masks"].shape == (4, *film["truth"].shape)
    view = job.read("viewer.npz")
    assert view["probs"].shape == (len(view["rows"]), len(CODES), *SIZE)
    assert (abs(view["probs"].astype(int).sum(1) - 255) <= 3).all()
    agree = view["probs"].argmax(1) == view["prediction"]
    assert agree.mean() > 0.99  # rounding to 255 steps may tie
    assert any("every pixel is void" in note for note in job.notes)
    assert any("No training mask shows never" in note for note in job.notes)


def test_the_export_says_what_the_run_said(done, folder):
    job, _ = done
    model = Segmenter(job.files["model.onnx"], job.read("card.json"))
    masks = job.read("masks.npz")
    items = block.load(make_spec(folder).dataset, SIZE)
    for row, said in zip(masks["rows"][:3], masks["prediction"][:3], strict=True):
        found = model.answer(np.asarray(items.images[row]))
        assert found.tiles == 1 and (found.mask == said).mean() > 0.999
    wide = model.answer(np.concatenate([np.asarray(items.images[row]) for row in masks["rows"][:3]], axis=1))
    assert wide.tiles > 2 and wide.mask.shape == (SIZE[0], 3 * SIZE[1])
    assert (wide.mask == np.concatenate(list(masks["prediction"][:3]), axis=1)).mean() > 0.8


def test_being_killed_twice_in_mid_cycle_changes_nothing(done, folder, monkeypatch):
    monkeypatch.setenv("LAB_CHECKPOINT_SECONDS", "0.0001")
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE", 1e9)
    job = FakeJob(dies_at=(3, 8))
    for _ in range(2):
        with pytest.raises(Killed):
            segmentation.run(make_spec(folder), job)
    metrics = segmentation.run(make_spec(folder), job)
    quiet, expected = done
    for name in ("valid_loss", "pixel_accuracy", "mean_iou", "test_pixel_accuracy"):
        assert metrics[name] == expected[name], name
    weights, wanted = (load_tensors(one.files["stage-all.safetensors"]) for one in (job, quiet))
    assert all((weights[name] == wanted[name]).all() for name in wanted)
    for name in ("train_loss", "valid_loss", "pixel_accuracy"):
        assert job.series[name] == quiet.series[name], name
    film, whole = job.read("timelapse.npz"), quiet.read("timelapse.npz")
    assert (film["at"] == whole["at"]).all() and (film["masks"] == whole["masks"]).all()


def test_half_size_then_full_size_with_the_same_weights(folder):
    job = FakeJob()
    half = PLAN[1].but(name="half", epochs=1, image_size=SIZE)
    full = PLAN[1].but(name="full", epochs=1, image_size=(64, 96))
    metrics = segmentation.run(
        make_spec(folder, plan=(half, full), every=3, loss="both", class_weights="balanced", skip_off=(0, 3)), job
    )
    assert job.read("card.json")["image_size"] == [64, 96]
    assert job.read("masks.npz")["prediction"].shape[1:] == (64, 96) and np.isfinite(metrics["valid_loss"])
    film = job.read("timelapse.npz")
    assert film["masks"].shape[2:] == (64, 96) and len(film["at"]) == 3 and (np.diff(film["at"]) > 0).all()
    crossing = [level["skip_channels"] for level in job.read("plan.json")["levels"]]
    assert crossing[1] == crossing[4] == 0 and crossing[2] > 0 and crossing[3] > 0
    weights = load_tensors(job.files["stage-half.safetensors"])
    assert weights.keys() == load_tensors(job.files["stage-full.safetensors"]).keys()


def test_a_divergence_leaves_the_last_good_weights(folder):
    job = FakeJob()
    plan = (Stage(name="wild", epochs=2, lr=1e3, schedule="constant"),)
    with pytest.raises(UserError, match="last-good: go on from them"):
        segmentation.run(make_spec(folder, plan=plan, weight_decay=10), job)
    assert "stage-last-good.safetensors" in job.files


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dataset.name": "critters", "dataset.root": ""}, "has no masks"),
        ({"classes": "eleven"}, "Only CamVid's codes"),
        ({"image_size": 16}, "no feature is left"),
        ({"plan": (Stage(freeze_to=3),)}, "so that nothing trains"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(folder, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        segmentation.run(make_spec(folder, **changes), FakeJob())


def test_masks_of_void_alone_are_refused(folder, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for number in range(4):
        Image.new("RGB", (48, 32)).save(tmp_path / "images" / f"{number}.png")
        Image.new("L", (48, 32), 1).save(tmp_path / "labels" / f"{number}_P.png")
    (tmp_path / "codes.txt").write_text("thing\nvoid\n")
    with pytest.raises(UserError, match="is void"):
        segmentation.run(make_spec(tmp_path), FakeJob())
    (tmp_path / "codes.txt").write_text("void\nthing\n")
    with pytest.raises(UserError, match="a single class"):
        segmentation.run(make_spec(tmp_path), FakeJob())


def test_camvid_keeps_its_test_videos_and_says_that_valid_flatters(shared):
    job = FakeJob()
    spec = SegmentationSpec.of({"dataset.name": "camvid", "dataset.root": str(shared / "camvid"), "image_size": SIZE})
    scenes = Scenes(spec, [SIZE], torch.device("cpu"), job)
    videos = [
        {name.partition("_")[0] for name in scenes.names[rows]} for rows in (scenes.train, scenes.valid, scenes.test)
    ]
    assert videos[1] <= videos[0] and not videos[2] <= videos[0]
    assert any("videos that also teach" in note and "The test split says more" in note for note in job.notes)
    assert scenes.classes[scenes.void] == "Void" and scenes.shares[scenes.void] == 0


def test_masks_of_pets_are_found_beside_their_breeds(shared):
    spec = SegmentationSpec.of({"dataset.name": "pets", "dataset.root": str(shared / "pets"), "dataset.limit": 12})
    scenes = Scenes(spec.but(image_size=32), [32], torch.device("cpu"), FakeJob())
    assert scenes.classes == ("background", "pet", "border") and scenes.void == 2
    x, y, _ = next(scenes.batches(32, scenes.train, training=True).epoch())
    assert x.shape[2:] == y.shape[1:] == (32, 32) and y.dtype == torch.uint8
