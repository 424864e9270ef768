import numpy as np
import pytest
import torch

from labcore.data.batches import Batches, Normalisation
from labcore.errors import UserError

N = 23
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 6, 8, 3), dtype=np.uint8)
LABELS = np.arange(N) % 5


def batches(**options):
    return Batches(IMAGES, LABELS, **({"batch_size": 4} | options))


def test_pictures_are_normalised_per_channel_and_lie_channels_last():
    norm = Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    batch = next(batches(normalisation=norm).epoch())
    expected = (IMAGES[:4] / 255 - np.array(norm.mean)) / np.array(norm.std)
    np.testing.assert_allclose(batch.x.permute(0, 2, 3, 1).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert batch.x.shape == (4, 3, 6, 8) and batch.x.dtype == torch.float32
    assert batch.x.is_contiguous(memory_format=torch.channels_last)
    assert batch.y.tolist() == LABELS[:4].tolist()


def test_validation_shows_every_item_once_in_order():
    valid = batches(indices=[5, 3, 9, 11, 0])
    seen = list(valid.epoch())
    assert [len(batch.x) for batch in seen] == [4, 1] and len(valid) == 2 and valid.items == 5
    assert torch.cat([batch.index for batch in seen]).tolist() == [5, 3, 9, 11, 0]


def test_training_shuffles_each_epoch_anew_and_drops_the_rest():
    train = batches(training=True, seed=3)
    epochs = [torch.cat([batch.index for batch in train.epoch(epoch)]) for epoch in (0, 1)]
    assert all(len(epoch) == train.items == 20 and len(epoch.unique()) == 20 for epoch in epochs)
    assert not torch.equal(*epochs)
    assert not torch.equal(epochs[0], batches(training=True, seed=4).order(0))
    assert torch.equal(epochs[1], batches(training=True, seed=3).order(1))


def test_an_epoch_entered_in_the_middle_goes_on_with_the_same_batches_and_draws():
    def noisy(images, y, generator):
        return torch.rand(images.shape, generator=generator), y

    train = batches(training=True, transform=noisy)
    whole, rest = list(train.epoch(2)), list(train.epoch(2, start=3))
    for a, b in zip(whole[3:], rest, strict=True):
        assert torch.equal(a.x, b.x) and torch.equal(a.index, b.index)
    assert not torch.equal(whole[0].x, whole[1].x)


def test_a_transform_moves_pictures_and_targets_of_training_alone():
    def mirror(images, y, _):
        assert images.dtype == torch.uint8 and images.shape[1] == 3
        return images.flip(3), -y

    plain, mirrored = (batches(training=True, transform=transform) for transform in (None, mirror))
    a, b = next(plain.epoch()), next(mirrored.epoch())
    assert torch.equal(a.x.flip(3), b.x) and torch.equal(a.y, -b.y)
    assert torch.equal(next(batches(transform=mirror).epoch()).x, next(batches().epoch()).x)


def test_bytes_and_floats_from_a_transform_mean_the_same():
    as_float = batches(training=True, transform=lambda images, y, _: (images.float() / 255, y))
    torch.testing.assert_close(next(as_float.epoch()).x, next(batches(training=True).epoch()).x)


def test_a_memory_map_is_used_in_place(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    shown = Batches(mapped, LABELS, batch_size=4)
    assert shown.images.data_ptr() == mapped.ctypes.data
    assert torch.equal(next(shown.epoch()).x, next(batches().epoch()).x)


def test_targets_may_be_masks_or_points():
    masks = IMAGES[..., 0]
    assert torch.equal(next(batches(indices=[2]).epoch()).x, next(Batches(IMAGES, masks, [2], batch_size=4).epoch()).x)
    assert next(Batches(IMAGES, masks, [2], batch_size=4).epoch()).y.tolist() == masks[2:3].tolist()


def test_a_subset_is_fixed_and_shares_the_pictures():
    part = batches(indices=[7, 1, 4]).subset(2)
    assert torch.cat([batch.index for batch in part.epoch()]).tolist() == [7, 1]


def test_bad_splits_are_refused_and_large_batches_cut_to_the_split():
    assert len(batches(batch_size=999, training=True)) == 1
    with pytest.raises(UserError, match="no pictures"):
        batches(indices=[])
    with pytest.raises(UserError, match="at least 2"):
        batches(batch_size=1, training=True)
    with pytest.raises(UserError, match="at least 2"):
        batches(indices=[3], training=True)
