"""``python -m labcore predict`` of a head-pose run: points in pictures, as lines, JSON or CSV."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from labcore.data.decode import Unusable, read_picture
from labcore.errors import UserError
from labcore.evaluation import point_predict
from labcore.runs.artifacts import Artifacts


def point(run: str, card: Mapping[str, Any], pictures: tuple[Path, ...], csv_file: Path | None, as_json: bool) -> None:
    """Say where the points of each picture are; exits with 2 if no picture can be used.

    Args:
        run: whose export answers.
        card: of that export.
        pictures: files.
        csv_file: also write a table here.
        as_json: one JSON object per picture instead of a line.
    """
    model = point_predict.Pointer(Artifacts().read(run, "model.onnx"), card)
    names, rows = [], []
    for path in pictures:
        try:
            picture, where = read_picture(path, model.size, point_predict.METHOD)
        except Unusable as error:
            click.echo(f"{path}: {error}", err=True)
            continue
        found = model.point(picture[None], np.asarray([where.width, where.height]))[0]
        said = dict(zip(model.names, found.round(2).tolist(), strict=True))
        words = ", ".join(f"{name} {_words(value)}" for name, value in said.items())
        answer = {"file": str(path), "angles" if model.angles else "points": said}
        click.echo(json.dumps(answer) if as_json else f"{path}: {words}")
        names.append(path.name)
        rows.append(found)
    if not names:
        sys.exit(2)
    if csv_file is not None:
        try:
            csv_file.write_text(point_predict.to_csv(model.columns, names, np.stack(rows)), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{csv_file} cannot be written ({error.strerror}). Choose another place.") from None


def _words(value: float | list[float]) -> str:
    return f"{value:.1f} degrees" if isinstance(value, float) else f"({value[0]:.1f}, {value[1]:.1f})"
