"""The hand and the cube: what each action does, how a grip holds, and what random play brings about."""

import mujoco
import numpy as np
import pytest

from envs.geometry.robot import GRIP, OPENING, places
from envs.registry import make_named
from envs.world import World
from envs.worlds.cube import HALF, TOP_SPEED, CubeTask, held, laid, sight_of

TASK = CubeTask()
HAND, CUBE = np.array([-0.48, 0.0, 0.18]), np.array([-0.45, 0.2, HALF])


@pytest.fixture(scope="module")
def world() -> World:
    return make_named("cube")


def after(world: World, state: np.ndarray, *actions: tuple[list[float], int]) -> np.ndarray:
    """The state after each of ``actions``, held for its number of control steps."""
    world.set_state(state)
    for action, steps in actions:
        for _ in range(steps):
            world.scene.step(np.array(action))
    return world.state()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_first_three_actions_move_the_hand_along_one_axis_each(world: World, axis: int, sign: int) -> None:
    start, action = laid(HAND, 0.1, 0.05, CUBE, 0.0), [0.0] * 5
    action[axis] = sign
    way = sight_of(after(world, start, (action, 3))).grip - HAND
    assert way[axis] * sign == pytest.approx(0.3 * TOP_SPEED, rel=0.25)  # less the time that it takes to get going
    assert np.abs(np.delete(way, axis)).max() < 0.01


def test_the_fourth_action_turns_the_hand_and_leaves_it_where_it_is(world: World) -> None:
    state = after(world, laid(HAND, -0.3, 0.05, CUBE, 0.0), ([0, 0, 0, 1.0, 0], 3))
    assert state[0] - state[4] > 0.0
    assert np.abs(sight_of(state).grip - HAND).max() < 0.01


def test_the_hand_always_points_down(world: World) -> None:
    rng = np.random.default_rng(0)
    world.set_state(world.sample_state(rng))
    for _ in range(60):
        world.scene.step(rng.uniform(-1, 1, 5))
        assert world.state()[1:4].sum() == pytest.approx(np.pi, abs=0.05)


def test_the_fifth_action_opens_and_closes_both_fingers(world: World) -> None:
    start = laid(HAND, 0.0, 0.03, CUBE, 0.0)
    np.testing.assert_allclose(after(world, start, ([0, 0, 0, 0, 1.0], 8))[5:7], OPENING, atol=2e-3)
    np.testing.assert_allclose(after(world, start, ([0, 0, 0, 0, -1.0], 8))[5:7], 0.0, atol=2e-3)


def test_a_grip_holds_without_being_renewed_and_lets_go_when_opened(world: World) -> None:
    start = held(np.array([-0.48, 0.0, 0.15]), 0.2)
    carried = after(world, start, ([0] * 5, 10), ([0, 1.0, 0.3, 0, 0], 5))
    assert np.linalg.norm(sight_of(carried).cube - sight_of(carried).grip) < 0.01
    assert sight_of(carried).cube[1] > 0.1
    dropped = after(world, carried, ([0, 0, 0, 0, 1.0], 15))
    assert dropped[9] == pytest.approx(HALF, abs=3e-3)


def test_a_closed_hand_pushes_the_cube_along_the_table(world: World) -> None:
    start = laid(np.array([-0.45, 0.0, 0.04]), 0.0, 0.0, np.array([-0.45, 0.12, HALF]), 0.0)
    pushed = sight_of(after(world, start, ([0, 1.0, 0, 0, 0], 6))).cube
    assert pushed[1] > 0.17
    assert pushed[2] == pytest.approx(HALF, abs=5e-3)


def test_only_the_cube_counts() -> None:
    goal = held(np.array([-0.5, 0.1, 0.1]), 0.0)
    other = laid(HAND, 0.0, 0.05, np.array([-0.5, 0.1, 0.1]), 0.3)
    assert TASK.success(other, goal)
    assert TASK.distance(laid(HAND, 0.0, 0.05, CUBE, 0.0), goal) == pytest.approx(
        np.linalg.norm(CUBE - [-0.5, 0.1, 0.1])
    )


def test_sampled_states_touch_only_what_they_hold_or_lie_on(world: World) -> None:
    rng, model = np.random.default_rng(0), world.scene.models["train"]
    data = mujoco.MjData(model)
    for _ in range(100):
        data.qpos[:] = world.sample_state(rng)[: model.nq]
        mujoco.mj_forward(model, data)
        assert all(contact.dist > -1e-3 for contact in data.contact[: data.ncon])


def test_goals_are_on_the_table_and_above_it_with_the_cube_in_the_hand() -> None:
    rng, start = np.random.default_rng(0), laid(HAND, 0.0, 0.05, CUBE, 0.0)
    goals = np.stack([TASK.sample_goal(rng, start) for _ in range(60)])
    heights = goals[:, 9]
    assert 15 < (heights == HALF).sum() < 45
    assert heights.max() > 0.15
    np.testing.assert_allclose(sight_of(goals).grip, goals[:, 7:10], atol=0.01)


def test_random_play_moves_the_cube_in_most_episodes_and_lifts_it_in_many(world: World) -> None:
    moved, lifted, episodes = 0, 0, 30
    for episode in range(episodes):
        rng = np.random.default_rng([1, episode])
        state = laid(HAND, 0.0, 0.05, np.array([-0.45, rng.uniform(-0.2, 0.2), HALF]), 0.3)
        world.set_state(state)
        play, way = world.play(rng), [state[7:10]]
        for _ in range(60):
            world.scene.step(play.act(world.state()))
            way.append(world.state()[7:10])
        moved += np.linalg.norm(np.array(way) - way[0], axis=1).max() > 0.02
        lifted += np.array(way)[:, 2].max() > HALF + 0.025
    assert moved / episodes > 0.7
    assert lifted / episodes > 0.3


def test_the_place_between_the_fingers_is_where_the_simulator_has_it(world: World) -> None:
    state = world.sample_state(np.random.default_rng(4))
    angles = np.zeros(7)
    angles[[0, 1, 3, 5, 6]] = state[:5]
    np.testing.assert_allclose(sight_of(state).grip, places(angles).along(GRIP))


def test_at_rest_nothing_moves_and_the_hand_goes_on_holding(world: World) -> None:
    model, state = world.scene.models["train"], np.arange(1.0, world.scene.state_dim + 1)
    still = world.scene.at_rest(state)
    positions, moving = model.nq, model.nq + model.nv
    assert model.na == 1 and len(state) == moving + 1
    assert np.array_equal(still[:positions], state[:positions]) and not still[positions:moving].any()
    assert still[-1] == state[-1], "where the fingers are asked to be"
    assert state[positions] != 0, "the state itself is left alone"
