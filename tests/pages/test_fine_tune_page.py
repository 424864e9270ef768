"""The fine-tuner's page in its states, on a run that was really trained."""

import json
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from page_helpers import labels, texts
from PIL import Image
from streamlit.testing.v1 import AppTest

import labcore
from labcore.runs.artifacts import Artifacts
from labcore.runs.store import open_store
from labcore.specs import FineTuneSpec, LRFinderSpec, Stage, flatten
from labcore.training import plans
from pages.parts import code, ft_race, tricks

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"
COLOURS = {"Amber_cat": (220, 160, 30), "Blue_cat": (40, 70, 200), "green_dog": (30, 160, 60)}
PLAN = (
    Stage(name="head", freeze_to=-1, epochs=1, lr=3e-3, tenth=True),
    Stage(name="all", epochs=2, lr=2e-3, lr_lo=2e-5),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A lab with one finished run on 36 pictures of three breeds; its spec and its id."""
    root, home = tmp_path_factory.mktemp("pets"), tmp_path_factory.mktemp("lab")
    (root / "images").mkdir()
    rng = np.random.default_rng(0)
    for breed, colour in COLOURS.items():
        for number in range(12):
            picture = rng.normal(colour, 60, (48, 48, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(root / "images" / f"{breed}_{number}.jpg")
    spec = FineTuneSpec.of(
        {"dataset.name": "pets", "dataset.root": str(root), "arch": "mobilenetv3_small_050", "weights": "none"},
        batch_size=8,
        image_size=64,
        plan=PLAN,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(home))
        patch.setenv("LAB_DEVICE", "cpu")
        run = labcore.run(spec)
        assert run.status == "done", run.row.error
        yield spec, run.id
        open_store().close()


def link(spec: FineTuneSpec) -> dict[str, str]:
    return {
        "dataset.name": "pets",
        "dataset.root": spec.dataset.root,
        "arch": spec.arch,
        "weights": "none",
        "batch_size": "8",
        "image_size": "64",
        "plan": plans.to_text(spec.plan),
    }


def visit(**query: str) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=60)
    app.run()
    app.switch_page("fine_tune.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def test_it_opens_on_the_finished_run_with_its_baseline(trained):
    app = visit()
    assert app.selectbox(key="arch").value == "mobilenetv3_small_050"
    metrics = {one.label: one for one in app.metric}
    assert "baseline 66.7 %" in str(metrics["Error rate"].delta)
    assert "Run again" in labels(app) and "Train" not in labels(app)


def test_a_link_reopens_plan_and_run(trained):
    spec, _ = trained
    app = visit(**link(spec))
    assert "Run again" in labels(app)
    assert app.selectbox(key="preset").value == "own"


def test_another_plan_asks_to_be_trained_and_previews_what_trains(trained):
    spec, _ = trained
    app = visit(**link(spec) | {"plan": "name=head,freeze_to=-1,epochs=2,lr=0.001"})
    assert "Train" in labels(app) and "Run again" not in labels(app)
    table = app.table[0].value
    assert "frozen" in table.loc["head", "late body"] and "frozen" not in table.loc["head", "head"]


def test_a_rate_from_the_finder_becomes_a_fine_tune_plan(trained):
    app = visit(lr="0.004")
    plan = plans.from_text(app.session_state["plan text"])
    assert plan[0].lr == 0.004 and plan[1].lr == 0.002 and plan[1].lr_lo == pytest.approx(2e-5)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"plan": "nonsense"}, "no stage of a plan"),
        ({"plan": "lr=1e-5,lr_lo=1"}, "early layers more than late"),
        ({"dataset.name": "pets"}, "python -m labcore data get pets"),
        ({"start_from": "../../etc"}, "start_from"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_controls(trained, query, sentence):
    assert sentence in texts(visit(**query))


@pytest.mark.parametrize("tab", ["Race", "Reading", "Use it", "Mistakes", "Tricks", "Export", "Notes", "Code"])
def test_every_tab_opens_on_a_finished_run(trained, tab):
    spec, _ = trained
    app = visit(**link(spec) | {"tab": tab})
    assert not app.error


@pytest.mark.parametrize("reading", ["Symptoms", "Confusion", "Top losses", "Classes", "Epochs"])
def test_every_reading_opens(trained, reading):
    spec, _ = trained
    app = visit(**link(spec) | {"tab": "Reading", "reading": reading})
    assert not app.error


@pytest.mark.parametrize("view", ["Plan", "X-ray", "Wrong right now"])
def test_every_view_opens(trained, view):
    spec, _ = trained
    assert not visit(**link(spec) | {"view": view}).error


def test_an_uploaded_picture_is_answered_in_both_readings_and_a_text_is_refused(trained):
    spec, _ = trained
    app = visit(**link(spec) | {"tab": "Use it"})
    picture = Path(spec.dataset.root) / "images" / "Amber_cat_0.jpg"
    app.file_uploader(key="picture").upload(picture.name, picture.read_bytes(), "image/jpeg").run()
    assert "says softmax" in texts(app) and not app.exception
    app.file_uploader(key="picture").upload("note.jpg", b"no picture at all", "image/jpeg").run()
    assert any("note.jpg" in str(one.value) for one in app.error)


def test_the_notebooks_results_stand_beside_pets_only_and_say_what_differs(trained):
    spec, _ = trained
    shown = texts(visit(**link(spec) | {"tab": "Notes"}))
    assert "one run of the notebook" in shown and "36 pictures instead of 7,390" in shown
    assert "one run of the notebook" not in texts(visit(tab="Notes", **{"dataset.name": "critters"}))


def test_choosing_pets_takes_what_suits_them_and_back(trained):
    app = visit(**{"dataset.name": "critters"})
    app.selectbox(key="dataset.name").set_value("pets").run()
    assert app.selectbox(key="image_size").value == 256 and app.selectbox(key="head").value == "linear"
    app.selectbox(key="dataset.name").set_value("critters").run()
    assert app.selectbox(key="image_size").value == FineTuneSpec().image_size
    assert visit(**{"dataset.name": "pets"}).selectbox(key="image_size").value == 256


# Pure parts


def test_the_notebook_is_one_and_repeats_the_run(trained):
    spec, run = trained
    content = json.loads(code.notebook(spec, ("valid_loss",)))
    assert content["nbformat"] == 4
    source = "\n".join(cell["source"] for cell in content["cells"][1:3])
    namespace: dict = {}
    exec(source.replace(".wait()", ""), namespace)
    assert namespace["run"].id == run


def test_every_card_applies_to_some_plan_and_changes_it():
    specs = [FineTuneSpec(plan=preset.plan, image_size=128, arch="mobilenetv3_small_100") for preset in plans.PRESETS]
    specs += [spec.but(arch="resnet18", weights="none") for spec in specs]
    specs.append(FineTuneSpec(plan=(Stage(epochs=3),), augment="none"))
    for card in tricks.TRICKS:
        tried = [(spec, card.tried(spec)) for spec in specs]
        assert any(other is not None and other != spec for spec, other in tried), card.name
        assert card.what and card.why and card.when and card.source


def test_a_plan_left_open_suits_the_data_and_one_that_is_given_stays():
    open_plan = FineTuneSpec.of({"dataset.name": "pets"})
    assert open_plan.head == "linear" and open_plan.image_size == 256
    assert FineTuneSpec.of({"dataset.name": "pets", "image_size": 64}).image_size == 64
    lane = FineTuneSpec.of({"dataset.name": "pets", "plan": (Stage(steps=5),)})
    assert lane.head == "fastai" and lane.image_size == FineTuneSpec().image_size
    assert FineTuneSpec.model_validate(open_plan.model_dump(mode="json")) == open_plan


def test_a_race_differs_in_what_it_says():
    spec = FineTuneSpec()
    offered = ft_race.opponents(spec)
    assert next(iter(offered)) == "slice or one rate"
    assert plans.differences(spec, offered["slice or one rate"]) == [("stage all: lr_lo", "0.004", "none")]
    assert ft_race.lane_name(spec, offered["slice or one rate"], "slice or one rate") == "lr_lo = none"
    assert sum(stage.epochs for stage in offered["the head alone"].plan) == sum(stage.epochs for stage in spec.plan)


def test_nothing_of_a_run_needs_torch_to_be_shown(trained):
    _, run = trained
    assert {"card.json", "model.onnx", "plan.json", "predictions.npz"} <= open_store().artifacts(run).keys()
    assert Artifacts().read(run, "model.onnx")


def test_a_finished_stage_leads_to_the_range_test_for_the_next(trained):
    spec, run = trained
    app = visit(**link(spec))
    way = next(one for one in app.get("page_link") if "next stage" in one.proto.label)
    asked = dict(parse_qsl(dict(parse_qsl(way.proto.query_string))["with"]))
    test = LRFinderSpec.of(asked)
    assert test.start_from == f"{run}/all" and test.frozen is False
    shared = flatten(LRFinderSpec()).keys() & flatten(spec).keys() - {"start_from", "frozen_body"}
    assert {name: flatten(test)[name] for name in shared} == {name: flatten(spec)[name] for name in shared}
