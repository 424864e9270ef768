"""A set is made beside the page: by one process at a time, visibly, and it can be stopped."""

import json
import sys
import time

import pytest
from filelock import FileLock

from labcore.data import getting
from labcore.data.leaf import is_here
from labcore.errors import UserError
from labcore.runs.process import identity
from labcore.specs import DatasetSpec

PATIENCE = 90.0
RATINGS = DatasetSpec(name="ratings")


def wait_until(true, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def unasked(monkeypatch):
    monkeypatch.setattr(getting, "_asked", {})
    monkeypatch.setattr(getting, "_children", {})


def test_a_started_set_arrives_and_leaves_no_trace_of_its_making(home):
    getting.start("ratings")
    getting.start("ratings")  # a second browser: nothing more happens
    wait_until(lambda: is_here(RATINGS) and getting.look("ratings") is None, "ratings were not made")
    assert [path.name for path in (home / "data").iterdir()] == ["ratings"]


def test_a_set_in_the_making_is_seen_and_can_be_stopped(home):
    getting.start("heads")
    wait_until(lambda: (state := getting.look("heads")) is not None and state.total > 0, "heads did not begin")
    state = getting.look("heads")
    assert state.what == "drawing heads" and state.total == 1600
    getting.stop("heads")
    wait_until(lambda: getting.look("heads") is None, "the process did not end")
    wait_until(lambda: not list((home / "data").iterdir()), "half a set was left behind")


def test_two_do_not_make_one_set_at_a_time(home):
    (home / "getting").mkdir(parents=True)
    with FileLock(home / "getting" / "ratings.lock"), pytest.raises(UserError, match="another process"):
        getting.get("ratings")


def test_what_a_dead_process_left_is_not_taken_for_work(home):
    (home / "getting").mkdir(parents=True)
    gone = identity().rsplit(":", 2)[0] + ":999999:1.00"
    (home / "getting" / "tiles.json").write_text(json.dumps({"done": 3, "total": 9, "process": gone}))
    assert getting.look("tiles") is None


def test_a_failure_stays_to_be_read(home, monkeypatch):
    from labcore.data.real import fetch

    def broken(*_, **__):
        raise UserError("The connection broke. Try again later.")

    monkeypatch.setattr(fetch, "get", broken)
    with pytest.raises(UserError, match="broke"):
        getting.get("planet")
    assert getting.look("planet").error.startswith("The connection broke")


def test_a_process_that_dies_without_a_word_is_told_of_once(home, monkeypatch):
    monkeypatch.setattr(getting, "BOOT_SECONDS", 0.0)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    getting.start("ratings")
    wait_until(lambda: getting._children[(str(home), "ratings")].poll() is not None, "false did not end")
    getting.start("ratings")
    assert "died" in getting.look("ratings").error


def test_own_data_and_unknown_names_are_refused(home):
    with pytest.raises(UserError, match="yours already"):
        getting.get("own")
    with pytest.raises(UserError, match="Did you mean critters"):
        getting.get("criters")


def test_the_shell_draws_and_checks(home, tmp_path, monkeypatch, capsys):
    from labcore import cli

    def shell(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["labcore", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        return code, "".join(capsys.readouterr())

    code, said = shell("data", "get", "ratings")
    assert code == 0 and str(home / "data" / "ratings") in said
    rows = [f"{user},{item},{user % 5}" for user in range(9) for item in range(4)]
    (tmp_path / "films.csv").write_text("\n".join(["user,item,rating", *rows]))
    code, said = shell("data", "check", str(tmp_path / "films.csv"))
    assert code == 0 and "36 ratings" in said and "collab" in said
    (tmp_path / "empty").mkdir()
    assert shell("data", "check", str(tmp_path / "empty"))[0] == 1
    assert shell("data", "check", str(tmp_path / "nowhere"))[0] == 2
