"""The latent-factor explorer's page on runs that were really trained."""

import numpy as np
import pytest
from page_helpers import labels, texts

import labcore
from labcore.specs import CollabSpec

QUICK = {"batch_size": 1024, "epochs": 2, "lr": 0.02, "factors": 8, "baselines": "means"}


@pytest.fixture
def trained(home):
    run = labcore.run(CollabSpec.of(QUICK))
    assert run.status == "done", run.row.error
    return run


def opened(visit, tab: str, **more):
    return visit("collab", tab=tab, **{name: str(value) for name, value in QUICK.items()}, **more)


def test_an_empty_lab_offers_to_train(visit):
    app = visit("collab")
    assert "Train" in labels(app)


@pytest.mark.parametrize("tab", ["Map", "Spreadsheet", "You", "Ladder", "Decay sweep", "Baselines", "Notes", "Use"])
def test_every_tab_of_a_finished_run_draws(visit, trained, tab):
    app = opened(visit, tab)
    assert not app.error, texts(app)
    assert app.metric[0].value == f"{trained.metrics['valid_mse']:.3f}"


def test_a_net_says_what_it_cannot_do(visit, home):
    run = labcore.run(CollabSpec.of(QUICK | {"model": "nn"}))
    assert run.status == "done", run.row.error
    for tab, said in (("You", "no closed form"), ("Spreadsheet", "no such sheet"), ("Map", "no biases")):
        assert said in texts(opened(visit, tab, model="nn"))


def test_cold_start_is_said_and_a_link_brings_ratings_back(visit, trained):
    assert "cold start" in texts(opened(visit, "You"))
    app = opened(visit, "You", you="3:5,8:1,nonsense,99999:4")
    assert "cold start" not in texts(app)
    listed = app.dataframe[-1].value if len(app.dataframe) else None
    assert listed is not None and len(listed) >= 10


def test_an_item_nobody_rated_is_said_plainly(visit, tmp_path, home):
    import pandas as pd

    folder = tmp_path / "mine"
    folder.mkdir()
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"user": rng.integers(0, 30, 600), "item": rng.integers(0, 40, 600)})
    table = table.drop_duplicates().assign(rating=lambda one: rng.integers(1, 6, len(one)))
    # Items rated once: about a fifth of them falls into the valid part, so that training never sees them.
    lonely = pd.DataFrame({"user": np.arange(30), "item": 1000 + np.arange(30), "rating": 3})
    pd.concat([table, lonely]).to_csv(folder / "ratings.csv", index=False)
    asked = QUICK | {"dataset.name": "own", "dataset.root": str(folder)}
    run = labcore.run(CollabSpec.of(asked))
    assert run.status == "done", run.row.error
    code = int(np.flatnonzero(run.artifact("factors.npz")["item_counts"] == 0)[0])
    app = visit("collab", tab="You", you=f"{code}:4", **{name.replace(".", "__"): str(v) for name, v in asked.items()})
    assert "knows nothing of it" in texts(app)
