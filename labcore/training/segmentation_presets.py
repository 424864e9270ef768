"""Ready-made plans for segmentation: the notes' own, and the lab's for small nets; free of torch, for pages."""

from labcore.specs import SegmentationSpec, Stage
from labcore.training.plans import Preset

LR, FULL_LR = 3e-3, 1e-3
"""The notes' rates at half and at full size."""
OLD_DIV_FINAL = 2.5e5
"""fastai v1, with which the notes' notebook ran, ends a cycle at the top rate over 25 times 1e4."""
HALF = ((48, 64), (96, 128))
"""Half size and full size, as (height, width): course-v3 goes from 360 x 480 to 720 x 960."""


def _notes(name: str, lr: float, epochs: int, pct_start: float, **more) -> Stage:
    return Stage(name=name, lr=lr, epochs=epochs, pct_start=pct_start, div_final=OLD_DIV_FINAL, **more)


NOTES = (
    _notes("decoder", LR, 10, 0.9, freeze_to=-1, tenth=True),
    _notes("all", LR / 4, 12, 0.8, lr_lo=LR / 400),
)
NOTES_FULL = (
    *(stage.but(name=f"half-{stage.name}", image_size=HALF[0]) for stage in NOTES),
    _notes("full-decoder", FULL_LR, 10, 0.8, freeze_to=-1, tenth=True, image_size=HALF[1]),
    Stage(name="full-all", lr=1e-4, lr_lo=1e-6, epochs=10, div_final=OLD_DIV_FINAL, pct_start=0.3, image_size=HALF[1]),
)

PRESETS: tuple[Preset, ...] = (
    Preset(
        "lab",
        "Decoder, then all",
        SegmentationSpec().plan,
        "The notes' order at rates for a small net from small features: the decoder first, then all of it.",
        "after course-v3, lesson3-camvid",
    ),
    Preset(
        "notes",
        "Notes: 10 + 12, slices",
        NOTES,
        "slice(3e-3) climbing for nine tenths of the way, then slice(lr/400, lr/4).",
        "course-v3, lesson3-camvid, cells 28 and 34: accuracy 0.893, then 0.927",
    ),
    Preset(
        "growing",
        "Notes: half size, then full",
        NOTES_FULL,
        "The same weights meet the same pictures at twice the side.",
        "course-v3, lesson3-camvid, cells 28 to 49: accuracy 0.933",
    ),
    Preset(
        "half_then_full",
        "Half size, then full, for the lab",
        (
            Stage(name="half", epochs=8, lr=6e-3, lr_lo=2e-3, image_size=HALF[0]),
            Stage(name="full", epochs=5, lr=4e-3, lr_lo=1e-3, image_size=HALF[1]),
        ),
        "Half the side is a quarter of the work: most of the learning happens there.",
        "lesson 3 notes: progressive resizing",
    ),
)
"""The plans on offer; the first is the default."""
