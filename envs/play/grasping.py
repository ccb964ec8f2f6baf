"""Random play with a hand and an object: without it, fingers would hardly ever close around anything."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from envs.play.policies import RandomPlay


@dataclass(frozen=True)
class Sight:
    """What grasping needs to know of a state."""

    grip: np.ndarray  # (..., 3) m, the place between the fingers
    cube: np.ndarray  # (..., 3) m, the object's middle
    opening: np.ndarray  # (...,) m, of each finger from the middle


_OVER = np.array([0.0, 0.0, 0.1])  # m, above an object before going down to it
_SPREAD = (0.07, 0.14, 0.08)  # m, standard deviation of the places to which an object is carried
_NOISE = 0.25  # standard deviation of the scatter on actions
_CLUMSY = 0.25  # share of attempts that go straight for the object and push it
_IDLE = 0.3  # share of stretches of smooth noise between attempts


class GraspPlay:
    """Goes to the object, closes, carries, opens, now and then just pushes or moves at random; all of it scattered.

    Actions are velocities of the hand along x, y and z, its turning, and the opening of the fingers (positive: open).

    Args:
        action_dim: A, 5.
        rng: source of all the noise; the sequence depends on it and on the states seen.
        sight: what a state shows.
        speed: m that the hand covers in a control step at full action.
        middle: ``(3,)`` m; objects are carried to places about it.
    """

    def __init__(
        self,
        action_dim: int,
        rng: np.random.Generator,
        sight: Callable[[np.ndarray], Sight],
        speed: float,
        middle: tuple[float, float, float],
    ) -> None:
        self._middle = middle
        self._rng = rng
        self._sight = sight
        self._speed = speed
        self._noise = RandomPlay(action_dim, rng)
        self._stretch = self._begin()

    def act(self, state: np.ndarray) -> np.ndarray:
        """The next action: ``float32 (A,)`` in [-1, 1], in the simulator state ``(S,)``."""
        noise = self._noise.act(state)
        self._seen = self._sight(np.asarray(state))
        wish = next(self._stretch, None)
        while wish is None:
            self._stretch = self._begin()
            wish = next(self._stretch, None)
        if len(wish) == 0:
            return noise
        wish = wish + _NOISE * self._rng.standard_normal(len(wish))
        action = np.array([*wish[:3], 0.7 * noise[3], wish[3]])
        return np.clip(action, -1.0, 1.0).astype(np.float32)

    def _begin(self) -> Iterator[np.ndarray]:
        draw = self._rng.random()
        if draw < _IDLE:
            return self._idle()
        return self._push() if draw < _IDLE + _CLUMSY * (1 - _IDLE) else self._fetch()

    def _idle(self) -> Iterator[np.ndarray]:
        """Smooth noise."""
        for _ in range(self._rng.integers(4, 14)):
            yield np.empty(0)

    def _push(self) -> Iterator[np.ndarray]:
        """Straight towards the object with whatever fingers, and on beyond it."""
        fingers = self._rng.uniform(-1.0, 1.0)
        beyond = self._rng.normal(0.0, 0.12, 3) * (1, 1, 0.2)
        for _ in range(self._rng.integers(8, 20)):
            yield self._towards(self._seen.cube + beyond, fingers)

    def _fetch(self) -> Iterator[np.ndarray]:
        """From above with open fingers, close, carry somewhere, let go."""
        yield from self._until_at(lambda: self._seen.cube + _OVER, 1.0, 25)
        yield from self._until_at(lambda: self._seen.cube, 1.0, 10)
        for _ in range(self._rng.integers(4, 8)):
            yield self._towards(self._seen.cube, -1.0)
        for _ in range(self._rng.integers(1, 4)):
            place = self._rng.normal(self._middle, _SPREAD)
            for _ in range(self._rng.integers(4, 9)):
                yield self._towards(place, -0.3)
        for _ in range(self._rng.integers(2, 8)):
            yield self._towards(self._seen.grip, 1.0)

    def _until_at(self, place: Callable[[], np.ndarray], fingers: float, steps: int) -> Iterator[np.ndarray]:
        for _ in range(steps):
            if np.abs(place() - self._seen.grip).max() < 0.02:
                return
            yield self._towards(place(), fingers)

    def _towards(self, place: np.ndarray, fingers: float) -> np.ndarray:
        """Velocity along x, y and z towards ``place (3,)``, and what the fingers do: ``(4,)``."""
        return np.append(np.clip((place - self._seen.grip) / self._speed, -1.0, 1.0), fingers)
