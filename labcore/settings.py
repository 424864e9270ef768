"""Where the lab keeps its things and how much it may use, read from ``LAB_*`` in the environment."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from labcore.errors import UserError

REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The lab's settings. Each field is read from the environment variable ``LAB_`` + its name."""

    model_config = SettingsConfigDict(env_prefix="LAB_", frozen=True)

    home: Path = REPOSITORY / ".lab"
    """Store, artifacts and data cache live under this folder."""
    mode: Literal["local", "public"] = "local"
    """``public``: no server-side paths, size and time limits per session."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where runs train that ask for ``auto``."""
    threads: int = Field(default=0, ge=0, le=256)
    """CPU threads of one worker; 0 takes every core this process may use."""
    idle_minutes: float = Field(default=60.0, gt=0)
    """An engine with nothing to do, and nobody looking, ends after this long."""
    checkpoint_seconds: float = Field(default=5.0, gt=0)
    """A run leaves a checkpoint to resume from about this often."""
    worker_mb: int = Field(default=0, ge=0)
    """A worker that still holds more than this between two runs makes place for a fresh one (2**20 bytes, without what
    it shares with others); 0 takes 550 in public mode and a quarter of the machine's memory in local mode."""
    recorded: bool = True
    """Take in the recorded runs that ship with the lab when it starts for the first time."""
    cache_gb: float = Field(default=20.0, gt=0)
    """Decoded pictures kept on disk; the least recently used sets go first."""


def settings() -> Settings:
    """The settings as the environment has them now (tests and the CLI change it while the process lives).

    Raises:
        UserError: a ``LAB_*`` variable holds a value that makes no sense.
    """
    # Reading them takes a millisecond, and a page asks sixteen times: once is enough while nothing has changed.
    return _read(tuple(sorted(pair for pair in os.environ.items() if pair[0].upper().startswith("LAB_"))))


@lru_cache(maxsize=8)
def _read(_environment: tuple[tuple[str, str], ...]) -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "LAB_" + str(first["loc"][0]).upper()
        raise UserError(f"{name} is set to {first['input']!r}: {first['msg'].lower()}. Correct or unset it.") from None
