"""Nested dicts of tensors and plain values as bytes and back, exactly, without pickle.

Tensors go into safetensors; everything else, with the places of the tensors, into its metadata as JSON. Python's JSON
writes floats so that they read back to the same bits.
"""

import json
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, deserialize

from labcore.errors import UserError

TREE = "tree"
FORMAT = "unfreeze-checkpoint-1"


def pack(state: Any) -> bytes:
    """A tree of dicts, lists, tuples, tensors, numbers, strings, booleans and None, as bytes.

    Tensors come to the CPU; their values and dtypes are kept, their memory layout is not.

    Raises:
        TypeError: something in the tree is of another kind.
    """
    tensors: dict[str, torch.Tensor] = {}
    tree = _fold(state, tensors)
    return safetensors.torch.save(tensors, {"format": FORMAT, TREE: json.dumps(tree)})


def unpack(data: bytes) -> Any:
    """What ``pack`` was given, tensors on the CPU.

    Raises:
        UserError: the bytes are no checkpoint of this lab, or damaged.
    """
    try:
        deserialize(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        if metadata.get("format") != FORMAT:
            raise UserError("These bytes are no checkpoint of this version of the lab. Start the run afresh.")
        return _unfold(json.loads(metadata[TREE]), safetensors.torch.load(data))
    except (SafetensorError, ValueError, KeyError):
        raise UserError("The checkpoint is damaged and cannot be read. Start the run afresh.") from None


def _fold(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(node, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = node.detach().to("cpu", copy=True).contiguous()  # a copy: tied weights may not share memory
        return {"tensor": name}
    if isinstance(node, dict):  # as pairs, since JSON turns all keys into strings
        return {"dict": [[_plain(key), _fold(value, tensors)] for key, value in node.items()]}
    if isinstance(node, tuple):
        return {"tuple": [_fold(value, tensors) for value in node]}
    if isinstance(node, list):
        return [_fold(value, tensors) for value in node]
    return _plain(node)


def _plain(node: Any) -> Any:
    if node is None or isinstance(node, str | bool | int | float):
        return node
    raise TypeError(f"a checkpoint holds tensors and plain values, not {type(node).__name__}")


def _unfold(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(node, list):
        return [_unfold(value, tensors) for value in node]
    if not isinstance(node, dict):
        return node
    if "tensor" in node:
        return tensors[node["tensor"]]
    if "tuple" in node:
        return tuple(_unfold(value, tensors) for value in node["tuple"])
    return {key: _unfold(value, tensors) for key, value in node["dict"]}
