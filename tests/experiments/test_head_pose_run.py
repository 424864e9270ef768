"""A net learns to point, small: both splits in one run, cut off anywhere, exported, and refused in one sentence."""

import csv
import shutil

import numpy as np
import pytest
from fake_job import FakeJob, Killed
from PIL import Image

from labcore.data import block
from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.evaluation.point_predict import Pointer, to_csv
from labcore.experiments import head_pose, lr_finder
from labcore.experiments.head_pose_data import neighbours
from labcore.runs.artifacts import Artifacts
from labcore.specs import HeadPoseSpec, LRFinderSpec, Stage
from labcore.training import callbacks

PEOPLE, FRAMES, SIZE = 4, 10, (48, 64)
HEAD = Stage(name="head", freeze_to=-1, epochs=1, lr=1e-2, tenth=True)
ALL = Stage(name="all", epochs=2, lr=1e-2, lr_lo=1e-3)


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """Four persons, each before a wall of an own colour, and a bright disc with a name for its centre and its top."""
    root = tmp_path_factory.mktemp("discs")
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


@pytest.fixture(scope="module")
def done(discs, tmp_path_factory):
    """A whole run, and what it returned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(tmp_path_factory.mktemp("lab")))
        job = FakeJob()
        return job, head_pose.run(spec(discs), job)


def test_both_splits_are_reported_beside_their_baselines(done):
    job, metrics = done
    found = job.read("predictions.npz")
    for prefix, part in (("", "valid"), ("random_", "random")):
        chosen = found["part"] == part
        errors = judge.errors(found["truth"][chosen], found["prediction"][chosen])
        assert metrics[f"{prefix}pixel_error_median"] == pytest.approx(np.median(errors), rel=1e-4)
        assert metrics[f"{prefix}mean_point_error_median"] > 0
        assert f"{prefix}pixel_error" in job.series and f"{prefix}train_loss" in job.series
    ratio = metrics["pixel_error_median"] / metrics["random_pixel_error_median"]
    assert metrics["leak_ratio"] == pytest.approx(ratio)
    assert "person_mean_error_median" not in metrics, "nobody knows the mean of a person who never taught"
    assert "random_person_mean_error_median" in metrics
    assert set(found["group"][found["part"] == "valid"]) == {"p3"}
    assert len(set(found["group"][found["part"] == "random"])) > 1
    # Original pictures are twice as large as what the net sees, and errors are told in their pixels.
    assert found["truth"][..., 0].max() > SIZE[1]
    assert metrics["pixel_error_relative"] == pytest.approx(metrics["pixel_error_median"] / 128, rel=1e-4)


def test_the_twin_is_trained_on_the_same_steps_from_the_same_weights(done):
    job, _ = done
    assert job.series["train_loss"].keys() == job.series["random_train_loss"].keys()
    assert list(job.series["lr"].values()) == list(job.series["random_lr"].values())


def test_the_plan_says_before_the_first_batch_what_the_page_draws(done):
    job, metrics = done
    plan = job.read("plan.json")
    assert plan["steps"] == max(job.series["train_loss"])
    assert plan["groups"] == {"train": ["p0", "p1", "p2"], "valid": ["p3"]}
    assert plan["original_size"] == [96, 128] and plan["points"] == ["mid", "top"]
    assert plan["batch"] == {"pictures": [8, 3, 48, 64], "targets": [8, 2, 2], "activations": [8, 4]}
    assert plan["baselines"]["mean_point_error_median"] == metrics["mean_point_error_median"]
    assert set(plan["splits"]) == {"valid", "random"}


def test_fixed_pictures_are_followed_from_before_the_first_epoch(done):
    lapse = done[0].read("timelapse.npz")
    epochs, pictures, points, truth = (lapse[name] for name in ("epochs", "pictures", "points", "truth"))
    assert epochs.tolist() == [0, 1, 2, 3]
    assert pictures.shape[1:] == (*SIZE, 3) and points.shape == (len(epochs), *truth.shape)
    # The truth in the pixels of these very pictures: the disc is bright there.
    for picture, (x, y) in zip(pictures, truth[:, 0], strict=True):
        assert picture[int(y), int(x)].mean() > 190
    prediction = done[0].read("predictions.npz")
    last = prediction["prediction"][np.isin(prediction["rows"], lapse["rows"]) & (prediction["part"] == "valid")]
    assert np.allclose(np.sort(points[-1].ravel() * 2), np.sort(last.ravel()), atol=1e-3)


def test_neighbouring_frames_show_the_leak(done):
    beside = done[0].read("neighbours.npz")
    assert len(beside["valid"]) == len(beside["nearest"]) == len(beside["gap"]) > 0
    assert (beside["gap"] >= 1).all() and beside["gap"].min() == 1


def test_the_export_says_what_the_net_said(done, discs):
    job, _ = done
    card, found = job.read("card.json"), job.read("predictions.npz")
    model = Pointer(job.files["model.onnx"], card)
    rows = np.flatnonzero(found["part"] == "valid")[:5]
    opened = [Image.open(discs / "images" / found["items"][row]).resize(SIZE[::-1], Image.BILINEAR) for row in rows]
    said = model.point(np.stack([np.asarray(picture) for picture in opened]), np.asarray([128, 96]))
    assert np.abs(said - found["prediction"][rows]).max() < 0.5
    assert model.columns == ("x_mid", "y_mid", "x_top", "y_top")
    lines = to_csv(model.columns, found["items"][rows].tolist(), said).splitlines()
    assert lines[0] == "image_name,x_mid,y_mid,x_top,y_top" and len(lines) == 6
    with pytest.raises(UserError, match="damaged"):
        Pointer(job.files["model.onnx"][:500], card)
    with pytest.raises(UserError, match="names 1"):
        Pointer(job.files["model.onnx"], card | {"points": ["one"]})
    with pytest.raises(UserError, match="does not point"):
        Pointer(job.files["model.onnx"], card | {"task": "single_label"})


def test_it_learns(discs, home):
    plan = (HEAD, Stage(name="all", epochs=20, lr=1e-2, lr_lo=1e-2))
    metrics = head_pose.run(spec(discs, plan=plan, protocol="one"), FakeJob())
    assert metrics["pixel_error_median"] < metrics["mean_point_error_median"] / 3
    assert "leak_ratio" not in metrics


@pytest.mark.parametrize("deaths", [(2, 6, 9), (11, 13, 18), (9, 10, 17)])
def test_a_run_cut_off_anywhere_ends_as_one_that_was_not(done, discs, monkeypatch, home, deaths):
    """Nine steps per training and two trainings: death within the first, between the two, and within the second."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE", 1e9)
    monkeypatch.setenv("LAB_CHECKPOINT_SECONDS", "0.000001")
    job, died = FakeJob(dies_at=deaths), 0
    while True:
        try:
            metrics = head_pose.run(spec(discs), job)
            break
        except Killed:
            died += 1
    assert died == len(deaths)
    whole, undisturbed = done
    for name in ("train_loss", "valid_loss", "pixel_error", "random_train_loss", "random_pixel_error", "lr"):
        assert job.series[name] == whole.series[name], name
    for name in ("stage-all.safetensors", "predictions.npz", "timelapse.npz"):
        assert job.files[name] == whole.files[name], name
    for name in ("pixel_error_median", "random_pixel_error_median", "valid_loss", "random_valid_loss"):
        assert metrics[name] == undisturbed[name]


def test_every_person_is_held_out_once(discs, home):
    job = FakeJob()
    metrics = head_pose.run(spec(discs, protocol="leave_one_out"), job)
    found, plan = job.read("predictions.npz"), job.read("plan.json")
    assert plan["folds"] == ["p0", "p1", "p2", "p3"]
    for person in plan["folds"]:
        own = found["part"] == f"fold:{person}"
        assert set(found["group"][own]) == {person} and own.sum() == FRAMES
    assert metrics["best_group_error_median"] <= metrics["pixel_error_median"] <= metrics["worst_group_error_median"]
    assert {"fold_0_pixel_error", "fold_3_pixel_error", "random_pixel_error"} <= job.series.keys()
    assert "leak_ratio" in metrics


def test_angles_are_learnt_as_numbers(discs, home):
    job = FakeJob()
    metrics = head_pose.run(spec(discs, target="angles", protocol="one"), job)
    found, plan = job.read("predictions.npz"), job.read("plan.json")
    assert plan["unit"] == "degrees" and plan["points"] == ["yaw"]
    assert found["truth"].shape == found["prediction"].shape == (FRAMES, 1)
    assert np.allclose(found["truth"][:, 0], found["angles"][:, 0], atol=1e-4)
    assert metrics["pixel_error_median"] == pytest.approx(np.median(np.abs(found["truth"] - found["prediction"])))
    assert "timelapse.npz" not in job.files
    model = Pointer(job.files["model.onnx"], job.read("card.json"))
    assert model.angles and model.point(np.zeros((2, *SIZE, 3), np.uint8), np.asarray([1, 1])).shape == (2, 1)


def test_no_range_of_the_sigmoid_is_ever_left(discs, home):
    job = FakeJob()
    head_pose.run(spec(discs, y_range=(-0.1, 0.2), protocol="one"), job)
    said = judge.to_unit(job.read("predictions.npz")["prediction"], np.asarray([128, 96]))
    assert said.min() >= -0.1001 and said.max() <= 0.2001
    assert judge.out_of_reach(
        judge.to_unit(job.read("predictions.npz")["truth"], np.asarray([128, 96])), (-0.1, 0.2)
    ).any()


def test_a_stage_of_an_earlier_run_is_gone_on_from(discs, home):
    first = FakeJob()
    head_pose.run(spec(discs, protocol="one"), first)
    Artifacts().write("abcdefgh12", "stage-all.safetensors", first.files["stage-all.safetensors"])
    second = FakeJob()
    head_pose.run(spec(discs, protocol="one", start_from="abcdefgh12/all"), second)
    lapse, before = second.read("timelapse.npz"), first.read("timelapse.npz")
    assert np.allclose(lapse["points"][0], before["points"][-1], atol=1e-3)


def changed(discs, folder, change):
    """A copy of the set whose table is what ``change`` makes of its head and its rows."""
    shutil.copytree(discs / "images", folder / "images")
    with (discs / "points.csv").open() as file:
        head, *rows = list(csv.reader(file))
    head, rows = change(head, rows)
    with (folder / "points.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return folder


def run_quickly(root, **changes):
    job = FakeJob()
    plan = (Stage(name="all", steps=1),)
    head_pose.run(spec(root, plan=plan, **{"protocol": "one", "dataset.hold_out": "", **changes}), job)
    return job


def test_points_outside_and_missing_numbers_are_left_out_with_a_sentence(discs, tmp_path, home):
    def change(head, rows):
        rows[0][3], rows[1][4] = "500", ""
        rows[2][1] = ""
        return head, rows

    job = run_quickly(changed(discs, tmp_path, change))
    assert any("p0_01.png has no number for the point mid" in note and "2 more" in note for note in job.notes)
    items = block.load(spec(tmp_path).dataset, SIZE)
    assert len(items) == PEOPLE * FRAMES - 3
    sentences = "\n".join(items.left_out)
    assert "the point mid (500, " in sentences and "outside its 128 x 96 picture" in sentences
    assert "p0_02.png has no person in points.csv" in sentences


def test_without_persons_there_is_no_split_by_person(discs, tmp_path, home):
    def change(head, rows):
        return [name for name in head if name != "person"], [row[:1] + row[2:] for row in rows]

    root = changed(discs, tmp_path, change)
    for protocol in ("both", "leave_one_out"):
        with pytest.raises(UserError, match=r"names no persons or videos.*protocol to one"):
            run_quickly(root, protocol=protocol)
    run_quickly(root)


def test_a_person_with_one_frame_is_named(discs, tmp_path, home):
    def change(head, rows):
        rows[0][1] = "lonely"
        return head, rows

    job = run_quickly(changed(discs, tmp_path, change))
    assert any("One frame only of lonely" in note for note in job.notes)


def test_angles_that_some_pictures_lack_are_refused(discs, tmp_path, home):
    def change(head, rows):
        rows[0][2] = ""
        return head, rows

    root = changed(discs, tmp_path, change)
    with pytest.raises(UserError, match=r"1 of 40 pictures have no yaw.*mixed"):
        run_quickly(root, target="angles")
    run_quickly(root)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"protocol": "both", "dataset.split": "random"}, "same persons"),
        ({"arch": "vit_tiny_patch16_224"}, "convolutional"),
        ({"plan": (Stage(name="all", freeze_to=3),)}, "nothing trains"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(discs, home, changes, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        head_pose.run(spec(discs, **changes), FakeJob())
    assert "\n" not in str(caught.value)


def test_specs_that_make_no_sense_are_refused():
    with pytest.raises(UserError, match="y_range"):
        HeadPoseSpec.of(y_range=(1.0, -1.0))
    with pytest.raises(UserError, match="Angles do not follow"):
        HeadPoseSpec.of(target="angles", augment="photos")


def test_a_divergence_keeps_the_last_good_weights(discs, home):
    job = FakeJob()
    with pytest.raises(UserError, match="last-good"):
        head_pose.run(
            spec(discs, y_range=None, plan=(Stage(name="all", epochs=6, lr=1000.0, schedule="constant"),)), job
        )
    assert "stage-last-good.safetensors" in job.files


def test_nothing_is_beside_where_no_person_is_on_both_sides(discs, home):
    items = block.load(spec(discs).dataset, SIZE)
    assert neighbours(items, block.split(items, spec(discs).dataset)) == {}


def test_the_finder_finds_a_rate_for_points_too(discs, home):
    asked = {name: value for name, value in spec(discs).model_dump().items() if name in LRFinderSpec.model_fields}
    asked |= {"num_it": 12, "frozen": False, "augment": "photos", "valid_items": 8}
    job = FakeJob()
    found = lr_finder.run(LRFinderSpec.of(asked), job)
    assert len(job.series["loss"]) == len(job.series["valid_loss"]) > 0 and "lr_lowest" in found
    for change in ({"frozen": True, "frozen_body": "computed_once", "augment": "none"}, {"accuracy": True}):
        with pytest.raises(UserError, match=r"(?i)points"):
            lr_finder.run(LRFinderSpec.of(asked | change), FakeJob())
