"""Pictures with points and arrows drawn on them, as HTML that scales with the screen."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts.data_pictures import STYLE

TARGET, SAID, EDGE = "#ffd23f", "#35c8ff", "rgba(0,0,0,.75)"
"""Yellow ring and blue dot, both with a dark rim: they stay readable on any picture, and differ by shape too."""
QUALITY = 88
PAIR = """<style>.shelf .two{display:grid;grid-template-columns:1fr 1fr;gap:2px}</style>"""


@dataclass(frozen=True)
class Pointed:
    """One picture and what is drawn on it.

    Attributes:
        picture: uint8 [H, W, 3]; None where it is not on this machine.
        title: what stands below it.
        note: a second line, smaller.
        target: [P, 2] in its pixels: rings.
        said: [P, 2] in its pixels: dots, with an arrow to the target where both are given.
    """

    picture: np.ndarray | None
    title: str = ""
    note: str = ""
    target: np.ndarray | None = None
    said: np.ndarray | None = None


def shelf(pictures: Sequence[Pointed], *, most: int = 6, least: int = 150) -> None:
    """A grid of pictures: ``most`` in a row, fewer where each would be narrower than ``least`` pixels."""
    _grid((_figure(one, [_image(one, one.target, one.said)]) for one in pictures), most, least)


def pairs(pictures: Sequence[Pointed], *, most: int = 3, least: int = 280) -> None:
    """As fastai's ``show_results``: the target on the left, the prediction on the right."""
    _grid((_figure(one, [_image(one, one.target, None), _image(one, None, one.said)]) for one in pictures), most, least)


def beside(left: Sequence[Pointed], right: Sequence[Pointed], *, most: int = 3, least: int = 280) -> None:
    """Two pictures each, as they are, under the title of the first."""
    both = zip(left, right, strict=True)
    _grid((_figure(a, [_image(a, a.target, a.said), _image(b, b.target, b.said)]) for a, b in both), most, least)


def _grid(figures, most: int, least: int) -> None:
    figures = list(figures)
    if not any(figures):
        st.info("The pictures of this set are not on this machine.", icon=":material/hide_image:")
        return
    st.html(f'{STYLE}{PAIR}<div class="shelf" style="--most:{most};--least:{least}px">{"".join(figures)}</div>')


def _figure(one: Pointed, images: list[str]) -> str:
    title, note = html.escape(one.title), html.escape(one.note)
    caption = f"<figcaption>{title}{'<br>' if title and note else ''}<small>{note}</small></figcaption>"
    if one.picture is None:
        return ""
    shown = images[0] if len(images) == 1 else f'<div class="two">{"".join(images)}</div>'
    return f'<figure><div class="frame">{shown}</div>{caption}</figure>'


def _image(one: Pointed, target: np.ndarray | None, said: np.ndarray | None) -> str:
    if one.picture is None:
        return ""
    what = " and ".join(
        name for name, points in (("the target", target), ("the prediction", said)) if points is not None
    )
    alt = html.escape(f"{one.title} {f'with {what} marked' if what else ''}".strip(), quote=True)
    return f'<img src="{drawing(one.picture, target, said)}" alt="{alt}">'


def drawing(picture: np.ndarray, target: np.ndarray | None = None, said: np.ndarray | None = None) -> str:
    """A picture with its marks as a data URL: an SVG around a JPEG, so that marks stay crisp at any size."""
    height, width = picture.shape[:2]
    unit = max(width, height) / 36
    parts = []
    for x, y in _inside(target, width, height):
        parts += [_ring(x, y, unit, EDGE, 0.95), _ring(x, y, unit, TARGET, 0.6)]
    if target is not None and said is not None:
        for (x1, y1), (x2, y2) in zip(_inside(said, width, height), _inside(target, width, height), strict=False):
            for color, share in ((EDGE, 0.75), (SAID, 0.45)):
                parts.append(
                    f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
                    f'stroke-width="{unit * share:.2f}" stroke-linecap="round"/>'
                )
    for x, y in _inside(said, width, height):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{unit * 0.75:.2f}" fill="{SAID}" stroke="{EDGE}" '
            f'stroke-width="{unit * 0.2:.2f}"/>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<image href="{jpeg(picture)}" width="{width}" height="{height}"/>{"".join(parts)}</svg>'
    )
    return "data:image/svg+xml," + quote(svg, safe="/:;,=+ '()")


def jpeg(picture: np.ndarray) -> str:
    """A picture as a data URL."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _inside(points: np.ndarray | None, width: int, height: int) -> list[tuple[float, float]]:
    """Points on the picture; one beyond its edge is drawn at the edge, one that is no number not at all."""
    if points is None:
        return []
    known = np.asarray(points, float).reshape(-1, 2)
    known = known[np.isfinite(known).all(axis=1)].clip(0, (width, height))
    return [(float(x), float(y)) for x, y in known]


def _ring(x: float, y: float, unit: float, color: str, thick: float) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{unit * 1.15:.2f}" fill="none" stroke="{color}" '
        f'stroke-width="{unit * thick:.2f}"/>'
    )
