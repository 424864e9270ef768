"""Reading a finished run: confusion, pairs, classes, top losses, epochs, and what its curves say is wrong with it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from labcore.data import block, registry
from labcore.evaluation import classification, symptoms
from labcore.figures import fine_tune as figures
from labcore.runs.store import Row
from labcore.specs import DatasetSpec, FineTuneSpec, Size
from pages.parts import ft_plan, run_panel, words
from pages.parts.chart import chart
from pages.parts.ft_live import artifact, gallery
from pages.parts.theme import palette

PER_CELL = 12
TOP = 12
SIGNS = {
    "rate_too_high": "Rate too high",
    "rate_too_low": "Rate too low",
    "underfitting": "Underfitting",
    "overfitting": "Overfitting",
    "good_rate": "A good top rate",
}


@dataclass(frozen=True)
class Result:
    """A finished run's predictions and what is needed to show them.

    Attributes:
        probs: [n, classes].
        targets: [n].
        rows: [n] rows of the data set.
        items: [n] their names.
        classes: vocabulary.
        plan: the run's plan file.
    """

    row: Row
    spec: FineTuneSpec
    probs: np.ndarray
    targets: np.ndarray
    rows: np.ndarray
    items: np.ndarray
    classes: tuple[str, ...]
    plan: dict[str, Any]


def result_of(row: Row) -> Result | None:
    """Everything on a finished run; None where it left no predictions."""
    found, plan = artifact(row, "predictions.npz"), artifact(row, "plan.json")
    if found is None or plan is None:
        return None
    return Result(
        row, FineTuneSpec.model_validate(row.spec), found["probs"], found["targets"], found["rows"], found["items"],
        tuple(str(name) for name in found["classes"]), plan,
    )  # fmt: skip


@st.cache_resource(max_entries=4, show_spinner="Opening the pictures")
def _images(dataset: str, size: Size, fingerprint: str) -> np.ndarray:
    return block.load(DatasetSpec.model_validate_json(dataset), size).images


def pictures(result: Result, places: np.ndarray) -> np.ndarray:
    """uint8 [n, H, W, 3], the pictures at some places of the valid set; embedded sets at the size they were drawn."""
    dataset = result.spec.dataset
    native = registry.card(dataset.name).native
    size = native or result.spec.plan[-1].image_size or result.spec.image_size
    images = _images(dataset.model_dump_json(), size, registry.fingerprint(dataset))
    return np.asarray(images[result.rows[places]])


def confusion_tab(result: Result) -> None:
    """The matrix; a click on a cell shows its pictures. Then the pairs, which say more where classes are many."""
    matrix = classification.confusion_matrix(result.probs.argmax(axis=1), result.targets, len(result.classes))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        drawn = figures.confusion_figure(matrix, result.classes, palette=palette())
        event = chart(
            drawn,
            key="confusion",
            about="Confusion: true classes against answers",
            on_select="rerun",
            selection_mode="points",
        )
    with right:
        pairs = classification.most_confused(matrix, result.classes)
        st.subheader("Most confused")
        st.caption("With many classes this list says more than the matrix.")
        table = pd.DataFrame(pairs[:15], columns=["is", "was taken for", "times"])
        picked = st.dataframe(
            table, hide_index=True, on_select="rerun", selection_mode="single-row", key="pairs", width="stretch"
        )
    cell = _cell(event, picked, pairs, result.classes)
    if cell is None:
        st.caption("Click a cell, or a pair, and see its pictures.")
        return
    places = classification.cell_rows(result.probs, result.targets, *cell)[:PER_CELL]
    actual, said = (result.classes[index] for index in cell)
    st.markdown(f"**{actual}**, answered **{said}**: {matrix[cell]} of {matrix[cell[0]].sum()}")
    gallery(pictures(result, places), [f"{result.probs[p, cell[1]]:.0%} sure" for p in places])


def _cell(
    event: Any, picked: Any, pairs: list[tuple[str, str, int]], classes: tuple[str, ...]
) -> tuple[int, int] | None:
    points = event.selection.points if event else []
    if points and "customdata" in points[0]:
        data = points[0]["customdata"]
        values = list(data.values()) if isinstance(data, dict) else list(data)
        return int(values[0]), int(values[1])
    rows = picked.selection.rows if picked else []
    if rows:
        actual, said, _ = pairs[rows[0]]
        return classes.index(actual), classes.index(said)
    return None


def classes_tab(result: Result) -> None:
    """One row per class, worst first."""
    matrix = classification.confusion_matrix(result.probs.argmax(axis=1), result.targets, len(result.classes))
    table = classification.per_class(matrix, result.classes)
    share = st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent")
    st.dataframe(
        table, hide_index=True, width="stretch", height=min(38 * (len(table) + 1), 700),
        column_config=dict.fromkeys(("error_rate", "precision", "recall", "f1"), share)
        | {"taken_for": st.column_config.TextColumn("most often taken for")},
    )  # fmt: skip
    st.caption("Recall: how many of the class were found. Precision: how many of those called so are. f1: both in one.")


def losses_tab(result: Result) -> None:
    """Where it was most wrong, and how surely."""
    table = classification.top_losses(result.probs, result.targets, result.classes, TOP)
    places = table["row"].to_numpy()
    texts = [
        f"said {one.said}, {one.surely:.0%} sure; is {one.actual} ({one.given_actual:.1%}); loss {one.loss:.2f}"
        for one in table.itertuples()
    ]
    st.caption("The highest losses of the valid set. A high loss is a sure mistake, a wrong label, or an odd picture.")
    gallery(pictures(result, places), texts, 4)


def epochs_tab(result: Result) -> None:
    """The epoch chooser, and a button that trains again with as many."""
    series = run_panel.series_of(result.row)
    if "error_rate" not in series or len(series["error_rate"].values) < 2:
        st.info("An epoch chooser needs two epochs or more.")
        return
    last = result.plan["stages"][-1]
    curve = series["error_rate"]
    inside = curve.steps > last["first_step"]
    choice = classification.choose_epochs(curve.values[inside], result.plan["valid_items"])
    st.markdown(f"**Stage {last['name']}.** {choice.sentence}")
    chart(
        figures.race_figure(
            {f"stage {last['name']}": curve.values[inside]}, baseline=result.row.metrics.get("baseline_error_rate"),
            palette=palette(),
        ),
        key="epochs figure", about="Error rate by epoch",
    )  # fmt: skip
    st.caption(
        "Train again rather than cut off: one-cycle's rate has to come down within the epochs that you give it. A step "
        f"of less than {choice.within:.1%} is noise: one standard error of the best."
    )
    if choice.stalled:
        plan = (*result.spec.plan[:-1], result.spec.plan[-1].but(epochs=choice.epochs))
        st.button(
            f"Take {choice.epochs} epochs",
            key="take epochs",
            icon=":material/timer:",
            on_click=ft_plan.put,
            args=(plan,),
        )


def stretches_of(row: Row, plan: dict[str, Any]) -> list[symptoms.Stretch]:
    """A run's curves, stage by stage."""
    series = run_panel.series_of(row)
    needed = ("train_loss", "lr", "valid_loss", "error_rate")
    if any(name not in series for name in needed):
        return []
    stretches = []
    for stage in plan["stages"]:
        first, end = stage["first_step"], stage["first_step"] + stage["train_steps"]

        def within(name: str, first: int = first, end: int = end) -> tuple[np.ndarray, np.ndarray]:
            curve = series[name]
            mask = (curve.steps > first) & (curve.steps <= end)
            return curve.steps[mask], curve.values[mask]

        steps, losses = within("train_loss")
        ends, valid = within("valid_loss")
        means = [
            losses[(steps > start) & (steps <= stop)].mean() for start, stop in zip([first, *ends], ends, strict=False)
        ]
        stretches.append(
            symptoms.Stretch(
                name=stage["name"], train_loss=losses, lr=within("lr")[1], valid_loss=valid,
                error_rate=within("error_rate")[1], train_loss_epoch=np.asarray(means), frozen=stage["freeze_to"] == -1,
            )
        )  # fmt: skip
    return stretches


def symptoms_tab(result: Result) -> None:
    """What the notes would say of these curves, with the numbers."""
    plain = result.row.metrics.get("train_loss_plain")
    for found in symptoms.read(stretches_of(result.row, result.plan), len(result.classes), plain):
        good = found.sign == "good_rate"
        icon = ":material/thumb_up:" if good else ":material/warning:" if found.present else ":material/check:"
        show = st.success if good else st.warning if found.present else st.info
        verdict = "" if good else ": yes" if found.present else ": no sign of it"
        remedies = "".join(f"\n- {remedy}" for remedy in found.remedies)
        show(f"**{SIGNS[found.sign]}{verdict}.** {found.evidence}{remedies}", icon=icon)
    st.caption(
        f"Training loss measured like the valid loss, without dropout and augmentation: {words.number(plain)}. "
        f"Guessing among {len(result.classes)} classes has a loss of {np.log(len(result.classes)):.2f}."
    )


VIEWS = {
    "Symptoms": symptoms_tab,
    "Confusion": confusion_tab,
    "Top losses": losses_tab,
    "Classes": classes_tab,
    "Epochs": epochs_tab,
}


def reading_tab(result: Result) -> None:
    """All readings, one at a time."""
    view = st.segmented_control(
        "Reading", list(VIEWS), default="Symptoms", required=True, key="reading", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    VIEWS[view](result)
