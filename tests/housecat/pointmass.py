"""A world whose frames hold the state itself, and players that need no model: the loop is tested apart from both."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from envs.quantities import Quantity, part
from envs.simulation.cameras import View
from envs.task import Task
from envs.world import World
from housecat.evaluation.episodes import Bench
from housecat.evaluation.player import Player
from planners.agent import Agent, RandomAgent
from planners.energies import LatentDistance, TemporalDistance
from planners.flat import Flat
from planners.interface import Context, Plan
from planners.optimizers.cem import CEM
from planners.subgoals.hierarchy import Hierarchy
from planners.subgoals.landmarks import Landmarks, build_landmarks

SIDE = 6.0  # m, of the square that the point moves in
SPEED = 0.2  # m in a control step, along each axis


def written(state: np.ndarray) -> np.ndarray:
    """A frame uint8 (8, 8, 3) whose first bytes are the state."""
    content = np.asarray(state, np.float64).tobytes()
    return np.frombuffer(content.ljust(192, b"\0"), np.uint8).reshape(8, 8, 3).copy()


def read(frames: np.ndarray) -> np.ndarray:
    """The states (B, 2) in frames (B, 8, 8, 3)."""
    return np.stack([np.frombuffer(frame.tobytes()[:16]) for frame in frames])


class PointScene:
    """A point without mass: an action moves it at once."""

    dt, action_dim, state_dim, frame_size, view = 0.1, 2, 2, 8, View((SIDE / 2, SIDE / 2, 0.0), SIDE)
    position_dim = 2

    def __init__(self) -> None:
        self._place = np.zeros(2)

    def state(self) -> np.ndarray:
        return self._place.copy()

    def set_state(self, state: np.ndarray) -> None:
        self._place = np.array(state, np.float64)

    def at_rest(self, state: np.ndarray) -> np.ndarray:
        return np.array(state, np.float64)

    def within_limits(self, state: np.ndarray) -> np.ndarray:
        return np.clip(state, 0, SIDE)

    def overlap(self, state: np.ndarray) -> float:
        return 0.0

    def step(self, action: np.ndarray) -> None:
        self._place = np.clip(self._place + SPEED * np.clip(action, -1, 1), 0, SIDE)

    def imagine(self, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        path, here = [], np.repeat(np.asarray(state)[None], len(actions), axis=0)
        for step in range(actions.shape[1]):
            here = np.clip(here + SPEED * np.clip(actions[:, step], -1, 1), 0, SIDE)
            path.append(here)
        return np.stack(path, axis=1)

    def frame(
        self, camera: str = "train", state: np.ndarray | None = None, size: int | None = None, screened: bool = True
    ) -> np.ndarray:
        return written(self._place if state is None else state)


class PointTask(Task):
    """Be within 0.25 m of a place."""

    unit, tolerance, max_steps, nearest, farthest, speed = "m", 0.25, 40, 1.0, float("inf"), SPEED
    quantities = (Quantity("position", "m", "of the point", part(0, 2), 0.25),)

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        return rng.uniform(0, SIDE, 2)

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.asarray(states) - goal, axis=-1)

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        return bool(self.distance(state, goal) <= self.tolerance)

    def located(self, states: np.ndarray) -> np.ndarray:
        return np.asarray(states)


def point_world() -> World:
    return World({"family": "point", "name": "point", "frame_size": 8}, PointScene(), PointTask())  # type: ignore[arg-type]


def plan(size: int, calls: int, subgoal: int) -> Plan:
    nothing = torch.zeros(size, 1, 2)
    return Plan(nothing, nothing, torch.zeros(size), torch.zeros(size, 2), calls, torch.full((size,), subgoal))


class PointPlayer:
    """Knows where it is and where to go; what it does with that is its `manner`."""

    def __init__(self, manner: str, horizon: int | None, generators: list[torch.Generator]) -> None:
        self.manner, self.horizon, self.generators = manner, horizon, generators
        self.last_plan: Plan | None = None
        self.acted = 0

    def reset(self, goal_frames: np.ndarray) -> None:
        assert len(goal_frames) == len(self.generators)
        self.goals, self.acted = read(goal_frames), 0

    def act(self, frames: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        here = read(frames)
        active = np.ones(len(here), bool) if active is None else active
        left = np.linalg.norm(here - self.goals, axis=1)
        if not (left[active] > PointTask.tolerance).all():
            raise AssertionError("asked to act for an environment that has reached its goal")
        self.acted += 1
        direct = np.clip((self.goals - here) / SPEED, -1, 1)
        if self.manner == "flat_latent":  # looks no farther than its horizon, in tenths of a metre
            direct[left > (self.horizon or 1) / 10] = 0
        elif self.manner == "flat_distance":  # wanders, as its generators have it; draws only for the active
            for i in np.flatnonzero(active):
                direct[i] = 0.3 * direct[i] + torch.randn(2, generator=self.generators[i]).numpy()
        elif self.manner == "stuck":
            direct[:] = 0
        if self.manner != "random":
            self.last_plan = plan(len(here), 100 * min(self.acted, 2), 7 if self.acted == 1 else -1)
        return direct.astype(np.float32)


@dataclass(frozen=True)
class PointSetup:
    """A setup that can travel to other processes."""

    landmarks: bool = False

    def __call__(self) -> Bench:
        def make_agent(name: str, horizon: int | None, generators: list[torch.Generator]) -> Player:
            return PointPlayer(name, horizon, generators)

        return Bench(point_world, make_agent, landmark_graph() if self.landmarks else None)


def landmark_graph(**changes: Any) -> Landmarks:
    states = torch.rand(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * SIDE
    edges = torch.tensor([[0, 1], [1, 2], [2, 0], [7, 8]])
    parts = {"latents": states.float(), "steps": torch.zeros(9, 9), "edges": edges, "states": states}
    return Landmarks(**{**parts, **changes})


class PointModel:
    """The world model that knows the point's dynamics: a latent is the state."""

    context = 2
    action_low, action_high = -torch.ones(2), torch.ones(2)

    def encode(self, context: Context) -> torch.Tensor:
        return torch.from_numpy(read(context.frames[:, -1].numpy())).float()

    def rollout(self, z: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        path, here = [], z[:, None].expand(-1, actions.shape[1], -1)
        for step in range(actions.shape[2]):
            here = torch.clamp(here + SPEED * actions[:, :, step], 0, SIDE)
            path.append(here)
        return torch.stack(path, dim=2)


class PointDistance:
    """True control steps between latents."""

    def steps(self, z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (z - target).abs().amax(dim=-1) / SPEED


@dataclass(frozen=True)
class PlannedSetup:
    """The real planners on the model above."""

    execute: int = 1

    def __call__(self) -> Bench:
        model, distance = PointModel(), PointDistance()
        axis = torch.linspace(0.5, SIDE - 0.5, 6)
        latents = torch.cartesian_prod(axis, axis)
        landmarks = build_landmarks(latents, latents.double(), distance, max_edge=6)

        def make_agent(name: str, horizon: int | None, generators: list[torch.Generator]) -> Player:
            if name == "random":
                return RandomAgent(model.action_low, model.action_high, generators)
            energy = LatentDistance() if name == "flat_latent" else TemporalDistance(distance)
            flat = Flat(model, energy, CEM(samples=24, elites=4, iterations=2), horizon or 4)
            planner = Hierarchy(flat, landmarks, distance, 4, 8, execute=self.execute) if name == "hierarchy" else flat
            return Agent(planner, model, generators, self.execute, distance=distance)

        return Bench(point_world, make_agent, landmarks)
