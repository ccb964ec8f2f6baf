"""True subgoals: what a hierarchy would reach if it always knew where to go next. The ceiling of every subgoal search.

If planning towards true subgoals fails, it is the low level that fails; if it succeeds where a hierarchy fails, it is
the hierarchy's subgoals. For worlds of one body, whose states at rest say all about a place.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from envs.streams import stream
from envs.task import Pair, Task
from envs.world import World
from housecat.evaluation.episodes import Bench, EpisodeResult, play
from planners.agent import Agent
from planners.interface import Generators, Memory, Plan, Planner
from worldmodel.model import LatentWorldModel

CANDIDATES = 400  # free places among which the next subgoal is looked for
REFRESH = 2  # control steps from one subgoal to the next


@dataclass(frozen=True)
class Way:
    """Places on the way to a goal."""

    goal: np.ndarray  # (S,)
    places: np.ndarray  # (K, S) states at rest
    left: np.ndarray  # (K,) true distance from each to the goal, in the task's unit


def way_to(task: Task, goal: np.ndarray, rng: np.random.Generator, count: int = CANDIDATES) -> Way:
    """Free places drawn at random, and how far they are from the goal (S,)."""
    places = np.stack([task.sample_state(rng) for _ in range(count)])
    return Way(goal, places, task.distances(places, goal))


def next_on(task: Task, way: Way, here: np.ndarray, reach: float) -> np.ndarray:
    """The state (S,) at most `reach` away from `here` (S,), in the task's unit, that is nearest to the goal.

    The goal itself once it is within reach; the nearest place where there is none within reach.
    """
    if task.distance(here, way.goal) <= reach:
        return way.goal
    away = task.distances(way.places, here)
    within = away <= reach
    return way.places[np.where(within, way.left, np.inf).argmin() if within.any() else away.argmin()]


class TrueSubgoals:
    """A planner towards true subgoals in one world, which it looks into; all else is the flat planner's.

    Args:
        flat: plans towards the subgoal.
        world: that is being played in; its state is read, its pictures are the subgoals'.
        model: encodes these pictures.
        goal: (S,) the state that is to be reached.
        steps: control steps at top speed from here to a subgoal.
        rng: draws the places that subgoals are chosen from.
    """

    def __init__(
        self,
        flat: Planner,
        world: World,
        model: LatentWorldModel,
        goal: np.ndarray,
        steps: float,
        rng: np.random.Generator,
    ) -> None:
        self.flat, self.world, self.model, self.steps, self.horizon = flat, world, model, steps, flat.horizon
        self.way = way_to(world.task, goal, rng)

    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; for one environment."""
        age, subgoal = (0, target) if memory is None or memory[0] is None else memory[0]
        if age % REFRESH == 0:
            task = self.world.task
            state = next_on(task, self.way, self.world.state(), self.steps * task.speed)
            subgoal = self.model.still(torch.from_numpy(self.world.frame(state=state)[None]).to(z.device))
        return replace(self.flat(z, subgoal, start, generators), memory=((age + 1, subgoal),))


def play_true_subgoals(
    world: World,
    flat: Planner,
    model: LatentWorldModel,
    steps: float,
    numbered: tuple[int, Pair],
    seed: int,
    max_steps: int | None = None,
) -> EpisodeResult:
    """One numbered pair, played towards true subgoals `steps` control steps ahead; `world` is used up."""
    index, pair = numbered

    def agent(name: str, horizon: int | None, generators: list[torch.Generator]) -> Agent:
        rng = stream(seed, "true subgoals", index)
        return Agent(TrueSubgoals(flat, world, model, pair.goal, steps, rng), model, generators)

    bench = Bench(lambda: world, agent, None)
    return play(bench, f"true subgoals {steps:g} steps ahead", None, [numbered], seed, max_steps)[0]
