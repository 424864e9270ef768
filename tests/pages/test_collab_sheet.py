"""The spreadsheet's numbers are the model's: what the browser is given adds up to the predictions."""

import numpy as np
import pytest

import labcore
from labcore.specs import CollabSpec
from pages.parts import collab_run, collab_sheet


@pytest.mark.parametrize("model", ["dot", "dot_range", "dot_bias"])
def test_margins_and_rest_add_up_to_the_predictions(home, model):
    asked = {"batch_size": 1024, "epochs": 1, "lr": 0.02, "factors": 7, "baselines": "means", "model": model}
    run = labcore.run(CollabSpec.of(asked))
    found = collab_run._learnt.__wrapped__(run.id, 0.0, "")
    users, items = collab_sheet.busiest(found)
    told = collab_sheet.block(found, users, items)
    u, v = (np.array([one["factors"] for one in told[side]]) for side in ("users", "items"))
    raw = u @ v.T + np.array(told["rest"])
    raw += np.array([one["bias"] for one in told["users"]])[:, None] + [one["bias"] for one in told["items"]]
    low, high = told["range"] or (0, 0)
    said = low + (high - low) / (1 + np.exp(-raw)) if told["range"] else raw
    np.testing.assert_allclose(said, found.model.scores(users)[:, items], rtol=1e-4)
    rated = {(int(a), int(b)): r for a in users for b, r in zip(*found.rated.of(int(a)), strict=True)}
    for a, user in enumerate(users):
        for b, item in enumerate(items):
            assert told["ratings"][a][b] == rated.get((int(user), int(item)))
