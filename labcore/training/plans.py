"""Plans of the course notes, and what a plan will do before it runs; numpy alone, so that a page can draw it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labcore.errors import UserError
from labcore.specs import FineTuneSpec, Size, Stage, flatten
from labcore.training.schedules import fine_tune_plan, stage_rates, stage_steps

SMALLEST_SIDE = 64
"""The notes: "when starting small, don't go smaller than 64x64"."""


@dataclass(frozen=True)
class Preset:
    """A ready-made plan.

    Attributes:
        name: fixed name, used in URLs.
        title: for people.
        plan: its stages.
        words: what it shows.
        source: where it comes from.
    """

    name: str
    title: str
    plan: tuple[Stage, ...]
    words: str
    source: str


@dataclass(frozen=True)
class Preview:
    """A plan step by step.

    Attributes:
        lr: float64 [steps, groups]; NaN where a group is frozen.
        momentum: float64 [steps].
        starts: int [stages + 1], first step of each stage and the end.
        sizes: picture size of each stage.
        names: name of each stage.
        trained: bool [stages, groups], which groups train.
    """

    lr: np.ndarray
    momentum: np.ndarray
    starts: np.ndarray
    sizes: tuple[Size, ...]
    names: tuple[str, ...]
    trained: np.ndarray

    @property
    def steps(self) -> int:
        """All batches of the plan."""
        return len(self.momentum)

    def stage_at(self, step: int) -> int:
        """The stage in which a step lies; the last one at the end."""
        return int(np.clip(np.searchsorted(self.starts, step, side="right") - 1, 0, len(self.names) - 1))


def names_of(plan: Sequence[Stage]) -> tuple[str, ...]:
    """The name of each stage: its own, else its number; a name used before gets its number too.

    >>> names_of((Stage(), Stage(name="all"), Stage(name="all")))
    ('stage-1', 'all', 'all-3')
    """
    names: list[str] = []
    for number, stage in enumerate(plan, 1):
        name = stage.name or f"stage-{number}"
        names.append(f"{name}-{number}" if name in names else name)
    return tuple(names)


def first_trained(stage: Stage, groups: int) -> int:
    """Index of the first group that trains, as fastai's ``freeze_to`` counts: negative from the end.

    Raises:
        UserError: nothing is left to train.
    """
    first = stage.freeze_to + groups if stage.freeze_to < 0 else stage.freeze_to
    if not stage.freeze_to < groups:
        raise UserError(
            f"freeze_to {stage.freeze_to} freezes all {groups} parameter groups, so that nothing trains. "
            f"Take at most {groups - 1}, or -1 for all but the head."
        )
    return max(first, 0)


def preview(plan: Sequence[Stage], size: Size, steps_per_epoch: int, groups: int) -> Preview:
    """Rates, momentum and freezing of every step.

    Args:
        plan: the stages.
        size: picture size of stages that name none.
        steps_per_epoch: batches in one epoch.
        groups: parameter groups of the model.

    Raises:
        UserError: a stage trains nothing.
    """
    rates, momenta, trained, starts = [], [], [], [0]
    for stage in plan:
        lr, momentum = stage_rates(stage, stage_steps(stage, steps_per_epoch), groups)
        first = first_trained(stage, groups)
        lr = lr.copy()
        lr[:, :first] = np.nan
        rates.append(lr)
        momenta.append(momentum)
        trained.append(np.arange(groups) >= first)
        starts.append(starts[-1] + len(momentum))
    return Preview(
        lr=np.concatenate(rates),
        momentum=np.concatenate(momenta),
        starts=np.asarray(starts),
        sizes=tuple(stage.image_size or size for stage in plan),
        names=names_of(plan),
        trained=np.stack(trained),
    )


def _head(**changes) -> Stage:
    return Stage(**{"name": "head", "freeze_to": -1, "epochs": 3, "lr": 3e-3, "tenth": True} | changes)


def _sizes(*sides: int) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    for side in sides:
        stages.append(_head(name=f"head-{side}", epochs=2, image_size=side))
        stages.append(Stage(name=f"all-{side}", epochs=3, lr=2e-3, lr_lo=2e-5, image_size=side))
    return tuple(stages)


NOTES = "course-v4, 05_pet_breeds"
PRESETS: tuple[Preset, ...] = (
    Preset(
        "lab",
        "Head, then slice",
        (_head(epochs=1), Stage(name="all", epochs=9, lr=2e-2, lr_lo=4e-3)),
        "The notes' plan at rates for a small net whose features know less than a ResNet's: all of it has to move.",
        "after " + NOTES,
    ),
    Preset(
        "discriminative",
        "Notes: 3 + 12, slice",
        (_head(), Stage(name="all", epochs=12, lr=1e-4, lr_lo=1e-6)),
        "Early layers get a hundredth of the head's rate.",
        f"{NOTES}, cell 59: error 5.4 %",
    ),
    Preset(
        "uniform",
        "Notes: 3 + 6, one rate",
        (_head(), Stage(name="all", epochs=6, lr=1e-5)),
        "After unfreezing every layer gets the same, small rate.",
        f"{NOTES}, cell 57: error 6.0 %",
    ),
    Preset(
        "frozen",
        "Notes: head alone",
        (_head(),),
        "The body stays as it came. How far does that carry?",
        f"{NOTES}, cell 54: error 7.4 %",
    ),
    Preset(
        "fine_tune",
        "Notes: fine_tune(6)",
        fine_tune_plan(6, freeze_epochs=3),
        "fastai's recipe in one call: the frozen rate is halved and spread over the groups.",
        f"{NOTES}, cell 63, with resnet50 in half precision: error 5.5 %",
    ),
    Preset(
        "progressive",
        "Growing pictures",
        _sizes(64, 128, 256),
        "The same weights meet a new data set at each size: freeze first, then unfreeze, never below 64 pixels.",
        "lesson 3 notes; course-v3, lesson3-planet",
    ),
    Preset(
        "diverge",
        "Too high on purpose",
        fine_tune_plan(1, base_lr=0.1),
        "What divergence looks like: the loss goes up and stays there.",
        f"{NOTES}, cell 48: error 83 %",
    ),
)
"""The plans on offer; the first is the default."""


def preset(name: str) -> Preset:
    """The preset of that name. Raises UserError where there is none."""
    for one in PRESETS:
        if one.name == name:
            return one
    raise UserError(f"There is no plan {name!r}. Choose among: {', '.join(one.name for one in PRESETS)}.")


def to_text(plan: Sequence[Stage]) -> str:
    """A plan as one line for links: what differs from a plain stage, stages parted by semicolons.

    >>> to_text((Stage(name="head", freeze_to=-1, epochs=3, lr=3e-3), Stage(lr=1e-4, lr_lo=1e-6)))
    'name=head,freeze_to=-1,epochs=3,lr=0.003;lr=0.0001,lr_lo=1e-06'
    """
    plain = Stage().model_dump()
    return ";".join(
        ",".join(f"{name}={_word(value)}" for name, value in stage.model_dump().items() if value != plain[name])
        or "epochs=1"
        for stage in plan
    )


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    # Separators inside a name would end it.
    return str(value).replace(",", " ").replace(";", " ").replace("=", " ")


def from_text(text: str) -> tuple[Stage, ...]:
    """The plan of a line as ``to_text`` writes it.

    Raises:
        UserError: it is no such line, or a stage makes no sense.
    """
    stages = []
    for part in text.split(";"):
        pairs = [pair.partition("=") for pair in part.split(",") if pair.strip()]
        if not pairs or any(not equals for _, equals, _ in pairs):
            raise UserError(f"{part!r} is no stage of a plan. Write field=value, parted by commas, such as lr=0.003.")
        stages.append(Stage.of({name.strip(): value.strip() for name, _, value in pairs}))
    return tuple(stages)


def differences(one: FineTuneSpec, other: FineTuneSpec) -> list[tuple[str, str, str]]:
    """(what, here, there) for everything in which two specs differ, stage by stage."""
    mine, theirs = flatten(one), flatten(other)
    rows = [
        (name, _shown(mine[name]), _shown(theirs[name]))
        for name in mine
        if name != "plan" and mine[name] != theirs[name]
    ]
    names, other_names = names_of(one.plan), names_of(other.plan)
    for index in range(max(len(one.plan), len(other.plan))):
        if index >= len(one.plan):
            rows.append((f"stage {other_names[index]}", "not there", to_text([other.plan[index]])))
        elif index >= len(other.plan):
            rows.append((f"stage {names[index]}", to_text([one.plan[index]]), "not there"))
        else:
            before, after = one.plan[index].model_dump(), other.plan[index].model_dump()
            rows += [
                (f"stage {names[index]}: {field}", _shown(before[field]), _shown(after[field]))
                for field in before
                if before[field] != after[field]
            ]
    return rows


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
