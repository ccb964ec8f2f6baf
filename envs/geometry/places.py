"""Goals that are places on a floor with walls: what a ball in a maze and a robot in rooms have in common."""

import functools
from abc import abstractmethod

import numpy as np

from envs.geometry.geodesics import FreeSpace
from envs.task import Task

_NEAREST_GOAL = 2.0  # m
_LEAST_STEPS = 40
_STEPS_PER_TOP_SPEED = 2.2  # control steps allowed where nobody says, in units of the diameter at top speed


class PlaceTask(Task):
    """Bring a body to within the tolerance of a place; distances are along the shortest path round the walls.

    States begin with the place of the body's centre, x and y (m).

    Args:
        wall: bool (rows, columns); see `FreeSpace`.
        radius: of the disc that stands for the body where it squeezes past walls, m.
        max_steps: control steps allowed; by default from the diameter of the floor.
    """

    unit = "m"

    def __init__(self, wall: np.ndarray, radius: float, max_steps: int | None = None) -> None:
        rows, columns = np.nonzero(~wall)
        self._cells = np.stack([columns, len(wall) - 1 - rows], axis=1).astype(np.float64)  # lower left corners
        self.space = free_space(wall, radius)
        self.diameter = _diameter(wall.tobytes(), wall.shape, radius)  # m, between the two cells farthest apart
        # In a maze of a few cells no goal is 2 m away.
        self.nearest = min(_NEAREST_GOAL, self.diameter / 2)
        self.farthest = float("inf")
        if max_steps is None:
            max_steps = max(_LEAST_STEPS, round(_STEPS_PER_TOP_SPEED * self.diameter / self.speed / 10) * 10)
        self.max_steps = max_steps

    @abstractmethod
    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """A state at a place drawn by `sample_place`; see `Task.sample_state`."""

    def sample_place(self, rng: np.random.Generator) -> np.ndarray:
        """A place ``(2,)`` (m) drawn evenly over all that the body's centre can reach."""
        while True:
            place = self._cells[rng.integers(len(self._cells))] + rng.random(2)
            if self.space.clearance(place[None])[0] >= self.space.radius:
                return place

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Length of the shortest path of the body's centre, m; see `Task.distances`."""
        return self.space.distances(np.asarray(states, np.float64)[:, :2], np.asarray(goal, np.float64)[:2])

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Within the tolerance as the crow flies: walls are thicker than that."""
        return bool(np.hypot(*(np.asarray(state)[:2] - np.asarray(goal)[:2])) <= self.tolerance)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The body's centre."""
        return np.asarray(states)[..., :2]


def free_space(wall: np.ndarray, radius: float) -> FreeSpace:
    """Where a disc of ``radius`` (m) can be; worlds of one layout share it, as it takes a moment to work out."""
    return _free_space(wall.tobytes(), wall.shape, radius)


@functools.lru_cache(maxsize=32)
def _free_space(cells: bytes, shape: tuple[int, int], radius: float) -> FreeSpace:
    return FreeSpace(np.frombuffer(cells, bool).reshape(shape), radius)


@functools.lru_cache(maxsize=32)
def _diameter(cells: bytes, shape: tuple[int, int], radius: float) -> float:
    rows, columns = np.nonzero(~np.frombuffer(cells, bool).reshape(shape))
    centres = np.stack([columns + 0.5, shape[0] - rows - 0.5], axis=1)
    space = _free_space(cells, shape, radius)
    # The farthest cell from the farthest cell, twice over: exact on trees, a lower bound where there are loops.
    far, longest = centres[0], 0.0
    for _ in range(4):
        lengths = space.distances(centres, far)
        longest, far = max(longest, float(lengths.max())), centres[lengths.argmax()]
    return longest
