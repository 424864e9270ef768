"""Links from page to page bring what they name, and nothing that the last page's controls held."""

import pytest

from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec
from pages.parts import carry


def test_settings_travel_in_one_parameter():
    assert carry.link({"dataset.name": "pets", "lr": "1e-3"}) == {"with": "dataset.name=pets&lr=1e-3"}
    assert carry.link({}) == {"with": "defaults"}


def test_named_fields_arrive_and_the_rest_is_the_default(visit, record):
    record(LRFinderSpec())
    app = visit("lr_finder", num_it="50", seed="3")
    assert app.selectbox(key="num_it").value == 50
    app.switch_page("fine_tune.py")
    app.query_params.clear()
    app.query_params["with"] = "batch_size=16&dataset.limit=200"
    app.run()
    assert not app.exception
    assert app.selectbox(key="batch_size").value == 16 and app.selectbox(key="dataset.limit").value == 200
    assert app.number_input(key="seed").value == 0, "another page's seed stays there"
    assert "with" not in app.query_params


@pytest.mark.parametrize("carried", ["defaults", "nonsense", "num_it=50&num_it=60", "%%%"])
def test_whatever_a_link_carries_the_page_opens(visit, carried):
    app = visit("lr_finder", **{"with": carried})
    assert not app.exception and not open_store().find()
