"""The range test end to end: what it logs, what it says, and that it says the same again."""

import numpy as np
import pytest

import labcore
from labcore.evaluation.lr_finder import suggest
from labcore.specs import FineTuneSpec, LRFinderSpec, Stage

SMALL = {
    "dataset.limit": 300,
    "arch": "mobilenetv3_small_050",
    "weights": "none",
    "image_size": 32,
    "batch_size": 32,
    "num_it": 40,
}


def test_points_rules_and_metrics_agree(drawn):
    run = labcore.run(LRFinderSpec.of(SMALL))
    assert run.status == "done", run.row.error
    lrs, losses = run.series("lr"), run.series("smooth_loss")
    assert lrs.steps.tolist() == losses.steps.tolist() == list(range(1, len(lrs.steps) + 1))
    np.testing.assert_allclose(lrs.values, 1e-7 * (10 / 1e-7) ** (np.arange(len(lrs.values)) / 40), rtol=1e-9)
    found = suggest(lrs.values, losses.values, 40)
    for suggestion in found:
        assert run.metrics.get(f"lr_{suggestion.rule}") == suggestion.lr
    assert run.row.device.startswith("CPU")
    assert run.row.environment["precision"] == "fp32"


def test_the_body_computed_once_gives_a_curve_of_its_own(drawn):
    run = labcore.run(LRFinderSpec.of({**SMALL, "frozen_body": "computed_once"}))
    assert run.status == "done", run.row.error
    assert len(run.series("loss").values) > 10


def test_valid_loss_and_accuracy_are_recorded_where_asked_for(drawn):
    asked = {**SMALL, "num_it": 12, "valid_items": 40, "accuracy": True, "sweep": "linear", "end": 0.1, "frozen": False}
    run = labcore.run(LRFinderSpec.of(asked))
    assert run.status == "done", run.row.error
    assert len(run.series("valid_loss").values) == len(run.series("accuracy").values) == len(run.series("lr").values)
    accuracy = run.series("accuracy").values
    assert ((accuracy >= 0) & (accuracy <= 1)).all()
    assert np.ptp(np.diff(run.series("lr").values)) == pytest.approx(0, abs=1e-9), "a linear sweep grows by equal steps"


def test_seeds_share_the_split_and_differ_in_the_weights(drawn):
    first, second = (labcore.run(LRFinderSpec.of({**SMALL, "num_it": 10, "seed": seed})) for seed in (0, 1))
    assert first.series("loss").values[0] != second.series("loss").values[0]


def test_data_of_another_task_is_one_sentence(home):
    run = labcore.run(LRFinderSpec.of({**SMALL, "dataset.name": "ratings"}))
    assert run.status == "failed"
    assert "labels of whole pictures" in run.row.error


def test_from_a_saved_stage_the_test_starts_where_that_stage_ended(drawn):
    plan = (Stage(name="head", freeze_to=-1, steps=30, lr=1e-2, schedule="constant"), Stage(name="all", epochs=1))
    same = {name: SMALL[name] for name in ("dataset.limit", "arch", "weights", "image_size", "batch_size")}
    parent = labcore.run(FineTuneSpec.of({**same, "augment": "none", "plan": plan}))
    assert parent.status == "done", parent.row.error
    asked = LRFinderSpec.of({**SMALL, "num_it": 10, "frozen": False})
    fresh, on = labcore.run(asked), labcore.run(asked.but(start_from=f"{parent.id}/all"))
    assert on.status == "done", on.row.error
    # A new head guesses, at ln 12 = 2.5 and more; a trained one knows some of its pictures.
    assert on.series("loss").values[:3].mean() < fresh.series("loss").values[:3].mean() - 0.2


def test_a_stage_with_another_head_is_one_sentence(drawn):
    same = {name: SMALL[name] for name in ("dataset.limit", "arch", "weights", "image_size", "batch_size")}
    parent = labcore.run(FineTuneSpec.of({**same, "augment": "none", "plan": (Stage(name="all", epochs=1),)}))
    run = labcore.run(LRFinderSpec.of({**SMALL, "head": "linear", "start_from": f"{parent.id}/all"}))
    assert run.status == "failed" and "does not fit" in run.row.error
