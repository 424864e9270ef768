"""The live panel of the head pose lesson: error and loss under both splits, baselines beside them, the verdict."""

from typing import Any

import streamlit as st

from labcore.runs.store import ACTIVE, Row, open_store
from labcore.specs import HeadPoseSpec
from pages.parts import run_panel, words
from pages.parts.ft_live import left
from pages.parts.kept import artifact
from pages.parts.live_curve import Curve, Known, live_curve
from pages.parts.pose_result import FOLD
from pages.parts.pose_result import RANDOM as RANDOM_PART
from pages.parts.pose_result import VALID as VALID_PART
from pages.parts.run_actions import replay_now

PAGE = "head_pose"
TRAIN, VALID, ERROR = "train_loss", "valid_loss", "pixel_error"
TWIN = "random_"
"""Prefix of everything that the random split's twin logs and measures."""
LOOK_EVERY = 2.0
"""Seconds between two looks at numbers and pictures while a run trains; the curves move by themselves."""
LEAKS = 1.2
"""A random split that looks this many times better than the one by person flatters; less is luck on a few people."""
BASELINES = {
    "mean_point_error_median": "mean point",
    "person_mean_error_median": "mean point of each person",
    "random_mean_point_error_median": "mean point",
    "random_person_mean_error_median": "mean point of each person",
}
SQUARED = {"mean_point_mse": "mean point"}
"""The same beside the loss, where the loss is the mean squared error."""
LEARNT = 0.8
"""Above this share of the mean point's error a net has learnt too little for its splits to be compared."""
ALIKE = 0.03
"""Baselines closer than this are one line."""


def told_of(row: Row | None) -> dict[str, Any]:
    """What the run itself says of its plan; empty before it does."""
    return (artifact(row, "plan.json") or {}) if row else {}


def unit_of(spec: HeadPoseSpec) -> str:
    """What errors are measured in."""
    return "degrees" if spec.target == "angles" else "pixels"


def trials_of(spec: HeadPoseSpec, told: dict[str, Any]) -> dict[str, str]:
    """Prefix of the series of each trial, by its split: as the run itself says, else as its protocol does."""
    return told.get("prefixes") or (
        {VALID_PART: "", RANDOM_PART: TWIN} if spec.protocol == "both" else {VALID_PART: ""}
    )


def curves(row: Row | None, spec: HeadPoseSpec, told: dict[str, Any]) -> None:
    """Error and loss, live or kept; logarithmic, so that a tenth of the baseline is as far from it as a hundredth."""
    trials = trials_of(spec, told)
    names = [f"{prefix}{name}" for prefix in trials.values() for name in (TRAIN, VALID, ERROR)]
    known = {row.id: run_panel.known_of(row, names)} if row else {}
    lines, losses = (_error_lines(row, spec, trials), _loss_lines(row, spec, trials)) if row else ([], [])
    if row and told.get("steps"):
        beside = _constants(told, BASELINES)
        square = _constants(told, SQUARED) if spec.loss == "mse" else {}
        known["baselines"] = Known(series={key: values for key, (_, values) in (beside | square).items()})
        for drawn, found in ((lines, beside), (losses, square)):
            drawn += [
                Curve("baselines", key, label, 5, dash=("dot", "dashdot")[place % 2])
                for place, (key, (label, _)) in enumerate(found.items())
            ]
    fallback = False
    for key, label, drawn, height in (
        ("pose errors", f"median error, {unit_of(spec)} (log scale)", lines, 360),
        ("pose losses", f"{spec.loss} loss, −1 to 1 (log scale)", losses, 230),
    ):
        if key == "pose losses" and row is None:
            break
        answer = live_curve(
            known, drawn, key=key, page=PAGE, x_label="batch", y_label=label, log_y=True, height=height, clip=0.0,
            message=_message(row, spec) if key == "pose errors" else "Loss of the training and the held-out pictures.",
            empty=_empty(row), status_line=key == "pose errors" and row is not None and row.status != "done",
            replay=replay_now(),
        )  # fmt: skip
        fallback |= answer.fallback
    if fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def _empty(row: Row | None) -> str:
    if row is None:
        return "Nothing trained yet with these settings. Press “Train”: curves move within seconds."
    return "The first batches are on their way." if row.status in ACTIVE else "This run left no points."


def _both(spec: HeadPoseSpec) -> bool:
    return spec.protocol != "one"


def _folds(row: Row, trials: dict[str, str], series: str) -> list[Curve]:
    """A line per person held out; of a finished run their mean within the span from the best to the worst."""
    folds = {part.removeprefix(FOLD): prefix for part, prefix in trials.items() if part.startswith(FOLD)}
    band = f"each of {len(folds)} people held out once" if row.status == "done" else None
    return [Curve(row.id, f"{prefix}{series}", name, 0, width=4 if band else 2, band=band)
            for name, prefix in folds.items()]  # fmt: skip


def _error_lines(row: Row, spec: HeadPoseSpec, trials: dict[str, str]) -> list[Curve]:
    lines = _folds(row, trials, ERROR)
    if VALID_PART in trials:
        lines.append(Curve(row.id, ERROR, "new people" if _both(spec) else "held out", 0, width=4))
    if RANDOM_PART in trials:
        label = "random frames of known people"
        lines.append(Curve(row.id, f"{trials[RANDOM_PART]}{ERROR}", label, 1, dash="dash", width=4))
    return lines


def _loss_lines(row: Row, spec: HeadPoseSpec, trials: dict[str, str]) -> list[Curve]:
    lines = _folds(row, trials, VALID)
    if VALID_PART in trials:
        lines.append(Curve(row.id, VALID, "valid, new people" if _both(spec) else "valid", 0, width=4))
        lines.append(Curve(row.id, TRAIN, "training", 0, dash="dot", width=2))
    if RANDOM_PART in trials:
        prefix = trials[RANDOM_PART]
        lines.append(Curve(row.id, f"{prefix}{VALID}", "valid, random frames", 1, dash="dash", width=4))
        lines.append(Curve(row.id, f"{prefix}{TRAIN}", "training, random split", 1, dash="dot", width=2))
    return lines


def _constants(told: dict[str, Any], names: dict[str, str]) -> dict[str, tuple[str, tuple]]:
    """Baselines as flat curves over the whole run, so that the axis is as long as the run from the start."""
    found, said = {}, {}
    for key, label in names.items():
        value = (told.get("baselines") or {}).get(key)
        # Under both splits the mean point errs about alike, and a line upon another one cannot be seen.
        if value is None or label in said or any(abs(value / other - 1) < ALIKE for other in said.values()):
            continue
        said[label] = value
        found[key] = (label, ([0, told["steps"]], [value, value], []))
    return found


def _message(row: Row | None, spec: HeadPoseSpec) -> str:
    if row is None or "pixel_error_median" not in row.metrics:
        return ""
    unit, metrics = unit_of(spec), row.metrics
    parts = [f"Median error after each epoch; it ends at {metrics['pixel_error_median']:.2f} {unit} on held-out people"]
    if f"{TWIN}pixel_error_median" in metrics:
        parts.append(f"at {metrics[f'{TWIN}pixel_error_median']:.2f} {unit} on random frames of known ones")
    if "mean_point_error_median" in metrics:
        parts.append(f"against {metrics['mean_point_error_median']:.1f} {unit} for always saying the mean point")
    return ", ".join(parts) + "."


def panel(row: Row | None, spec: HeadPoseSpec, told: dict[str, Any]) -> None:
    """The verdict; while the run trains, the numbers so far, looked at again every two seconds."""
    if row is None:
        return
    if row.status not in ACTIVE:
        verdict(row, spec)
        return

    def again() -> None:
        now = open_store().get(row.id)
        # The end of the run, and the plan file with its baselines, change the whole page.
        if now.status not in ACTIVE or bool(told_of(now)) != bool(told):
            st.rerun()
        _so_far(now, spec)

    st.fragment(again, run_every=LOOK_EVERY)()


def _so_far(row: Row, spec: HeadPoseSpec) -> None:
    series, plan = run_panel.series_of(row), told_of(row)
    told = plan.get("baselines") or {}

    def last(prefix: str) -> float | None:
        curve = series.get(f"{prefix}{ERROR}")
        return float(curve.values[-1]) if curve is not None and len(curve.values) else None

    cells = []
    for part, prefix in trials_of(spec, plan).items():
        value = last(prefix)
        if part.startswith(FOLD):
            if value is not None:  # the person whose turn it was last
                name = f"Held out: {part.removeprefix(FOLD)}"
                cells = [(name, value, told.get("mean_point_error_median"))]
        elif part == RANDOM_PART:
            cells.append(("Random frames", value, told.get("random_mean_point_error_median")))
        else:
            cells.append(("New people" if _both(spec) else "Held out", value, told.get("mean_point_error_median")))
    with st.container(horizontal=True, gap="large"):
        for name, value, baseline in cells:
            _metric(name, measured(value, spec), baseline_words(baseline, spec))
        _metric("Time left", words.seconds(left(row)), f"now: {row.message}" if row.message else None)


def measured(value: float | None, spec: HeadPoseSpec) -> str:
    """An error with its unit."""
    return "–" if value is None else f"{value:.2f} {'°' if spec.target == 'angles' else 'px'}"


def baseline_words(value: float | None, spec: HeadPoseSpec, what: str = "mean point") -> str | None:
    """A baseline as the line below a number."""
    return None if value is None else f"{what}: {value:.1f} {'°' if spec.target == 'angles' else 'px'}"


def _metric(name: str, value: str, below: str | None) -> None:
    st.metric(name, value, below, delta_color="off", delta_arrow="off", width="content")


def verdict(row: Row, spec: HeadPoseSpec) -> None:
    """What came out, in numbers beside their baselines, and whether the random split flatters."""
    metrics = row.metrics
    error = metrics.get("pixel_error_median")
    if error is None:
        return
    what = "mean angles" if spec.target == "angles" else "mean point"
    at_random = metrics.get(f"{TWIN}pixel_error_median")
    with st.container(horizontal=True, gap="large"):
        name = "Median error, new people" if _both(spec) else "Median error, held out"
        _metric(name, measured(error, spec), baseline_words(metrics.get("mean_point_error_median"), spec, what))
        if at_random is not None:
            _metric(
                "The random split says", measured(at_random, spec),
                baseline_words(metrics.get(f"{TWIN}mean_point_error_median"), spec, what),
            )  # fmt: skip
        _metric("90th percentile", measured(metrics.get("pixel_error_p90"), spec), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        leak_badge(metrics, spec)
        share, base = metrics.get("pixel_error_relative"), metrics.get("mean_point_error_median")
        parts = [] if share is None else [f"{words.percent(share)} of the picture's width"]
        if base and error:
            nearer = f"{base / error:.1f} times nearer than the {what}"
            parts.append(nearer if error <= LEARNT * base else f"hardly nearer than the {what}")
        parts += [f"MSE {metrics['mse']:.2e} (targets from −1 to 1)"] if "mse" in metrics else []
        if parts:
            st.caption(", ".join(parts))


def leak_badge(metrics: dict[str, Any], spec: HeadPoseSpec) -> None:
    """Whether the random split lies, and how much."""
    ratio = metrics.get("leak_ratio")
    if ratio is None:
        return
    base = metrics.get("mean_point_error_median")
    if base is not None and metrics["pixel_error_median"] > LEARNT * base:
        st.badge("Hardly nearer than the mean point: train longer", icon=":material/help:", color="gray")
    elif ratio >= LEAKS:
        st.badge(
            f"Leak: the random split looks {ratio:.1f}x better than it is", icon=":material/water_drop:", color="orange"
        )
    elif ratio > 1 / LEAKS:
        st.badge(f"No leak to see: both splits agree ({ratio:.2f}x)", icon=":material/check:", color="green")
    else:
        st.badge(f"The held-out people are easy: {ratio:.2f}x", icon=":material/help:", color="gray")
