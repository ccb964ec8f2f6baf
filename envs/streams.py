"""Randomness by name: every purpose draws from a stream of its own, so that none foretells another.

Lists of small numbers as seeds do not do: numpy pads them with zeros, and `default_rng([s, 0])` is
`default_rng([s, 0, 0])`. What was learnt in recording 0 would then be what pair 0 asks for.
"""

import hashlib

import numpy as np


def stream_seed(seed: int, purpose: str, *indices: int) -> int:
    """128 bits that differ with the seed, the purpose's name and the indices, whose count counts too.

    A purpose is what is drawn ("recordings", "pairs", ...): one name for one thing; the indices say which of many.
    """
    name = "/".join(map(str, (purpose, int(seed), *map(int, indices))))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """The random generator of one purpose; see `stream_seed`."""
    return np.random.default_rng(stream_seed(seed, purpose, *indices))
