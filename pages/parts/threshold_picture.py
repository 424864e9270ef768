"""One picture taken apart: sigmoid, log and mean with its real numbers, and argmax against threshold."""

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation import multilabel
from labcore.figures import thresholds as figures
from pages.parts.chart import chart
from pages.parts.theme import palette
from pages.parts.threshold_source import Source, gallery_rows, part_of, say_part

TERMS = 3
"""Terms of the mean that are written out."""


def picture_tab(source: Source, thresholds: np.ndarray) -> None:
    """The BCE of one picture label by label, then what argmax would have said of it."""
    rows = gallery_rows(source)
    names = {f"{source.items[row]}": int(row) for row in rows}
    name = st.selectbox("Picture", list(names), key="picture", help="The board’s 24; the most wrong ones first.")
    row = names[name]
    logits = None if source.logits is None else source.logits[row]
    table = multilabel.taken_apart(source.p[row], source.y[row], source.classes, logits)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        picture = source.picture(row)
        if picture is not None:
            st.image(picture, width=260)
        true = [source.classes[k] for k in np.flatnonzero(source.y[row])]
        st.markdown(f"True: **{', '.join(true) or 'none of the labels'}**")
        argmax_or_threshold(source, row, thresholds)
    with right:
        formula(table)
        chart(
            figures.log_figure(table["given_to_truth"], table["loss"], table["label"].tolist(), palette()),
            key="th_log",
            about="Loss against the probability given to the truth",
        )
        st.caption(
            "Why the log? Without it, giving 0.001 to the truth costs hardly more than 0.1. With it, every tenfold "
            "costs the same again, and costs of many labels add up as probabilities multiply."
        )
    shown = table.sort_values("loss", ascending=False, kind="stable")
    shown.columns = ["label", "target", "logit x", "sigmoid(x) = p", "given to the truth", "−log of it"]
    st.dataframe(
        shown,
        hide_index=True,
        column_config=dict.fromkeys(shown.columns[2:], st.column_config.NumberColumn(format="%.4f")),
    )


def formula(table: pd.DataFrame) -> None:
    """Sigmoid, log, mean with this picture's own numbers."""
    first = table.sort_values("loss", ascending=False, kind="stable").iloc[0]
    x, p = first["logit"], first["probability"]
    st.markdown(f"**{first['label']}** costs the most:")
    st.latex(rf"\sigma({x:.2f}) = \frac{{1}}{{1 + e^{{{-x:.2f}}}}} = {p:.4f}")
    if first["target"]:
        st.latex(rf"-\log {p:.4f} = {first['loss']:.4f} \quad\text{{(it is there)}}")
    else:
        st.latex(rf"-\log(1 - {p:.4f}) = {first['loss']:.4f} \quad\text{{(it is not there)}}")
    losses = np.sort(table["loss"].to_numpy())[::-1]
    terms = " + ".join(f"{loss:.3f}" for loss in losses[:TERMS])
    rest = r" + \dots" if len(losses) > TERMS else ""
    st.latex(rf"\text{{BCE}} = \frac{{{terms}{rest}}}{{{len(losses)}}} = {losses.mean():.4f}")
    st.caption(
        "Targets are floats, 0.0 or 1.0, because binary cross-entropy multiplies by them: y·log p + (1 − y)·log(1 − p)."
        " One sigmoid per label, so probabilities need not sum to 1."
    )


def argmax_or_threshold(source: Source, row: int, thresholds: np.ndarray) -> None:
    """What argmax names and what the thresholds say, of this picture and of all."""
    best = source.classes[int(source.p[row].argmax())]
    said = [source.classes[k] for k in np.flatnonzero(source.p[row] > thresholds)]
    st.markdown(f"Argmax: **{best}**, and never more than one.")
    st.markdown(f"Thresholds: **{', '.join(said) or 'none of the labels'}**")
    rows = part_of(source)
    found = multilabel.argmax_against_threshold(source.p[rows], source.y[rows], thresholds)
    say_part(source, rows)
    st.table(
        pd.DataFrame(
            {
                "argmax": [f"{found['labels_argmax']:.2f}", f"{found['f2_argmax']:.4f}"],
                "threshold": [f"{found['labels_threshold']:.2f}", f"{found['f2_threshold']:.4f}"],
            },
            index=[f"labels per picture (true: {found['labels_true']:.2f})", "F2, per picture"],
        )
    )
    st.caption(
        f"Only {found['argmax_complete']:.1%} of the pictures have exactly the one label that argmax names: accuracy "
        "with argmax counts the wrong thing here."
    )
