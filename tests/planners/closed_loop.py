"""Episodes of the ball in its maze: the planner decides, the truth moves on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.energies import TemporalDistance
from planners.flat import Flat
from planners.interface import Planner
from planners.optimizers.cem import CEM
from planners.subgoals.hierarchy import Hierarchy
from planners.subgoals.landmarks import Landmarks, build_landmarks, choose_landmarks
from tests.planners.point_mass import Maze, PointMass, Steps

SEARCH = CEM(samples=64, elites=8, iterations=3)
REACH = 8.0  # control steps
TOLERANCE = 0.25  # m


@dataclass(frozen=True)
class Played:
    """B episodes side by side, T control steps."""

    path: Tensor  # (T+1, B, 4)
    subgoals: Tensor  # (T, B)
    goals: Tensor  # (B, 4)

    @property
    def reached(self) -> Tensor:
        """(T+1, B) bool, whether the ball is at the goal."""
        return (self.path[..., :2] - self.goals[:, :2]).norm(dim=-1) < TOLERANCE

    @property
    def success(self) -> Tensor:
        return self.reached.any(dim=0)

    @property
    def steps(self) -> Tensor:
        """(B,) control steps until the goal was reached for the first time."""
        return self.reached.int().argmax(dim=0)


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(1000 * seed + row) for row in range(count)]


def play(planner: Planner, model: PointMass, start: Tensor, goals: Tensor, steps: int, until_success=True) -> Played:
    z, memory, warm, own = start, None, None, generators(len(start))
    path, subgoals = [z], []
    for _ in range(steps):
        plan = planner(z, goals, warm, own, memory)
        z = model.step(z, plan.actions[:, 0])
        memory, warm = plan.memory, torch.cat([plan.actions[:, 1:], plan.actions[:, -1:]], dim=1)
        path.append(z)
        subgoals.append(plan.subgoal)
        if until_success and Played(torch.stack(path), torch.stack(subgoals), goals).success.all():
            break
    return Played(torch.stack(path), torch.stack(subgoals), goals)


def graph_of(maze: Maze, distance: Steps, count: int = 150) -> Landmarks:
    recorded = maze.sample(1500, torch.Generator().manual_seed(0))
    kept = recorded[choose_landmarks(recorded, distance, count, torch.Generator().manual_seed(1))]
    return build_landmarks(kept, kept.double(), distance, max_edge=REACH)


def flat_by_distance(maze: Maze, distance: Steps) -> Flat:
    return Flat(PointMass(maze), TemporalDistance(distance), SEARCH, horizon=8)


def hierarchy(maze: Maze, distance: Steps, graph: Landmarks | None = None) -> Hierarchy:
    graph = graph or graph_of(maze, distance)
    return Hierarchy(flat_by_distance(maze, distance), graph, distance, near=REACH, reach=REACH)


def far_pairs(maze: Maze, count: int, farther_than: float = 4.0) -> tuple[Tensor, Tensor]:
    """Starts and goals (count, 4), at least so many m apart on the shortest way."""
    drawn = maze.sample(400, torch.Generator().manual_seed(2))
    start, goals = drawn[:200], drawn[200:]
    far = maze.way(start[:, :2], goals[:, :2]) > farther_than
    return start[far][:count], goals[far][:count]
