"""Pictures with their targets drawn on them, as HTML that scales with the screen: labels, masks, points."""

import base64
import colorsys
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from PIL import Image

VEIL = 0.5
"""How strongly a mask covers its picture: both stay readable."""
VOID_COLOR = (24, 24, 28)
LONGEST_LABEL = 60
QUALITY = 90
POINT_COLORS = ("#ffb000", "#4cc9f0", "#f15bb5", "#80ed99", "#ffffff", "#ff6b35")

STYLE = """<style>
.shelf{display:grid;gap:.75rem;margin:.25rem 0 .5rem;
--share:calc((100% - (var(--most) - 1)*.75rem)/var(--most));
grid-template-columns:repeat(auto-fill,minmax(max(var(--least),var(--share)),1fr))}
.shelf figure{margin:0;min-width:0}
.shelf .frame{position:relative;line-height:0;border-radius:.5rem;overflow:hidden;background:rgba(128,128,128,.15)}
.shelf img{width:100%;height:auto;display:block}
.shelf figcaption{font-size:1rem;line-height:1.35;margin-top:.3rem;overflow-wrap:anywhere}
.shelf figcaption small{opacity:.75;font-size:.875rem}
.shelf .point{position:absolute;width:1rem;height:1rem;margin:-.5rem 0 0 -.5rem;border-radius:50%;
border:3px solid;box-shadow:0 0 0 2px rgba(0,0,0,.75),inset 0 0 0 2px rgba(0,0,0,.6);box-sizing:border-box}
.shelf .gone{display:grid;place-items:center;aspect-ratio:1;padding:.75rem;
line-height:1.3;font-size:.95rem;text-align:center}
.codes{display:flex;flex-wrap:wrap;gap:.3rem .9rem;font-size:1rem;margin:.2rem 0 .6rem}
.codes i{display:inline-block;width:1rem;height:1rem;border-radius:.2rem;margin-right:.35rem;vertical-align:-.1rem;
box-shadow:0 0 0 1px rgba(128,128,128,.6)}
</style>"""


@dataclass(frozen=True)
class Shown:
    """One picture on a shelf.

    Attributes:
        image: uint8 [H, W, 3] or [H, W]; None where the file cannot be used, then ``title`` says why.
        title: what stands below it.
        note: a second line, smaller.
        mask: uint8 [H, W] codes to draw over it.
        points: [P, 2] in its pixels, drawn on it where they are inside.
    """

    image: np.ndarray | None
    title: str = ""
    note: str = ""
    mask: np.ndarray | None = None
    points: np.ndarray | None = field(default=None)


def class_colors(count: int, void: int | None) -> np.ndarray:
    """uint8 [count, 3], a colour per class: golden steps round the circle, alternating in brightness."""
    colors = np.zeros((count, 3), np.uint8)
    for code in range(count):
        # Neighbouring codes land far apart on the circle; brightness alternates for those who see hues alike.
        hue, level = (0.56 + code * 0.618034) % 1, (0.95, 0.6, 0.8)[code % 3]
        colors[code] = np.round(np.array(colorsys.hsv_to_rgb(hue, (0.75, 0.9, 0.55)[code % 3], level)) * 255)
    if void is not None:
        colors[void] = VOID_COLOR
    return colors


def veiled(image: np.ndarray, mask: np.ndarray, colors: np.ndarray, share: float = VEIL) -> np.ndarray:
    """A picture under its mask, uint8 [H, W, 3]."""
    painted = colors[np.minimum(mask, len(colors) - 1)]
    return (image * (1 - share) + painted * share + 0.5).astype(np.uint8)


def shelf(pictures: Sequence[Shown], *, colors: np.ndarray | None = None, most: int = 6, least: int = 130) -> None:
    """A grid of pictures: ``most`` in a row, fewer where each would be narrower than ``least`` pixels."""
    figures = "".join(_figure(one, colors) for one in pictures)
    st.html(f'{STYLE}<div class="shelf" style="--most:{most};--least:{least}px">{figures}</div>')


def codes(names: Sequence[str], colors: np.ndarray, present: Sequence[int], void: int | None = None) -> None:
    """The legend of a mask."""
    chips = "".join(
        f'<span><i style="background:rgb{tuple(map(int, colors[code]))}"></i>{html.escape(names[code])}'
        f"{' (does not count)' if code == void else ''}</span>"
        for code in present
    )
    st.html(f'{STYLE}<div class="codes">{chips}</div>')


def _figure(one: Shown, colors: np.ndarray | None) -> str:
    title, note = html.escape(_short(one.title)), html.escape(one.note)
    caption = f"<figcaption>{title}{'<br>' if title and note else ''}<small>{note}</small></figcaption>"
    if one.image is None:
        return f'<figure><div class="frame gone">{html.escape(one.title)}</div></figure>'
    image = one.image
    if one.mask is not None and colors is not None:
        image = veiled(image, one.mask, colors)
    alt = html.escape(f"{one.title} {one.note}".strip(), quote=True)
    inner = f'<img src="{_data_url(image)}" alt="{alt}">{_points(one)}'
    return f'<figure><div class="frame">{inner}</div>{caption}</figure>'


def _points(one: Shown) -> str:
    if one.points is None:
        return ""
    height, width = one.image.shape[:2]
    spots = []
    for number, (x, y) in enumerate(one.points):
        if 0 <= x < width and 0 <= y < height:  # NaN never is
            color = POINT_COLORS[number % len(POINT_COLORS)]
            place = f"left:{100 * x / width:.2f}%;top:{100 * y / height:.2f}%;border-color:{color}"
            spots.append(f'<span class="point" style="{place}"></span>')
    return "".join(spots)


def _data_url(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    # Chroma at full resolution: masks and single channels are all edges.
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
