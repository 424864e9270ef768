"""Lessons with the run's own pictures and numbers: a mask is numbers, it moves along, the rate goes up first."""

import html

import numpy as np
import streamlit as st

from labcore.data import augment_spec, preview
from labcore.figures import segmentation_lessons as figures
from labcore.runs.store import Row
from labcore.specs import SegmentationSpec
from pages.parts import carry, run_panel, seg_compare, seg_source, words
from pages.parts.chart import chart
from pages.parts.data_pictures import Shown, codes, shelf
from pages.parts.kept import artifact
from pages.parts.theme import palette

LESSONS = ("A mask is numbers", "Move the mask too", "Up before down", "Half precision", "Small first", "Tiramisu")
ROWS, COLUMNS = 12, 20
"""Pixels of the crop that is written out in numbers: as many as can be read from the back of a room."""
SEED_MOVED = 3
SHOWN_DRAWS = 3
DARK = 110
"""Mean of a colour's channels below which white letters stand on it."""
TABLE_STYLE = (
    "<style>.codes-table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    ".codes-table td{padding:.1rem .35rem;text-align:right;font-size:.95rem;min-width:1.7rem}"
    ".codes-wide{overflow-x:auto}</style>"
)


def lessons_tab(spec: SegmentationSpec, row: Row | None) -> None:
    """One lesson at a time."""
    lesson = st.segmented_control(
        "Lesson", LESSONS, default=LESSONS[0], required=True, key="lesson", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    {
        LESSONS[0]: lambda: open_mask(row),
        LESSONS[1]: lambda: move_along(spec, row),
        LESSONS[2]: lambda: up_before_down(row),
        LESSONS[3]: lambda: seg_compare.half_precision(spec, row),
        LESSONS[4]: lambda: seg_compare.small_first(spec),
        LESSONS[5]: lambda: seg_compare.tiramisu(spec, row),
    }[lesson]()


def _watched(row: Row | None) -> tuple[dict, dict] | None:
    """The run's plan and its watched pictures; None, with a word, where there are none yet."""
    told, found = seg_source.told_of(row), artifact(row, "timelapse.npz") if row else None
    if told is None or found is None:
        st.info("This needs a run of these settings. Press “Train”.", icon=":material/hourglass_empty:")
        return None
    return told, found


def open_mask(row: Row | None) -> None:
    """The same crop of a mask as numbers and as colours, beside its picture."""
    known = _watched(row)
    if known is None:
        return
    told, found = known
    names = seg_source.codes_of(told)
    colors = np.array([code.color for code in names], np.uint8)
    st.markdown(
        "`open_mask` reads a file that looks almost black: each pixel holds a **class number**, not a colour. The "
        "colours are put on for people alone, by a list of codes. It is the target of the loss as it stands: "
        "cross-entropy looks up the score of that number."
    )
    which = st.slider("Picture", 1, len(found["truth"]), key="mask picture") - 1
    mask, picture = found["truth"][which], found["pictures"][which]
    top, left = _busiest(mask)
    rows, columns = slice(top, top + ROWS), slice(left, left + COLUMNS)
    one, two = st.columns([2, 3], gap="medium")
    with one:
        crops = [
            Shown(_enlarged(picture[rows, columns]), "the picture", f"rows {top} to {top + ROWS - 1}"),
            Shown(_enlarged(colors[mask[rows, columns]]), "the mask in colours"),
        ]
        shelf(crops, most=2, least=120)
        looks = np.repeat(mask[rows, columns, None], 3, axis=2)
        shelf([Shown(_enlarged(looks), "the file as it is"), Shown(picture, "the whole picture", "", mask)],
              colors=colors, most=2, least=120)  # fmt: skip
    with two:
        st.html(TABLE_STYLE + _table(mask[rows, columns], names))
    void = seg_source.void_of(names)
    codes([f"{number} {code.name}" for number, code in enumerate(names)], colors, np.unique(mask), void)


def _busiest(mask: np.ndarray) -> tuple[int, int]:
    """Top and left of the crop with the most classes, the first of equals."""
    height, width = mask.shape
    places = [
        (len(np.unique(mask[top : top + ROWS, left : left + COLUMNS])), -top, -left)
        for top in range(0, max(1, height - ROWS + 1), max(1, ROWS // 3))
        for left in range(0, max(1, width - COLUMNS + 1), max(1, COLUMNS // 3))
    ]
    _, top, left = max(places)
    return -top, -left


def _enlarged(pixels: np.ndarray, times: int = 16) -> np.ndarray:
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def _table(numbers: np.ndarray, names: tuple[seg_source.Code, ...]) -> str:
    """Codes as an HTML table, each on its class's colour; the name on hover."""
    rows = []
    for line in numbers:
        cells = []
        for code in line:
            color = names[code].color
            letters = "#fff" if sum(color) / 3 < DARK else "#000"
            name = html.escape(names[code].name, quote=True)
            cells.append(f'<td title="{name}" style="background:rgb{color};color:{letters}">{code}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="codes-wide"><table class="codes-table">{"".join(rows)}</table></div>'


def move_along(spec: SegmentationSpec, row: Row | None) -> None:
    """The bug that gives no error: the picture is varied and its mask stays where it was."""
    known = _watched(row)
    if known is None:
        return
    told, found = known
    names = seg_source.codes_of(told)
    void, colors = seg_source.void_of(names), np.array([code.color for code in names], np.uint8)
    how = augment_spec.preset(spec.augment if spec.augment != "none" else "street")
    picture, mask = found["pictures"][0], found["truth"][0]
    right, wrong, shares = [], [], []
    for draw in preview.draws(how, SHOWN_DRAWS, picture.shape[:2], SEED_MOVED):
        moved, along, _ = preview.varied(how, draw, picture, mask, void=void)
        right.append(Shown(moved, "", draw.words(), along))
        wrong.append(Shown(moved, "", "", mask))
        counted = np.ones(mask.shape, bool) if void is None else along != void
        shares.append(float((along != mask)[counted].mean()))
    st.markdown("Each time a picture is seen it is varied anew, and its **mask must move with it**, pixel for pixel.")
    shelf(right, colors=colors, most=SHOWN_DRAWS, least=140)
    st.markdown(
        f"Below, the same pictures with the mask left behind. No error, no warning; but "
        f"**{np.mean(shares):.0%}** of the labelled pixels now teach a wrong class. The loss still falls, to a net "
        "that has learned where things *usually* are."
    )
    shelf(wrong, colors=colors, most=SHOWN_DRAWS, least=140)
    st.caption(
        "Masks are moved by the nearest pixel, never by mixing: between code 3 and code 5 there is no class 4. What "
        "comes in from outside is void."
    )
    st.page_link(
        "data_block.py", label="Try it in the data block: “Leave the target behind”", icon=":material/arrow_forward:",
        query_params=carry.link({"dataset.name": spec.dataset.name, "behind": "true"}),
    )  # fmt: skip


def up_before_down(row: Row | None) -> None:
    """Why the loss goes up before it comes down in one-cycle, with this run's rate and losses."""
    series = run_panel.series_of(row) if row else {}
    told = seg_source.told_of(row)
    if told is None or "lr" not in series or "valid_loss" not in series:
        st.info("This needs a run of these settings. Press “Train”.", icon=":material/hourglass_empty:")
        return
    lr, valid = series["lr"], series["valid_loss"]
    loss = series.get("smooth_loss", series.get("train_loss"))
    chart(
        figures.cycle_figure(
            (lr.steps, lr.values), (loss.steps, loss.values), (valid.steps, valid.values),
            stages=[(stage["name"], stage["first_step"]) for stage in told["stages"]], palette=palette(),
        ), key="cycle figure", config={"displayModeBar": False},
    )  # fmt: skip
    st.markdown(_risen(lr.steps, lr.values, valid.steps, valid.values))
    st.markdown(
        "You give one-cycle the **largest** rate. It climbs to it and comes down again; the way down is called "
        "annealing. The loss surface is bumpy in places and flat in others. Large steps in the middle jump out of "
        "narrow, sharp dips, so the loss may **rise** for a while; the small steps at the end settle in a wide, flat "
        "one, where pictures that were not seen are answered as well as those that were. A rate that only falls never "
        "leaves the first dip. A slight rise is a good sign, one that does not come back is a rate too high."
    )


def _risen(steps: np.ndarray, rates: np.ndarray, at: np.ndarray, losses: np.ndarray) -> str:
    """Whether the valid loss rose in this run, and at which rate; in one sentence."""
    losses = np.asarray(losses, float)
    rises = np.flatnonzero(np.diff(losses) > 0)
    if not len(rises):
        top = words.rate(float(np.max(rates)))
        return (
            f"In this run the valid loss never rose from one epoch to the next, up to a rate of {top}: a larger top "
            "would do no harm. Try three times as much."
        )
    k = int(rises[np.argmax(np.diff(losses)[rises])])
    rate = float(np.asarray(rates)[min(len(rates) - 1, int(np.searchsorted(steps, at[k + 1])))])
    low, high = words.number(losses[k]), words.number(losses[k + 1])
    return (
        f"In this run the valid loss **rose from {low} to {high}** at a rate of "
        f"{words.rate(rate)} (the top is {words.rate(float(np.max(rates)))}), and ended at "
        f"**{words.number(losses[-1])}**."
    )
