"""The store: pragmas and every line of SQL of the lab; its tables stand in ``tables``.

SQLite in WAL mode by default: one writer at a time, readers never wait. Writes are short ``BEGIN IMMEDIATE``
transactions, so that a busy store makes a writer wait (``BUSY_SECONDS``) instead of failing half-way.
"""

import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from labcore.errors import UserError
from labcore.runs.series import Chunk, Series, merge
from labcore.runs.tables import MIGRATIONS, SCHEMA_VERSION, artifacts, engines, meta, metadata, points, races, runs
from labcore.settings import settings

Status = Literal["queued", "running", "done", "failed", "stopped"]
ACTIVE: tuple[Status, ...] = ("queued", "running")
ENDED: tuple[Status, ...] = ("done", "failed", "stopped")

BUSY_SECONDS = 15.0
"""How long a writer waits for another before it gives up; a flush takes about a millisecond."""
RACE_SECONDS = 30.0
"""A race whose lanes were not all entered after so long lost its author; those that are there start without it."""


@dataclass(frozen=True)
class Row:
    """One row of ``runs`` (times in seconds since 1970; ``seconds`` is time spent training, over all attempts)."""

    id: str
    key: str
    experiment: str
    spec: dict[str, Any]
    status: Status
    created: float
    started: float | None
    finished: float | None
    seconds: float
    done: int
    total: int
    message: str
    error: str
    notes: list[str]
    metrics: dict[str, Any]
    device: str
    environment: dict[str, Any]
    origin: str
    attempts: int
    checkpoint_step: int
    crash_step: int
    stop_requested: bool
    worker: str
    heartbeat: float
    race: str


def new_id() -> str:
    """A run id that sorts by time: 11 hex digits of milliseconds, 9 random ones."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(5)[:9]}"


class Store:
    """All runs of one lab. Safe to share between threads; every process opens its own.

    Raises:
        UserError: the folder cannot be written, the disk is full, or a newer version of the lab wrote the store.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._sql = sa.create_engine(
            url,
            json_serializer=lambda value: orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode(),
            json_deserializer=orjson.loads,
            connect_args={"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {},
        )
        if self._sql.dialect.name == "sqlite":
            sa.event.listen(self._sql, "connect", _prepare_sqlite)
        with _told():
            self._open()

    def _open(self) -> None:
        with self._write() as connection:
            metadata.create_all(connection)
            version = connection.scalar(sa.select(meta.c.value).where(meta.c.name == "schema_version"))
            if version is None:
                connection.execute(sa.insert(meta).values(name="schema_version", value=str(SCHEMA_VERSION)))
                return
            found = int(version)
            if found > SCHEMA_VERSION:
                raise UserError(
                    f"The store at {self.url} was written by a newer version of Unfreeze (schema {found}, this one "
                    f"knows {SCHEMA_VERSION}). Update Unfreeze, or set LAB_HOME to another folder. Nothing was changed."
                )
            for step in range(found, SCHEMA_VERSION):
                for statement in MIGRATIONS[step]:
                    connection.exec_driver_sql(statement)
            if found < SCHEMA_VERSION:
                connection.execute(sa.update(meta).values(value=str(SCHEMA_VERSION)))

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._sql.connect() as connection:
            if self._sql.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def close(self) -> None:
        """Give back all connections."""
        self._sql.dispose()

    def remember(self, name: str, value: str) -> None:
        """Keep a word about the store itself."""
        with _told(), self._write() as connection:
            connection.execute(sa.delete(meta).where(meta.c.name == name))
            connection.execute(sa.insert(meta).values(name=name, value=value))

    def remembered(self, name: str) -> str | None:
        """A word that was kept with ``remember``; None where there is none."""
        with _told(), self._sql.connect() as connection:
            return connection.scalar(sa.select(meta.c.value).where(meta.c.name == name))

    # Runs

    def add(self, *, key: str, experiment: str, spec: dict, status: Status = "queued", **more: Any) -> tuple[str, bool]:
        """Insert a run, unless one with this key is queued or running; return (its id, whether it is new)."""
        row = {"id": new_id(), "key": key, "experiment": experiment, "spec": spec, "status": status}
        row |= {"created": time.time()} | more
        with _told():
            try:
                with self._write() as connection:
                    connection.execute(sa.insert(runs).values(row))
                return str(row["id"]), True
            except IntegrityError:
                with self._sql.connect() as connection:
                    query = sa.select(runs.c.id).where(runs.c.key == key, runs.c.status.in_(ACTIVE))
                    active = connection.scalar(query)
                if active is None:
                    return self.add(key=key, experiment=experiment, spec=spec, status=status, **more)
                return active, False

    def get(self, run: str) -> Row:
        """One run. Raises UserError where there is none of that id."""
        with _told(), self._sql.connect() as connection:
            found = connection.execute(sa.select(runs).where(runs.c.id == run)).mappings().first()
        if found is None:
            raise UserError(f"There is no run {run!r}. `python -m labcore runs list` names those that are kept.")
        return Row(**found)

    def find(
        self,
        *,
        key: str | None = None,
        experiment: str | None = None,
        status: Sequence[Status] | None = None,
        race: str | None = None,
        prefix: str | None = None,
        limit: int = 1000,
        oldest_first: bool = False,
    ) -> list[Row]:
        """Runs that match all that is given, newest first."""
        query = sa.select(runs)
        for column, value in ((runs.c.key, key), (runs.c.experiment, experiment), (runs.c.race, race)):
            if value is not None:
                query = query.where(column == value)
        if status is not None:
            query = query.where(runs.c.status.in_(status))
        if prefix is not None:
            query = query.where(runs.c.id.startswith(prefix, autoescape=True))
        order = runs.c.created.asc() if oldest_first else runs.c.created.desc()
        with _told(), self._sql.connect() as connection:
            return [Row(**row) for row in connection.execute(query.order_by(order).limit(limit)).mappings()]

    def update(self, run: str, *, only_if: Sequence[Status] | None = None, **values: Any) -> bool:
        """Change columns of one run; with ``only_if`` just while it is in one of these states. True if it was."""
        query = sa.update(runs).where(runs.c.id == run).values(**values)
        if only_if is not None:
            query = query.where(runs.c.status.in_(only_if))
        with _told(), self._write() as connection:
            return connection.execute(query).rowcount == 1

    def note(self, run: str, text: str) -> None:
        """Append a sentence to the run's notes."""
        with _told(), self._write() as connection:
            notes = connection.scalar(sa.select(runs.c.notes).where(runs.c.id == run)) or []
            if text not in notes:
                connection.execute(sa.update(runs).where(runs.c.id == run).values(notes=[*notes, text]))

    def stop_requested(self, run: str) -> bool:
        """Whether somebody asked this run to stop (one look-up by primary key)."""
        with self._sql.connect() as connection:
            return bool(connection.scalar(sa.select(runs.c.stop_requested).where(runs.c.id == run)))

    def queue_position(self, run: str) -> int | None:
        """How many runs go first, 0 for the next; None if it is not queued."""
        with _told(), self._sql.connect() as connection:
            created = connection.scalar(sa.select(runs.c.created).where(runs.c.id == run, runs.c.status == "queued"))
            if created is None:
                return None
            before = sa.select(sa.func.count()).where(runs.c.status == "queued", runs.c.created < created)
            return int(connection.scalar(before) or 0)

    def claim(self, worker: str) -> list[Row]:
        """Take the oldest queued run, with all queued runs of its race, for this worker."""
        now = time.time()
        with _told(), self._write() as connection:
            complete = sa.select(races.c.id).where(races.c.ready | (races.c.created < now - RACE_SECONDS))
            whole = (runs.c.race == "") | runs.c.race.in_(complete)
            queued = sa.select(runs).where(runs.c.status == "queued", whole).order_by(runs.c.created)
            first = connection.execute(queued.limit(1)).mappings().first()
            if first is None:
                return []
            mine = [first]
            if first["race"]:
                mine = connection.execute(queued.where(runs.c.race == first["race"])).mappings().all()
            ids = [row["id"] for row in mine]
            connection.execute(
                sa.update(runs)
                .where(runs.c.id.in_(ids))
                .values(
                    status="running",
                    worker=worker,
                    heartbeat=now,
                    started=sa.func.coalesce(runs.c.started, now),
                    attempts=runs.c.attempts + 1,
                )
            )
        return [self.get(run) for run in ids]

    def delete(self, run: str) -> None:
        """Forget a run, its points and the rows of its artifacts (the files are the artifacts' business)."""
        with _told(), self._write() as connection:
            connection.execute(sa.delete(points).where(points.c.run == run))
            connection.execute(sa.delete(artifacts).where(artifacts.c.run == run))
            connection.execute(sa.delete(runs).where(runs.c.id == run))

    # Points

    def write_points(self, run: str, series: dict[str, tuple[list[int], list[float]]], **progress: Any) -> int:
        """Append points and refresh the run's heartbeat and progress in one transaction; return the chunk's seq."""
        now = time.time()
        seq = -1
        with _told(), self._write() as connection:
            if series:
                payload = orjson.dumps({"series": series})
                inserted = connection.execute(sa.insert(points).values(run=run, at=now, payload=payload))
                seq = int(inserted.inserted_primary_key[0])
            connection.execute(sa.update(runs).where(runs.c.id == run).values(heartbeat=now, **progress))
        return seq

    def chunks(self, run: str, after: int = 0) -> list[Chunk]:
        """Chunks of a run that were written after ``after``, oldest first."""
        query = sa.select(points.c.seq, points.c.at, points.c.payload)
        query = query.where(points.c.run == run, points.c.seq > after).order_by(points.c.seq)
        with _told(), self._sql.connect() as connection:
            return [Chunk(*row) for row in connection.execute(query)]

    def series(self, run: str) -> dict[str, Series]:
        """All curves of a run."""
        return merge(self.chunks(run))

    def restore_points(self, run: str, lines: Sequence[tuple[float, dict[str, Any]]]) -> None:
        """Take in points of an imported run: (unix time, payload) as they were written."""
        rows = [{"run": run, "at": at, "payload": orjson.dumps(payload)} for at, payload in lines]
        with _told(), self._write() as connection:
            if rows:
                connection.execute(sa.insert(points), rows)

    def clear_points(self, run: str) -> None:
        """Drop a run's points (it starts again from nothing)."""
        with _told(), self._write() as connection:
            connection.execute(sa.delete(points).where(points.c.run == run))

    # Artifacts

    def put_artifact(self, run: str, name: str, size: int, sha256: str) -> None:
        """Record a file, replacing an older one of that name."""
        row = {"run": run, "name": name, "bytes": size, "sha256": sha256, "created": time.time()}
        with _told(), self._write() as connection:
            connection.execute(sa.delete(artifacts).where(artifacts.c.run == run, artifacts.c.name == name))
            connection.execute(sa.insert(artifacts).values(row))

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        """The files of a run: {name: {bytes, sha256, created}}."""
        with _told(), self._sql.connect() as connection:
            rows = connection.execute(sa.select(artifacts).where(artifacts.c.run == run)).mappings()
            return {row["name"]: {k: row[k] for k in ("bytes", "sha256", "created")} for row in rows}

    # Races

    def add_race(self, title: str) -> str:
        """Begin a race; its lanes wait until :meth:`set_race` has named them all."""
        race = new_id()
        with _told(), self._write() as connection:
            row = {"id": race, "created": time.time(), "title": title, "members": []}
            connection.execute(sa.insert(races).values(row))
        return race

    def set_race(self, race: str, members: list[str]) -> None:
        """Name the race's runs and let them start together: they were added as ``queued`` under this race."""
        with _told(), self._write() as connection:
            connection.execute(sa.update(races).where(races.c.id == race).values(members=members, ready=True))

    def race(self, race: str) -> dict[str, Any]:
        """A race: id, created, title, members (run ids, lane by lane). Raises UserError where there is none."""
        with _told(), self._sql.connect() as connection:
            row = connection.execute(sa.select(races).where(races.c.id == race)).mappings().first()
        if row is None:
            raise UserError(f"There is no race {race!r}.")
        return dict(row)

    # The engine's own row

    def beat(self, process: str, started: float, state: dict[str, Any]) -> bool:
        """Write the engine's sign of life; True if somebody asked it to end."""
        values = {"process": process, "started": started, "heartbeat": time.time(), "state": state}
        with self._write() as connection:
            stop = connection.scalar(sa.select(engines.c.stop_requested).where(engines.c.process == process))
            if stop is None:
                connection.execute(sa.delete(engines))
                connection.execute(sa.insert(engines).values(id=1, stop_requested=False, **values))
            else:
                connection.execute(sa.update(engines).values(**values))
        return bool(stop)

    def engine(self) -> dict[str, Any] | None:
        """The engine's row, or None if none ever ran."""
        with _told(), self._sql.connect() as connection:
            row = connection.execute(sa.select(engines)).mappings().first()
        return dict(row) if row else None

    def ask_engine_to_end(self) -> None:
        """Tell the engine to end after its current tick."""
        with _told(), self._write() as connection:
            connection.execute(sa.update(engines).values(stop_requested=True))


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver must not open transactions on its own: reads are single statements, writes begin IMMEDIATE.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={int(BUSY_SECONDS * 1000)}", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}").close()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the disk does to us into a sentence."""
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        if isinstance(error, IntegrityError):
            raise
        text = str(error.orig).lower()
        home = settings().home
        if "disk is full" in text or "disk i/o" in text:
            raise UserError(f"The disk that holds {home} is full. Free some space; nothing stored was lost.") from error
        if "readonly" in text or "read-only" in text or "unable to open" in text:
            way_out = "Make it writable, or set LAB_HOME to a folder that is."
            raise UserError(f"{home} cannot be written. {way_out}") from error
        if "not a database" in text or "malformed" in text:
            raise UserError(
                f"{home}/store.db is damaged. Move it aside and start again; the artifacts beside it are untouched."
            ) from error
        if "locked" in text:
            raise UserError("The store has been busy for too long. Try again in a moment.") from error
        raise


@lru_cache(maxsize=8)
def _opened(url: str, _process: int) -> Store:
    return Store(url)


def open_store() -> Store:
    """The store under ``LAB_HOME``, opened once per process."""
    home = settings().home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        raise UserError(f"{home} cannot be made ({reason}). Set LAB_HOME to a folder that can be written.") from None
    return _opened(f"sqlite:///{(home / 'store.db').resolve()}", os.getpid())


def as_json(row: Row) -> str:
    """A run as one JSON line for people and scripts."""
    return json.dumps(row.__dict__, default=str)
