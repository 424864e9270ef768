"""``predict --user``: recommendations in a terminal."""

import json
import subprocess
import sys

import numpy as np
import pytest

import labcore
from labcore.evaluation.collab_model import FactorModel
from labcore.specs import CollabSpec


def predict(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "labcore", "predict", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def trained(home):
    quick = {"batch_size": 1024, "epochs": 1, "lr": 0.02, "factors": 5, "baselines": "means"}
    return labcore.run(CollabSpec.of(quick))


def test_a_user_gets_the_best_of_what_was_not_rated(trained):
    said = predict(trained.id, "--user", "7", "--top", "4", "--json")
    assert said.returncode == 0, said.stderr
    kept, table = trained.artifact("factors.npz"), trained.artifact("ratings.npz")
    scores = FactorModel.of(kept).scores(np.array([6]))[0]
    scores[table["movie"][table["user"] == 6]] = -np.inf
    best = np.argsort(-scores)[:4]
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [line["title"] for line in lines] == kept["titles"][best].tolist()
    assert [line["predicted"] for line in lines] == pytest.approx(scores[best].tolist(), abs=1e-4)


def test_an_unknown_user_is_one_sentence_with_a_way_out(trained):
    said = predict(trained.id, "--user", "nobody")
    assert said.returncode == 2 and "average" in said.stderr and "Traceback" not in said.stderr
    assert predict(trained.id, "--user", "average", "--top", "2").stdout.count("\n") == 2
