"""The car: how it drives and steers, what parking asks for, and that its pose can be seen."""

import mujoco
import numpy as np
import pytest

from envs.registry import make_named
from envs.world import World
from envs.worlds.car import LOT, TOLERANCE, TOP_SPEED, TURNING_RADIUS, WHEELBASE, CarTask
from envs.worlds.mazes import parse_layout

TASK = CarTask(parse_layout("\n".join(LOT)))


@pytest.fixture(scope="module")
def world() -> World:
    return make_named("car")


def pose(x: float, y: float, heading: float = 0.0) -> np.ndarray:
    return np.array([x, y, 0.0, heading, *np.zeros(10)])


def driven(world: World, start: np.ndarray, action: tuple[float, float], steps: int) -> np.ndarray:
    """States ``(steps + 1, S)`` under a constant action: steering, throttle."""
    world.set_state(start)
    states = [start]
    for _ in range(steps):
        world.scene.step(np.array(action))
        states.append(world.state())
    return np.stack(states)


def touches_a_wall(world: World, state: np.ndarray) -> bool:
    model, data = world.scene.models["train"], mujoco.MjData(world.scene.models["train"])
    data.qpos[:] = state[: model.nq]
    mujoco.mj_forward(model, data)
    hull = model.geom("hull").id
    return any(hull in (contact.geom1, contact.geom2) for contact in data.contact[: data.ncon])


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_full_throttle_gets_it_up_to_speed_straight_on_forwards_and_in_reverse(world: World, way: float) -> None:
    states = driven(world, pose(5.0 - 3.0 * way, 5.0), (0.0, way), 26)
    np.testing.assert_allclose(states[:, [1, 3]], [[5.0, 0.0]] * 27, atol=1e-6)
    speeds = way * states[:, 7]
    assert speeds[5] == pytest.approx(TOP_SPEED * (1 - np.exp(-1)), rel=0.08)  # after one time constant, 0.5 s
    assert speeds[-1] == pytest.approx(TOP_SPEED, rel=0.03)


def test_without_throttle_it_coasts(world: World) -> None:
    fast = driven(world, pose(2.0, 5.0), (0.0, 1.0), 15)[-1]
    slower = driven(world, fast, (0.0, 0.0), 5)[-1]
    assert slower[7] / fast[7] == pytest.approx(np.exp(-1), rel=0.1)


@pytest.mark.parametrize(("steering", "throttle"), [(1.0, 0.6), (-1.0, 0.6), (1.0, -0.6)])
def test_at_full_lock_the_rear_axle_drives_its_turning_circle(world: World, steering: float, throttle: float) -> None:
    states = driven(world, pose(4.0, 4.6, 0.1), (steering, throttle), 12)
    cosine, sine = np.cos(states[:, 3]), np.sin(states[:, 3])
    rear = states[:, :2] - WHEELBASE / 2 * np.stack([cosine, sine], axis=1)
    way = np.hypot(*np.diff(rear[4:], axis=0).T).sum()
    turned = states[-1, 3] - states[4, 3]
    assert np.sign(turned) == np.sign(steering * throttle)
    assert way / abs(turned) == pytest.approx(TURNING_RADIUS, rel=0.04)


def test_steering_alone_moves_nothing(world: World) -> None:
    states = driven(world, pose(5.0, 5.0, 0.3), (1.0, 0.0), 10)
    assert states[-1, 5] == pytest.approx(0.6, abs=0.01)
    np.testing.assert_allclose(states[:, [0, 1, 3]], [[5.0, 5.0, 0.3]] * 11, atol=0.01)


def test_moving_samples_already_roll(world: World) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        state = world.sample_state(rng, moving=True)
        heading, turning = state[3], state[10]
        sideways = np.cos(heading) * state[8] - np.sin(heading) * state[7]
        assert sideways == pytest.approx(turning * WHEELBASE / 2)  # the rear axle does not slip
        assert turning * WHEELBASE == pytest.approx(state[11] * 0.16 * np.tan(state[5]))


def test_the_distance_is_the_larger_of_way_and_turn() -> None:
    assert TASK.distance(pose(5.0, 5.0), pose(4.0, 5.0, 0.1)) == pytest.approx(1.0)
    assert TASK.distance(pose(5.0, 5.0, 3.1), pose(4.9, 5.0, -3.1 + 1.0)) == pytest.approx(
        TURNING_RADIUS * (2 * np.pi - 6.2 + 1.0)
    )
    assert TASK.distance(pose(5.0, 5.0), pose(5.0, 8.0)) > 2 * np.hypot(1.5, 1.4)  # round the island


def test_success_asks_for_place_and_heading() -> None:
    lean = TOLERANCE / TURNING_RADIUS
    assert TASK.success(pose(5.0, 5.0, 0.9 * lean), pose(5.2, 5.2))
    assert not TASK.success(pose(5.0, 5.0, 1.1 * lean), pose(5.0, 5.0))
    assert not TASK.success(pose(5.0, 5.0), pose(5.31, 5.0))
    assert TASK.success(pose(5.0, 5.0, 2 * np.pi), pose(5.0, 5.0))


def test_guidance_knows_that_a_car_does_not_move_sideways() -> None:
    goal = pose(5.0, 5.0)
    beside, behind = pose(5.0, 4.2), pose(4.2, 5.0)
    guidance = TASK.guidance(np.stack([goal, behind, beside]), goal)
    assert guidance[0] == pytest.approx(0.0, abs=0.3)
    assert guidance[1] < 1.0
    assert guidance[2] > 2.0
    np.testing.assert_allclose(TASK.distances(np.stack([behind, beside]), goal), 0.8)


def test_sampled_cars_touch_no_wall_and_stand_in_every_bay_and_corridor(world: World) -> None:
    rng = np.random.default_rng(0)
    start = world.sample_state(rng)
    states = [world.sample_state(rng) for _ in range(300)] + [world.task.sample_goal(rng, start) for _ in range(100)]
    assert not any(touches_a_wall(world, state) for state in states)
    assert touches_a_wall(world, pose(1.5, 5.0))  # the test can tell
    places = {(int(x // 2.0), int(y // 2.0)) for x, y in np.stack(states)[:, :2]}
    assert len(places) >= 20


def test_a_quarter_of_the_goals_are_close_by_and_the_rest_anywhere() -> None:
    rng = np.random.default_rng(0)
    start = pose(5.0, 4.5)
    goals = np.stack([TASK.sample_goal(rng, start) for _ in range(400)])
    close = (np.abs(goals[:, :2] - start[:2]) <= 1.0).all(axis=1) & (np.abs(goals[:, 3]) <= 0.8)
    assert 0.15 < close.mean() < 0.35
    assert np.hypot(*(goals[~close][:, :2] - start[:2]).T).max() > 4.0


def test_random_play_drives_both_ways_and_collides_without_entering_walls(world: World) -> None:
    rng = np.random.default_rng(0)
    touched, speeds, visited, deepest = 0, [], set(), 1.0
    for _ in range(30):
        world.set_state(world.sample_state(rng, moving=True))
        play, touching = world.play(rng), False
        for _ in range(60):
            world.scene.step(play.act(world.state()))
            state = world.state()
            speeds.append(state[11] * 0.16)
            visited.add((int(state[0]), int(state[1])))
            touching |= touches_a_wall(world, state)
            deepest = min(deepest, float(TASK.space.clearance(state[None, :2])[0]))
        touched += touching
    assert touched > 15
    assert np.mean(np.array(speeds) > 0.3) > 0.2
    assert np.mean(np.array(speeds) < -0.3) > 0.2
    assert deepest > 0.38 - 0.04  # half its width
    assert len(visited) > 35


@pytest.mark.parametrize("heading", np.arange(8) * np.pi / 4 + 0.2)
def test_the_heading_is_read_from_a_training_frame(world: World, heading: float) -> None:
    frame = world.frame(state=pose(5.0, 4.6, heading)).astype(float)
    x, y = world.pixels(np.array([5.0, 4.6]), "train", 64)
    blue = np.maximum(frame[..., 2] - frame[..., 0] - 60.0, 0.0)  # the windscreen; walls are a greyer blue
    rows, columns = np.mgrid[:64, :64] + 0.5
    towards = np.arctan2(-(blue * (rows - y)).sum(), (blue * (columns - x)).sum())
    assert abs(np.angle(np.exp(1j * (towards - heading)))) < 0.2
