"""What planning achieves when nothing has to be learned: the true simulator as model, the true distance as energy.

It is the ceiling of every benchmark: a pair that it does not solve says something about the world, not about a model.
"""

import numpy as np
import torch
from torch import Tensor

from envs.world import World
from planners.interface import Optimizer
from planners.optimizers.cem import CEM


def oracle_steps(
    world: World, start: np.ndarray, goal: np.ndarray, rng: np.random.Generator, optimizer: Optimizer | None = None
) -> int | None:
    """Control steps in which the goal ``(S,)`` is reached from ``start (S,)``; None where time runs out.

    The world is left where the attempt ended.

    `optimizer`: None: CEM, as the world's task asks for it.
    """
    scene, asked = world.scene, world.task.search
    if optimizer is None:
        optimizer = CEM(
            samples=asked.samples,
            elites=asked.elites,
            iterations=asked.iterations,
            momentum=0.0,
            noise=asked.noise,
            persistence=asked.keep,
        )
    generators = [torch.Generator().manual_seed(int(rng.integers(2**63)))]
    bound = torch.ones(scene.action_dim)
    plan = torch.zeros(1, asked.horizon, scene.action_dim)

    def score(actions: Tensor) -> Tensor:
        """Of (1, N, H, A): guidance half way and at the end, which tells as much as every step."""
        states = scene.imagine(scene.state(), actions[0].numpy())[:, asked.horizon // 2 - 1 :: asked.horizon // 2]
        costs = world.task.guidance(states.reshape(-1, states.shape[-1]), goal)
        return torch.from_numpy(costs.reshape(1, len(states), -1).mean(axis=-1))

    scene.set_state(start)
    for step in range(1, world.max_steps + 1):
        plan, _ = optimizer(score, plan, -bound, bound, generators)
        scene.step(plan[0, 0].numpy())
        if world.success(scene.state(), goal):
            return step
        plan = torch.cat([plan[:, 1:], plan[:, -1:]], dim=1)
    return None
