"""How the body is moved while rollouts are recorded: nobody steers, everything is tried."""

import math
from typing import Protocol

import numpy as np

_MEMORY = 8.0  # control steps over which a direction lasts
_STRETCH = 8.0  # control steps for which a strength is kept
_COAST = 0.12  # share of stretches without any force
_WEAKEST, _STRONGEST = 0.7, 4.0  # of a stretch, in standard deviations of the noise per full force


class Play(Protocol):
    """What moves a body while it is recorded."""

    def act(self, state: np.ndarray) -> np.ndarray:
        """The next action ``float32 (A,)`` in [-1, 1], in the simulator state ``(S,)``."""


class RandomPlay:
    """Smooth noise that keeps its direction for a while, often at full force, now and then not pushing at all.

    White noise would shake the body on the spot; the direction here is a first-order autoregressive process,
    clipped to the bounds, whose strength changes from stretch to stretch.

    Args:
        action_dim: A.
        rng: source of all the noise; the sequence depends on nothing else.
    """

    def __init__(self, action_dim: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._keep = math.exp(-1.0 / _MEMORY)
        self._renew = math.sqrt(1.0 - self._keep**2)  # keeps the variance at 1
        self._direction = rng.standard_normal(action_dim)
        self._strength = self._draw_strength()

    def act(self, state: np.ndarray) -> np.ndarray:
        """The next action: ``float32 (A,)`` in [-1, 1]; the state ``(S,)`` makes no difference."""
        del state
        rng = self._rng
        self._direction = self._keep * self._direction + self._renew * rng.standard_normal(len(self._direction))
        if rng.random() < 1.0 / _STRETCH:
            self._strength = self._draw_strength()
        return np.minimum(np.maximum(self._strength * self._direction, -1.0), 1.0).astype(np.float32)

    def _draw_strength(self) -> float:
        if self._rng.random() < _COAST:
            return 0.0
        return float(self._rng.uniform(_WEAKEST, _STRONGEST))
