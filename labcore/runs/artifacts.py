"""Files of runs: arrays, tables, pictures, models. Written whole or not at all, each with its sha256.

Addressed by URL (fsspec), so that a store on another machine needs no second code path.
"""

import hashlib
import io
import os
import re
import secrets
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import orjson

from labcore.errors import UserError
from labcore.settings import settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
"""What an artifact may be called: no folders, no leading dot, so that no name leaves its run's folder."""
RUN = re.compile(r"[a-z0-9]{8,40}")


def encode(name: str, value: Any) -> tuple[str, bytes]:
    """The file of a value: (name with its suffix, bytes).

    Arrays become .npy, dicts of arrays .npz, tables .parquet, pictures .png, bytes stay as they are, all else .json.
    """
    stem = name.rsplit(".", 1)[0]
    if isinstance(value, bytes | bytearray | memoryview):
        return name, bytes(value)
    buffer = io.BytesIO()
    if isinstance(value, np.ndarray):
        np.save(buffer, value, allow_pickle=False)
        return f"{stem}.npy", buffer.getvalue()
    if isinstance(value, dict) and value and all(isinstance(array, np.ndarray) for array in value.values()):
        if any(array.dtype.hasobject for array in value.values()):
            raise ValueError(f"{name} holds Python objects, which only pickle could write.")
        np.savez_compressed(buffer, **value)
        return f"{stem}.npz", buffer.getvalue()
    if hasattr(value, "to_parquet"):
        value.to_parquet(buffer, index=False)
        return f"{stem}.parquet", buffer.getvalue()
    if hasattr(value, "tobitmap"):
        value.save(buffer, format="PNG")
        return f"{stem}.png", buffer.getvalue()
    return f"{stem}.json", orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def decode(name: str, data: bytes) -> Any:
    """The value of a file, by its suffix; bytes for those that have none of ours."""
    suffix = name.rsplit(".", 1)[-1]
    buffer = io.BytesIO(data)
    if suffix == "npy":
        return np.load(buffer, allow_pickle=False)
    if suffix == "npz":
        with np.load(buffer, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    if suffix == "parquet":
        import pandas as pd

        return pd.read_parquet(buffer)
    if suffix == "json":
        return orjson.loads(data)
    return data


def digest(data: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


class Artifacts:
    """All files of all runs, below one URL: ``<url>/<run>/<name>``."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url or str(settings().home / "runs")
        self._fs, self._root = fsspec.core.url_to_fs(self.url)
        self._local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))

    def place(self, run: str, name: str) -> str:
        """Where a file lies. Raises UserError for a name that would leave the run's folder."""
        if not RUN.fullmatch(run) or not NAME.fullmatch(name):
            raise UserError(f"{run}/{name} is no name of an artifact. Use letters, digits, dots, dashes.")
        return f"{self._root}/{run}/{name}"

    def write(self, run: str, name: str, data: bytes) -> str:
        """Put a file in place in one step (temp file, fsync, rename); return its sha256.

        Raises:
            UserError: the disk is full or cannot be written; an older file of that name is untouched.
        """
        place = self.place(run, name)
        try:
            if not self._local:
                self._fs.pipe_file(place, data)
                return digest(data)
            path = Path(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{name}.{secrets.token_hex(4)}")
            try:
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            way_out = f"Free space under {self.url}, then resume."
            raise UserError(f"{name} could not be kept ({reason}). {way_out}") from error
        return digest(data)

    def read(self, run: str, name: str) -> bytes:
        """A file's bytes. Raises UserError where there is none."""
        try:
            return self._fs.cat_file(self.place(run, name))
        except FileNotFoundError:
            way_out = "A recorded run leaves some behind; run it again, with --fresh, to have it made."
            raise UserError(f"Run {run} has no artifact {name}. {way_out}") from None

    def exists(self, run: str, name: str) -> bool:
        """Whether the file is there."""
        return self._fs.exists(self.place(run, name))

    def remove(self, run: str, name: str | None = None) -> None:
        """Delete one file of a run, or its whole folder."""
        place = self.place(run, name) if name else self.place(run, "x").rsplit("/", 1)[0]
        if self._fs.exists(place):
            self._fs.rm(place, recursive=name is None)
