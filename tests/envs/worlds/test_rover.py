"""The robot on two wheels: how it rolls and turns, and that its heading can be seen."""

import numpy as np
import pytest

from envs.registry import make_named
from envs.world import World
from envs.worlds.mazes import parse_layout
from envs.worlds.rover import RADIUS, ROOMS, TOP_SPEED, TRACK


@pytest.fixture(scope="module")
def world() -> World:
    return make_named("rover")


def pose(x: float, y: float, heading: float = 0.0) -> np.ndarray:
    return np.array([x, y, 0.0, heading, *np.zeros(8)])


def driven(world: World, start: np.ndarray, action: tuple[float, float], steps: int) -> np.ndarray:
    """States ``(steps + 1, S)`` under a constant action."""
    world.set_state(start)
    states = [start]
    for _ in range(steps):
        world.scene.step(np.array(action))
        states.append(world.state())
    return np.stack(states)


def test_equal_wheels_go_straight_where_it_heads_and_get_up_to_speed_with_inertia(world: World) -> None:
    states = driven(world, pose(1.8, 1.6, np.pi / 2), (1.0, 1.0), 12)
    np.testing.assert_allclose(states[:, [0, 3]], [[1.8, np.pi / 2]] * 13, atol=1e-6)
    speeds = states[:, 7]
    assert speeds[-1] == pytest.approx(TOP_SPEED, rel=0.05)
    assert speeds[3] == pytest.approx(TOP_SPEED * (1 - np.exp(-1)), rel=0.1)  # after one time constant, 0.3 s


def test_opposite_wheels_turn_it_on_the_spot_to_the_left(world: World) -> None:
    states = driven(world, pose(2.5, 2.5), (-1.0, 1.0), 20)
    assert states[-1, 9] == pytest.approx(2 * TOP_SPEED / TRACK, rel=0.05)
    assert np.hypot(*(states[:, :2] - [2.5, 2.5]).T).max() < 0.01


def test_unequal_wheels_drive_the_circle_that_their_speeds_ask_for(world: World) -> None:
    states = driven(world, pose(2.5, 1.9), (0.2, 0.6), 20)
    assert world.task.space.clearance(states[:, :2]).min() > RADIUS
    speed = np.hypot(states[-1, 6], states[-1, 7])
    assert speed / states[-1, 9] == pytest.approx(TRACK / 2 * (0.6 + 0.2) / (0.6 - 0.2), rel=0.03)


def test_the_wheels_do_not_slip_sideways(world: World) -> None:
    rng = np.random.default_rng(0)
    play, sideways, ahead = world.play(rng), [], []
    world.set_state(pose(2.5, 2.5))
    for _ in range(150):
        world.scene.step(play.act(world.state()))
        state = world.state()
        if world.task.space.clearance(state[None, :2])[0] < RADIUS + 0.02:  # a wall may push it
            world.set_state(pose(2.5, 2.5, state[3]))
            continue
        # Place follows velocity by a simulation step, in which the robot turns: the heading half a step ago counts.
        cosine, sine = np.cos(state[3] - state[9] * 0.01), np.sin(state[3] - state[9] * 0.01)
        ahead.append(cosine * state[6] + sine * state[7])
        sideways.append(cosine * state[7] - sine * state[6])
    assert np.abs(ahead).max() > 0.8
    assert np.abs(sideways).max() < 0.03


def test_friction_stops_a_push_sideways_and_lets_it_roll_ahead(world: World) -> None:
    ahead, sideways = pose(2.5, 2.5), pose(2.5, 2.5)
    ahead[[6, 10, 11]] = 0.5, 0.5 / 0.15, 0.5 / 0.15
    sideways[7] = 0.5
    assert np.hypot(*driven(world, sideways, (0.0, 0.0), 1)[1, 6:8]) < 0.01
    assert driven(world, ahead, (0.0, 0.0), 1)[1, 6] == pytest.approx(0.5 * np.exp(-1 / 3), rel=0.1)


def test_any_heading_will_do_at_the_goal(world: World) -> None:
    assert world.success(pose(2.0, 2.0, 3.0), pose(2.1, 2.2, 0.0))
    assert not world.success(pose(2.0, 2.0), pose(2.26, 2.0))
    assert world.distance(pose(2.0, 2.0, 3.0), pose(2.0, 2.0)) == 0.0


def test_the_rooms_below_are_joined_by_those_above_only(world: World) -> None:
    assert world.distance(pose(3.5, 1.5), pose(5.5, 1.5)) > 10.0


def test_random_play_visits_every_room_and_runs_into_walls_without_entering_them(world: World) -> None:
    rng = np.random.default_rng(0)
    visited, touched, deepest = set(), 0, RADIUS
    for _ in range(30):
        world.set_state(world.sample_state(rng, moving=True))
        play, clearances = world.play(rng), []
        for _ in range(60):
            world.scene.step(play.act(world.state()))
            x, y = world.state()[:2]
            visited.add((int(x), int(y)))
            clearances.append(float(world.task.space.clearance(np.array([[x, y]]))[0]))
        deepest = min(deepest, *clearances)
        touched += min(clearances) < RADIUS
    assert touched > 12
    assert RADIUS - 0.03 < deepest < RADIUS
    assert len(visited) > 0.8 * (~parse_layout("\n".join(ROOMS))).sum()


@pytest.mark.parametrize("heading", np.arange(8) * np.pi / 4 + 0.2)
def test_the_heading_is_read_from_a_training_frame(world: World, heading: float) -> None:
    frame = world.frame(state=pose(2.5, 2.6, heading)).astype(float)
    x, y = world.pixels(np.array([2.5, 2.6]), "train", 64)
    blue = np.maximum(frame[..., 2] - frame[..., 0] - 40.0, 0.0)  # walls are a greyer blue
    rows, columns = np.mgrid[:64, :64] + 0.5
    towards = np.arctan2(-(blue * (rows - y)).sum(), (blue * (columns - x)).sum())
    assert abs(np.angle(np.exp(1j * (towards - heading)))) < 0.25
