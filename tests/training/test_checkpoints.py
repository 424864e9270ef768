import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labcore.errors import UserError
from labcore.training.checkpoints import pack, unpack

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
trees = st.recursive(
    plain,
    lambda node: (
        st.lists(node, max_size=3)
        | st.tuples(node, node)
        | st.dictionaries(st.integers() | st.text(max_size=5), node, max_size=3)
    ),
    max_leaves=12,
)


@given(trees)
def test_plain_values_come_back_as_they_were(tree):
    back = unpack(pack(tree))
    assert back == tree and repr(back) == repr(tree)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool])
def test_tensors_come_back_bit_for_bit(dtype):
    tensor = (torch.randn(2, 3, 4, 5) * 9).to(dtype).to(memory_format=torch.channels_last)
    state = {"a": [tensor, tensor], 3: {"scalar": torch.tensor(7).to(dtype), "none": torch.zeros(0, dtype=dtype)}}
    back = unpack(pack(state))
    assert torch.equal(back["a"][0], tensor) and torch.equal(back["a"][1], tensor)
    assert back["a"][0].dtype == dtype and back[3]["scalar"].shape == () and back[3]["none"].shape == (0,)


def test_numbers_at_the_edge_survive():
    back = unpack(pack([float("inf"), float("-inf"), float("nan"), 1e-323, 0.1 + 0.2, -0.0]))
    assert back[:2] == [math.inf, -math.inf] and math.isnan(back[2]) and back[3:5] == [1e-323, 0.1 + 0.2]
    assert math.copysign(1, back[5]) == -1


def test_an_optimizer_goes_on_where_it_was():
    def trained(steps, state=None):
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 2)
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, fused=True)
        if state is not None:
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
        for _ in range(steps):
            net(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        return {"net": dict(net.state_dict()), "optimizer": optimizer.state_dict()}

    whole, resumed = trained(5), trained(2, unpack(pack(trained(3))))
    assert torch.equal(whole["net"]["weight"], resumed["net"]["weight"])


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-3], lambda d: b"", lambda d: d[: len(d) // 2], lambda d: b"\x80\x04" + d]
)
def test_damaged_bytes_give_a_sentence(damage):
    with pytest.raises(UserError, match="damaged"):
        unpack(damage(pack({"weights": torch.ones(5)})))


def test_other_objects_are_refused_when_written():
    with pytest.raises(TypeError):
        pack({"f": print})
