"""How the lab says numbers, times and states: the same on every page."""

import math
import time

STATES = {
    "queued": ("Queued", ":material/schedule:", "gray"),
    "running": ("Running", ":material/play_circle:", "orange"),
    "done": ("Done", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "stopped": ("Stopped", ":material/stop_circle:", "gray"),
}
"""For each status of a run: its word, its sign and its colour (never the colour alone)."""


def rate(value: float | None) -> str:
    """A learning rate as papers and fastai write it.

    >>> rate(0.0031), rate(1e-7), rate(0.5), rate(10.0)
    ('3.1e-3', '1e-7', '0.5', '10')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = int(exponent)
    if -1 <= power <= 1:
        return f"{value:.2g}"
    return f"{mantissa.removesuffix('.0')}e{power}"


def number(value: float | None, digits: int = 3) -> str:
    """A loss or a metric with three significant digits."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:#.{digits}g}".rstrip(".")


def percent(value: float | None) -> str:
    """A share with one decimal."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def seconds(value: float | None) -> str:
    """A duration.

    >>> seconds(0.4), seconds(14.2), seconds(300), seconds(9000)
    ('0.4 s', '14 s', '5 min', '2.5 h')
    """
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    if value < 90:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes in megabytes or gigabytes (decimal)."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def when(moment: float | None) -> str:
    """A point in time, local to the server."""
    if moment is None:
        return "–"
    then = time.localtime(moment)
    today = time.localtime()
    clock = time.strftime("%H:%M", then)
    if then[:3] == today[:3]:
        return f"today {clock}"
    return f"{then.tm_mday} {time.strftime('%b %Y', then)} {clock}"


def factor(mine: float, theirs: float) -> str:
    """How far one rate is from another, in words.

    >>> factor(1e-2, 1e-3), factor(1e-3, 1.1e-3), factor(6.3e-7, 3e-3)
    ('10x higher', 'about the same', '4,800x lower')
    """
    ratio = mine / theirs
    if 0.8 < ratio < 1.25:
        return "about the same"
    times = float(f"{max(ratio, 1 / ratio):.2g}")
    return f"{times:,g}x {'higher' if ratio > 1 else 'lower'}"
