"""Home, on an empty lab and on one that has trained."""

from page_helpers import texts

from labcore.specs import LRFinderSpec


def test_an_empty_lab_says_what_to_do_and_shows_only_lessons_that_stand(visit):
    app = visit()
    assert "Nothing was trained here yet" in texts(app)
    assert "LR finder" in texts(app)
    from pages.parts.lessons import lessons

    assert all(lesson.file.is_file() for lesson in lessons())
    assert len(app.subheader) == len(lessons()) + 2  # and the two tables


def test_a_finished_run_is_replayed_and_listed(visit, record):
    record()
    record(LRFinderSpec(seed=3), status="failed")
    app = visit()
    assert "replay at 1x" in texts(app)
    table = app.table[1].value
    assert set(table["state"]) == {"Done", "Failed"}


def test_a_home_that_cannot_be_written_is_one_sentence(visit, home, monkeypatch):
    home.parent.joinpath("file").write_text("")
    monkeypatch.setenv("LAB_HOME", str(home.parent / "file" / "lab"))
    assert "Set LAB_HOME to a folder that can be written" in texts(visit())
