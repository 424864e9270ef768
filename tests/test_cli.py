"""The CLI as a person meets it: exit codes, one sentence, one JSON object."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parent.parent
QUICK = ["--set", "dataset.limit=200", "--set", "arch=mobilenetv3_small_050", "--set", "weights=none"]
QUICK += ["--set", "image_size=32", "--set", "batch_size=32", "--set", "num_it=20"]


def lab(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    import os

    return subprocess.run(
        [sys.executable, "-m", "labcore", *arguments],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


def test_a_run_ends_with_one_json_object_and_is_known_the_second_time(drawn):
    first = lab("run", "lr_finder", "--json", *QUICK)
    assert first.returncode == 0, first.stderr
    result = json.loads(first.stdout.splitlines()[-1])
    assert set(result) >= {"run", "status", "experiment", "cached", "seconds", "device", "metrics"}
    assert (result["status"], result["experiment"], result["cached"]) == ("done", "lr_finder", False)
    assert {"lr_valley", "lr_steep", "lr_minimum", "images_per_second"} <= set(result["metrics"])
    again = json.loads(lab("run", "lr_finder", "--json", *QUICK).stdout.splitlines()[-1])
    assert (again["run"], again["cached"]) == (result["run"], True)
    listed = lab("runs", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["run"] for line in listed] == [result["run"]]
    shown = json.loads(lab("runs", "show", result["run"][:14]).stdout)
    assert shown["metrics"] == result["metrics"]


def test_a_run_travels_as_a_file(drawn, tmp_path):
    run = json.loads(lab("run", "lr_finder", "--json", *QUICK).stdout.splitlines()[-1])["run"]
    bundle = str(tmp_path / "run.zip")
    assert lab("runs", "export", run, bundle).returncode == 0
    elsewhere = {"LAB_HOME": str(tmp_path / "elsewhere")}
    assert lab("runs", "import", bundle, **elsewhere).stdout.strip() == run
    assert json.loads(lab("runs", "show", run, **elsewhere).stdout)["origin"] == "imported"
    assert lab("runs", "delete", run, **elsewhere).returncode == 0
    assert lab("runs", "list", **elsewhere).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "lr_findr"], "no experiment"),
        (["run", "lr_finder", "--set", "num_it"], "NAME=VALUE"),
        (["run", "lr_finder", "--set", "numit=3"], "Choose among"),
        (["run", "lr_finder", "--set", "end=1e-9"], "Raise the end"),
        (["run", "lr_finder", "--set", "dataset.name=critter"], "critters"),
        (["run", "lr_finder", "--set", "dataset.name=pets", "--set", "dataset.root=/nowhere"], "/nowhere"),
        (["run", "lr_finder", "--set", "weights=/nowhere.pth"], "no weights file"),
        (["run", "lr_finder", "--spec", "/nowhere.json"], "cannot be read"),
        (["runs", "show", "ffffffff"], "no run"),
        (["runs", "import", "/nowhere.zip"], "cannot be read"),
        (["frobnicate"], "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(home, arguments, said):
    answer = lab(*arguments)
    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr and len(answer.stderr.strip().splitlines()) == 1
    assert answer.stdout == ""


def test_a_run_that_cannot_work_fails_with_its_sentence(drawn):
    answer = lab("run", "lr_finder", *QUICK, "--set", "arch=resnet_18")
    assert answer.returncode == 1
    assert "resnet18" in answer.stderr and "Traceback" not in answer.stderr


def test_folders_without_lessons_in_them_are_named(home, tmp_path):
    (tmp_path / "empty").mkdir()
    one = tmp_path / "one" / "only"
    one.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (40, 40), (number, 0, 0)).save(one / f"{number}.png")
    for folder, said in (("empty", "empty"), ("one", "one class")):
        root = str(tmp_path / folder)
        answer = lab("run", "lr_finder", "--set", "dataset.name=own", "--set", f"dataset.root={root}")
        assert answer.returncode in (1, 2), folder
        assert said in answer.stderr and "Traceback" not in answer.stderr, answer.stderr


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    answer = lab("runs", "list", LAB_HOME=str(blocked / "lab"))
    assert answer.returncode == 2 and "LAB_HOME" in answer.stderr


def test_a_strange_setting_is_named(home):
    answer = lab("runs", "list", LAB_MODE="open")
    assert answer.returncode == 2 and "LAB_MODE" in answer.stderr


def test_importing_the_package_costs_no_torch():
    code = "import sys, labcore, labcore.runs.run, labcore.figures.lr_finder; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True).stdout == "False\n"
    )


def test_real_pets_with_local_weights_end_with_suggestions(home, shared):
    answer = lab(
        "run", "lr_finder", "--json",
        "--set", "dataset.name=pets", "--set", f"dataset.root={shared / 'pets'}",
        "--set", f"weights={shared / 'weights' / 'mobilenet_v2_035-imagenet-notop.pth'}",
        "--set", "arch=mobilenet_v2_035", "--set", "num_it=40",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    metrics = json.loads(answer.stdout.splitlines()[-1])["metrics"]
    assert 1e-5 < metrics["lr_valley"] < 1 and metrics["lowest_loss"] < 3.7  # ln 37 = 3.61 is guessing
