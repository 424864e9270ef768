import numpy as np
import pytest

from labcore.errors import UserError
from labcore.specs import FineTuneSpec, Stage
from labcore.training import plans


def test_every_preset_is_a_valid_plan_with_a_source():
    for preset in plans.PRESETS:
        FineTuneSpec(plan=preset.plan)
        assert preset.words and preset.source
        assert plans.preset(preset.name) is preset
    assert len({preset.name for preset in plans.PRESETS}) == len(plans.PRESETS)


def test_the_first_preset_is_the_specs_default():
    assert FineTuneSpec().plan == plans.PRESETS[0].plan


def test_progressive_resizing_never_goes_below_64_and_freezes_first_at_each_size():
    plan = plans.preset("progressive").plan
    sizes = [stage.image_size for stage in plan]
    assert min(sizes) == plans.SMALLEST_SIDE and sizes == sorted(sizes)
    for before, stage in zip((None, *plan), plan, strict=False):
        if before is None or before.image_size != stage.image_size:
            assert stage.freeze_to == -1


def test_an_unknown_preset_is_refused_with_the_choice():
    with pytest.raises(UserError, match="discriminative"):
        plans.preset("nonsense")


def test_a_preview_has_a_rate_per_step_and_group_and_none_where_frozen():
    found = plans.preview((Stage(name="head", freeze_to=-1, epochs=2), Stage(steps=5)), 64, 10, 3)
    assert found.lr.shape == (25, 3) and found.momentum.shape == (25,)
    assert np.isnan(found.lr[:20, :2]).all() and np.isfinite(found.lr[:, 2]).all()
    assert found.starts.tolist() == [0, 20, 25] and found.names == ("head", "stage-2")
    assert found.trained.tolist() == [[False, False, True], [True, True, True]]


def test_the_stage_of_a_step_is_found_at_both_ends():
    found = plans.preview((Stage(steps=3), Stage(steps=2)), 64, 10, 3)
    assert [found.stage_at(step) for step in (0, 2, 3, 4, 5)] == [0, 0, 1, 1, 1]


def test_a_stage_that_trains_nothing_is_refused():
    with pytest.raises(UserError, match="nothing trains"):
        plans.preview((Stage(freeze_to=3),), 64, 10, 3)


def test_names_are_unique():
    assert plans.names_of((Stage(), Stage(name="all"), Stage(name="all"))) == ("stage-1", "all", "all-3")


def test_a_plan_survives_its_link():
    for preset in plans.PRESETS:
        assert plans.from_text(plans.to_text(preset.plan)) == preset.plan
    odd = (Stage(name="a,b;c=d", image_size=(64, 96), tenth=True, lr=1e-4),)
    assert plans.from_text(plans.to_text(odd))[0].image_size == (64, 96)
    assert plans.to_text((Stage(),)) == "epochs=1" and plans.from_text("epochs=1") == (Stage(),)


@pytest.mark.parametrize("text", ["", "epochs", "epochs=zero", "colour=red", "lr=1e-5,lr_lo=1", "epochs=1;;lr=1"])
def test_a_link_with_a_broken_plan_is_one_sentence(text):
    with pytest.raises(UserError):
        plans.from_text(text)


def test_differences_name_the_stage_and_the_field():
    one = FineTuneSpec()
    other = one.but(plan=(one.plan[0], one.plan[1].but(lr_lo=None)), batch_size=32)
    assert plans.differences(one, other) == [("batch_size", "64", "32"), ("stage all: lr_lo", "0.004", "none")]
    assert plans.differences(one, one.but(plan=one.plan[:1])) == [
        ("stage all", "name=all,epochs=9,lr=0.02,lr_lo=0.004", "not there")
    ]
    assert plans.differences(one, one) == []
