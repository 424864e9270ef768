"""Words, links and the bundle of the live curve."""

import doctest

import pytest

from labcore.specs import LRFinderSpec, flatten
from pages.parts import controls, live_curve, words


def test_numbers_are_said_as_the_examples_show():
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize("value", [1e-7, 3.16e-5, 0.0025, 0.1, 1.0, 12.0])
def test_a_rate_is_said_within_five_percent(value):
    assert float(words.rate(value)) == pytest.approx(value, rel=0.05)


def test_help_is_the_sentence_at_the_field():
    assert controls.help_of(LRFinderSpec, "batch_size").startswith("Pictures per step")
    assert controls.help_of(LRFinderSpec, "dataset.limit").startswith("Use only this many items")
    missing = [name for name in flatten(LRFinderSpec()) if not controls.help_of(LRFinderSpec, name)]
    assert missing == []


def test_a_link_carries_what_is_not_the_default_and_nothing_else():
    spec = LRFinderSpec.of({"dataset.limit": 200, "frozen": False, "start": 1e-6})
    assert controls.link(spec) == {"dataset.limit": "200", "frozen": "False", "start": "1e-06"}
    assert LRFinderSpec.of(controls.link(spec)) == spec


def test_the_bundle_is_one_module_of_moderate_size():
    script = live_curve._bundle()
    assert script.count("export default") == 1 and "import " not in script
    assert len(script) < 60_000  # it travels with every rerun


def test_columns_travel_as_short_numbers_with_null_for_what_is_no_number():
    import numpy as np

    known = live_curve.Known(
        series={"loss": (np.arange(3), np.array([1 / 3, np.nan, np.inf]), np.array([5.0, 5.5, 6.0]))}
    )
    assert live_curve._columns(known) == {"loss": [[0, 1, 2], [0.333333, None, None], [0.0, 0.5, 1.0]]}


def test_a_link_to_a_plan_is_one_that_the_fine_tuner_reads():
    from labcore.specs import FineTuneSpec, Stage
    from labcore.training import plans

    spec = FineTuneSpec(plan=(Stage(steps=20, lr=2e-3, schedule="constant"),))
    assert plans.from_text(controls.link(spec)["plan"]) == spec.plan


def test_a_value_that_another_page_left_behind_gives_way_to_the_default(visit):
    app = visit("runs")
    app.session_state["augment"] = "a choice of some other page"
    app.switch_page("lr_finder.py").run()
    assert not app.exception
    assert app.selectbox(key="augment").value == LRFinderSpec().augment
