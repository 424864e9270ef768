"""The projector mode, the cover over results, the link to share: on the pages, and as functions."""

from io import BytesIO

import pytest
import segno
from page_helpers import button, labels, texts

from labcore.specs import LRFinderSpec
from pages.parts import share
from pages.parts.lessons import lessons


def test_a_link_opens_the_projector_mode_and_leave_ends_it(visit, record):
    record()
    app = visit("lr_finder", present="1")
    assert {"Back", "Next", "Leave", "Share"} <= set(labels(app)) and "Present" not in labels(app)
    assert f"Lesson {[one.path for one in lessons()].index('lr_finder') + 1} of {len(lessons())}" in texts(app)
    assert app.expander[0].label == "Controls"
    button(app, "Leave").click().run()
    assert "Present" in labels(app) and "present" not in app.query_params
    assert "Controls" not in [one.label for one in app.expander]


def test_the_mode_stays_on_the_way_from_lesson_to_lesson(visit, record):
    record()
    app = visit()
    button(app, "Present").click().run()
    for lesson in lessons()[:2]:
        button(app, "Next").click().run()
        assert not app.exception
        assert app.query_params["present"] in ("1", ["1"])
        assert f"Lesson {lessons().index(lesson) + 1} of" in texts(app)
    button(app, "Back").click().run()
    assert "Lesson 1 of" in texts(app)


def test_while_presenting_rules_wait_for_a_key(visit, record):
    record(LRFinderSpec())
    app = visit("lr_finder", present="1")
    assert "Reveal the rules" in labels(app) and not app.tabs
    button(app, "Reveal the rules").click().run()
    assert app.tabs


def test_a_network_address_takes_the_place_of_localhost():
    own = share.address_of("http://localhost:8501/lr_finder", "seed=3&pick=0.01", "192.168.0.7")
    assert own.link == "http://192.168.0.7:8501/lr_finder?seed=3&pick=0.01" and own.replaced and not own.here_only
    alone = share.address_of("http://127.0.0.1:8501/", "", None)
    assert alone.here_only and alone.link == "http://127.0.0.1:8501/"
    cloud = share.address_of("https://unfreeze.streamlit.app/collab", "factors=5", "10.0.0.1")
    assert cloud.link == "https://unfreeze.streamlit.app/collab?factors=5" and not (cloud.replaced or cloud.here_only)
    six = share.address_of("http://[::1]:8501/", "", "fd00::7")
    assert six.link == "http://[fd00::7]:8501/"


def test_the_code_holds_the_link_and_keeps_its_quiet_zone():
    link = "http://192.168.0.7:8501/lr_finder?seed=3"
    drawn = share.code_of(link)
    assert drawn.startswith("<svg") and "#fff" in drawn
    symbol = segno.make(link, error="m", micro=False)
    side = (symbol.symbol_size(border=0)[0] + 2 * 4) * 8
    assert f'width="{side}"' in drawn
    out = BytesIO()
    symbol.save(out, kind="svg", scale=8, border=4, xmldecl=False, svgns=False, nl=False)
    path = out.getvalue().decode().split(' d="')[1].split('"')[0]
    assert path in drawn
    with pytest.raises(segno.DataOverflowError):
        share.code_of(link + "x" * 3000)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.9.9.9"])
def test_names_of_this_very_computer(host):
    assert share.is_local(host)
