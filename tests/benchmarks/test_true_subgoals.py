"""True subgoals lie on the way and within reach, and whoever follows them exactly arrives."""

import numpy as np
import pytest

from benchmarks.true_subgoals import next_on, way_to
from envs import WORLDS, make_world
from envs.world import World


@pytest.fixture(scope="module")
def medium() -> World:
    return make_world(WORLDS["medium"])


def test_a_subgoal_is_within_reach_and_hardly_off_the_shortest_way(medium: World) -> None:
    rng, task = np.random.default_rng(0), medium.task
    for _ in range(8):
        pair = medium.sample_pair(rng, 4.0)
        subgoal = next_on(task, way_to(task, pair.goal, rng), pair.start, reach=1.5)
        assert task.distance(pair.start, subgoal) <= 1.5
        detour = task.distance(pair.start, subgoal) + task.distance(subgoal, pair.goal)
        assert detour < pair.distance + 0.8
        assert task.distance(subgoal, pair.goal) < pair.distance - 0.7


def test_going_from_subgoal_to_subgoal_leads_to_the_goal_itself(medium: World) -> None:
    rng, task = np.random.default_rng(1), medium.task
    pair = medium.sample_pair(rng, 5.0)
    way, here, gone = way_to(task, pair.goal, rng), pair.start, 0.0
    for _ in range(20):
        onward = next_on(task, way, here, reach=1.5)
        gone += task.distance(here, onward)
        here = onward
    assert np.array_equal(here, pair.goal)
    assert gone < 1.4 * pair.distance


def test_where_nothing_is_within_reach_the_nearest_place_is_taken(medium: World) -> None:
    rng, task = np.random.default_rng(2), medium.task
    pair = medium.sample_pair(rng, 5.0)
    way = way_to(task, pair.goal, rng)
    subgoal = next_on(task, way, pair.start, reach=1e-6)
    assert task.distance(pair.start, subgoal) == task.distances(way.places, pair.start).min()
