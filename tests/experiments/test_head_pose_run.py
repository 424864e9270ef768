"""A net learns to point, small: both splits in one run, cut off anywhere, exported, and refused in one sentence."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from fake_job import FakeJob, Killed
from PIL import Image
from pose_discs import FRAMES, HEAD, SIZE, spec

import labcore
from labcore.cli import cli
from labcore.data import block
from labcore.data.real import points_csv
from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.evaluation.point_predict import Pointer, to_csv
from labcore.experiments import head_pose, lr_finder
from labcore.experiments.head_pose_data import neighbours
from labcore.runs.artifacts import Artifacts
from labcore.specs import LRFinderSpec, Stage
from labcore.training import callbacks


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


def test_the_command_points_and_writes_a_table_that_is_data_again(discs, home, tmp_path):
    run = labcore.run(spec(discs, protocol="one", plan=(Stage(name="all", steps=2),)))
    assert run.status == "done", run.row.error
    pictures = [str(discs / "images" / name) for name in ("p0_00.png", "p0_01.png")]
    table, torn = tmp_path / "found.csv", tmp_path / "torn.png"
    torn.write_bytes(b"no picture")
    call = CliRunner().invoke
    said = call(cli, ["predict", run.id[:12], *pictures, str(torn), "--csv", str(table), "--json"])
    assert said.exit_code == 0, said.output
    answers = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
    assert [set(answer["points"]) for answer in answers] == [{"mid", "top"}] * 2
    assert "torn.png" in said.stderr
    for picture in pictures:
        shutil.copy(picture, tmp_path)
    torn.unlink()
    index = points_csv.load_index(tmp_path)
    assert index.classes == ("mid", "top")
    assert np.allclose(index.points[0], [answers[0]["points"][name] for name in index.classes], atol=0.011)
    assert "mid (" in call(cli, ["predict", run.id, pictures[0]]).stdout
    assert call(cli, ["predict", run.id, str(tmp_path / "nothing.png")]).exit_code == 2
