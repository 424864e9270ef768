import numpy as np
import pytest
from fake_job import FakeJob, Killed
from PIL import Image
from safetensors.torch import load as load_tensors

from labcore.errors import UserError
from labcore.evaluation.predict import Classifier
from labcore.experiments import fine_tune
from labcore.runs.artifacts import Artifacts, encode
from labcore.specs import FineTuneSpec, Stage
from labcore.training import callbacks

COLOURS = {"Amber_cat": (220, 160, 30), "Blue_cat": (40, 70, 200), "green_dog": (30, 160, 60)}
HEAD = Stage(name="head", freeze_to=-1, epochs=2, lr=3e-3, tenth=True)
ALL = Stage(name="all", epochs=2, lr=2e-3, lr_lo=2e-5)


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A set in Oxford layout whose three breeds differ in colour, 12 pictures each."""
    root = tmp_path_factory.mktemp("pets")
    (root / "images").mkdir()
    rng = np.random.default_rng(0)
    for breed, colour in COLOURS.items():
        for number in range(12):
            picture = rng.normal(colour, 25, (48, 48, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(root / "images" / f"{breed}_{number}.jpg")
    return root


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.setenv("LAB_DEVICE", "cpu")


@pytest.fixture
def spec(pets):
    return FineTuneSpec.of(
        {"dataset.name": "pets", "dataset.root": str(pets), "arch": "mobilenetv3_small_050", "weights": "none"},
        batch_size=8,
        image_size=64,
        plan=(HEAD, ALL),
    )


@pytest.fixture(scope="module")
def done(pets, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(tmp_path_factory.getbasetemp() / "home"))
        patch.setenv("LAB_DEVICE", "cpu")
        job = FakeJob()
        spec = FineTuneSpec.of(
            {"dataset.name": "pets", "dataset.root": str(pets), "arch": "mobilenetv3_small_050", "weights": "none"},
            batch_size=8,
            image_size=64,
            plan=(HEAD, ALL),
        )
        return job, fine_tune.run(spec, job)


def test_a_run_has_the_fixed_metrics_and_a_baseline(done):
    _, metrics = done
    assert {"valid_loss", "error_rate", "baseline_error_rate", "images_per_second", "seconds"} <= metrics.keys()
    assert metrics["baseline_error_rate"] == pytest.approx(2 / 3)
    assert metrics["epochs"] == 4 and metrics["images_per_second"] > 0


def test_a_run_logs_its_curves_and_the_xray_of_every_group(done):
    job, _ = done
    steps = job.read("plan.json")["steps"]
    for name in ("train_loss", "smooth_loss", "lr", "lr_group_0", "lr_group_2"):
        assert list(job.series[name]) == list(range(1, steps + 1)), name
    assert len(job.series["valid_loss"]) == len(job.series["error_rate"]) == 4
    frozen = steps // 2
    # BatchNorm learns while the rest of the body is frozen, as in fastai: its group moves, less than the head.
    assert 0 < job.series["distance_group_0"][frozen] < job.series["distance_group_2"][frozen]
    assert job.series["ratio_group_2"][1] > 0 and job.series["batchnorm_group_1"][steps] > 0
    assert "memory" in job.series and "images_per_second" in job.series


def test_the_plan_file_says_what_each_stage_trains(done):
    plan = done[0].read("plan.json")
    head, everything = plan["stages"]
    assert plan["groups"] == ["early body", "late body", "head"]
    assert head["parameters"][1]["frozen"] > head["parameters"][1]["trainable"] > 0
    assert all(part["frozen"] == 0 for part in everything["parameters"])
    assert everything["first_step"] == head["train_steps"] == 2 * head["steps_per_epoch"]
    assert plan["train_items"] + plan["valid_items"] == 36


def test_predictions_name_their_items_and_agree_with_the_metrics(done):
    job, metrics = done
    found = job.read("predictions.npz")
    np.testing.assert_allclose(found["probs"].sum(axis=1), 1, rtol=1e-5)
    assert len(set(found["items"])) == len(found["targets"])
    assert (found["probs"].argmax(1) != found["targets"]).mean() == pytest.approx(metrics["error_rate"])
    for item, target in zip(found["items"], found["targets"], strict=True):
        assert item.startswith(str(found["classes"][target]))


def test_the_pictures_it_gets_wrong_right_now_are_kept(done):
    found = done[0].read("wrong_now.npz")
    count = len(found["items"])
    assert found["pictures"].shape == (count, 64, 64, 3) and count <= found["wrong"] <= found["of"]
    assert (found["said"] != found["actual"]).all()


def test_the_export_gives_the_predictions_of_the_run(done, spec):
    from labcore.data import block

    job, _ = done
    classifier = Classifier(job.files["model.onnx"], job.read("card.json"))
    predictions = job.read("predictions.npz")
    items = block.load(spec.dataset, 64)
    logits, _ = classifier.logits(np.asarray(items.images[predictions["rows"]]))
    np.testing.assert_allclose(logits, predictions["logits"], atol=1e-3)
    answer = classifier.answer(np.asarray(items.images[predictions["rows"][0]]))
    assert len(answer.top) == 3


def test_being_killed_twice_in_mid_cycle_changes_nothing(done, spec, monkeypatch):
    monkeypatch.setenv("LAB_CHECKPOINT_SECONDS", "0.0001")
    monkeypatch.setattr(callbacks, "CHECKPOINT_SHARE", 1e9)
    job = FakeJob(dies_at=(3, 8))
    for _ in range(2):
        with pytest.raises(Killed):
            fine_tune.run(spec, job)
    metrics = fine_tune.run(spec, job)
    quiet, expected = done
    assert {k: metrics[k] for k in ("valid_loss", "error_rate", "train_loss_plain")} == {
        k: expected[k] for k in ("valid_loss", "error_rate", "train_loss_plain")
    }
    weights, wanted = (load_tensors(one.files["stage-all.safetensors"]) for one in (job, quiet))
    assert all((weights[name] == wanted[name]).all() for name in wanted)
    for name in ("train_loss", "smooth_loss", "valid_loss", "distance_group_0"):
        assert job.series[name] == quiet.series[name], name


def test_a_sprint_is_judged_by_its_curves_and_leaves_no_model(spec):
    job = FakeJob()
    sprint = spec.but(plan=(Stage(name="jury", freeze_to=-1, steps=3, lr=1e-3, schedule="constant"),))
    metrics = fine_tune.run(sprint, job)
    assert len(job.series["train_loss"]) == 3 and "error_rate" in metrics and "baseline_error_rate" in metrics
    assert "model.onnx" not in job.files and "ratio_group_0" not in job.series


def test_computed_once_trains_the_head_alone_as_a_resting_body_would(spec):
    job = FakeJob()
    metrics = fine_tune.run(spec.but(frozen_body="computed_once", plan=(HEAD,)), job)
    assert np.isfinite(metrics["valid_loss"])
    last = max(job.series["distance_group_0"])
    assert job.series["distance_group_0"][last] == job.series["distance_group_1"][last] == 0
    assert job.series["distance_group_2"][last] > 0
    # The export runs the whole net on pictures: features and pictures must give the same answers.
    classifier = Classifier(job.files["model.onnx"], job.read("card.json"))
    predictions = job.read("predictions.npz")
    from labcore.data import block

    images = np.asarray(block.load(spec.dataset, 64).images[predictions["rows"]])
    np.testing.assert_allclose(classifier.logits(images)[0], predictions["logits"], atol=1e-3)


def test_a_linear_head_trains_and_leaves_as_the_other_does(spec):
    job = FakeJob()
    metrics = fine_tune.run(spec.but(head="linear", frozen_body="computed_once", plan=(HEAD, ALL.but(epochs=1))), job)
    assert np.isfinite(metrics["valid_loss"]) and len(job.files["model.onnx"]) > 10_000
    assert load_tensors(job.files["stage-all.safetensors"])["head.2.weight"].shape[0] == 3


def test_sizes_grow_from_stage_to_stage_with_the_same_weights(spec):
    job = FakeJob()
    metrics = fine_tune.run(spec.but(plan=(HEAD.but(image_size=32, epochs=1), ALL.but(image_size=64, epochs=1))), job)
    assert job.read("card.json")["image_size"] == [64, 64] and np.isfinite(metrics["valid_loss"])
    assert any("never to go below 64" in note for note in job.notes)


def test_a_loss_that_is_no_number_ends_with_rate_stage_and_a_way_back(spec):
    job = FakeJob()
    wild = Stage(name="wild", epochs=3, lr=1000.0, schedule="constant")
    with pytest.raises(UserError, match=r"stage wild, at rate 1e\+03.*last-good"):
        fine_tune.run(spec.but(plan=(HEAD, wild), weight_decay=10.0), job)
    weights = load_tensors(job.files["stage-last-good.safetensors"])
    assert all(np.isfinite(tensor.numpy()).all() for tensor in weights.values())


def _stored(job, run="parentrun0"):
    for name in ("stage-head.safetensors",):
        Artifacts().write(run, name, job.files[name])


def test_a_run_goes_on_from_a_saved_stage(done, spec):
    _stored(done[0])
    job = FakeJob()
    fine_tune.run(spec.but(start_from="parentrun0/head", plan=(ALL.but(epochs=1, lr=1e-9, lr_lo=None),)), job)
    # At a rate of next to nothing the weights are still those of the stage.
    start, end = (
        load_tensors(one.files[name])
        for one, name in ((done[0], "stage-head.safetensors"), (job, "stage-all.safetensors"))
    )
    np.testing.assert_allclose(end["head.7.weight"], start["head.7.weight"], atol=1e-6)


def test_a_stage_of_another_net_is_refused(done, spec):
    _stored(done[0])
    with pytest.raises(UserError, match="parentrun0/head does not fit"):
        fine_tune.run(spec.but(start_from="parentrun0/head", arch="mobilenetv3_small_100"), FakeJob())


def test_gathered_pictures_are_taught_and_forgetting_is_measured(done, spec):
    _stored(done[0])
    predictions = done[0].read("predictions.npz")
    from labcore.data import block

    rows = predictions["rows"][:4]
    gathered = {
        "pictures": np.asarray(block.load(spec.dataset, 64).images[rows]),
        "labels": predictions["targets"][:4],
        "items": predictions["items"][:4],
        "teach": np.array([True, True, False, False]),
    }
    Artifacts().write("parentrun0", *encode("gathered.npz", gathered))
    job = FakeJob()
    learn = spec.but(start_from="parentrun0/head", collected="parentrun0/gathered.npz", plan=(ALL.but(epochs=1),))
    metrics = fine_tune.run(learn, job)
    for part in ("old", "taught", "new"):
        assert 0 <= metrics[f"error_{part}_before"] <= 1 and 0 <= metrics[f"error_{part}_after"] <= 1
    assert not set(job.read("predictions.npz")["items"]) & set(gathered["items"])
    assert job.read("plan.json")["train_items"] == done[0].read("plan.json")["train_items"] + 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plan": (Stage(freeze_to=3),)}, "nothing trains"),
        ({"image_size": 16}, "no feature is left"),
        ({"dataset__limit": 3}, "only .* training pictures"),
        ({"collected": "parentrun0/none.npz"}, "no artifact"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(spec, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        fine_tune.run(spec.but(**changes), FakeJob())


def test_a_batch_larger_than_the_set_and_a_class_with_one_picture_are_noted(spec):
    job = FakeJob()
    fine_tune.run(spec.but(batch_size=64, plan=(HEAD.but(epochs=1),)), job)
    assert any("larger than the training set" in note for note in job.notes)
