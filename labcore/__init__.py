"""Unfreeze's engine room: ask for runs, read their results. Importing it costs no torch.

>>> import labcore
>>> run = labcore.submit(labcore.specs.LRFinderSpec())  # doctest: +SKIP
>>> run.wait().metrics["lr_valley"]  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labcore import specs
    from labcore.errors import UserError
    from labcore.runs.run import Run, submit, submit_race
    from labcore.runs.run import run_here as run

__all__ = ["Run", "UserError", "run", "specs", "submit", "submit_race"]

_PLACES = {
    "Run": ("labcore.runs.run", "Run"),
    "UserError": ("labcore.errors", "UserError"),
    "run": ("labcore.runs.run", "run_here"),
    "specs": ("labcore.specs", None),
    "submit": ("labcore.runs.run", "submit"),
    "submit_race": ("labcore.runs.run", "submit_race"),
}


def __getattr__(name: str) -> Any:
    # On demand: processes that only draw pictures should not pay for the store (0.4 s each).
    if name not in _PLACES:
        raise AttributeError(f"module 'labcore' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value
