"""``python -m labcore``: everything the pages do, without a browser.

Exit codes: 0 done, 1 the run failed or was stopped, 2 bad input (one sentence on stderr).
"""

import json
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from labcore import specs
from labcore.cli_thresholds import predict_command, thresholds_group
from labcore.errors import UserError
from labcore.runs.run import Run, run_here
from labcore.runs.store import ACTIVE, Row, open_store


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Unfreeze: a live lab for fine-tuning deep nets."""


# run


@cli.command("run")
@click.argument("experiment")
@click.option("--set", "settings_", multiple=True, metavar="NAME=VALUE", help="One field, e.g. dataset.name=pets.")
@click.option("--spec", "file", type=click.Path(path_type=Path), help="A JSON file with fields; --set goes over it.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
@click.option("--fresh", is_flag=True, help="Train anew even though the result is known.")
def run_command(experiment: str, settings_: tuple[str, ...], file: Path | None, as_json: bool, fresh: bool) -> None:
    """Carry out EXPERIMENT here, with a progress bar, recorded like any other run."""
    spec = specs.spec_type(experiment).of(_from_file(file) | dict(map(_assignment, settings_)))
    run = run_here(spec, fresh=fresh, began=_draw_progress)
    row = run.row
    if as_json:
        click.echo(json.dumps(_result(row, run)))
    elif row.status == "done":
        again = " (cached; --fresh trains anew)" if run.cached else ""
        click.echo(f"{row.experiment} {row.id} on {row.device}: {row.seconds:.1f} s{again}")
        for name, value in row.metrics.items():
            click.echo(f"  {name:<24} {value:.6g}" if isinstance(value, float) else f"  {name:<24} {value}")
    if row.status != "done":
        click.echo(row.error or f"The run was {row.status}.", err=True)
        sys.exit(1)


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(f"--set {text}: write NAME=VALUE, for example --set dataset.name=pets.")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{file} cannot be read ({getattr(error, 'strerror', None) or error}). Check the path."
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(f"{file} is no JSON (line {error.lineno}: {error.msg}). Correct it.") from None
    if not isinstance(values, dict):
        raise UserError(f"{file} holds no object. Write {{...}} with the spec's fields.")
    return values


def _result(row: Row, run: Run) -> dict[str, Any]:
    return {
        "run": row.id,
        "status": row.status,
        "experiment": row.experiment,
        "cached": run.cached,
        "seconds": round(row.seconds, 3),
        "device": row.device,
        "metrics": row.metrics,
    } | ({"error": row.error} if row.error else {})


def _draw_progress(run: str) -> None:
    """Draw a run's progress on stderr until it ends, from a thread of its own."""

    # A log file wants a line now and then, a terminal a bar that moves.
    pause = 0.2 if sys.stderr.isatty() else 5.0

    def draw() -> None:
        with tqdm(total=1, file=sys.stderr, leave=False, bar_format="{desc} {bar:30} {percentage:3.0f}%") as bar:
            while (row := open_store().get(run)).status in ACTIVE:
                bar.total, bar.n = max(row.total, 1), row.done
                bar.set_description_str(row.message or row.status)
                time.sleep(pause)

    threading.Thread(target=draw, name="progress", daemon=True).start()


@cli.command("warm")
@click.option("--record", type=click.Path(path_type=Path), help="Also write each run as a bundle into this folder.")
def warm_command(record: Path | None) -> None:
    """Run every lesson's default, so that a class starts on finished results; what was trained here is not run again.

    Recorded runs, which came with the lab, are redone on this machine.
    """
    from labcore.runs.engine import call
    from labcore.runs.recorded import ORIGIN
    from labcore.runs.recorded import record as write

    failed = False
    for name, spec_class in specs.EXPERIMENTS.items():
        run = run_here(spec_class(), began=_draw_progress)
        if run.row.origin == ORIGIN:
            run = run_here(spec_class(), fresh=True, began=_draw_progress)
        row = run.row
        click.echo(f"{name:<12} {row.status:<8} {row.seconds:6.1f} s  {row.id}  {row.error}")
        failed |= row.status != "done"
        if record is not None and row.status == "done":
            file = write(row.id, record, partial(call, "labcore.models.export", "halved"))
            click.echo(f"{'':<12} {file} {file.stat().st_size / 1e6:.1f} MB")
    if failed:
        sys.exit(1)


# runs


@cli.group("runs")
def runs_group() -> None:
    """Look after the runs that are kept."""


@runs_group.command("list")
@click.option("--json", "as_json", is_flag=True)
def runs_list(as_json: bool) -> None:
    """All runs, newest first."""
    for row in open_store().find():
        if as_json:
            click.echo(json.dumps({"run": row.id, "experiment": row.experiment, "status": row.status}))
            continue
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.created))
        click.echo(f"{row.id}  {when}  {row.experiment:<12} {row.status:<8} {row.seconds:7.1f} s  {row.device}")


@runs_group.command("show")
@click.argument("run")
def runs_show(run: str) -> None:
    """One run: what was asked, what came out."""
    row = _find(run)
    click.echo(json.dumps({name: getattr(row, name) for name in Row.__dataclass_fields__}, indent=2))


@runs_group.command("export")
@click.argument("run")
@click.argument("file", type=click.Path(path_type=Path))
def runs_export(run: str, file: Path) -> None:
    """Write RUN as a zip that `runs import` takes in elsewhere."""
    from labcore.runs.bundles import export_run

    data = export_run(_find(run).id)
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror}). Choose another place.") from None
    click.echo(f"{file} ({len(data) / 1e6:.1f} MB)")


@runs_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def runs_import(file: Path) -> None:
    """Take in a run that was exported elsewhere."""
    from labcore.runs.bundles import import_run

    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}). Check the path.") from None
    click.echo(import_run(data))


@runs_group.command("delete")
@click.argument("run")
def runs_delete(run: str) -> None:
    """Remove RUN with its points and files."""
    found = _find(run)
    Run(found.id).delete()
    click.echo(f"deleted {found.id}")


@runs_group.command("stop")
@click.argument("run")
def runs_stop(run: str) -> None:
    """Ask RUN to stop."""
    Run(_find(run).id).stop()


@runs_group.command("resume")
@click.argument("run")
def runs_resume(run: str) -> None:
    """Queue a stopped or failed RUN again; the engine goes on from its last checkpoint."""
    click.echo(Run(_find(run).id).resume().id)


def _find(run: str) -> Row:
    matches = open_store().find(prefix=run, limit=2)
    if len(matches) > 1:
        raise UserError(f"{run} begins the names of several runs. Give more of it.")
    return matches[0] if matches else open_store().get(run)


# engine and machine


@cli.command("engine")
@click.option("--stop", is_flag=True, help="End the engine of this LAB_HOME; a run in hand resumes with the next one.")
def engine_command(stop: bool) -> None:
    """Be the engine that carries out queued runs (the app starts it by itself)."""
    from labcore.runs import engine

    if stop:
        engine.end()
        return
    sys.exit(engine.main())


@cli.command("doctor")
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> None:
    """Say what this machine offers: device, precision, versions, memory, data at hand."""
    import psutil

    from labcore.data import registry
    from labcore.runs.engine import call
    from labcore.settings import settings

    machine = call("labcore.experiments", "warm")
    home, disk = settings().home, psutil.disk_usage(str(settings().home.parent))
    facts = machine | {
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "disk_free_gb": round(disk.free / 2**30, 1),
        "home": str(home),
        "runs": len(open_store().find()),
        "data": [card.name for card, *_ in registry.at_hand()],
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name:<14} {json.dumps(value) if isinstance(value, dict | list) else value}")


# data


@cli.group("data")
def data_group() -> None:
    """The data sets: what there is, fetch one, check a folder of your own."""


@data_group.command("list")
def data_list() -> None:
    """Every data set by name, with its task, size and licence."""
    from labcore.data import registry

    here = {card.name for card, *_ in registry.at_hand()}
    for card in registry.CARDS.values():
        mark = "here" if card.name in here else "made at first use" if card.kind == "embedded" else "to fetch"
        click.echo(f"{card.name:<24} {card.kind:<9} {card.task:<13} {mark:<18} {card.licence}")


@data_group.command("get")
@click.argument("name")
@click.option("--for", "owner", hidden=True, help="The process that asked (the app); this one ends with it.")
def data_get(name: str, owner: str | None) -> None:
    """Draw the embedded set NAME or download the real one, unless it is here."""
    from labcore.data import getting
    from labcore.runs.process import end_with

    if owner:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # half-made folders are cleared on the way out
        end_with(owner)
    with tqdm(total=1, file=sys.stderr, leave=False, bar_format="{desc} {bar:30} {percentage:3.0f}%") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total, bar.n = max(total, done, 1), done
            bar.set_description_str(what)

        folder = getting.get(name, progress)
    click.echo(str(folder))


@data_group.command("check")
@click.argument("path")
def data_check(path: str) -> None:
    """Say what the folder, zip or CSV at PATH holds, which lesson it fits, and what is wrong with it."""
    from labcore.data.check import check

    report = check(path)
    click.echo(report.text())
    if not report.usable:
        sys.exit(1)


cli.add_command(thresholds_group)
cli.add_command(predict_command)


def main() -> None:
    """Run the CLI; a person's mistake becomes one sentence and exit code 2."""
    try:
        cli.main(standalone_mode=False)
    except UserError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.Abort:
        sys.exit(1)
