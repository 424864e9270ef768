"""Resizing: the two ways agree, and where a pixel goes is told to the pixel at every decoded size."""

import numpy as np
import pytest
from data_samples import photo
from PIL import Image

from labcore.data import decode
from labcore.data.fit import by_pillow, coarsest, fitted, fitted_codes, presize
from labcore.data.fit_fast import by_torch
from labcore.data.labels import code_table
from labcore.data.masks import read_mask


@pytest.mark.parametrize("shape", [(40, 60), (90, 31), (16, 16), (200, 300), (7, 5)])
@pytest.mark.parametrize("size", [(16, 16), (24, 40)])
@pytest.mark.parametrize("method", ["crop", "squish", "pad"])
def test_torch_and_pillow_resize_alike(shape, size, method):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    where = presize(shape[1], shape[0], size, method)
    made = [fitted(pixels, where, np.zeros((*size, 3), np.uint8), way).astype(int) for way in (by_pillow, by_torch)]
    assert np.abs(made[0] - made[1]).max() <= 2


def test_what_is_there_already_is_overwritten_and_read_only_pixels_are_taken():
    pixels = np.full((20, 20, 3), 90, np.uint8)
    pixels.flags.writeable = False
    to = np.full((10, 40, 3), 255, np.uint8)
    made = fitted(pixels, presize(20, 20, (10, 40), "pad"), to, by_torch)
    assert made is to and (to[:, 15:25] == 90).all() and (to[:, :15] == 0).all() and (to[:, 25:] == 0).all()


def test_the_coarsest_step_never_asks_for_pixels_that_are_not_there():
    draw = np.random.default_rng(1)
    for method in ("crop", "squish", "pad"):
        for _ in range(300):
            width, height, high, wide = (int(side) for side in draw.integers(1, 400, 4))
            step = coarsest(width, height, (high, wide), method)
            where = presize(width, height, (high, wide), method, step)
            left, top, right, bottom = where.box
            assert 0 <= left < right <= -(-width // step) and 0 <= top < bottom <= -(-height // step)
            inner = where.inner
            assert 0 <= inner[0] < inner[2] <= wide and 0 <= inner[1] < inner[3] <= high
            if step > 1:
                assert inner[2] - inner[0] <= right - left + 1 and inner[3] - inner[1] <= bottom - top + 1


@pytest.mark.parametrize("source", [(401, 303), (250, 377), (199, 64)])
@pytest.mark.parametrize("method", ["crop", "squish", "pad"])
def test_mask_and_picture_meet_where_the_jpeg_was_decoded_small(tmp_path, source, method):
    width, height = source
    codes = np.zeros((height, width), np.uint8)
    codes[int(height * 0.4) :, int(width * 0.55) :] = 1
    Image.fromarray(codes).save(tmp_path / "m.png")
    Image.fromarray(codes * 255).convert("RGB").save(tmp_path / "p.jpg", quality=98)
    size = (24, 32)
    image, where = decode.read_picture(tmp_path / "p.jpg", size, method, resize=by_torch)
    assert where.step > 1
    mask = read_mask(tmp_path / "m.png", size, code_table({0: 0, 1: 1}), where, 0)
    differ = (image[..., 0] > 127) != (mask == 1)
    # Half a result pixel at the two edges of the corner: a line of pixels at most may fall to the other side.
    assert differ.sum() <= 0.3 * (mask.any(axis=0).sum() + mask.any(axis=1).sum())


@pytest.mark.parametrize("kind", ["jpg", "JPEG", "png"])
def test_a_picture_outlives_the_next_one(tmp_path, kind):
    first, second = (photo(tmp_path / f"{number}.{kind}", number, (50, 40)) for number in range(2))
    for size in ((40, 50), (16, 16)):
        image = decode.read_picture(first, size)[0]
        kept = image.copy()
        decode.read_picture(second, size)
        assert np.array_equal(image, kept)


@pytest.mark.parametrize("size", [(16, 16), (60, 60), (200, 300), (250, 320)])
def test_libjpeg_and_pillow_decode_the_same_picture(tmp_path, monkeypatch, size):
    pytest.importorskip("simplejpeg")
    yy, xx = np.mgrid[:211, :307]
    waves = np.stack([np.sin(xx / 15), np.cos(yy / 11), np.sin((xx + yy) / 25)], -1) * 100 + 128
    Image.fromarray(waves.astype(np.uint8)).save(tmp_path / "p.jpg", quality=92, progressive=size[0] == 60)
    quick, where = decode.read_picture(tmp_path / "p.jpg", size)
    monkeypatch.setattr(decode, "simplejpeg", None)
    slow, told = decode.read_picture(tmp_path / "p.jpg", size)
    assert told == where
    error = np.mean((quick.astype(float) - slow) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > 38


def test_codes_are_taken_at_the_centre_of_each_pixel():
    mask = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert fitted_codes(mask, presize(8, 6, (3, 4), "squish"), (3, 4), 0).tolist() == mask[1::2, 1::2].tolist()
    padded = fitted_codes(mask, presize(8, 6, (8, 8), "pad"), (8, 8), 99)
    assert (padded[[0, 7]] == 99).all() and np.array_equal(padded[1:7], mask)
    assert np.array_equal(fitted_codes(mask, presize(8, 6, (6, 6), "crop"), (6, 6), 0), mask[:, 1:7])
