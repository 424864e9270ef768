"""Each layout of several labels, from an archive to tuned thresholds in the model that predicts."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import labcore
from labcore.cli_thresholds import predict_command, thresholds_group
from labcore.data import archives, uploads
from labcore.runs.cards import read_card
from labcore.specs import Stage, ThresholdsSpec

PLAN = (Stage(name="all", epochs=2, lr=3e-3, lr_lo=3e-4),)
ITEMS = 48


def lights(number: int, labels: tuple[str, ...]) -> tuple[Image.Image, list[str]]:
    """A dark picture with a bright band per label, and the labels that are on."""
    generator = np.random.default_rng(number)
    on = generator.random(len(labels)) < [0.6, 0.45, 0.3][: len(labels)]
    pixels = generator.integers(0, 60, (32, 32, 3))
    for place in np.flatnonzero(on):
        pixels[8 * place : 8 * place + 8, :, place] = 230
    return Image.fromarray(pixels.astype(np.uint8)), [name for name, yes in zip(labels, on, strict=True) if yes]


def keep(root: Path, place: str, picture: Image.Image) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    picture.save(root / place)


def voc(root: Path) -> tuple[str, ...]:
    """VOCdevkit as its authors pack it: an XML file per picture, lists of train and val."""
    labels = ("cat", "dog", "person")
    base = root / "VOCdevkit" / "VOC2007"
    for folder in ("Annotations", "ImageSets/Main"):
        (base / folder).mkdir(parents=True)
    for number in range(ITEMS):
        picture, on = lights(number, labels)
        keep(base, f"JPEGImages/{number:06d}.jpg", picture)
        objects = "".join(f"<object><name>{name}</name><difficult>0</difficult></object>" for name in on)
        text = f"<annotation><size><width>32</width><height>32</height></size>{objects}</annotation>"
        (base / "Annotations" / f"{number:06d}.xml").write_text(text)
    names = [f"{number:06d}\n" for number in range(ITEMS)]
    (base / "ImageSets" / "Main" / "train.txt").write_text("".join(names[:32]))
    (base / "ImageSets" / "Main" / "val.txt").write_text("".join(names[32:]))
    return labels


def planet(root: Path) -> tuple[str, ...]:
    """Kaggle's layout: train_v2.csv and train-jpg/."""
    labels, rows = ("clear", "primary", "road"), ["image_name,tags"]
    for number in range(ITEMS):
        picture, on = lights(number, labels)
        keep(root, f"train-jpg/train_{number}.jpg", picture)
        rows.append(f"train_{number},{' '.join(on)}")
    (root / "train_v2.csv").write_text("\n".join(rows) + "\n")
    return labels


def csv(root: Path) -> tuple[str, ...]:
    """One's own table with several labels in a cell."""
    labels, rows = ("blue sky", "grass", "house"), ["file;tags;is_valid"]
    for number in range(ITEMS):
        picture, on = lights(number, labels)
        keep(root, f"pictures/{number}.png", picture)
        rows.append(f"pictures/{number}.png;{'|'.join(on)};{int(number >= 32)}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return labels


def packed(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return file


@pytest.mark.parametrize(("name", "layout"), [("voc2007", voc), ("planet", planet), ("own", csv)])
def test_from_an_archive_to_thresholds_that_predict(home, tmp_path, name, layout):
    source = tmp_path / "source"
    source.mkdir()
    labels = layout(source)
    archive = packed(source, tmp_path / "set.zip")
    if name == "own":
        root = uploads.receive("set.zip", archive.read_bytes(), home)
    else:
        root = tmp_path / "unpacked"
        archives.unpack(archive, root, archives.UPLOADED)
    asked = {"dataset.name": name, "dataset.root": str(root), "image_size": 32, "batch_size": 16, "plan": PLAN}
    if name == "planet":
        asked["dataset.valid_pct"] = 0.33
    run = labcore.run(ThresholdsSpec.of(asked))
    assert run.status == "done", run.row.error
    kept = run.artifact("predictions.npz")
    assert set(labels) <= set(kept["classes"]) and len(kept["probs"]) in (15, 16)
    if name != "planet":  # the set's own list is what was held out
        assert sorted(int(Path(item).stem) for item in kept["items"]) == list(range(32, 48))
    order = [kept["classes"].tolist().index(label) for label in labels]
    for item, row in zip(kept["items"], kept["targets"][:, order], strict=True):
        on = lights(int(Path(item).stem.removeprefix("train_")), labels)[1]
        assert [label for label, yes in zip(labels, row, strict=True) if yes] == on

    written = tmp_path / "thresholds.json"
    arguments = ["tune", run.id, "--per-class", "--out", str(written), "--into", run.id]
    done = CliRunner().invoke(thresholds_group, arguments)
    assert done.exit_code == 0, done.output
    card = json.loads(written.read_text())
    assert read_card(run.id)["thresholds"]["thresholds"] == card["thresholds"]
    picture = next(path for path in sorted(root.rglob("*")) if path.suffix in (".jpg", ".png"))
    said = CliRunner().invoke(predict_command, [run.id, str(picture), "--json"])
    assert said.exit_code == 0, said.output
    answer = json.loads(said.stdout)
    expected = {label for label, p in answer["probabilities"].items() if p > card["thresholds"][label]}
    assert set(answer["labels"]) == expected
