import pytest
import torch

from planners.subgoals.sampled import Sampled
from tests.planners.closed_loop import REACH, far_pairs, flat_by_distance, generators, play
from tests.planners.point_mass import MEDIUM, Maze, PointMass, Steps


@pytest.fixture(scope="module")
def maze() -> Maze:
    return Maze(MEDIUM)


@pytest.fixture(scope="module")
def planner(maze: Maze) -> Sampled:
    recorded = maze.sample(1500, torch.Generator().manual_seed(0))
    return Sampled(flat_by_distance(maze, Steps(maze)), recorded, Steps(maze), near=REACH, reach=REACH, drawn=128)


def test_far_goals_are_reached_where_the_distance_is_right(maze, planner):
    assert play(planner, PointMass(maze), *far_pairs(maze, 8), steps=100).success.all()


def test_a_subgoal_is_within_reach_and_nearer_to_the_goal(maze, planner):
    start, goals = far_pairs(maze, 8)
    distance, aims = Steps(maze), planner(start, goals, None, generators(8)).target
    for z, aim, goal in zip(start, aims, goals, strict=True):
        assert distance.steps(z, aim) <= REACH
        assert distance.steps(aim, goal) < distance.steps(z, goal) - 1


def test_near_the_goal_and_where_nothing_leads_on_it_aims_at_the_goal_itself(maze, planner):
    start, goals = far_pairs(maze, 4)
    assert torch.equal(planner(goals, goals, None, generators(4)).target, goals)
    nowhere = Sampled(planner.flat, start[:1], Steps(maze), near=REACH, reach=REACH)
    assert torch.equal(nowhere(start[:1], goals[:1], None, generators(1)).target, goals[:1])


def test_a_target_is_kept_until_there_is_a_better_one(maze, planner):
    start, goals = far_pairs(maze, 4)
    first = planner(start, goals, None, generators(4))
    again = planner(start, goals, None, generators(4, seed=1), first.memory)
    distance = Steps(maze)
    for before, after, goal in zip(first.target, again.target, goals, strict=True):
        assert distance.steps(after, goal) <= distance.steps(before, goal)
    elsewhere = planner(start, start.flip(0), None, generators(4), first.memory)
    assert torch.equal(elsewhere.target, planner(start, start.flip(0), None, generators(4)).target)


def test_an_environment_is_planned_for_as_if_it_were_alone(maze, planner):
    start, goals = far_pairs(maze, 3)
    together = planner(start, goals, None, generators(3))
    for row in range(3):
        alone = planner(start[row, None], goals[row, None], None, [generators(3)[row]])
        assert torch.equal(alone.actions[0], together.actions[row])
        assert torch.equal(alone.target[0], together.target[row])


@pytest.mark.parametrize("wrong", [{"near": -1.0}, {"reach": 0.0}, {"drawn": 0}])
def test_settings_that_leave_nothing_to_aim_at_are_refused(planner, wrong):
    with pytest.raises(ValueError, match="near must be 0 or more"):
        Sampled(planner.flat, planner.latents, planner.distance, **{"near": 1.0, "reach": 1.0, **wrong})
