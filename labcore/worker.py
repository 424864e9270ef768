"""Carries out runs: in the engine's worker processes, and in the foreground for the CLI and for scripts."""

import logging
import threading
import time
import traceback
from collections.abc import Sequence

from labcore import experiments
from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import CHECKPOINT, Job, Stopped, Turnstile
from labcore.runs.process import end_with
from labcore.runs.store import Row, open_store
from labcore.settings import settings
from labcore.specs import spec_type

log = logging.getLogger(__name__)


def warm() -> dict:
    """Import what runs need and touch the device once; return what there is to say of it."""
    return experiments.warm()


def begin_worker(engine: str) -> None:
    """First thing in a worker process of the engine of this identity."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    end_with(engine)


def execute(ids: Sequence[str]) -> None:
    """Carry out claimed runs: one, or the lanes of a race in turn."""
    rows = [open_store().get(run) for run in ids]
    if len(rows) == 1:
        carry_out(rows[0])
    else:
        _carry_out_in_turn(rows)
    experiments.rest()


def _carry_out_in_turn(rows: Sequence[Row]) -> None:
    turnstile = Turnstile(len(rows))

    def lane(number: int, row: Row) -> None:
        turnstile.enter(number)
        try:
            carry_out(row, turnstile, number)
        finally:
            turnstile.leave(number)

    lanes = [threading.Thread(target=lane, args=pair, name=f"lane-{pair[0]}") for pair in enumerate(rows)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()


def carry_out(row: Row, turnstile: Turnstile | None = None, lane: int = 0) -> None:
    """Run one experiment to its end, whatever that is, and write the end down."""
    store, artifacts = open_store(), Artifacts()
    ending: dict = {}
    job = Job(store, artifacts, row, turnstile, lane)
    try:
        with job:
            spec = spec_type(row.experiment).model_validate(row.spec)
            job.stop_here()
            metrics = experiments.run(row.experiment, spec, job)
        ending = {"status": "done", "metrics": metrics, "done": max(1, store.get(row.id).total), "message": ""}
    except (Stopped, KeyboardInterrupt):
        ending = {"status": "stopped", "message": ""}
    except UserError as error:
        ending = {"status": "failed", "error": str(error)}
    except MemoryError:
        ending = {"status": "failed", "error": "The machine ran out of memory. Try a smaller batch or picture size."}
    except Exception as error:
        log.exception("run %s failed", row.id)
        (settings().home / "logs").mkdir(parents=True, exist_ok=True)
        (settings().home / "logs" / f"{row.id}.txt").write_text(traceback.format_exc(), encoding="utf-8")
        what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        ending = {"status": "failed", "error": f"Something broke that should not: {what} (details: logs/{row.id}.txt)"}
    if ending["status"] == "done" and artifacts.exists(row.id, CHECKPOINT):
        artifacts.remove(row.id, CHECKPOINT)
    total = {"total": max(1, store.get(row.id).total)} if ending["status"] == "done" else {}
    store.update(row.id, finished=time.time(), seconds=job.seconds, **total, **ending)
