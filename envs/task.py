"""What is asked for in a world: a start, a goal, how far they are apart and when the goal is reached.

A task is made of pure functions of simulator states; it holds no simulation and draws nothing.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from envs.factors import Factor
from envs.goals.record import Goal
from envs.play.policies import Play, RandomPlay
from envs.quantities import Quantity

_CANDIDATES = 16
_ATTEMPTS = 200
_SPANNED = 64  # starts, and as many goals, among which the farthest distance is looked for


@dataclass(frozen=True)
class Pair:
    """A start and a goal that is not reached at the start."""

    start: np.ndarray  # (S,) simulator state, at rest
    goal: np.ndarray  # (S,) simulator state, at rest
    distance: float  # true distance, in the task's unit
    steps: float  # control steps needed at top speed
    factors: dict[str, float] = field(default_factory=dict)  # values of what is varied here
    wanted: Goal | None = None  # what is asked for, if not that state; the goal is then one at which it is reached


@dataclass(frozen=True)
class Search:
    """How the oracle looks for actions in a world."""

    horizon: int = 10  # control steps
    samples: int = 48
    elites: int = 6
    iterations: int = 3
    noise: float = 0.8  # standard deviation at the start of each search, of actions in [-1, 1]
    keep: float = 0.8  # correlation of the noise from one step to the next


class Task(ABC):
    """Goals among the states ``(S,)`` (positions, then velocities) of one body."""

    max_steps: int  # control steps allowed
    tolerance: float  # how near to the goal is success, in `unit`
    unit: str  # "m", "rad" or whatever the distance is measured in
    nearest: float  # least distance of a sampled pair, in `unit`
    farthest: float  # bound on the distance of a sampled pair, in `unit`
    speed: float  # distance covered in one control step at top speed, in `unit`
    quantities: tuple[Quantity, ...]  # what of a state has a name
    search = Search()  # how the oracle plans here
    scripted = False  # whether play reads from the simulator where an object is, and goes there; else it is random

    @abstractmethod
    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """A state ``(S,)`` drawn evenly over all free positions, at rest or ``moving`` at a random velocity."""

    @abstractmethod
    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """True distance ``(N,)`` in `unit` of each of ``states (N, S)`` to ``goal (S,)``."""

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Whether ``state (S,)`` reaches ``goal (S,)``: within the tolerance, unless a world asks for more."""
        return self.distance(state, goal) <= self.tolerance

    @abstractmethod
    def located(self, states: np.ndarray) -> np.ndarray:
        """Where what has to reach the goal is in ``states (..., S)``, m: ``(..., 3)``, or ``(..., 2)`` in the plane.

        Not a number where that has no place in the picture, because the camera moves along.
        """

    def sample_goal(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """A state ``(S,)`` at rest to be reached from ``start (S,)``; any free state unless a world knows better."""
        del start
        return self.sample_state(rng)

    def play(self, action_dim: int, rng: np.random.Generator) -> Play:
        """Play that explores the world; smooth noise unless a world knows better, then see `scripted`."""
        return RandomPlay(action_dim, rng)

    def slow_down(self, repeat: int) -> None:
        """Reckon in control steps ``repeat`` times as long, of which there are as many fewer."""
        self.speed = self.speed * repeat
        self.max_steps = math.ceil(self.max_steps / repeat)

    def criterion(self) -> str:
        """When a goal is reached, in words and with units."""
        return f"at most {self.tolerance:g} {self.unit} from the goal"

    def factors(self, found: dict[str, Factor]) -> dict[str, Factor]:
        """What can be varied in this world: what was ``found`` in its model, unless a world knows better."""
        return found

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """What the oracle minimises ``(N,)``: the distance, unless it says too little of how to get there."""
        return self.distances(states, goal)

    def span(self, rng: np.random.Generator) -> float:
        """The farthest distance among random pairs of states, in `unit`."""
        goals = np.stack([self.sample_state(rng) for _ in range(_SPANNED)])
        return float(max(self.distances(goals, self.sample_state(rng)).max() for _ in range(_SPANNED)))

    def distance(self, state: np.ndarray, goal: np.ndarray) -> float:
        """True distance in `unit` from ``state (S,)`` to ``goal (S,)``."""
        return float(self.distances(np.asarray(state)[None], goal)[0])

    def steps(self, state: np.ndarray, goal: np.ndarray) -> float:
        """Control steps from ``state (S,)`` to ``goal (S,)`` at top speed, without getting up to it."""
        return self.distance(state, goal) / self.speed

    def sample_pair(
        self,
        rng: np.random.Generator,
        low: float | None = None,
        high: float | None = None,
        start: np.ndarray | None = None,
    ) -> Pair:
        """Draw a start (unless given) and a goal whose distance is in ``[low, high)``, not reached at the start.

        Raises ValueError: no such pair is found, e.g. because the world is smaller than ``low``.
        """
        low = self.nearest if low is None else low
        high = self.farthest if high is None else high
        for _ in range(_ATTEMPTS):
            origin = self.sample_state(rng) if start is None else np.array(start, np.float64)
            goals = np.stack([self.sample_goal(rng, origin) for _ in range(_CANDIDATES)])
            distances = self.distances(goals, origin)
            for goal, distance in zip(goals, distances, strict=True):
                if low <= distance < high and not self.success(origin, goal):
                    return Pair(origin, goal, float(distance), self.steps(origin, goal))
        bound = "" if math.isinf(high) else f" and less than {high:g} {self.unit}"
        raise ValueError(f"no goal at least {low:g} {self.unit}{bound} away was found: ask for another distance")
