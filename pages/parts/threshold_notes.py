"""The notes' questions on multi-label learning and thresholds, answered with the numbers at hand."""

import numpy as np
import streamlit as st

from labcore.data import registry
from labcore.evaluation import multilabel
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.threshold_metrics import parse
from labcore.evaluation.tune import Tuned
from pages.parts.threshold_source import Source


def notes_tab(source: Source, tuned: Tuned, dataset: str) -> None:
    """Questions and answers, and where the data is from."""
    p, y = source.p, source.y
    at_notes = parse("accuracy").score(p, y, multilabel.NOTES_THRESHOLD)
    nothing = float((~y).mean())
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Why not accuracy?")
        st.markdown(
            "Accuracy takes the argmax: one label per picture. Several labels need one yes or no each, so "
            "`accuracy_multi` counts answers. Mind what it is worth: **saying nothing at all** already gets "
            f"**{nothing:.3f}** here, since most labels are absent from most pictures; the net at 0.2 gets "
            f"**{at_notes:.3f}**."
        )
        st.subheader("What does thresh=0.2 mean?")
        st.markdown(
            "Every label whose probability lies above 0.2 is said. F2 counts a miss about four times a false alarm, so "
            f"its best threshold is low: here **{tuned.global_threshold:.3f}** for {tuned.metric.title}."
        )
        st.subheader("How do I get the best threshold?")
        grid = tuned.notes_curve
        place = sweep.best_place(grid, smallest=tuned.metric.smallest) if not np.isnan(grid).all() else 0
        st.markdown(
            f"The notes try 29 values from 0.05 to 0.95; the best of them here is "
            f"{sweep.NOTEBOOK_GRID[place]:.3f} with {grid[place]:.4f}. Sorting once gives the score at every distinct "
            f"threshold, for less: {tuned.scores['global']:.4f} at {tuned.global_threshold:.3f}."
        )
    with right:
        st.subheader("Why partial, why fix an argument?")
        st.markdown(
            "The trainer calls `metric(predictions, targets)` and nothing else, so the threshold is fixed before:"
        )
        st.code(
            "f2 = partial(fbeta, thresh=0.2, beta=2)\nlearn = vision_learner(dls, resnet50, metrics=f2)",
            language="python",
        )
        st.subheader("F2 in three averages")
        st.latex(r"F_2 = \frac{5\,TP}{5\,TP + 4\,FN + FP}")
        f2 = multilabel.averaged(p, y, tuned.global_threshold)
        st.markdown(
            f"Per picture **{f2['samples']:.4f}** (Planet’s, fastai v1’s), mean of labels **{f2['macro']:.4f}** "
            f"(fastai v2’s default: rare labels count as much as frequent ones), all answers "
            f"together **{f2['micro']:.4f}**. "
            "Never compare one with another."
        )
        st.subheader("Did we overfit the threshold?")
        st.markdown(
            "One threshold for all: hardly, even from 200 pictures. One per label on few pictures: yes, it looks "
            "better than it is. See *Honest*, where both are measured on these very predictions."
        )
    if dataset:
        card = registry.card(dataset)
        kind = "embedded (synthetic) data" if card.kind == "embedded" else card.licence
        st.caption(f"{card.title}: {card.citation} {kind}.")
