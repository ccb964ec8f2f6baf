"""A world: a scene and a task, together a Gymnasium environment whose observation is a camera frame."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from envs.factors import Factor, Ranges, checked_ranges, checked_values, sample_factors
from envs.goals.record import Goal, progress
from envs.play.policies import Play, RepeatedPlay
from envs.quantities import ranges
from envs.simulation.appearance import appearance_factors
from envs.simulation.physics import physics_factors
from envs.simulation.scene import Scene
from envs.simulation.variant import Variant
from envs.streams import stream
from envs.task import Pair, Task
from envs.units import from_own

_RANGED = 400  # states that are looked at for the ranges of quantities


class World(gymnasium.Env):
    """Reach a goal state; see it as a frame, act on the body, never read the reward.

    Args:
        spec: JSON-able description from which `envs.make_world` builds the same world again. Its "factors", where it
            has some, are ranges as in `envs.factors`: `reset` then draws a value from each.
        render_mode: None or "rgb_array" (the people's camera), as Gymnasium asks for it.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, spec: dict[str, Any], scene: Scene, task: Task, render_mode: str | None = None) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is None or 'rgb_array', got {render_mode!r}")
        self.render_mode = render_mode
        self.spec_dict = spec
        self.scene = scene
        self.task = task
        self.name: str = spec["name"]
        self.dt = scene.dt
        self.metadata = {**self.metadata, "render_fps": round(1 / scene.dt)}
        self.max_steps, self.tolerance, self.unit = task.max_steps, task.tolerance, task.unit
        self.factor_values: dict[str, float] = {}  # what is varied at present; the others stand at their defaults
        self.factor_ranges: Ranges = checked_ranges(spec["factors"], self.factors) if spec.get("factors") else {}
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (scene.action_dim,), np.float32)
        self.observation_space = gymnasium.spaces.Box(0, 255, (scene.frame_size, scene.frame_size, 3), np.uint8)
        self._wanted: Goal | None = None
        self._goal: np.ndarray | None = None  # (S,) the last of its states
        self._done = 0  # of a sequence of goals, those that have been reached
        self._elapsed = 0
        self._hold, self._held = 1, 0  # control steps in a row at the goal, that are asked for and that there were
        self._own_units = False

    def use_own_units(self) -> None:
        """Take actions in the units of the environment or robot, where it has units of its own, not from -1 to 1."""
        if "actions" in self.spec_dict:
            low, high = (np.array(self.spec_dict["actions"][end], np.float32) for end in ("low", "high"))
            self.action_space, self._own_units = gymnasium.spaces.Box(low, high), True

    @functools.cached_property
    def factors(self) -> dict[str, Factor]:
        """What can be varied in this world, by name."""
        model, view = self.scene.models["train"], self.scene.view
        found = [*appearance_factors(model, view), *physics_factors(model)]
        return self.task.factors({factor.name: factor for factor in found})

    def set_factors(self, values: Mapping[str, float]) -> None:
        """Go on, from the present state, with these values; factors that are not among them are at their defaults.

        Raises ValueError: this world has no such factor, or a value is out of bounds.
        """
        values = checked_values(values, self.factors) if values else {}
        if values == self.factor_values:
            return
        # In the order of the list: what mixes with the colour of the floor comes after it.
        changes = [
            (factor.apply, values[name])
            for name, factor in self.factors.items()
            if values.get(name, factor.default) != factor.default
        ]

        def change(variant: Variant) -> None:
            for apply, value in changes:
                apply(variant, value)

        self.scene.vary(change if changes else None)
        self.factor_values = values

    def sample_factors(self, rng: np.random.Generator) -> dict[str, float]:
        """A value from each of the ranges in this world's description; nothing where it has none."""
        return sample_factors(self.factor_ranges, rng)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode and return the first frame.

        Args:
            seed: starts the world's generator anew.
            options: "start" (S,), "goal" (S,) or a `Goal` with states, and "factors" (values by name); what is absent
                is sampled; the goal None means that there is none and the episode never ends by success. Factors that
                are neither given nor sampled stay as they are. "hold": control steps in a row for which the goal must
                be reached, 1 unless given.

        Raises ValueError: an option is unknown, a state does not fit this world, or a factor does not.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        factors, self._hold = options.pop("factors", None), options.pop("hold", 1)
        start, goal_given, goal = options.pop("start", None), "goal" in options, options.pop("goal", None)
        if options:
            raise ValueError(f"unknown reset options {sorted(options)}: known are start, goal, factors, hold")
        if factors is not None or self.factor_ranges:
            self.set_factors(self.sample_factors(self.np_random) if factors is None else factors)
        if not goal_given:
            pair = self.task.sample_pair(self.np_random, start=start)
            start, goal = pair.start, pair.goal
        wanted = goal if goal is None or isinstance(goal, Goal) else Goal(states=np.array(goal, np.float64)[None])
        if wanted is not None and wanted.states is None:
            raise ValueError("a goal of an episode comes with states: see envs.goals.drawing.fulfilling")
        start = self._unsolved_start(wanted) if start is None else start
        self.set_state(start)
        self._wanted, self._done, self._elapsed, self._held = wanted, 0, 0, 0
        self._goal = None if wanted is None or wanted.states is None else wanted.states[-1]
        return self.frame(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Hold ``action (A,)`` for one control step; the reward is 1 on success, else 0."""
        self.scene.step(from_own(self.spec_dict, action) if self._own_units else action)
        self._elapsed += 1
        info = self._info()
        self._held = self._held + 1 if info["success"] else 0
        info["success"] = self._held >= self._hold
        return self.frame(), float(info["success"]), info["success"], self._elapsed >= self.max_steps, info

    def render(self) -> np.ndarray:
        """The people's camera: ``uint8 (256, 256, 3)``."""
        return self.frame("people")

    def frame(
        self, camera: str = "train", state: np.ndarray | None = None, size: int | None = None, screened: bool = True
    ) -> np.ndarray:
        """A picture of the present state, or of ``state`` without going there; see `Scene.frame`."""
        return self.scene.frame(camera, state, size, screened=screened)

    def frames(self, path: np.ndarray, camera: str = "train", shown: Sequence[int] | None = None) -> list[np.ndarray]:
        """The pictures of an episode that went along ``path (T, S)``, ``shown`` of them, rising; None: all."""
        return [self.frame(camera, state) for state in (path if shown is None else path[list(shown)])]

    def goal_frame(self, camera: str = "train") -> np.ndarray:
        """A picture of the goal of this episode, without screens, as `frame`; ValueError where none was set."""
        if self._goal is None:
            raise ValueError("there is no goal: call reset() first, and not with the goal None")
        return self.frame(camera, self._goal, screened=False)

    def state(self) -> np.ndarray:
        """The simulator's state ``(S,)``: positions, then velocities."""
        return self.scene.state()

    def set_state(self, state: np.ndarray) -> None:
        """Continue from ``state (S,)``; ValueError where it does not fit."""
        self.scene.set_state(state)

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """A state ``(S,)`` anywhere in free space, at rest or ``moving``."""
        return self.task.sample_state(rng, moving)

    def sample_pair(self, rng: np.random.Generator, low: float | None = None, high: float | None = None) -> Pair:
        """A start and a goal whose true distance is in ``[low, high)``, unsolved; see `Task.sample_pair`."""
        return self.task.sample_pair(rng, low, high)

    def play(self, rng: np.random.Generator) -> Play:
        """Random play that explores this world; all its noise comes from ``rng``."""
        play, repeat = self.task.play(self.scene.action_dim, rng), self.spec_dict.get("action_repeat", 1)
        return RepeatedPlay(play, repeat) if repeat > 1 else play

    def distance(self, state: np.ndarray, goal: np.ndarray) -> float:
        """True distance between two states ``(S,)``, in `unit`."""
        return self.task.distance(state, goal)

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Whether ``state (S,)`` reaches ``goal (S,)``."""
        return self.task.success(state, goal)

    def steps(self, state: np.ndarray, goal: np.ndarray) -> float:
        """Control steps between two states ``(S,)`` at top speed."""
        return self.task.steps(state, goal)

    def quantities(self, state: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The values of what has a name, ``(n,)`` each, at present or in ``state (S,)``; `task.quantities` has units.

        Of many states ``(..., S)``: ``(..., n)``.
        """
        state = self.state() if state is None else np.asarray(state)
        return {one.name: one.read(state) for one in self.task.quantities}

    @functools.cached_property
    def ranges(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Least and greatest values that goals may ask for, by the quantity's name: ``(n,)`` each."""
        rng = stream(0, "ranges of quantities")
        if not self.task.quantities:
            return {}
        return ranges(self.task.quantities, np.stack([self.task.sample_state(rng) for _ in range(_RANGED)]))

    def located(self, states: np.ndarray) -> np.ndarray:
        """Where what has to reach the goal is drawn, m: see `Task.located`."""
        return self.task.located(states)

    def pixels(self, points: np.ndarray, camera: str = "people", size: int = 256) -> np.ndarray:
        """Where ``points (..., 2 or 3)`` in m are in a frame of ``size`` pixels: x right, y down, ``(..., 2)``."""
        del camera  # both stand at the same place
        return self.scene.view.pixels(points, size)

    def _unsolved_start(self, goal: Goal | None) -> np.ndarray:
        while True:
            start = self.task.sample_state(self.np_random)
            if goal is None or not progress(goal, self.task, start)[0]:
                return start

    def _info(self) -> dict[str, Any]:
        state = self.state()
        info = {"state": state, "distance": float("nan"), "success": False, "factors": dict(self.factor_values)}
        if self._wanted is not None and self._goal is not None:
            success, self._done = progress(self._wanted, self.task, state, self._done)
            info |= {"distance": self.task.distance(state, self._goal), "success": success, "goal": self._goal.copy()}
        return info
