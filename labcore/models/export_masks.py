"""A segmentation net on its way out of the lab: ONNX from plain pictures to probabilities per pixel."""

import io
import warnings

import torch
from torch import Tensor, nn

from labcore.models.export import EXAMPLES, INPUT, OPSET

PROBABILITIES = "probabilities"
"""Name of the graph's output."""


class _FromPixels(nn.Module):
    """uint8 [N, H, W, 3] in, probabilities out: scaling and normalisation travel inside, so nobody gets them wrong."""

    def __init__(self, net: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1) * 255)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.net((pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std).softmax(dim=1)


def masks_to_onnx(net: nn.Module, size: tuple[int, int], mean: tuple[float, ...], std: tuple[float, ...]) -> bytes:
    """A net from pictures to scores per pixel as one ONNX file that needs no other knowledge of it.

    Args:
        net: float32, on the CPU; left in evaluation mode.
        size: (height, width) of the pictures that it was trained on; the graph takes this size alone.
        mean, std: per channel, of pictures scaled to 0..1.

    Returns:
        A graph from ``pictures``, uint8 [N, height, width, 3] in RGB, to ``probabilities``, float32
        [N, classes, height, width], for any N.
    """
    wrapped = _FromPixels(net, mean, std).eval()
    pictures = torch.zeros((EXAMPLES, *size, len(mean)), dtype=torch.uint8)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # for the tracing exporter's speed, see labcore.models.export
        torch.onnx.export(
            wrapped,
            (pictures,),
            buffer,
            dynamo=False,
            input_names=[INPUT],
            output_names=[PROBABILITIES],
            dynamic_axes={name: {0: "n"} for name in (INPUT, PROBABILITIES)},
            opset_version=OPSET,
        )
    return buffer.getvalue()
