"""Worlds that are environments in Python: any `gymnasium.Env` that draws itself, whatever simulates it.

A start is a seed of its ``reset``, a goal is what random play from another seed has come to, seen as a picture. Whether
it is reached says a function of the user's, ``success(info, info_at_the_goal)``, a method of that name of the
environment, or else its ``info["success"]``: goals are then moments of play that it calls a success. An environment
that sets goals itself shows them at the reset, as ``info["goal_frame"]``: then a pair is what a reset sets.

Descriptions name no code: an environment is made only by a function that this process's user has handed to
`environment_spec`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np

from envs.outside.environment import SHOWN, EnvironmentScene, Instance, Make
from envs.outside.sources import OutsideError
from envs.pictures import told
from envs.task import Pair, Task
from envs.world import World

UNIT = "steps of play"  # of distances: control steps in which random play went from a start to a goal
MAX_STEPS = 100  # control steps allowed, unless the environment has a limit of its own
DT = 0.1  # s, of a control step where "render_fps" does not say

_NEAREST, _FARTHEST = 8, 48  # steps of play to a goal
_ATTEMPTS = 200  # plays in which a goal is looked for
_SEEDS = 2**31

Success = Callable[[dict[str, Any], dict[str, Any]], bool]


_known: dict[str, tuple[Make, Success | None]] = {}  # by name, in this process


def environment_spec(
    make: Make, success: Success | None = None, frame_size: int = 64, name: str | None = None
) -> dict[str, Any]:
    """The JSON-able description of an environment; `make_environment` builds it in this process from now on.

    Raises OutsideError: it cannot be used; one line says why.
    """
    made = Instance(make, None)
    env, space, picture = made.env, made.env.action_space, made.picture()
    name = name or (env.spec.id if env.spec is not None else type(env.unwrapped).__name__)
    _known[name] = make, success
    again = Instance(make, None).picture()
    own = np.asarray(made.info.get("state", ()))
    limit = env.spec.max_episode_steps if env.spec is not None else None
    notes = [told(picture.shape, frame_size)]
    if again.shape == picture.shape and (again != picture).any():
        notes.append("reset(seed=...) does not decide where it starts, so no two planners begin at the same place")
    assert isinstance(space, gymnasium.spaces.Box)
    return {
        "family": "python",
        "name": name,
        "frame_size": frame_size,
        "actions": {"low": space.low.astype(float).tolist(), "high": space.high.astype(float).tolist()},
        "dt": 1.0 / env.metadata["render_fps"] if env.metadata.get("render_fps") else DT,
        "max_steps": limit or MAX_STEPS,
        "states": own.size if own.ndim == 1 and own.dtype.kind in "fiu" else 0,
        **({"goals": True} if "goal_frame" in made.info else {}),
        "notes": [f"{name}: {note}" for note in notes if note],
    }


def make_environment(spec: dict[str, Any], render_mode: str | None = None) -> World:
    """The world that a description of `environment_spec` is of. Raises OutsideError: nobody has said how it is made."""
    if spec["name"] not in _known:
        raise OutsideError(
            f"world '{spec['name']}' is made by a function of its user's, and no recording or checkpoint may name one: "
            "say which with world=python world.factory=my_module:make_env, or hand it over in Python"
        )
    make, success = _known[spec["name"]]
    scene, repeat = EnvironmentScene(spec, make), spec.get("action_repeat", 1)
    scene.substeps = repeat
    success = success or getattr(scene.live.env.unwrapped, "success", None)
    task = ReachedByPlay(scene, success if callable(success) else None, -(-spec["max_steps"] // repeat))
    return PythonWorld(spec, scene, task, render_mode)


class ReachedByPlay(Task):
    """See a picture that random play has come to; what counts as the same is the environment's or the user's word."""

    unit, speed, tolerance = UNIT, 1.0, 0.0
    quantities = ()  # how one got there is no state
    nearest, farthest = float(_NEAREST), float(_FARTHEST)

    def __init__(self, scene: EnvironmentScene, success: Success | None, max_steps: int) -> None:
        self._scene, self._success, self.max_steps = scene, success, max_steps

    def criterion(self) -> str:
        """See `Task.criterion`."""
        return (
            "where its success function says so" if self._success is not None else 'where its info["success"] says so'
        )

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """A reset with a seed of its own."""
        return self._scene.way(int(rng.integers(_SEEDS)))

    def span(self, rng: np.random.Generator) -> float:
        """As far as play is followed."""
        return self.farthest

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Control steps from one to the other, as far as they are of one play; see `Task.distances`."""
        return np.abs(np.asarray(states)[..., 1] - goal[1])

    def is_reached(self, info: dict[str, Any], goal: dict[str, Any]) -> bool:
        """Whether where ``info`` was told is where ``goal`` was. Raises OutsideError: nothing says so."""
        if self._success is not None:
            return bool(self._success(info, goal))
        if "goal_frame" in goal:  # the environment's own, of which a reset need not say that it is not reached
            return bool(info.get("success", False))
        if "success" not in info:
            raise OutsideError(
                'when is a goal reached? the environment has no method success(info, goal), and no info["success"]: '
                "give a function with world.success=my_module:success, or success= in Python"
            )
        return bool(info["success"])

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Whether play that led to ``state (S,)`` reached ``goal (S,)``."""
        return self.is_reached(self._scene.moment(state)[1], self._scene.moment(goal)[1])

    def sample_pair(
        self,
        rng: np.random.Generator,
        low: float | None = None,
        high: float | None = None,
        start: np.ndarray | None = None,
    ) -> Pair:
        """A seed, and a moment of other play at least ``low`` and less than ``high`` steps long, not reached there.

        Where the environment sets goals: the seed's own. How far that is nobody knows, so it counts as ``low``.
        """
        low, high = self.nearest if low is None else low, self.farthest if high is None else high
        for _ in range(_ATTEMPTS):
            origin = self.sample_state(rng) if start is None else np.array(start, np.float64)
            seed, begun = int(rng.integers(_SEEDS)), self._scene.moment(origin)[1]
            if "goal_frame" in begun:
                goal = self._scene.way(int(origin[0]), SHOWN)
                if not self.is_reached(begun, self._scene.moment(goal)[1]):
                    return Pair(origin, goal, float(low), float(low))
                continue
            infos = list(self._scene.played(seed, int(np.ceil(high)) - 1))
            goals = [step for step in range(int(np.ceil(low)), len(infos)) if self._is_goal(begun, infos[step])]
            if goals:
                goal = self._scene.way(seed, int(rng.choice(goals)))
                return Pair(origin, goal, float(goal[1]), float(goal[1]))
        raise ValueError(f"no goal {low:g} to {high:g} {self.unit} away was found in {_ATTEMPTS} plays")

    def _is_goal(self, start: dict[str, Any], info: dict[str, Any]) -> bool:
        return self.is_reached(info, info) and not self.is_reached(start, info)

    def located(self, states: np.ndarray) -> np.ndarray:
        """Nowhere: nobody knows where in the picture to look."""
        return np.full((*np.asarray(states).shape[:-1], 2), np.nan)


class PythonWorld(World):
    """An environment in Python as a world; `info` holds what the environment tells, too."""

    scene: EnvironmentScene
    task: ReachedByPlay

    @functools.cached_property
    def factors(self) -> dict[str, Any]:
        """None are known."""
        return {}

    def record(self, rng: np.random.Generator, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Random play from a reset, of so many control steps, or until the environment ends it.

        Returns frames ``(T+1, h, w, 3)``, actions ``(T, A)``, and what the environment tells as ``info["state"]``,
        ``(T+1, n)``, not a number where it tells nothing.
        """
        self.scene.set_state(self.sample_state(rng))
        play = self.play(rng)
        frames, states, actions = [self.frame()], [self._told()], list[np.ndarray]()
        while len(actions) < steps and not self.scene.live.over:
            self.scene.step(play.act(self.state()))
            actions.append(self.state()[2:].astype(np.float32))
            frames.append(self.frame())
            states.append(self._told())
        return np.stack(frames), np.stack(actions), np.stack(states)

    def frames(self, path: np.ndarray, camera: str = "train", shown: Sequence[int] | None = None) -> list[np.ndarray]:
        """See `World.frames`: the episode is done once more, with the same actions."""
        pictures = []
        for step, state in enumerate(path):
            if step == 0:
                self.scene.set_state(state)
            else:
                self.scene.step(state[2:])
            if shown is None or step in shown:
                pictures.append(self.frame(camera))
        return pictures

    def _told(self) -> np.ndarray:
        count = self.spec_dict["states"]
        return np.asarray(self.scene.live.info["state"], np.float64) if count else np.full(1, np.nan)

    def _info(self) -> dict[str, Any]:
        told = {
            **self.scene.live.info,
            "state": self.state(),
            "factors": {},
            "distance": float("nan"),
            "success": False,
        }
        if self._goal is not None:
            reached = self.task.is_reached(self.scene.live.info, self.scene.moment(self._goal)[1])
            told |= {"success": reached, "goal": self._goal.copy()}
        return told
