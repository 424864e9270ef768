"""Unfreeze's engine room: ask for runs, read their results. Importing it costs no torch.

>>> import labcore
>>> run = labcore.submit(labcore.specs.LRFinderSpec())  # doctest: +SKIP
>>> run.wait().metrics["lr_valley"]  # doctest: +SKIP
"""

from labcore import specs
from labcore.errors import UserError
from labcore.runs.run import Run, submit, submit_race
from labcore.runs.run import run_here as run

__all__ = ["Run", "UserError", "run", "specs", "submit", "submit_race"]
