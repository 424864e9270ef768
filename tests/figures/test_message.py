"""What figures say to people who do not see them."""

import numpy as np
import plotly.graph_objects as go
import pytest

from labcore.figures.message import LETTERS, message


def test_a_curve_is_told_by_its_ends_and_its_turn():
    drawn = go.Figure(go.Scatter(x=[1, 2, 3], y=[2.5, 0.5, 4.0], mode="lines", name="loss"))
    drawn.update_layout(xaxis_title="batch", yaxis_title="training <b>loss</b>")
    assert message(drawn) == "training loss by batch. loss from 2.5 at 1 to 4 at 3, lowest 0.5 at 2."


def test_gaps_and_names_do_not_disturb_it():
    drawn = go.Figure(go.Scatter(x=["a", "b", "c"], y=[None, 1.0, np.nan], name="one"))
    assert message(drawn, "Left") == "Left. one 1 at b."
    assert message(go.Figure(), "Nothing yet") == "Nothing yet."


def test_bars_cells_and_points():
    bars = go.Figure(go.Bar(x=[0.2, 0.9], y=["cat", "dog"], orientation="h"))
    assert message(bars, "Shares") == "Shares. Largest: dog 0.9; smallest: cat 0.2."
    cells = go.Figure(go.Heatmap(z=[[9, 1], [4, 7]], x=["cat", "dog"], y=["cat", "dog"]))
    assert message(cells, "Confusion") == "Confusion. largest 9 at cat, cat."
    points = go.Figure(go.Scatter(x=[1, 2, 3], y=[5, 7, 6], mode="markers", name="films"))
    assert message(points, "Map") == "Map. films 3 points, 5 to 7."


@pytest.mark.parametrize("count", [6, 60])
def test_many_curves_stay_short(count):
    drawn = go.Figure([go.Scatter(x=[0, 1], y=[k, k + 1], mode="lines", name=f"curve {k}" * 3) for k in range(count)])
    text = message(drawn, "Many")
    assert len(text) <= LETTERS and f"{count - 4} more" in text
