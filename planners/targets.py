"""Goals that are several targets: which of them to aim at now."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

ARRIVED = 0.5  # control steps; a target of a sequence that is estimated to be so near is taken for reached
_CLOSE, _PATIENCE = 6.0, 5  # control steps; so near, it is too where so many plans have brought it no nearer
_BETTER = 0.8  # of the estimated steps to the target aimed at: another is chosen only if it is so much nearer


@dataclass(frozen=True)
class Targets:
    """What B environments are to reach, K targets each: any of them, or one after the other."""

    shown: NDArray[np.uint8] | Tensor  # frames (B, K, h, w, 3) that are to be encoded, or latents (B, K, *Z)
    order: str = "any"  # or "sequence"


@dataclass(frozen=True)
class Aim:
    """Of one environment: which of its targets it aims at, and how that has gone so far."""

    index: int = -1  # none yet
    least: float = float("inf")  # estimated control steps to it, when they were fewest
    waited: int = 0  # plans since then


def aimed(before: Aim, steps: NDArray[np.float64], order: str) -> Aim:
    """Where to aim now that the targets are estimated to be `steps` (K,) away.

    The nearest of any, which changes only for one that is much nearer; of a sequence the next once one is reached.
    """
    if order == "sequence":
        index = max(before.index, 0)
        waited = before.waited if steps[index] >= before.least else 0
        reached = steps[index] <= ARRIVED or (steps[index] <= _CLOSE and waited >= _PATIENCE)
        if reached and index + 1 < len(steps):
            return Aim(index + 1, float(steps[index + 1]))
    else:
        nearest = int(steps.argmin())
        kept = before.index >= 0 and steps[nearest] >= _BETTER * steps[before.index]
        index = before.index if kept else nearest
    if index != before.index:
        return Aim(index, float(steps[index]))
    nearer = steps[index] < before.least
    return Aim(index, min(before.least, float(steps[index])), 0 if nearer else before.waited + 1)
