"""Clips that several networks see are drawn once, and kept compressed in memory: some 14 kB each at 64 pixels."""

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from envs.physics.properties import Quadruplet, changes, quadruplet

_MOST = 8000  # results: those of the standard suite, of which the largest are quadruplets


def kept(make: Callable[..., tuple[np.ndarray, Any]], *asked: Any) -> tuple[np.ndarray, Any]:
    """What ``make(*asked)`` returns, the same whenever it is asked: frames ``uint8``, and anything else."""
    packed, shape, told = _packed(make, *asked)
    return np.frombuffer(bytearray(zlib.decompress(packed)), np.uint8).reshape(shape), told


@lru_cache(maxsize=_MOST)
def _packed(make: Callable[..., tuple[np.ndarray, Any]], *asked: Any) -> tuple[bytes, tuple[int, ...], Any]:
    frames, told = make(*asked)
    return zlib.compress(frames.tobytes(), 1), frames.shape, told


def kept_quadruplet(name: str, seed: int, index: int, size: int) -> Quadruplet:
    """As `envs.physics.properties.quadruplet`."""

    frames, (at, places) = kept(_quadruplet, name, seed, index, size)
    return Quadruplet(frames[:2], frames[2:], at, places)


def _quadruplet(*asked: Any) -> tuple[np.ndarray, Any]:
    made = quadruplet(*asked)
    return np.concatenate([made.possible, made.impossible]), (made.at, made.places)


def kept_changes(seed: int, index: int, size: int) -> dict[str, np.ndarray]:
    """As `envs.physics.properties.changes`."""
    frames, names = kept(_changes, seed, index, size)
    return dict(zip(names, frames, strict=True))


def _changes(*asked: Any) -> tuple[np.ndarray, Any]:
    made = changes(*asked)
    return np.stack(list(made.values())), tuple(made)
