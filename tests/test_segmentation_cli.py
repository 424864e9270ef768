"""``labcore predict`` of a segmentation run: masks as indexed PNG, codes beside, one sentence for what cannot be."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import labcore
from labcore.cli import cli
from labcore.errors import UserError
from labcore.evaluation.segmentation_files import read_mask
from labcore.specs import SegmentationSpec

SIZE = (32, 48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir()
    for number in range(12):
        mask = np.zeros(SIZE, np.uint8)
        mask[int(rng.integers(8, 24)) :] = 1
        picture = np.asarray([(90, 140, 240), (100, 90, 80)])[mask] + rng.normal(0, 9, (*SIZE, 3))
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    (root / "codes.txt").write_text("sky\nground\n")
    return root


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    asked = {
        "dataset.name": "own", "dataset.root": str(folder), "arch": "mobilenetv3_small_050", "weights": "none",
        "image_size": "32x48", "batch_size": 3, "plan": [{"epochs": 2, "lr": 0.01}],
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(tmp_path_factory.mktemp("lab")))
        done = labcore.run(SegmentationSpec.of(asked))
        assert done.status == "done" and done.metrics["pixel_accuracy"] > 0, done.row.error
        yield done.id


def predict(*arguments):
    return CliRunner().invoke(cli, ["predict", *map(str, arguments)])


def test_masks_leave_as_indexed_pngs_with_their_codes(run, folder, tmp_path):
    wide = tmp_path / "wide.jpg"
    Image.open(folder / "images" / "3.png").convert("RGB").resize((300, 80)).save(wide)
    done = predict(run, folder / "images" / "3.png", wide, tmp_path / "gone.png", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0 and "gone.png: is missing" in done.stderr
    small, large = (json.loads(line) for line in done.stdout.strip().splitlines())
    assert small["tiles"] == 1 and large["tiles"] > 1 and sum(large["shares"].values()) == pytest.approx(1)
    for answer, size in ((small, SIZE), (large, (80, 300))):
        mask, palette = read_mask(Path(answer["mask"]).read_bytes())
        assert mask.shape == size and mask.max() <= 1 and len(set(palette[:2])) == 2
    assert (tmp_path / "out" / "codes.txt").read_text() == "sky\nground\n"
    closer = predict(run, folder / "images" / "3.png", "--out", tmp_path / "one.png", "--detail", 2)
    assert closer.exit_code == 0 and (tmp_path / "one.png").is_file() and "sky" in closer.stdout


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--out", "mask.jpg"), "masks are written as .png"),
        (("--detail", "50"), "detail of 50 cannot be had"),
        (("--out", "/proc/nowhere/mask.png"), "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(run, folder, more, sentence):
    done = predict(run, folder / "images" / "1.png", *more)
    assert isinstance(done.exception, UserError) and sentence in str(done.exception)


def test_two_pictures_do_not_share_one_mask(run, folder):
    done = predict(run, folder / "images" / "1.png", folder / "images" / "2.png", "--out", "mask.png")
    assert isinstance(done.exception, UserError) and "Name a folder" in str(done.exception)
    twins = predict(run, folder / "images" / "1.png", folder / "masks" / "1.png", "--out", "masks")
    assert isinstance(twins.exception, UserError) and "same name" in str(twins.exception)
