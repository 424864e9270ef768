"""Views of predictions at the present thresholds: how far to trust them, curves, tables, calibration, mistakes."""

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation import calibration, honest_threshold, label_mistakes, multilabel
from labcore.evaluation import thresholds as sweep
from labcore.evaluation.tune import BAND, REPEATS, Tuned
from labcore.figures import thresholds as figures
from pages.parts.chart import chart
from pages.parts.theme import palette
from pages.parts.threshold_source import Source, baselines_of, part_of, say_part

FITTED_ANSWERS = 1_000_000
"""A temperature is one number: more answers move it in the fourth digit, and the fit looks at them sixty times."""
SIZES = (25, 50, 100, 200, 500, 1000, 2000, 5000)
SIZE_REPEATS = 10
DRAWN_LABELS = 5
PICTURES = 12


# How far to trust it


@st.cache_resource(max_entries=16, show_spinner="Choosing on parts of every size …")
def _sizes(source_id: str, metric: str, _source: Source, _tuned: Tuned):
    rows = part_of(_source, max(60, 200_000 // len(_source.classes)))
    sizes = [size for size in SIZES if size <= 0.8 * len(rows)]
    return honest_threshold.pays_from(
        _source.p[rows], _source.y[rows], sizes, metric=_tuned.metric, repeats=SIZE_REPEATS
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _exact(source_id: str, metric: str, _source: Source, _tuned: Tuned):
    rows = part_of(_source, max(60, 2_000_000 // len(_source.classes)))
    grid = sweep.every_threshold(_source.p[rows])
    return grid, _tuned.metric.curve(_source.p[rows], _source.y[rows], grid)


def honest_tab(source: Source, tuned: Tuned) -> None:
    """Choose on one half, score on the other: optimism, bands, and from how many pictures per-class pays."""
    if not tuned.trust:
        st.info("A single item: nothing can be held out, so nothing can be said of fresh ones.", icon=":material/info:")
        return
    metric = tuned.metric
    rows = []
    for way, name in (("global", "one for all"), ("per_class", "one per label")):
        low, high = tuned.expected_band(way)
        rows.append(
            {
                "threshold": name,
                "seen while choosing (half)": f"{np.nanmean(tuned.trust[way].seen):.4f}",
                "on the other half: report this": f"{tuned.expected_of(way):.4f}",
                f"{BAND:.0%} of splits": f"{low:.4f} to {high:.4f}",
                "optimism": f"{tuned.trust[way].optimism:+.4f}",
            }
        )
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Does choosing the best overfit?")
        st.table(pd.DataFrame(rows).set_index("threshold"))
        better = "One threshold per label" if tuned.per_class_pays else "One threshold for all"
        st.markdown(
            f"**{better} does better on fresh pictures.** Each number is the mean of {REPEATS} random splits: chosen "
            "on one half, scored on the other, so what is reported was never tuned on. The notes asked whether picking "
            "the best of many thresholds overfits: the optimism is the answer, in numbers."
        )
        whole = tuned.global_bootstrap.band(BAND)
        (low,), (high,) = whole[0]
        st.markdown(
            f"The best threshold for all, {tuned.global_threshold:.3f}, was anywhere from **{low:.3f} to {high:.3f}** "
            f"on resampled pictures ({BAND:.0%} of {len(tuned.global_bootstrap.scores):,} bootstraps), with a score "
            f"from {whole[1][0, 0]:.4f} to {whole[1][1, 0]:.4f}."
        )
        grid, scores = _exact(source.id, metric.name, source, tuned)
        notes = sweep.NOTEBOOK_GRID, tuned.notes_curve
        drawn = figures.sweep_figure(
            grid, scores, notes, metric.title, chosen=tuned.global_threshold, band=(low, high),
            baselines=baselines_of(source, metric), palette=palette(),
        )  # fmt: skip
        chart(drawn, key="th_sweep", about="Score against the threshold")
        if tuned.exact:
            st.caption(
                f"Best of every distinct threshold: {tuned.exact[1]:.6f} at {tuned.exact[0]:.5f}; three decimals give "
                f"{tuned.scores['global']:.6f}. The shaded band is the bootstrap's."
            )
    with right:
        st.subheader("From how many pictures does per-label pay?")
        first, at = _sizes(source.id, metric.name, source, tuned)
        if at:
            chart(
                figures.trust_figure(at, metric.title, palette()),
                key="th_sizes",
                about="What one threshold per label gains, by the pictures it is chosen on",
            )
            st.markdown(
                f"On these predictions one threshold per label pays from **about {first:,} pictures** to choose on."
                if first
                else f"Up to {max(at):,} pictures to choose on, one threshold per label **never paid** here: rare "
                "labels have too few examples to choose by."
            )
        else:
            st.caption("Too few items to choose on parts of several sizes.")
        st.table(_bands(tuned), height=420)


def _bands(tuned: Tuned) -> pd.DataFrame:
    (low, high), (worst, best) = tuned.class_bootstrap.band(BAND)
    rows = []
    for column, name in enumerate(tuned.classes):
        known = np.isfinite(low[column])
        rows.append(
            {
                "label": name,
                "true": f"{tuned.positives[column]:,}",
                "own best": f"{tuned.class_thresholds[column]:.3f}" if known else "undefined",
                "its band": f"{low[column]:.3f} to {high[column]:.3f}" if known else "undefined",
                "score": f"{worst[column]:.3f} to {best[column]:.3f}" if known else "undefined",
                "": "uncertain" if tuned.positives[column] < multilabel.FEW_POSITIVES else "",
            }
        )
    return pd.DataFrame(rows).set_index("label")


# Curves, tables


def _labels_picked(source: Source, key: str) -> list[int]:
    order = np.argsort(-source.y.sum(0), kind="stable")
    default = [source.classes[k] for k in order[:DRAWN_LABELS]]
    picked = st.multiselect("Labels", source.classes, default=default, key=key, max_selections=8)
    return [source.classes.index(name) for name in picked]


def curves_tab(source: Source, thresholds: np.ndarray) -> None:
    """Precision-recall and ROC of chosen labels."""
    rows = part_of(source)
    say_part(source, rows)
    p, y = source.p[rows], source.y[rows]
    pr, roc, points, undefined = {}, {}, {}, []
    for column in _labels_picked(source, "curve labels"):
        name, values, truth = source.classes[column], p[:, column], y[:, column]
        if truth.all() or not truth.any():
            undefined.append(name)
            continue
        precisions, recalls, _ = multilabel.pr_curve(values, truth)
        pr[name] = (recalls, precisions, truth.mean())
        wrong, right, _ = multilabel.roc_curve(values, truth)
        roc[name] = (wrong, right, multilabel.roc_auc(values, truth))
        said = values > thresholds[column]
        if said.any():
            points[name] = ((said & truth).sum() / truth.sum(), (said & truth).sum() / said.sum())
    if undefined:
        st.caption(f"Undefined, since all examples are alike: {', '.join(undefined)}.")
    left, right = st.columns(2)
    with left:
        chart(figures.pr_figure(pr, points, palette()), key="th_pr", about="Precision against recall")
    left.caption("Dots: the present thresholds. Dotted: each label's share, which guessing reaches.")
    with right:
        chart(figures.roc_figure(roc, palette()), key="th_roc", about="True alarms against false alarms")
    right.caption("For rare labels ROC flatters: a hundred false alarms hardly move it. Precision shows them.")


def tables_tab(source: Source, thresholds: np.ndarray, beta: float) -> None:
    """The 2 x 2 table of every label, and the pictures behind any cell."""
    rows = part_of(source)
    say_part(source, rows)
    table = multilabel.per_class(source.p[rows], source.y[rows], thresholds, source.classes, beta or 2.0)
    shown = table.rename(
        columns={"f": f"F{beta or 2:g}", "average_precision": "average precision", "roc_auc": "ROC area"}
    )
    floats = ["precision", "recall", f"F{beta or 2:g}", "average precision", "ROC area"]
    for name in floats:
        shown[name] = [f"{value:.3f}" if np.isfinite(value) else "undefined" for value in shown[name]]
    shown["threshold"] = shown["threshold"].map("{:.3f}".format)
    shown["few"] = np.where(shown["few"], "uncertain", "")
    st.dataframe(shown, hide_index=True, height=min(640, 38 + 35 * len(shown)), column_config={"few": ""})
    behind_a_cell(source, thresholds)


CELL_WORDS = {"fp": "said wrongly", "fn": "missed", "tp": "said rightly", "tn": "rightly not said"}


def behind_a_cell(source: Source, thresholds: np.ndarray) -> None:
    """The pictures of one cell of one label's table."""
    st.subheader("The pictures behind a cell")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Label", source.classes, key="cell label", bind="query-params")
        cell = st.segmented_control(
            "Cell", list(CELL_WORDS), default="fp", required=True, key="cell", bind="query-params",
            format_func=lambda one: f"{one.upper()}: {CELL_WORDS[one]}",
        )  # fmt: skip
    column = source.classes.index(name)
    at = source.pictured
    one = [column]  # of the one label: a table of a million items is not copied for it
    values, truths = source.p[:, one][at], source.y[:, one][at]
    found = at[label_mistakes.cell_rows(values, truths, thresholds[column], 0, cell)]
    st.caption(f"{len(found):,} pictures of {name} {CELL_WORDS[cell]}; the plainest first.")
    show_pictures(source, found[:PICTURES], lambda row: f"{name} {source.p[row, column]:.2f}")


def show_pictures(source: Source, rows: np.ndarray, words) -> None:
    """Some pictures with a line below each; ids where there are no pictures."""
    if source.pictures is None:
        table = [{"item": str(source.items[row]), "says": words(row), "true": _true(source, row)} for row in rows]
        st.dataframe(pd.DataFrame(table), hide_index=True)
        return
    with st.container(horizontal=True):
        for row in rows:
            picture = source.picture(int(row))
            with st.container(width=150):
                if picture is not None:
                    st.image(picture, width=150)
                st.caption(f"{words(row)} · true: {_true(source, row)}")


def _true(source: Source, row: int) -> str:
    return ", ".join(source.classes[k] for k in np.flatnonzero(source.y[row])) or "none of the labels"


# Calibration


def calibration_tab(source: Source) -> None:
    """Whether 0.7 means seven in ten, and what one temperature mends."""
    if len(source) < 4:
        st.info("Too few items to fit a temperature on one half and look at the other.", icon=":material/info:")
        return
    choice = st.selectbox("Answers on", ["all labels", *source.classes], key="calibrated")
    width = len(source.classes) if choice == "all labels" else 1
    rows = part_of(source, max(1000, FITTED_ANSWERS // width))
    say_part(source, rows)
    columns = slice(None) if choice == "all labels" else [source.classes.index(choice)]
    found = calibration.calibrate(source.p[rows][:, columns], source.y[rows][:, columns])
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(
            figures.calibration_figure(found, palette()),
            key="th_calibration",
            about="How often it is right against how sure it is",
        )
    with right:
        st.metric("Temperature", f"{found.temperature:.3f}")
        st.metric(
            "Calibration error, held-out half",
            f"{found.after.error:.4f}",
            f"{found.after.error - found.before.error:+.4f}",
            "inverse",
        )
        st.metric(
            "BCE, held-out half", f"{found.loss_after:.4f}", f"{found.loss_after - found.loss_before:+.4f}", "inverse"
        )
        sure = "too sure" if found.temperature > 1 else "not sure enough"
        st.markdown(
            f"The net is **{sure}**: its logits are divided by {found.temperature:.2f} (Guo et al. 2017, "
            "arXiv:1706.04599). The temperature was fitted on one half and is judged on the other. It changes no "
            "order, so no curve above moves, but a given threshold then lies elsewhere on it."
        )
        moved = float(calibration.scaled(multilabel.NOTES_THRESHOLD, found.temperature))
        st.caption(f"The notes’ threshold of {multilabel.NOTES_THRESHOLD} stands at {moved:.3f} after scaling.")


# Mistakes


def mistakes_tab(source: Source, thresholds: np.ndarray) -> None:
    """Mistakes that come together: what is said in the place of what."""
    rows = part_of(source)
    say_part(source, rows)
    together = label_mistakes.mistakes_together(source.p[rows], source.y[rows], thresholds)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(
            figures.together_figure(together, source.classes, palette()),
            key="th_together",
            about="Mistakes that come together",
        )
    with right:
        st.subheader("Most often together")
        table = label_mistakes.most_together(together, source.classes)
        table.columns = ["one mistake", "the other", "together", "one in all", "other in all"]
        st.dataframe(table, hide_index=True)
        st.markdown(
            "A 2 x 2 table looks at one label. Where *road missed* and *water said wrongly* meet in one picture, the "
            "net takes roads for rivers, which no table of a single label shows."
        )
    said = multilabel.said_at(source.p[rows], thresholds)
    empty = rows[~said.any(1)]
    without = rows[~source.y[rows].any(1)]
    st.markdown(
        f"**None is an answer too.** Nothing is said of {len(empty):,} of {len(rows):,} pictures; {len(without):,} "
        "really show none of the labels."
    )
    at = np.intersect1d(empty, source.pictured)
    if len(at):
        show_pictures(source, at[:PICTURES], lambda row: "none of the labels")
