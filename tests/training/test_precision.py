import pytest
import torch

from labcore.errors import UserError
from labcore.training.precision import resolve, resolve_device

CPU = torch.device("cpu")


def test_a_cpu_computes_in_fp32_unless_told_otherwise():
    assert resolve("auto", CPU).name == resolve("fp32", CPU).name == "fp32"
    with resolve("auto", CPU).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    with resolve("bf16", CPU).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_fp16_on_a_cpu_is_refused_with_a_way_out():
    with pytest.raises(UserError, match="auto, fp32 or bf16"):
        resolve("fp16", CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_gpu_that_is_not_there(monkeypatch):
    with pytest.raises(UserError, match="no CUDA device"):
        resolve_device("cuda")
    assert resolve_device("auto") == CPU
    monkeypatch.setenv("LAB_DEVICE", "cuda")
    with pytest.raises(UserError, match="no CUDA device"):
        resolve_device("auto")
    assert resolve_device("cpu") == CPU
