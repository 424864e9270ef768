"""Specs: one state for page, URL and cache; refusals in words."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from labcore import specs
from labcore.errors import UserError
from labcore.specs import EXPERIMENTS, FineTuneSpec, HeadPoseSpec, LRFinderSpec, Stage, changed, flatten, run_key


@pytest.mark.parametrize("cls", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_every_field_has_a_sentence_of_help(cls):
    fields = [cls.model_fields, specs.DatasetSpec.model_fields, Stage.model_fields]
    missing = [name for known in fields for name, field in known.items() if name != "dataset" and not field.description]
    assert not missing


@pytest.mark.parametrize("cls", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_spec_survives_json_and_dotted_names(cls):
    spec = cls()
    assert cls.model_validate_json(spec.canonical()) == spec
    assert cls.of(flatten(spec)) == spec
    assert changed(spec) == {}


@settings(max_examples=50, deadline=None)
@given(
    st.floats(1e-9, 1e-3),
    st.floats(1e-2, 100),
    st.integers(10, 500),
    st.booleans(),
    st.sampled_from([32, 64, (48, 64)]),
)
def test_what_changed_rebuilds_the_spec(start, end, num_it, frozen, size):
    spec = LRFinderSpec(start=start, end=end, num_it=num_it, frozen=frozen, image_size=size)
    assert LRFinderSpec.of(changed(spec)) == spec
    assert run_key(spec, "d") == run_key(LRFinderSpec.of(changed(spec)), "d")


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([{"seed": 1}, {"batch_size": 32}, {"frozen": False}, {"dataset.limit": 7}, {"num_it": 50}]))
def test_another_wish_is_another_run(change):
    assert run_key(LRFinderSpec.of(change), "d") != run_key(LRFinderSpec(), "d")


def test_the_content_counts_not_its_place():
    here, there = (LRFinderSpec.of({"dataset.name": "pets", "dataset.root": root}) for root in ("/a", "/b"))
    assert run_key(here, "same") == run_key(there, "same")
    assert run_key(here, "same") != run_key(here, "other")
    one, two = (LRFinderSpec(weights=path) for path in ("/x/w.pth", "/y/w.pth"))
    assert run_key(one, "d", "sha") == run_key(two, "d", "sha") != run_key(one, "d", "other sha")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"start": 1.0, "end": 0.1}, "Raise the end"),
        ({"start": -1}, "start"),
        ({"start": float("nan")}, "start"),
        ({"num_it": 3}, "num_it"),
        ({"image_size": "0"}, "image_size"),
        ({"image_size": "96x"}, "image_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"frozen": False, "frozen_body": "computed_once"}, "only while the body is frozen"),
        ({"frozen_body": "computed_once", "augment": "photos"}, "Set augment to none"),
        ({"learning_rate": 1}, "Choose among"),
        ({"seed.x": 1}, "seed"),
        ({"dataset.valid_pct": 1.5}, "valid_pct"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(asked, said):
    with pytest.raises(UserError, match=said) as caught:
        LRFinderSpec.of(asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "said"), [({"lr": 1e-4, "lr_lo": 1e-2}, "smaller first"), ({"epochs": 0}, "trains nothing")]
)
def test_a_plan_that_makes_no_sense_is_one_sentence(stage, said):
    with pytest.raises(UserError, match=said):
        FineTuneSpec.of({"plan": [stage]})


def test_sizes_are_read_as_people_write_them():
    for text, size in (
        ("96", 96),
        (96, 96),
        ("120x160", (120, 160)),
        ("120×160", (120, 160)),
        ([120, 160], (120, 160)),
    ):
        assert LRFinderSpec.of({"image_size": text}).image_size == size


def test_a_part_of_the_data_set_alone_does_not_swap_it_for_another():
    for cls in (HeadPoseSpec, FineTuneSpec):
        assert cls.of({"dataset.limit": 7}).dataset == cls().dataset.but(limit=7)


def test_head_pose_takes_more_steps_and_variation_for_few_own_pictures_unless_a_plan_is_brought():
    own = HeadPoseSpec.of({"dataset.name": "own", "weights": "/models/mobilenet_v2_035-imagenet-notop.pth"})
    assert (own.augment, own.arch) == ("photos", "mobilenet_v2_035")
    assert sum(stage.epochs for stage in own.plan) > sum(stage.epochs for stage in HeadPoseSpec().plan)
    assert HeadPoseSpec.of({"dataset.name": "own", "augment": "none"}).augment == "none"
    assert HeadPoseSpec.of({"dataset.name": "own", "plan": HeadPoseSpec().plan}).augment == "none"
    assert HeadPoseSpec.of({"dataset.name": "own", "target": "angles"}).augment == "none"
