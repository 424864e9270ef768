"""``python -m labcore predict RUN PICTURE... --out``: masks of pictures, without a browser."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from labcore.errors import UserError

CODES = "codes.txt"
SHOWN = 5


def predict_masks(
    run: str, card: Mapping[str, Any], pictures: Sequence[Path], out: Path | None, detail: float, as_json: bool
) -> None:
    """Say which classes each picture shows, and write its mask as an indexed PNG with ``codes.txt`` beside it.

    Args:
        run: whose export answers.
        card: its card.
        pictures: files.
        out: a .png for one picture, or a folder for many; None writes nothing.
        detail: how closely to look, see ``labcore.evaluation.segmentation_predict``.
        as_json: one object per picture.
    """
    from labcore.data.decode import Unusable, open_picture
    from labcore.evaluation.segmentation_predict import Segmenter
    from labcore.runs.artifacts import Artifacts

    places = _places(pictures, out)
    model = Segmenter(Artifacts().read(run, "model.onnx"), card)
    bad = 0
    for path, place in zip(pictures, places, strict=True):
        try:
            picture = np.asarray(open_picture(path))
        except Unusable as error:
            bad += 1
            click.echo(f"{path}: {error}", err=True)
            continue
        found = model.answer(picture, detail)
        if place is not None:
            _write(place, model.png(found.mask))
            _write(place.parent / CODES, model.codes().encode())
        if as_json:
            height, width = found.mask.shape
            answer = {"file": str(path), "size": [height, width], "shares": found.shares, "tiles": found.tiles}
            click.echo(json.dumps(answer | ({"mask": str(place)} if place else {})))
        else:
            words = ", ".join(f"{name} {share:.0%}" for name, share in list(found.shares.items())[:SHOWN])
            click.echo(f"{path}: {words}" + (f" -> {place}" if place else ""))
    if bad == len(pictures):
        sys.exit(2)


def _places(pictures: Sequence[Path], out: Path | None) -> list[Path | None]:
    if out is None:
        return [None] * len(pictures)
    if out.suffix.lower() == ".png":
        if len(pictures) > 1:
            raise UserError(f"{out.name} holds one mask, and there are {len(pictures)} pictures. Name a folder.")
        return [out]
    if out.suffix:
        raise UserError(f"{out.name}: masks are written as .png. Name a .png or a folder.")
    places = [out / f"{path.stem}.png" for path in pictures]
    if len(set(places)) < len(places):
        raise UserError(
            "Two of the pictures have the same name, so that one mask would overwrite the other. Split them."
        )
    return places


def _write(place: Path, data: bytes) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    except OSError as error:
        raise UserError(f"{place} cannot be written ({error.strerror}). Choose another place.") from None
