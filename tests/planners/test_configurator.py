"""The configurator: its rules one by one, and that a batch changes none of them."""

import math

import pytest
import torch
from torch import Tensor

from planners.configurator import (
    ACTOR,
    AFRESH,
    FLAT,
    LANDMARKS,
    ONWARD,
    REST,
    STILL,
    Configured,
    ConfigureSettings,
    Course,
    choose,
    decide,
)
from planners.energies import TemporalDistance
from planners.flat import Flat
from planners.interface import Plan
from planners.intrinsic import Intrinsic
from planners.subgoals.sampled import Sampled
from tests.planners.closed_loop import REACH, SEARCH, far_pairs, flat_by_distance, generators, play
from tests.planners.point_mass import MEDIUM, Maze, PointMass, Steps

RULES = ConfigureSettings(alarm=2.0, wary=2, give_up=10, far=2.0, arrived=1.0, standstill=0.5, shortest=3, late=1.5)
EVERY = (FLAT, STILL, LANDMARKS, ACTOR)


class Pushing:
    """A policy: always to the right."""

    horizon = 1

    def __call__(self, z: Tensor, target: Tensor, start: Tensor | None, generators, memory=None) -> Plan:
        actions = torch.tensor([1.0, 0.0]).expand(len(z), 1, -1)
        return Plan(actions, z[:, None], z.new_zeros(len(z)), target, 0, torch.full((len(z),), -1))


class Clock:
    """Shows `step` s more at every look."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(scope="module")
def maze() -> Maze:
    return Maze(MEDIUM)


def configured(maze: Maze, surprising: float | None = 0.1, **more) -> Configured:
    flat = flat_by_distance(maze, Steps(maze))
    recorded = maze.sample(800, torch.Generator().manual_seed(0))
    sampled = Sampled(flat, recorded, Steps(maze), near=REACH, reach=REACH)
    model, energy = PointMass(maze), TemporalDistance(Steps(maze))
    still = Flat(model, energy, SEARCH, flat.horizon, Intrinsic(effort=RULES.standstill))
    planners = {FLAT: flat, STILL: still, LANDMARKS: sampled} | more.pop("also", {})
    return Configured(planners, model, Steps(maze), RULES, surprising, **more)


@pytest.fixture(scope="module")
def planner(maze: Maze) -> Configured:
    return configured(maze)


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


@pytest.mark.parametrize(
    ("before", "steps", "at_hand", "who"),
    [
        (FLAT, 16.1, EVERY, LANDMARKS),  # two horizons of 8
        (FLAT, 15.9, EVERY, FLAT),
        (LANDMARKS, 11.0, EVERY, LANDMARKS),  # no turning back for a little noise
        (LANDMARKS, 10.0, EVERY, FLAT),
        (FLAT, 99.0, (FLAT, STILL), FLAT),
        (FLAT, 1.0, EVERY, STILL),
        (FLAT, 1.0, (FLAT,), FLAT),
        (FLAT, math.nan, EVERY, FLAT),
    ],
)
def test_landmarks_lead_to_what_is_far_and_effort_counts_at_the_goal(before, steps, at_hand, who):
    assert choose(before, steps, at_hand, 8, 0.0, RULES)[0] == who


def test_near_the_goal_it_looks_less_far_ahead_but_never_less_than_it_is_told_to():
    ahead = [choose(FLAT, steps, (FLAT,), 8, 0.0, RULES)[1] for steps in (0.0, 1.2, 2.2, 4.0, 15.0, math.inf)]
    assert ahead == [3, 3, 5, 8, 8, 8]
    assert choose(FLAT, 20.0, EVERY, 8, 0.0, RULES)[1] == 8
    assert choose(FLAT, 0.5, EVERY, 2, 0.0, RULES)[1] == 2, "nor more than there is"


def test_a_policy_acts_where_a_search_of_so_many_steps_would_come_too_late():
    for steps, took, who in ((20.0, 0.19, ACTOR), (20.0, 0.18, LANDMARKS), (2.0, 0.19, FLAT), (2.0, 0.38, ACTOR)):
        found = choose(FLAT, steps, EVERY, 8, took, RULES)
        assert found[0] == who, "late is 1.5 times the time that a plan may take, of 8 or 4 steps"
    assert choose(FLAT, 20.0, (FLAT,), 8, 9.0, RULES)[0] == FLAT, "without a policy there is nothing else to do"
    assert "no time for a search" in choose(FLAT, 20.0, EVERY, 8, 9.0, RULES)[2]


def test_it_reaches_what_the_planner_that_it_configures_reaches(maze, planner):
    assert play(planner, PointMass(maze), *far_pairs(maze, 4), steps=100).success.all()


def test_who_has_given_up_holds_still_and_says_why(maze):
    start, goals = far_pairs(maze, 2)
    unmoved = configured(maze, surprising=None)
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


def near_and_far(maze: Maze) -> tuple[Tensor, Tensor]:
    """At the goal, near it, and far from it."""
    start, goals = far_pairs(maze, 3)
    start = start.clone()
    start[0] = goals[0]
    start[1, :2] = goals[1, :2] + torch.tensor([0.3, 0.0])
    return start, goals


def test_each_environment_is_planned_by_who_suits_its_distance_and_it_says_so(maze, planner):
    start, goals = near_and_far(maze)
    plan = planner(start, goals, None, generators(3))
    assert [one.planner for one in plan.decided] == [STILL, FLAT, LANDMARKS]
    assert [one.horizon for one in plan.decided][::2] == [3, 8]
    assert plan.actions.shape == (3, 8, 2) and not plan.actions[0, 3:].any(), (
        "past what it looked ahead, it does nothing"
    )
    assert torch.equal(plan.imagined[0, 3:], plan.imagined[0, 2].expand(5, -1))
    assert "arrived: effort counts, 3 steps ahead" in plan.decided[0].why and "by landmarks" in plan.decided[2].why
    assert not torch.equal(plan.target[2], goals[2]) and torch.equal(plan.target[:2], goals[:2])
    assert plan.decided[0].calls < plan.decided[2].calls


def test_effort_at_the_goal_makes_it_stand_stiller(maze, planner):
    start, goals = near_and_far(maze)
    plain = planner.planners[FLAT](start[:1], goals[:1], None, generators(1))
    calm = planner(start[:1], goals[:1], None, generators(1))
    assert calm.decided[0].planner == STILL
    assert calm.actions[0, 0].abs().sum() < plain.actions[0, 0].abs().sum()


def test_an_environment_is_configured_as_if_it_were_alone(maze, planner):
    start, goals = near_and_far(maze)
    together = planner(start, goals, None, generators(3))
    for row in range(3):
        alone = planner(start[row, None], goals[row, None], None, [generators(3)[row]])
        assert torch.equal(alone.actions[0], together.actions[row])
        assert torch.equal(alone.imagined[0], together.imagined[row])
        assert alone.decided[0] == together.decided[row]


def test_where_searches_come_too_late_a_policy_is_left_to_act(maze):
    start, goals = far_pairs(maze, 1)
    for step, who in ((0.2, ACTOR), (0.05, LANDMARKS)):  # s; a plan may take 0.1
        late = configured(maze, also={ACTOR: Pushing()}, milliseconds=100.0, clock=Clock(step))
        found = [late(start, goals, None, generators(1)) for _ in range(4)]
        assert [plan.decided[0].planner for plan in found] == [LANDMARKS] * 3 + [who], "three searches tell how long"
    plan = configured(maze, also={ACTOR: Pushing()})(start, goals, None, generators(1))
    assert plan.decided[0].planner == LANDMARKS, "without a deadline there is time"
    late = configured(maze, also={ACTOR: Pushing()}, milliseconds=100.0, clock=Clock(1.0))
    plans = [late(start, goals, None, generators(1)) for _ in range(4)]
    assert torch.equal(plans[-1].actions, torch.tensor([1.0, 0.0]).expand(1, 8, -1))
    model = PointMass(maze)
    torch.testing.assert_close(plans[-1].imagined[:, 0], model.step(start, torch.tensor([[1.0, 0.0]])))
