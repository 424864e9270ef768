"""WCAG 2.2, level AA, on the palette: 4.5:1 for text, 3:1 for what is drawn; and every figure says its message."""

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
THEME = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
STYLES = sorted((REPOSITORY / "assets" / "components").glob("*/*.css"))
TEXT, DRAWN = 4.5, 3.0
CAPTION = 0.6
"""Streamlit writes captions in the text's colour with this much of it."""
NO_TEXT = re.compile(r"aria-pressed=\"false\"|:disabled|\bi\b|::|canvas|svg")
"""Selectors of what is switched off (WCAG asks nothing of it) or holds no text."""

Color = tuple[float, float, float]


def color(text: str) -> Color:
    digits = text.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(letter * 2 for letter in digits)
    return tuple(int(digits[place : place + 2], 16) for place in (0, 2, 4))


def over(top: Color, share: float, under: Color) -> Color:
    return tuple(share * a + (1 - share) * b for a, b in zip(top, under, strict=True))


def luminance(of: Color) -> float:
    linear = [value / 255 for value in of]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in linear]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_21_to_1():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast(color("#767676"), color("#fff")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
class TestPalette:
    def grounds(self, mode: str) -> list[Color]:
        return [color(THEME[mode][name]) for name in ("backgroundColor", "secondaryBackgroundColor")]

    def test_text_links_and_captions(self, mode):
        ink, link = color(THEME[mode]["textColor"]), color(THEME[mode]["linkColor"])
        for ground in self.grounds(mode):
            assert contrast(ink, ground) >= 7
            assert contrast(link, ground) >= TEXT
            assert contrast(over(ink, CAPTION, ground), ground) >= TEXT

    def test_words_in_red_green_and_orange(self, mode):
        for name in ("redTextColor", "greenTextColor", "orangeTextColor"):
            for ground in self.grounds(mode):
                assert contrast(color(THEME[mode][name]), ground) >= TEXT, name

    def test_white_letters_on_what_acts_and_its_frame(self, mode):
        acts = color(THEME[mode]["primaryColor"])
        assert contrast((255, 255, 255), acts) >= TEXT
        assert contrast(acts, self.grounds(mode)[0]) >= DRAWN

    def test_curves(self, mode):
        for text in THEME[mode]["chartCategoricalColors"]:
            for ground in self.grounds(mode):
                assert contrast(color(text), ground) >= DRAWN, text

    @pytest.mark.parametrize("file", STYLES, ids=lambda file: file.stem)
    def test_faded_text_of_components(self, mode, file):
        ink = color(THEME[mode]["textColor"])
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", file.read_text(encoding="utf-8")):
            faded = re.search(r"(?<![\w-])opacity:\s*(0?\.\d+)", body)
            if faded and not NO_TEXT.search(selector):
                for ground in self.grounds(mode):
                    assert contrast(over(ink, float(faded[1]), ground), ground) >= TEXT, selector.strip()


@pytest.mark.parametrize("file", STYLES, ids=lambda file: file.stem)
def test_components_that_name_both_colours(file):
    """Labels that lie on pictures: their ground lets some of the picture through, white or black."""
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", file.read_text(encoding="utf-8")):
        ink = re.search(r"(?<![\w-])color:\s*(#[0-9a-f]{3,6})\b", body)
        ground = re.search(r"background:\s*rgb\((\d+) (\d+) (\d+) / (\d+)%\)", body)
        if not (ink and ground):
            continue
        *tone, share = (float(part) for part in ground.groups())
        for picture in ((0, 0, 0), (255, 255, 255)):
            assert contrast(color(ink[1]), over(tuple(tone), share / 100, picture)) >= TEXT, selector.strip()


def test_no_page_draws_a_figure_without_its_message():
    files = [file for file in (REPOSITORY / "pages").rglob("*.py") if file.name != "chart.py"]
    assert [file.name for file in files if "plotly_chart" in file.read_text(encoding="utf-8")] == []
