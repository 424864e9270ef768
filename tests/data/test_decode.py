import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from data_samples import photo, picture
from PIL import Image

from labcore.data import decode
from labcore.data.labels import code_table
from labcore.data.masks import read_mask

SIZE = (16, 16)


def read(path, method="crop"):
    return decode.read_picture(path, SIZE, method)[0]


def refused(path) -> str:
    with pytest.raises(decode.Unusable) as caught:
        read(path)
    return str(caught.value)


def close(image, colour, within=6):
    return np.abs(image.reshape(-1, 3).astype(int) - colour).max() <= within


def test_cut_off_empty_and_foreign_files_are_refused_in_words(tmp_path):
    whole = photo(tmp_path / "whole.jpg", 0, (300, 200)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "zero.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("I am no picture")
    (tmp_path / "header.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    (tmp_path / "page.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "cut off" in refused(tmp_path / "cut.jpg")
    assert "zero bytes" in refused(tmp_path / "zero.jpg")
    assert "no picture" in refused(tmp_path / "text.jpg")
    assert refused(tmp_path / "header.png")
    assert "no picture" in refused(tmp_path / "page.jpg")
    assert "missing" in refused(tmp_path / "absent.jpg")


def test_every_single_cut_is_refused_or_read_never_a_crash(tmp_path):
    for kind in ("jpg", "png", "webp", "gif", "tif"):
        whole = photo(tmp_path / f"whole.{kind}", 1, (64, 48)).read_bytes()
        for cut in range(0, len(whole), max(1, len(whole) // 25)):
            path = tmp_path / f"cut.{kind}"
            path.write_bytes(whole[:cut])
            with contextlib.suppress(decode.Unusable):
                assert read(path).shape == (16, 16, 3)


def test_a_decompression_bomb_is_refused_before_it_swells(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for side in (9000, 60000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
        (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
        assert "64 million" in refused(tmp_path / "bomb.png")


def test_cmyk_sixteen_bit_palette_and_transparency(tmp_path):
    Image.new("CMYK", (40, 30), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")
    assert close(read(tmp_path / "cmyk.jpg"), (255, 0, 0), 12)
    Image.fromarray(np.full((30, 40), 0x8080, np.uint16)).save(tmp_path / "deep.png")
    assert close(read(tmp_path / "deep.png"), (128, 128, 128), 1)
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert close(read(tmp_path / "clear.png"), (255, 255, 255), 0)
    palette = Image.new("P", (40, 30), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    palette.save(tmp_path / "palette.png")
    assert close(read(tmp_path / "palette.png"), (10, 200, 30), 0)
    palette.save(tmp_path / "hole.png", transparency=1)
    assert close(read(tmp_path / "hole.png"), (255, 255, 255), 0)
    Image.new("L", (40, 30), 77).save(tmp_path / "grey.jpg")
    assert close(read(tmp_path / "grey.jpg"), (77, 77, 77), 2)
    Image.new("1", (40, 30), 1).save(tmp_path / "bits.png")
    assert close(read(tmp_path / "bits.png"), (255, 255, 255), 0)
    Image.fromarray(np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40)).save(tmp_path / "float.tif")
    floats = read(tmp_path / "float.tif")
    assert floats.min() < 20 and floats.max() > 235


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    assert close(read(tmp_path / "moves.gif"), (250, 0, 0), 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_pictures_stand_upright(tmp_path, orientation, kind):
    """A picture whose upright left top quarter is red, stored in each of the eight ways."""
    upright = np.zeros((60, 80, 3), np.uint8)
    upright[:30, :40] = 255, 0, 0
    stored = Image.fromarray(upright)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transpose numbers that turn upright into stored
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"turned.{kind}", exif=exif.tobytes(), **({"quality": 95} if kind == "jpg" else {}))
    image, where = decode.read_picture(tmp_path / f"turned.{kind}", (30, 40), "crop")
    assert (where.width, where.height) == (80, 60)
    assert close(image[2:13, 2:18], (255, 0, 0), 25) and close(image[17:, 22:], (0, 0, 0), 25)
    assert close(image[2:13, 22:], (0, 0, 0), 25)


@pytest.mark.parametrize("method", ["crop", "squish", "pad"])
@pytest.mark.parametrize("source", [(200, 120), (90, 210), (64, 64), (13, 9)])
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_geometry_says_where_a_pixel_lands(tmp_path, method, source, kind):
    """A bright spot in the source is found where the geometry says, also when the JPEG is drafted."""
    width, height = source
    x, y = width * 0.55, height * 0.45
    yy, xx = np.mgrid[:height, :width] + 0.5
    spot = np.exp(-(((xx - x) / (width / 9)) ** 2 + ((yy - y) / (height / 9)) ** 2)) * 255
    Image.fromarray(spot.astype(np.uint8)).convert("RGB").save(tmp_path / f"spot.{kind}")
    size = (48, 64)
    image, where = decode.read_picture(tmp_path / f"spot.{kind}", size, method)
    assert image.shape == (*size, 3)
    weight = image[..., 0].astype(float) ** 2
    yy, xx = np.mgrid[: size[0], : size[1]] + 0.5
    found = (xx * weight).sum() / weight.sum(), (yy * weight).sum() / weight.sum()
    told = x * where.scale_x + where.shift_x, y * where.scale_y + where.shift_y
    assert np.allclose(found, told, atol=1.0)


def test_crop_takes_the_centre_as_fastai_does(tmp_path):
    bars = np.zeros((40, 80, 3), np.uint8)
    bars[:, 20:60] = 255
    Image.fromarray(bars).save(tmp_path / "bars.png")
    assert read(tmp_path / "bars.png").min() > 200
    squished = read(tmp_path / "bars.png", "squish")
    assert squished[:, 0].max() == 0 and squished[:, 8].min() == 255
    padded = read(tmp_path / "bars.png", "pad")
    assert padded[0].max() == 0 and padded[8, 8].min() == 255


def mask(path, values, size, method="squish", codes=None, source=None, fill=9):
    Image.fromarray(values).save(path)
    codes = code_table({0: 0, 1: 1, 7: 2}) if codes is None else codes
    where = decode.presize(*(source or values.shape[::-1]), size, method)
    return read_mask(path, size, codes, where, fill)


def test_masks_keep_their_codes(tmp_path):
    values = np.zeros((60, 80), np.uint8)
    values[:, 40:] = 7
    made = mask(tmp_path / "m.png", values, (15, 20))
    assert set(np.unique(made)) == {0, 2}
    assert (made[:, :10] == 0).all() and (made[:, 10:] == 2).all()
    padded = mask(tmp_path / "m.png", values, (40, 40), "pad")
    assert set(np.unique(padded)) == {0, 2, 9} and (padded[0] == 9).all()
    palette = Image.fromarray(values).convert("P")
    buffer = io.BytesIO()
    palette.putpalette([0, 0, 0] * 256)
    palette.putdata(values.ravel().tolist())
    palette.save(buffer, "PNG")
    (tmp_path / "p.png").write_bytes(buffer.getvalue())
    where = decode.presize(80, 60, (15, 20), "squish")
    by_number = read_mask(tmp_path / "p.png", (15, 20), code_table({0: 0, 7: 2}), where, 0)
    assert np.array_equal(by_number, made)


def test_masks_that_do_not_fit_are_named(tmp_path):
    values = np.zeros((60, 80), np.uint8)
    with pytest.raises(decode.Unusable, match="80 x 61 pixels and its mask 80 x 60"):
        mask(tmp_path / "m.png", values, SIZE, source=(80, 61))
    with pytest.raises(decode.Unusable, match="unknown code 5, 6"):
        mask(tmp_path / "m.png", values + np.uint8(5) + (np.arange(80) > 40).astype(np.uint8), SIZE)
    with pytest.raises(decode.Unusable, match="in colours"):
        mask(
            tmp_path / "m.png", np.random.default_rng(0).integers(0, 9, (6, 8, 3), dtype=np.uint8), SIZE, source=(8, 6)
        )
    with pytest.raises(decode.Unusable, match=r"no mask: gone\.png is missing"):
        read_mask(tmp_path / "gone.png", SIZE, code_table({}), decode.presize(8, 6, SIZE, "squish"), 0)


def test_a_drafted_jpeg_looks_like_the_whole_one(tmp_path):
    yy, xx = np.mgrid[:480, :640]
    smooth = np.stack([xx / 640, yy / 480, (xx + yy) / 1120], -1) * 255
    Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / "big.jpg", quality=95)
    drafted = read(tmp_path / "big.jpg").astype(int)
    whole = np.asarray(Image.open(tmp_path / "big.jpg").crop((80, 0, 560, 480)).resize((16, 16), Image.Resampling.BOX))
    assert np.abs(drafted - whole).max() <= 8


def test_a_name_at_the_limit_and_unicode(tmp_path):
    assert close(read(picture(tmp_path / ("ß" * 120 + ".png"), (9, 8, 7))), (9, 8, 7), 0)
