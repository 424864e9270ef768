"""``predict --user``: recommendations in a terminal."""

import json
import subprocess
import sys

import numpy as np
import pytest

import labcore
from labcore.evaluation.collab_model import FactorModel
from labcore.experiments import collab
from labcore.runs.rated import rated
from labcore.runs.store import open_store
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


def test_a_large_table_too_leaves_out_what_was_rated(home, monkeypatch):
    monkeypatch.setattr(collab, "KEPT_RATINGS", 100)
    quick = {"batch_size": 1024, "epochs": 1, "lr": 0.02, "factors": 5, "baselines": "means"}
    run = labcore.run(CollabSpec.of(quick))
    assert "ratings.npz" not in open_store().artifacts(run.id)
    kept, known = run.artifact("factors.npz"), rated(run.id, 600)
    said = predict(run.id, "--user", "7", "--top", "400", "--json")
    named = {json.loads(line)["title"] for line in said.stdout.splitlines()}
    taken = set(kept["titles"][known.of(6)[0]])
    assert len(taken) >= 20 and not named & taken
    assert len(named) == (kept["item_counts"] > 0).sum() - len(taken)


def test_an_unknown_user_is_one_sentence_with_a_way_out(trained):
    said = predict(trained.id, "--user", "nobody")
    assert said.returncode == 2 and "average" in said.stderr and "Traceback" not in said.stderr
    assert predict(trained.id, "--user", "average", "--top", "2").stdout.count("\n") == 2
