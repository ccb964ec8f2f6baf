"""What a sentence says of a state, in numbers: bounds that have to hold, each on one number of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.quantities import Quantity


@dataclass(frozen=True)
class Bound:
    """Between which values a number lies that is read off a quantity's `features`."""

    quantity: str
    axis: tuple[float, ...] | None  # (n,) along which they are measured; None: how far they are from `origin`
    origin: str | tuple[float, ...] = ()  # another quantity, or a place (n,), that they are measured from; (): zero
    low: float = -math.inf
    high: float = math.inf

    def value(self, quantities: Sequence[Quantity], states: np.ndarray) -> np.ndarray:
        """That number in ``states (..., S)``: ``(...)``."""
        known = {one.name: one for one in quantities}
        found = known[self.quantity].features(states)
        if self.origin:
            named = isinstance(self.origin, str)
            found = found - (known[str(self.origin)].features(states) if named else np.array(self.origin))
        return np.linalg.norm(found, axis=-1) if self.axis is None else found @ np.array(self.axis)


@dataclass(frozen=True)
class Said:
    """One sentence and what it means; it is true where all bounds hold."""

    text: str
    bounds: tuple[Bound, ...]


def holds(bounds: Sequence[Bound], quantities: Sequence[Quantity], states: np.ndarray) -> np.ndarray:
    """In which of ``states (..., S)`` all the bounds hold: bool ``(...)``."""
    values = [one.value(quantities, states) for one in bounds]
    return np.all([(one.low <= v) & (v <= one.high) for one, v in zip(bounds, values, strict=True)], axis=0)
