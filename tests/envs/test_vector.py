"""Worlds side by side: the same frames as one by one, and nothing that resets by itself."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs
from envs.world import World
from envs.worlds.mazes import maze_spec

SPEC = maze_spec("umaze", frame_size=32)


def options() -> list[dict[str, object]]:
    """Two far goals and, between them, one that is reached by the first step to the right."""
    far = {"start": np.array([1.5, 1.5, 0.0, 0.0]), "goal": np.array([1.5, 3.5, 0.0, 0.0])}
    near = {"start": np.array([1.5, 3.5, 0.0, 0.0]), "goal": np.array([1.77, 3.5, 0.0, 0.0])}
    return [far, near, {**far, "factors": {"mass": 2.0, "light": 0.6}}]


def test_side_by_side_worlds_do_what_they_do_alone() -> None:
    vector = envs.make_vector(SPEC, 3)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    alone: list[World] = [envs.make_world(SPEC) for _ in range(3)]
    frames, infos = vector.reset(seed=4, options=options())
    assert vector.observation_space.contains(frames)
    for i, world in enumerate(alone):
        frame, info = world.reset(seed=4 + i, options=options()[i])
        np.testing.assert_array_equal(frames[i], frame)
        np.testing.assert_array_equal(infos["goal"][i], info["goal"])
    rng = np.random.default_rng(0)
    for _ in range(5):
        actions = rng.uniform(-1, 0, (3, 2))  # to the left: nobody reaches the goal
        frames, rewards, reached, late, infos = vector.step(actions)
        for i, world in enumerate(alone):
            frame, reward, terminated, truncated, info = world.step(actions[i])
            np.testing.assert_array_equal(frames[i], frame)
            np.testing.assert_array_equal(infos["state"][i], info["state"])
            assert (rewards[i], reached[i], late[i]) == (reward, terminated, truncated)
    assert infos["factors"][2] == {"mass": 2.0, "light": 0.6} and infos["factors"][0] == {}


def test_a_goal_that_must_be_held_is_reached_after_so_many_steps_in_a_row() -> None:
    world, right, left = envs.make_world(SPEC), np.array([1.0, 0.0]), np.array([-1.0, 0.0])

    def play(hold: int, *actions: np.ndarray) -> list[bool]:
        world.reset(options={**options()[1], "hold": hold})
        return [world.step(action)[2] for action in actions]

    still = np.zeros(2)
    near = play(1, right, right, right, still, still, still)
    first = near.index(True)
    assert near[first : first + 3] == [True, True, True]
    assert play(3, right, right, right, still, still, still).index(True) == first + 2
    passed = play(1, *[right] * 14)
    assert True in passed and not passed[-1], "it goes through the goal and on"
    assert not any(play(sum(passed) + 1, *[right] * 14, *[left] * 2))


def test_a_world_at_its_goal_stays_there_until_it_is_reset() -> None:
    vector = envs.make_vector(SPEC, 3)
    vector.reset(seed=0, options=options())
    for _ in range(30):
        frames, _, reached, _, infos = vector.step(np.tile([1.0, 0.0], (3, 1)))
        if reached[1]:
            break
    assert reached.tolist() == [False, True, False]
    arrived, picture = infos["state"][1], frames[1]
    frames, rewards, reached, _, infos = vector.step(np.ones((3, 2)))
    np.testing.assert_array_equal(infos["state"][1], arrived)
    np.testing.assert_array_equal(frames[1], picture)
    assert reached[1] and rewards[1] == 0.0
    before = infos["state"][0]
    _, infos = vector.reset(options={"reset_mask": np.array([False, True, False])})
    np.testing.assert_array_equal(infos["state"][0], before)
    assert (infos["state"][1] != arrived).any()
    assert not vector.step(np.zeros((3, 2)))[2].any()


def test_time_that_is_up_is_said_and_ends_nothing() -> None:
    vector = envs.make_vector(SPEC, 2)
    vector.reset(seed=0, options={"goal": None})
    for step in range(1, vector.worlds[0].max_steps + 3):
        _, _, reached, late, infos = vector.step(np.zeros((2, 2)))
        assert not reached.any() and late.all() == late.any() == (step >= vector.worlds[0].max_steps)
    assert "goal" not in infos


def test_frames_that_were_handed_out_do_not_change_afterwards() -> None:
    vector = envs.make_vector(SPEC, 2)
    frames, _ = vector.reset(seed=0, options={"goal": None})
    kept = frames.copy()
    vector.step(np.ones((2, 2)))
    np.testing.assert_array_equal(frames, kept)


def test_a_wrong_number_of_worlds_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one"):
        envs.make_vector(SPEC, 0)
    with pytest.raises(ValueError, match="there are 2 worlds, got 2 seeds and 3 options"):
        envs.make_vector(SPEC, 2).reset(options=options())
