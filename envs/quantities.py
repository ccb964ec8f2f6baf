"""Quantities: what of a state has a name and a unit. Goals ask for them, probes look for them in latents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Read = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Quantity:
    """One of them."""

    name: str
    unit: str  # "m", "rad", "m/s" or "rad/s"; "" where its numbers are of several
    meaning: str
    read: Read  # states (..., S) -> (..., n)
    tolerance: float | None = None  # how near to it is reached, in `unit`; None: no picture shows it, so no goal asks
    turns: bool | Sequence[bool] = False  # which of its numbers are angles that count modulo a full turn

    def features(self, states: np.ndarray) -> np.ndarray:
        """What probes look for in ``states (..., S)``."""
        return self.smooth(self.read(states))

    def smooth(self, values: np.ndarray) -> np.ndarray:
        """Values ``(..., n)`` as numbers without jumps: after the others cosines, then sines of angles that turn."""
        turning = np.broadcast_to(self.turns, values.shape[-1:])
        angles = values[..., turning]
        return np.concatenate([values[..., ~turning], np.cos(angles), np.sin(angles)], axis=-1)

    def values(self, smooth: np.ndarray) -> np.ndarray:
        """The inverse of `smooth`, of what is nearly so; angles from -pi to pi."""
        count = int(np.sum(self.turns)) if np.ndim(self.turns) else smooth.shape[-1] // 2 * bool(self.turns)
        plain = smooth.shape[-1] - 2 * count
        turning = np.broadcast_to(self.turns, (plain + count,))
        found = np.empty((*smooth.shape[:-1], plain + count))
        found[..., ~turning] = smooth[..., :plain]
        found[..., turning] = np.arctan2(smooth[..., plain + count :], smooth[..., plain : plain + count])
        return found

    def errors(self, values: np.ndarray, region: "Region") -> np.ndarray:
        """How far each of the numbers ``(..., n)`` is out of the bounds of a region, signed: ``(..., n)``."""
        low, high = np.asarray(region.low), np.asarray(region.high)
        apart = np.asarray(values, np.float64) - (low + high) / 2
        apart = np.where(self.turns, (apart + np.pi) % (2 * np.pi) - np.pi, apart)
        return np.sign(apart) * np.maximum(np.abs(apart) - (high - low) / 2, 0.0)

    def distance(self, values: np.ndarray, region: "Region") -> np.ndarray:
        """How far values ``(..., n)`` are from a region, in `unit`: places in a straight line, angles the largest."""
        errors = self.errors(values, region)
        return np.abs(errors).max(axis=-1) if self.unit == "rad" else np.linalg.norm(errors, axis=-1)


@dataclass(frozen=True)
class Region:
    """Which values of a quantity are asked for: those within ``radius`` of what lies between ``low`` and ``high``."""

    low: tuple[float, ...]  # (n,)
    high: tuple[float, ...]  # (n,) the same as `low` for a single value
    radius: float  # in the unit of the quantity


def part(first: int, behind: int) -> Read:
    """Reads the numbers of a state from ``first`` on to the one before ``behind``."""
    return lambda states: np.asarray(states)[..., first:behind]


def measured(quantities: Sequence[Quantity], states: np.ndarray) -> dict[str, np.ndarray]:
    """What probes look for in ``states (..., S)``, by name ``(..., n)``."""
    return {one.name: one.features(states) for one in quantities}


def askable(quantities: Sequence[Quantity]) -> list[Quantity]:
    """Those that a goal may ask for."""
    return [one for one in quantities if one.tolerance is not None]


def ranges(quantities: Sequence[Quantity], states: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Least and greatest values of what goals may ask for among ``states (N, S)``: by name, ``(n,)`` each.

    A full turn for angles that turn.
    """
    found = {}
    for one in askable(quantities):
        values = one.read(states)
        low, high = values.min(axis=0), values.max(axis=0)
        found[one.name] = np.where(one.turns, -np.pi, low), np.where(one.turns, np.pi, high)
    return found


def described(quantity: Quantity, low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """A quantity with its range as JSON."""
    about = {"size": len(low), "unit": quantity.unit, "meaning": quantity.meaning, "tolerance": quantity.tolerance}
    return {**about, "low": np.round(low, 3).tolist(), "high": np.round(high, 3).tolist()}
