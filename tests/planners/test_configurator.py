"""The configurator: its rules one by one, and that a batch changes none of them."""

import math

import pytest
import torch

from planners.configurator import AFRESH, ONWARD, REST, Configured, ConfigureSettings, Course, decide
from planners.subgoals.sampled import Sampled
from tests.planners.closed_loop import REACH, far_pairs, flat_by_distance, generators, play
from tests.planners.point_mass import MEDIUM, Maze, PointMass, Steps

RULES = ConfigureSettings(alarm=2.0, wary=2, give_up=10)


@pytest.fixture(scope="module")
def maze() -> Maze:
    return Maze(MEDIUM)


@pytest.fixture(scope="module")
def planner(maze: Maze) -> Configured:
    flat = flat_by_distance(maze, Steps(maze))
    recorded = maze.sample(800, torch.Generator().manual_seed(0))
    sampled = Sampled(flat, recorded, Steps(maze), near=REACH, reach=REACH)
    return Configured(sampled, PointMass(maze), Steps(maze), RULES, surprising=0.1)


def test_after_a_surprise_it_searches_from_scratch_for_a_while_and_what_came_before_counts_no_more():
    course, found = decide(Course(least=2.0, waited=9), 2.0, 3.0, 1.0, RULES)
    assert (found.way, found.surprised, course.wary, course.waited) == (AFRESH, True, 2, 0)
    assert "3.0 times" in found.why
    course, found = decide(course, 2.0, 0.1, 1.0, RULES)
    assert (found.way, found.surprised, course.wary) == (AFRESH, False, 1)
    found = decide(course, 2.0, 0.1, 1.0, RULES)[1]
    assert found.way == ONWARD and "2 steps to go" in found.why
    assert not decide(Course(), 2.0, 1e9, math.inf, RULES)[1].surprised, "where errors are not known, nothing surprises"


def test_what_comes_no_nearer_is_given_up_for_good_and_it_says_so():
    course = Course()
    for step in range(11):
        course, found = decide(course, 20.0, 0.1, 1.0, RULES)
        assert found.way == (REST if step == 10 else ONWARD)
    assert "given up: no nearer than 20 steps in 10 steps" in found.why
    assert decide(course, 1.0, 0.1, 1.0, RULES)[1].way == REST


def test_it_reaches_what_the_planner_that_it_configures_reaches(maze, planner):
    assert play(planner, PointMass(maze), *far_pairs(maze, 4), steps=100).success.all()


def test_who_has_given_up_holds_still_and_says_why(maze, planner):
    start, goals = far_pairs(maze, 2)
    unmoved = Configured(planner.planner, planner.model, planner.distance, RULES, surprising=None)
    plan = unmoved(start, goals, None, generators(2))
    for step in range(11):  # it is held where it is
        plan = unmoved(start, goals, plan.actions, generators(2, seed=step), plan.memory)
    assert [one.way for one in plan.decided] == [REST, REST] and not plan.actions.any()


def test_a_push_is_noticed_at_the_next_plan_and_nothing_else_is(maze, planner):
    start, goals = far_pairs(maze, 3)
    plan = planner(start, goals, None, generators(3))
    for step in range(4):
        z = plan.imagined[:, 0].clone()
        if step == 2:
            z[1, 2:] += 1.0  # m/s
        plan = planner(z, goals, plan.actions, generators(3, seed=step), plan.memory)
        assert [one.surprised for one in plan.decided] == [False, step == 2, False]


def test_an_environment_is_configured_as_if_it_were_alone(maze, planner):
    start, goals = far_pairs(maze, 3)
    together = planner(start, goals, None, generators(3))
    for row in range(3):
        alone = planner(start[row, None], goals[row, None], None, [generators(3)[row]])
        assert torch.equal(alone.actions[0], together.actions[row])
        assert alone.decided[0] == together.decided[row]
