"""Runs that ship with the lab: real ones, made by ``labcore warm``, taken in when a lab starts for the first time."""

import logging
from collections.abc import Callable
from pathlib import Path

from labcore import specs
from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts, digest
from labcore.runs.bundles import export_run, import_run, read_manifest
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.settings import REPOSITORY, settings

log = logging.getLogger(__name__)

FOLDER = REPOSITORY / "assets" / "recorded"
ORIGIN = "recorded"
TAKEN = "recorded_sha256"
"""What the store remembers of the bundle files that it has seen: a run that was deleted does not come back."""
MODEL = "model.onnx"
LEFT_OUT = ("stage-", "checkpoint")
"""Files that do not travel, by how their names begin: weights to train on from are large and quickly made again."""
UNASKED = ("thresholds",)
"""Lessons whose pages never ask the net itself, since all its predictions are there: it stays behind too."""


def record(run: str, folder: Path, shrink: Callable[[bytes], bytes]) -> Path:
    """Write a finished run as a bundle that ships; one file per experiment.

    Args:
        run: its id.
        folder: where to.
        shrink: makes an exported model smaller without changing what it says.

    Raises:
        UserError: there is no such run, or it is not done.
    """
    store = open_store()
    row = store.get(run)
    if row.status != "done":
        raise UserError(f"Run {run} is {row.status}; only finished runs are recorded.")
    names = store.artifacts(run)
    changed: dict[str, bytes | None] = {name: None for name in names if name.startswith(LEFT_OUT)}
    if MODEL in names:
        changed[MODEL] = None if row.experiment in UNASKED else shrink(Artifacts().read(run, MODEL))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{row.experiment}.zip"
    file.write_bytes(export_run(run, changed))
    return file


def take_in(folder: Path = FOLDER) -> list[str]:
    """Import the recorded runs that this lab has never seen; returns their ids.

    A bundle whose spec, data or weights are not this version's any more would never be shown; it is left out.
    """
    if not settings().recorded or not folder.is_dir():
        return []
    store = open_store()
    seen = set((store.remembered(TAKEN) or "").split())
    taken = []
    for file in sorted(folder.glob("*.zip")):
        data = file.read_bytes()
        mark = digest(data)
        if mark in seen:
            continue
        seen.add(mark)
        try:
            manifest = read_manifest(data)
            spec = specs.spec_type(manifest.experiment).model_validate(manifest.spec)
            if key_of(spec) != manifest.key:
                log.warning("%s was recorded by another version of the lab and is left out", file.name)
                continue
            taken.append(import_run(data, origin=ORIGIN))
        except (UserError, ValueError) as error:
            log.warning("%s is left out: %s", file.name, error)
    store.remember(TAKEN, " ".join(sorted(seen)))
    return taken
