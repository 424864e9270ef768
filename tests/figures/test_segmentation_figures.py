import numpy as np

from labcore.figures import segmentation as figures
from labcore.figures import segmentation_lessons as lessons

NAMES = ("Sky", "Road", "Tram")
COLORS = ((10, 20, 30), (40, 50, 60), (70, 80, 90))


def level(stride: int, channels: int, skip: int, up: int) -> dict[str, int]:
    return {
        "stride": stride,
        "channels": channels,
        "h": 96 // stride,
        "w": 128 // stride,
        "skip_channels": skip,
        "decoder_channels": up,
    }


LEVELS = (level(1, 0, 0, 16), level(2, 24, 24, 24), level(4, 56, 56, 32), level(8, 152, 0, 0))


def said(figure) -> str:
    return " ".join(str(one.text) for one in figure.layout.annotations)


def test_bars_have_the_colours_of_their_classes_and_dice_stands_beside():
    figure = figures.classes_figure(NAMES, [0.9, 0.5, np.nan], [0.95, 0.67, np.nan], COLORS, mean=0.7)
    bars, marks = figure.data
    assert list(bars.marker.color) == ["rgb(10,20,30)", "rgb(40,50,60)", "rgb(70,80,90)"]
    assert list(marks.x[:2]) == [0.95, 0.67] and "0.700" in said(figure)


def test_a_class_without_pixels_has_no_place_on_the_axis_of_frequencies():
    figure = figures.imbalance_figure(NAMES, [0.6, 0.4, 0.0], [0.9, 0.5, np.nan], COLORS)
    assert list(figure.data[0].text) == ["Road", "Sky"] and "1 %" in said(figure)


def test_confusion_is_in_shares_of_what_is_there_and_parts_right_from_wrong():
    figure = figures.confusion_figure([[90, 10, 0], [0, 50, 50], [0, 0, 0]], NAMES)
    right, wrong = figure.data
    assert list(right.text) == ["90", "50"] and list(wrong.text) == ["10", "50"]
    assert [tuple(place) for place in wrong.customdata] == [(0, 1), (1, 2)]
    assert right.marker.color != wrong.marker.color


def test_borders_leave_out_distances_without_pixels_and_name_the_rest():
    figure = figures.border_figure([[1, 2], [0, 0], [9, 10]], accuracy=0.8)
    line = next(trace for trace in figure.data if trace.name == "pixel accuracy")
    assert list(line.x) == [0, 2] and list(line.y) == [0.5, 0.9]
    assert figure.layout.xaxis.ticktext[-1] == "2 and more"


def test_the_u_tells_every_shape_and_draws_a_cut_connection_as_cut():
    figure = lessons.u_figure(LEVELS, 12, off=(1,))
    shapes = {trace.text[0] for trace in figure.data}
    assert {"96x128 · 3", "48x64 · 24", "24x32 · 56", "24x32 · 32", "12x16 · 152"} <= shapes
    texts = [one.text for one in figure.layout.annotations if one.text]
    assert "skip 0: 24 channels" in texts and texts.count("cut") == 1
    assert "12 scores for every pixel" in texts
    assert "cut" not in said(lessons.u_figure(LEVELS, 12))


def test_a_body_that_gives_nothing_at_a_level_has_no_connection_there():
    levels = (level(1, 0, 0, 16), level(2, 0, 0, 24), level(4, 96, 96, 32), level(8, 152, 0, 0))
    texts = said(lessons.u_figure(levels, 12))
    assert "skip 0" not in texts and "skip 1: 96 channels" in texts and "cut" not in texts


def test_rate_and_losses_share_their_batches_and_long_curves_are_thinned():
    steps = np.arange(5000)
    figure = lessons.cycle_figure((steps, steps * 1e-6), (steps, 1 / (steps + 1)), ([10, 20], [1.0, 0.5]),
                                  stages=[("decoder", 0), ("all", 2000)])  # fmt: skip
    rate, loss, valid = figure.data
    assert len(rate.x) <= lessons.MAX_POINTS and rate.x[-1] == loss.x[-1] == 4999
    assert list(valid.y) == [1.0, 0.5] and {"decoder", "all"} <= set(said(figure).split())
