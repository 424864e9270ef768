"""The Runs page: compare, export, import, delete."""

from page_helpers import texts

from labcore.runs.bundles import export_run
from labcore.runs.run import Run
from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec


def test_an_empty_lab_says_so_and_can_import(visit):
    app = visit("runs")
    assert "No runs yet" in texts(app)
    assert app.file_uploader


def test_two_runs_show_only_what_differs(visit, record):
    runs = [record(), record(LRFinderSpec(batch_size=16))]
    app = visit("runs", run=runs)
    assert app.multiselect(key="chosen").value == runs
    differs = app.table[0].value
    assert list(differs.index) == ["batch_size"]
    assert set(differs.iloc[0]) == {"64", "16"}


def test_the_overview_lists_every_run_with_its_state(visit, record):
    record()
    record(LRFinderSpec(seed=1), status="stopped", points=20)
    table = visit("runs").dataframe[0].value
    assert set(table["state"]) == {"Done", "Stopped"}


def test_an_exported_run_comes_back_after_it_was_deleted(visit, record):
    run = record()
    bundle = export_run(run)
    app = visit("runs", run=run)
    next(one for one in app.button if one.label == "Delete for good").click().run()
    assert open_store().find() == []
    app.file_uploader[0].upload("run.zip", bundle, "application/zip").run()
    assert not app.exception
    assert Run(run).metrics["lr_valley"] > 0
    assert len(Run(run).series("smooth_loss").steps) == 92


def test_a_file_that_is_no_run_is_refused_in_words(visit, record):
    record()
    app = visit("runs")
    app.file_uploader[0].upload("run.zip", b"no zip at all", "application/zip").run()
    assert "it is not a zip file" in texts(app)
    assert len(open_store().find()) == 1


def test_a_replay_says_that_it_is_one(visit, record):
    record()
    app = visit("runs")
    app.select_slider(key="replay speed").set_value(10).run()
    assert "replay at 10x" in texts(app)


def test_a_stopped_run_can_start_over_from_here(visit, record):
    run = record(status="stopped", points=20)
    app = visit("runs", run=run)
    next(one for one in app.button if one.label == "Start over").click().run()
    assert open_store().get(run).status in ("queued", "running")


def test_a_stopped_run_with_a_checkpoint_can_go_on(visit, record):
    run = record(status="stopped", points=20)
    open_store().update(run, checkpoint_step=20)
    app = visit("runs", run=run)
    assert "Resume goes on from there" in texts(app)
    assert "Resume" in [one.label for one in app.button]
