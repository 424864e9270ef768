"""Sets that several experiments are tried on."""

from pathlib import Path

import pose_discs
import pytest


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four persons, ten pictures each, with two points and an angle in a table."""
    return pose_discs.make(tmp_path_factory.mktemp("discs"))
