"""Lessons that compare runs: half precision, small pictures first, and an honest look at Tiramisu."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import Row
from labcore.specs import SegmentationSpec, Stage
from pages.parts import seg_source, words
from pages.parts.seg_race import race

PAPER_CLASSES = 12
"""CamVid's eleven gathered classes, and void."""
SMALLEST = 32
"""Half of less than this leaves the bottom of the U without a pixel."""


def half_precision(spec: SegmentationSpec, row: Row | None) -> None:
    """The same plan in 32 and in 16 bits: time, memory and quality."""
    here = (row.device if row else None) or spec.device
    half = "bf16" if "cpu" in here or here == "auto" else "fp16"
    st.markdown(
        "`.to_fp16()` computes with 16 bits instead of 32, from single to half precision: half the memory for what "
        "lies between the layers, and on tensor cores two to three times the speed. If memory runs out often, it is "
        "the first thing to try. *Funny enough it sometimes improved the result*: rounding is noise, and noise "
        "regularizes."
    )
    if half == "bf16":
        st.caption(
            "On a CPU the lab races bf16, which needs no loss scaling; whether it is faster depends on the processor, "
            "and on many it is slower. The memory is the whole worker's peak, most of which is libraries."
        )
    race({"32 bits": spec.but(precision="fp32"), f"16 bits ({half})": spec.but(precision=half)}, key="half race")


def halved(spec: SegmentationSpec) -> SegmentationSpec:
    """The same plan with its first half of epochs at half the size, then the whole size from the same weights.

    Raises:
        UserError: the pictures are too small, or the plan too short, to be halved.
    """
    size = spec.image_size
    height, width = (size, size) if isinstance(size, int) else size
    small = (height // 2, width // 2)
    if min(small) < SMALLEST:
        raise UserError(f"Half of {height}x{width} is too small for a U of five levels. Choose larger pictures.")
    epochs = sum(stage.epochs for stage in spec.plan)
    if epochs < 2:
        raise UserError("A plan of one epoch cannot be split in two. Give it more.")
    stages: list[Stage] = []
    left = epochs // 2
    for stage in spec.plan:
        first = min(left, stage.epochs)
        name = stage.name or "stage"
        if first:
            stages.append(stage.but(name=f"{name}-half", epochs=first, image_size=small))
        if stage.epochs > first:
            stages.append(stage.but(name=name, epochs=stage.epochs - first, image_size=(height, width)))
        left -= first
    return spec.but(plan=tuple(stages))


def small_first(spec: SegmentationSpec) -> None:
    """Progressive resizing against the full size all the way."""
    st.markdown(
        "Half the side is a quarter of the work. The notebook trains CamVid at half size, then goes on **from the same "
        "weights** at full size: convolutions do not care how large a picture is. To the net the larger pictures are "
        "like a new set, so that it overfits less."
    )
    try:
        lanes = {"full size all the way": spec, "half size first": halved(spec)}
    except UserError as error:
        st.info(str(error), icon=":material/info:")
        return
    race(lanes, key="small race")


@dataclass(frozen=True)
class Stored:
    """A published or stored result: what was measured, on what, so that nobody compares unlike things."""

    what: str
    classes: str
    size: str
    part: str
    accuracy: float
    where: str


STORED = (
    Stored("Tiramisu, FC-DenseNet103", "11", "360x480, then full", "test, 233 pictures", 0.915, "arXiv:1611.09326"),
    Stored("fastai, unet resnet34", "32", "360x480", "valid, videos as in train", 0.9270, "lesson3-camvid, cell 34"),
    Stored("fastai, unet resnet34", "32", "720x960", "valid, videos as in train", 0.9333, "lesson3-camvid, cell 49"),
    Stored("fastai, unet resnet34", "12 (11 and void)", "360x480", "valid", 0.9406, "lesson3-camvid-tiramisu"),
)


def tiramisu(spec: SegmentationSpec, row: Row | None) -> None:
    """What was compared with what when the notes say that fastai beats Tiramisu."""
    st.markdown(
        "The notes say that fastai's U-Net is *better than the state of the art, the hundred-layer Tiramisu*. Look at "
        "what stands in each column before you believe any such sentence."
    )
    rows = [
        {
            "what": one.what,
            "classes": one.classes,
            "size": one.size,
            "measured on": one.part,
            "pixel accuracy": words.percent(one.accuracy),
            "from": one.where,
        }
        for one in STORED
    ]
    mine = _mine(spec, row)
    st.table(pd.DataFrame(rows + mine).set_index("what"))
    st.markdown(
        "- **Classes differ.** Guessing right among 11 gathered classes is not the task of 32, where tree and "
        "vegetation, car and van are apart, and some classes have only a handful of pixels.\n"
        "- **Pictures differ.** fastai's valid pictures come from the same videos as its training pictures; "
        "Tiramisu's test videos were never seen.\n"
        "- **Void differs.** Both leave it out, but the 32 codes have other void pixels than the 11.\n"
        "- The notebook *camvid-tiramisu* uses the paper's subset. Only that row can be held against the paper's, and "
        "still one is valid and the other test."
    )
    told = seg_source.told_of(row)
    if spec.dataset.name == "camvid" and spec.classes == "all" and told and len(told["codes"]) > PAPER_CLASSES:
        st.caption("Under More, *Classes: eleven* gathers the 32 codes into the paper's classes.")
    elif spec.dataset.name != "camvid":
        st.caption("This run has other data altogether: its accuracy belongs in no row of this table.")


def _mine(spec: SegmentationSpec, row: Row | None) -> list[dict[str, str]]:
    told = seg_source.told_of(row)
    if spec.dataset.name != "camvid" or row is None or row.status != "done" or told is None:
        return []
    height, width = told["image_size"]
    found = []
    for part, name in (("valid", "pixel_accuracy"), ("test", "test_pixel_accuracy")):
        if name in row.metrics:
            found.append(
                {
                    "what": f"this run, {spec.arch}",
                    "classes": str(sum(not code["void"] for code in told["codes"])),
                    "size": f"{height}x{width}",
                    "measured on": f"{part}, {told[f'{part}_items']} pictures",
                    "pixel accuracy": words.percent(row.metrics[name]),
                    "from": f"run {row.id[:6]}",
                }
            )
    return found
