"""What the notes say and ask about regression to points, with this run's numbers; the notebooks' stored results."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from labcore.data import registry
from labcore.figures import head_pose_lessons as figures
from labcore.runs.store import Row
from labcore.specs import HeadPoseSpec
from pages.parts import words
from pages.parts.chart import chart
from pages.parts.pose_live import TWIN, measured
from pages.parts.theme import palette


@dataclass(frozen=True)
class Stored:
    """What a notebook's own runs ended at: valid MSE of coordinates from -1 to 1, person 13 of BIWI held out."""

    name: str
    lowest: float
    highest: float
    where: str


STORED = (
    Stored("v4: resnet18, 240x320, fine_tune(3, 1e-2)", 1.0e-4, 1.0e-4, "course-v4 06_multicat, cell 63: one run"),
    Stored(
        "v3: resnet34, 120x160, 5 x slice(2e-2)", 3.8e-4, 2.77e-3,
        "course-v3 lesson3-head-pose, cell 21: 2.77e-3 as stored; 3.8e-4 the same cell in the lecture (Hiromi’s notes)",
    ),
)  # fmt: skip
SPREAD = STORED[1].highest / STORED[1].lowest
"""Two runs of one cell, without seeds."""


def notes(spec: HeadPoseSpec, row: Row | None, told: dict[str, Any]) -> None:
    """The idea, the formulas, the questions, the stored results, and where the data is from."""
    metrics = row.metrics if row else {}
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("The idea")
        st.markdown(
            "A net that was trained to **classify** is taught to **point**: *we used a pre-trained model, which did a "
            "classification task. But it works well when you do regression with it*, since what it knows are features: "
            "edges, textures, shadows, parts. New are the head (two numbers per point instead of classes) and the loss."
        )
        st.subheader("Targets from −1 to 1")
        st.latex(r"x' = 2\,\frac{x}{\mathrm{width}} - 1, \qquad y' = 2\,\frac{y}{\mathrm{height}} - 1")
        size = told.get("original_size")
        if size:
            st.markdown(
                f"Pictures here are {size[1]} x {size[0]}: one pixel across is {2 / size[1]:.4f}, and an error "
                "of 0.01 in both "
                f"is {0.005 * size[1]:.1f} px and {0.005 * size[0]:.1f} px."
            )
        st.subheader("The loss")
        st.latex(r"\mathrm{MSE} = \tfrac{1}{2NP}\sum (x' - \hat x')^2 + (y' - \hat y')^2")
        if metrics.get("mse") is not None:
            root = metrics["mse"] ** 0.5
            pixels = f", about {root * size[1] / 2:.1f} px across" if size and spec.target == "points" else ""
            st.markdown(
                f"This run: **{metrics['mse']:.2e}**, so a root mean square of {root:.3f}{pixels}. The median error is "
                f"{measured(metrics.get('pixel_error_median'), spec)}: a mean of squares is moved by few far misses, a "
                "median is not."
            )
    with right:
        st.subheader("Why hold out a person?")
        st.markdown(
            "*It's continuous frames, so if you just select random data, it would be overestimated.* "
            + (
                f"Here by {metrics['leak_ratio']:.1f} times: {measured(metrics['pixel_error_median'], spec)} "
                "on new people, "
                f"{measured(metrics[f'{TWIN}pixel_error_median'], spec)} on random frames."
                if metrics.get("leak_ratio")
                else "Train “by person, and at random” to see by how much."
            )
        )
        st.subheader("Interpretation for regression?")
        st.markdown(
            "*“When you have many categories, use most_confused. No way to see with a regression model?”* "
            "fastai draws top "
            "losses for classes, several labels and masks, and has none for points. Here *Errors* does: where "
            "predictions "
            "land, target against prediction, errors per person and pose, the worst pictures."
        )
        st.subheader("What does y_range do?")
        bounds = (
            "nothing: it is off"
            if spec.y_range is None
            else f"keeps every number between {spec.y_range[0]:g} and {spec.y_range[1]:g}"
        )
        st.latex(r"\hat y = lo + (hi - lo)\,\sigma(a)")
        st.markdown(
            f"Here it {bounds}. The notebook takes (−1, 1); a sigmoid never reaches its ends, so a little more "
            "leaves room for "
            "points at the picture's edge. *Why MSE* lets you drag it."
        )
    stored_results(spec, row)
    known = registry.card(spec.dataset.name)
    kind = " Embedded (synthetic) data." if known.kind == "embedded" else ""
    st.caption(f"{known.title}. {known.citation} Licence: {known.licence}.{kind}")


def stored_results(spec: HeadPoseSpec, row: Row | None) -> None:
    """The notebooks' runs as bands, this run's numbers beside them, and what differs."""
    st.subheader("The notebooks' own results")
    metrics = row.metrics if row else {}
    here = {}
    if spec.target == "points" and metrics.get("mse") is not None:
        here["this run, new people"] = metrics["mse"]
        if metrics.get(f"{TWIN}mse") is not None:
            here["this run, random frames"] = metrics[f"{TWIN}mse"]
    chart(
        figures.band_figure({one.name: (one.lowest, one.highest) for one in STORED}, here, palette=palette()),
        key="stored band", about="Loss of this run beside the notebooks'",
    )  # fmt: skip
    same = spec.dataset.name == "biwi"
    st.markdown(
        f"Two runs of **one and the same cell** differ {SPREAD:.0f} times, without seeds and with one person "
        "held out: a "
        "single number of theirs is no target, the band is. "
        + (
            "Data as theirs; a net of another size or another picture size still differs."
            if same
            else "They are BIWI's (person 13 held out), this run is on "
            f"{registry.card(spec.dataset.name).title}: the same "
            "kind of task, not the same one. Read the spread, not the distance."
        )
    )
    st.caption("; ".join(f"{one.name}: {one.where}" for one in STORED) + ". "
               f"This run: {words.number(metrics.get('mse'))}.")  # fmt: skip
