"""The tables of the store. See docs/STORE.md for people who query it."""

from collections.abc import Sequence

import sqlalchemy as sa

SCHEMA_VERSION = 1

metadata = sa.MetaData()

meta = sa.Table("meta", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text))

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, index=True),
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("done", sa.Integer, nullable=False, default=0),
    sa.Column("total", sa.Integer, nullable=False, default=0),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("notes", sa.JSON, nullable=False, default=list),
    sa.Column("metrics", sa.JSON, nullable=False, default=dict),
    sa.Column("device", sa.Text, nullable=False, default=""),
    sa.Column("environment", sa.JSON, nullable=False, default=dict),
    sa.Column("origin", sa.Text, nullable=False, default="local"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("checkpoint_step", sa.Integer, nullable=False, default=-1),
    sa.Column("crash_step", sa.Integer, nullable=False, default=-2),
    sa.Column("stop_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("worker", sa.Text, nullable=False, default=""),
    sa.Column("heartbeat", sa.Float, nullable=False, default=0.0),
    sa.Column("race", sa.Text, nullable=False, default="", index=True),
    # Two browsers that press the same button at the same moment get one run.
    sa.Index("one_active_run_per_key", "key", unique=True, sqlite_where=sa.text("status IN ('queued', 'running')")),
)

points = sa.Table(
    "points",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Index("points_of_run", "run", "seq"),
    sqlite_autoincrement=True,
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

races = sa.Table(
    "races",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("title", sa.Text, nullable=False, default=""),
    sa.Column("members", sa.JSON, nullable=False),
    sa.Column("ready", sa.Boolean, nullable=False, default=False),
)

engines = sa.Table(
    "engines",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
    sa.Column("stop_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("state", sa.JSON, nullable=False, default=dict),
)

MIGRATIONS: dict[int, Sequence[str]] = {}
"""Statements that lift a store from version ``key`` to ``key + 1``; never edited once released."""
