"""A server that was restarted on an empty disk: old links open, and say in one sentence what is not there any more."""

import pytest
from page_helpers import labels, texts

GONE = "19ab00000000deadbeef"


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("runs", {"run": GONE}, f"Run {GONE} of this link is not in this lab"),
        ("runs", {"run": [GONE, "19ab00000000deadbee0"]}, "2 runs of this link are not in this lab"),
        ("data_block", {"dataset__name": "own", "upload": "0" * 32}, "Upload it again"),
        ("lr_finder", {"dataset__name": "own", "upload": "0" * 32}, "Upload it again"),
        ("fine_tune", {"start_from": f"{GONE}/head"}, "clear “Start from a saved stage”"),
        ("fine_tune", {"collected": f"{GONE}/gathered.npz"}, "clear “Gathered pictures”"),
    ],
)
def test_what_a_link_names_and_is_gone_is_one_sentence(visit, page, query, said):
    app = visit(page, **query)
    assert said in texts(app)


def test_the_rest_of_an_old_link_still_holds(visit):
    app = visit("lr_finder", num_it="50", seed="3", run=GONE)
    assert app.selectbox(key="num_it").value == 50 and app.number_input(key="seed").value == 3
    assert "Find the rate" in labels(app)
