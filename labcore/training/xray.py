"""The layer-group X-ray: how strongly, and how far from its start, each group of layers moves while it trains."""

import torch
from torch import Tensor, nn

from labcore.models.groups import batchnorms
from labcore.training.learner import Learner

SAMPLES = 120
"""Points per curve: more than an eye tells apart, and few enough that a step between two samples costs nothing."""
SERIES = ("ratio", "distance", "batchnorm")


class XRay:
    """Samples three numbers per parameter group, about ``SAMPLES`` times in a run.

    ``ratio_group_K``: length of one step's change over the length of the weights, the rule of thumb being 1e-3.
    ``distance_group_K``: distance from the starting weights over their length.
    ``batchnorm_group_K``: how far the BatchNorm layers' running means have drifted from the start, in standard
    deviations of the start, mean over channels; only groups that have such layers.

    The numbers stay on the device until the next sample, so that a GPU is not made to wait.

    Args:
        model: with ``groups()``, as it is before training; a copy of its weights is kept.
    """

    def __init__(self, model: nn.Module) -> None:
        self.groups = [list(group) for group in model.groups()]
        self.start = [[p.detach().clone() for p in group] for group in self.groups]
        self.length = [_length(group) for group in self.start]
        place = {id(p): index for index, group in enumerate(self.groups) for p in group}
        self.norms: list[list[tuple[Tensor, Tensor, Tensor]]] = [[] for _ in self.groups]
        for norm in batchnorms(model):
            if norm.weight is not None and norm.running_mean is not None and id(norm.weight) in place:
                spread = (norm.running_var + norm.eps).sqrt()
                start = norm.running_mean.clone()
                self.norms[place[id(norm.weight)]].append((norm.running_mean, start, spread))
        self.before: list[list[Tensor] | None] = []
        self.waiting: tuple[int, list[str], Tensor] | None = None
        self.every = 1

    def before_fit(self, learner: Learner) -> None:
        self.every = max(1, learner.steps_planned // SAMPLES)

    @torch.no_grad()
    def before_step(self, learner: Learner) -> None:
        # Counted from the plan's first step, so that a resumed run samples the same steps.
        if (learner.steps_done + 1) % self.every == 0:
            self.before = [
                [p.detach().clone() for p in group] if any(p.requires_grad for p in group) else None
                for group in self.groups
            ]

    @torch.no_grad()
    def after_step(self, learner: Learner) -> None:
        if not self.before:
            return
        self.write(learner)
        names, values = [], []
        for index, (group, before) in enumerate(zip(self.groups, self.before, strict=True)):
            now = [p.detach() for p in group]
            if before is not None:
                names.append(f"ratio_group_{index}")
                values.append(_length(torch._foreach_sub(now, before)) / _length(now))
            names.append(f"distance_group_{index}")
            values.append(_length(torch._foreach_sub(now, self.start[index])) / self.length[index])
            if self.norms[index]:
                drifts = [((mean - start).abs() / spread).mean() for mean, start, spread in self.norms[index]]
                names.append(f"batchnorm_group_{index}")
                values.append(torch.stack(drifts).mean())
        self.before = []
        self.waiting = learner.steps_done, names, torch.stack(values)

    def write(self, learner: Learner) -> None:
        """Hand the last sample to the job."""
        if self.waiting is not None:
            (step, names, values), self.waiting = self.waiting, None
            for name, value in zip(names, values.tolist(), strict=True):
                learner.job.log(name, step, value)

    before_validate = write
    before_checkpoint = write


def _length(tensors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    """Euclidean length of all values together."""
    if not tensors:
        return torch.ones(())
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(tensors))))
