"""Errors of a net that points: what the notes miss for regression ("no way to see with regression model?")."""

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation import head_pose as judge
from labcore.figures import head_pose as figures
from labcore.specs import HeadPoseSpec
from pages.parts import pose_draw
from pages.parts.chart import chart
from pages.parts.pose_live import TWIN, measured
from pages.parts.pose_pictures import pointed
from pages.parts.pose_result import FOLD, RANDOM, VALID, Part, Result
from pages.parts.theme import palette

WORST = 12
PLAIN = {"displayModeBar": False}
VIEWS = ("Summary", "Where it lands", "Against the target", "By person", "By pose", "Worst")


def errors_tab(spec: HeadPoseSpec, result: Result) -> None:
    """One view at a time, for one split at a time."""
    offered = [name for name in (VALID, RANDOM) if name in result.parts]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control(
            "View", VIEWS, default=VIEWS[0], required=True, key="errors view", bind="query-params"
        )
        name = offered[0]
        if len(offered) > 1:
            name = st.segmented_control(
                "Held out", offered, default=VALID, required=True, key="errors part", bind="query-params",
                format_func=lambda part: {VALID: "by person", RANDOM: "at random"}[part],
            )  # fmt: skip
    part = result.parts[name]
    if view == "Summary":
        _summary(spec, result, name)
    elif view == "Where it lands":
        _landing(result, part)
    elif view == "Against the target":
        _against(spec, result, part)
    elif view == "By person":
        _people(result, part, name)
    elif view == "By pose":
        _poses(result, part)
    else:
        _worst(result, name)


def _summary(spec: HeadPoseSpec, result: Result, name: str) -> None:
    rows = []
    prefix = TWIN if name == RANDOM else ""
    metrics = result.row.metrics
    part = result.parts[name]
    table = judge.by_point(part.errors, result.names)
    for one in table.itertuples():
        rows.append((one.point, one.median, one.p90, one.mean, one.count))
    whole = judge.summary(part.errors)
    if len(rows) > 1:
        rows.append(("all", whole.median, whole.p90, whole.mean, whole.count))
    shown = pd.DataFrame(rows, columns=["", "median", "90th percentile", "mean", "measured"]).set_index("")
    for key, label in (("mean_point_error_median", "mean point, without looking"),
                       ("person_mean_error_median", "mean point of each person")):  # fmt: skip
        if metrics.get(f"{prefix}{key}") is not None:
            shown.loc[label] = [metrics[f"{prefix}{key}"], np.nan, np.nan, whole.count]
    st.table(shown.map(lambda value: "–" if pd.isna(value) else f"{value:,.2f}").assign(
        measured=[f"{count:,.0f}" for count in shown["measured"]]
    ))  # fmt: skip
    factor = metrics.get(f"{prefix}mean_point_error_median", np.nan) / max(whole.median, 1e-9)
    st.markdown(
        f"Half of the {len(part):,} held-out pictures are within **{measured(whole.median, spec)}**, nine of "
        "ten within "
        f"**{measured(whole.p90, spec)}**. "
        + (f"The mean point is **{factor:.1f} times** as far off." if np.isfinite(factor) else "")
    )
    st.caption(f"Errors in {result.unit}" + (" of the original picture." if result.unit == "pixels" else "."))
    st.download_button(
        "Points as CSV", lambda: points_csv(result), file_name=f"{result.row.id}-points.csv", mime="text/csv",
        key="points csv", icon=":material/download:", on_click="ignore",
        help="Every held-out picture with target, prediction and error, of every split.",
    )  # fmt: skip


def points_csv(result: Result) -> bytes:
    """All predictions as a table: item, group, part, and per point the target, the prediction and the error."""
    tables = []
    for name, part in result.parts.items():
        if name == VALID and any(other.startswith(FOLD) for other in result.parts):
            continue
        columns = {"item": part.items, "group": part.group, "held_out": np.full(len(part), _word(name))}
        for k, point in enumerate(result.names):
            if part.pointing:
                for axis, letter in enumerate("xy"):
                    columns[f"{point} {letter}"] = part.truth[:, k, axis]
                    columns[f"{point} {letter} predicted"] = part.prediction[:, k, axis]
            else:
                columns |= {point: part.truth[:, k], f"{point} predicted": part.prediction[:, k]}
            columns[f"{point} error"] = part.errors[:, k]
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True).to_csv(index=False, float_format="%.3f").encode()


def _word(name: str) -> str:
    return {VALID: "by person", RANDOM: "at random"}.get(name, name.removeprefix(FOLD))


def _landing(result: Result, part: Part) -> None:
    if not part.pointing:
        st.info("Angles land nowhere in the picture: see *Against the target*.", icon=":material/rotate_right:")
        return
    off = part.prediction - part.truth
    names = list(result.names)
    if len(names) > 1:
        chosen = st.segmented_control("Point", ["all", *names], default="all", required=True, key="landing point")
        off = off if chosen == "all" else off[:, names.index(chosen)]
    off = off.reshape(-1, 2)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(
            figures.residual_figure(off, palette=palette()),
            key="landing",
            about="Where predictions land around the truth",
            config=PLAIN,
        )
    bias, spread = off.mean(axis=0), off.std(axis=0)
    with right:
        st.markdown(
            f"Every dot is one prediction, seen from its target in the middle. On average **{_way(bias)}**; "
            "around that it "
            f"scatters by {spread[0]:.1f} px across and {spread[1]:.1f} px up and down."
        )
        st.markdown(
            "A cloud that sits **beside** the middle is a bias: one number added to every prediction would "
            "mend it. A cloud "
            "that is **wide** is not mended by any number."
        )
        share = float(np.hypot(*bias) / max(np.hypot(*spread), 1e-9))
        verdict = "mostly scatter" if share < 0.5 else "to a good part bias"
        st.markdown(f"Here the bias is {share:.1f} of the scatter: **{verdict}**.")


def _way(bias: np.ndarray) -> str:
    across = f"{abs(bias[0]):.1f} px too far {'right' if bias[0] > 0 else 'left'}"
    return f"{across} and {abs(bias[1]):.1f} px too {'low' if bias[1] > 0 else 'high'}"


def _against(spec: HeadPoseSpec, result: Result, part: Part) -> None:
    names = list(result.names)
    if part.pointing:
        point = names[0]
        if len(names) > 1:
            point = st.segmented_control("Point", names, default=names[0], required=True, key="against point")
        truth, said = (values[:, names.index(point)] for values in (part.truth, part.prediction))
        limits = None
        if spec.y_range and part.sizes is not None and (part.sizes == part.sizes[0]).all():
            edges = judge.to_pixels(np.array([[spec.y_range] * 2]).swapaxes(1, 2), part.sizes[0])[0]
            limits = [(edges[0, axis], edges[1, axis]) for axis in range(2)]
        drawn = figures.against_figure(truth, said, limits=limits, palette=palette())
    else:
        drawn = figures.against_figure(part.truth, part.prediction, names=names, unit=result.unit, palette=palette())
    chart(drawn, key="against", config=PLAIN)
    slopes = _slopes(part)
    st.caption(
        "On the dashed line prediction and target agree. Flatter than the line means that the net plays safe, "
        "towards the "
        f"middle: the slope here is {slopes}. Dotted lines, where in sight, are the ends of y_range."
    )


def _slopes(part: Part) -> str:
    truth, said = part.truth.reshape(len(part), -1).T, part.prediction.reshape(len(part), -1).T
    found = []
    for a, b in zip(truth, said, strict=True):
        known = np.isfinite(a) & np.isfinite(b)
        spread = np.var(a[known])
        if spread > 0:
            found.append(float(np.cov(a[known], b[known], bias=True)[0, 1] / spread))
    if not found:
        return "unknown"
    return f"{found[0]:.2f}" if len(found) == 1 else f"{min(found):.2f} to {max(found):.2f}"


def _people(result: Result, part: Part, name: str) -> None:
    table = judge.by_group(part.errors, part.group)
    metrics, prefix = result.row.metrics, TWIN if name == RANDOM else ""
    lines = {
        "median over all": metrics.get(f"{prefix}pixel_error_median"),
        "mean point": metrics.get(f"{prefix}mean_point_error_median"),
    }
    color = figures.RANDOM if name == RANDOM else figures.PERSON
    chart(
        figures.groups_figure(table, lines, unit=result.unit, palette=palette(), color=color), key="people",
        config=PLAIN,
    )  # fmt: skip
    few = table[table["count"] < 2]["group"].tolist()
    if few:
        st.caption(f"With a single frame, no spread: {', '.join(few[:8])}.")


def _poses(result: Result, part: Part) -> None:
    angles = {
        name: judge.by_angle(part.errors, part.angles[:, column])
        for column, name in enumerate(judge.ANGLE_NAMES)
        if np.isfinite(part.angles[:, column]).any()
    }
    if not angles:
        st.info("This data set does not say how the heads are turned.", icon=":material/rotate_right:")
        return
    chart(figures.angle_figure(angles, unit=result.unit, palette=palette()), key="poses", config=PLAIN)
    worst = max(
        ((row.median, name, row) for name, table in angles.items() for row in table.itertuples()),
        key=lambda one: one[0],
    )
    st.caption(
        f"Hardest: {worst[1]} from {worst[2].low:.0f}° to {worst[2].high:.0f}°, median {worst[0]:.2f} {result.unit} on "
        f"{worst[2].count} pictures. Hover for how many stand behind a point: the ends may be few."
    )


def _worst(result: Result, name: str) -> None:
    part = result.parts[name]
    places = np.argsort(-np.nan_to_num(part.per_picture, nan=-1), kind="stable")[:WORST]
    st.caption("The largest errors: a hard pose, a wrong label, or something that the net takes for a head.")
    pose_draw.shelf([pointed(result, name, int(place)) for place in places], most=4, least=200)
