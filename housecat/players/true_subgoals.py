"""True subgoals: what a hierarchy would reach if it always knew where to go next. The ceiling of every subgoal search.

If planning towards true subgoals fails, it is the low level that fails; if it succeeds where a hierarchy fails, it is
the hierarchy's subgoals. Subgoals are states that the oracle has passed on its way, at rest, seen as pictures.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from envs.world import World
from housecat.players.truth import Truth, oracle_path
from planners.interface import Generators, Memory, Plan, Planner
from worldmodel.model import LatentWorldModel


@dataclass(frozen=True)
class Pursued:
    """One environment on its way."""

    way: np.ndarray  # (T, S) states from the start to the goal
    at: int  # how far it has come on it, an index
    subgoal: Tensor  # (D,)


def way_to(world: World, goal: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """The states (T, S) that the oracle passes from where the world is to the goal (S,), which is the last of them.

    The world is where it was. An oracle that does not arrive is followed to where it was nearest.
    """
    state = world.state()
    path, reached = oracle_path(world, state, goal, generator)
    world.set_state(state)
    nearest = len(path) - 1 if reached else int(world.task.guidance(path, goal).argmin())
    return np.concatenate([path[: nearest + 1], np.asarray(goal)[None]])


def come_to(way: np.ndarray, at: int, here: np.ndarray, moving: slice, ahead: int) -> int:
    """How far one has come on the way (T, S), who was at index `at` of it before and is at the state `here` (S,) now.

    Velocities, which lie at `moving` in a state, do not count; nor what lies more than twice `ahead` steps on.
    """
    window = way[at : at + 2 * ahead + 1, : moving.start]
    spread = np.maximum(way[:, : moving.start].std(axis=0), 1e-3)
    return at + int(np.linalg.norm((window - here[: moving.start]) / spread, axis=1).argmin())


class TrueSubgoals:
    """A planner by means of `flat`, towards true subgoals `ahead` control steps on, whose pictures `model` encodes."""

    def __init__(self, flat: Planner, truth: Truth, model: LatentWorldModel, ahead: int) -> None:
        self.flat, self.truth, self.model, self.ahead, self.horizon = flat, truth, model, ahead, flat.horizon

    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`."""
        before = memory or [None] * len(z)
        now = [self._onward(row, before[row], target[row], generators[row]) for row in range(len(z))]
        plan = self.flat(z, torch.stack([one.subgoal for one in now]), start, generators)
        return replace(plan, memory=tuple(now))

    def _onward(self, row: int, before: Pursued | None, target: Tensor, generator: torch.Generator) -> Pursued:
        world = self.truth.turn[row]
        if before is None:
            goal = self.truth.goals[self.truth.worlds.index(world)]
            before = Pursued(way_to(world, goal, generator), 0, target)
        way = before.way
        at = come_to(way, before.at, world.state(), world.scene.velocities, self.ahead)
        subgoal, onward = target, at + self.ahead
        if onward < len(way) - 1:
            picture = world.frame(state=world.scene.at_rest(way[onward]))
            subgoal = self.model.still(torch.from_numpy(picture[None]).to(target.device))[0]
        return Pursued(way, at, subgoal)
