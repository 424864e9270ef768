import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcore.errors import UserError
from labcore.specs import Stage
from labcore.training import schedules

ORACLES = Path(__file__).parents[1] / "oracles"
RTOL = 1e-6  # fastai computes pct in float32


def oracle(name):
    return json.loads((ORACLES / f"{name}.json").read_text())


@pytest.mark.parametrize("recorded", oracle("one_cycle")["schedules"], ids=lambda case: case["lr_max"])
def test_one_cycle_equals_fastai_step_by_step(recorded):
    tops = recorded["lr_max_groups"]
    stage = Stage(lr=tops[-1], lr_lo=tops[0])
    lr, momentum = schedules.stage_rates(stage, recorded["steps"], len(tops))
    np.testing.assert_allclose(lr, recorded["lr"], rtol=RTOL)
    np.testing.assert_allclose(momentum, recorded["mom"], rtol=RTOL)


def test_slice_equals_fastai():
    bounds = {
        "slice(1e-6,1e-4)": (1e-6, 1e-4),
        "slice(1e-3)": (None, 1e-3),
        "slice(1e-5,1e-3)": (1e-5, 1e-3),
        "slice(1e-4,1e-4)": (1e-4, 1e-4),
        "slice(0,1e-3)": (0, 1e-3),
        "slice(None,1e-3)": (None, 1e-3),
    }
    for case in oracle("param_group_lrs")["cases"]:
        if case["spec"] == "1e-3":
            found = schedules.group_rates(Stage(lr=1e-3), case["groups"])
        else:
            found = schedules.expand_slice(*bounds[case["spec"]], case["groups"])
        np.testing.assert_allclose(found, case["lrs"], rtol=RTOL, err_msg=str(case))
    for case in oracle("param_group_lrs")["even_mults"]:
        np.testing.assert_allclose(schedules.expand_slice(*case["args"]), case["out"], rtol=RTOL)


@pytest.mark.parametrize("case", oracle("fine_tune")["cases"], ids=lambda case: f"{case['epochs']} epochs")
def test_fine_tune_equals_fastai_step_by_step(case):
    plan = schedules.fine_tune_plan(case["epochs"], case["base_lr"], case["freeze_epochs"])
    assert len(plan) == len(case["phases"])
    for stage, phase in zip(plan, case["phases"], strict=True):
        steps = schedules.stage_steps(stage, case["batches_per_epoch"])
        lr, momentum = schedules.stage_rates(stage, steps, case["groups"])
        np.testing.assert_allclose(lr, phase["lr"], rtol=RTOL)
        np.testing.assert_allclose(momentum, np.array(phase["mom"])[:, 0], rtol=RTOL)
        trains = [group >= stage.freeze_to % case["groups"] for group in range(case["groups"])]
        assert [trains] * steps == phase["trainable"]


def test_fine_tune_leaves_out_a_phase_of_no_epochs():
    assert [stage.name for stage in schedules.fine_tune_plan(3, freeze_epochs=0)] == ["unfrozen"]
    assert [stage.name for stage in schedules.fine_tune_plan(0, freeze_epochs=2)] == ["frozen"]
    with pytest.raises(UserError, match="at least one epoch"):
        schedules.fine_tune_plan(0, freeze_epochs=0)


def test_triangles_climb_and_fall_in_straight_lines_and_triangular2_halves_them():
    stage = Stage(lr=1.0, div=10, schedule="triangular")
    lr, _ = schedules.stage_rates(stage, 80, 1)
    assert lr[0, 0] == pytest.approx(0.1) and lr[10, 0] == pytest.approx(1.0) and lr[20, 0] == pytest.approx(0.1)
    assert lr[5, 0] == pytest.approx(0.55)
    halved, _ = schedules.stage_rates(stage.but(schedule="triangular2"), 80, 1)
    peaks = halved[[10, 30, 50, 70], 0] - 0.1
    np.testing.assert_allclose(peaks, 0.9 / np.array([1, 2, 4, 8]))


@given(
    schedule=st.sampled_from(["one_cycle", "constant", "cosine", "triangular", "triangular2", "exponential"]),
    steps=st.integers(1, 300),
    groups=st.integers(1, 6),
    lr=st.floats(1e-8, 1e3),
    spread=st.floats(1, 1e6),
    pct_start=st.floats(0, 1),
    div=st.floats(1, 1e6),
    div_final=st.floats(1, 1e12),
)
def test_every_plan_stays_between_its_bounds(schedule, steps, groups, lr, spread, pct_start, div, div_final):
    stage = Stage(
        schedule=schedule, lr=lr, lr_lo=lr / spread, pct_start=pct_start, div=div, div_final=div_final
    )  # fmt: skip
    rates, momentum = schedules.stage_rates(stage, steps, groups)
    tops = schedules.group_rates(stage, groups)
    assert rates.shape == (steps, groups) and momentum.shape == (steps,)
    assert np.isfinite(rates).all()
    assert (rates <= tops * (1 + 1e-9)).all()
    assert (rates >= tops / max(div, div_final) * (1 - 1e-6)).all()
    assert (np.diff(tops) >= -1e-12 * tops[:-1]).all(), "early groups never get more than late ones"
    assert ((momentum >= 0.85 - 1e-12) & (momentum <= 0.95 + 1e-12)).all()


@given(st.floats(1e-9, 1e3), st.floats(1e-9, 1e3))
def test_annealers_start_at_their_start_and_end_at_their_end(start, end):
    for anneal in (schedules.linear, schedules.cosine, schedules.exponential):
        assert anneal(start, end, 0.0) == pytest.approx(start, rel=1e-6)
        assert anneal(start, end, 1.0) == pytest.approx(end, rel=1e-6)


def test_a_stage_without_batches_is_refused():
    with pytest.raises(UserError, match="without a single batch"):
        schedules.stage_rates(Stage(), 0, 3)
