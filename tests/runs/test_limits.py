"""A public lab shares one small machine among strangers."""

import pytest

from labcore.errors import UserError
from labcore.runs import limits
from labcore.runs.run import submit
from labcore.runs.store import open_store
from labcore.specs import FineTuneSpec, LRFinderSpec, Stage


@pytest.mark.parametrize(
    "spec",
    [
        LRFinderSpec.of({"dataset.name": "pets", "dataset.root": "/etc"}),
        LRFinderSpec.of({"weights": "/etc/passwd"}),
        LRFinderSpec(image_size=256),
        LRFinderSpec(num_it=5000),
        LRFinderSpec(batch_size=1024),
        FineTuneSpec(plan=(Stage(epochs=500),)),
        FineTuneSpec(plan=(Stage(epochs=1, image_size=512),)),
    ],
)
def test_a_public_lab_refuses_what_a_local_one_does(spec, home, monkeypatch):
    monkeypatch.setenv("LAB_MODE", "public")
    with pytest.raises(UserError, match="public lab"):
        submit(spec)
    assert open_store().find() == []
    monkeypatch.setenv("LAB_MODE", "local")
    limits.check(spec)


def test_defaults_are_within_the_limits(monkeypatch):
    monkeypatch.setenv("LAB_MODE", "public")
    for spec in (LRFinderSpec(), FineTuneSpec()):
        limits.check(spec)


def test_a_full_public_queue_says_so(home, monkeypatch):
    monkeypatch.setenv("LAB_MODE", "public")
    store = open_store()
    for number in range(limits.MAX_WAITING):
        store.add(key=f"{number}", experiment="lr_finder", spec={})
    with pytest.raises(UserError, match="waiting"):
        submit(LRFinderSpec())
