"""The data block page: every step of every kind of set, own data, and sets that are not here yet."""

import ast
import io
import re
import shutil
import zipfile
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from page_helpers import button, labels, texts
from PIL import Image

from labcore.data import getting
from labcore.data.leaf import BlockSpec, leaf
from pages.parts import data_choice, data_code, data_split

STEPS = ("Inputs", "Split", "Label", "Transforms", "Test set", "Batches")
COLORS = {"ember": (200, 80, 30), "moss": (60, 140, 70)}


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """No test of a page starts a process that draws."""
    asked = []
    monkeypatch.setattr(getting, "start", asked.append)
    return asked


def picture(color, number: int) -> bytes:
    draw = np.random.default_rng(number)
    pixels = np.clip(np.array(color) + draw.integers(-30, 30, (40, 56, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """A folder per class."""
    for name, color in COLORS.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(8):
            (tmp_path / "set" / name / f"{name}{number}.png").write_bytes(picture(color, number))
    return tmp_path / "set"


@pytest.fixture
def films(tmp_path):
    """A CSV of ratings."""
    rows = [(user, film, (user + film) % 5 + 1) for user in range(12) for film in range(9)]
    (tmp_path / "films").mkdir()
    pd.DataFrame(rows, columns=["user", "item", "rating"]).to_csv(tmp_path / "films" / "r.csv", index=False)
    return tmp_path / "films"


@pytest.fixture
def videos(tmp_path):
    """Six videos of pictures with a point and a person each; frames of one video are alike."""
    root = tmp_path / "videos"
    root.mkdir()
    rows = []
    for person in range(6):
        for frame in range(5):
            name = f"p{person}_{frame}.png"
            (root / name).write_bytes(picture((40 * person, 90, 60), person))
            rows.append((name, person, 20 + frame, 15))
    pd.DataFrame(rows, columns=["image_name", "subject", "x", "y"]).to_csv(root / "points.csv", index=False)
    return root


def test_a_set_that_is_not_here_is_begun_and_its_progress_shown(visit, no_drawing):
    app = visit("data_block")
    assert no_drawing[0] == "critters"
    assert "not on this machine yet" in texts(app)


def test_a_set_in_the_making_shows_how_far_it_is(visit, home, monkeypatch, no_drawing):
    state = getting.State(400, 1600, "drawing heads", process="somebody")
    monkeypatch.setattr(getting, "look", lambda name: state)
    app = visit("data_block", dataset__name="heads")
    assert "400 of 1,600 items" in app.get("progress")[0].proto.text
    assert "Stop" in labels(app) and not no_drawing


def test_a_failed_download_says_why_and_offers_another_try(visit, monkeypatch):
    monkeypatch.setattr(getting, "look", lambda name: getting.State(error="The connection broke."))
    app = visit("data_block", dataset__name="planet")
    assert "The connection broke." in texts(app)
    assert "Download 16 MB" in labels(app)


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_the_default_set_is_drawn(visit, drawn, step):
    app = visit("data_block", step=step)
    shown = {"Split": app.get("plotly_chart"), "Test set": app.info}.get(step, app.get("html"))
    assert shown and not app.error
    assert app.table[-1].value.index[0] == "items", "one item's way through all steps"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["folder", "films", "videos"])
def test_every_step_of_own_data_is_drawn(visit, request, step, kind):
    root = request.getfixturevalue(kind)
    app = visit("data_block", dataset__name="own", dataset__root=str(root), step=step)
    assert not app.error, [one.value for one in app.error]
    assert any("The check" in one.label for one in app.expander)


@pytest.mark.parametrize("name", ["camvid", "pets"])
def test_every_step_of_real_files_is_drawn(visit, shared, name):
    for step in STEPS:
        app = visit("data_block", dataset__name=name, dataset__root=str(shared / name), step=step)
        assert not app.exception
        assert app.table


def test_a_random_split_of_videos_leaks_and_a_split_by_group_does_not(visit, videos):
    link = {"dataset__name": "own", "dataset__root": str(videos), "step": "Split"}
    app = visit("data_block", **link, dataset__split="random")
    assert "Leak:" in texts(app) and any("same video" in one.proto.body for one in app.get("html"))
    app = visit("data_block", **link, dataset__split="group")
    assert "No leak" in texts(app)


def test_the_neighbour_of_an_exam_frame_is_the_nearest_that_was_taught(home, videos):
    spec = BlockSpec.of({"dataset.name": "own", "dataset.root": str(videos), "dataset.split": "random"})
    block = leaf(spec)
    valid, close, far = data_split.nearest(block)
    groups = block.items.table["group"]
    assert groups[valid] == groups[close] != groups[far]
    assert valid in block.split.valid and {close, far} <= set(block.split.train)


def test_leaving_the_target_behind_is_called_a_bug(visit, videos):
    link = {"dataset__name": "own", "dataset__root": str(videos), "step": "Transforms"}
    moved = visit("data_block", **link)
    left = visit("data_block", **link, behind="true")
    assert "taught nonsense" not in texts(moved) and "taught nonsense" in texts(left)
    spots = [
        set(re.findall(r"left:[\d.]+%", "".join(one.proto.body for one in app.get("html")))) for app in (moved, left)
    ]
    assert len(spots[1]) == 1 < len(spots[0]), "left behind, every point is where the first one is"


def test_an_uploaded_zip_is_unpacked_checked_and_shown(visit, home, folder):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder.parent))
    app = visit("data_block", dataset__name="own")
    assert "at most 200 MB" in texts(app), "limits stand before the upload"
    app.file_uploader[0].upload("set.zip", packed.getvalue(), "application/zip").run()
    assert not app.error, [one.value for one in app.error]
    (kept,) = (home / "uploads").iterdir()
    assert app.query_params["upload"] in (kept.name, [kept.name])
    assert str(home) not in str(dict(app.query_params)), "a link tells nothing of the server's folders"
    assert "16 items" in texts(app)


@pytest.mark.parametrize(("name", "content", "word"), [
    ("evil.zip", None, "leads out of its folder"),
    ("note.csv", b"", "is empty"),
    ("note.zip", b"no archive at all", "no zip and no CSV"),
])  # fmt: skip
def test_a_bad_upload_is_one_sentence_and_leaves_nothing(visit, home, name, content, word):
    if content is None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("../evil.png", b"x")
        content = packed.getvalue()
    app = visit("data_block", dataset__name="own")
    app.file_uploader[0].upload(name, content, "application/zip").run()
    assert any(word in one.value for one in app.error)
    assert not list((home / "uploads").glob("[!.]*")) if (home / "uploads").exists() else True


def test_a_public_lab_names_no_folder_of_its_server(visit, home, folder, monkeypatch):
    monkeypatch.setenv("LAB_MODE", "public")
    app = visit("data_block", dataset__name="own", dataset__root=str(folder))
    assert not [one for one in app.text_input if one.key == "dataset.root"]
    assert "16 items" not in texts(app) and "upload a zip" in texts(app)
    kept = home / "uploads" / ("a" * 32)
    shutil.copytree(folder, kept)
    app = visit("data_block", dataset__name="own", upload="a" * 32)
    assert "16 items" in texts(app) and str(home) not in texts(app)
    app = visit("data_block", dataset__name="own", upload="../../etc")
    assert "upload a zip" in texts(app)


def test_a_folder_that_is_not_there_is_one_sentence(visit, tmp_path):
    app = visit("data_block", dataset__name="own", dataset__root=str(tmp_path / "nowhere"))
    assert any("nowhere" in one.value for one in app.error)


def test_a_broken_file_stands_on_the_shelf_with_its_reason(visit, folder):
    (folder / "ember" / "a_broken.png").write_bytes(b"")
    app = visit("data_block", dataset__name="own", dataset__root=str(folder))
    assert any("is empty (zero bytes)" in one.proto.body for one in app.get("html"))


def test_names_are_shown_as_text_and_never_as_markup(visit, folder):
    (folder / "ember" / "ember0.png").rename(folder / "ember" / "<img src=x onerror=alert(1)>.png")
    app = visit("data_block", dataset__name="own", dataset__root=str(folder))
    shelf = "".join(one.proto.body for one in app.get("html"))
    assert "<img src=x" not in shelf and "&lt;img src=x" in shelf


def test_questions_of_the_notes_stand_beside_what_they_ask_about(visit, drawn):
    assert "The comma makes the tuple" in texts(visit("data_block"))
    assert "multiplies" in texts(visit("data_block", step="Label"))
    assert "pickle keeps a function by its" in texts(visit("data_block", tab="Code")).replace("\n", " ")


@pytest.mark.parametrize("kind", ["folder", "films", "videos"])
def test_the_code_of_this_lab_gives_the_block_of_the_page(home, request, kind):
    root = request.getfixturevalue(kind)
    spec = BlockSpec.of({"dataset.name": "own", "dataset.root": str(root), "batch_size": 4, "image_size": 32})
    looked = leaf(spec)
    told: dict = {}
    exec(data_code.lab_code(looked, spec), told)
    assert np.array_equal(told["block"].split.valid, looked.split.valid)
    assert told["block"].one_batch()[0].shape[0] == 4
    ast.parse(data_code.fastai_code(looked, spec))


@pytest.mark.parametrize("name", ["camvid", "pets", "ml-latest-small"])
def test_fastai_code_of_real_files_reads_files(home, shared, name):
    known = {"ml-latest-small": "movielens_latest_small"}.get(name, name)
    spec = BlockSpec.of({"dataset.name": known, "dataset.root": str(shared / name)})
    code = data_code.fastai_code(leaf(spec), spec)
    ast.parse(code)
    assert "labcore" not in code and "lambda" not in code


def test_the_way_on_carries_the_data(visit, folder):
    app = visit("data_block", dataset__name="own", dataset__root=str(folder))
    way = next(one for one in app.get("page_link") if "Use it in" in one.proto.label)
    carried = parse_qs(way.proto.query_string)["with"][0]
    assert "dataset.name=own" in carried and "dataset.root" in carried


def test_the_lr_finder_takes_own_data(visit, folder):
    app = visit("lr_finder", dataset__name="own", dataset__root=str(folder), batch_size="8")
    assert not app.error
    assert button(app, "Find the rate")


def test_own_data_is_offered_on_every_page_with_its_limits(visit):
    for page in ("lr_finder", "fine_tune", "thresholds", "segmentation", "head_pose", "collab"):
        if not (Path(data_choice.__file__).parents[1] / f"{page}.py").exists():
            continue
        app = visit(page, dataset__name="own")
        assert app.file_uploader, page
        assert "at most 200 MB" in texts(app), page


def test_an_upload_says_what_it_holds_where_it_is_used(visit, home, folder, films):
    app = visit("collab", dataset__name="own")
    app.file_uploader[0].upload("r.csv", (films / "r.csv").read_bytes(), "text/csv").run()
    assert not app.error, [one.value for one in app.error]
    assert "108 ratings of 9 items by 12 users" in texts(app)
    app = visit("fine_tune", dataset__name="own", dataset__root=str(folder))
    assert not app.error, [one.value for one in app.error]
    assert "16 pictures of 2 classes with one label each" in texts(app) and button(app, "Train")


@pytest.mark.parametrize("page", ["fine_tune", "thresholds", "lr_finder"])
def test_data_of_another_kind_is_sent_to_its_page(visit, films, page):
    app = visit(page, dataset__name="own", dataset__root=str(films))
    assert any("Take it to the page Collaborative filtering" in one.value for one in app.error)
    assert "Train" not in labels(app)


def test_a_folder_that_was_mended_is_looked_at_anew(visit, films):
    assert visit("fine_tune", dataset__name="own", dataset__root=str(films)).error
    (films / "r.csv").write_text("user,item,rating\n1,a,3\n2,b,4\n")
    app = visit("collab", dataset__name="own", dataset__root=str(films))
    assert "2 ratings of 2 items by 2 users" in texts(app)
    (films / "r.csv").write_text("user,item,rating\n1,a,3\n2,b,4\n3,b,5\n")
    data_choice._fingerprint.clear()  # it is asked for every three seconds
    assert "3 ratings of 2 items by 3 users" in texts(app.run())
