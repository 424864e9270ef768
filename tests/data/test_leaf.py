"""Leafing through a block gives the very pictures, targets and split that training gets, one at a time."""

import numpy as np
import pytest
from PIL import Image

from labcore.data import block, decode
from labcore.data.leaf import BlockSpec, is_here, leaf
from labcore.errors import UserError


@pytest.fixture
def folders(tmp_path):
    """Two classes of pictures of odd shapes, one of them broken."""
    draw = np.random.default_rng(0)
    for name in ("red", "blue"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(6):
            picture = draw.integers(0, 256, (40 + number, 60, 3), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / "set" / name / f"{name}{number}.png")
    (tmp_path / "set" / "red" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "set"


def nearly(image, other) -> bool:
    """Equal but for the last bits: pages resize by Pillow, which needs no torch, the cache by torch."""
    return np.abs(image.astype(int) - other).max() <= 2


def test_an_embedded_set_is_leafed_through_as_it_is_loaded(drawn):
    spec = BlockSpec.of({"image_size": 48, "dataset.limit": 100})
    looked, loaded = leaf(spec), block.load(spec.dataset, 48)
    assert looked.items.table["item"].tolist() == loaded.table["item"].tolist()
    for row in (0, 41, 99):
        assert np.array_equal(looked.items.images[row], loaded.images[row])
    made, found = block.split(loaded, spec.dataset), looked.split
    assert np.array_equal(made.valid, found.valid) and made.how == found.how
    assert looked.native(0).shape == (96, 96, 3)


def test_a_folder_is_leafed_through_as_it_is_loaded_and_a_broken_file_says_so(home, folders):
    spec = BlockSpec.of({"dataset.name": "own", "dataset.root": str(folders), "image_size": "32x24"})
    looked, loaded = leaf(spec), block.load(spec.dataset, (32, 24))
    assert len(looked.items) == len(loaded) + 1 == 13
    names = looked.items.table["item"].tolist()
    for row, name in enumerate(loaded.table["item"]):
        assert nearly(looked.items.images[names.index(name)], loaded.images[row])
    with pytest.raises(decode.Unusable, match="no picture"):
        looked.items.images[names.index("broken.png")]


@pytest.mark.parametrize("name", ["camvid", "pets"])
def test_masks_are_leafed_through_as_they_are_loaded(home, shared, name):
    spec = BlockSpec.of({"dataset.name": name, "dataset.root": str(shared / name), "dataset.limit": 6,
                         "image_size": 64})  # fmt: skip
    looked = leaf(spec)
    loaded = block.load(spec.dataset, 64)
    for row in range(6):
        assert nearly(looked.items.images[row], loaded.images[row])
        if loaded.masks is not None:
            assert np.array_equal(looked.items.masks[row], loaded.masks[row])
    assert [step.question for step in looked.summary(2)][-1] == "loaders"
    if loaded.masks is not None:
        counted = looked.mask_counts(np.arange(6))
        assert np.array_equal(counted, np.bincount(loaded.masks.ravel(), minlength=len(loaded.classes)))


def test_points_are_leafed_through_as_they_are_loaded(home, shared):
    spec = BlockSpec.of({"dataset.name": "own", "dataset.root": str(shared / "drivface"), "dataset.limit": 8})
    looked, loaded = leaf(spec), block.load(spec.dataset, spec.image_size)
    for row in range(8):
        assert np.allclose(looked.items.points[row], loaded.points[row])
    places, size = looked.all_points()
    assert places.shape == (8, 5, 2) and (places[..., 0] < size[1]).all()


def test_what_is_not_here_is_known_without_being_made(home):
    spec = BlockSpec()
    assert not is_here(spec.dataset)
    with pytest.raises(UserError, match="not on this machine"):
        leaf(spec)
    assert not (home / "data").exists()


def test_one_class_alone_is_refused_at_once(home, folders):
    for path in (folders / "blue").iterdir():
        path.unlink()
    spec = BlockSpec.of({"dataset.name": "own", "dataset.root": str(folders)})
    with pytest.raises(UserError, match="nothing to tell apart"):
        leaf(spec)


def test_auto_takes_the_augmentation_that_suits_the_set():
    assert BlockSpec().varied_by == "photos"
    assert BlockSpec.of({"dataset.name": "tiles"}).varied_by == "from_above"
    assert BlockSpec.of({"dataset.name": "tiles", "augment": "none"}).varied_by == "none"
