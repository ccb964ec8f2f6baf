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
        learned: whose bounds and context it has.
        read: its latents (B, D) -> states: where one believes to be. None: the simulator says it.
    """

    def __init__(self, truth: Truth, learned: WorldModel, read: Callable[[Tensor], Tensor] | None = None) -> None:
        self.truth, self.learned, self.read = truth, learned, read
        self.context, self.action_low, self.action_high = learned.context, learned.action_low, learned.action_high

    def encode(self, context: Context) -> Tensor:
        """See `planners.interface.WorldModel`."""
        return self.truth.states if self.read is None else self.read(self.learned.encode(context)).cpu()

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
        states, horizon = _simulated(self.truth, self.truth.states, actions), actions.shape[2]
        shown = looked_at(horizon)
        found = torch.stack(
            [
                torch.stack([self._seen(world, now, path, shown) for path in paths])
                for world, now, paths in zip(self.truth.turn, self.truth.states, states, strict=True)
            ]
        )
        return found[:, :, [next(i for i, at in enumerate(shown) if at >= step) for step in range(horizon)]].to(z)

    def _seen(self, world: World, now: Tensor, path: Tensor, shown: list[int]) -> Tensor:
        """Latents (len(shown), D) at these steps of a path (H, S) that begins after the state `now` (S,)."""
        way = [now, *path]
        wanted = [[max(0, at + 1 - back) for back in reversed(range(self.context))] for at in shown]
        drawn = {at: torch.from_numpy(world.frame(state=way[at].numpy())) for each in wanted for at in each}
        clips = torch.stack([torch.stack([drawn[at] for at in each]) for each in wanted])
        return self.learned.latents(clips.to(self.action_low.device))[:, -1]


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


def oracle_planner(truth: Truth, learned: WorldModel, task: Task, optimizer: Optimizer | None = None) -> Flat:
    """The true simulator, the true distance, and the search that the world's task asks for unless one is given."""
    asked = task.search
    if optimizer is None:
        optimizer = CEM(
            samples=asked.samples,
            elites=asked.elites,
            iterations=asked.iterations,
            momentum=0.0,
            noise=asked.noise,
            persistence=asked.keep,
        )
    return Flat(SimulatorModel(truth, learned), TrueDistance(task), optimizer, asked.horizon)


class Unlearned:
    """Of a world model, what is known before anything is learned: one frame is seen, actions are in [-1, 1]."""

    context = 1

    def __init__(self, action_dim: int) -> None:
        self.action_low, self.action_high = -torch.ones(action_dim), torch.ones(action_dim)

    def encode(self, context: Context) -> Tensor:
        """Nothing encodes."""
        raise NotImplementedError

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        """Nothing imagines."""
        raise NotImplementedError


def oracle_path(
    world: World, start: NDArray, goal: NDArray, generator: torch.Generator, optimizer: Optimizer | None = None
) -> tuple[NDArray, bool]:
    """The states (T + 1, S) that the oracle passes from `start` (S,) on, and whether it reaches the goal (S,).

    The world is left where the attempt ended.
    """
    truth, states = Truth([world]), [np.asarray(start, np.float64)]
    planner = oracle_planner(truth, Unlearned(world.scene.action_dim), world.task, optimizer)
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
    pairs = zip(truth.turn, states, actions, strict=True)
    return torch.stack(
        [torch.from_numpy(world.scene.imagine(state.numpy(), one.cpu().numpy())) for world, state, one in pairs]
    )
