import pytest

from labcore.models import sizes
from labcore.models.backbones import build_model
from labcore.models.groups import freeze_to, parameter_counts
from labcore.specs import Stage
from labcore.training.tuner import rest_batchnorm


@pytest.mark.parametrize("train_bn", [True, False])
@pytest.mark.parametrize("arch", ["mobilenetv3_small_050", "mobilenet_v2_035"])
def test_the_table_agrees_with_the_networks(arch, train_bn):
    model = build_model(arch, "none", 12)
    found = sizes.counted(arch, 12)
    for stage in (Stage(freeze_to=-1), Stage(freeze_to=1), Stage()):
        freeze_to(model, stage.freeze_to, train_bn)
        if not train_bn:
            rest_batchnorm(model)
        assert found.split(stage, train_bn) == parameter_counts(model)


def test_a_linear_head_is_counted_too():
    model = build_model("mobilenetv3_small_050", "none", 12, head="linear")
    assert sizes.counted("mobilenetv3_small_050", 12, "linear").split(Stage(), True) == parameter_counts(model)


def test_an_unknown_net_has_no_numbers():
    assert sizes.counted("nonsense", 2) is None


def test_memory_grows_with_the_picture_and_the_batch():
    found = sizes.counted("mobilenetv3_small_050", 12)
    assert found.megabytes(128, 64) > 3 * found.megabytes(64, 64) > 3 * found.megabytes((32, 64), 64)
