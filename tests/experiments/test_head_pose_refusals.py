"""What head pose leaves out, notes or refuses, each in one sentence."""

import csv
import shutil

import pytest
from fake_job import FakeJob
from pose_discs import FRAMES, PEOPLE, SIZE, spec

from labcore.data import block
from labcore.errors import UserError
from labcore.experiments import head_pose
from labcore.specs import HeadPoseSpec, Stage


def changed(discs, folder, change):
    """A copy of the set whose table is what ``change`` makes of its head and its rows."""
    shutil.copytree(discs / "images", folder / "images")
    with (discs / "points.csv").open() as file:
        head, *rows = list(csv.reader(file))
    head, rows = change(head, rows)
    with (folder / "points.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return folder


def run_quickly(root, **changes):
    job = FakeJob()
    plan = (Stage(name="all", steps=1),)
    head_pose.run(spec(root, plan=plan, **{"protocol": "one", "dataset.hold_out": "", **changes}), job)
    return job


def test_points_outside_and_missing_numbers_are_left_out_with_a_sentence(discs, tmp_path, home):
    def change(head, rows):
        rows[0][3], rows[1][4] = "500", ""
        rows[2][1] = ""
        return head, rows

    job = run_quickly(changed(discs, tmp_path, change))
    assert any("p0_01.png has no number for the point mid" in note and "2 more" in note for note in job.notes)
    items = block.load(spec(tmp_path).dataset, SIZE)
    assert len(items) == PEOPLE * FRAMES - 3
    sentences = "\n".join(items.left_out)
    assert "the point mid (500, " in sentences and "outside its 128 x 96 picture" in sentences
    assert "p0_02.png has no person in points.csv" in sentences


def test_without_persons_there_is_no_split_by_person(discs, tmp_path, home):
    def change(head, rows):
        return [name for name in head if name != "person"], [row[:1] + row[2:] for row in rows]

    root = changed(discs, tmp_path, change)
    for protocol in ("both", "leave_one_out"):
        with pytest.raises(UserError, match=r"names no persons or videos.*protocol to one"):
            run_quickly(root, protocol=protocol)
    run_quickly(root)


def test_a_person_with_one_frame_is_named(discs, tmp_path, home):
    def change(head, rows):
        rows[0][1] = "lonely"
        return head, rows

    job = run_quickly(changed(discs, tmp_path, change))
    assert any("One frame only of lonely" in note for note in job.notes)


def test_angles_that_some_pictures_lack_are_refused(discs, tmp_path, home):
    def change(head, rows):
        rows[0][2] = ""
        return head, rows

    root = changed(discs, tmp_path, change)
    with pytest.raises(UserError, match=r"1 of 40 pictures have no yaw.*mixed"):
        run_quickly(root, target="angles")
    run_quickly(root)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"protocol": "both", "dataset.split": "random"}, "same persons"),
        ({"arch": "vit_tiny_patch16_224"}, "convolutional"),
        ({"plan": (Stage(name="all", freeze_to=3),)}, "nothing trains"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(discs, home, changes, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        head_pose.run(spec(discs, **changes), FakeJob())
    assert "\n" not in str(caught.value)


def test_specs_that_make_no_sense_are_refused():
    with pytest.raises(UserError, match="y_range"):
        HeadPoseSpec.of(y_range=(1.0, -1.0))
    with pytest.raises(UserError, match="Angles do not follow"):
        HeadPoseSpec.of(target="angles", augment="photos")
