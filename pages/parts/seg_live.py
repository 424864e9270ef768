"""While a U-Net trains: the watched pictures sharpen, the curves move, and numbers stand beside their baselines."""

import time

import streamlit as st

from labcore.runs.store import ACTIVE, Row, open_store
from pages.parts import run_panel, seg_source, words
from pages.parts.kept import artifact
from pages.parts.live_curve import Curve, live_curve
from pages.parts.mask_viewer import timelapse
from pages.parts.run_actions import replay_now

PAGE = "segmentation"
SERIES = ("train_loss", "smooth_loss", "valid_loss", "pixel_accuracy", "mean_iou")
LOOK_EVERY = 2.0
"""Seconds between two looks at the masks while a run trains; the curves move by themselves."""


def watch(row: Row) -> None:
    """Masks and numbers; looks again every two seconds while the run is under way."""

    def again() -> None:
        now = open_store().get(row.id)
        if now.status not in ACTIVE:
            st.rerun()
        lapse(now, live=True)
        numbers(now)

    if row.status in ACTIVE:
        st.fragment(again, run_every=LOOK_EVERY)()
    else:
        lapse(row, live=False)
        numbers(row)


def lapse(row: Row, *, live: bool) -> None:
    """The masks of the watched pictures after every epoch."""
    told, found = seg_source.told_of(row), artifact(row, "timelapse.npz")
    if told is None or found is None or not len(found["at"]):
        if live:
            done = "Waiting for the first masks: after the first epoch they appear here."
            st.info(done if row.status == "running" else "Waiting in the queue.", icon=":material/hourglass_top:")
        return
    judged = None if live else artifact(row, "confusion.npz")
    names = {} if judged is None else dict(zip(judged["rows"].tolist(), judged["items"].tolist(), strict=True))
    items = [names.get(number, f"picture {number}") for number in found["rows"].tolist()]
    epochs = sum(stage["epochs"] for stage in told["stages"])
    timelapse(found, seg_source.codes_of(told), items, key="timelapse", epochs=epochs, live=live)


def curves(row: Row) -> None:
    """Losses, and accuracy and IoU over the baseline, live or kept."""
    known = {row.id: run_panel.known_of(row, SERIES)}
    replay = replay_now()
    left, right = st.columns(2)
    with left:
        answer = live_curve(
            known,
            [
                Curve(row.id, "smooth_loss", "training loss, smoothed", 0, faint="train_loss", width=4),
                Curve(row.id, "valid_loss", "valid loss", 1, dash="dash", width=4),
            ],
            key="seg losses", page=PAGE, x_label="batch", y_label="loss", height=320, replay=replay,
            empty="The first batches are on their way.", status_line=row.status != "done",
            message=f"Training and valid loss; the valid loss ends at {words.number(row.metrics.get('valid_loss'))}.",
        )  # fmt: skip
    with right:
        live_curve(
            known,
            [
                Curve(row.id, "pixel_accuracy", "pixel accuracy, without void", 0, width=4),
                Curve(row.id, "mean_iou", "mean IoU", 3, dash="dash", width=4),
            ],
            key="seg scores", page=PAGE, x_label="batch", y_label="valid pictures", y_format="percent", height=320,
            empty="Measured after each epoch.", status_line=False, replay=replay,
            message=f"Pixel accuracy without void ends at {words.percent(row.metrics.get('pixel_accuracy'))}, "
            f"mean IoU at {words.percent(row.metrics.get('mean_iou'))}.",
        )  # fmt: skip
    if answer.fallback and not run_panel.polling():
        st.session_state["polling"] = True
        st.rerun()


def numbers(row: Row) -> None:
    """The run's numbers in one line, each beside what one gets without looking."""
    series, told, metrics = run_panel.series_of(row), seg_source.told_of(row) or {}, row.metrics

    def last(name: str) -> float | None:
        return float(series[name].values[-1]) if name in series and len(series[name].values) else None

    baseline = metrics.get("baseline_pixel_accuracy", told.get("baselines", {}).get("pixel_accuracy"))
    said = told.get("baselines", {}).get("class", "one class")
    below = None if baseline is None else f"all {said} {words.percent(baseline)}"
    place = metrics.get("baseline_position_accuracy")
    cells = [
        ("Pixel accuracy", words.percent(metrics.get("pixel_accuracy", last("pixel_accuracy"))), below),
        ("Mean IoU", words.percent(metrics.get("mean_iou", last("mean_iou"))), None),
        ("Valid loss", words.number(metrics.get("valid_loss", last("valid_loss"))), None),
    ]
    if place is not None:
        cells.insert(1, ("Without looking", words.percent(place), "by place alone"))
    if "test_pixel_accuracy" in metrics:
        test = f"mean IoU {words.percent(metrics.get('test_mean_iou'))}"
        cells.append(("On the test split", words.percent(metrics["test_pixel_accuracy"]), test))
    if row.status in ACTIVE:
        cells.append(("Time left", words.seconds(left(row)), row.message or None))
    else:
        memory = metrics.get("memory", last("memory"))
        used = None if memory is None else words.size(memory * 1e6)
        cells.append(("Time", words.seconds(metrics.get("seconds", row.seconds)), used))
    # They wrap on a narrow screen rather than being cut off.
    with st.container(horizontal=True, gap="medium"):
        for label, value, below in cells:
            st.metric(label, value, below, delta_color="off", delta_arrow="off", width="content")


def left(row: Row) -> float | None:
    """Seconds left, from the pace so far; None before the first steps."""
    if not row.done or not row.total or not row.started:
        return None
    spent = max(row.seconds, time.time() - row.started)
    return spent * (row.total - row.done) / row.done
