"""The split lab: one net, two splits, two numbers; why the random one lies; and everybody held out once."""

import numpy as np
import streamlit as st

from labcore.data.leaf import BlockSpec, leaf
from labcore.errors import UserError
from labcore.evaluation import head_pose as judge
from labcore.evaluation import pose_views
from labcore.figures import head_pose as figures
from labcore.figures import head_pose_lessons as lessons
from labcore.runs.store import ACTIVE, Row, open_store
from labcore.specs import HeadPoseSpec
from pages.parts import pose_draw, run_panel, words
from pages.parts.chart import chart
from pages.parts.kept import artifact
from pages.parts.pose_live import LEAKS, LOOK_EVERY, TWIN, baseline_words, leak_badge, left, measured
from pages.parts.pose_result import RANDOM, VALID, Result, result_of
from pages.parts.theme import palette

SHOWN_PEOPLE = 12
PLAIN = {"displayModeBar": False}


def split_lab(spec: HeadPoseSpec, row: Row | None, result: Result | None) -> None:
    """Three questions: which number is true, why is the other not, and is one group of people enough?"""
    view = st.segmented_control(
        "Question", ("Two splits", "Neighbouring frames", "Everybody once"), default="Two splits", required=True,
        key="split view", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    if view == "Everybody once":
        everybody(spec, row)
    elif view == "Neighbouring frames":
        neighbours(spec, row)
    else:
        two_splits(spec, row, result)


def two_splits(spec: HeadPoseSpec, row: Row | None, result: Result | None) -> None:
    """The same spec under both splits, side by side."""
    if result is None or RANDOM not in result.parts:
        st.info(
            "Both splits side by side need a finished run of “by person, and at random”.",
            icon=":material/hourglass_empty:",
        )
        return
    metrics, told = row.metrics, result.plan.get("splits") or {}
    leak_badge(metrics, spec)
    for column, (title, prefix, name) in zip(
        st.columns(2, gap="large"), (("By person", "", VALID), ("At random", TWIN, RANDOM)), strict=True
    ):
        with column:
            st.subheader(title)
            st.metric(
                "Median error", measured(metrics.get(f"{prefix}pixel_error_median"), spec),
                baseline_words(metrics.get(f"{prefix}mean_point_error_median"), spec), delta_color="off",
                delta_arrow="off",
            )  # fmt: skip
            st.markdown(told.get(name, ""))
            person = metrics.get(f"{prefix}person_mean_error_median")
            if person is None:
                st.caption("Nobody of these people was seen in training, so there is no mean point per person.")
            else:
                st.caption(f"Knowing only who it is, the mean point of each person: {person:.1f} {result.unit}.")
    ratio = metrics.get("leak_ratio")
    if ratio is not None and ratio >= LEAKS:
        st.markdown(
            f"**Same net, same plan, same number of epochs: {measured(metrics['pixel_error_median'], spec)} on "
            "people it "
            f"has never seen, {measured(metrics[f'{TWIN}pixel_error_median'], spec)} if frames are drawn at random.** "
            "The smaller number is no lie about the pictures; it is an answer to another question: *how well "
            "does it point "
            "in videos whose other frames it was taught?*"
        )
    parts = {"by person: new people": result.parts[VALID], "at random: known people": result.parts[RANDOM]}
    baseline = {"mean point": metrics.get("mean_point_error_median", np.nan)}
    chart(
        figures.shares_figure(
            {name: part.per_picture for name, part in parts.items()}, baseline, unit=result.unit, palette=palette()
        ),
        key="split shares", about="Share of pictures that are better than an error", config=PLAIN,
    )  # fmt: skip
    st.caption(
        "Each line: which share of the held-out pictures is better than the error below it. Further left is better."
    )


def neighbours(spec: HeadPoseSpec, row: Row | None) -> None:
    """Held-out frames beside the nearest frame that was taught, and the splits drawn."""
    found = artifact(row, "neighbours.npz") if row else None
    if found is not None and len(found["valid"]):
        st.markdown(
            "**Left: a frame that the random split examines. Right: the nearest frame of the same video that "
            "it taught.** "
            "Who has seen the right one needs no understanding of heads to answer the left one."
        )
        pairs = [
            (pose_draw.Pointed(a, f"{int(gap)} frame{'s' if gap != 1 else ''} apart"), pose_draw.Pointed(b, "taught"))
            for a, b, gap in zip(found["valid"], found["nearest"], found["gap"], strict=True)
        ]
        pose_draw.beside([a for a, _ in pairs], [b for _, b in pairs])
    else:
        st.info(
            "A run of “by person, and at random” keeps pictures of neighbouring frames.",
            icon=":material/photo_library:",
        )
    _drawn_splits(spec)


def _drawn_splits(spec: HeadPoseSpec) -> None:
    """By person, by frame, at random: who is held out, and how far the nearest taught frame is."""
    marks, lines, names = {}, [], []
    own = spec.dataset if spec.protocol == "both" else spec.dataset.but(split="auto")
    for title, dataset in (
        ("by person", own),
        ("by frame", own.but(split="frames", hold_out="")),
        ("at random", own.but(split="random", hold_out="")),
    ):
        try:
            block = leaf(BlockSpec(dataset=dataset))
            table = block.items.table
            if "group" not in table:
                return
            held = block.split.valid
        except UserError:
            continue
        names = names or _some_people(table["group"].astype(str).tolist(), held)
        marks[title] = pose_views.strips(table["group"], held, names)
        gap = pose_views.gaps(table["group"], held)
        near = float(np.median(gap))
        lines.append(
            f"**{title}**: nobody of them is taught"
            if np.isinf(near)
            else f"**{title}**: the nearest taught frame is {near:.0f} frame{'s' if near != 1 else ''} away"
        )
    if not marks:
        return
    st.subheader("Who is held out")
    chart(
        lessons.strips_figure(marks, names, palette=palette()),
        key="split strips",
        about="Who is held out",
        config=PLAIN,
    )
    more = f" {len(names)} people are shown." if len(names) == SHOWN_PEOPLE else ""
    st.markdown("; ".join(lines) + f" (medians over the held-out frames).{more}")
    st.caption("A row is a person's video, a column a frame; ember frames are held out.")
    _by_frame(spec)


def _some_people(groups: list[str], held: np.ndarray) -> list[str]:
    """Up to a screenful of people in their order, some of those who are held out among them."""
    known = list(dict.fromkeys(groups))
    out = list(dict.fromkeys(groups[row] for row in held))[: SHOWN_PEOPLE // 2]
    others = [name for name in known if name not in out][: SHOWN_PEOPLE - len(out)]
    return [name for name in known if name in {*out, *others}]


def _by_frame(spec: HeadPoseSpec) -> None:
    """The middle way: the end of every video. Its own run, on request."""
    try:
        asked = spec.but(protocol="one", dataset__split="frames", dataset__hold_out="")
        row = run_panel.row_of(asked)
    except UserError:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if row is None or row.status in ("failed", "stopped"):
            run_panel.start_button(
                "Train the split by frame too", asked, key="start frames", icon=":material/play_arrow:",
                help="The end of every video is held out: known people, but no neighbouring frame.",
            )  # fmt: skip
            if row is not None:
                run_panel.state_line(row)
        elif row.status in ACTIVE:
            _watch(row, "frames")
        else:
            known = measured(row.metrics.get("pixel_error_median"), spec)
            st.markdown(f"The split by frame: **{known}**, between the two if neighbours are what leaks.")


def _watch(row: Row, key: str) -> None:
    """How far a run of this tab is, and a stop button."""

    def look() -> None:
        now = open_store().get(row.id)
        if now.status not in ACTIVE:
            st.rerun()
        share = min(1.0, now.done / now.total) if now.total else 0.0
        far = f"{now.done} of {now.total} batches, {words.seconds(left(now))} left" if now.total else "queued"
        st.progress(share, text=f"{far}. {now.message}".strip())

    with st.container():
        st.fragment(look, run_every=LOOK_EVERY)()
        run_panel.stop_button([row], key=f"stop {key}")


# Everybody held out once


def everybody(spec: HeadPoseSpec, row: Row | None) -> None:
    """Leave one person out, for all: the notes' question on cross-validation, answered with numbers."""
    st.markdown(
        "*“Used cross-validation doing machine learning. Do we use it at deep learning?”* The notes' answer: "
        "less, since "
        "it comes from times of little data. Here it is: the net is trained anew for every person, who is held out."
    )
    try:
        asked = spec.but(protocol="leave_one_out", dataset__hold_out="")
        folds = row if spec.protocol == "leave_one_out" else run_panel.row_of(asked)
    except UserError as error:
        st.info(str(error), icon=":material/info:")
        return
    if folds is None or folds.status in ("failed", "stopped"):
        if folds is not None:
            run_panel.state_line(folds)
        run_panel.start_button(
            "Hold everybody out once", asked, key="start folds", type="primary", icon=":material/play_arrow:"
        )
        st.caption(_expected(spec, row))
        return
    if folds.status in ACTIVE:
        run_panel.state_line(folds)
        _watch(folds, "folds")
        return
    result = result_of(folds)
    if result is not None:
        _spread(spec, row, folds, result)
        st.caption(run_panel.label_of(folds))


def _expected(spec: HeadPoseSpec, row: Row | None) -> str:
    told = (artifact(row, "plan.json") or {}) if row else {}
    groups = told.get("groups") or {}
    people = len(groups.get("train", ())) + len(groups.get("valid", ()))
    seconds = row.metrics.get("seconds") if row else None
    if not people or not seconds:
        return "One training per person: it takes as many times as long as there are people."
    each = seconds / (2 if spec.protocol == "both" else 1)
    return f"{people} trainings, one per person: about {words.seconds(each * people)}, judged by the run above."


def _spread(spec: HeadPoseSpec, row: Row | None, folds: Row, result: Result) -> None:
    part, metrics = result.main, folds.metrics
    table = judge.by_group(part.errors, part.group)
    low, high = float(table["median"].min()), float(table["median"].max())
    mean, spread = float(table["median"].mean()), float(table["median"].std(ddof=1)) if len(table) > 1 else 0.0
    error = standard_error(spread, len(table))
    chart(
        figures.groups_figure(
            table,
            {"median over all": metrics.get("pixel_error_median"), "mean point": metrics.get("mean_point_error_median"),
             "random split": metrics.get(f"{TWIN}pixel_error_median")},
            unit=result.unit, palette=palette(),
        ),
        key="folds figure", about="Error of each person held out", config=PLAIN,
    )  # fmt: skip
    one = row.metrics.get("pixel_error_median") if row and row.id != folds.id else None
    st.markdown(
        f"**From {measured(low, spec)} ({table['group'].iloc[-1]}) to {measured(high, spec)} "
        f"({table['group'].iloc[0]})**: "
        f"whoever is held out, the same net is up to {high / low:.1f} times as far off. Mean of the "
        f"{len(table)} people "
        f"{measured(mean, spec)}, standard deviation {spread:.2f}, so the mean is known to about ± {error:.2f}."
        + (
            f" The single split above said {measured(one, spec)}"
            f"{': within the spread' if low <= one <= high else ': outside the spread'}."
            if one is not None
            else ""
        )
    )
    st.markdown(
        f"**So is it worth it?** A single held-out person would have said anything from {measured(low, spec)} to "
        f"{measured(high, spec)}, and BIWI's notebook holds out one. A hold-out of several people averages "
        "that; everybody "
        f"once averages it best and costs {len(table)} trainings. That is no question of machine learning or "
        "deep learning, "
        "but of how many people there are."
    )


def standard_error(spread: float, people: int) -> float:
    """Of a mean over people."""
    return spread / np.sqrt(max(people, 1))
