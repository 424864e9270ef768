"""Which device, and which number format the forward pass takes on it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

import torch

from labcore.errors import UserError
from labcore.settings import settings

Name = Literal["fp32", "bf16", "fp16"]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Precision:
    """How one run computes.

    Attributes:
        name: ``fp32``, ``bf16`` or ``fp16``.
        device: where.
        scaler: keeps small fp16 gradients from vanishing; passes everything through for the other formats.
        note: a sentence for whoever asked for something slow; empty otherwise.
    """

    name: Name
    device: torch.device
    scaler: torch.amp.GradScaler = field(init=False)
    note: str = ""

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")

    def autocast(self) -> AbstractContextManager:
        """The context for forward pass and loss. Backward and optimiser stay outside."""
        dtype = DTYPES.get(self.name)
        return nullcontext() if dtype is None else torch.autocast(self.device.type, dtype)


def resolve_device(asked: Literal["auto", "cpu", "cuda"] = "auto") -> torch.device:
    """The device to train on; ``auto`` takes what ``LAB_DEVICE`` says, and else a GPU if there is one.

    Raises:
        UserError: a GPU was asked for and there is none.
    """
    wanted = settings().device if asked == "auto" else asked
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA device here. Set device to cpu or auto.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def resolve(asked: Literal["auto", "fp32", "bf16", "fp16"], device: torch.device) -> Precision:
    """The number format for a device.

    ``auto`` on a GPU takes bf16 where the hardware has it, else fp16 with loss scaling. On a CPU it is fp32 always:
    with avx512_bf16, bf16 was measured 1.4 x faster for resnet18 and 1.8 x slower for mobilenetv3_small_100 (64 px);
    without it, 10 x slower. And fp32 gives the same curve on every machine.

    Raises:
        UserError: the device cannot compute in the format asked for.
    """
    if device.type == "cpu":
        if asked == "fp16":
            raise UserError("fp16 needs a GPU. Set precision to auto, fp32 or bf16.")
        slow = asked == "bf16" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
        note = "This CPU has no bf16 arithmetic: the run takes about ten times as long as in fp32." if slow else ""
        return Precision("bf16" if asked == "bf16" else "fp32", device, note)
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    if asked == "bf16" and not has_bf16:
        raise UserError("This GPU has no bf16 arithmetic. Set precision to auto, fp16 or fp32.")
    if asked == "auto":
        asked = "bf16" if has_bf16 else "fp16"
    return Precision(asked, device)
