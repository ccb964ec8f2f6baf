"""An environment in Python, stepped and looked at: in its world, what `envs.simulation.scene` is in a simulated one.

It is not put into a state, it is led there: a state is how one got there, ``[seed of the reset, control steps since,
action that led here (A,)]``. What play that belongs to a seed comes to is told by seed and steps alone. A goal that an
environment sets itself, and shows at the reset as ``info["goal_frame"]``, has `SHOWN` in the place of the steps.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np

from envs.outside.sources import OutsideError, first_line
from envs.pictures import scaled
from envs.play.policies import RandomPlay
from envs.simulation.backend import lend_backend
from envs.simulation.cameras import CAMERAS, PEOPLE_SIZE
from envs.simulation.scene import Scene
from envs.streams import stream
from envs.units import to_own

Make = Callable[[], gymnasium.Env]

SHOWN = -1  # no steps: what the reset shows as its goal
_LONGEST = 100_000  # steps of play
_KEPT = 64  # moments of play that are remembered
_DECIMALS = 4  # of actions, so that what is written down leads to the same again


class Instance:
    """One environment, and how it got where it is."""

    def __init__(self, make: Make, spec: dict[str, Any] | None) -> None:
        lend_backend()
        try:
            made = make()
        except Exception as error:  # the user's own code may fail in any way
            raise OutsideError(
                f"the environment cannot be made: {type(error).__name__}: {first_line(error)}"
            ) from error
        self.env, self.spec = usable(made), spec
        self.begin(0)
        self._shape = self.picture().shape

    def begin(self, seed: int) -> None:
        """Reset."""
        _, self.info = self.env.reset(seed=seed)
        self.over = False

    def step(self, action: np.ndarray) -> None:
        """Hold an action from -1 to 1 for one of the environment's own steps; when its episode is over, it stays."""
        if not self.over:
            own = to_own(self.spec or {}, action).astype(self.env.action_space.dtype)
            _, _, ended, late, self.info = self.env.step(own)
            self.over = ended or late

    def goal(self) -> np.ndarray:
        """What the reset showed as the goal that it sets, ``uint8 (h, w, 3)``."""
        return self._checked(self.info["goal_frame"])

    def picture(self) -> np.ndarray:
        """``uint8 (h, w, 3)``; OutsideError where it is none, or of another size than before."""
        picture: Any = self.env.render()
        if picture is None and self.env.render_mode != "rgb_array":
            raise OutsideError(
                f"{class_name(self.env)} gives no pictures, its render_mode is {self.env.render_mode!r}: make it with "
                "render_mode='rgb_array'"
            )
        return self._checked(picture)

    def _checked(self, picture: Any) -> np.ndarray:
        fits = isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[-1] == 3
        if not fits or picture.dtype != np.uint8:
            found = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
            raise OutsideError(f"{class_name(self.env)} draws {found}: render() must return uint8 (height, width, 3)")
        if picture.shape != getattr(self, "_shape", picture.shape):
            raise OutsideError(
                f"{class_name(self.env)} draws {picture.shape[0]} x {picture.shape[1]} pixels, before it was "
                f"{self._shape[0]} x {self._shape[1]}: all pictures must be of one size"
            )
        return picture


class EnvironmentScene(Scene):
    """What is seen and moved; one instance is acted in, another is led to goals."""

    def __init__(self, spec: dict[str, Any], make: Make) -> None:
        self._spec, self._make = spec, make
        self.frame_size, self.action_dim, self.substeps = spec["frame_size"], len(spec["actions"]["low"]), 1
        self.state_dim = 2 + self.action_dim
        self.live = Instance(make, spec)
        self._moment = functools.lru_cache(_KEPT)(self._led)
        self._state = self.way(0)

    @property
    def dt(self) -> float:
        return float(self._spec["dt"]) * self.substeps

    def way(self, seed: int, steps: int = 0) -> np.ndarray:
        """The state ``(S,)`` after so many steps of the play that belongs to a seed, or the goal `SHOWN` there."""
        return np.array([seed, steps, *[0.0] * self.action_dim], np.float64)

    def state(self) -> np.ndarray:
        return self._state.copy()

    def set_state(self, state: np.ndarray) -> None:
        """Begin at the reset, or after the play, that ``state (S,)`` tells of; ValueError where it tells of none."""
        for _ in self.played(*self._told(state), self.live):
            pass
        self._state = np.array(state, np.float64)

    def at_rest(self, state: np.ndarray) -> np.ndarray:
        raise ValueError("an environment in Python can't be put to rest: leave evaluate.offset out")

    def step(self, action: np.ndarray) -> None:
        action = np.asarray(action, np.float64)
        if action.shape != (self.action_dim,) or np.isnan(action).any():
            raise ValueError(f"an action is {self.action_dim} numbers in [-1, 1], got {action!r}")
        self._state[2:] = np.round(np.clip(action, -1.0, 1.0), _DECIMALS)
        self._state[1] += 1
        for _ in range(self.substeps):
            self.live.step(self._state[2:])

    def frame(
        self,
        camera: str = "train",
        state: np.ndarray | None = None,
        size: int | None = None,
        out: np.ndarray | None = None,
        screened: bool = True,
    ) -> np.ndarray:
        del screened  # it has none of ours
        if camera not in CAMERAS:
            raise ValueError(f"there is no camera '{camera}': known are {', '.join(CAMERAS)}")
        picture = self.live.picture() if state is None else self.moment(state)[0]
        drawn = scaled(picture[None], size or (self.frame_size if camera == "train" else PEOPLE_SIZE))[0]
        if out is None:
            return drawn
        out[:] = drawn
        return out

    def moment(self, state: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Picture and info after the play that ``state (S,)`` tells of; the live instance stays where it is."""
        return self._moment(*self._told(state))

    def played(self, seed: int, steps: int, instance: Instance | None = None) -> Iterator[dict[str, Any]]:
        """The infos of the play that belongs to a seed, from its reset on, until it is over."""
        instance, play = (
            instance or self._twin,
            RandomPlay(self.action_dim, stream(seed, "play towards goals of environments")),
        )
        instance.begin(seed)
        yield instance.info
        for _ in range(steps):
            action = np.round(play.act(np.empty(0)), _DECIMALS)
            for _ in range(self.substeps):
                instance.step(action)
            if instance.over:
                return
            yield instance.info

    def _told(self, state: np.ndarray) -> tuple[int, int]:
        state = np.asarray(state, np.float64)
        least = SHOWN if self._spec.get("goals") else 0
        if state.shape != (self.state_dim,) or not (0 <= state[0] < 2**32 and least <= state[1] <= _LONGEST):
            raise ValueError(f"a state of this world is a seed, the steps since and an action, got {state!r}")
        return int(state[0]), int(state[1])

    def _led(self, seed: int, steps: int) -> tuple[np.ndarray, dict[str, Any]]:
        for info in self.played(seed, steps):
            told = dict(info)
        picture = self._twin.goal() if steps == SHOWN else self._twin.picture()
        return picture.copy(), told

    _twin = functools.cached_property(lambda self: Instance(self._make, self._spec))


def usable(env: Any) -> gymnasium.Env:
    """The environment, if it can be used. Raises OutsideError with one line that says why not."""
    if not isinstance(env, gymnasium.Env):
        raise OutsideError(
            f"the function that makes the environment returned {type(env).__name__}: return a gymnasium.Env"
        )
    space = env.action_space
    if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
        raise OutsideError(f"{class_name(env)} takes actions of {space}: a Box of one axis is needed")
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise OutsideError(f"{class_name(env)} takes actions without bounds: give its Box finite low and high")
    return env


def class_name(env: gymnasium.Env) -> str:
    """What an environment is called in messages."""
    return type(env.unwrapped).__name__
