"""What a public lab lets a visitor ask for, so that one visitor cannot take the machine from the others."""

from pathlib import Path

from labcore import specs
from labcore.errors import UserError
from labcore.settings import settings

MAX_SIDE = 128
"""Pixels; the embedded sets are drawn no larger."""
MAX_STEPS = 400
"""Rates of a range test: four times the default."""
MAX_EPOCHS = 20
MAX_BATCH = 128
MAX_SECONDS = 300.0
"""A public run is stopped after this long; the longest default run takes a third of it."""
MAX_WAITING = 20
"""Runs in the queue of a public lab; who comes later is told to wait."""


def check(spec: specs.Spec) -> None:
    """Refuse what a public lab does not offer; a local lab offers everything.

    Raises:
        UserError: the spec names a path on the server, or asks for more than a visitor's share.
    """
    if settings().mode != "public":
        return
    root = spec.dataset.root if hasattr(spec, "dataset") else ""
    uploads = (settings().home / "uploads").resolve()
    if root and not Path(root).resolve().is_relative_to(uploads):
        raise UserError("This public lab opens no folders of its server. Upload a zip instead, or run the lab at home.")
    weights = getattr(spec, "weights", "none")
    if weights not in ("embedded", "none", "pretrained"):
        raise UserError("This public lab opens no weight files of its server. Choose embedded or none.")
    size = getattr(spec, "image_size", MAX_SIDE)
    stages = getattr(spec, "plan", ())
    sizes = [size, *(stage.image_size for stage in stages if stage.image_size is not None)]
    longest = max(side if isinstance(side, int) else max(side) for side in sizes)
    epochs = sum(stage.epochs for stage in stages) or getattr(spec, "epochs", 0)
    steps = max([stage.steps for stage in stages] + [getattr(spec, "num_it", 0)])
    for name, asked, most in (
        ("Picture sides", longest, MAX_SIDE),
        ("Batches", spec.batch_size if isinstance(spec, specs.ImageSpec) else 0, MAX_BATCH),
        ("Epochs", epochs, MAX_EPOCHS),
        ("Steps", steps, MAX_STEPS),
    ):
        if asked > most:
            way_out = "Ask for less, or run the lab at home."
            raise UserError(f"{name} of this public lab end at {most}; this asks for {asked}. {way_out}")
