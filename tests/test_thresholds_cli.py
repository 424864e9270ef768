"""``labcore thresholds tune`` and ``predict``: one sentence for bad input, the same digits as the page."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from threshold_samples import CLASSES, predictions, record_run

from labcore.cli_thresholds import thresholds_group
from labcore.errors import UserError
from labcore.evaluation import own_predictions, threshold_files
from labcore.evaluation.tune import tune
from labcore.runs.cards import read_card


@pytest.fixture
def file(tmp_path):
    _, p, y = predictions(150)
    columns = {}
    for column, name in enumerate(CLASSES):
        columns |= {f"{name}_prob": p[:, column], f"{name}_true": y[:, column].astype(int)}
    pd.DataFrame(columns).to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def call(*arguments):
    return CliRunner().invoke(thresholds_group, ["tune", *map(str, arguments)])


@pytest.mark.parametrize("ending", ["json", "csv", "py", "html"])
def test_every_kind_of_file_is_written(file, tmp_path, ending):
    done = call(file, "--metric", "f2", "--per-class", "--out", tmp_path / f"t.{ending}")
    assert done.exit_code == 0, done.output
    assert "expected on fresh items" in done.output
    assert "forest" in (tmp_path / f"t.{ending}").read_text()


def test_the_file_is_the_page_s_to_the_last_byte(file, tmp_path):
    call(file, "--per-class", "--out", tmp_path / "t.json")
    found = own_predictions.read(file.read_bytes(), "mine.csv")
    card = tune(found.p, found.y, found.classes).as_asked(per_class=True).card()
    assert (tmp_path / "t.json").read_text() == threshold_files.to_json(card)


def test_columns_can_be_named(file):
    done = call(file, "--map", "wood=forest_prob,forest_true", "--json")
    assert list(json.loads(done.stdout)["thresholds"]) == ["wood"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metric", "nonsense"], "There is no metric"),
        (["--out", "t.docx"], "write thresholds as"),
        (["--map", "wood"], "LABEL=PROBABILITY,TRUTH"),
        (["--map", "wood=a,b"], "has no column 'a'"),
    ],
)
def test_bad_input_is_one_sentence(file, arguments, said):
    done = call(file, *arguments)
    assert isinstance(done.exception, UserError) and said in str(done.exception)


def test_a_missing_file_is_one_sentence(tmp_path, home):
    done = call(tmp_path / "absent.csv")
    assert isinstance(done.exception, UserError) and "cannot be read" in str(done.exception)


def test_a_run_is_tuned_and_its_card_written(home):
    run = record_run()
    done = call(run[:12], "--per-class", "--into", run[:12])  # as the page writes the command
    assert done.exit_code == 0, done.output
    card = read_card(run)["thresholds"]
    assert card["chosen"] == "per_class" and card["chosen_by_person"]
    _, p, y = predictions()
    np.testing.assert_array_equal(list(card["thresholds"].values()), tune(p, y, CLASSES, per_class=True).thresholds)
