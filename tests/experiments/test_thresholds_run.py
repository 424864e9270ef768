"""A multi-label training end to end, small: float targets, honest metrics, an export that predicts with thresholds."""

import numpy as np
import pytest
from PIL import Image

import labcore
from labcore.errors import UserError
from labcore.evaluation import multilabel
from labcore.evaluation.predict import Classifier
from labcore.runs.artifacts import Artifacts
from labcore.runs.cards import read_card, write_thresholds
from labcore.specs import LRFinderSpec, Stage, ThresholdsSpec

PLAN = (
    Stage(name="head", freeze_to=-1, epochs=1, lr=3e-3, tenth=True),
    Stage(name="all", epochs=2, lr=3e-3, lr_lo=3e-4),
)
COLORS = {"red": 0, "green": 1, "blue": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures with up to three lights on, some with none: their labels say which."""
    root = tmp_path_factory.mktemp("lights")
    generator = np.random.default_rng(0)
    lines = ["name,labels"]
    for number in range(96):
        on = generator.random(3) < [0.6, 0.4, 0.25]
        pixels = generator.integers(0, 60, (32, 32, 3))
        for channel in COLORS.values():
            if on[channel]:
                pixels[8 * channel : 8 * channel + 8, :, channel] = 230
        Image.fromarray(pixels.astype(np.uint8)).save(root / f"{number}.png")
        lines.append(f"{number}.png,{' '.join(name for name, channel in COLORS.items() if on[channel])}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def spec(folder, **changes) -> ThresholdsSpec:
    return ThresholdsSpec.of(
        {
            "dataset.name": "own",
            "dataset.root": str(folder),
            "dataset.valid_pct": 0.4,
            "image_size": 32,
            "batch_size": 16,
            "plan": PLAN,
            **changes,
        }
    )


@pytest.fixture
def run(home, folder):
    done = labcore.run(spec(folder))
    assert done.status == "done", done.row.error
    return done


def test_a_run_ends_with_metrics_files_and_a_model_that_uses_its_thresholds(run, folder, tmp_path):
    found = run.artifact("predictions.npz")
    p, y = found["probs"], found["targets"]
    for name, value in multilabel.judged(p, y, 0.2).items():
        assert run.metrics[name] == pytest.approx(value)
    assert run.metrics["nothing_accuracy_multi"] == pytest.approx(1 - y.mean())
    assert run.metrics["f2_samples_expected"] <= run.metrics["f2_samples_best"] + 0.02
    assert (~y.any(1)).any(), "pictures without any label belong to the test"
    for series in ("valid_loss", "accuracy_multi", "f2_samples", "priors_f2_samples", "mean_average_precision"):
        assert len(run.series(series).values)

    card = read_card(run.id)
    chosen = card["thresholds"] | {"thresholds": {"blue": 0.999, "green": 0.001, "red": 0.5}}
    write_thresholds(run.id, chosen)
    model = Classifier(Artifacts().read(run.id, "model.onnx"), read_card(run.id))
    kept = run.artifact("pictures.npz")
    said = model.labels(kept["pictures"][0])
    assert [said.probabilities[name] for name in found["classes"]] == pytest.approx(p[0].tolist(), abs=1e-4)
    assert "green" in said.said and "blue" not in said.said
    assert model.labels(np.zeros((32, 32, 3), np.uint8)).probabilities.keys() == {"red", "green", "blue"}


def test_thresholds_of_other_labels_are_refused(run):
    with pytest.raises(UserError, match="no threshold for blue"):
        write_thresholds(run.id, {"thresholds": {"red": 0.5, "green": 0.5}})


def test_single_labels_are_sent_elsewhere(drawn):
    done = labcore.run(ThresholdsSpec.of({"dataset.name": "critters", "dataset.limit": 50, "image_size": 32}))
    assert done.status == "failed" and "several labels per picture" in done.row.error


def test_the_rate_finder_takes_several_labels_too(home, folder):
    done = labcore.run(
        LRFinderSpec.of(
            {"dataset.name": "own", "dataset.root": str(folder), "image_size": 32, "batch_size": 16, "num_it": 20}
        )
    )
    assert done.status == "done", done.row.error
    first = done.series("loss").values[0]
    assert 0.3 < first < 3  # binary cross-entropy of an untrained head, not the cross-entropy of softmax over labels
