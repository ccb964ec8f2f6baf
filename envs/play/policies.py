"""How the body is moved while rollouts are recorded: nobody steers, everything is tried."""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

_MEMORY = 8.0  # control steps over which a direction lasts
_STRETCH = 8.0  # control steps for which a strength is kept
_COAST = 0.12  # share of stretches without any force
_WEAKEST, _STRONGEST = 0.7, 4.0  # of a stretch, in standard deviations of the noise per full force

_PUSHES = 0.6  # share of the stretches that are a push, the others are noise
_NOISE_STEPS = 5, 20
_APPROACH_STEPS = 15, 30  # then it pushes from wherever it has got to
_PUSH_STEPS = 5, 15
_STRENGTH = 0.5, 1.0  # of an approach and its push, of full action
_SHAKE = 0.15  # standard deviation of the noise on top, of actions in [-1, 1]
_OFF_CENTRE = 0.6  # pushes miss the object's centre by up to this much of the reach
_CLEAR = 1.35  # distance from the object on the way round it, in reaches
_SLOW = 0.5  # the pusher slows down on the last half reach
_DETOUR = math.radians(60)  # of the way round that is headed for at a time
_ASIDE = math.radians(20)  # near enough to the side that was drawn


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


class RepeatedPlay:
    """Play on a slower clock: it goes on at its own pace, and every ``repeat``-th of its actions is taken."""

    def __init__(self, play: Play, repeat: int) -> None:
        self._play = play
        self._repeat = repeat

    def act(self, state: np.ndarray) -> np.ndarray:
        """The next action: ``float32 (A,)`` in [-1, 1], in the simulator state ``(S,)``."""
        taken = self._play.act(state)
        for _ in range(self._repeat - 1):
            self._play.act(state)
        return taken


class PushPlay:
    """Play that alternates: for a while noise, for a while heading for an object and pushing it from a random side.

    Noise alone meets an object too seldom for a model to learn what a push does. A push goes to a side drawn at
    random, round the object if need be, then through it, past its centre by a random offset, which turns it.

    Args:
        action_dim: A; the first two actions move the pusher along x and y, whether they are forces or velocities,
            any others are noise.
        rng: source of all the noise.
        places: where in the state ``(S,)`` pusher and object are in the plane, m: two ``(2,)``.
        reach: from the object's centre to where the pusher's centre is in contact, m; about, where sides differ.
    """

    _phase: str  # "noise", "approach" or "push"
    _left: int  # control steps of it
    _strength: float
    _side: float  # of the object, rad
    _offset: np.ndarray  # (2,) m, from the object's centre to what a push aims at

    def __init__(
        self,
        action_dim: int,
        rng: np.random.Generator,
        places: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
        reach: float,
    ) -> None:
        self._rng = rng
        self._noise = RandomPlay(action_dim, rng)
        self._places = places
        self._reach = reach
        self._begin(noise=rng.random() >= _PUSHES)

    def act(self, state: np.ndarray) -> np.ndarray:
        """The next action: ``float32 (A,)`` in [-1, 1], in the simulator state ``(S,)``."""
        action = self._noise.act(state)
        if self._left == 0:
            self._begin(noise=self._rng.random() >= _PUSHES)
        self._left -= 1
        if self._phase == "noise":
            return action
        pusher, thing = self._places(state)
        if self._phase == "approach" and (self._arrived(pusher, thing) or self._left == 0):
            self._phase, self._left = "push", int(self._rng.integers(*_PUSH_STEPS))
        aim = self._way_round(pusher, thing) if self._phase == "approach" else thing + self._offset
        heading = self._strength * (aim - pusher) / (_SLOW * self._reach)
        heading = heading / max(1.0, float(np.abs(heading).max()) / self._strength)
        action[:2] = np.clip(heading + _SHAKE * self._rng.standard_normal(2), -1.0, 1.0)
        return action

    def _begin(self, noise: bool) -> None:
        rng = self._rng
        self._phase = "noise" if noise else "approach"
        self._left = int(rng.integers(*(_NOISE_STEPS if noise else _APPROACH_STEPS)))
        self._strength = float(rng.uniform(*_STRENGTH))
        self._side = float(rng.uniform(-np.pi, np.pi))
        across = np.array([-math.sin(self._side), math.cos(self._side)])
        self._offset = float(rng.uniform(-_OFF_CENTRE, _OFF_CENTRE)) * self._reach * across

    def _arrived(self, pusher: np.ndarray, thing: np.ndarray) -> bool:
        return abs(self._turn(pusher, thing)) < _ASIDE and float(np.hypot(*(pusher - thing))) < 2 * self._reach

    def _turn(self, pusher: np.ndarray, thing: np.ndarray) -> float:
        """From the side of the object where the pusher is to the side where it shall be, rad in [-pi, pi)."""
        bearing = math.atan2(pusher[1] - thing[1], pusher[0] - thing[0])
        return (self._side - bearing + math.pi) % (2 * math.pi) - math.pi

    def _way_round(self, pusher: np.ndarray, thing: np.ndarray) -> np.ndarray:
        turn = self._turn(pusher, thing)
        bearing = self._side - turn + max(-_DETOUR, min(_DETOUR, turn))
        return thing + _CLEAR * self._reach * np.array([math.cos(bearing), math.sin(bearing)])
