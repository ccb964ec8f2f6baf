"""Pusher and puck: how they move, what a goal shows, and what counts as reaching it."""

import numpy as np
import pytest

from envs.registry import make_named
from envs.world import World
from envs.worlds.puck import HALF, PUCK, PUSHER, PuckTask

TASK = PuckTask()
TOUCH = PUSHER + PUCK


@pytest.fixture(scope="module")
def world() -> World:
    return make_named("puck")


def at(
    pusher: tuple[float, float], puck: tuple[float, float], velocity: tuple[float, ...] = (0, 0, 0, 0)
) -> np.ndarray:
    return np.array([*pusher, *puck, *velocity], np.float64)


def held(world: World, state: np.ndarray, action: tuple[float, float], steps: int) -> np.ndarray:
    """States ``(steps + 1, S)`` under one action."""
    world.set_state(state)
    states = [state]
    for _ in range(steps):
        world.scene.step(np.array(action))
        states.append(world.state())
    return np.stack(states)


def test_the_pusher_reaches_a_metre_a_second_with_visible_momentum(world: World) -> None:
    speed = held(world, at((-0.6, 0), (0, 0.6)), (1.0, 0.0), 10)[:, 4]
    assert speed[-1] == pytest.approx(1.0, abs=0.05)
    assert np.argmax(speed > 0.63) in (2, 3)  # control steps of 0.1 s: the time constant, s
    coasting = held(world, at((-0.6, 0), (0, 0.6), (1, 0, 0, 0)), (0.0, 0.0), 10)
    assert 0.2 < coasting[-1, 0] + 0.6 < 0.3  # m


def test_the_puck_glides_on_after_a_push_and_comes_to_rest(world: World) -> None:
    states = held(world, at((0.6, 0.6), (-0.5, 0), (0, 0, 0.7, 0)), (0.0, 0.0), 30)
    assert states[-1, 2] + 0.5 == pytest.approx(0.7 / 3, abs=0.02)
    assert np.abs(states[-1, 6:]).max() < 1e-3


def test_a_push_through_the_centre_drives_the_puck_straight(world: World) -> None:
    states = held(world, at((-0.5, 0), (-0.25, 0)), (1.0, 0.0), 8)
    assert states[-1, 2] > 0
    assert np.abs(states[:, 3]).max() < 1e-9


def test_a_push_beside_the_centre_drives_the_puck_aside(world: World) -> None:
    states = held(world, at((-0.5, 0.1), (-0.25, 0)), (1.0, 0.0), 8)
    assert states[-1, 3] < -0.05


def test_pusher_puck_and_walls_hardly_sink_into_each_other(world: World) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        world.set_state(world.sample_state(rng, moving=True))
        play = world.play(rng)
        for _ in range(60):
            world.scene.step(play.act(world.state()))
            state = world.state()
            assert np.hypot(*(state[:2] - state[2:4])) > TOUCH - 0.02
            assert np.abs(state[:2]).max() < HALF - PUSHER + 0.02
            assert np.abs(state[2:4]).max() < HALF - PUCK + 0.02


def test_a_puck_in_a_corner_can_be_pushed_out_of_it(world: World) -> None:
    corner = HALF - PUCK
    states = held(world, at((corner - 0.3, HALF - PUSHER), (corner, corner)), (1.0, 1.0), 20)
    assert states[-1, 3] < corner - 0.15


def test_distance_and_success_are_the_pucks_alone() -> None:
    assert TASK.distance(at((0.5, 0.5), (0.1, 0)), at((-0.5, 0), (0, 0))) == pytest.approx(0.1)
    assert TASK.success(at((0.5, 0.5), (0.07, 0)), at((-0.5, 0), (0, 0)))
    assert not TASK.success(at((-0.5, 0), (0.06, 0.06)), at((-0.5, 0), (0, 0)))


def test_in_a_goal_the_pusher_touches_the_puck_on_the_side_from_which_it_came() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = TASK.sample_state(rng)
        goal = TASK.sample_goal(rng, start)
        assert np.hypot(*(goal[:2] - goal[2:4])) == pytest.approx(TOUCH)
        assert (goal[:2] - goal[2:4]) @ (start[2:4] - goal[2:4]) >= 0
        assert np.abs(goal[:2]).max() <= HALF - PUSHER


def test_sampled_bodies_are_apart_and_inside_the_walls() -> None:
    rng = np.random.default_rng(0)
    states = np.stack([TASK.sample_state(rng, moving=True) for _ in range(200)])
    assert np.linalg.norm(states[:, :2] - states[:, 2:4], axis=1).min() >= TOUCH
    assert np.abs(states[:, :2]).max() <= HALF - PUSHER
    assert np.abs(states[:, 2:4]).max() <= HALF - PUCK
    assert np.abs(states[:, 2:4]).max() > 0.9 * (HALF - PUCK)


def test_a_pusher_behind_the_puck_is_better_placed_than_one_in_front() -> None:
    goal = at((0.3, 0), (0.5, 0))
    behind, before = TASK.guidance(np.stack([at((-0.2, 0), (0, 0)), at((0.2, 0), (0, 0))]), goal)
    assert behind == pytest.approx(0.5)
    assert before > behind + 0.1


def test_play_moves_the_puck_in_most_episodes(world: World) -> None:
    rng, moved = np.random.default_rng(1), 0
    for _ in range(20):
        world.set_state(world.sample_state(rng))
        first, play = world.state(), world.play(rng)
        for _ in range(60):
            world.scene.step(play.act(world.state()))
        moved += np.hypot(*(world.state()[2:4] - first[2:4])) > 0.05
    assert moved >= 15


def test_pusher_and_puck_are_at_least_five_pixels_wide(world: World) -> None:
    frame = world.frame(state=at((-0.3, 0), (0.3, 0))).astype(int)
    assert (frame[..., 2] - frame[..., 0] > 100).any(axis=0).sum() >= 5
    assert (frame[..., 0] - frame[..., 2] > 100).any(axis=0).sum() >= 8
