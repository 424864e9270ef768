"""Collaborative filtering end to end: what is learnt, held out, kept, stopped, resumed, refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import labcore
from labcore.evaluation.collab_model import FactorModel
from labcore.experiments import collab
from labcore.models.collab import CollabNN, DotProduct, Shape
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job, Stopped
from labcore.runs.store import open_store
from labcore.specs import CollabSpec
from labcore.training.collab_presets import PRESETS
from labcore.training.ratings_loop import Ratings, fit

SMALL = {"baselines": "means", "epochs": 3, "batch_size": 256, "factors": 10, "lr": 0.02, "weight_decay": 0.3}


def test_the_hand_written_gradient_is_autograds():
    for y_range in (None, (0.0, 5.5)):
        model = DotProduct(Shape(7, 9, 4), bias=True, y_range=y_range, seed=1)
        with torch.no_grad():
            model.flat += torch.randn(model.flat.shape, generator=torch.Generator().manual_seed(0)) * 0.3
        users, items = torch.tensor([1, 1, 6, 0]), torch.tensor([2, 2, 8, 0])
        ratings = torch.tensor([1.0, 5.0, 3.0, 4.0])
        model.loss_and_gradient(users, items, ratings)
        free = model.flat.detach().clone().requires_grad_(True)
        u, v, a, b = model.views(free)
        raw = (u[users] * v[items]).sum(1) + a[users] + b[items]
        said = raw if y_range is None else torch.sigmoid(raw) * 5.5
        ((said - ratings) ** 2).mean().backward()
        torch.testing.assert_close(model.flat.grad, free.grad, rtol=1e-4, atol=1e-6)


def test_the_default_model_beats_the_averages_and_what_is_kept_predicts_the_same(home):
    run = labcore.run(CollabSpec.of(SMALL))
    assert run.status == "done", run.row.error
    metrics = run.metrics
    assert metrics["truth_mse"] < metrics["valid_mse"] < metrics["baseline_means_mse"] < metrics["baseline_global_mse"]
    assert metrics["truth_correlation"] > 0.35, "noise alone would reach about 0.1"
    kept, table = run.artifact("factors.npz"), run.artifact("ratings.npz")
    model = FactorModel.of(kept)
    valid = ~table["taught"]
    said = model.predict(table["user"][valid], table["movie"][valid])
    assert np.mean((said - table["rating"][valid]) ** 2) == pytest.approx(metrics["valid_mse"], rel=1e-4)
    assert run.series("valid_mse").values[-1] == pytest.approx(metrics["valid_mse"], rel=1e-4)
    assert len(run.series("valid_mse").values) == 3 * 4
    assert len(kept["titles"]) == len(kept["item_factors"]) == 400


def test_without_weight_decay_the_bias_model_overfits_and_decay_cures_it(home):
    ends = {}
    for decay in (0.0, 0.3):
        run = labcore.run(CollabSpec.of(SMALL | {"factors": 50, "epochs": 5, "weight_decay": decay}))
        ends[decay] = run.metrics["valid_mse"] - run.metrics["best_valid_mse"], run.metrics["valid_mse"]
    assert ends[0.0][0] > 0.03, "the valid MSE should have risen after its best"
    assert ends[0.3][0] < ends[0.0][0] / 2 and ends[0.3][1] < ends[0.0][1]


@pytest.mark.parametrize("model", ["dot", "dot_range", "nn"])
def test_every_model_learns(home, model):
    changes = {"lr": 5e-3, "weight_decay": 0.01} if model == "nn" else {}
    run = labcore.run(CollabSpec.of(SMALL | {"model": model} | changes))
    assert run.status == "done", run.row.error
    assert run.metrics["valid_mse"] < run.metrics["baseline_global_mse"] * 1.1


def test_the_net_kept_is_the_net_trained():
    model = CollabNN(Shape(5, 6, 3), (7, 4), (0.0, 5.5), seed=2)
    users, items = torch.tensor([0, 4, 2]), torch.tensor([5, 0, 3])
    kept = FactorModel.of(model.arrays() | {"y_range": np.array([0.0, 5.5])})
    expected = model.predict(users, items).detach().numpy()
    np.testing.assert_allclose(kept.predict(users.numpy(), items.numpy()), expected, rtol=1e-5)


class _Interrupted(Job):
    """Asks to stop at one of its looks."""

    looks = 0
    stop_at = 7

    @property
    def stop_requested(self) -> bool:
        self.looks += 1
        self._stop = self.looks >= self.stop_at
        return self._stop


def test_stopped_and_resumed_is_the_same_to_the_bit(home):
    rng = np.random.default_rng(0)
    table = Ratings.of(rng.integers(0, 40, 3000), rng.integers(0, 30, 3000), rng.integers(1, 6, 3000), "cpu")
    valid = Ratings(table.users[:300], table.items[:300], table.ratings[:300])
    asked = {"epochs": 2, "lr": 0.01, "batch_size": 16, "weight_decay": 0.1}
    store, artifacts, ends = open_store(), Artifacts(), []
    for kind in (Job, _Interrupted):
        run, _ = store.add(key=kind.__name__, experiment="collab", spec={})
        model = DotProduct(Shape(40, 30, 5), y_range=(0.0, 5.5))
        with kind(store, artifacts, store.get(run)) as job:
            if kind is _Interrupted:
                with pytest.raises(Stopped):
                    fit(model, table, valid, job, **asked)
            else:
                fit(model, table, valid, job, **asked)
        if kind is _Interrupted:
            model = DotProduct(Shape(40, 30, 5), y_range=(0.0, 5.5), seed=9)
            with Job(store, artifacts, store.get(run)) as job:
                fit(model, table, valid, job, **asked)
        series = {name: (one.steps.tolist(), one.values.tolist()) for name, one in store.series(run).items()}
        ends.append((model.flat.detach().clone(), series))
    assert torch.equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


def test_a_rate_too_large_is_one_sentence(home):
    run = labcore.run(CollabSpec.of(SMALL | {"model": "dot", "lr": 1000.0}))
    assert run.status == "failed" and "Choose a lower rate" in run.row.error


@pytest.mark.parametrize("how", ["by_time", "last_of_user"])
def test_splits_by_time_hold_out_what_came_last(home, how):
    run = labcore.run(CollabSpec.of(SMALL | {"held_out": how, "epochs": 1}))
    assert run.status == "done", run.row.error
    from labcore.data import block

    table = block.load(run.spec.dataset, 1).table
    valid = ~run.artifact("ratings.npz")["taught"]
    if how == "by_time":
        assert table["timestamp"][valid].min() >= table["timestamp"][~valid].max()
    else:
        assert valid.sum() == table["user"].nunique()
        last = table.groupby("user")["timestamp"].max()
        assert (table[valid].set_index("user")["timestamp"] == last).all()


def own(tmp_path, table: pd.DataFrame, **changes):
    folder = tmp_path / "mine"
    folder.mkdir()
    table.to_csv(folder / "mine.csv", index=False)
    return labcore.run(CollabSpec.of(SMALL | {"dataset.name": "own", "dataset.root": str(folder)} | changes))


def readers(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "reader": [f"r{n}" for n in rng.integers(0, 30, rows)],
            "book": [f"b{n}" for n in rng.integers(0, 40, rows)],
            "stars": rng.integers(1, 6, rows),
        }
    )


def test_own_text_ids_twins_and_gaps_are_handled_and_told(home, tmp_path):
    table = readers()
    table = pd.concat([table, table.iloc[:5].assign(stars=1)], ignore_index=True)
    table["stars"] = table["stars"].astype(object)
    table.loc[7, "stars"] = "many"
    table = pd.concat([table, pd.DataFrame({"reader": ["once"], "book": ["lonely"], "stars": [3]})])
    run = own(tmp_path, table)
    assert run.status == "done", run.row.error
    notes = " ".join(run.row.notes)
    assert "Left out" in notes
    assert "users from reader, items from book, ratings from stars" in notes
    assert "once" in run.artifact("factors.npz")["users"]


@pytest.mark.parametrize(
    ("table", "changes", "said"),
    [
        (readers(), {"y_range": [2.0, 4.0]}, "Widen y_range"),
        (readers().head(0), {}, ""),
        (readers()[["reader"]], {}, ""),
        (readers(), {"held_out": "by_time"}, "no column timestamp"),
        (readers().drop_duplicates("reader"), {"held_out": "last_of_user"}, ""),
    ],
)
def test_what_cannot_work_is_one_sentence(home, tmp_path, table, changes, said):
    try:
        run = own(tmp_path, table, **changes)
    except labcore.errors.UserError as error:
        text = str(error)
    else:
        assert run.status == "failed"
        text = run.row.error
    assert said in text and text.count("\n") == 0 and "Something broke" not in text


def test_pictures_are_no_ratings(home, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (40, 40), (number * 90, 20, 60)).save(tmp_path / "pets" / name / f"{number}.png")
    run = labcore.run(CollabSpec.of(SMALL | {"dataset.name": "own", "dataset.root": str(tmp_path / "pets")}))
    assert run.status == "failed" and "not ratings" in run.row.error


def test_latest_small_reaches_the_notes_and_beats_svd(home, shared):
    run = labcore.run(
        CollabSpec.of(
            {
                "dataset.name": "movielens_latest_small",
                "dataset.root": str(shared / "ml-latest-small"),
            }
            | PRESETS["fast"]
        )
    )
    assert run.status == "done", run.row.error
    assert run.metrics["valid_mse"] <= 0.77
    assert run.metrics["valid_mse"] < run.metrics["baseline_svd_mse"]


def test_too_many_steps_are_said(home, monkeypatch):
    monkeypatch.setattr(collab, "PATIENT_STEPS", 100)
    run = labcore.run(CollabSpec.of(SMALL))
    assert run.status == "done" and "larger batches" in " ".join(run.row.notes)
