"""A goal, however it was said: what has to hold of a state, and what shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from envs.goals.meaning import Said, holds
from envs.quantities import Quantity, Region

ORDERS = ("any", "sequence")


class GoalError(ValueError):
    """A goal cannot be had in this world, or not in the way in which it was asked for; one line says why."""


@dataclass(frozen=True)
class Goal:
    """States to be reached, any of them or one after the other, or quantities whose values are asked for, or words.

    Raises GoalError: nothing is asked for, or the order is unknown.
    """

    regions: Mapping[str, Region] = field(default_factory=dict)  # by quantity; all have to hold, all else is free
    # (K, S) simulator states at rest: those asked for or, where there are regions, some in which these hold.
    states: np.ndarray | None = None
    pictures: np.ndarray | None = None  # (K, h, w, 3) uint8: what each of them looks like
    order: str = "any"  # of what is not said by regions: "any", or "sequence", one after the other
    said: tuple[Said, ...] = ()  # sentences, to be made true one after the other

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise GoalError(f"the order of goals is {' or '.join(ORDERS)}, got {self.order!r}")
        if not self.regions and not self.said and self.states is None and self.pictures is None:
            raise GoalError("a goal asks for something: regions, words, states or pictures")

    @property
    def judged(self) -> bool:
        """Whether the world can tell when it is reached; of pictures alone nobody knows that."""
        return bool(self.regions or self.said) or self.states is not None


class Judge(Protocol):
    """What tells whether one state is reached at another; every `envs.task.Task` does."""

    quantities: tuple[Quantity, ...]

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Whether ``state (S,)`` reaches ``goal (S,)``."""


def progress(goal: Goal, task: Judge, state: np.ndarray, done: int = 0) -> tuple[bool, int]:
    """Whether a goal is reached at ``state (S,)``, and how many of a sequence are by now, of which ``done`` were."""
    if goal.regions:
        return bool(out_of_reach(task.quantities, goal.regions, state) <= 0), 0
    if goal.said:
        while done < len(goal.said) and holds(goal.said[done].bounds, task.quantities, state):
            done += 1
        return done == len(goal.said), done
    if goal.states is None:
        return False, 0
    if goal.order == "any":
        return any(task.success(state, each) for each in goal.states), 0
    while done < len(goal.states) and task.success(state, goal.states[done]):
        done += 1
    return done == len(goal.states), done


def out_of_reach(quantities: Sequence[Quantity], regions: Mapping[str, Region], states: np.ndarray) -> np.ndarray:
    """How far ``states (..., S)`` are from regions of quantities: ``(...)``, at most 0 where they are in all of them.

    In radii, where a region has one, else in tolerances of the quantity.
    """
    known = {one.name: one for one in quantities}
    each = []
    for name, region in regions.items():
        one, scale = known[name], region.radius or known[name].tolerance or 1.0
        away = one.distance(one.read(states), region)
        each.append((away - region.radius) / scale)
    return np.max(each, axis=0)
