"""A slower clock: actions repeated for several control steps of the world, the camera looking once in that time."""

import math

import numpy as np
import pytest
import torch

import envs
from housecat.players.truth import oracle_path


@pytest.mark.parametrize("name", sorted(envs.WORLDS))
def test_a_long_step_ends_where_as_many_short_ones_with_the_same_action_end(name: str) -> None:
    short = envs.make_world({**envs.WORLDS[name], "frame_size": 16})
    long = envs.make_world({**envs.WORLDS[name], "frame_size": 16, "action_repeat": 3})
    rng = np.random.default_rng(0)
    start = short.task.sample_state(rng, moving=True)
    short.set_state(start)
    long.set_state(start)
    for _ in range(4):
        action = rng.uniform(-1, 1, short.action_space.shape)
        imagined = long.scene.imagine(long.state(), action[None, None])[0, 0]
        long.step(action)
        for _ in range(3):
            short.step(action)
        np.testing.assert_array_equal(long.state(), short.state())
        np.testing.assert_array_equal(long.frame(), short.frame())
        np.testing.assert_allclose(imagined, short.state(), atol=1e-9)
    assert long.dt == pytest.approx(3 * short.dt)
    assert long.task.speed == pytest.approx(3 * short.task.speed)
    assert long.max_steps == math.ceil(short.max_steps / 3)


def test_random_play_keeps_its_own_pace_so_that_its_directions_last_as_many_seconds() -> None:
    short, long = (envs.make_world({**envs.WORLDS["reacher"], **slow}) for slow in ({}, {"action_repeat": 4}))
    every, held = (world.play(np.random.default_rng(5)) for world in (short, long))
    state = short.task.sample_state(np.random.default_rng(0))
    actions = np.stack([every.act(state) for _ in range(40)])
    np.testing.assert_array_equal(np.stack([held.act(state) for _ in range(10)]), actions[::4])


def test_goals_are_as_far_as_before_and_in_reach_of_the_oracle() -> None:
    short, long = (envs.make_world({**envs.WORLDS["umaze"], **slow}) for slow in ({}, {"action_repeat": 4}))
    near, far = (world.sample_pair(np.random.default_rng(3)) for world in (long, short))
    np.testing.assert_array_equal(near.goal, far.goal)
    assert near.steps == pytest.approx(far.steps / 4)
    path, reached = oracle_path(long, near.start, near.goal, torch.Generator().manual_seed(1))
    assert reached and near.steps <= len(path) - 1 <= long.max_steps


@pytest.mark.parametrize("action_repeat", [0, 21, 2.0, True, "4"])
def test_what_is_no_number_of_steps_is_refused(action_repeat: object) -> None:
    with pytest.raises(ValueError, match=r"action_repeat is .*, expected a whole number"):
        envs.make_world({**envs.WORLDS["reacher"], "action_repeat": action_repeat})
