"""Figures of the learning-rate finder say what they should."""

import tomllib
from pathlib import Path

import numpy as np

from labcore.evaluation.lr_finder import SliceAdvice
from labcore.figures import lr_finder as figures
from labcore.figures.style import PALETTE


def test_the_palette_is_the_light_themes():
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    assert list(PALETTE) == config["theme"]["light"]["chartCategoricalColors"]


def test_a_slice_without_both_ends_is_left_out():
    advice = (
        SliceAdvice("rise / 10", 1e-5, (6e-4, 3e-4), "", ""),
        SliceAdvice("elbow / 10", None, (6e-4,), "", "", "never shoots up"),
        SliceAdvice("1e-5", 1e-5, (), "", ""),
    )
    figure = figures.slice_figure(advice)
    assert [tuple(trace.x) for trace in figure.data] == [(1e-5, 6e-4), (1e-5, 3e-4)]
    assert figure.layout.yaxis.type == "category"  # "1e-5" is a name here, not a number


def test_accuracy_stands_over_a_linear_rate_with_its_baseline():
    figure = figures.accuracy_figure([0.0, 0.01, 0.02], [0.1, 0.4, 0.2], log=False, guess=1 / 12)
    assert figure.layout.xaxis.type == "linear"
    assert figure.layout.shapes[0].y0 == 1 / 12


def test_the_pick_is_the_top_of_the_cycle():
    figure = figures.one_cycle_figure(np.linspace(0, 3e-3, 20), 3e-3)
    assert figure.layout.shapes[0].y0 == 3e-3 and max(figure.data[0].y) == 3e-3
