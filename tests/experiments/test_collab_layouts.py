"""MovieLens 100k's own files, from the folder to a list of films with accents in their titles."""

import numpy as np
import pytest
from click.testing import CliRunner

import labcore
from labcore.cli_thresholds import predict_command
from labcore.data.real.movielens_100k import GENRES
from labcore.specs import CollabSpec

USERS, FILMS, SEEN = 40, 30, 18


@pytest.fixture
def folder(tmp_path):
    """``ml-100k`` as GroupLens packs it: tabs in u.data, latin-1 and pipes in u.item; one film that nobody rated."""
    rng = np.random.default_rng(0)
    root = tmp_path / "ml-100k"
    root.mkdir()
    rows = []
    for user in range(1, USERS + 1):
        for film in rng.permutation(FILMS)[:SEEN] + 1:
            stars = int(np.clip(round(3 + (film % 5 - 2) * 0.7 + rng.normal(0, 0.6)), 1, 5))
            rows.append(f"{user}\t{film}\t{stars}\t{881250949 + len(rows)}")
    (root / "u.data").write_text("\n".join(rows) + "\n", encoding="ascii")
    lines = []
    for film in range(1, FILMS + 2):
        flags = "|".join("1" if (film + k) % 7 == 0 else "0" for k in range(len(GENRES)))
        lines.append(f"{film}|Cité des enfants {film}, La ({1970 + film})|01-Jan-1995||http://us.imdb.com/x|{flags}")
    (root / "u.item").write_bytes(("\n".join(lines) + "\n").encode("latin-1"))
    return root


@pytest.mark.parametrize("held_out", ["random", "last_of_user"])
def test_movielens_100k_end_to_end(home, folder, held_out):
    asked = {
        "dataset.name": "movielens_100k", "dataset.root": str(folder), "held_out": held_out, "factors": 5,
        "batch_size": 32, "epochs": 8, "lr": 0.03,
    }  # fmt: skip
    run = labcore.run(CollabSpec.of(asked))
    assert run.status == "done", run.row.error
    told = run.metrics
    assert told["valid_mse"] < told["baseline_global_mse"]
    assert {"baseline_means_mse", "baseline_svd_mse", "baseline_als_mse", "ndcg_at_10", "recall_at_10"} <= set(told)
    kept, table = run.artifact("factors.npz"), run.artifact("ratings.npz")
    assert len(kept["titles"]) == FILMS and all(title.startswith("Cité des enfants") for title in kept["titles"])
    assert (kept["years"] >= 1971).all() and "" not in kept["genres"]
    valid = ~table["taught"]
    if held_out == "last_of_user":
        assert valid.sum() == USERS and len(np.unique(table["user"][valid])) == USERS
    said = CliRunner().invoke(predict_command, [run.id, "--user", "7", "--top", "3"])
    assert said.exit_code == 0, said.output
    seen = set(kept["titles"][table["movie"][table["user"] == 6]])
    named = [line.split("  ", 1)[1] for line in said.stdout.splitlines()]
    assert len(named) == 3 and not set(named) & seen and set(named) <= set(kept["titles"])
