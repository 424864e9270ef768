"""One run as a zip that travels: written whole, checked before anything of it is believed."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labcore import specs
from labcore.errors import UserError
from labcore.runs.artifacts import NAME, Artifacts, digest
from labcore.runs.store import ENDED, new_id, open_store

FORMAT = 1
MAX_BYTES = 512 * 2**20
"""A bundle unpacks to at most this; a run with a large model stays well below."""
MAX_FILES = 2_000
MAX_RATIO = 200
"""Curves and masks compress 10 to 50 times; what claims more is a bomb."""
KEPT = (
    *("key", "experiment", "spec", "status", "created", "started", "finished", "seconds", "done", "total"),
    *("message", "error", "notes", "metrics", "device", "environment"),
)
"""Columns of a run that travel; the rest is this lab's own bookkeeping."""


class Manifest(BaseModel):
    """What a bundle says of itself; every field is checked on the way in."""

    model_config = ConfigDict(extra="forbid")
    format: int
    id: str = Field(pattern=r"^[a-z0-9]{8,40}$")
    key: str = Field(pattern=r"^[0-9a-f]{16,64}$")
    experiment: str
    spec: dict[str, Any]
    status: str
    created: float = Field(ge=0, allow_inf_nan=False)
    started: float | None = None
    finished: float | None = None
    seconds: float = Field(ge=0, allow_inf_nan=False)
    done: int = Field(ge=0)
    total: int = Field(ge=0)
    message: str = Field(max_length=2_000)
    error: str = Field(max_length=20_000)
    notes: list[str] = Field(max_length=1_000)
    metrics: dict[str, Any]
    device: str = Field(max_length=200)
    environment: dict[str, Any]
    artifacts: dict[str, str] = Field(max_length=MAX_FILES)
    points_sha256: str


def export_run(run: str, changed: Mapping[str, bytes | None] | None = None) -> bytes:
    """One run with its points and files as a zip.

    Args:
        run: its id.
        changed: files that travel with other content, or not at all (None).

    Raises:
        UserError: there is no such run, or it has not ended.
    """
    store, files = open_store(), Artifacts()
    row = store.get(run)
    if row.status not in ENDED:
        raise UserError(f"Run {run} is {row.status}. Wait for its end, or stop it, then export it.")
    chunks = store.chunks(run)
    lines = b"\n".join(orjson.dumps({"at": chunk.at, **orjson.loads(chunk.payload)}) for chunk in chunks)
    contents = {name: files.read(run, name) for name in store.artifacts(run) if files.exists(run, name)}
    for name, data in (changed or {}).items():
        if data is None:
            contents.pop(name, None)
        else:
            contents[name] = data
    manifest = {name: getattr(row, name) for name in KEPT} | {
        "format": FORMAT,
        "id": run,
        "artifacts": {name: digest(data) for name, data in contents.items()},
        "points_sha256": digest(lines),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        archive.writestr("points.jsonl", lines)
        for name, data in contents.items():
            archive.writestr(f"artifacts/{name}", data)
    return buffer.getvalue()


def import_run(data: bytes, *, origin: str = "imported") -> str:
    """Take in an exported run; return its id. A run that is here already is left as it is.

    Raises:
        UserError: the file is no bundle, is damaged, too large, or names files outside of itself.
    """
    manifest, lines, contents = _checked(data)
    store, files = open_store(), Artifacts()
    for row in store.find(prefix=manifest.id, limit=1):
        if row.key == manifest.key:
            return row.id
    run = manifest.id if not store.find(prefix=manifest.id, limit=1) else new_id()
    for name, content in contents.items():
        files.write(run, name, content)
        store.put_artifact(run, name, len(content), digest(content))
    store.restore_points(run, [(line.pop("at"), line) for line in map(orjson.loads, lines.splitlines())])
    values = {name: getattr(manifest, name) for name in KEPT}
    store.add(**values, id=run, origin=origin)  # last: a run is seen once all of it is there
    return run


def read_manifest(data: bytes) -> Manifest:
    """What a bundle says of itself, once all of it has been checked.

    Raises:
        UserError: as for ``import_run``.
    """
    return _checked(data)[0]


def _checked(data: bytes) -> tuple[Manifest, bytes, dict[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise UserError("This is no exported run: it is not a zip file. Export one on the Runs page.") from None
    with archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if len(members) > MAX_FILES or total > MAX_BYTES or total > MAX_RATIO * max(len(data), 10_000):
            size = f"{total / 2**20:,.0f} MB in {len(members)} files"
            raise UserError(f"This zip would unpack to {size}: too much for one run. Nothing was taken in.")
        for member in members:
            path = PurePosixPath(member.filename)
            inside = path.parts[:1] == ("artifacts",) and len(path.parts) == 2 and NAME.fullmatch(path.name)
            if member.filename not in ("manifest.json", "points.jsonl") and not inside:
                stranger = member.filename[:100]
                raise UserError(f"This zip holds {stranger!r}, which no exported run has. Nothing was taken in.")
        try:
            contents = {member.filename: archive.read(member) for member in members}
            manifest = Manifest.model_validate_json(contents.pop("manifest.json"))
            lines = contents.pop("points.jsonl")
        except (KeyError, zipfile.BadZipFile, EOFError, ValidationError, NotImplementedError, RuntimeError) as error:
            what = str(error).splitlines()[0][:200]
            raise UserError(f"This exported run is damaged ({what}). Export it again.") from None
    if manifest.format != FORMAT:
        raise UserError(f"This run was exported in format {manifest.format}; this lab reads {FORMAT}. Update Unfreeze.")
    specs.spec_type(manifest.experiment).of(manifest.spec)
    if manifest.status not in ENDED:
        raise UserError(f"This exported run claims to be {manifest.status[:20]!r}. Export it again once it has ended.")
    files = {name.removeprefix("artifacts/"): content for name, content in contents.items()}
    for name, content in {**files, "points.jsonl": lines}.items():
        expected = manifest.points_sha256 if name == "points.jsonl" else manifest.artifacts.get(name)
        if digest(content) != expected:
            raise UserError(f"{name} in this exported run is not what it was when it was exported. Export it again.")
    missing = set(manifest.artifacts) - set(files)
    if missing:
        raise UserError(f"This exported run lacks {sorted(missing)[0]}. Export it again.")
    _check_points(lines)
    return manifest, lines, files


def _check_points(lines: bytes) -> None:
    try:
        for line in map(orjson.loads, lines.splitlines()):
            float(line["at"])
            for steps, values in line["series"].values():
                if len(steps) != len(values) or not all(isinstance(step, int) for step in steps):
                    raise ValueError("steps and values differ")
                for value in values:
                    if value is not None:
                        float(value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"The points of this exported run cannot be read ({error}). Export it again.") from None
