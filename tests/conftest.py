"""Fixtures for every test: a lab of its own per test, and the shared data where it lies beside the repository."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch is imported anywhere: the suite is meant to pass on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
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


@pytest.fixture(scope="session")
def critters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the drawn critters, made once for all tests."""
    from labcore.data.embedded import build, critters

    folder = tmp_path_factory.mktemp("drawn") / "critters"
    build.make(critters, folder)
    return folder


@pytest.fixture
def drawn(home: Path, critters: Path) -> Path:
    """A LAB_HOME in which the critters are drawn already."""
    (home / "data").mkdir(parents=True)
    shutil.copytree(critters, home / "data" / "critters", copy_function=os.link)
    return home


@pytest.fixture
def shared() -> Path:
    """The folder of real data sets; skips where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("real data (../shared/data) is not on this machine")
    return SHARED
