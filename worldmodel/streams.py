"""Randomness by name: whatever is learned draws from a stream of its own, though all of a training has one seed.

With the same number as the seed of everything, the first batch of clips, the first rows of the distance and the first
weights would be drawn from one sequence.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def stream_seed(seed: int, purpose: str, *indices: int) -> int:
    """63 bits that differ with the seed, the purpose's name and the indices, whose count counts too."""
    name = "/".join(map(str, (purpose, int(seed), *map(int, indices))))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """numpy's random generator of one purpose."""
    return np.random.default_rng(stream_seed(seed, purpose, *indices))


def torch_stream(seed: int, purpose: str, *indices: int) -> torch.Generator:
    """torch's random generator of one purpose, on the CPU."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, *indices))


@contextmanager
def drawn_weights(seed: int, network: str) -> Iterator[None]:
    """Networks that are made in here get the same first weights every time; torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, f"weights of {network}"))
        yield
