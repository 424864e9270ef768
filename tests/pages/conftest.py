"""Real runs in a real store, written the way a worker writes them, so that pages have something to show."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from labcore.evaluation.lr_finder import suggest
from labcore.runs.artifacts import Artifacts
from labcore.runs.job import Job
from labcore.runs.keys import key_of
from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"


def range_test_losses(lrs: np.ndarray) -> np.ndarray:
    """A loss that first rests, then falls, then explodes."""
    place = np.log10(lrs)
    return 2.5 - 1.2 / (1 + np.exp(-2.2 * (place + 2.4))) + 0.05 * np.exp(3.0 * (place + 0.4))


@pytest.fixture
def record(home) -> Callable[..., str]:
    """Record a range test of a spec in the store; returns the run's id."""

    def write(spec: LRFinderSpec | None = None, status: str = "done", points: int = 92) -> str:
        spec = spec or LRFinderSpec()
        store = open_store()
        run, _ = store.add(key=key_of(spec), experiment="lr_finder", spec=spec.model_dump(mode="json"))
        if status == "queued":
            return run
        store.claim("a test")
        lrs = np.geomspace(spec.start, spec.end, spec.num_it)[:points]
        losses = range_test_losses(lrs)
        with Job(store, Artifacts(), store.get(run)) as job:
            for name, values in (("lr", lrs), ("loss", losses + 0.01), ("smooth_loss", losses)):
                job.log_many(name, range(points), values)
            job.progress(points, spec.num_it)
        if status != "running":
            metrics = suggest(lrs, losses, spec.num_it).metrics() if status == "done" else {}
            error = "The weights file is damaged. Get it again." if status == "failed" else ""
            store.update(run, status=status, metrics=metrics, error=error, finished=time.time(), device="cpu")
        return run

    return write


@pytest.fixture
def visit(home) -> Callable[..., AppTest]:
    """Open a page through the shell, as a browser does, with query parameters."""

    def open_page(page: str = "", **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=120)
        if page:
            app.run()  # the shell has to run once before it knows its pages
            app.switch_page(f"{page}.py")
        for name, value in query.items():
            app.query_params[name.replace("__", ".")] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return open_page
