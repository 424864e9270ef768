import dataclasses
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from data_samples import photo

from labcore.data import cache, keep
from labcore.data.items import Items
from labcore.data.labels import Index
from labcore.errors import UserError

SIZE = (16, 16)


@pytest.fixture
def index(tmp_path):
    root = tmp_path / "set"
    names = [f"p{number}.png" for number in range(40)]
    for number, name in enumerate(names):
        photo(root / name, number)
    table = pd.DataFrame({"item": names, "path": names, "label": 0})
    return Index("own", "single_label", root, ("a",), table)


def decoded(index, home, **options):
    return cache.decoded(index, SIZE, "crop", options.pop("fingerprint", "f"), home=home, **options)


def test_a_second_time_no_file_is_touched(index, home):
    first = decoded(index, home)
    shutil.rmtree(index.root)
    calls = []
    again = decoded(index, home, progress=lambda *step: calls.append(step))
    assert np.array_equal(first.images, again.images) and not calls
    assert isinstance(again.images, np.memmap) and not again.images.flags.writeable


def test_what_the_key_holds(index, home):
    decoded(index, home)
    calls = []

    def asked(of=index, size=SIZE, method="crop", fingerprint="f"):
        calls.clear()
        cache.decoded(of, size, method, fingerprint, home=home, progress=lambda *step: calls.append(step))
        return bool(calls)

    assert not asked()
    assert asked(fingerprint="g") and asked(size=(16, 17)) and asked(method="squish")
    assert asked(of=dataclasses.replace(index, table=index.table.iloc[:-1]))


def test_broken_files_are_named_and_the_rest_moves_up(index, home):
    (index.root / "p3.png").write_bytes(b"")
    (index.root / "p7.png").write_text("no picture")
    (index.root / "p39.png").unlink()
    found = decoded(index, home)
    assert found.rows.tolist() == [row for row in range(40) if row not in (3, 7, 39)]
    assert [sentence.split()[0] for sentence in found.left_out] == ["p3.png", "p7.png", "p39.png"]
    assert all(sentence.endswith("it was left out.") for sentence in found.left_out)
    for name in ("p3.png", "p7.png", "p39.png"):
        photo(index.root / name, 99)
    whole = decoded(index, home, fingerprint="mended")
    assert np.array_equal(whole.images[found.rows], found.images)
    assert decoded(index, home).left_out == found.left_out


def test_progress_counts_to_the_end_and_may_stop_the_work(index, home):
    steps = []
    decoded(index, home, progress=lambda *step: steps.append(step))
    assert steps[0] == (0, 40, "decoding pictures into 0.0 MB") and steps[-1][:2] == (40, 40)
    assert [done for done, *_ in steps] == sorted(done for done, *_ in steps)

    def stop(done, total, what):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decoded(index, home, fingerprint="stopped", progress=stop)
    assert not [path for path in (home / "cache" / "pictures").iterdir() if path.name.startswith(".")]
    assert len(decoded(index, home, fingerprint="stopped").images) == 40


def test_the_least_recently_used_set_goes_first(index, home, monkeypatch):
    each = keep.folder_bytes(home)
    places = []
    for number in range(3):
        decoded(index, home, fingerprint=str(number))
        places = [place for place, *_ in keep.cache_use(home)]
        os.utime(places[-1], (1000 + number, 1000 + number))
    each = keep.cache_use(home)[0][1]
    order = [place for place, *_ in keep.cache_use(home)]
    decoded(index, home, fingerprint="0")  # used again, so no longer the oldest
    monkeypatch.setenv("LAB_CACHE_GB", str((3 * each + 10) / 1e9))
    decoded(index, home, fingerprint="new")
    left = {place for place, *_ in keep.cache_use(home)}
    assert order[1] not in left and order[0] in left and len(left) == 3


def test_too_little_room_is_said_before_it_starts(index, home, monkeypatch):
    monkeypatch.setenv("LAB_CACHE_GB", "0.00001")
    with pytest.raises(UserError, match="LAB_CACHE_GB"):
        decoded(index, home)
    monkeypatch.delenv("LAB_CACHE_GB")
    monkeypatch.setattr(keep, "SPARE_BYTES", 1 << 60)
    with pytest.raises(UserError, match=r"are free at .*pictures"):
        decoded(index, home)
    assert cache.estimate(1000, (64, 64)) == 1000 * 64 * 64 * 3
    assert cache.estimate(10, (64, 32), masks=True) == 10 * 64 * 32 * 4


def test_a_home_that_cannot_be_written_is_said(index, tmp_path):
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="LAB_HOME"):
        decoded(index, tmp_path / "blocked")


@pytest.mark.parametrize("damage", ["meta", "rows", "images", "boot"])
def test_a_damaged_cache_is_made_again(index, home, damage):
    first = np.array(decoded(index, home).images)
    ((place, *_),) = keep.cache_use(home)
    if damage == "meta":
        (place / "meta.json").write_text("{")
    elif damage == "rows":
        (place / "rows.npy").unlink()
    elif damage == "images":
        (place / "images.npy").write_bytes(b"not an array")
    else:
        # As after a power cut: written in another run of the machine and never known to have reached the disk.
        meta = json.loads((place / "meta.json").read_text()) | {"boot": "another"}
        (place / "meta.json").write_text(json.dumps(meta))
        np.save(place / "images.npy", np.zeros_like(first))
    assert np.array_equal(decoded(index, home).images, first)


def test_what_was_written_back_outlives_a_restart(index, home):
    decoded(index, home)
    ((place, *_),) = keep.cache_use(home)
    os.utime(place / "meta.json", (1000, 1000))
    decoded(index, home)
    meta = json.loads((place / "meta.json").read_text()) | {"boot": "another"}
    (place / "meta.json").write_text(json.dumps(meta))
    calls = []
    decoded(index, home, progress=lambda *step: calls.append(step))
    assert not calls


def test_embedded_pictures_at_another_size_are_kept_too(home):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10, 24, 32, 3), dtype=np.uint8)
    masks = rng.integers(0, 3, (10, 24, 32), dtype=np.uint8)
    table = pd.DataFrame({"item": [str(number) for number in range(10)]})
    items = Items("streets", "masks", ("a", "b", "void"), table, images, masks=masks, void=2, fingerprint="v1")
    first = cache.resized(items, (12, 16), "squish", home=home)
    assert first.images.shape == (10, 12, 16, 3) and first.masks.shape == (10, 12, 16)
    assert first.geometry[0, :2].tolist() == [0.5, 0.5] and set(np.unique(first.masks)) <= {0, 1, 2}
    calls = []
    again = cache.resized(items, (12, 16), "squish", home=home, progress=lambda *step: calls.append(step))
    assert np.array_equal(again.images, first.images) and not calls
    part = dataclasses.replace(items, table=table.iloc[5:], images=images[5:], masks=masks[5:])
    assert np.array_equal(cache.resized(part, (12, 16), "squish", home=home).images, first.images[5:])
