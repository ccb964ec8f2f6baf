"""The state in a picture: found where the world can look like that, refused where it cannot."""

import numpy as np
import pytest

from envs.goals.record import GoalError
from envs.goals.sight import state_seen
from envs.registry import make_named


def test_the_state_in_a_picture_is_found_well_within_the_tolerance() -> None:
    world, rng = make_named("puck"), np.random.default_rng(0)
    goals = [world.sample_pair(rng).goal for _ in range(2)]
    found = state_seen(world, np.stack([world.frame(state=goal) for goal in goals]), rng)
    for state, goal in zip(found, goals, strict=True):
        assert world.distance(state, goal) < world.tolerance / 4
        assert np.linalg.norm(state[:2] - goal[:2]) < world.tolerance / 4, "the pusher, too"


def test_a_picture_of_something_else_is_refused_with_what_to_do() -> None:
    world, rng = make_named("umaze"), np.random.default_rng(0)
    other = rng.integers(0, 255, (1, 64, 64, 3)).astype(np.uint8)
    with pytest.raises(GoalError, match=r"no state of world 'umaze' was found that looks .*: give goal.state"):
        state_seen(world, other, rng)
