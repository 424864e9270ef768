"""Nets that point: places from heat maps, ranges that hold, groups that freeze."""

import numpy as np
import pytest
import torch

from labcore.errors import UserError
from labcore.models.backbones import build_body
from labcore.models.groups import freeze_to
from labcore.models.points import STRIDES, PointHead, Range, SoftArgmax, build_point_model
from labcore.models.pyramid import Pyramid


def test_a_sharp_heat_map_gives_the_centre_of_its_cell():
    heat = torch.zeros(1, 3, 6, 8)
    heat[0, 0, 0, 0], heat[0, 1, 5, 7], heat[0, 2, 2, 3] = 50.0, 50.0, 50.0
    places = SoftArgmax()(heat)[0]
    # Cell (column 3, row 2) of 8 x 6 has its centre at (3.5 / 8, 2.5 / 6) of the picture.
    wanted = [[-0.875, -1 + 1 / 6], [0.875, 1 - 1 / 6], [2 * 3.5 / 8 - 1, 2 * 2.5 / 6 - 1]]
    assert torch.allclose(places, torch.tensor(wanted), atol=1e-5)
    assert torch.allclose(SoftArgmax()(torch.zeros(1, 1, 6, 8)), torch.zeros(1, 1, 2), atol=1e-6)


def test_places_move_with_their_heat_map():
    torch.manual_seed(0)
    heat = torch.randn(4, 2, 6, 8)
    places, mirrored = SoftArgmax()(heat), SoftArgmax()(heat.flip(3))
    assert torch.allclose(mirrored, places * torch.tensor([-1.0, 1.0]), atol=1e-5)


@pytest.mark.parametrize(
    "arch", ["regnetx_002", "mobilenetv3_small_100", "mobilenet_v2_035", "resnet18", "test_convnext"]
)
@pytest.mark.parametrize("size", [(64, 64), (90, 122)])
def test_any_body_with_maps_at_three_strides_can_point(arch, size):
    model = build_point_model(arch, "none", 5).eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 3, *size)).shape == (2, 5, 2)


def test_layers_that_nobody_reads_are_cut_off():
    whole = build_body("regnetx_002", "none")
    count = sum(p.numel() for p in whole.parameters())
    cut = Pyramid(build_body("regnetx_002", "none"), STRIDES)
    assert cut.channels == (24, 56, 152)
    assert sum(p.numel() for p in cut.parameters()) < count / 2
    wide = Pyramid(build_body("mobilenet_v2_035", "none"), (4, 8))
    maps = wide(torch.zeros(1, 3, 64, 96))
    assert [tuple(found.shape[2:]) for found in maps] == [(16, 24), (8, 12)]


def test_the_maps_are_those_of_the_whole_body():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 64, 64)
    body = build_body("mobilenet_v2_035", "none", seed=3).eval()
    with torch.no_grad():
        whole = body(x)
        last = Pyramid(build_body("mobilenet_v2_035", "none", seed=3), (4, 8, 16, 32)).eval()(x)[-1]
    assert torch.equal(whole, last)


def test_a_range_starts_in_the_middle_and_is_never_left():
    far = torch.tensor([[[-100.0, 100.0]]])
    for low, high in ((-1.1, 1.1), (-0.2, 0.9), (0.3, 0.5)):
        last = Range((1, 2), (low, high))
        assert last(far).min() >= low - 1e-6 and last(far).max() <= high + 1e-6
        zero = torch.zeros(1, 1, 2, requires_grad=True)
        said = last(zero)
        said.sum().backward()
        if low < 0 < high:
            assert torch.allclose(said, torch.zeros(1, 1, 2), atol=1e-6)
            assert torch.allclose(zero.grad, torch.ones(1, 1, 2), atol=1e-5)
    assert torch.equal(Range((1, 2), None)(far), far)


def test_stages_freeze_early_body_late_body_and_head():
    model = build_point_model("regnetx_002", "none", 1)
    groups = model.groups()
    assert len(groups) == 3 and all(groups)
    assert len({id(p) for group in groups for p in group}) == len(list(model.parameters()))
    freeze_to(model, -1, train_bn=False)
    trained = {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"head", "last"}


def test_weights_in_the_box_are_taken_and_bodies_do_not_depend_on_the_head():
    one = build_point_model("regnetx_002", "embedded", 1, seed=0)
    other = build_point_model("regnetx_002", "embedded", 4, target="angles", seed=1)
    assert torch.equal(*(next(model.body.parameters()) for model in (one, other)))
    assert other.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 4)
    heads = [build_point_model("regnetx_002", "none", 1, seed=seed).head for seed in (0, 0, 1)]
    values = [head.laterals[0].weight.detach().numpy() for head in heads]
    assert np.array_equal(values[0], values[1]) and not np.array_equal(values[0], values[2])


def test_half_precision_does_not_round_places():
    heat = torch.randn(2, 1, 12, 16)
    exact, rounded = SoftArgmax()(heat), SoftArgmax()(heat.bfloat16())
    assert rounded.dtype == torch.float32
    assert (exact - rounded).abs().max() < 0.02


@pytest.mark.parametrize("arch", ["vgg11", "densenet121"])
def test_bodies_without_such_maps_are_refused(arch):
    with pytest.raises(UserError, match="strides"):
        Pyramid(build_body(arch, "none"), (4, 64))


def test_the_head_adds_maps_of_odd_sizes():
    head = PointHead((4, 8, 16), 2).eval()
    maps = [torch.zeros(1, 4, 23, 31), torch.zeros(1, 8, 12, 16), torch.zeros(1, 16, 6, 8)]
    assert head(maps).shape == (1, 2, 2) and head.heat(maps).shape == (1, 2, 12, 16)
