"""Worlds of others keep what our own worlds keep: one of dm_control, one of Gymnasium, one from an MJCF file."""

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import envs
from envs.data.collect import record_episode
from envs.outside.description import outside_spec
from envs.outside.task import OutsideTask
from envs.world import World
from tests.contracts.test_worlds import (  # noqa: F401  (collected here with the worlds of this file)
    test_a_picture_of_another_state_leaves_the_simulation_alone,
    test_a_range_without_pairs_is_refused_in_one_line,
    test_a_state_that_is_set_is_read_back_exactly,
    test_actions_beyond_the_bounds_act_like_the_bounds,
    test_default_pairs_begin_several_tolerances_from_the_goal,
    test_distances_are_zero_at_the_goal_and_the_same_both_ways,
    test_frames_are_64_pixels_and_peoples_pictures_256,
    test_imagining_actions_is_what_stepping_does_and_moves_nothing,
    test_misuse_is_refused_with_what_was_expected,
    test_pairs_are_unsolved_at_rest_and_inside_the_range_of_distances,
    test_random_play_seldom_reaches_the_goal,
    test_the_description_survives_json_and_builds_the_same_world,
    test_the_future_depends_on_the_state_and_the_actions_alone,
    test_the_goal_is_not_drawn_in_training_frames,
    test_what_reset_is_not_told_it_samples_unsolved,
    test_without_a_goal_an_episode_ends_by_time_alone,
)

HOPPER = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "hopper.xml"
SOURCES = {
    "dm_control": ("dm_control/cheetah/run", None),
    "gymnasium": ("gymnasium/Pusher-v5", None),
    "mjcf": ("hopper", HOPPER),
}


@pytest.fixture(scope="module", params=SOURCES)
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "dm_control":
        pytest.importorskip("dm_control")
    if request.param == "gymnasium":
        pytest.importorskip("imageio")
    return envs.make_world(outside_spec(*SOURCES[request.param]))


def test_described_again_it_is_the_same_to_the_last_digit(world: World) -> None:
    path = world.spec_dict.get("path")
    assert outside_spec(world.name, path) == json.loads(json.dumps(world.spec_dict))


def test_a_control_step_lasts_long_enough_to_be_planned_with(world: World) -> None:
    assert 0.04 - 1e-9 <= world.dt <= 0.1


def test_starts_move_when_asked_to(world: World) -> None:
    rng = np.random.default_rng(0)
    speeds = [np.abs(world.quantities(world.sample_state(rng, moving=True))["velocity"]).max() for _ in range(8)]
    assert np.median(speeds) > 0.01


def test_no_control_step_of_random_play_covers_much_more_than_top_speed(world: World) -> None:
    play, state = world.play(np.random.default_rng(5)), world.sample_state(np.random.default_rng(5))
    world.set_state(state)
    covered = []
    for _ in range(100):
        before = world.state()
        world.scene.step(play.act(before))
        covered.append(world.distance(before, world.state()))
    assert 0.1 * world.task.speed < max(covered) <= 2 * world.task.speed


def test_the_actions_that_led_somewhere_reach_it_as_a_goal_and_end_the_episode(world: World) -> None:
    start, play = world.sample_state(np.random.default_rng(1)), world.play(np.random.default_rng(1))
    world.set_state(start)
    actions, passed = [], [start]
    while not world.distance(start, passed[-1]) > world.task.nearest:
        assert len(actions) < 200
        actions.append(play.act(passed[-1]))
        world.scene.step(actions[-1])
        passed.append(world.state())
    world.reset(options={"start": start, "goal": passed[-1]})
    outcomes = []
    for action in actions:
        _, reward, terminated, truncated, info = world.step(action)
        outcomes.append((reward, terminated, truncated, info["success"]))
        if terminated or truncated:
            break
    assert outcomes[-1] == (1.0, True, False, True)
    assert set(outcomes[:-1]) <= {(0.0, False, False, False)}


def test_frames_of_different_states_differ(world: World) -> None:
    rng = np.random.default_rng(0)
    frames = [world.frame(state=world.sample_state(rng)).astype(int) for _ in range(4)]
    assert all(np.abs(frames[0] - other).max() > 30 for other in frames[1:])


def test_starts_and_goals_are_of_held_out_play_in_which_no_recording_begins(world: World) -> None:
    positions = world.scene.models["train"].nq
    task = world.task
    assert isinstance(task, OutsideTask)
    begun = {state[:positions].tobytes() for state in task._states}
    rng = np.random.default_rng(0)
    for _ in range(20):
        pair = world.sample_pair(rng)
        assert pair.start[:positions].tobytes() not in begun
        assert world.sample_state(rng)[:positions].tobytes() not in begun
        assert world.sample_state(rng, moving=True)[:positions].tobytes() in begun
    assert record_episode(world, 0, 0, 1).states[0][:positions].tobytes() in begun
