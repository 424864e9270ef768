"""The U on every kind of body: sizes, groups, cut skip connections."""

import pytest
import torch

from labcore.errors import UserError
from labcore.models.groups import freeze_to, parameter_counts
from labcore.models.unet import build_unet


@pytest.mark.parametrize(
    "arch", ["mobilenetv3_small_050", "regnetx_002", "mobilenet_v2_035", "resnet18", "convnext_atto"]
)
@pytest.mark.parametrize("size", [(64, 64), (50, 75)])
def test_every_pixel_of_any_size_gets_a_score_per_class(arch, size):
    net = build_unet(arch, "none", 7).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 3, *size)).shape == (2, 7, *size)


def test_groups_hold_every_parameter_once_and_freeze_in_order():
    net = build_unet("regnetx_002", "none", 4, decoder="full")
    groups = [{id(p) for p in group} for group in net.groups()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == len(list(net.parameters()))
    freeze_to(net, -1, train_bn=False)
    counts = parameter_counts(net)
    assert counts[0][0] == counts[1][0] == 0 and counts[2][1] == 0
    light = build_unet("regnetx_002", "none", 4)
    assert parameter_counts(light)[2][0] < counts[2][0]


def test_a_cut_skip_connection_carries_nothing():
    whole, cut = (build_unet("mobilenetv3_small_050", "none", 3, skip_off=off) for off in ((), (0, 2)))
    assert [level.skip_channels > 0 for level in whole.levels] == [False, True, True, True, True, False]
    assert [level.skip_channels > 0 for level in cut.levels] == [False, False, True, False, True, False]
    assert sum(p.numel() for p in cut.parameters()) < sum(p.numel() for p in whole.parameters())
    # Both start from the same body: only the way up differs.
    assert all(torch.equal(a, b) for a, b in zip(whole.body.parameters(), cut.body.parameters(), strict=True))
    # With every connection cut, what the early layers saw at full detail can no longer reach the mask unblurred.
    none = build_unet("mobilenetv3_small_050", "none", 3, skip_off=(0, 1, 2, 3)).eval()
    x = torch.zeros(1, 3, 64, 64)
    with torch.no_grad():
        changes = [(net(x + torch.eye(64)) - net(x)).abs().amax() for net in (whole.eval(), none)]
    assert all(change > 0 for change in changes)


def test_a_body_without_levels_is_refused():
    with pytest.raises(UserError, match="single class"):
        build_unet("resnet18", "none", 1)
    with pytest.raises(UserError):
        build_unet("mixer_s16_224", "none", 3)
