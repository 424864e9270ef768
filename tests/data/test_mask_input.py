"""Own masks in every form: painted, with a palette, tiny, huge, void all over; codes that contradict each other."""

import numpy as np
import pytest
from PIL import Image

from labcore.data import block, labels
from labcore.data.check import check
from labcore.data.real.camvid import ELEVEN, GATHERED, eleven_of
from labcore.errors import UserError
from labcore.specs import DatasetSpec

CODES = np.array([[0, 0, 1, 1], [0, 0, 1, 2], [0, 1, 1, 2], [0, 1, 1, 2]], np.uint8).repeat(8, 0).repeat(8, 1)
COLOURS = np.array([[128, 128, 128], [128, 64, 128], [0, 0, 0]], np.uint8)


def folder(root, mask, codes="sky\nroad\nvoid\n", file="codes.txt", size=(32, 32), items=3):
    for name in ("images", "labels"):
        (root / name).mkdir()
    for number in range(items):
        Image.new("RGB", size, (40 * number, 90, 10)).save(root / "images" / f"{number}.png")
        mask.save(root / "labels" / f"{number}_P.png")
    (root / file).write_text(codes)
    return root


def load(root, size=16):
    return block.load(DatasetSpec(name="own", root=str(root)), size)


def palette_mask():
    mask = Image.fromarray(CODES, mode="L").convert("P")
    mask.putpalette(COLOURS.ravel().tolist())
    return mask


@pytest.mark.parametrize("kind", ["grey", "palette", "equal channels", "painted"])
def test_one_mask_in_four_forms_reads_the_same(tmp_path, home, kind):
    painted = Image.fromarray(COLOURS[CODES])
    made = {
        "grey": (Image.fromarray(CODES), "sky\nroad\nvoid\n", "codes.txt"),
        "palette": (palette_mask(), "sky\nroad\nvoid\n", "codes.txt"),
        "equal channels": (Image.fromarray(CODES[..., None].repeat(3, 2)), "sky\nroad\nvoid\n", "codes.txt"),
        "painted": (painted, "128 128 128\tsky\n128 64 128\troad\n0 0 0\tvoid\n", "label_colors.txt"),
    }[kind]
    items = load(folder(tmp_path, *made), 32)
    assert items.classes == ("sky", "road", "void") and items.void == 2
    assert (np.asarray(items.masks[0]) == CODES).all()


def test_a_colour_that_nobody_named_is_told(tmp_path, home):
    pixels = COLOURS[CODES]
    pixels[3, 4] = (1, 2, 3)
    codes = "128 128 128 sky\n128 64 128 road\n0 0 0 void\n"
    report = check(folder(tmp_path, Image.fromarray(pixels), codes)).text()
    assert "unknown colour (1, 2, 3) in 1 pixels; add it to codes.txt" in report and "No picture can be used" in report


def test_painted_masks_without_colours_are_told_where_to_name_them(tmp_path, home):
    report = check(folder(tmp_path, Image.fromarray(COLOURS[CODES]))).text()
    assert "mask in colours; name each class's colour in codes.txt" in report


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sky\nroad\nsky\n", r"names the class sky twice \(lines 1 and 3\)"),
        ("1 2 3 sky\n1 2 3 road\n", r"names the colour \(1, 2, 3\) twice"),
        ("1 2 3 sky\n300 2 3 road\n", "a colour above 255"),
        ("\n", "names 0 classes"),
    ],
)
def test_codes_that_contradict_themselves_are_refused(tmp_path, text, sentence):
    (tmp_path / "codes.txt").write_text(text)
    with pytest.raises(UserError, match=sentence):
        labels.read_codes(tmp_path / "codes.txt")


def test_a_mask_of_void_alone_is_named(tmp_path, home):
    root = folder(tmp_path, Image.fromarray(CODES))
    Image.new("L", (32, 32), 2).save(root / "labels" / "1_P.png")
    report = check(root)
    assert report.usable and "1.png is void all over: it teaches nothing and is left out." in report.text()


@pytest.mark.parametrize("size", [(1, 1), (8000, 8000)])
def test_pictures_of_one_pixel_and_of_64_million_are_read(tmp_path, home, size):
    items = load(folder(tmp_path, Image.new("L", size, 1), size=size, items=2))
    assert items.masks.shape == (2, 16, 16) and (np.asarray(items.masks) == 1).all()


def test_camvids_32_codes_gather_into_eleven():
    names = sorted({name for parts in GATHERED.values() for name in parts} | {"Void"})
    assert len(names) == 32
    table, void = eleven_of(names)
    assert ELEVEN[table[names.index("Truck_Bus")]] == "Car" and ELEVEN[table[names.index("Wall")]] == "Building"
    assert table[names.index("Void")] == void == 11 and set(table[:32]) == set(range(12))
    same, _ = eleven_of(ELEVEN)
    assert same[:12].tolist() == list(range(12))
    with pytest.raises(UserError, match="Only CamVid's codes"):
        eleven_of(("cat", "dog"))
