"""The head pose page in its states, on runs written as a worker writes them."""

import io

import numpy as np
import pandas as pd
import pose_samples
import pytest
from page_helpers import button, labels, texts

from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.runs.store import open_store
from labcore.specs import HeadPoseSpec, Stage
from labcore.training import plans
from pages.parts import controls, pose_choose, pose_code, pose_draw, pose_errors, pose_pictures, pose_race, upload
from pages.parts.pose_live import told_of
from pages.parts.pose_result import result_of, unit_points

TABS = ("Split lab", "Pictures", "Errors", "Why MSE", "Race", "Shapes", "Use it", "Export", "Notes", "Code")


def numbers(app) -> dict[str, str]:
    return {one.label: f"{one.value} | {one.delta}" for one in app.metric}


def result(spec: HeadPoseSpec | None = None):
    return result_of(open_store().get(pose_samples.record_run(spec)))


def test_it_opens_on_the_result_with_baselines_and_the_leak(visit, home):
    pose_samples.record_run()
    app = visit("head_pose")
    found = numbers(app)
    assert "mean point: 21.0 px" in found["Median error, new people"]
    assert float(found["Median error, new people"].split()[0]) > float(found["The random split says"].split()[0])
    assert "Leak: the random split looks" in texts(app) and "Run again" in labels(app)


def test_an_empty_lab_offers_to_train(visit):
    app = visit("head_pose")
    assert "Train" in labels(app) and not app.metric and not app.error


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_on_a_result_and_without_one(visit, home, tab):
    assert not visit("head_pose", tab=tab).error
    pose_samples.record_run()
    assert not visit("head_pose", tab=tab).error


@pytest.mark.parametrize(
    ("name", "views"),
    [
        ("split view", ("Two splits", "Neighbouring frames", "Everybody once")),
        ("errors view", pose_errors.VIEWS),
        ("why view", ("One picture's loss", "y_range")),
        ("shapes view", ("One batch", "R, G, B", "More channels", "Video")),
    ],
)
def test_every_view_opens(visit, home, name, views):
    pose_samples.record_run()
    tab = {"split": "Split lab", "errors": "Errors", "why": "Why MSE", "shapes": "Shapes"}[name.split()[0]]
    for view in views:
        assert not visit("head_pose", tab=tab, **{name: view}).error


@pytest.mark.parametrize(("tab", "view"), [
    *(("Errors", view) for view in pose_errors.VIEWS),
    ("Pictures", ""), ("Why MSE", ""), ("Shapes", ""), ("Split lab", ""), ("Notes", ""),
])  # fmt: skip
def test_angles_are_shown_in_degrees_everywhere(visit, home, tab, view):
    pose_samples.record_run(HeadPoseSpec(target="angles"))
    app = visit("head_pose", tab=tab, target="angles", **({"errors view": view} if view else {}))
    assert not app.error and "°" in numbers(app)["Median error, new people"]


def test_a_net_that_has_learnt_nothing_is_not_said_to_leak(home, visit):
    run = pose_samples.record_run()
    row = open_store().get(run)
    open_store().update(run, metrics=row.metrics | {"pixel_error_median": 20.0, "leak_ratio": 12.0})
    shown = texts(visit("head_pose"))
    assert "Hardly nearer than the mean point" in shown and "Leak:" not in shown


@pytest.mark.parametrize(
    ("status", "said", "offered"),
    [
        ("queued", "", "Stop"),
        ("running", "", "Stop"),
        ("stopped", "Stopped", "Start over"),
        ("failed", "The loss became no number", "Start over"),
    ],
)
def test_states_are_said_with_a_way_on(visit, home, status, said, offered):
    pose_samples.record_run(status=status)
    app = visit("head_pose", protocol="both")
    assert offered in labels(app) and said in texts(app)


def test_everybody_once_answers_with_the_spread_over_people(visit, home):
    pose_samples.record_run()
    app = visit("head_pose", tab="Split lab", **{"split view": "Everybody once"})
    assert "Hold everybody out once" in labels(app) and "5 trainings, one per person" in texts(app)
    pose_samples.record_run(HeadPoseSpec(protocol="leave_one_out"))
    shown = texts(visit("head_pose", tab="Split lab", **{"split view": "Everybody once"}))
    found = pose_samples.predictions([f"fold:p{k + 1:02d}" for k in range(pose_samples.PEOPLE)])
    table = judge.by_group(judge.errors(found["truth"], found["prediction"]), found["group"])
    worst, best = table["median"].iloc[0], table["median"].iloc[-1]
    assert f"From {best:.2f} px" in shown and f"to {worst:.2f} px ({table['group'].iloc[0]})" in shown
    assert f"standard deviation {table['median'].std(ddof=1):.2f}" in shown


def test_a_run_of_one_split_has_no_leak_to_tell(visit, home):
    pose_samples.record_run(HeadPoseSpec(protocol="one"))
    app = visit("head_pose", protocol="one")
    assert "Median error, held out" in numbers(app) and "Leak:" not in texts(app)
    assert "Both splits side by side need" in texts(app)


def test_a_plan_without_a_stage_is_refused_beside_the_controls(visit):
    app = visit("head_pose", **{"pose.head_epochs": "0", "pose.all_epochs": "0"})
    assert [str(one.value) for one in app.error] == ["Neither stage trains. Give one of them an epoch."]


@pytest.mark.parametrize("text", ["wide", "96x", "x", "-5"])
def test_what_is_no_picture_size_is_said(visit, text):
    app = visit("head_pose", **{"pose.size": text})
    assert [str(one.value) for one in app.error] == [
        f"{text!r} is no picture size. Write height x width, such as 96x128."
    ]


def test_a_range_the_wrong_way_round_is_refused(visit):
    app = visit("head_pose", **{"pose.range": "1 to -1"})
    assert any("Put the smaller number first" in str(one.value) for one in app.error)


def test_angles_that_are_to_move_with_the_picture_are_refused(visit):
    app = visit("head_pose", target="angles", augment="photos")
    assert any("Angles do not follow" in str(one.value) for one in app.error)


def test_the_link_that_other_pages_write_fills_the_controls(visit, home):
    spec = HeadPoseSpec(image_size=(60, 80), y_range=None, loss="l1", plan=pose_choose.plan(2, 3, 1e-3))
    run = pose_samples.record_run(spec)
    app = visit("head_pose", **{name.replace(".", "__"): value for name, value in controls.link(spec).items()})
    assert app.selectbox(key="pose.size").value == "60x80" and app.selectbox(key="pose.range").value == "off"
    assert app.selectbox(key="pose.all_epochs").value == 3 and "Run again" in labels(app)
    assert open_store().get(run).status == "done"


def test_own_pictures_get_the_plan_that_suits_a_few(visit):
    suited = HeadPoseSpec.of({"dataset.name": "own"})
    app = visit("head_pose")
    app.selectbox(key="dataset.name").set_value("own").run()
    arrived = visit("head_pose", dataset__name="own")
    for page in (app, arrived):
        assert page.selectbox(key="batch_size").value == suited.batch_size
        assert page.selectbox(key="augment").value == suited.augment
        assert page.selectbox(key="pose.all_epochs").value == suited.plan[-1].epochs
    app.selectbox(key="dataset.name").set_value("heads").run()
    assert app.selectbox(key="augment").value == "none" and "Train" in labels(app)
    kept = visit("head_pose", dataset__name="own", augment="none", **{"pose.all_epochs": "2"})
    assert kept.selectbox(key="augment").value == "none" and kept.selectbox(key="pose.all_epochs").value == 2


def test_a_link_with_another_kind_of_plan_says_so(visit):
    app = visit("head_pose", plan=plans.to_text((Stage(name="odd", epochs=1, schedule="constant"),)))
    assert "no controls for" in texts(app)


def test_guess_first_covers_both_errors(visit, home):
    pose_samples.record_run()
    app = visit("head_pose", guess="true")
    assert not app.metric and "Reveal" in labels(app)
    button(app, "Reveal").click().run()
    assert "The random split says" in numbers(app)


def test_a_pressed_train_is_asked_for_once(visit, home, monkeypatch):
    from labcore.runs import engine

    monkeypatch.setattr(engine, "ensure", lambda: None)
    app = visit("head_pose")
    button(app, "Train").click().run()
    (row,) = open_store().find(experiment="head_pose")
    assert row.status == "queued" and HeadPoseSpec.model_validate(row.spec) == HeadPoseSpec()
    assert "Stop" in labels(app)


# Pure parts


def test_controls_say_the_very_default():
    head, rest = HeadPoseSpec().plan
    assert pose_choose.plan(head.epochs, rest.epochs, rest.lr) == HeadPoseSpec().plan
    assert pose_choose.fits(HeadPoseSpec())
    assert not pose_choose.fits(HeadPoseSpec(plan=(Stage(name="odd", epochs=2),)))


@pytest.mark.parametrize(
    ("text", "value"),
    [("-1 to 1", (-1, 1)), ("(-1.0, 1.0)", (-1, 1)), ("−1.1 to 1.1", (-1.1, 1.1)), ("off", None), ("None", None)],
)
def test_ranges_are_read_as_people_write_them(text, value):
    assert pose_choose.range_of(text) == value


@pytest.mark.parametrize("text", ["", "wide", "1", "e to -", "1 to 2 to 3"])
def test_what_is_no_range_is_said(text):
    with pytest.raises(UserError, match="is no y_range"):
        pose_choose.range_of(text)


def test_points_leave_as_a_table_with_their_errors(home):
    found = result()
    table = pd.read_csv(io.BytesIO(pose_errors.points_csv(found)))
    assert len(table) == sum(map(len, found.parts.values())) and set(table["held_out"]) == {"by person", "at random"}
    off = np.hypot(
        table["head centre x predicted"] - table["head centre x"],
        table["head centre y predicted"] - table["head centre y"],
    )
    assert np.allclose(off, table["head centre error"], atol=2e-3)


def test_folds_are_judged_together_and_listed_once(home):
    found = result(HeadPoseSpec(protocol="leave_one_out"))
    assert len(found.main) == pose_samples.PEOPLE * pose_samples.FRAMES
    table = pd.read_csv(io.BytesIO(pose_errors.points_csv(found)))
    assert len(table) == len(found.main) and set(table["held_out"]) == {f"p{k + 1:02d}" for k in range(5)}


def test_unit_points_span_the_picture(home):
    found = result()
    truth, _ = unit_points(found.main, found.plan)
    size = np.array([pose_samples.WIDTH, pose_samples.HEIGHT])
    assert np.allclose((truth + 1) / 2 * size, found.main.truth, atol=1e-3)


def test_the_epochs_go_to_the_browser_once_with_their_scale(home):
    row = open_store().get(pose_samples.record_run())
    from labcore.runs.run import Run

    told = pose_pictures.frames(row, Run(row.id).artifact("timelapse.npz"), told_of(row))
    assert len(told["epochs"]) == len(told["points"]) == pose_samples.EPOCHS
    assert len(told["truth"]) == len(told["names"]) == len(told["scale"]) == pose_samples.KEPT
    assert all(pair == [1, 1] for pair in told["scale"]) and told["sprite"].startswith("data:image/jpeg;base64,")


def test_squeezed_pictures_are_measured_in_the_original_s_pixels():
    found = {"pictures": np.zeros((2, 50, 100, 3), np.uint8)}
    told = {"original_size": [480, 640]}
    assert pose_pictures._scale(found, told, 100, 50).tolist() == [[6.4, 9.6]] * 2
    sizes = {"sizes": np.array([[100, 50], [200, 200]])}
    assert pose_pictures._scale(found | sizes, told, 100, 50).tolist() == [[1, 1], [2, 4]]


def test_marks_stay_on_the_picture_and_unknown_points_are_not_drawn():
    picture = np.zeros((20, 40, 3), np.uint8)
    points = np.array([[500.0, -3.0], [np.nan, 1.0]])
    drawn = pose_draw.drawing(picture, None, points)
    assert drawn.count("circle") == 1 and "cx%3D%2240.0%22" in drawn.replace("=", "%3D").replace('"', "%22")


def test_a_text_is_no_picture():
    with pytest.raises(UserError, match=r"note\.jpg"):
        upload.read_upload(b"no picture at all", "note.jpg")


def test_lanes_of_a_race_differ_in_what_they_say():
    offered = pose_race.opponents(HeadPoseSpec())
    assert list(offered)[:2] == ["the split", "the loss"]
    for name, lanes in offered.items():
        first, *others = [spec for _, spec in lanes]
        assert all(spec.protocol == "one" for _, spec in lanes)
        for other in others:
            changed = [what for what, *_ in plans.differences(first, other)]
            assert len(changed) == 1, (name, changed)


def test_the_code_is_python():
    specs = [
        HeadPoseSpec(),
        HeadPoseSpec(y_range=None, loss="huber", weights="none"),
        HeadPoseSpec(weights="pretrained"),
    ]
    specs += [HeadPoseSpec.of({"dataset.name": name, "dataset.root": "x"}) for name in ("biwi", "own")]
    specs += [HeadPoseSpec.of({"dataset.split": "random", "loss": "l1"}), HeadPoseSpec.of({"dataset.hold_out": "p01"})]
    for spec in specs:
        compile(pose_code.fastai_code(spec), "fastai", "exec")
        compile(pose_code.torch_code(spec), "torch", "exec")
    assert "MSELossFlat()" in pose_code.fastai_code(HeadPoseSpec()) and "PointBlock" in pose_code.fastai_code(
        HeadPoseSpec()
    )
