"""Players that read the simulator: ceilings, in which parts of planning are replaced by the truth.

They play in the same loop as all others, which tells them the worlds that it plays in (`InformedAgent.know`); what is
learned and not replaced they are given as every planner is.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.task import Task
from envs.world import World
from planners.agent import Agent, shifted
from planners.energies import Composable
from planners.flat import Flat
from planners.interface import Context, Generators, Optimizer, Plan, Planner, WorldModel
from planners.optimizers.cem import CEM
from planners.targets import Targets
from worldmodel.model import LatentWorldModel


class Truth:
    """The worlds that are played in, of which those that are planned for have a turn."""

    def __init__(self, worlds: Sequence[World] = (), goals: Sequence[NDArray] = ()) -> None:
        self.worlds, self.goals = list(worlds), list(goals)
        self.turn = self.worlds  # one for each row of a plan
        self.states: Tensor = torch.empty(0)  # (B, S) float64, of these worlds now, or of their goals

    def look(self, rows: Sequence[int]) -> None:
        """These worlds have a turn."""
        self.turn = [self.worlds[row] for row in rows]
        self.states = torch.from_numpy(np.stack([world.state() for world in self.turn]))


class InformedAgent(Agent):
    """An agent whose planner may read the simulators through `truth`, which `play` tells it."""

    def __init__(self, planner: Planner, model: WorldModel, generators: Generators, execute: int, truth: Truth) -> None:
        super().__init__(planner, model, generators, execute)
        self.truth = truth

    def know(self, worlds: Sequence[World], goals: Sequence[NDArray]) -> None:
        """Before `reset`: the worlds of the environments, and their goals (S,)."""
        self.truth.worlds, self.truth.goals = list(worlds), list(goals)

    def reset(self, goals: NDArray[np.uint8] | Targets) -> None:
        """See `Agent`."""
        self.truth.turn = self.truth.worlds
        self.truth.states = torch.from_numpy(np.stack(self.truth.goals))
        super().reset(goals)

    def _plan(self, rows: list[int]) -> Plan:
        self.truth.look(rows)
        return super()._plan(rows)


class SimulatorModel:
    """The simulator as a world model: a latent is its state (S,).

    Args:
        bound: (A,) of actions, on both sides.
        see: contexts -> states (B, S): where one believes to be. None: the simulator says it.
        context: frames that this needs.
    """

    def __init__(
        self, truth: Truth, bound: Tensor, see: Callable[[Context], Tensor] | None = None, context: int = 1
    ) -> None:
        self.truth, self.see, self.context = truth, see, context
        self.action_low, self.action_high = -bound, bound

    def encode(self, context: Context) -> Tensor:
        """See `planners.interface.WorldModel`."""
        return self.truth.states if self.see is None else self.see(context).cpu()

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        """See `planners.interface.WorldModel`."""
        return _simulated(self.truth, z, actions)


class RenderedModel:
    """The simulator as a world model whose latents are those of frames drawn of what it will come to.

    Every frame takes its time: imagined is half of the horizon and its end, each standing for the steps before it.
    """

    def __init__(self, truth: Truth, learned: LatentWorldModel) -> None:
        self.truth, self.learned = truth, learned
        self.context, self.action_low, self.action_high = learned.context, learned.action_low, learned.action_high

    def encode(self, context: Context) -> Tensor:
        """See `planners.interface.WorldModel`; as the learned model does."""
        return self.learned.encode(context)

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        """See `planners.interface.WorldModel`."""
        states, shown, found = _simulated(self.truth, self.truth.states, actions), looked_at(actions.shape[2]), []
        backwards = range(self.context - 1, -1, -1)
        for world, now, paths in zip(self.truth.turn, self.truth.states.numpy(), states.numpy(), strict=True):
            ways = [[now, *path] for path in paths]
            clips = [[world.frame(state=w[max(0, at + 1 - b)]) for b in backwards] for w in ways for at in shown]
            seen = self.learned.latents(torch.from_numpy(np.stack(clips)).to(z.device))[:, -1]
            found.append(seen.reshape(len(paths), len(shown), -1))
        each = [sum(at < step for at in shown) for step in range(actions.shape[2])]
        return torch.stack(found)[:, :, each].to(z)


class TrueDistance(Composable):
    """What the world's own search minimises, in control steps at top speed, half way and at the end of the path.

    `read`: latents (..., D) -> states (..., S); None: latents are states.
    """

    def __init__(self, task: Task, read: Callable[[Tensor], Tensor] | None = None) -> None:
        self.task, self.read = task, read

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        """See `Composable`."""
        if actions.ndim == 4:
            return torch.stack([self.of(*each) for each in zip(latents, actions, target, strict=True)])
        used = latents[:, looked_at(actions.shape[1])]
        states, goal = (used, target) if self.read is None else (self.read(used), self.read(target[None])[0])
        costs = self.task.guidance(states.cpu().numpy().reshape(-1, states.shape[-1]), goal.cpu().numpy())
        mean = np.asarray(costs).reshape(len(latents), -1).mean(axis=-1)
        return torch.from_numpy(mean / self.task.speed).to(actions.device)


def looked_at(horizon: int) -> list[int]:
    """Half way and the end of so many steps: they tell as much as every step."""
    return sorted({max(1, horizon // 2) - 1, horizon - 1})


def oracle_planner(truth: Truth, bound: Tensor, task: Task, optimizer: Optimizer | None = None) -> Flat:
    """The true simulator, the true distance, and the search that the world's task asks for unless one is given."""
    asked = task.search
    if optimizer is None:
        optimizer = CEM(asked.samples, asked.iterations, asked.noise, asked.keep, elites=asked.elites, momentum=0.0)
    return Flat(SimulatorModel(truth, bound), TrueDistance(task), optimizer, asked.horizon)


def oracle_path(
    world: World, start: NDArray, goal: NDArray, generator: torch.Generator, optimizer: Optimizer | None = None
) -> tuple[NDArray, bool]:
    """The states (T + 1, S) that the oracle passes from `start` (S,) on, and whether it reaches the goal (S,).

    The world is left where the attempt ended.
    """
    truth, states = Truth([world]), [np.asarray(start, np.float64)]
    planner = oracle_planner(truth, torch.ones(world.scene.action_dim), world.task, optimizer)
    target, plan = torch.from_numpy(np.asarray(goal, np.float64))[None], None
    world.set_state(start)
    for _ in range(world.max_steps):
        truth.look([0])
        before = None if plan is None else shifted(plan.actions, 1)
        plan = planner(truth.states, target, before, [generator])
        world.scene.step(plan.actions[0, 0].numpy())
        states.append(world.state())
        if world.success(states[-1], goal):
            return np.stack(states), True
    return np.stack(states), False


def _simulated(truth: Truth, states: Tensor, actions: Tensor) -> Tensor:
    """From states (B, S) under actions (B, N, H, A): the states after each action, (B, N, H, S) float64."""
    each = zip(truth.turn, states.numpy(), actions.cpu().numpy(), strict=True)
    return torch.from_numpy(np.stack([world.scene.imagine(state, some) for world, state, some in each]))
