"""The measured claim on the fine-tuner's page: said as its numbers decide, and only of the data it was measured on."""

import json
from pathlib import Path

import pytest
from page_helpers import texts

from labcore.data import registry
from labcore.specs import DatasetSpec
from pages.parts import ft_evidence

SLICE = [0.08, 0.09, 0.10, 0.08, 0.09]


def written(folder: Path, uniform: list[float], fingerprint: str) -> Path:
    plans = {"slice(0.004, 0.02)": SLICE, "uniform 0.009": uniform, "head alone": [0.25, 0.26, 0.24, 0.25, 0.27]}
    told = {
        "date": "2026-01-01", "device": "a laptop, 2 threads", "torch": "2", "dataset": "critters",
        "fingerprint": fingerprint, "arch": "regnetx_002", "weights": "embedded", "image_size": 80, "seeds": 5,
        "baseline": 0.92,
        "plans": [
            {"name": name, "error": errors, "epochs": [[0.5, error] for error in errors]}
            for name, errors in plans.items()
        ],
    }  # fmt: skip
    file = folder / "discriminative.json"
    file.write_text(json.dumps(told))
    return file


@pytest.mark.parametrize(
    ("uniform", "sentence"),
    [
        ([0.10, 0.12, 0.12, 0.11, 0.11], "beats the best of 1 rates for all layers (uniform 0.009)"),
        ([0.09, 0.08, 0.10, 0.09, 0.09], "is not told apart from the best of 1 rates"),
        ([0.06, 0.07, 0.09, 0.06, 0.06], "loses to the best of 1 rates"),
    ],
)
def test_the_numbers_decide_what_is_claimed(visit, tmp_path, monkeypatch, uniform, sentence):
    file = written(tmp_path, uniform, registry.fingerprint(DatasetSpec()))
    monkeypatch.setattr(ft_evidence, "PUBLISHED", file)
    said = texts(visit("fine_tune"))
    assert sentence in said and "beats the head alone" in said
    assert "a laptop, 2 threads" in said and "2026-01-01" in said and "earlier version" not in said


def test_another_version_of_the_pictures_is_named(visit, tmp_path, monkeypatch):
    monkeypatch.setattr(ft_evidence, "PUBLISHED", written(tmp_path, SLICE, "critters-v1"))
    assert "earlier version, critters-v1" in texts(visit("fine_tune"))


def test_what_ships_is_whole_and_of_the_pictures_that_are_drawn_now():
    told = json.loads(ft_evidence.PUBLISHED.read_text("utf-8"))
    assert told["fingerprint"] == registry.fingerprint(DatasetSpec(name=told["dataset"]))
    assert all(len(one["error"]) == told["seeds"] >= 3 for one in told["plans"])
    for one in told["plans"]:
        assert [epochs[-1] for epochs in one["epochs"]] == pytest.approx(one["error"], abs=1e-4)
