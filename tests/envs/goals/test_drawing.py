"""States that fulfil a partial goal: all do, they differ in what is free, and bodies stay apart."""

import numpy as np
import pytest

from envs.goals.drawing import fulfilling
from envs.goals.forms import around, goal_of
from envs.goals.record import GoalError, out_of_reach
from envs.registry import make_named


@pytest.mark.parametrize(
    ("name", "asked", "free"),
    [
        ("puck", "puck", "pusher"),
        ("reacher", "fingertip", "elbow"),
        ("arm", "palm", "joints"),
        ("pusht", "angle", "tee"),
    ],
)
def test_all_states_that_are_drawn_fulfil_it_and_differ_in_what_is_free(name: str, asked: str, free: str) -> None:
    world, rng = make_named(name), np.random.default_rng(0)
    pair = world.sample_pair(rng)
    regions = around(world, pair.goal, [asked])
    states = fulfilling(world, regions, 8, rng, pair.start)
    assert states.shape == (8, world.scene.state_dim)
    assert (out_of_reach(world.task.quantities, regions, states) <= 0).all()
    assert len(np.unique(world.quantities(states)[free].round(3), axis=0)) >= 2
    assert max(world.scene.overlap(state) for state in states) < 0.01
    np.testing.assert_array_equal(states, [world.scene.at_rest(state) for state in states])


def test_the_same_stream_draws_the_same_states_and_another_others() -> None:
    world = make_named("puck")
    regions = goal_of({"puck": (0.2, -0.1)}, world).regions
    one, same, other = (fulfilling(world, regions, 4, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_where_a_wall_is_no_state_is_made_up() -> None:
    world = make_named("umaze")
    inside = goal_of({"position": (2.0, 2.5)}, world)  # the wall that the U goes round
    with pytest.raises(GoalError, match="no state of world 'umaze' was found in which 'position' is as asked for"):
        fulfilling(world, inside.regions, 4, np.random.default_rng(0))
