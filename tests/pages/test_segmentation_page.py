"""The segmentation page in its states, on runs that were written as a worker writes them."""

import io
import json
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
import segmentation_samples as samples
from page_helpers import button, labels, texts

from labcore.evaluation.segmentation_files import read_mask
from labcore.runs.store import open_store
from labcore.specs import SegmentationSpec, Stage
from labcore.training import plans
from pages.parts import controls, mask_viewer, seg_choose, seg_code, seg_compare, seg_export, seg_source
from pages.parts.mask_viewer import Code, View, view_from_link, view_of

TABS = ("Numbers", "Time-lapse", "The U", "Lessons", "Use it", "Export", "Notes", "Code")


@pytest.fixture
def trained(home):
    return samples.record_run()


def test_without_a_run_there_is_one_button_to_press(visit):
    app = visit("segmentation")
    assert "Train" in labels(app) and "Nothing trained yet" in texts(app)


def test_it_opens_on_the_finished_run_with_its_baselines(visit, trained):
    app = visit("segmentation")
    metrics = {one.label: one for one in app.metric}
    assert "all Sky 45.0 %" in str(metrics["Pixel accuracy"].delta)
    assert metrics["Without looking"].value == "75.0 %"
    assert "Run again" in labels(app) and "embedded (synthetic) data" in texts(app)


def test_it_opens_on_the_latest_finished_run_where_the_default_was_never_run(visit, home):
    spec = SegmentationSpec(image_size=(48, 64), skip_off=(1,), plan=seg_choose.PRESETS[3].plan)
    samples.record_run(spec)
    app = visit("segmentation")
    assert app.selectbox(key="image_size").value == "48x64"
    assert app.selectbox(key="preset").value == "short" and "Run again" in labels(app)


def test_a_link_reopens_settings_plan_and_view(visit, trained):
    spec = SegmentationSpec(image_size=(48, 64), plan=seg_choose.PRESETS[1].plan)
    samples.record_run(spec)
    app = visit("segmentation", image_size="48x64", plan=plans.to_text(spec.plan), layer="errors", picture="3")
    assert "Run again" in labels(app)
    assert app.session_state["seg at"] == 2
    assert app.query_params["layer"] == ["errors"] or app.query_params["layer"] == "errors"


def test_the_link_of_a_run_opens_that_run(visit, trained):
    spec = SegmentationSpec(image_size=(48, 64), skip_off=(0, 2), plan=seg_choose.PRESETS[3].plan, loss="both")
    samples.record_run(spec)
    app = visit("segmentation", **controls.link(spec))
    assert "Run again" in labels(app) and app.multiselect(key="skip_off").value == [0, 2]


@pytest.mark.parametrize(
    ("status", "sentence", "offered"),
    [
        ("queued", "Waiting", "Stop"),
        ("running", "", "Stop"),
        ("stopped", "Stopped", "Start over"),
        ("failed", "The loss became no number", "Start over"),
    ],
)
def test_a_run_that_is_not_done_says_so(visit, home, status, sentence, offered):
    samples.record_run(status=status)
    app = visit("segmentation", image_size="96x128")
    assert sentence in texts(app) and offered in labels(app)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_on_a_finished_run(visit, trained, tab):
    assert not visit("segmentation", tab=tab).error


@pytest.mark.parametrize("reading", ["Classes", "Confusion", "Borders", "Imbalance", "Void"])
def test_every_reading_opens(visit, trained, reading):
    assert not visit("segmentation", tab="Numbers", reading=reading).error


@pytest.mark.parametrize(
    "lesson", ["A mask is numbers", "Move the mask too", "Up before down", "Half precision", "Small first", "Tiramisu"]
)
def test_every_lesson_opens_with_and_without_a_run(visit, trained, lesson):
    assert not visit("segmentation", tab="Lessons", lesson=lesson).error
    assert not visit("segmentation", tab="Lessons", lesson=lesson, image_size="64x96").error


def test_the_void_table_shows_the_cheat_and_its_size(visit, trained):
    app = visit("segmentation", tab="Numbers", reading="Void")
    table = app.table[0].value
    metrics = open_store().get(trained).metrics
    assert table.loc["this net, void left out"].iloc[0] == f"{100 * metrics['pixel_accuracy']:.1f} %"
    assert metrics["pixel_accuracy_with_void"] < metrics["pixel_accuracy"]
    share = (samples.arrays()["truth"] == samples.VOID).mean()
    assert f"{share:.1%}" in texts(app)


def test_two_runs_can_stand_side_by_side(visit, trained):
    other = samples.record_run(SegmentationSpec(skip_off=(0, 1, 2, 3)), skill=2.0)
    app = visit("segmentation", image_size="96x128", beside=other)
    assert app.selectbox(key="seg beside").value == other and not app.error


def test_a_cut_is_raced_against_the_full_u(visit, trained):
    app = visit("segmentation", tab="The U")
    assert "Train without any skip" in labels(app)
    samples.record_run(SegmentationSpec(skip_off=(0, 1, 2, 3)), skill=2.0)
    app = visit("segmentation", tab="The U", image_size="96x128")
    assert "Train without any skip" not in labels(app)
    lanes = app.table[0].value
    assert list(lanes.index) == ["full U", "without any skip"] and "costs most IoU" in texts(app)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"plan": "nonsense"}, "no stage of a plan"),
        ({"image_size": "5x5"}, "image_size"),
        ({"dataset.name": "camvid"}, "python -m labcore data get camvid"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_controls(visit, trained, query, sentence):
    assert sentence in texts(visit("segmentation", **query))


def test_a_class_leads_to_its_worst_pictures(trained):
    result = seg_source.result_of(open_store().get(trained))
    order = result.order("worst", samples.CAR)
    found = [result.iou(int(place), samples.CAR) for place in order]
    assert found == sorted(found) and len(found) > 3
    assert list(result.order("best", samples.CAR)) == list(order[::-1])
    assert not len(result.order("worst", samples.TRAM))


def test_a_picture_that_was_not_kept_apart_still_has_its_masks(trained):
    result = seg_source.result_of(open_store().get(trained))
    made = samples.arrays()
    kept, other = seg_source.picture_of(result, 3), seg_source.picture_of(result, samples.COUNT - 1)
    np.testing.assert_array_equal(kept.probs, made["probs"][3])
    np.testing.assert_array_equal(other.prediction, made["prediction"][-1])
    np.testing.assert_array_equal(other.truth, made["truth"][-1])


def test_a_damaged_or_foreign_view_falls_back_to_the_default():
    told = {"layer": "rubbish", "second": 7, "chosen": 99, "threshold": "nan", "opacity": -1, "hidden": ["x", 2, 88]}
    assert view_of(told, 6) == View(hidden=(2,))
    view = View("errors", "truth", 3, 0.25, 0.9, True, (0, 4))
    assert view_from_link(view.link(), 6) == view
    assert View().link() == {}


def test_what_is_packed_can_be_unpacked():
    picture, mask = samples.scene(0)
    data = mask_viewer.packed({"item": "é"}, {"picture": picture, "truth": mask})
    length = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + length])
    plain = zlib.decompress(data[4 + length :])
    place = {one["name"]: one for one in head["places"]}["truth"]
    found = np.frombuffer(plain, np.uint8)[place["start"] : place["start"] + place["bytes"]].reshape(mask.shape)
    np.testing.assert_array_equal(found, mask)
    again = mask_viewer.packed({"item": "é"}, {"picture": picture, "truth": mask})
    other = mask_viewer.packed({"item": "e"}, {"picture": picture, "truth": mask})
    assert again == data and b'"id"' in other and other != data


def test_a_long_time_lapse_is_thinned_and_keeps_its_ends():
    frames = 100
    truth = np.zeros((2, 4, 5), np.uint8)
    found = {
        "pictures": np.zeros((2, 4, 5, 3), np.uint8),
        "truth": truth,
        "masks": np.zeros((frames, 2, 4, 5), np.uint8),
        "at": np.arange(frames, dtype=np.float32),
    }
    data = mask_viewer._lapse(found, (Code("Sky", (1, 2, 3)),), ("a", "b"), 99.0, False)
    head = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])
    assert len(head["at"]) <= mask_viewer.MOST_FRAMES and head["at"][0] == 0 and head["at"][-1] == frames - 1


def test_masks_leave_as_indexed_pngs_with_their_codes(trained):
    data = seg_export.masks_zip(open_store().get(trained))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("codes.txt").decode().split() == [name for name, _, _ in samples.CODES]
        mask, palette = read_mask(archive.read("labels/v03_004.png"))
    np.testing.assert_array_equal(mask, samples.arrays()["prediction"][4])
    assert palette[samples.ROAD] == samples.CODES[samples.ROAD][1]


def test_halving_keeps_epochs_and_rates_and_starts_at_half_the_size():
    spec = SegmentationSpec()
    half = seg_compare.halved(spec)
    assert sum(stage.epochs for stage in half.plan) == sum(stage.epochs for stage in spec.plan)
    assert half.plan[0].image_size == (48, 64) and half.plan[-1].image_size == (96, 128)
    assert half.but(plan=spec.plan) == spec


@pytest.mark.parametrize(
    "spec",
    [
        SegmentationSpec(),
        SegmentationSpec(loss="both", class_weights="balanced", skip_off=(0, 2), decoder="full"),
        SegmentationSpec.of({"dataset.name": "camvid", "dataset.root": "somewhere"}),
        seg_compare.halved(SegmentationSpec()),
    ],
)
def test_the_code_in_fastai_and_torch_is_python(spec):
    compile(seg_code.fastai_code(spec), "fastai", "exec")
    compile(seg_code.torch_code(spec), "torch", "exec")


def test_the_torch_code_trains(tmp_path, monkeypatch):
    folder = tmp_path / ".lab" / "data" / "streets"
    folder.mkdir(parents=True)
    scenes = [samples.scene(seed, (64, 64)) for seed in range(6)]
    np.save(folder / "images.npy", np.stack([picture for picture, _ in scenes]))
    np.save(folder / "masks.npy", np.stack([mask for _, mask in scenes]))
    pd.DataFrame({"is_valid": [False] * 5 + [True]}).to_parquet(folder / "items.parquet")
    (folder / "meta.json").write_text(json.dumps({"classes": [name for name, _, _ in samples.CODES]}))
    monkeypatch.chdir(tmp_path)
    stages = (Stage(freeze_to=-1, lr=1e-3), Stage(lr=1e-3, lr_lo=1e-5))
    spec = SegmentationSpec(arch="mobilenetv3_small_050", weights="none", image_size=64, batch_size=2, plan=stages,
                            loss="both", class_weights="balanced", skip_off=(0,))  # fmt: skip
    found: dict = {}
    exec(seg_code.torch_code(spec), found)
    assert np.isfinite(found["loss"].item()) and found["void"] == samples.VOID
    rates = [group["lr"] for group in found["optimizer"].param_groups]
    assert rates == sorted(rates) and rates[0] < rates[-1]


def test_presets_are_told_apart_and_controls_take_any_spec(visit, trained):
    for preset in seg_choose.PRESETS[1:]:
        app = visit("segmentation", plan=plans.to_text(preset.plan))
        assert app.selectbox(key="preset").value == preset.name
    app = visit("segmentation", **{"dataset.name": "streets", "image_size": "96x128"})
    app.selectbox(key="preset").set_value("notes").run()
    assert "Train" in labels(app)
    button(app, "Train")
