"""Which column of a table of predictions is what: guessed from names and first values, and said in words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from labcore.errors import UserError

PROBABILITY_WORDS = (
    *("probability", "proba", "probs", "prob", "predictions", "prediction", "preds", "pred", "score", "scores"),
    *("confidence", "conf", "sigmoid", "yhat", "y_pred", "y_prob", "y_score", "p"),
)
LOGIT_WORDS = ("logits", "logit", "raw", "out", "outputs")
TRUTH_WORDS = (
    *("ground_truth", "truths", "truth", "true", "targets", "target", "targs", "targ", "labels", "label", "actual"),
    *("gt", "y_true", "is", "y", "onehot"),
)
ID_WORDS = ("item", "id", "image_id", "image_name", "image", "name", "filename", "file", "key", "index")
PICTURE_WORDS = (
    "picture",
    "pictures",
    "image_path",
    "path",
    "url",
    "thumbnail",
    "image",
    "filename",
    "file",
    "image_name",
)
TAG_WORDS = ("tags", "labels", "truth", "truths", "classes", "targets", "target")
SEPARATORS = "_.:-/| "
YES, NO = {"1", "1.0", "true", "yes", "y", "t"}, {"0", "0.0", "false", "no", "n", "f", ""}


@dataclass(frozen=True)
class ColumnMap:
    """Which column is what.

    Attributes:
        labels: name of each label to (column of its probability, column of its truth); a truth of '' reads ``tags``.
        logits: whether probabilities are given as logits.
        item: column of ids, or ''.
        picture: column with paths or addresses of pictures, or ''.
        tags: column with the true labels in words (``clear road``), or ''.
        words: what was guessed, in sentences.
    """

    labels: dict[str, tuple[str, str]]
    logits: bool = False
    item: str = ""
    picture: str = ""
    tags: str = ""
    words: tuple[str, ...] = ()


def guess(sample: pa.Table, logits: bool | None = None) -> ColumnMap:
    """Which column is what, from names and the first values.

    A label has two columns, named after it with a word before or behind: ``road_prob`` and ``road_true``, ``p.road``
    and ``road``. Or the truths stand in words in a single column (``tags``).

    Raises:
        UserError: no pair of columns is found; the sentence names a layout that works.
    """
    kinds = {name: _contents(sample[name]) for name in sample.column_names}
    probable, true, bare = {}, {}, {}
    saw_logit_word = False
    for name, contents in kinds.items():
        base, word = _parted(name)
        # A column that is named as one of the two but holds something else is a mistake to be told, not to be left out.
        if contents not in ("binary", "number") and not word:
            continue
        if word in LOGIT_WORDS or word in PROBABILITY_WORDS:
            probable.setdefault(base, name)
            saw_logit_word |= word in LOGIT_WORDS
        elif word in TRUTH_WORDS:
            true.setdefault(base, name)
        else:
            bare[name] = name
    for name, column in bare.items():
        if name in true and name not in probable:
            probable[name] = column
        elif name in probable and name not in true and kinds[column] == "binary":
            true[name] = column
    item = _named(kinds, ID_WORDS)
    # A column of file names says where pictures are; plain ids do not.
    picture = _named({k: v for k, v in kinds.items() if v == "text" and _has_pictures(sample[k])}, PICTURE_WORDS, True)
    both = [label for label in probable if label in true]
    tags = ""
    if not both:
        words = {name: kind for name, kind in kinds.items() if kind == "text" and name not in (item, picture)}
        tags = _named(words, TAG_WORDS)
        if tags:
            numbers = {name: name for name in bare if name != item}
            both = list(probable or numbers)
            probable = probable or numbers
    if not both:
        raise UserError(
            "No label with both a probability and a truth was found. Name two columns per label, such as road_prob and "
            f"road_true (0 or 1), or give one column of tags. The columns are: {shown(sample.column_names)}."
        )
    labels = {label: (probable[label], "" if tags else true[label]) for label in both}
    lone = sorted(set(probable) ^ set(true)) if not tags else []
    said = [f"{len(labels)} labels: {', '.join(list(labels)[:4])}{' ...' if len(labels) > 4 else ''}."]
    first = next(iter(labels.values()))
    said.append(
        f"Probabilities from columns like {first[0]}, truths from {f'the words in {tags}' if tags else first[1]}."
    )
    if item:
        said.append(f"Ids from {item}.")
    if picture:
        said.append(f"Pictures from {picture}.")
    if lone:
        said.append(f"Left out, since one of the two columns is missing: {shown(lone)}.")
    return ColumnMap(labels, bool(saw_logit_word if logits is None else logits), item, picture, tags, tuple(said))


def _parted(name: str) -> tuple[str, str]:
    """A column's name as (label, word): ``road_prob`` and ``prob.road`` are both ('road', 'prob')."""
    lower = name.strip()
    for word in (*PROBABILITY_WORDS, *LOGIT_WORDS, *TRUTH_WORDS):
        for pattern in (rf"^(.+?)[{re.escape(SEPARATORS)}]{word}$", rf"^{word}[{re.escape(SEPARATORS)}](.+)$"):
            if found := re.fullmatch(pattern, lower, re.IGNORECASE):
                return found[1].strip(SEPARATORS), word
    return lower, ""


def _contents(column: pa.ChunkedArray) -> str:
    """``binary`` (0 and 1, yes and no), ``number``, ``text`` or ``empty``."""
    values = column.drop_null()
    if not len(values):
        return "empty"
    if pa.types.is_boolean(values.type):
        return "binary"
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        numbers = np.asarray(values.to_numpy(), np.float64)
        return "binary" if np.isin(numbers, (0, 1)).all() else "number"
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        words = {str(value).strip().lower() for value in values.to_pylist()}
        return "binary" if words <= YES | NO and words - {""} else "text"
    return "other"


def _named(kinds: Mapping[str, str], words: Sequence[str], loosely: bool = False) -> str:
    by_lower = {name.strip().lower(): name for name in kinds}
    for word in words:
        if word in by_lower:
            return by_lower[word]
    return next(iter(kinds), "") if loosely else ""


def _has_pictures(column: pa.ChunkedArray) -> bool:
    values = [str(value).lower() for value in column.drop_null().slice(0, 20).to_pylist()]
    return bool(values) and all(re.search(r"\.(jpe?g|png|webp|gif|bmp)(\?|$)|^https?://", value) for value in values)


def shown(names: Sequence[str]) -> str:
    return ", ".join(list(names)[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
