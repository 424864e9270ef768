"""What a figure says, in a sentence for people who do not see it: read from the figure itself, so it cannot lie."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

SPOKEN = 4
"""Curves that are told one by one; more of them nobody can keep apart by ear."""
LETTERS = 480
"""A longer description is no short alternative any more."""


def message(figure: go.Figure, title: str = "") -> str:
    """Ends and lowest places of curves, largest and smallest bars, the strongest cell of a matrix.

    Args:
        figure: any figure of this lab.
        title: what it is about; its own title, else its axes are taken.

    >>> drawn = go.Figure(go.Bar(x=["cat", "dog"], y=[0.25, 0.5]))
    >>> message(drawn, "Share of each class")
    'Share of each class. Largest: dog 0.5; smallest: cat 0.25.'
    """
    said = [_parts(trace) for trace in figure.data]
    told = [text for text in said if text]
    more = f" and {len(told) - SPOKEN} more" if len(told) > SPOKEN else ""
    text = ". ".join(part.rstrip(".") for part in (title or _title(figure), "; ".join(told[:SPOKEN]) + more) if part)
    return text[: LETTERS - 1] + "…" if len(text) >= LETTERS else f"{text}."


def _title(figure: go.Figure) -> str:
    layout = figure.layout
    if layout.title.text:
        return _plain(layout.title.text)
    # Small multiples keep their axes' names in numbered axes and their headings in annotations.
    heights = [_plain(axis.title.text) for axis in figure.select_yaxes() if axis.title.text]
    widths = [_plain(axis.title.text) for axis in figure.select_xaxes() if axis.title.text]
    named = " and ".join(dict.fromkeys(heights)) or ", ".join(
        dict.fromkeys(_plain(note.text) for note in layout.annotations if note.text)
    )
    return f"{named} by {widths[0]}" if named and widths else named or " ".join(widths)


def _plain(text: str) -> str:
    out, inside = [], False
    for letter in text:
        if letter in "<>":
            inside = letter == "<"
            out.append(" " if letter == ">" else "")
        elif not inside:
            out.append(letter)
    return " ".join("".join(out).split())


def _parts(trace: object) -> str:
    kind = trace.type
    if kind == "bar":
        return _bars(trace)
    if kind in ("scatter", "scattergl"):
        return _curve(trace)
    if kind == "heatmap":
        return _matrix(trace)
    return _plain(trace.name or "")


def _curve(trace: go.Scatter) -> str:
    if trace.x is None or trace.y is None or trace.hoverinfo == "skip" or not len(trace.x):
        return ""
    name = _plain(trace.name or "")
    heights, known = _numbers(trace.y)
    if not known.any() or (trace.showlegend is False and not name):
        return ""
    steps = np.flatnonzero(known)
    first, last, low = steps[0], steps[-1], steps[int(np.argmin(heights[known]))]
    high = steps[int(np.argmax(heights[known]))]
    if len(steps) == 1:
        told = f"{_said(heights[first])} at {_said(trace.x[first])}"
    elif "lines" in (trace.mode or "lines"):
        turn = low if low not in (first, last) else high
        way = f", {'lowest' if turn == low else 'highest'} {_said(heights[turn])} at {_said(trace.x[turn])}"
        ends = [f"{_said(heights[end])} at {_said(trace.x[end])}" for end in (first, last)]
        told = f"from {ends[0]} to {ends[1]}"
        told += way if turn not in (first, last) else ""
    else:
        told = f"{len(steps)} points, {_said(heights[low])} to {_said(heights[high])}"
    return f"{name} {told}".strip()


def _bars(trace: go.Bar) -> str:
    names, values = (trace.y, trace.x) if trace.orientation == "h" else (trace.x, trace.y)
    if names is None or values is None or not len(names):
        return ""
    heights, known = _numbers(values)
    if not known.any():
        return ""
    steps = np.flatnonzero(known)
    high, low = steps[int(np.argmax(heights[known]))], steps[int(np.argmin(heights[known]))]
    told = f"largest: {_said(names[high])} {_said(heights[high])}"
    told += f"; smallest: {_said(names[low])} {_said(heights[low])}" if high != low else ""
    name = _plain(trace.name or "")
    return f"{name} {told}" if name else told[0].upper() + told[1:]


def _matrix(trace: go.Heatmap) -> str:
    cells = np.asarray(trace.z, float)
    if cells.ndim != 2 or not np.isfinite(cells).any():
        return ""
    row, column = np.unravel_index(np.nanargmax(cells), cells.shape)
    rows, columns = (names if names is not None else range(99_999) for names in (trace.y, trace.x))
    return f"largest {_said(cells[row, column])} at {_said(rows[row])}, {_said(columns[column])}"


def _numbers(values: Sequence) -> tuple[np.ndarray, np.ndarray]:
    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError):  # names, or gaps among numbers
        numbers = np.array([_number(value) for value in values])
    return numbers, np.isfinite(numbers)


def _number(value: object) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _said(value: object) -> str:
    number = _number(value)
    return f"{number:.3g}" if math.isfinite(number) else _plain(str(value))
