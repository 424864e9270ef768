"""The first convolution with other numbers of channels, against timm's own."""

import numpy as np
import pytest

from labcore.evaluation import channels


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 13])
def test_weights_are_adapted_as_timm_does(count):
    torch = pytest.importorskip("torch")
    from timm.models import adapt_input_conv

    weight = np.random.default_rng(count).normal(size=(5, 3, 3, 3)).astype(np.float32)
    assert np.allclose(channels.adapted(weight, count), adapt_input_conv(count, torch.from_numpy(weight)).numpy())


def test_a_filter_answers_as_a_convolution():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    picture, weight = rng.random((9, 11, 4)).astype(np.float32), rng.normal(size=(4, 3, 3)).astype(np.float32)
    wanted = torch.nn.functional.conv2d(
        torch.from_numpy(picture).permute(2, 0, 1)[None], torch.from_numpy(weight)[None]
    )[0, 0]
    assert np.allclose(channels.response(picture, weight), wanted.numpy(), atol=1e-4)


def test_zero_is_middle_grey():
    assert channels.as_picture(np.array([[-2.0, 0.0, 2.0]])).tolist() == [[0, 127, 255]]
    assert channels.as_picture(np.zeros((1, 2))).tolist() == [[127, 127]]
