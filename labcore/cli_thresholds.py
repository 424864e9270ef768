"""``python -m labcore thresholds`` and ``predict``: tuned thresholds and labels for pictures, without a browser."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from labcore.errors import UserError

SHOWN_LABELS = 100


@click.group("thresholds")
def thresholds_group() -> None:
    """Choose thresholds for the predictions of any multi-label model."""


@thresholds_group.command("tune")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--metric", default="f2", show_default=True, help="f2, f1, f0.5, f2_macro, accuracy, subset, cost:1:5, ..."
)
@click.option("--per-class", is_flag=True, help="One threshold per label instead of one for all.")
@click.option("--out", type=click.Path(path_type=Path), help="Write here: .json, .csv, .py or .html by its ending.")
@click.option("--logits/--probabilities", default=None, help="What the values are; recognised if not said.")
@click.option("--map", "pairs", multiple=True, metavar="LABEL=PROBABILITY,TRUTH", help="Columns of a label; repeat it.")
@click.option("--into", metavar="RUN", help="Also write the thresholds into the card of this run's exported model.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON on stdout.")
def tune_command(
    file: Path,
    metric: str,
    per_class: bool,
    out: Path | None,
    logits: bool | None,
    pairs: tuple[str, ...],
    into: str | None,
    as_json: bool,
) -> None:
    """Tune on FILE (CSV, Parquet or NPZ with truths and probabilities), or on the predictions of a run."""
    from labcore.evaluation import own_predictions, threshold_files
    from labcore.evaluation.threshold_metrics import parse
    from labcore.evaluation.tune import tune

    asked = parse(metric)
    writer = _writer(out)
    found = own_predictions.read(_file_or_run(file), _name(file), mapping=_columns(pairs), logits=logits)
    for note in found.notes:
        click.echo(note, err=True)
    tuned = tune(found.p, found.y, found.classes, metric=asked, per_class=per_class)
    card = tuned.card()
    if out is not None:
        text = writer(card, found, tuned)
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{out} cannot be written ({error.strerror}). Choose another place.") from None
    if into:
        from labcore.runs.cards import write_thresholds

        write_thresholds(_run_id(into), card)
    if as_json:
        click.echo(threshold_files.to_json(card), nl=False)
    else:
        _say(card, out, into)


def _file_or_run(file: Path) -> Path | bytes:
    """A path, or the predictions of a run where no such file is there but such a run is."""
    if file.exists() or len(file.parts) != 1 or file.suffix:
        return file
    from labcore.runs.artifacts import Artifacts

    return Artifacts().read(_run_id(str(file)), "predictions.npz")


def _run_id(run: str) -> str:
    """A run by its name or by the beginning of it. Raises UserError where there is none."""
    from labcore.runs.store import open_store

    found = open_store().find(prefix=run, limit=2)
    return found[0].id if len(found) == 1 else open_store().get(run).id


def _name(file: Path) -> str:
    return file.name if file.exists() or file.suffix else f"{file.name}.npz"


def _columns(pairs: tuple[str, ...]) -> Any:
    if not pairs:
        return None
    from labcore.evaluation.prediction_columns import ColumnMap

    labels = {}
    for pair in pairs:
        label, equals, columns = pair.partition("=")
        probability, comma, truth = columns.rpartition(",")
        if not equals or not comma or not label or not probability:
            raise UserError(f"--map {pair}: write LABEL=PROBABILITY,TRUTH, for example --map road=p_road,road.")
        labels[label.strip()] = (probability.strip(), truth.strip())
    return ColumnMap(labels)


def _writer(out: Path | None) -> Any:
    """What writes a card by the ending of a name; refused before minutes of work, not after."""
    from labcore.evaluation import threshold_files

    if out is None:
        return None
    writers = {
        ".json": lambda card, *_: threshold_files.to_json(card),
        ".csv": lambda card, *_: threshold_files.to_csv(card),
        ".py": lambda card, *_: threshold_files.to_python(card),
        ".html": _report,
    }
    if out.suffix.lower() not in writers:
        raise UserError(f"{out.name}: write thresholds as .json, .csv, .py or .html.")
    return writers[out.suffix.lower()]


def _report(card: dict[str, Any], found: Any, tuned: Any) -> str:
    from labcore.evaluation import multilabel
    from labcore.evaluation import thresholds as sweep
    from labcore.figures.threshold_report import html

    known = multilabel.baseline_scores(found.y.mean(0), found.y, tuned.metric)
    return html(card, f"{len(found):,} items, {len(found.classes)} labels", sweep.GRID, tuned.curve, known, found.notes)


def _say(card: dict[str, Any], out: Path | None, into: str | None) -> None:
    expected, band = card["score_expected"], card["score_expected_band"]
    click.echo(f"{card['metric_title']}: seen {card['score_seen']:.4f} while choosing")
    if expected is not None:
        click.echo(f"expected on fresh items: {expected:.4f} ({band[0]:.4f} to {band[1]:.4f})")
        gap = ", ".join(f"{way.replace('_', ' ')} {value:+.4f}" for way, value in card["optimism"].items())
        click.echo(
            f"optimism: {gap}; one threshold per label {'pays' if card['per_class_pays'] else 'does not pay'} here"
        )
    click.echo(f"global threshold: {card['global_threshold']:.3f}")
    if card["chosen"] == "per_class":
        for row in card["labels"]:
            mark = "  uncertain" if row["uncertain"] else ""
            click.echo(f"  {row['label']:<24} {row['threshold']:.3f}  {row['true_examples']:>8,} true{mark}")
    for warning in card["warnings"]:
        click.echo(warning, err=True)
    for place in (out, f"the card of run {into}" if into else None):
        if place:
            click.echo(f"written: {place}")


@click.command("predict")
@click.argument("run")
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path))
@click.option("--user", help="Of a collab run: recommend to this user of its table, or to the average one.")
@click.option("--top", default=10, show_default=True, help="With --user: how many.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Of a head_pose run: write the points here.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Of a segmentation run: masks go here, a .png or a folder."
)
@click.option("--detail", default=1.0, show_default=True, help="Of a segmentation run: above 1 looks closer, in tiles.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per picture or item.")
def predict_command(
    run: str,
    pictures: tuple[Path, ...],
    user: str | None,
    top: int,
    csv_file: Path | None,
    out: Path | None,
    detail: float,
    as_json: bool,
) -> None:
    """Say what the exported model of RUN sees in PICTURES (labels by the thresholds in its card, points in pixels,
    masks as indexed PNG), or what it recommends to a user."""
    from labcore.data.decode import Unusable, read_picture
    from labcore.evaluation import point_predict
    from labcore.evaluation.predict import Classifier
    from labcore.runs.artifacts import Artifacts
    from labcore.runs.cards import read_card
    from labcore.runs.store import open_store

    found = open_store().find(prefix=run, limit=2)
    row = found[0] if len(found) == 1 else open_store().get(run)
    if user is not None:
        from labcore.cli_collab import recommend

        recommend(row.id, user, top, as_json)
        return
    if not pictures:
        raise UserError("There is nothing to predict. Name pictures, or a user of a collab run with --user.")
    card = read_card(row.id)
    if point_predict.is_pointer(card):
        from labcore.cli_points import point

        point(row.id, card, pictures, csv_file, as_json)
        return
    if card.get("task") == "masks":
        from labcore.cli_segmentation import predict_masks

        predict_masks(row.id, card, pictures, out, detail, as_json)
        return
    if out is not None:
        raise UserError("--out writes masks, and this run's model gives none. Use --json instead.")
    if csv_file is not None:
        raise UserError("--csv writes points, and this run's model names classes. Use --json instead.")
    model = Classifier(Artifacts().read(row.id, "model.onnx"), card)
    bad = 0
    for path in pictures:
        try:
            picture, _ = read_picture(path, model.size)
        except Unusable as error:
            bad += 1
            click.echo(f"{path}: {error}", err=True)
            continue
        if model.thresholds is not None:
            said = model.labels(picture)
            answer = {"file": str(path), "labels": said.said, "probabilities": said.probabilities}
            words = ", ".join(f"{name} {said.probabilities[name]:.2f}" for name in said.said) or "none of the labels"
        else:
            best = model.answer(picture)
            answer = {"file": str(path), "class": best.top[0][0], "probabilities": dict(best.top)}
            words = ", ".join(f"{name} {share:.2f}" for name, share in best.top)
            words += " (none of these, says each class for itself)" if best.none_of_these else ""
        click.echo(json.dumps(answer) if as_json else f"{path}: {words}")
    if bad == len(pictures):
        sys.exit(2)
