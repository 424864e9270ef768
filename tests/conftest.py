"""Fixtures for every test: a lab of its own per test, and the shared data where it lies beside the repository."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch is imported anywhere: the suite is meant to pass on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("LAB_THREADS", "2")

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty LAB_HOME; an engine started in it ends with the test."""
    folder = tmp_path / "lab"
    monkeypatch.setenv("LAB_HOME", str(folder))
    yield folder
    from labcore.errors import UserError
    from labcore.runs import engine, store

    engine._asked = -engine.BOOT_SECONDS
    with contextlib.suppress(UserError):  # tests damage stores on purpose
        engine.end()
        store.open_store().close()


@pytest.fixture
def shared() -> Path:
    """The folder of real data sets; skips where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("real data (../shared/data) is not on this machine")
    return SHARED
