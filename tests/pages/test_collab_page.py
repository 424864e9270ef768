"""The latent-factor explorer's page on runs that were really trained."""

import numpy as np
import pandas as pd
import pytest
from page_helpers import labels, texts

import labcore
from labcore.specs import CollabSpec
from pages.parts import words

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


@pytest.mark.parametrize("tab", ["Map", "Spreadsheet", "You", "Ladder", "Decay sweep", "Baselines", "Notes", "Use it"])
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


OFFERED = QUICK | {"lr": 0.015, "factors": 10}
"""Values that stand in the page's lists: the test framework cannot press a button beside a typed one."""


def readers(kind: str) -> bytes:
    rng = np.random.default_rng(1)
    pairs = pd.DataFrame({"Reader": rng.integers(0, 30, 500), "Book": rng.integers(0, 40, 500)}).drop_duplicates()
    table = pairs.assign(Stars=rng.integers(1, 6, len(pairs)))
    return table.to_csv(index=False, sep=";").encode() if kind == "csv" else table.to_parquet(index=False)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_uploaded_ratings_file_is_trained_on_and_its_columns_are_said(visit, home, kind):
    app = visit("collab", dataset__name="own", **{name: str(value) for name, value in OFFERED.items()})
    app.file_uploader[0].upload(f"books.{kind}", readers(kind), "application/octet-stream").run()
    assert not app.exception and not app.error
    assert "users from Reader, items from Book, ratings from Stars" in texts(app)
    assert "ratings of 40 items by 30 users" in texts(app)
    assert "Train" in labels(app)
    (kept,) = (home / "uploads").iterdir()
    run = labcore.run(CollabSpec.of(OFFERED | {"dataset.name": "own", "dataset.root": str(kept)}))
    assert run.status == "done", run.row.error
    app.run()
    assert app.metric[0].value == words.number(run.metrics["valid_mse"])


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"reader;book\n1;2\n3;4\n", "ratings user, item and rating"), (b"only\n1\n2\n", "ratings user, item and rating")],
)
def test_a_table_without_ratings_is_one_sentence(visit, home, content, said):
    app = visit("collab", dataset__name="own")
    app.file_uploader[0].upload("books.csv", content, "text/csv").run()
    assert not app.exception and said in texts(app)
