import pytest
import torch
from small import SmallNet

from labcore.training.checkpoints import pack, unpack
from labcore.training.optimizer import adamw, load_optimizer, set_rates, sgd


def step(net, optimizer):
    net(torch.linspace(0, 1, 4 * 3 * 64).view(4, 3, 8, 8)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_a_step_is_fastais_adam_with_decoupled_decay():
    """The update written out as in ``fastai/optimizer.py``: decay, averages, correction, step."""
    torch.manual_seed(0)
    net = SmallNet(0).double()
    optimizer = adamw(net, weight_decay=0.1)
    set_rates(optimizer, [1e-3, 1e-2, 1e-1], 0.85)
    expected = {name: p.detach().clone() for name, p in net.named_parameters()}
    net(torch.linspace(0, 1, 4 * 3 * 64).view(4, 3, 8, 8).double()).square().sum().backward()
    for name, p in net.named_parameters():
        lr = {"early": 1e-3, "late": 1e-2, "head": 1e-1}[name.partition(".")[0]]
        decay = 0.0 if name.endswith("bias") or ".1." in name else 0.1
        average, square = 0.15 * p.grad, 0.01 * p.grad**2
        expected[name] *= 1 - lr * decay
        expected[name] -= lr / (1 - 0.85) * average / ((square / (1 - 0.99)).sqrt() + 1e-5)
    optimizer.step()
    for name, p in net.named_parameters():
        torch.testing.assert_close(p.detach(), expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", [adamw, sgd])
def test_every_parameter_is_in_exactly_one_group_and_norms_and_biases_are_not_decayed(make):
    net = SmallNet()
    optimizer = make(net)
    members = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(members) == sorted(id(p) for p in net.parameters())
    free = {id(p) for group in optimizer.param_groups if group["weight_decay"] == 0 for p in group["params"]}
    spared = {name for name, p in net.named_parameters() if id(p) in free}
    assert spared == {"early.1.weight", "early.1.bias", "late.1.weight", "late.1.bias", "head.3.bias"}


def test_reloaded_averages_lie_in_memory_like_their_channels_last_weights():
    def net_and_optimizer():
        torch.manual_seed(0)
        net = SmallNet(0).to(memory_format=torch.channels_last)
        return net, adamw(net, lr=0.1)

    whole, optimizer = net_and_optimizer()
    step(whole, optimizer)
    saved = unpack(pack({"net": dict(whole.state_dict()), "optimizer": optimizer.state_dict()}))
    step(whole, optimizer)
    resumed, fresh = net_and_optimizer()
    resumed.load_state_dict(saved["net"])
    load_optimizer(fresh, saved["optimizer"])
    step(resumed, fresh)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
        assert fresh.state[b]["exp_avg"].stride() == b.stride()


def test_a_parameter_thaws_with_the_averages_it_had():
    net = SmallNet(0)
    optimizer = adamw(net)
    step(net, optimizer)
    weight = net.early[0].weight
    weight.requires_grad_(False)
    average = optimizer.state[weight]["exp_avg"].clone()
    step(net, optimizer)
    assert torch.equal(optimizer.state[weight]["exp_avg"], average) and optimizer.state[weight]["step"] == 1
