"""The plan editor of the fine-tuner, and what the plan will do before it runs."""

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from labcore.data import registry
from labcore.errors import UserError
from labcore.figures import fine_tune as figures
from labcore.models import sizes
from labcore.runs.store import Row, open_store
from labcore.specs import FineTuneSpec, Size, Stage
from labcore.training import plans
from labcore.training.schedules import FINE_TUNE_SPREAD
from pages.parts import controls, words
from pages.parts.chart import chart
from pages.parts.theme import palette

GROUPS = ("early body", "late body", "head")
FROZEN = {"nothing": 0, "early body": 1, "early and late body": -1}
"""What a stage may freeze, in words, and as fastai's freeze_to."""
OWN = "own"
TRAIN_SHARE = 0.8
"""Share of a set that teaches, before the run itself says how many."""
BASE_MEGABYTES = 700.0
"""What a worker with its libraries holds before any net (measured on a CPU)."""


@dataclass(frozen=True)
class Facts:
    """What is known of a run's batches and groups: from the run itself, or guessed from the data set's card.

    Attributes:
        train_items: pictures that teach.
        classes: how many.
        guessed: whether no run has told yet.
    """

    train_items: int
    classes: int
    guessed: bool

    def steps_per_epoch(self, batch_size: int) -> int:
        """Batches of one epoch, the last incomplete one left out."""
        return max(1, self.train_items // min(batch_size, self.train_items))


def facts_of(spec: FineTuneSpec, told: dict | None) -> Facts:
    """From the run's own plan file where there is one, else from the card of the data set."""
    if told:
        return Facts(told["train_items"], len(told["classes"]), False)
    known = registry.card(spec.dataset.name)
    items = min(known.items or 1000, spec.dataset.limit or known.items or 1000)
    return Facts(max(2, int(items * TRAIN_SHARE)), known.classes or 2, True)


# The editor


def current() -> tuple[Stage, ...]:
    """The plan of this page now: what was edited, else the link's, else the default.

    Raises:
        UserError: the link's plan makes no sense.
    """
    text = st.session_state.get("plan text")
    if text is None:
        text = st.query_params.get("plan", "")
        st.session_state["plan text"] = text
    return plans.from_text(text) if text else FineTuneSpec().plan


def put(plan: tuple[Stage, ...]) -> None:
    """Replace the plan: the editor starts anew from it."""
    st.session_state["plan text"] = plans.to_text(plan)
    st.session_state["plan edition"] = st.session_state.get("plan edition", 0) + 1
    st.session_state["preset"] = _name_of(plan)


def take_rate() -> None:
    """A rate that another page suggests (``lr`` in the link) becomes the plan's, as fastai's ``fine_tune`` would."""
    told = st.query_params.pop("lr", None)
    if told is None:
        return
    try:
        base = Stage.of({"lr": told}).lr
    except UserError as error:
        st.warning(str(error))
        return
    # Counted as fine_tune does: the frozen rate is halved after unfreezing and spread over the groups.
    head, body = FineTuneSpec().plan
    put((head.but(lr=base), body.but(lr=base / 2, lr_lo=base / 2 / FINE_TUNE_SPREAD)))


def _name_of(plan: tuple[Stage, ...]) -> str:
    return next((one.name for one in plans.PRESETS if one.plan == plan), OWN)


def choose_preset() -> None:
    """Ready-made plans, from the notes and from the lab."""
    titles = {one.name: one.title for one in plans.PRESETS} | {OWN: "Your own plan"}
    st.session_state["preset"] = _name_of(current())

    def taken() -> None:
        if st.session_state["preset"] != OWN:
            put(plans.preset(st.session_state["preset"]).plan)

    st.selectbox(
        "Plan", list(titles), key="preset", format_func=titles.get, on_change=taken,
        help="Ready-made plans of the notes. Change any cell of the table and it is your own.",
    )  # fmt: skip


def editor() -> tuple[Stage, ...]:
    """The stages as a table that can be edited; rows can be added and removed.

    Raises:
        UserError: a row makes no sense; the sentence says which.
    """
    plan = current()
    edition = st.session_state.get("plan edition", 0)
    base = st.session_state.setdefault(f"plan base {edition}", plan)
    edited = st.data_editor(
        _table(base), key=f"plan editor {edition}", num_rows="dynamic", hide_index=True, width="stretch",
        column_config=_columns(),
    )  # fmt: skip
    found = _stages(edited, base)
    text = plans.to_text(found)
    if found != plan:
        st.session_state["plan text"] = text
        st.rerun()  # so that the preset above and the link say what the table says
    if found == FineTuneSpec().plan:
        st.query_params.pop("plan", None)
    elif st.query_params.get("plan") != text:
        st.query_params["plan"] = text
    return found


def _table(plan: tuple[Stage, ...]) -> pd.DataFrame:
    frozen = {freeze: name for name, freeze in FROZEN.items()}
    return pd.DataFrame(
        {
            "stage": list(plans.names_of(plan)),
            "frozen": [frozen.get(stage.freeze_to, frozen[-1 if stage.freeze_to else 0]) for stage in plan],
            "epochs": [stage.epochs for stage in plan],
            "lr": [words.rate(stage.lr) for stage in plan],
            "lr_lo": [_lo_words(stage) for stage in plan],
            "schedule": [stage.schedule for stage in plan],
            "side": [stage.image_size if isinstance(stage.image_size, int) else None for stage in plan],
        }
    ).astype({"side": "Int64"})


def _lo_words(stage: Stage) -> str:
    return "lr / 10" if stage.tenth else words.rate(stage.lr_lo) if stage.lr_lo else "same"


def _columns() -> dict:
    def told(name: str) -> str:
        return controls.help_of(Stage, name)

    column = st.column_config
    schedules = list(Stage.model_fields["schedule"].annotation.__args__)
    return {
        "stage": column.TextColumn("stage", width=90, help=told("name"), max_chars=60),
        "frozen": column.SelectboxColumn(
            "frozen", width=140, options=list(FROZEN), help=told("freeze_to"), default="nothing"
        ),
        "epochs": column.NumberColumn(
            "epochs", width=65, min_value=1, max_value=1000, step=1, help=told("epochs"), default=1
        ),
        "lr": column.TextColumn("lr", width=70, help=told("lr"), default="1e-3"),
        "lr_lo": column.TextColumn("first layers", width=85, default="same", help=(
            "The slice's left end. same: one rate for all. lr / 10: fastai's slice(lr), a tenth for all but the head."
        )),
        "schedule": column.SelectboxColumn(
            "schedule", width=95, options=schedules, help=told("schedule"), default="one_cycle"
        ),
        "side": column.NumberColumn("px", width=55, min_value=32, max_value=512, help=told("image_size")),
    }  # fmt: skip


def _stages(table: pd.DataFrame, base: tuple[Stage, ...]) -> tuple[Stage, ...]:
    shown, stages = _table(base), []
    for row, (index, values) in enumerate(table.iterrows(), 1):
        # A row that was not touched keeps what the table does not show, such as pct_start.
        old = base[index] if isinstance(index, int) and index < len(base) else Stage()
        if isinstance(index, int) and index < len(base) and values.astype(str).equals(shown.loc[index].astype(str)):
            stages.append(old)
            continue
        stages.append(_stage(values, old, row))
    if not stages:
        raise UserError("A plan needs a stage. Add a row, or choose a ready-made plan.")
    if len(stages) > 12:
        raise UserError("A plan has at most 12 stages. Remove some rows.")
    return tuple(stages)


def _stage(values: pd.Series, old: Stage, row: int) -> Stage:
    def text(name: str, missing: str) -> str:
        value = values[name]
        return missing if value is None or pd.isna(value) else str(value).strip()

    lo = text("lr_lo", "same").lower()
    tenth = lo.replace(" ", "") in ("lr/10", "tenth")
    lr, lr_lo = _rate(text("lr", "1e-3"), row), None if tenth or lo in ("same", "", "none", "–") else _rate(lo, row)
    side = values["side"]
    name = text("stage", "")
    changes = {
        "name": old.name if name == f"stage-{row}" else name,
        "freeze_to": FROZEN[text("frozen", "nothing")],
        "epochs": int(values["epochs"]) if not pd.isna(values["epochs"]) else 1,
        "lr": lr,
        "lr_lo": lr_lo,
        "tenth": tenth,
        "schedule": text("schedule", "one_cycle"),
        "image_size": None if side is None or pd.isna(side) else int(side),
    }
    return Stage.of(old.model_dump() | changes)


def _rate(text: str, row: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"Row {row}: {text!r} is no learning rate. Write a number such as 3e-3.") from None


# What it will do


@st.cache_resource(max_entries=64, show_spinner=False)
def _plan_figure(
    plan: str, size: Size, per_epoch: int, groups: tuple[str, ...], step: int | None, colours: tuple[str, ...]
) -> go.Figure:
    # A figure takes as long as the rest of the page, and most clicks change nothing of the plan.
    drawn = plans.preview(plans.from_text(plan), size, per_epoch, len(GROUPS))
    return figures.plan_figure(drawn, groups, step=step, palette=colours, height=360)


def preview_figure(spec: FineTuneSpec, facts: Facts, step: int | None, told: dict | None) -> None:
    """Rate of each group and momentum at every step, with the cursor where the run is."""
    per_epoch = facts.steps_per_epoch(spec.batch_size)
    groups = tuple(told["groups"]) if told else GROUPS
    chart(
        _plan_figure(plans.to_text(spec.plan), spec.image_size, per_epoch, groups, step, palette()),
        key="plan figure",
        config={"displayModeBar": False},
    )


def numbers(spec: FineTuneSpec, facts: Facts) -> None:
    """Parameters that train and that rest, stage by stage; how long and how much memory it will take."""
    known = sizes.counted(spec.arch, facts.classes, spec.head)
    if known is None:
        st.caption(f"How many parameters {spec.arch} has is known after its first run.")
    else:
        rows = []
        for stage, name in zip(spec.plan, plans.names_of(spec.plan), strict=True):
            parts = known.split(stage, spec.frozen_body == "batchnorm_trains")
            cells = {group: _trains(*part) for group, part in zip(GROUPS, parts, strict=True)}
            rows.append({"stage": name, **cells})
        st.table(pd.DataFrame(rows).set_index("stage"))
    st.caption(expected(spec, facts))


def _trains(on: int, off: int) -> str:
    if not on:
        return f"{off:,} frozen"
    return f"{on:,} train" if not off else f"{on:,} train (BatchNorm), {off:,} frozen"


def expected(spec: FineTuneSpec, facts: Facts) -> str:
    """About how long and how much memory, from earlier runs of this net on this machine."""
    shown = facts.steps_per_epoch(spec.batch_size) * min(spec.batch_size, facts.train_items)
    pixels = sum(
        (stage.steps * spec.batch_size if stage.steps else stage.epochs * shown)
        * _area(stage.image_size or spec.image_size)
        for stage in spec.plan
    )
    known = sizes.counted(spec.arch, facts.classes, spec.head)
    largest = max((stage.image_size or spec.image_size for stage in spec.plan), key=_area)
    memory = "" if known is None else (
        f" Memory: about {words.size((BASE_MEGABYTES + known.megabytes(largest, spec.batch_size)) * 1e6)}."
    )  # fmt: skip
    pace = _pixels_per_second(spec)
    if pace is None:
        return f"How long it takes here is known after the first run of {spec.arch}.{memory}"
    return f"Expected: about {words.seconds(pixels / pace)}, judged by the last run of {spec.arch} here.{memory}"


def _area(size: int | tuple[int, int]) -> int:
    return size * size if isinstance(size, int) else size[0] * size[1]


def _pixels_per_second(spec: FineTuneSpec) -> float | None:
    for row in open_store().find(experiment="fine_tune", status=["done"], limit=30):
        if row.spec.get("arch") == spec.arch and row.metrics.get("images_per_second"):
            return row.metrics["images_per_second"] * _mean_area(row)
    return None


def _mean_area(row: Row) -> float:
    before = FineTuneSpec.model_validate(row.spec)
    areas = [(_area(stage.image_size or before.image_size), stage.epochs or 1) for stage in before.plan]
    return sum(area * epochs for area, epochs in areas) / sum(epochs for _, epochs in areas)
