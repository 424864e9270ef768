import tomllib
from pathlib import Path

import numpy as np

from labcore.figures import fine_tune as figures
from labcore.specs import Stage
from labcore.training.plans import preview

GROUPS = ("stem", "body", "head")


def test_the_palette_is_the_light_themes():
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    assert list(figures.PALETTE) == config["theme"]["light"]["chartCategoricalColors"]


def test_a_frozen_group_has_no_line_while_it_is_frozen():
    stages = (Stage(name="head", freeze_to=-1, epochs=2, lr=3e-3, tenth=True), Stage(name="all", epochs=3, lr_lo=1e-5))
    figure = figures.plan_figure(preview(stages, 64, 10, 3), GROUPS, step=25)
    stem = next(trace for trace in figure.data if trace.name == "stem")
    assert np.isnan(stem.y[:20]).all() and np.isfinite(stem.y[20:]).all()
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert "you are here" in texts and any("2 of 3 groups frozen" in text for text in texts)


def test_long_plans_are_thinned_but_keep_their_edges():
    plan = preview((Stage(freeze_to=-1, epochs=50), Stage(epochs=50)), 64, 100, 3)
    head = figures.plan_figure(plan, GROUPS).data[2]
    assert len(head.x) < 2_000
    assert {0, 4_999, 5_000, 9_999} <= set(head.x)


def test_the_xray_leaves_out_what_was_not_measured():
    steps = np.arange(5)
    series = {
        "lr_group_0": (steps, steps * 0.0),
        "lr_group_2": (steps, steps + 1.0),
        "distance_group_2": (steps, steps * 0.1),
    }
    figure = figures.xray_figure(series, GROUPS)
    assert {trace.name for trace in figure.data} == {"stem", "head"}
    assert np.isnan(figure.data[0].y).all()  # a rate of 0 has no place on a logarithmic axis
    assert [annotation.text for annotation in figure.layout.annotations] == [
        "learning rate",
        "distance from the start",
    ]


def test_confusion_cells_carry_their_place_and_mistakes_their_own_colour():
    figure = figures.confusion_figure([[3, 1], [0, 2]], ("cat", "dog"))
    right, wrong = figure.data
    assert right.customdata.tolist() == [[0, 0], [1, 1]] and wrong.customdata.tolist() == [[0, 1]]
    assert right.marker.color != wrong.marker.color
    assert wrong.x[0] == "dog" and wrong.y[0] == "cat"


def test_a_perfect_matrix_and_37_classes_are_drawn():
    assert len(figures.confusion_figure(np.eye(3, dtype=int), ("a", "b", "c")).data) == 1
    assert figures.confusion_figure(np.ones((37, 37), int), [f"c{i}" for i in range(37)]).data[0].mode == "markers"


def test_a_band_is_drawn_only_for_several_seeds():
    figure = figures.race_figure({"one": [0.3, 0.2], "two": [[0.3, 0.1], [0.5, 0.3]]}, baseline=0.9)
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 1 and bands[0].legendgroup == "two"
    mean = next(trace for trace in figure.data if trace.fill is None and trace.legendgroup == "two")
    np.testing.assert_allclose(mean.y, [0.4, 0.2])


def test_softmax_and_sigmoid_stand_side_by_side():
    figure = figures.answers_figure(("cat", "dog"), [0.9, 0.1], [0.02, 0.01])
    assert [trace.x.tolist() for trace in figure.data] == [[0.9, 0.1], [0.02, 0.01]]
