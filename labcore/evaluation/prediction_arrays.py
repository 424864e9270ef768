"""Predictions from arrays: an NPZ with probabilities (or logits) and truths; nothing in it is ever unpickled."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labcore.errors import UserError
from labcore.evaluation.prediction_columns import LOGIT_WORDS, PROBABILITY_WORDS, TRUTH_WORDS, ColumnMap, shown
from labcore.evaluation.prediction_files import Predictions, short


def from_npz(source: Path | bytes, name: str, logits: bool | None) -> Predictions:
    """Probabilities, truths, names, ids and pictures of an archive; not yet checked."""
    try:
        with np.load(source if isinstance(source, Path) else io.BytesIO(source), allow_pickle=False) as archive:
            lower = {key.lower(): key for key in archive.files}

            def first(words: Sequence[str]) -> tuple[str, np.ndarray | None]:
                key = next((lower[word] for word in words if word in lower), "")
                return key, archive[key] if key else None

            said, p = first(PROBABILITY_WORDS)
            as_logits = False
            if p is None or logits:
                said, p = first(LOGIT_WORDS) if first(LOGIT_WORDS)[0] else (said, p)
                as_logits = True
            true, y = first([word for word in TRUTH_WORDS if word not in ("is", "label")])
            if p is None or y is None or p.ndim != 2:
                raise UserError(
                    f"{name} needs an array probs (or logits) and an array targets, both items x labels. It holds: "
                    f"{shown(archive.files)}."
                )
            _, classes = first(("classes", "names", "class_names", "vocab"))
            _, items = first(("items", "ids", "item", "id"))
            _, pictures = first(("pictures", "images"))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{name} cannot be read as NPZ ({short(error)}). Arrays of objects are never read.") from None
    if y.shape != p.shape:
        raise UserError(f"{name}: {said} is {p.shape} and {true} {y.shape}. Both must be items x labels, alike.")
    if classes is not None and len(classes) != p.shape[1]:
        raise UserError(f"{name} names {len(classes)} classes for {p.shape[1]} columns. Give one name per column.")
    if items is not None and len(items) != len(p):
        raise UserError(f"{name} has {len(items)} ids for {len(p)} rows. Give one per row.")
    if p.dtype.kind not in "fiu":
        raise UserError(f"{name}: {said} holds no numbers ({p.dtype}).")
    if y.dtype != np.bool_ and (y.dtype.kind not in "fiu" or not ((y == 0) | (y == 1)).all()):
        raise UserError(f"{name}: truths in {true} must be 0 or 1. Correct them.")
    names = tuple(map(str, classes)) if classes is not None else tuple(f"label {k}" for k in range(p.shape[1]))
    labels = {label: (f"{said}[{k}]", f"{true}[{k}]") for k, label in enumerate(names)}
    fitting = pictures is not None and pictures.dtype == np.uint8 and pictures.ndim == 4 and len(pictures) == len(p)
    words = (f"{len(names)} labels, values from {said}, truths from {true}.",)
    mapping = ColumnMap(labels, as_logits, words=words)
    ids = np.asarray(items).astype(str) if items is not None else np.arange(len(p)).astype(str)
    true_labels = y.astype(np.bool_, copy=False)
    return Predictions(
        names, p.astype(np.float32, copy=False), true_labels, ids, mapping, pictures if fitting else None
    )
