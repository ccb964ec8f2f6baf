"""The oracle plans with whatever optimiser it is given, on the true simulator."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from envs.registry import make_named
from housecat.evaluation.oracle import oracle_steps
from planners.interface import Score


def test_the_score_it_gives_prefers_actions_that_lead_to_the_goal_and_the_best_of_them_are_taken() -> None:
    world = make_named("reacher")
    pair = world.sample_pair(np.random.default_rng(1))
    kept = []

    def best_of_many(
        score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Sequence[torch.Generator]
    ) -> tuple[Tensor, Tensor]:
        actions = torch.rand(1, 64, *start.shape[1:], generator=generators[0]) * (high - low) + low
        costs = score(actions)
        reached = world.scene.imagine(world.scene.state(), actions[0].numpy())[:, -1]
        kept.append(np.corrcoef(costs[0], world.task.distances(reached, pair.goal))[0, 1])
        return actions[:, costs[0].argmin()], costs.amin(dim=1)

    steps = oracle_steps(world, pair.start, pair.goal, np.random.default_rng(0), best_of_many)
    assert steps is not None and steps <= world.max_steps
    assert kept[0] > 0.5


def test_the_same_generator_gives_the_same_attempt() -> None:
    world = make_named("umaze")
    pair = world.sample_pair(np.random.default_rng(1))
    first, second = (oracle_steps(world, pair.start, pair.goal, np.random.default_rng(0)) for _ in range(2))
    assert first == second is not None
