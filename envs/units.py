"""Actions in the units of a robot, and as models know them: from -1 to 1 over the range that the world's description
says under "actions", {"low": (A,), "high": (A,)}. Worlds without one take actions from -1 to 1.
"""

from typing import Any

import numpy as np


def to_own(spec: dict[str, Any], actions: np.ndarray) -> np.ndarray:
    """``(..., A)`` from -1 to 1 -> the robot's own units, ``float32 (..., A)``."""
    if "actions" not in spec:
        return actions
    middle, reach = _range(spec)
    return (middle + reach * np.clip(actions, -1.0, 1.0)).astype(np.float32)


def from_own(spec: dict[str, Any], actions: np.ndarray) -> np.ndarray:
    """The inverse of `to_own`; where a range is a single value, 0. What is out of the range is cut off."""
    if "actions" not in spec:
        return np.asarray(actions, np.float32)
    middle, reach = _range(spec)
    scale = np.where(reach > 0, reach, np.inf)
    return np.clip((actions - middle) / scale, -1.0, 1.0).astype(np.float32)


def _range(spec: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.asarray(spec["actions"][end], np.float64) for end in ("low", "high"))
    return (low + high) / 2, (high - low) / 2
