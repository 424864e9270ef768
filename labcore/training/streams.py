"""Separate random streams that need no memory: every seed is computed from the run's seed and the stream's name.

Initialisation, shuffling, augmentation and dropout each draw from a stream of their own. So two runs that differ in
one line see the same weights and the same batches, a resumed run needs no generator state, and lanes that are stepped
in turn inside one process never disturb each other.
"""

import hashlib

import torch

SEED_BITS = 63
"""torch takes signed 64-bit seeds; one bit less is always valid."""


def seed_for(seed: int, *names: str | int) -> int:
    """The seed of a named stream, the same on every machine and in every process.

    >>> seed_for(0, "shuffle", 3) == seed_for(0, "shuffle", 3) != seed_for(0, "shuffle", 4)
    True
    """
    text = "\x1f".join(str(name) for name in (seed, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> (64 - SEED_BITS)


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator of a named stream, on ``device``."""
    return torch.Generator(device=device).manual_seed(seed_for(seed, *names))


def seed_step(seed: int, step: int) -> None:
    """Put torch's global generators, which dropout draws from, where step ``step`` of this run begins."""
    torch.manual_seed(seed_for(seed, "dropout", step))
