"""Numbers of a finished segmentation run: scores per class, confusion, borders, imbalance, and the cheat of void."""

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation import segmentation as judging
from labcore.figures import segmentation as figures
from pages.parts import seg_view, words
from pages.parts.chart import chart
from pages.parts.seg_source import Result
from pages.parts.theme import palette

VIEWS = ("Classes", "Confusion", "Borders", "Imbalance", "Void")
QUIET = {"displayModeBar": False}


def numbers_tab(result: Result) -> None:
    """One reading at a time."""
    view = st.segmented_control(
        "Reading", VIEWS, default=VIEWS[0], required=True, key="reading", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    {
        "Classes": classes,
        "Confusion": confusion,
        "Borders": borders,
        "Imbalance": imbalance,
        "Void": void_cheat,
    }[view](result)


def _by_size(result: Result) -> list[int]:
    """Codes of the classes that occur or are said, the largest first; void is none of them."""
    found = result.scores
    said = result.counts.sum(axis=(0, 1))
    codes = [k for k in range(len(result.codes)) if k != result.void and (found.shares[k] > 0 or said[k])]
    return sorted(codes, key=lambda k: -found.shares[k])


def classes(result: Result) -> None:
    """IoU and Dice of each class; a row leads to its worst and best pictures."""
    found, codes = result.scores, _by_size(result)
    test = judging.scores(result.test, result.void) if len(result.test) else None
    left, right = st.columns([3, 2], gap="medium")
    with left:
        table = pd.DataFrame(
            {
                "class": [result.names[k] for k in codes],
                "of the pixels": [100 * found.shares[k] for k in codes],
                "IoU": [found.iou[k] for k in codes],
                "Dice": [found.dice[k] for k in codes],
                "pictures": [int((result.counts[:, k].sum(axis=1) > 0).sum()) for k in codes],
            }
        )
        if test is not None:
            table["IoU on test"] = [test.iou[k] for k in codes]
        column = st.column_config
        picked = st.dataframe(
            table, hide_index=True, on_select="rerun", selection_mode="single-row", key="seg classes", width="stretch",
            column_config={
                "of the pixels": column.NumberColumn(format="%.2f %%"),
                "IoU": column.ProgressColumn(format="%.3f", min_value=0, max_value=1),
                "Dice": column.NumberColumn(format="%.3f"),
                "IoU on test": column.NumberColumn(format="%.3f"),
            },
        )  # fmt: skip
        _lead(result, codes, picked)
    with right:
        chart(
            figures.classes_figure(
                [result.names[k] for k in codes], found.iou[codes], found.dice[codes],
                [result.codes[k].color for k in codes], mean=found.mean_iou, palette=palette(),
            ), key="seg overlap", about="Overlap of each class with the truth", config=QUIET,
        )  # fmt: skip
    st.caption(
        f"Mean IoU **{found.mean_iou:.3f}**, mean Dice **{found.mean_dice:.3f}**, over the classes that the truth "
        "shows. IoU is what both share over what either has; Dice = 2 IoU / (1 + IoU), never smaller. Void pixels are "
        "left out of both. A class with – does not occur in the valid pictures."
    )


def _lead(result: Result, codes: list[int], picked) -> None:
    rows = picked.selection.rows if picked else []
    if not rows or rows[0] >= len(codes):
        st.caption("Choose a row, then open its worst or best pictures in the viewer above.")
        return
    code = codes[rows[0]]
    with st.container(horizontal=True, vertical_alignment="center"):
        for how, label in (("worst", "Worst"), ("best", "Best")):
            st.button(
                f"{label} pictures of {result.names[code]}", key=f"seg {how}", icon=":material/visibility:",
                on_click=seg_view.open_picture, args=(how, code),
            )  # fmt: skip


def confusion(result: Result) -> None:
    """What each class was taken for; a click opens the pictures of that class."""
    codes = _by_size(result)
    counts = result.counts.sum(axis=0)
    if result.void is not None:
        codes = [*codes, result.void] if counts[:, result.void].any() else codes
        counts = counts.copy()
        counts[result.void] = 0
    names = [result.names[k] for k in codes]
    matrix = counts[np.ix_(codes, codes)]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        event = chart(
            figures.confusion_figure(matrix, names, palette=palette()), key="seg confusion",
            about="Confusion of pixels: true classes against answers", on_select="rerun",
            selection_mode="points", config=QUIET,
        )  # fmt: skip
    with right:
        st.subheader("Most confused", anchor=False)
        wrong = matrix.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:12]
        pairs = [(*np.unravel_index(place, wrong.shape), wrong.ravel()[place]) for place in order]
        rows = [
            {"is": names[a], "was taken for": names[b], "pixels": int(n), "of its pixels": f"{n / matrix[a].sum():.1%}"}
            for a, b, n in pairs
            if n
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
        points = event.selection.points if event else []
        data = points[0].get("customdata") if points else None
        if data is not None:
            actual = codes[int((list(data.values()) if isinstance(data, dict) else list(data))[0])]
            st.button(
                f"Worst pictures of {result.names[actual]}", key="seg cell", icon=":material/visibility:",
                on_click=seg_view.open_picture, args=("worst", actual),
            )  # fmt: skip
        else:
            st.caption("Click a cell, then open its class's worst pictures.")


def borders(result: Result) -> None:
    """Accuracy against the distance from a border: most mistakes are seams."""
    chart(
        figures.border_figure(result.border, accuracy=result.scores.pixel_accuracy, palette=palette()),
        key="seg border", about="Accuracy by the distance from a border", config=QUIET,
    )  # fmt: skip
    right, whole = result.border[:, 0], result.border[:, 1]
    wrong = whole - right
    near = slice(0, 2)
    share = wrong[near].sum() / max(1, wrong.sum())
    st.markdown(
        f"Pixels on a border between classes and one step beside it are **{whole[near].sum() / whole.sum():.0%}** of "
        f"the picture and **{share:.0%}** of all mistakes. There even people disagree by a pixel; a net that is only "
        "wrong on seams looks right. At half the size every seam is twice as thick."
    )


def imbalance(result: Result) -> None:
    """How often a class occurs in training, and how well it is found."""
    found, shares = result.scores, np.asarray(result.plan["shares"], float)
    chart(
        figures.imbalance_figure(
            result.names, shares, found.iou, [code.color for code in result.codes], palette=palette()
        ),
        key="seg imbalance",
        about="Overlap of each class by how often it occurs",
        config=QUIET,
    )
    rare = [result.names[k] for k in np.flatnonzero((shares > 0) & (shares < figures.FREQUENT)) if k != result.void]
    absent = [result.names[k] for k in np.flatnonzero(shares == 0) if k != result.void]
    parts = ["Cross-entropy counts every pixel alike, so a class of few pixels costs little when it is missed."]
    if rare:
        parts.append(f"Below 1 % of the training pixels: {', '.join(rare)}.")
    if absent:
        parts.append(f"Never in training, so never learned: {', '.join(absent)}.")
    st.markdown(
        f"{' '.join(parts)} Under **More**: *Dice* asks for overlap class by class, *balanced* weights let rare pixels "
        "count more. Both lift rare classes and cost a little accuracy on the large ones: try, and compare here."
    )


def void_cheat(result: Result) -> None:
    """The accuracy with and without void, and the baselines."""
    metrics = result.row.metrics
    counts = result.counts.sum(axis=(0, 2))
    share = counts[result.void] / counts.sum() if result.void is not None else 0.0
    said = result.plan.get("baselines", {}).get("class", "the most frequent class")
    rows = [
        ("this net, void left out", metrics.get("pixel_accuracy")),
        ("this net, void counted as a class", metrics.get("pixel_accuracy_with_void")),
        (f"{said} everywhere", metrics.get("baseline_pixel_accuracy")),
        ("the most frequent class at each place, without looking", metrics.get("baseline_position_accuracy")),
    ]
    if "test_pixel_accuracy" in metrics:
        rows.insert(1, ("this net on the test split, void left out", metrics["test_pixel_accuracy"]))
    table = pd.DataFrame([{"what says": what, "pixel accuracy": words.percent(value)} for what, value in rows])
    st.table(table.set_index("what says"))
    if result.void is None:
        st.caption("This set labels every pixel: there is no void to leave out.")
        return
    st.markdown(
        f"**{share:.1%}** of the valid pixels are void: nobody said what they are. If they count, a net is punished "
        "for every answer there, or, taught that *void* is a class like any other, is paid for saying “I do not know”. "
        "Either number says something about the labelling, not about seeing. So void is left out of the loss and of "
        "every score, as in fastai's notebook (`target != void_code`). The trap: `pixel_accuracy` of two papers can "
        "only be compared if both left out the same pixels."
    )
    if result.plan.get("test_items"):
        why = (
            "Valid pictures share their videos with the training set, and the next frame looks almost the same. The "
            "test split has other videos."
            if result.spec.dataset.name == "camvid"
            else "Whoever changes settings until valid looks good has fitted valid. Test is looked at once, at the end."
        )
        st.markdown(f"**Valid and test differ for a reason.** {why}")
