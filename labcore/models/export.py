"""A model on its way out of the lab: safetensors with its card in the header, and ONNX that takes plain pictures."""

import io
import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from labcore.errors import UserError

INPUT, LOGITS, ALONE = "pictures", "logits", "alone"
"""Names of the ONNX graph's ends."""
OPSET = 17
"""Understood by every onnxruntime since 2022."""
EXAMPLES = 2
"""Pictures sent through while tracing: with one, a batch of one would be taken for a rule."""


class _FromPixels(nn.Module):
    """uint8 [N, H, W, 3] in, logits out: scaling and normalisation travel inside, so nobody gets them wrong."""

    def __init__(
        self, body: nn.Module, head: nn.Sequential, alone: nn.Linear, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.body, self.neck, self.last, self.alone = body, head[:-1], head[-1], alone
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1) * 255)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.neck(self.body((pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std))
        return self.last(features), self.alone(features)


def to_onnx(
    body: nn.Module,
    head: nn.Sequential,
    alone: nn.Linear,
    size: tuple[int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> bytes:
    """A classifier as one ONNX file that needs no other knowledge of it.

    Args:
        body: pictures to features, float32, on the CPU; left in evaluation mode, as is the head.
        head: features to logits; its last layer is replaced by ``alone`` for the second output.
        alone: the last layer of the sigmoid reading, one yes or no per class (``labcore.training.one_vs_rest``).
        size: (height, width) of the pictures that it was trained on.
        mean, std: per channel, of pictures scaled to 0..1.

    Returns:
        A graph from ``pictures``, uint8 [N, H, W, 3] in RGB, to ``logits`` (softmax chooses) and ``alone`` (sigmoid may
        say no to all), float32 [N, classes] each, for any N.
    """
    return trace(_FromPixels(body, head, alone, mean, std), (*size, len(mean)), (LOGITS, ALONE))


def trace(model: nn.Module, shape: tuple[int, int, int], outputs: tuple[str, ...]) -> bytes:
    """A module from uint8 ``pictures`` [N, H, W, C] as an ONNX file.

    Args:
        model: float32, on the CPU; put into evaluation mode.
        shape: (height, width, channels) of the pictures.
        outputs: names of what comes out; N is free in all of them.
    """
    pictures = torch.zeros((EXAMPLES, *shape), dtype=torch.uint8)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is deprecated, yet takes 0.5 s where torch.export takes 12 s for the same graph
        # (mobilenetv3_small_100 on a busy 4-core machine): it would be a fifth of the default run.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (pictures,),
            buffer,
            dynamo=False,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in (INPUT, *outputs)},
            opset_version=OPSET,
        )
    return buffer.getvalue()


class FromPixels(nn.Module):
    """A model [N, C, H, W] to anything, with scaling and normalisation in front: uint8 [N, H, W, C] goes in."""

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1) * 255)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.model((pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std)


HALVED_FROM = 1024
"""Weights with fewer numbers stay as they are: they weigh nothing, and normalisation wants every digit."""


def halved(data: bytes) -> bytes:
    """An ONNX model whose large float32 weights are kept as float16 and cast back when it is loaded: half the size.

    Answers move by rounding alone, about one part in a thousand.
    """
    import onnx

    model = onnx.load_model_from_string(data)
    casts = []
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < HALVED_FROM:
            continue
        name = weights.name
        weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def to_safetensors(model: nn.Module, card: Mapping[str, Any]) -> bytes:
    """All weights and buffers by name, with the card as JSON in the header."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    return save_safetensors(tensors, metadata={"card": json.dumps(card)})


def load_into(model: nn.Module, data: bytes, source: str) -> None:
    """Put the weights of a saved stage into a model of the same architecture and number of classes.

    Args:
        model: receives the weights.
        data: a safetensors file as ``to_safetensors`` writes it.
        source: what to call the file in a message.

    Raises:
        UserError: the weights are of another architecture or another number of classes.
    """
    found, wanted = load_safetensors(bytes(data)), model.state_dict()
    misfits = [
        name for name, tensor in wanted.items() if name not in found or found[name].shape != tensor.shape
    ] + sorted(found.keys() - wanted.keys())
    if misfits:
        raise UserError(
            f"{source} does not fit: {len(misfits)} of {len(wanted)} tensors differ, first {misfits[0]}. "
            "Choose the architecture and the data set that it was trained with."
        )
    model.load_state_dict(found)
