"""What every world keeps, registered members all."""

import json
import warnings
from collections.abc import Callable

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import envs
from envs import IDS
from envs.quantities import measured
from envs.registry import make_named
from envs.world import World
from housecat.players.truth import oracle_path

NAMES = sorted(envs.WORLDS)


@pytest.fixture(scope="module", params=NAMES)
def world(request: pytest.FixtureRequest) -> World:
    return make_named(request.param)


def rolled(world: World, actions: int = 8, seed: int = 3) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames and states of an episode begun with ``seed``."""
    frame, _ = world.reset(seed=seed)
    frames, states = [frame], [world.state()]
    rng = np.random.default_rng(seed)
    for _ in range(actions):
        frame, *_ = world.step(rng.uniform(-1, 1, world.action_space.shape))
        frames.append(frame)
        states.append(world.state())
    return frames, states


@pytest.mark.parametrize("name", NAMES)
def test_gymnasiums_checker_has_nothing_to_say(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(IDS[name], render_mode="rgb_array").unwrapped)


def test_frames_are_64_pixels_and_peoples_pictures_256(world: World) -> None:
    frame, _ = world.reset(seed=0)
    assert frame.shape == (64, 64, 3)
    assert frame.dtype == np.uint8
    assert world.observation_space.contains(frame)
    assert world.render().shape == (256, 256, 3)
    assert world.frame("people", size=100).shape == (100, 100, 3)
    assert world.frame("train", size=96).shape == (96, 96, 3)


def test_the_same_seed_gives_the_same_episode_bit_for_bit(world: World) -> None:
    first, second = rolled(world), rolled(make_named(world.name))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(np.stack(one), np.stack(other))
    assert any((a != b).any() for a, b in zip(first[1], rolled(world, seed=4)[1], strict=True))


def test_the_description_survives_json_and_builds_the_same_world(world: World) -> None:
    again = envs.make_world(json.loads(json.dumps(world.spec_dict)))
    np.testing.assert_array_equal(rolled(world)[0], rolled(again)[0])


def test_a_state_that_is_set_is_read_back_exactly(world: World) -> None:
    state = world.sample_state(np.random.default_rng(0), moving=True)
    world.set_state(state)
    np.testing.assert_array_equal(world.state(), state)


def test_the_future_depends_on_the_state_and_the_actions_alone(world: World) -> None:
    play, actions = world.play(np.random.default_rng(1)), []
    world.set_state(world.sample_state(np.random.default_rng(2), moving=True))
    states = [world.state()]
    for _ in range(120):  # long enough to run into walls, limits and objects
        actions.append(play.act(states[-1]))
        world.scene.step(actions[-1])
        states.append(world.state())
    for again in range(0, 120, 7):
        world.set_state(states[again])
        for action, expected in zip(actions[again : again + 10], states[again + 1 : again + 11], strict=False):
            world.scene.step(action)
            np.testing.assert_array_equal(world.state(), expected)


def test_imagining_actions_is_what_stepping_does_and_moves_nothing(world: World) -> None:
    world.set_state(world.sample_state(np.random.default_rng(2), moving=True))
    before = world.state()
    actions = np.random.default_rng(3).uniform(-1, 1, (2, 12, *world.action_space.shape))
    imagined = world.scene.imagine(before, actions)
    np.testing.assert_array_equal(world.state(), before)
    for step, action in enumerate(actions[1]):
        world.step(action)
        np.testing.assert_allclose(world.state(), imagined[1, step], atol=1e-12)


def test_a_picture_of_another_state_leaves_the_simulation_alone(world: World) -> None:
    world.reset(seed=1)
    before, other = world.state(), world.sample_state(np.random.default_rng(5))
    picture = world.frame(state=other)
    np.testing.assert_array_equal(world.state(), before)
    world.set_state(other)
    np.testing.assert_array_equal(world.frame(), picture)


def test_pairs_are_unsolved_at_rest_and_inside_the_range_of_distances(world: World) -> None:
    rng = np.random.default_rng(0)
    low = world.task.nearest
    for least, most in ((low, np.inf), (low, low * 1.3), (low * 1.5, low * 2), (0.0, 1.5 * world.tolerance)):
        for _ in range(5):
            pair = world.sample_pair(rng, least, most)
            assert least <= pair.distance < most
            assert pair.distance == pytest.approx(world.distance(pair.start, pair.goal))
            assert pair.steps == pytest.approx(world.steps(pair.start, pair.goal))
            assert not world.success(pair.start, pair.goal)
            for state in (pair.start, pair.goal):
                moves = [one.name for one in world.task.quantities if "/s" in one.unit or one.name == "velocity"]
                assert moves and not np.concatenate([world.quantities(state)[name] for name in moves]).any()


def test_default_pairs_begin_several_tolerances_from_the_goal(world: World) -> None:
    rng = np.random.default_rng(1)
    assert min(world.sample_pair(rng).distance for _ in range(20)) >= 3 * world.tolerance


def test_a_range_without_pairs_is_refused_in_one_line(world: World) -> None:
    with pytest.raises(ValueError, match="no goal at least 1000 ") as caught:
        world.sample_pair(np.random.default_rng(0), 1000.0)
    assert "\n" not in str(caught.value)


def test_distances_are_zero_at_the_goal_and_the_same_both_ways(world: World) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        one, other = world.sample_state(rng), world.sample_state(rng)
        assert world.distance(one, one) == pytest.approx(0.0, abs=1e-9)
        assert world.distance(one, other) == pytest.approx(world.distance(other, one))


def test_no_control_step_covers_more_than_top_speed_allows(world: World) -> None:
    rng = np.random.default_rng(0)
    world.set_state(world.sample_state(rng))
    play, covered = world.play(rng), []
    for _ in range(200):
        before = world.state()
        world.step(play.act(before))
        covered.append(driven(world, before, world.state()))
    axes = world.located(world.state()).shape[-1]  # what is driven along each axis also moves diagonally
    fastest = world.task.speed * (np.sqrt(axes) if world.unit == "m" else 1.1)
    assert 0.5 * world.task.speed < max(covered) <= fastest


def driven(world: World, before: np.ndarray, after: np.ndarray) -> float:
    """How far what is driven has gone; objects that others move may fall or be thrown, which nothing limits."""
    was, now = world.quantities(before), world.quantities(after)
    for body in ("pusher", "hand"):
        if body in now:
            return float(np.linalg.norm(now[body] - was[body]))
    return world.distance(before, after)


def test_what_has_a_name_is_told_in_its_unit_within_the_range_and_is_the_same_after_a_full_turn(world: World) -> None:
    rng = np.random.default_rng(3)
    states = np.stack([world.sample_state(rng, moving=True) for _ in range(4)])
    values, turned = world.quantities(states), states.copy()
    assert set(world.ranges) == {one.name for one in world.task.quantities if one.tolerance is not None} != set()
    for one in world.task.quantities:
        assert values[one.name].shape == (4, len(world.quantities(states[0])[one.name]))
        if one.tolerance is not None:
            low, high = world.ranges[one.name]
            assert (low < high).all() and one.tolerance < (high - low).max()
        for number, turns in enumerate(np.broadcast_to(one.turns, values[one.name].shape[-1:])):
            if turns:
                index = int(np.flatnonzero((states == values[one.name][:, [number]]).all(axis=0))[0])
                turned[:, index] += 2 * np.pi
    for name, found in measured(world.task.quantities, turned).items():
        np.testing.assert_allclose(found, measured(world.task.quantities, states)[name], atol=1e-9)


def test_reaching_the_goal_ends_the_episode_with_reward_one(world: World) -> None:
    state = world.sample_state(np.random.default_rng(0))
    world.reset(seed=0, options={"start": state, "goal": state})
    _, reward, terminated, truncated, info = world.step(np.zeros(world.action_space.shape))
    assert (reward, terminated, truncated, info["success"]) == (1.0, True, False, True)
    assert info["distance"] <= world.tolerance


def test_without_a_goal_an_episode_ends_by_time_alone(world: World) -> None:
    world.reset(seed=0, options={"goal": None})
    for step in range(1, world.max_steps + 1):
        _, reward, terminated, truncated, info = world.step(np.zeros(world.action_space.shape))
        assert (reward, terminated, info["success"]) == (0.0, False, False)
        assert truncated == (step == world.max_steps)


def test_what_reset_is_not_told_it_samples_unsolved(world: World) -> None:
    state = world.sample_state(np.random.default_rng(0))
    _, info = world.reset(seed=0, options={"start": state})
    np.testing.assert_array_equal(info["state"], state)
    assert not info["success"]
    _, info = world.reset(options={"goal": state})
    np.testing.assert_array_equal(info["goal"], state)
    assert not info["success"]


def test_actions_beyond_the_bounds_act_like_the_bounds(world: World) -> None:
    state, ends = world.sample_state(np.random.default_rng(0)), []
    for size in (1.0, 7.0):
        world.set_state(state)
        world.step(np.full(world.action_space.shape, size))
        ends.append(world.state())
    np.testing.assert_array_equal(*ends)


def test_motion_of_a_fraction_of_a_pixel_changes_the_frame(world: World) -> None:
    rng = np.random.default_rng(0)
    metres = world.scene.view.extent / world.scene.frame_size * 0.3
    for _ in range(5):
        state = world.sample_state(rng)
        moved = state.copy()
        moved[0] += metres
        assert (world.frame(state=state) != world.frame(state=moved)).any()


def test_the_goal_is_not_drawn_in_training_frames(world: World) -> None:
    rng = np.random.default_rng(0)
    start, goals = world.sample_state(rng), [world.sample_state(rng), world.sample_state(rng), None]
    frames = [world.reset(options={"start": start, "goal": goal})[0] for goal in goals]
    assert all((frame == frames[0]).all() for frame in frames)


@pytest.mark.parametrize("camera", ["train", "people"])
def test_the_body_is_seen_where_it_is_said_to_be(world: World, camera: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        state = world.sample_state(rng)
        picture = world.frame(camera, state=state, size=128).astype(int)
        x, y = world.pixels(world.located(state), camera, 128)
        # Ball, fingertip, hand and cube are orange, and nothing else is.
        around = picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].reshape(-1, 3).mean(axis=0)
        assert around[0] - around[2] > 100
        orange = picture[..., 0] - picture[..., 2] > 60
        assert orange.mean() < 0.15


def test_the_oracle_solves_a_pair_in_time(world: World) -> None:
    rng = np.random.default_rng(0)
    pair = world.sample_pair(rng, high=1.5 * world.task.nearest)
    path, reached = oracle_path(world, pair.start, pair.goal, torch.Generator().manual_seed(0))
    assert reached
    assert len(path) - 1 <= 4 * pair.steps + 10


def test_random_play_seldom_reaches_the_goal(world: World) -> None:
    rng, solved, episodes = np.random.default_rng(7), 0, 80
    for _ in range(episodes):
        pair = world.sample_pair(rng)
        world.set_state(pair.start)
        play = world.play(rng)
        for _ in range(world.max_steps):
            world.scene.step(play.act(world.state()))
            if world.success(world.state(), pair.goal):
                solved += 1
                break
    assert solved / episodes <= 0.2  # the rate is at most a tenth; 80 episodes scatter about it


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (lambda world: world.frame("side"), "there is no camera 'side'"),
        (lambda world: world.set_state(np.zeros(99)), "a state of this world is {S} finite numbers"),
        (lambda world: world.set_state(world.state() + np.nan), "a state of this world is {S} finite numbers"),
        (lambda world: world.frame(state=np.zeros(99)), "a state of this world is {S} finite numbers"),
        (lambda world: world.step(np.zeros(99)), "an action is {A} numbers"),
        (lambda world: world.step(world.action_space.low + np.nan), "an action is {A} numbers"),
        (lambda world: world.reset(options={"target": None}), "unknown reset options"),
    ],
)
def test_misuse_is_refused_with_what_was_expected(
    world: World, misuse: Callable[[World], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message.format(S=world.scene.state_dim, A=world.scene.action_dim)):
        misuse(world)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"family": "hovercraft", "name": "mine", "frame_size": 64},
            "unknown family of worlds 'hovercraft': known are pointmaze, .*reacher",
        ),
        ({"family": "reacher", "name": "reacher"}, "lacks frame_size"),
        ({"family": "pointmaze", "name": "mine", "frame_size": 64}, "lacks layout"),
        ({"family": "reacher", "name": "reacher", "frame_size": 4}, "frame_size is 4, expected a whole number >= 16"),
        ({"family": "reacher", "name": "reacher", "frame_size": 64.0}, "frame_size is 64.0, expected a whole number"),
    ],
)
def test_descriptions_that_describe_nothing_are_refused(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        envs.make_world(spec)
