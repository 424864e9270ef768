"""Folders and settings that the data tests share."""

from pathlib import Path

import pytest
from data_samples import photo


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A lab of its own, without an engine."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LAB_HOME", str(folder))
    monkeypatch.setenv("LAB_THREADS", "2")
    monkeypatch.delenv("LAB_MODE", raising=False)
    return folder


@pytest.fixture
def classes(tmp_path) -> Path:
    """A folder per class: 6 cats, 4 dogs."""
    root = tmp_path / "classes"
    for number in range(6):
        photo(root / "cat" / f"c{number}.png", number)
    for number in range(4):
        photo(root / "dog" / f"d{number}.png", 100 + number)
    return root
