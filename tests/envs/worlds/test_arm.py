"""The arm that reaches: how fast it turns, what it may touch, and what counts as reaching."""

import mujoco
import numpy as np
import pytest

from envs.geometry.robot import GRIP, JOINTS, places
from envs.registry import make_named
from envs.worlds.arm import TOLERANCE, TOP_SPEED, ArmTask

TASK = ArmTask()
BENT = np.array([0.0, 0.3, 0.0, 1.2, 0.0, 0.5, 0.0])


def posture(**angles: float) -> np.ndarray:
    state = np.concatenate([BENT, np.zeros(7)])
    for name, angle in angles.items():
        state[[joint.name for joint in JOINTS].index(name)] = angle
    return state


def test_only_the_place_of_the_palm_counts() -> None:
    assert TASK.success(posture(hand_roll=1.2), posture())
    assert not TASK.success(posture(turn=0.5), posture())
    across = -TASK.located(posture())[0]
    assert TASK.distance(posture(turn=0.2), posture()) == pytest.approx(2 * across * np.sin(0.1))


def test_success_is_a_matter_of_the_tolerance() -> None:
    across = -TASK.located(posture())[0]
    within, beyond = (2 * np.arcsin(share * TOLERANCE / (2 * across)) for share in (0.98, 1.02))
    assert TASK.success(posture(turn=within), posture())
    assert not TASK.success(posture(turn=beyond), posture())


@pytest.mark.parametrize("joint", range(7))
def test_each_joint_reaches_top_speed_whatever_hangs_on_it(joint: int) -> None:
    world = make_named("arm")
    world.set_state(posture())
    action, speeds = np.zeros(7), []
    action[joint] = -1.0 if BENT[joint] > 1 else 1.0
    for _ in range(7):
        world.scene.step(action)
        speeds.append(abs(world.state()[7 + joint]))
    assert max(speeds) == pytest.approx(TOP_SPEED, rel=0.15)


def test_the_arm_does_not_sink_under_its_weight() -> None:
    world = make_named("arm")
    world.set_state(posture())
    for _ in range(30):
        world.scene.step(np.zeros(7))
    np.testing.assert_allclose(world.state()[:7], BENT, atol=1e-6)


def test_the_fingers_do_not_go_through_the_table() -> None:
    world = make_named("arm")
    world.set_state(posture(shoulder=0.6, elbow=1.4, wrist=1.1))
    for _ in range(30):
        world.scene.step(np.array([0, 1.0, 0, 0, 0, 0, 0]))
    assert -0.02 < places(world.state()[:7]).along(GRIP + 0.02)[2] < 0.05


def test_sampled_postures_touch_nothing() -> None:
    world, rng = make_named("arm"), np.random.default_rng(0)
    model = world.scene.models["train"]
    data = mujoco.MjData(model)
    for _ in range(100):
        data.qpos[:] = world.sample_state(rng)[:7]
        mujoco.mj_forward(model, data)
        assert data.ncon == 0
        assert (data.qpos >= model.jnt_range[:, 0]).all() and (data.qpos <= model.jnt_range[:, 1]).all()


def test_the_hand_is_seen_in_nearly_every_posture() -> None:
    world, rng, seen = make_named("arm"), np.random.default_rng(1), 0
    for _ in range(50):
        state = world.sample_state(rng)
        x, y = world.pixels(world.located(state), "train", 128)
        pixel = world.frame(state=state, size=128)[int(y), int(x)].astype(int)
        seen += pixel[0] - pixel[2] > 60
    assert seen >= 45
