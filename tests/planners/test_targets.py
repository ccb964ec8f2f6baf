"""Several targets: the nearest is aimed at and kept, a sequence is followed, one target changes nothing."""

import numpy as np
import torch

from planners.agent import Agent
from planners.energies import LatentDistance
from planners.flat import Flat
from planners.optimizers.cem import CEM
from planners.targets import Aim, Targets, aimed
from tests.housecat.pointmass import PointDistance, PointModel, written


def follow(path: list[list[float]], order: str) -> list[int]:
    aim, found = Aim(), []
    for steps in path:
        aim = aimed(aim, np.array(steps), order)
        found.append(aim.index)
    return found


def test_the_nearest_of_any_is_aimed_at_and_kept_until_another_is_much_nearer() -> None:
    assert follow([[9, 5, 7], [9, 6, 5], [9, 6.2, 5], [9, 6, 4], [9, 4, 4.9]], "any") == [1, 1, 1, 2, 2]


def test_of_a_sequence_the_next_is_aimed_at_once_one_is_reached() -> None:
    assert follow([[9, 1, 1], [3, 1, 1], [0.4, 8, 1], [4, 0.5, 6], [9, 9, 1], [9, 9, 0]], "sequence") == [
        0,
        0,
        1,
        2,
        2,
        2,
    ]


def test_a_target_that_is_near_and_comes_no_nearer_is_taken_for_reached_and_one_far_away_is_not() -> None:
    assert follow([[4, 9]] * 8, "sequence")[-1] == 1
    assert follow([[40, 9]] * 8, "sequence") == [0] * 8


def agent(count: int, distance: PointDistance | None) -> Agent:
    model = PointModel()
    planner = Flat(model, LatentDistance(), CEM(samples=16, elites=4, iterations=2), 3)
    return Agent(planner, model, [torch.Generator().manual_seed(i) for i in range(count)], 1, distance=distance)


def test_each_environment_aims_at_the_target_that_is_nearest_to_it_in_pictures_as_in_latents() -> None:
    places = np.array([[[1.0, 1.0], [5.0, 5.0]], [[1.0, 1.0], [5.0, 5.0]]])
    frames = np.stack([written(np.array([2.0, 2.0])), written(np.array([4.5, 4.0]))])
    shown = np.stack([[written(place) for place in each] for each in places])
    for goals in (Targets(shown), Targets(torch.from_numpy(places).float())):
        for distance in (PointDistance(), None):
            player = agent(2, distance)
            player.reset(goals)
            player.act(frames)
            assert player.last_plan is not None
            assert player.last_plan.target.tolist() == [[1.0, 1.0], [5.0, 5.0]]


def test_one_target_in_a_set_is_the_goal_alone_to_the_last_bit_and_looking_ahead_changes_no_aim() -> None:
    goal, frame = written(np.array([5.0, 1.0])), written(np.array([1.0, 1.0]))
    alone, among = agent(1, None), agent(1, PointDistance())
    alone.reset(goal[None])
    among.reset(Targets(np.stack([[goal, goal, goal]])))
    for _ in range(3):
        among.plan(frame[None])
        np.testing.assert_array_equal(alone.act(frame[None]), among.act(frame[None]))
