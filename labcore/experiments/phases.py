"""Several trainings in one run, one after the other, that can be cut off anywhere and go on from there."""

from collections.abc import Mapping
from typing import Any

import torch

from labcore.runs.job import Job
from labcore.training.checkpoints import pack, unpack


class Phases:
    """Where a run of several trainings is: which of them, and what the finished ones have left.

    Args:
        job: the run's job.
        steps: of each training, for progress and the numbering of checkpoints.
    """

    def __init__(self, job: Job, steps: list[int]) -> None:
        self.job, self.steps = job, steps
        saved = job.restore()
        state = {"phase": 0, "finished": [], "learner": None} if saved is None else unpack(saved)
        self.now: int = state["phase"]
        """Index of the training in hand."""
        self.finished: list[dict[str, Any]] = state["finished"]
        """What each finished training was ended with: trees of tensors and plain values."""
        self._learner = None if state["learner"] is None else state["learner"].numpy().tobytes()

    def part(self, prefix: str, words: str, keeps_files: bool) -> "PhaseJob":
        """The job of the training in hand."""
        return PhaseJob(self, prefix, words, keeps_files)

    def end(self, result: dict[str, Any]) -> None:
        """The training in hand is over; go to the next one."""
        self.finished.append(result)
        self.now, self._learner = self.now + 1, None
        if self.now < len(self.steps):
            self.checkpoint(None, 0)

    @property
    def offset(self) -> int:
        """Steps of the finished trainings."""
        return sum(self.steps[: self.now])

    @property
    def total(self) -> int:
        """Steps of all trainings."""
        return sum(self.steps)

    def checkpoint(self, learner: bytes | None, step: int) -> None:
        """Keep all of this, with the state of the learner in hand."""
        state = {
            "phase": self.now,
            "finished": self.finished,
            "learner": None if learner is None else torch.frombuffer(bytearray(learner), dtype=torch.uint8),
        }
        # One more per finished training: the engine takes two deaths at one step for a run that gets no further.
        self.job.checkpoint(pack(state), self.offset + self.now + step)


class PhaseJob:
    """One training's view of the run's job: its series have a prefix, its steps begin at 1; all else is the job's own.

    Args:
        phases: the run.
        prefix: put before the name of every series.
        words: what the progress says of this training.
        keeps_files: whether its files are kept; the trainings that only measure leave none.
    """

    def __init__(self, phases: Phases, prefix: str, words: str, keeps_files: bool) -> None:
        self._phases, self._job, self._prefix, self._words = phases, phases.job, prefix, words
        self._keeps = keeps_files
        self._restores = phases._learner

    def log(self, series: str, step: int, value: float) -> None:
        self._job.log(self._prefix + series, step, value)

    def log_many(self, series: str, steps: Any, values: Any) -> None:
        self._job.log_many(self._prefix + series, steps, values)

    def save(self, name: str, value: Any) -> str:
        return self._job.save(name, value) if self._keeps else name

    def progress(self, done: int, total: int, message: str = "") -> None:
        said = f"{self._words}: {message}" if self._words else message
        self._job.progress(self._phases.offset + done, self._phases.total, said)

    def checkpoint(self, data: bytes, step: int) -> None:
        self._phases.checkpoint(data, step)

    def restore(self) -> bytes | None:
        return self._restores

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)


def plain(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as a checkpoint takes it: arrays become tensors."""
    return {name: torch.as_tensor(value) if hasattr(value, "dtype") else value for name, value in result.items()}
