"""What planning achieves when nothing has to be learned: CEM on the true simulator with the true distance.

It is the ceiling of every benchmark: a pair that it does not solve says something about the world, not about a model.
"""

import numpy as np

from envs.world import World


def oracle_steps(world: World, start: np.ndarray, goal: np.ndarray, rng: np.random.Generator) -> int | None:
    """Control steps in which the goal ``(S,)`` is reached from ``start (S,)``; None where time runs out.

    The world is left where the attempt ended.
    """
    scene = world.scene
    scene.set_state(start)
    mean = np.zeros((world.task.search.horizon, scene.action_dim))
    for step in range(1, world.max_steps + 1):
        mean = _search(world, scene.state(), goal, mean, rng)
        scene.step(mean[0])
        if world.success(scene.state(), goal):
            return step
        mean = np.concatenate([mean[1:], mean[-1:]])
    return None


def _search(
    world: World, state: np.ndarray, goal: np.ndarray, mean: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Improve the actions ``mean (H, A)`` for what lies ahead of ``state (S,)``."""
    asked = world.task.search
    spread = np.full_like(mean, asked.noise)
    for _ in range(asked.iterations):
        noise = rng.standard_normal((asked.samples, *mean.shape))
        for step in range(1, asked.horizon):
            noise[:, step] = asked.keep * noise[:, step - 1] + np.sqrt(1 - asked.keep**2) * noise[:, step]
        noise[0] = 0.0  # the plan so far is one of the candidates
        actions = np.clip(mean + spread * noise, -1.0, 1.0)
        # Half way and at the end: far away that is as good as every step, and a fifth of the work.
        states = world.scene.imagine(state, actions)[:, asked.horizon // 2 - 1 :: asked.horizon // 2]
        costs = world.task.guidance(states.reshape(-1, states.shape[-1]), goal)
        best = actions[costs.reshape(asked.samples, -1).mean(axis=1).argsort()[: asked.elites]]
        mean, spread = best.mean(axis=0), best.std(axis=0) + 0.05
    return mean
