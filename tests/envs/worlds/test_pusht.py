"""Push-T: how the T is pushed, and when its goal counts as reached."""

import numpy as np
import pytest

from envs.geometry.tee import PIXEL, clearances, corners, rotations
from envs.registry import make_named
from envs.world import World
from envs.worlds.pusht import ANGLE_TOLERANCE, COVERED, HALF, PUSHER, PushTTask

TASK = PushTTask()
GOAL = np.array([0.2, 0.0, 0.0, 0.1, 0.5, 0, 0, 0, 0, 0])


@pytest.fixture(scope="module")
def world() -> World:
    return make_named("pusht")


def at(pusher: tuple[float, float], pose: tuple[float, float, float]) -> np.ndarray:
    return np.array([*pusher, *pose, 0, 0, 0, 0, 0], np.float64)


def off(x: float = 0, y: float = 0, turn: float = 0, pusher: tuple[float, float] = (0, 0)) -> np.ndarray:
    """A state in which the T is that far from its place and angle in the goal, and the pusher from its own."""
    return GOAL + np.array([*pusher, x, y, turn, 0, 0, 0, 0, 0])


def held(world: World, state: np.ndarray, action: tuple[float, float], steps: int) -> np.ndarray:
    """The state after ``steps`` under one action."""
    world.set_state(state)
    for _ in range(steps):
        world.scene.step(np.array(action))
    return world.state()


def test_full_action_moves_the_pusher_by_40_pixels_a_step(world: World) -> None:
    first = held(world, at((-0.4, 0.4), (0.2, -0.2, 0)), (1.0, 0.0), 4)
    second = held(world, first, (1.0, 0.0), 1)
    assert second[0] - first[0] == pytest.approx(40 * PIXEL, rel=0.02)


def test_the_t_stops_as_soon_as_it_is_not_pushed(world: World) -> None:
    pushed = held(world, at((0, -0.2), (0, 0, 0)), (0.0, 1.0), 4)
    assert pushed[8] > 0.4  # m/s
    stopped = held(world, pushed, (0.0, -1.0), 1)
    assert stopped[3] - pushed[3] < 15 * PIXEL
    assert abs(stopped[8]) < 0.2 * pushed[8]
    assert np.abs(held(world, stopped, (0.0, -1.0), 3)[7:]).max() < 1e-3


def test_a_push_through_the_centroid_shifts_the_t_and_one_beside_it_turns_it(world: World) -> None:
    straight = held(world, at((0, -0.2), (0, 0, 0)), (0.0, 1.0), 5)
    assert straight[3] > 0.1
    assert abs(straight[4]) < 1e-6
    turned = held(world, at((0.1, -0.2), (0, 0, 0)), (0.0, 1.0), 5)
    assert turned[4] > 0.5
    assert held(world, at((-0.1, -0.2), (0, 0, 0)), (0.0, 1.0), 5)[4] == pytest.approx(-turned[4], abs=1e-6)


def test_pusher_and_t_hardly_sink_into_each_other_or_into_walls(world: World) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        world.set_state(world.sample_state(rng, moving=True))
        play = world.play(rng)
        for _ in range(60):
            world.scene.step(play.act(world.state()))
            state = world.state()
            assert clearances(state[:2], state[2:5]) > PUSHER - 5 * PIXEL
            assert np.abs(corners(state[2:5])).max() < HALF + 5 * PIXEL


def test_success_asks_for_the_place_and_the_angle_of_the_t() -> None:
    near = 19 * PIXEL
    assert TASK.success(off(near), GOAL)
    assert not TASK.success(off(near, near), GOAL)
    turn = 0.9 * ANGLE_TOLERANCE  # about the centroid, which moves the bar's edge by less than 20 pixels
    assert TASK.success(off(turn=turn), GOAL)
    assert TASK.success(off(turn=turn - 2 * np.pi), GOAL)
    assert not TASK.success(off(turn=1.1 * ANGLE_TOLERANCE), GOAL)


def test_success_counts_the_pushers_place_together_with_the_ts() -> None:
    part = 15 * PIXEL
    assert TASK.success(off(pusher=(part, 0)), GOAL)
    assert TASK.success(off(part), GOAL)
    assert not TASK.success(off(part, pusher=(part, 0)), GOAL)  # 21 pixels


def test_the_distance_is_the_ts_alone_and_the_larger_of_both_errors() -> None:
    assert TASK.distance(off(0, 0.07, pusher=(0.3, 0.3)), GOAL) == pytest.approx(0.07)
    assert TASK.distance(off(turn=np.pi), GOAL) == pytest.approx(np.pi / ANGLE_TOLERANCE * TASK.tolerance)


def test_coverage_is_one_at_the_goal_and_its_threshold_is_stricter_than_the_pose() -> None:
    assert TASK.coverage(off(pusher=(0.3, 0)), GOAL) == pytest.approx(1.0)
    assert TASK.coverage(off(turn=0.9 * ANGLE_TOLERANCE), GOAL) < 0.9 < COVERED


def test_in_a_goal_the_pusher_touches_the_t() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = TASK.sample_state(rng)
        goal = TASK.sample_goal(rng, start)
        assert 0 <= clearances(goal[:2], goal[2:5]) - PUSHER < PIXEL
        assert (goal[:2] - goal[2:4]) @ (start[2:4] - goal[2:4]) > -PIXEL
        assert np.abs(goal[:2]).max() <= HALF - PUSHER


def test_sampled_bodies_are_apart_and_inside_the_walls() -> None:
    rng = np.random.default_rng(0)
    states = np.stack([TASK.sample_state(rng, moving=True) for _ in range(100)])
    assert clearances(states[:, :2], states[:, 2:5]).min() >= PUSHER
    assert max(np.abs(corners(state[2:5])).max() for state in states) <= HALF
    assert np.ptp(states[:, 4]) > 6


def test_the_t_that_is_drawn_is_the_t_that_is_reckoned_with(world: World) -> None:
    state = at((-0.4, -0.4), (0.1, 0.05, 0.8))
    picture = world.frame(state=state, size=256).astype(int)
    orange = picture[..., 0] - picture[..., 2] > 100
    x, y = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    across = world.scene.view.extent / 256
    points = np.stack([x - 128, 128 - y], axis=-1) * across
    reckoned = clearances(points, np.broadcast_to(state[2:5], (256, 256, 3)))
    assert orange[reckoned == 0].mean() > 0.97
    assert not orange[reckoned > across].any()


def test_play_moves_the_t_in_most_episodes(world: World) -> None:
    rng, moved = np.random.default_rng(1), 0
    for _ in range(20):
        world.set_state(world.sample_state(rng))
        first, play = world.state(), world.play(rng)
        for _ in range(60):
            world.scene.step(play.act(world.state()))
        moved += TASK.distance(world.state(), first) > 0.04
    assert moved >= 15


def guided(state: np.ndarray, goal: np.ndarray) -> float:
    return float(TASK.guidance(state[None], goal)[0])


def aside(state: np.ndarray, x: float) -> np.ndarray:
    """The same with T and pusher further along x."""
    return state + np.array([x, 0, x, 0, 0, 0, 0, 0, 0, 0])


def test_the_pushers_home_counts_only_when_the_t_is_there() -> None:
    elsewhere = off(pusher=(-0.4, 0.3))[:2]
    other_home = GOAL.copy()
    other_home[:2] = elsewhere
    away = off(x=0.06)
    assert guided(away, GOAL) == pytest.approx(guided(away, other_home)), "one and a half tolerances away"
    assert guided(GOAL, GOAL) < guided(off(pusher=(0.1, 0)), GOAL) < guided(off(pusher=(0.2, 0)), GOAL)


def test_to_have_brought_the_t_there_is_better_than_not_wherever_the_pusher_is() -> None:
    rng = np.random.default_rng(0)
    states = np.stack([TASK.sample_state(rng) for _ in range(200)])
    there = states.copy()
    there[:, 2:5] = GOAL[2:5]
    away = there + np.array([0, 0, 0.05, 0, 0, 0, 0, 0, 0, 0])
    assert (TASK.guidance(there, GOAL) < TASK.guidance(away, GOAL)).all()


def test_the_pusher_is_drawn_behind_the_t_and_the_long_way_round_counts() -> None:
    goal = at((0, 0.3), (0, 0.2, 0))  # the T has to go along y
    behind, beside, ahead = (at(pusher, (0, 0, 0)) for pusher in ((0, -0.15), (0.2, 0), (0, 0.3)))
    assert guided(behind, goal) < guided(beside, goal) < guided(ahead, goal)
    # In the corner of bar and stem: near the bar's edge as the crow flies, and far from it on foot.
    inner = at((0.06, 0.01), (0, 0, 0))
    straight = np.hypot(*(inner[:2] - behind[:2]))
    outer = at((0, -0.15 - straight), (0, 0, 0))
    assert guided(outer, goal) < guided(inner, goal)


def test_a_place_without_room_for_the_pusher_helps_as_little_as_a_push_into_the_wall() -> None:
    # The T's bar, 0.24 m wide, has to go along x: pushed from the left, where there is no room beside the left wall.
    state, goal = at((0, -0.2), (0, 0, 0)), at((0.3, 0), (0.1, 0, 0))
    assert guided(aside(state, -0.1), aside(goal, -0.1)) == pytest.approx(guided(state, goal)), "far from walls"
    shift = -(HALF - 0.12 - PUSHER)
    assert guided(aside(state, shift), aside(goal, shift)) > guided(state, goal) + 0.01
    # Here the T has to turn, and there is room all along the bar; but turning drives its end into the right wall.
    state, goal = at((0.05, -0.2), (0, 0, 0)), at((0, 0.3), (0, 0, 0.5))
    shift = HALF - 0.12
    assert guided(aside(state, shift), aside(goal, shift)) > guided(state, goal) + 0.01


def turned(state: np.ndarray, angle: float) -> np.ndarray:
    """The same, all of it turned about the middle of the square."""
    places = state[:4].reshape(2, 2) @ rotations(np.array(angle)).T
    return at(tuple(places[0]), (*places[1], state[4] + angle))


def test_guidance_is_the_same_when_all_is_turned() -> None:
    """By a quarter turn anywhere, for the walls are a square; by any angle where the walls are far."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        start = TASK.sample_state(rng)
        goal = TASK.sample_goal(rng, start)
        assert guided(turned(start, np.pi / 2), turned(goal, np.pi / 2)) == pytest.approx(guided(start, goal), abs=1e-6)
    start, goal = at((0.1, -0.15), (0, 0, 0.4)), at((0, 0.3), (0.05, 0.1, 1.5))
    for angle in (0.5, 2.0, -1.0):
        assert guided(turned(start, angle), turned(goal, angle)) == pytest.approx(guided(start, goal), abs=1e-6)
