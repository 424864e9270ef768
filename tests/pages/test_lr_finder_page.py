"""The LR finder page in each of its states."""

import pytest
from page_helpers import button, labels, texts

from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec


def test_without_any_run_there_is_one_button_to_press(visit):
    app = visit("lr_finder")
    assert "Find the rate" in labels(app) and "Stop" not in labels(app)


def test_it_opens_on_the_finished_run_with_every_rule(visit, record):
    run = record()
    app = visit("lr_finder")
    table = app.table[0].value
    assert list(table.index) == ["valley", "slide", "steep", "minimum"]
    valley = open_store().get(run).metrics["lr_valley"]
    assert float(table.loc["valley", "rate"]) == pytest.approx(valley, rel=0.05)
    assert "embedded (synthetic) data" in texts(app) and "cached, trained on cpu" in texts(app)


def test_it_opens_on_the_latest_finished_run_where_the_default_was_never_run(visit, record):
    record(LRFinderSpec(batch_size=32, frozen=False))
    app = visit("lr_finder")
    assert app.selectbox(key="batch_size").value == 32
    assert app.toggle(key="frozen").value is False
    assert "elbow" in app.table[0].value.index


def test_a_link_reopens_the_same_settings(visit, record):
    record()
    record(LRFinderSpec(arch="resnet18", batch_size=16, end=1.0))
    app = visit("lr_finder", arch="resnet18", batch_size="16", end="1.0")
    assert app.selectbox(key="arch").value == "resnet18"
    assert app.selectbox(key="end").value == 1.0
    assert "Run again" in labels(app)


def test_a_link_with_nonsense_says_what_is_wrong(visit):
    app = visit("lr_finder", start="10.0", end="0.1")
    assert "not above its start 10" in texts(app)


def test_data_that_is_not_here_is_one_sentence_with_the_way_out(visit):
    app = visit("lr_finder", dataset__name="pets")
    assert "python -m labcore data get pets" in texts(app)


@pytest.mark.parametrize(
    ("status", "word", "offered"),
    [
        ("stopped", "Stopped after 30 of 100", "Start over"),
        ("failed", "The weights file is damaged", "Start over"),
        ("running", "", "Stop"),
        ("queued", "", "Stop"),
    ],
)
def test_every_state_is_drawn_and_offers_its_way_on(visit, record, status, word, offered):
    record(status=status, points=30)
    app = visit("lr_finder", start="1e-07")
    assert word in texts(app)
    assert offered in labels(app)


def test_rules_stay_hidden_until_a_pick_is_revealed(visit, record):
    record()
    app = visit("lr_finder", guess="true")
    assert not app.table and "Drag the warm line" in texts(app)
    app.query_params["pick"] = "0.004"
    app.run()
    assert "4e-3" in texts(app)
    button(app, "Reveal the rules").click().run()
    assert "valley" in app.table[0].value.index
    assert app.table[0].value.loc["valley", "your pick is"] != "–"


def test_pressing_stop_asks_the_run_to_stop(visit, record):
    run = record(status="running", points=30)
    app = visit("lr_finder", start="1e-07")
    button(app, "Stop").click().run()
    assert open_store().get(run).stop_requested


def test_pressing_start_queues_the_very_spec_of_the_page(visit):
    app = visit("lr_finder", batch_size="16", num_it="50")
    button(app, "Find the rate").click().run()
    (row,) = open_store().find()
    assert LRFinderSpec.of(row.spec) == LRFinderSpec(batch_size=16, num_it=50)
    assert row.status in ("queued", "running")
    assert "Stop" in labels(app)


def test_comparing_asks_only_for_what_was_never_run(visit, record):
    record()
    record(LRFinderSpec(batch_size=16))
    app = visit("lr_finder", compare=["batch sizes"])
    assert "Run batch of 256" in labels(app)


def test_the_jury_holds_a_lane_for_the_pick(visit, record):
    record()
    app = visit("lr_finder", tab="Jury", pick="0.0005")
    assert "Call the jury" in labels(app)
    assert "Drag the warm line on the curve above" not in texts(app)


def test_slices_of_an_unfrozen_run_name_four_variants_and_their_sources(visit, record):
    record(LRFinderSpec(frozen=False))
    app = visit("lr_finder", frozen="false", tab="Slices")
    table = app.table[0].value
    assert list(table.index) == ["rise / 10", "minimum / 10", "elbow / 10", "1e-5"]
    assert table["where"].str.len().gt(0).all()
    assert "frozen test is at hand" in texts(app)


def test_notes_speak_of_this_run(visit, record):
    record(LRFinderSpec(num_it=200), points=180)
    app = visit("lr_finder", num_it="200", tab="Notes")
    assert any("199" in one.value for one in app.latex)
    assert "ln 12" in texts(app) and "arxiv.org/abs/1506.01186" in texts(app)


def test_the_code_tab_gives_the_run_of_the_page(visit, record):
    spec = LRFinderSpec(batch_size=16, frozen=False)
    record(spec)
    app = visit("lr_finder", batch_size="16", frozen="false", tab="Code")
    command, program = app.code[0].value, app.code[1].value
    assert command == "python -m labcore run lr_finder --set frozen=false --set batch_size=16" or (
        "--set batch_size=16" in command and "--set frozen=false" in command
    )
    asked: dict = {}
    exec(program.split("\nrun = ")[0], asked)
    assert asked["spec"] == spec


def test_questions_of_the_notes_stand_beside_what_they_ask_about(visit, record):
    record()
    app = visit("lr_finder")
    said = texts(app)
    assert "one mini-batch for each rate" in said and "6,400 pictures" in said
    assert "training loss" in said and "Validation is cancelled" in said
    assert "not the minimum" in said or "goes back by a factor of 10" in said


def test_an_unfrozen_test_of_a_new_head_says_where_a_trained_one_comes_from(visit, record):
    on = LRFinderSpec(frozen=False, start_from="parentrun0/head")
    record(LRFinderSpec(frozen=False))
    record(on)
    assert "starts from a head that knows nothing" in texts(visit("lr_finder", frozen="false", tab="Slices"))
    app = visit("lr_finder", frozen="false", start_from=on.start_from, tab="Slices")
    assert app.text_input(key="start_from").value == on.start_from
    assert "knows nothing" not in texts(app) and "rise / 10" in app.table[0].value.index
