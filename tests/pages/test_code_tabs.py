"""The code that pages show is run: it asks for the same run, and trains at the same rates with the same freezing."""

import itertools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labcore import specs
from labcore.cli import _assignment
from labcore.runs.keys import key_of
from labcore.specs import (
    CollabSpec,
    FineTuneSpec,
    HeadPoseSpec,
    LRFinderSpec,
    SegmentationSpec,
    Stage,
    ThresholdsSpec,
)
from labcore.training import plans
from labcore.training.range_test import sweep_rates
from pages.parts import code, code_collab, code_stages, pose_code, seg_code

REPOSITORY = Path(__file__).parents[2]
PICTURES, SIDE, BATCH = 24, 64, 4
SHORT = (
    Stage(name="head", freeze_to=-1, epochs=1, lr=3e-3, tenth=True),
    Stage(name="all", epochs=2, lr=1e-3, lr_lo=1e-5, pct_start=0.4, div=10),
)
SCHEDULES = tuple(
    Stage(name=kind, epochs=2, lr=1e-3, lr_lo=1e-4, schedule=kind)
    for kind in ("constant", "cosine", "exponential", "triangular", "triangular2")
)
SMALL = {"arch": "mobilenetv3_small_050", "weights": "none", "image_size": SIDE, "batch_size": BATCH}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder as code finds it: tiny sets where the lab keeps its own, and the assets."""
    random = np.random.default_rng(0)
    for name, several in (("critters", False), ("tiles", True)):
        folder = tmp_path / ".lab" / "data" / name
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", random.integers(0, 255, (PICTURES, SIDE, SIDE, 3), np.uint8))
        labels = [[k % 3, 3] for k in range(PICTURES)] if several else list(np.arange(PICTURES) % 3)
        pd.DataFrame({"labels" if several else "label": labels}).to_parquet(folder / "items.parquet")
        (folder / "meta.json").write_text(json.dumps({"classes": ["one", "two", "three", "four"][: 3 + several]}))
    held = np.arange(PICTURES) >= PICTURES - 4
    for name, classes in (("streets", ["void", "road", "sky"]), ("heads", ["centre"])):
        folder = tmp_path / ".lab" / "data" / name
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", random.integers(0, 255, (PICTURES, SIDE, SIDE, 3), np.uint8))
        np.save(folder / "masks.npy", random.integers(0, 3, (PICTURES, SIDE, SIDE), np.uint8))
        np.save(folder / "points.npy", random.uniform(0, SIDE, (PICTURES, 1, 2)).astype(np.float32))
        table = {"is_valid": held, "group": [f"video {k // 4}" for k in range(PICTURES)]}
        pd.DataFrame(table).to_parquet(folder / "items.parquet")
        (folder / "meta.json").write_text(json.dumps({"classes": classes}))
    folder = tmp_path / ".lab" / "data" / "ratings"
    folder.mkdir(parents=True)
    users, films = np.repeat(np.arange(20), 10), np.tile(np.arange(10), 20)
    table = {"user": users, "movie": films, "rating": random.integers(1, 6, 200).astype(np.float32)}
    pd.DataFrame(table).to_parquet(folder / "items.parquet")
    (tmp_path / "assets").symlink_to(REPOSITORY / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


VARIED = [
    *(cls() for cls in specs.EXPERIMENTS.values()),
    FineTuneSpec(plan=SHORT, seed=3, head="linear"),
    LRFinderSpec(frozen=False, start=1e-5),
    ThresholdsSpec(threshold=0.3, plan=SHORT),
    CollabSpec(model="nn", hidden=(64, 32), y_range=(0.0, 5.5)),
]


@pytest.mark.parametrize("spec", VARIED, ids=lambda spec: type(spec).__name__)
def test_command_and_script_ask_for_the_very_run_of_the_page(spec):
    namespace: dict = {"__name__": "imported"}
    exec(code.script(spec), namespace)
    assert key_of(namespace["spec"]) == key_of(spec)
    words = shlex.split(code.command(spec))
    assert words[:4] == ["python", "-m", "labcore", "run"]
    said = dict(_assignment(word) for before, word in itertools.pairwise(words) if before == "--set")
    assert key_of(specs.spec_type(words[4]).of(said)) == key_of(spec)


# Plain PyTorch: watched at every step of its optimizer


@pytest.fixture
def steps(monkeypatch):
    """(rates, whether the group's convolutions train) of every optimizer step that code takes."""
    import torch

    seen = []
    step = torch.optim.AdamW.step

    def watched(self, *arguments, **named):
        trains = [any(p.requires_grad and p.dim() > 1 for p in group["params"]) for group in self.param_groups]
        seen.append(([group["lr"] for group in self.param_groups], trains))
        return step(self, *arguments, **named)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    return seen


def compare(seen, plan, groups=(0, 1, 2)):
    """Rates and freezing are those of the plan's preview; ``groups`` are those that the code tells apart."""
    epochs = sum(stage.epochs for stage in plan)
    assert len(seen) % epochs == 0
    expected = plans.preview(plan, SIDE, len(seen) // epochs, 3).lr[:, list(groups)]
    rates, trains = np.array([rates for rates, _ in seen]), np.array([trains for _, trains in seen])
    assert rates.shape == expected.shape
    np.testing.assert_array_equal(trains, np.isfinite(expected))
    np.testing.assert_allclose(rates[trains], expected[trains], rtol=2e-4, atol=2e-7)


@pytest.mark.parametrize(
    "spec",
    [
        FineTuneSpec.of(SMALL, plan=SHORT),
        FineTuneSpec.of(SMALL, plan=SCHEDULES, head="linear", frozen_body="computed_once"),
        ThresholdsSpec.of(SMALL, plan=SHORT, dataset={"name": "tiles"}),
        FineTuneSpec.of(SMALL | {"arch": "regnetx_002", "weights": "embedded"}, plan=SHORT[1:]),
    ],
    ids=["fine_tune", "schedules", "thresholds", "embedded"],
)
def test_plain_torch_trains_at_the_plans_rates(kept, steps, spec):
    exec(code_stages.torch_stages(spec), {})
    compare(steps, spec.plan)


@pytest.mark.parametrize("sweep", ["exponential", "linear"])
def test_plain_torch_tries_the_rates_of_the_range_test(kept, steps, sweep):
    spec = LRFinderSpec.of(SMALL, num_it=12, sweep=sweep, stop_early=False)
    found: dict = {}
    exec(code_stages.torch_range_test(spec), found)
    np.testing.assert_allclose(found["rates"], sweep_rates(spec.start, spec.end, spec.num_it, sweep), rtol=1e-9)
    assert len(found["smooth"]) == spec.num_it and np.isfinite(found["smooth"]).all()


@pytest.mark.parametrize("model", ["dot", "dot_range", "dot_bias", "nn"])
def test_plain_torch_learns_the_ratings(kept, steps, model):
    spec = CollabSpec(model=model, batch_size=16, epochs=2)
    exec(code_collab.torch_code(spec, (0.0, 5.5)), {})
    count = len(seen := [rates[0] for rates, _ in steps])
    expected = plans.preview((Stage(epochs=2, lr=spec.lr),), SIDE, count // 2, 1).lr[:, 0]
    np.testing.assert_allclose(seen, expected, rtol=1e-3)


SCENES = SegmentationSpec.of(SMALL, plan=SHORT, dataset={"name": "streets"}, loss="both", skip_off=(0,))
POSES = HeadPoseSpec.of(SMALL, plan=SHORT, dataset={"name": "heads"})
ENDS = (0, 2)
"""Body and head: fastai cuts a timm net once, and so does the page's code for points."""


@pytest.mark.parametrize("spec", [SCENES, SCENES.but(plan=SCHEDULES)], ids=["stages", "schedules"])
def test_plain_torch_paints_at_the_plans_rates(kept, steps, spec):
    exec(seg_code.torch_code(spec), {})
    compare(steps, spec.plan)


def test_plain_torch_points_at_the_plans_rates(kept, steps):
    exec(pose_code.torch_code(POSES), {})
    compare(steps, POSES.plan, ENDS)


def test_code_for_a_folder_of_ones_own_reads_it(kept, steps):
    from PIL import Image

    for name in ("cat", "dog"):
        (kept / "mine" / name).mkdir(parents=True)
        for k in range(6):
            Image.new("RGB", (80, 70), (40 * k, 90, 10)).save(kept / "mine" / name / f"{k}.png")
    spec = FineTuneSpec.of(SMALL, plan=SHORT[1:], dataset={"name": "own", "root": "mine"})
    exec(code_stages.torch_stages(spec), {})
    compare(steps, spec.plan)


# fastai: in its own environment, where there is one

SPY = """
import json, sys
from fastai.callback.core import Callback
from fastai.learner import defaults

class Spy(Callback):
    order, seen = 100, []
    def before_batch(self):
        if self.training:
            groups = self.opt.param_lists
            trains = [any(p.requires_grad and p.dim() > 1 for p in group) for group in groups]
            Spy.seen.append([[h["lr"] for h in self.opt.hypers], trains])

defaults.callbacks = [*defaults.callbacks, Spy]
exec(open(sys.argv[1]).read(), {"__name__": "__main__"})
json.dump(Spy.seen, open(sys.argv[2], "w"), default=float)
"""


def in_fastai(folder: Path, source: str) -> list:
    """What fastai's optimizer was given at each batch; ``LAB_FASTAI_PYTHON`` names the Python that has fastai."""
    python = os.environ.get("LAB_FASTAI_PYTHON", sys.executable)
    if subprocess.run(
        [python, "-c", "import fastai, timm, safetensors, segmentation_models_pytorch"], capture_output=True
    ).returncode:
        pytest.skip("fastai and timm are not installed; LAB_FASTAI_PYTHON may name a Python that has them")
    (folder / "spy.py").write_text(SPY)
    (folder / "shown.py").write_text(source.replace(".dataloaders(", ".dataloaders(num_workers=0, source=", 1))
    done = subprocess.run([python, "spy.py", "shown.py", "seen.json"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "seen.json").read_text())


@pytest.mark.parametrize(
    "spec",
    [
        FineTuneSpec.of(SMALL, plan=SHORT),
        FineTuneSpec.of(SMALL, plan=SCHEDULES, head="linear"),
        ThresholdsSpec.of(SMALL, plan=SHORT, dataset={"name": "tiles"}),
        FineTuneSpec.of(SMALL | {"arch": "regnetx_002", "weights": "embedded"}, plan=SHORT[1:]),
    ],
    ids=["fine_tune", "schedules", "thresholds", "embedded"],
)
def test_fastai_trains_at_the_plans_rates(kept, spec):
    compare(in_fastai(kept, code_stages.fastai_stages(spec)), spec.plan)


def test_fastai_paints_at_the_plans_rates(kept):
    compare(in_fastai(kept, seg_code.fastai_code(SCENES)), SCENES.plan)


def test_fastai_points_at_the_plans_rates(kept):
    source = pose_code.fastai_code(POSES).replace("learn.show_results()", "learn.get_preds()")
    compare(in_fastai(kept, source), POSES.plan, ENDS)


@pytest.mark.parametrize("spec", [LRFinderSpec.of(SMALL, num_it=40, stop_early=False)], ids=["exponential"])
def test_fastai_tries_the_rates_of_the_range_test(kept, spec):
    seen = in_fastai(kept, code_stages.fastai_range_test(spec))
    expected = sweep_rates(spec.start, spec.end, spec.num_it, "exponential")
    np.testing.assert_allclose([rates[-1] for rates, _ in seen[: spec.num_it]], expected, rtol=1e-6)


@pytest.mark.parametrize("model", ["dot_range", "dot_bias", "nn"])
def test_fastai_learns_the_ratings(kept, model):
    spec = CollabSpec(model=model, batch_size=16, epochs=2)
    seen = in_fastai(kept, code_collab.fastai_code(spec, (0.0, 5.5)))
    expected = plans.preview((Stage(epochs=2, lr=spec.lr),), SIDE, len(seen) // 2, 1).lr[:, 0]
    np.testing.assert_allclose([rates[-1] for rates, _ in seen], expected, rtol=1e-3)
