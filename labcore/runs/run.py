"""Ask for runs and look at them: the one way in for pages, scripts and the CLI."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from labcore import specs
from labcore.errors import UserError
from labcore.runs import engine, limits
from labcore.runs.artifacts import Artifacts, decode
from labcore.runs.keys import key_of
from labcore.runs.process import identity
from labcore.runs.series import Series
from labcore.runs.store import ACTIVE, ENDED, Row, Status, open_store
from labcore.settings import settings


@dataclass(frozen=True)
class Run:
    """A handle on a run in the store; every property reads its present state.

    Attributes:
        id: the run's name in the store and in URLs.
        cached: whether it was there before it was asked for (finished, or already on its way).
    """

    id: str
    cached: bool = False

    @property
    def row(self) -> Row:
        """All that the store knows of it."""
        return open_store().get(self.id)

    @property
    def status(self) -> Status:
        """queued, running, done, failed or stopped."""
        return self.row.status

    @property
    def spec(self) -> specs.Spec:
        """What was asked for."""
        row = self.row
        return specs.spec_type(row.experiment).model_validate(row.spec)

    @property
    def metrics(self) -> dict[str, Any]:
        """The results by their fixed names; empty before the run is done."""
        return self.row.metrics

    def wait(self, timeout: float | None = None) -> "Run":
        """Return when the run has ended. Raises TimeoutError after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout if timeout is not None else None
        while self.status in ACTIVE:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"run {self.id} is still {self.status}")
            engine.ensure()
            time.sleep(0.1)
        return self

    def series(self, name: str) -> Series:
        """One curve. Raises UserError where the run has none of that name."""
        curves = open_store().series(self.id)
        if name not in curves:
            raise UserError(f"Run {self.id} has no series {name!r}. It has: {', '.join(sorted(curves)) or 'none yet'}.")
        return curves[name]

    def artifact(self, name: str) -> Any:
        """One file's value: array, dict of arrays, table, JSON value, or bytes. Raises UserError if it is not there."""
        return decode(name, Artifacts().read(self.id, name))

    def table(self, name: str) -> Any:
        """One table as a pandas DataFrame. Raises UserError if it is not there."""
        return self.artifact(name if name.endswith(".parquet") else f"{name}.parquet")

    def stop(self) -> None:
        """Ask it to stop: at once while queued, within one batch while it trains."""
        store = open_store()
        if not store.update(self.id, only_if=["queued"], status="stopped", finished=time.time()):
            store.update(self.id, only_if=["running"], stop_requested=True)

    def resume(self) -> "Run":
        """Queue a stopped or failed run again; it goes on from its last checkpoint.

        Raises:
            UserError: the run is not one that can go on.
        """
        row = self.row
        if row.status in ACTIVE:
            return self
        if row.status == "done":
            raise UserError(f"Run {self.id} is done; there is nothing to resume. Ask for it again with --fresh.")
        for other in open_store().find(key=row.key, status=ACTIVE, limit=1):
            return Run(other.id, cached=True)
        open_store().update(
            self.id,
            only_if=["stopped", "failed"],
            status="queued",
            stop_requested=False,
            error="",
            crash_step=-2,
            race="",
            finished=None,
        )
        engine.ensure()
        return self

    def delete(self) -> None:
        """Remove the run, its points and its files. Raises UserError while it trains."""
        row = self.row
        if row.status in ACTIVE:
            raise UserError(f"Run {self.id} is {row.status}. Stop it first, then delete it.")
        open_store().delete(self.id)
        Artifacts().remove(self.id)


def known(spec: specs.Spec) -> Run | None:
    """The finished run of a spec, if there is one."""
    rows = open_store().find(key=key_of(spec), status=["done"], limit=1)
    return Run(rows[0].id, cached=True) if rows else None


def submit(spec: specs.Spec, *, fresh: bool = False) -> Run:
    """Ask for a run: the finished one of this very spec if there is one, the one on its way, or a new one.

    Args:
        spec: what to run.
        fresh: train anew even though the result is known.

    Raises:
        UserError: the data or the weights are not there, or the store cannot be written.
    """
    run, new = _enter(spec, fresh=fresh)
    if new or run.status in ACTIVE:
        engine.ensure()
    return run


def submit_race(lanes: Sequence[specs.Spec], *, title: str = "", fresh: bool = False) -> tuple[str, list[Run]]:
    """Ask for several runs to be trained in turn, batch by batch, in one worker, so that they move together.

    A lane that is known already, or on its way elsewhere, is not trained again.

    Returns:
        (the race's id, its runs in the order of ``lanes``).
    """
    race = open_store().add_race(title)
    runs = [_enter(spec, fresh=fresh, race=race)[0] for spec in lanes]
    open_store().set_race(race, [run.id for run in runs])
    if any(run.status in ACTIVE for run in runs):
        engine.ensure()
    return race, runs


def race_runs(race: str) -> list[Run]:
    """The runs of a race, lane by lane; lanes deleted since are left out."""
    members = open_store().race(race)["members"]
    there = {row.id for member in members for row in open_store().find(prefix=member, limit=1)}
    return [Run(member) for member in members if member in there]


def _enter(spec: specs.Spec, *, fresh: bool, **more: Any) -> tuple[Run, bool]:
    limits.check(spec)
    store, key = open_store(), key_of(spec)
    if not fresh:
        done = store.find(key=key, status=["done"], limit=1)
        if done:
            return Run(done[0].id, cached=True), False
    if settings().mode == "public" and len(store.find(status=["queued"])) >= limits.MAX_WAITING:
        raise UserError(f"{limits.MAX_WAITING} runs are waiting already. Look at a finished one, or come back shortly.")
    asked = {"experiment": specs.experiment_of(spec), "spec": spec.model_dump(mode="json")}
    run, new = store.add(key=key, **asked, **more)
    return Run(run, cached=not new), new


def run_here(spec: specs.Spec, *, fresh: bool = False, began: Callable[[str], None] | None = None) -> Run:
    """Train in this process, recorded in the store like any other run; returns when it has ended.

    A run of the same spec that is on its way elsewhere is waited for instead.

    Args:
        spec: what to run.
        fresh: train anew even though the result is known.
        began: told the run's id before it starts, e.g. to draw its progress.
    """
    now = time.time()
    mine = {"status": "running", "started": now, "heartbeat": now, "attempts": 1, "worker": identity()}
    run, new = _enter(spec, fresh=fresh, **mine)
    if began is not None and run.status in ACTIVE:
        began(run.id)
    if not new:
        return run.wait()
    engine.call("labcore.worker", "carry_out", run.row)
    return run


def ended(row: Row) -> bool:
    """Whether a run is over."""
    return row.status in ENDED
