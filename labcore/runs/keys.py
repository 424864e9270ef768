"""What makes two runs the same: the spec, the content of the data, the content of the weights."""

import hashlib
from functools import lru_cache
from pathlib import Path

from labcore import specs
from labcore.data import registry
from labcore.errors import UserError
from labcore.settings import REPOSITORY

WEIGHTS = REPOSITORY / "assets" / "weights"


def key_of(spec: specs.Spec) -> str:
    """The cache key of a spec on this machine's data.

    Raises:
        UserError: the data set or the weights file is not there.
    """
    dataset = getattr(spec, "dataset", None)
    data = registry.fingerprint(dataset) if dataset is not None else ""
    return specs.run_key(spec, data, _weights_fingerprint(spec))


def _weights_fingerprint(spec: specs.Spec) -> str:
    weights = getattr(spec, "weights", "none")
    if weights in ("none", "pretrained"):
        return weights
    if weights == "embedded":
        file = WEIGHTS / f"{spec.arch}.safetensors"
        if not file.is_file():
            return weights  # the experiment names the backbones that are in the box
    else:
        file = Path(weights).expanduser()
        if not file.is_file():
            raise UserError(
                f"There is no weights file {weights}. Give a .safetensors or .pth file, embedded, pretrained or none."
            )
    stat = file.stat()
    return _sha256(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256(file: Path, _size: int, _modified: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
