from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from labcore.errors import UserError
from labcore.models import weights as weights_module
from labcore.models.backbones import build_model, describe, normalisation
from labcore.models.groups import freeze_to, parameter_counts, set_training
from labcore.models.weights import IMAGENET_MEAN, IMAGENET_STD

NOTOP = Path(__file__).parents[3] / "shared" / "data" / "weights" / "mobilenet_v2_035-imagenet-notop.pth"
ARCH = "test_resnet"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def bodies_equal(a, b):
    pairs = zip(a.body.state_dict().values(), b.body.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("arch", [ARCH, "mobilenetv3_small_050", "mobilenet_v2_035", "squeezenet1_1", "lcnet_050"])
@pytest.mark.parametrize("head", ["fastai", "linear"])
def test_any_net_gives_its_outputs_and_trains_every_parameter_of_its_three_groups(arch, head):
    model = build_model(arch, "none", 5, head=head)
    out = model(torch.randn(2, 3, 64, 64))
    assert out.shape == (2, 5)
    out.square().sum().backward()
    groups = model.groups()
    assert len(groups) == 3 and all(groups)
    assert sorted(id(p) for group in groups for p in group) == sorted(map(id, model.parameters()))
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_the_groups_of_a_resnet_are_cut_where_fastai_cuts():
    model = build_model("resnet18", "none", 3)
    net = model.body.net
    early = {id(p) for part in (net.conv1, net.bn1, net.layer1, net.layer2) for p in part.parameters()}
    assert {id(p) for p in model.groups()[0]} == early


def test_the_head_is_fastais():
    head = build_model(ARCH, "none", 7).head
    kinds = [type(layer).__name__ for layer in head]
    assert kinds == ["ConcatPool", "BatchNorm1d", "Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]
    assert [layer.p for layer in head if isinstance(layer, nn.Dropout)] == [0.25, 0.5]
    x = torch.arange(8.0).view(1, 2, 2, 2)
    assert head[0](x).tolist() == [[3.0, 7.0, 1.5, 5.5]]


def test_initialisation_depends_on_the_seed_alone_and_heads_share_the_body():
    state = torch.get_rng_state()
    a = build_model(ARCH, "none", 3, seed=4)
    assert torch.equal(state, torch.get_rng_state())
    torch.rand(5)
    b = build_model(ARCH, "none", 3, seed=4)
    assert bodies_equal(a, b) and torch.equal(a.head[3].weight, b.head[3].weight)
    assert bodies_equal(a, build_model(ARCH, "none", 9, seed=4, head="linear"))
    assert not bodies_equal(a, build_model(ARCH, "none", 3, seed=5))


def test_other_channel_counts_repeat_or_sum_the_first_layer(tmp_path):
    source = build_model(ARCH, "none", 2, seed=1)
    safetensors.torch.save_file(dense(source.body.net.state_dict()), tmp_path / "w.safetensors")
    grey = build_model(ARCH, str(tmp_path / "w.safetensors"), 2, in_chans=1).eval().body(torch.ones(1, 1, 32, 32))
    colour = source.eval().body(torch.ones(1, 3, 32, 32))
    torch.testing.assert_close(grey, colour, rtol=1e-3, atol=1e-4)
    assert build_model(ARCH, "none", 2, in_chans=5)(torch.ones(2, 5, 32, 32)).shape == (2, 2)


def dense(state):
    return {name: tensor.contiguous() for name, tensor in state.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "body.net."])
@pytest.mark.parametrize("kind", ["pth", "nested.pth", "safetensors"])
def test_local_weights_are_found_under_any_prefix_and_without_their_head(tmp_path, prefix, kind):
    source = build_model(ARCH, "none", 2, seed=7)
    state = {prefix + name: tensor for name, tensor in dense(source.body.net.state_dict()).items()}
    state["fc.weight"] = torch.zeros(10, 4)
    path = tmp_path / f"w.{kind}"
    if kind == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save({"epoch": 3, "state_dict": state} if "nested" in kind else state, path)
    assert bodies_equal(build_model(ARCH, str(path), 3), source)


def test_weights_of_another_architecture_are_refused_with_the_count_that_fits(tmp_path):
    path = tmp_path / "deeper.pth"
    torch.save(build_model("resnet34", "none", 2).body.net.state_dict(), path)
    with pytest.raises(
        UserError, match=r"not of resnet18: 100 of the body's 100 tensors fit and \d+ of its tensors have no"
    ):
        build_model("resnet18", str(path), 2)
    with pytest.raises(UserError, match=r"not of test_resnet: \d+ of the body's \d+ tensors fit"):
        build_model(ARCH, str(path), 2)


class Surprise:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_files_that_are_no_weights_give_a_sentence_and_run_nothing(tmp_path, capsys, name):
    path = tmp_path / name
    path.write_bytes(b"")
    for spoil in (lambda: None, lambda: path.write_bytes(b"x" * 100), lambda: torch.save(Surprise(), path)):
        spoil()
        with pytest.raises(UserError, match="cannot be read as weights"):
            build_model(ARCH, str(path), 2)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="no named tensors"):
        build_model(ARCH, str(tmp_path / "list.pth"), 2)
    assert "executed" not in capsys.readouterr().out


def test_unknown_names_come_with_their_neighbours():
    with pytest.raises(UserError, match="resnet18"):
        describe("resnet_18")
    with pytest.raises(UserError, match="no architecture"):
        describe("hf_hub:someone/something")
    with pytest.raises(UserError, match="224 pixels only"):
        describe("vit_tiny_patch16_224")
    with pytest.raises(UserError, match="no weights file"):
        build_model(ARCH, "/nowhere/w.pth", 2)
    with pytest.raises(UserError, match="at least 1"):
        build_model(ARCH, "none", 0)


def test_embedded_weights_load_with_their_own_normalisation(tmp_path, monkeypatch):
    monkeypatch.setattr(weights_module, "EMBEDDED", tmp_path)
    with pytest.raises(UserError, match="no embedded weights for test_resnet"):
        build_model(ARCH, "embedded", 2)
    source = build_model(ARCH, "none", 2, seed=3)
    half = {name: t.half() if t.is_floating_point() else t for name, t in dense(source.body.net.state_dict()).items()}
    metadata = {"mean": "[0.5, 0.5, 0.5]", "std": "[0.25, 0.25, 0.25]"}
    safetensors.torch.save_file(half, tmp_path / f"{ARCH}.safetensors", metadata)
    model = build_model(ARCH, "embedded", 2)
    torch.testing.assert_close(model.body.net.state_dict(), source.body.net.state_dict(), rtol=1e-3, atol=1e-6)
    assert next(model.parameters()).dtype == torch.float32
    assert normalisation(ARCH, "embedded") == ((0.5,) * 3, (0.25,) * 3)
    assert normalisation(ARCH, "none") == (IMAGENET_MEAN, IMAGENET_STD)
    with pytest.raises(UserError, match="Choose arch among test_resnet"):
        build_model("resnet18", "embedded", 2)


@pytest.mark.skipif(not NOTOP.is_file(), reason="needs ../shared/data/weights/mobilenet_v2_035-imagenet-notop.pth")
def test_the_keras_body_loads_and_its_features_are_alive():
    model = build_model("mobilenet_v2_035", str(NOTOP), 37).eval()
    features = model.body(torch.randn(2, 3, 96, 96))
    assert features.shape == (2, 1280, 3, 3)
    assert features.min() >= 0 and features.max() <= 6 and 0.1 < features.std() < 2
    with pytest.raises(UserError, match="not of mobilenet_v2:"):
        build_model("mobilenet_v2", str(NOTOP), 37)


def test_freezing_leaves_batchnorm_to_train_unless_switched_off():
    model = build_model(ARCH, "none", 2)
    freeze_to(model, -1)
    early, _, head = model.groups()
    assert all(p.requires_grad for p in head) and not all(p.requires_grad for p in early)
    set_training(model)
    assert all(norm.training for norm in model.modules() if isinstance(norm, nn.BatchNorm2d))

    freeze_to(model, -1, train_bn=False)
    assert not any(p.requires_grad for group in model.groups()[:2] for p in group)
    assert parameter_counts(model)[0][0] == 0
    set_training(model)
    assert not any(norm.training for norm in model.body.modules() if isinstance(norm, nn.BatchNorm2d))
    assert all(norm.training for norm in model.head.modules() if isinstance(norm, nn.BatchNorm1d))

    freeze_to(model, 0)
    assert all(p.requires_grad for p in model.parameters())
    assert [frozen for _, frozen in parameter_counts(model)] == [0, 0, 0]
